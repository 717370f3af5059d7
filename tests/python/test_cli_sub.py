"""``honeyframe sub``: processes, pipes, a terminal, and a broker."""

import csv
import errno
import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest
from tests.brokers.mosquitto import Mosquitto
from tests.python.command_line import COMMAND, Shell, environment, run, run_in_terminal, without_escapes

import honeyframe as hf
from honeyframe.cli.sub import _Reader

PASSWORD = {"MQTT_PASSWORD": "both-password"}
ODD = b"\xff\x1b[31m\x07"


@pytest.fixture(scope="module")
def kept(mosquitto: Mosquitto) -> Iterator[list[str]]:
    """How to reach a broker that keeps five messages below test/cli-sub."""
    messages: dict[str, Any] = {"a": {"x": 1, "s": "one"}, "b": {"x": 2.5}, "c": "plain", "d": ODD, "e": {"x": 3, "s": "=1+1"}}
    with hf.connect(mosquitto.uri("mqtt", "127.0.0.1"), username="both", password="both-password") as client:
        for name, payload in messages.items():
            client.publish(f"test/cli-sub/{name}", payload, qos=1, retain=True)
        yield ["-h", "127.0.0.1", "-p", mosquitto.uri("mqtt").rpartition(":")[2], "-u", "both"]
        for name in messages:
            client.publish(f"test/cli-sub/{name}", b"", qos=1, retain=True)


@pytest.fixture(autouse=True)
def _password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MQTT_PASSWORD", "both-password")


def lines(shell: Shell, *arguments: str, code: int = 0) -> list[str]:
    done = shell("sub", *arguments)
    assert done.code == code, done.err
    return done.out.splitlines()


def test_payloads_topics_and_formats(shell: Shell, kept: list[str]) -> None:
    assert lines(shell, *kept, "test/cli-sub/a", "-C", "1") == ['{"x":1,"s":"one"}']
    assert lines(shell, *kept, "-t", "test/cli-sub/a", "-t", "test/cli-sub/c", "-C", "2", "-v") == [
        'test/cli-sub/a {"x":1,"s":"one"}',
        "test/cli-sub/c plain",
    ]
    assert lines(shell, *kept, "test/cli-sub/c", "-C", "1", "-F", "%t|%q|%r|%l") == ["test/cli-sub/c|1|1|5"]
    assert lines(shell, *kept, "test/cli-sub/c", "-C", "1", "-q", "0", "-F", "%q") == ["0"]
    assert lines(shell, "-L", f"mqtt://both@127.0.0.1:{kept[3]}/test/cli-sub/c", "-C", "1", "-N") == ["plain"]


def test_json_lines(shell: Shell, kept: list[str]) -> None:
    found = {line["topic"][-1]: line for line in map(json.loads, lines(shell, *kept, "test/cli-sub/+", "-C", "5", "--json"))}
    assert {name: line.get("payload") for name, line in found.items()} == {
        "a": {"x": 1, "s": "one"},
        "b": {"x": 2.5},
        "c": "plain",
        "d": None,
        "e": {"x": 3, "s": "=1+1"},
    }
    assert found["d"]["payload_base64"] == "/xtbMzFtBw=="
    assert all(line["qos"] == 1 and line["retain"] is True and line["time"].endswith("Z") for line in found.values())


def test_csv_of_typed_columns(shell: Shell, kept: list[str]) -> None:
    done = shell("sub", *kept, "test/cli-sub/{name}", "-C", "3", "--csv", "--columns", "x,s")
    rows = {row["name"]: row for row in csv.DictReader(io.StringIO(done.out))}
    assert (rows["a"]["x"], rows["a"]["s"], rows["b"]["x"], rows["b"]["s"]) == ("1", "one", "2.5", "")


def test_a_table_in_a_terminal_of_40_columns(kept: list[str]) -> None:
    code, screen = run_in_terminal("sub", *kept, "test/cli-sub/{name}", "-W", "0.7", "--table", columns=40, **PASSWORD)
    assert code == 0, screen
    text = without_escapes(screen)
    assert "\x1b" not in text
    table = [line for line in text.splitlines() if line.startswith(("_topic", "test/"))]
    assert len(table) >= 5
    assert max(map(len, table)) <= 40


def test_how_it_ends(shell: Shell, kept: list[str]) -> None:
    done = shell("sub", *kept, "test/nothing", "-W", "0.3")
    assert (done.code, done.out) == (3, "")
    assert "no message arrived on test/nothing within 0.3 s, not even a retained one; the broker granted QoS 1" in done.err
    assert lines(shell, *kept, "test/cli-sub/a", "-W", "0.3", "-R", code=3) == []
    assert len(lines(shell, *kept, "test/cli-sub/+", "-W", "0.5", "--retained-only", "-F", "%t")) == 5
    before = time.monotonic()
    assert len(lines(shell, *kept, "test/cli-sub/+", "--exit-after", "0.3", "-F", "%t")) == 5
    assert time.monotonic() - before < 3
    done = shell("sub", *kept, "test/cli-sub/+", "-C", "9", "-W", "0.4", "-F", "%t")
    assert (done.code, done.err) == (3, "error: 5 of 9 came within 0.4 s\n")


