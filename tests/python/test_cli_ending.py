"""How commands end: the sentence, the exit code, a traceback where it is asked for, and output that cannot be written."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.python.command_line import COMMAND, Shell, environment

import honeyframe as hf
from honeyframe.cli.ending import TRACEBACK_VARIABLE


def run_into_full(*arguments: str) -> tuple[int, str]:
    """Exit code and stderr of a command whose standard output takes nothing."""
    without = {name: value for name, value in environment().items() if name != "PYTHONUNBUFFERED"}
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run([*COMMAND, *arguments], stdout=full, stderr=subprocess.PIPE, env=without, timeout=40, check=False)
    return done.returncode, done.stderr.decode()


def place(access: dict[str, Any]) -> str:
    return str(access["uri"]).replace("//", f"//{access['username']}:{access['password']}@")


@contextlib.contextmanager
def kept(client: hf.Client, topic: str, payload: Any) -> Iterator[None]:
    """A retained message, for so long."""
    client.publish(topic, payload, qos=1, retain=True)
    yield
    client.publish(topic, b"", qos=1, retain=True)


@pytest.mark.parametrize(
    ("arguments", "code", "kind"),
    [
        (("sub", "mqtt://127.0.0.1:1", "a"), 1, "ConnectRefusedError"),
        (("pub", "mqtt://127.0.0.1:1", "a", "--from", "/no/file.csv"), 1, "FileNotFoundError"),
        (("sub", "mqtt://127.0.0.1:1", "a/#/b"), 2, "InvalidTopicFilterError"),
    ],
)
def test_a_traceback_where_it_is_asked_for(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], code: int, kind: str
) -> None:
    plain = shell(*arguments)
    monkeypatch.setenv(TRACEBACK_VARIABLE, "1")
    traced = shell(*arguments)
    assert (plain.code, traced.code) == (code, code)
    assert "Traceback" not in plain.err
    assert "Traceback (most recent call last)" in traced.err
    assert kind in traced.err
    assert traced.err.endswith(plain.err)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
class TestOutputThatIsFull:
    @pytest.mark.parametrize("arguments", [("--version",), ("simulate", "--example")])
    def test_text(self, arguments: tuple[str, ...]) -> None:
        assert run_into_full(*arguments) == (1, "error: standard output: No space left on device\n")

    @pytest.mark.parametrize("size", [10, 100_000])
    def test_messages(self, client: hf.Client, access: dict[str, Any], size: int) -> None:
        with kept(client, "ending/full", "x" * size):
            code, told = run_into_full("sub", place(access), "ending/full")
        assert code == 1
        assert told.splitlines()[-1] == "error: standard output: No space left on device"
        assert "Exception ignored" not in told

    def test_rows(self, client: hf.Client, access: dict[str, Any]) -> None:
        with kept(client, "ending/rows", {"n": 1}):
            code, told = run_into_full("read", place(access), "ending/rows", "-C", "1", "-W", "10", "-o", "-", "--format", "csv")
        assert (code, told.splitlines()[-1]) == (1, "error: standard output: No space left on device")


def test_ctrl_c_while_it_is_being_imported_is_quiet() -> None:
    """From the entry point's first line: what Python itself does before that is Python's."""
    code = """
import sys, threading
sys.argv = ["honeyframe", "--version"]
from honeyframe.__main__ import main
class Slow:
    def find_spec(self, name, path, target=None):
        if name == "typer":
            print("importing", flush=True)
            import time; time.sleep(20)
sys.meta_path.insert(0, Slow())
main()
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"importing\n"
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=10)
    assert (process.returncode, told) == (130, b"")


def test_ctrl_c_after_it_was_imported_is_the_commands() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        command = [*COMMAND, "sub", f"mqtt://127.0.0.1:{silent.getsockname()[1]}", "a"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()) as process:
            silent.settimeout(20)
            connection, _ = silent.accept()
            with connection:
                time.sleep(0.2)
                process.send_signal(signal.SIGINT)
                _, told = process.communicate(timeout=10)
    assert (process.returncode, told) == (130, b"")