def test_a_burst_comes_out_whole_and_ctrl_c_leaves_quietly(kept: list[str]) -> None:
    """In a pipe: each line is a message, and nothing is lost."""
    rows = 10_000
    command = [*COMMAND, "sub", *kept, "-t", "test/cli-sub/a", "-t", "test/cli-flood", "--json"]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(**PASSWORD)) as process,
        hf.connect(f"mqtt://127.0.0.1:{kept[3]}", username="both", password="both-password") as client,
    ):
        assert process.stdout is not None
        assert b"cli-sub/a" in process.stdout.readline()  # it is subscribed
        client.publish_many(pd.DataFrame({"n": range(rows), "text": "x" * 200}), "test/cli-flood", qos=1)
        lines = [process.stdout.readline() for _ in range(rows)]
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=10)
        assert (process.returncode, rest, errors) == (130, b"", b"")
    assert [json.loads(line)["payload"]["n"] for line in lines] == list(range(rows))


def test_bytes_are_raw_in_a_pipe_whose_reader_may_leave(kept: list[str]) -> None:
    """Of a pipe that is closed it learns without a further message."""
    command = [*COMMAND, "sub", *kept, "test/cli-sub/d"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(**PASSWORD)) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == ODD + b"\n"
        process.stdout.close()
        assert process.wait(10) == 0
        assert process.stderr.read() == b""


def test_hostile_bytes_are_spelled_out_on_a_terminal_and_ctrl_c_leaves_quietly(kept: list[str]) -> None:
    code, screen = run_in_terminal("sub", *kept, "test/cli-sub/d", keys=b"\x03", **PASSWORD)
    assert code == 130
    assert screen.replace("^C", "") == "\\xff\\x1b[31m\\x07\n"


def test_a_locale_without_utf8(kept: list[str]) -> None:
    with hf.connect(f"mqtt://127.0.0.1:{kept[3]}", username="both", password="both-password") as client:
        client.publish("test/cli-sub/ü", "grün", qos=1, retain=True)
        try:
            plain = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", **PASSWORD}
            piped = run("sub", *kept, "test/cli-sub/ü", "-C", "1", "-v", **plain)
            code, screen = run_in_terminal("sub", *kept, "test/cli-sub/ü", "-C", "1", "-v", **plain)
        finally:
            client.publish("test/cli-sub/ü", b"", qos=1, retain=True)
    assert piped.stdout == "test/cli-sub/ü grün\n"  # bytes as they came
    assert (code, screen) == (0, "test/cli-sub/\\xfc gr\\xfcn\n")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--json", "--csv"], "--csv and --json each say how"),
        (["--json", "--columns", "a"], "--columns goes with --csv and --table"),
        (["-F", "%z"], "'%z' is not known"),
        (["-R", "--retained-only"], "leave nothing to read"),
        (["-C", "0"], "--count"),
        (["-W", "soon"], "soon"),
        (["-q", "3"], "--qos"),
        (["-k", "often"], "--keepalive"),
        (["--csv", "--columns", ","], "--columns names no column"),
        (["-t", "a/#/b"], "a/#/b"),
        (["-V", "4"], "--protocol"),
        (["--ca-file", "/nonexistent"], "/nonexistent"),
    ],
)
def test_wrong_use_is_a_sentence_before_anything_is_connected(shell: Shell, arguments: list[str], told: str) -> None:
    done = shell("sub", "mqtts://me@127.0.0.1:1", "x", *arguments)
    assert (done.code, done.out) == (2, "")
    assert told in done.err
    assert "Traceback" not in done.err


def test_no_broker_at_all(shell: Shell) -> None:
    assert "which broker?" in shell("sub", "-t", "a").err
    assert "no TOPIC" in shell("sub", "mqtt://127.0.0.1:1").err
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    done = shell("sub", f"mqtt://me@127.0.0.1:{port}", "a")
    assert done.code == 1
    assert "127.0.0.1" in done.err


def test_a_reader_that_has_gone_has_the_systems_number(monkeypatch: pytest.MonkeyPatch) -> None:
    read, write = os.pipe()
    with os.fdopen(write, "w") as file:
        monkeypatch.setattr(sys, "stdout", file)
        reader = _Reader()
        reader.check()
        os.close(read)
        with pytest.raises(BrokenPipeError) as gone:
            reader.check()
    assert gone.value.errno == errno.EPIPE
