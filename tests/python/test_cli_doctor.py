"""``honeyframe doctor`` as a user meets it: real processes, a pseudo-terminal, a real broker."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.brokers.mosquitto import Mosquitto
from tests.python.command_line import Shell
from tests.python.test_cli import run, run_in_terminal

from honeyframe.profiles import Profile, ProfileWriter

CANARY = "c4n4ry-11d0"


def test_all_is_well_in_a_terminal(mosquitto: Mosquitto) -> None:
    code, screen = run_in_terminal(
        "doctor", mosquitto.uri(), "-u", "both", "-t", "test/a", "-t", "plant/#", columns=60, MQTT_PASSWORD="both-password"
    )
    assert code == 0, screen
    assert "all is well" in screen
    assert "\x1b[32mok" in screen  # colour
    assert "subscribe plant/#" in screen
    plain = [line for line in screen.replace("\x1b[0m", "").splitlines() if "\x1b" not in line]
    assert max(map(len, plain)) <= 60


def test_json_when_something_failed(mosquitto: Mosquitto) -> None:
    done = run("doctor", mosquitto.uri(), "-u", "nobody", "--json", MQTT_PASSWORD=CANARY)
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert told["ok"] is False
    assert told["causes"] == ["credential_refused"]
    assert CANARY not in done.stdout + done.stderr
    assert done.stderr == ""


def test_no_address_and_a_password_in_one(tmp_path: Path) -> None:
    done = run("doctor")
    assert done.returncode == 2
    assert "which broker?" in done.stderr
    done = run("doctor", f"mqtt://me:{CANARY}@127.0.0.1:1")
    assert done.returncode == 1
    assert "\x1b" not in done.stdout  # a pipe gets no colours
    assert "nothing listens" in done.stdout
    assert CANARY not in done.stdout + done.stderr


def test_the_password_of_a_proxy_warns_and_shows_nowhere(shell: Shell) -> None:
    done = shell("doctor", "wss://127.0.0.1:1", "--http-proxy", f"http://me:{CANARY}@127.0.0.1:1")
    assert done.code == 1
    assert done.err.startswith("warning: a password on the command line can be seen in the process list")
    assert CANARY not in done.out + done.err
    assert shell("doctor", "wss://127.0.0.1:1", "--http-proxy", "http://127.0.0.1:1").err == ""


@pytest.mark.usefixtures("profiles")
def test_a_keepalive_that_is_not_tried_is_told(shell: Shell) -> None:
    with ProfileWriter("work", replace=False) as writer:
        writer.write(Profile("work", "mqtt://127.0.0.1:1", {"keepalive": 5}))
    for arguments in (["work"], ["mqtt://127.0.0.1:1", "-k", "5"]):
        done = shell("doctor", *arguments)
        assert done.code == 1
        assert done.err.startswith("note: ")
        assert "keepalive" in done.err
        assert done.err.count("\n") == 1


def test_wrong_usage() -> None:
    def use(arguments: list[str]) -> None:
        done = run("doctor", "mqtt://127.0.0.1:1", *arguments)
        assert done.returncode == 2, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        assert done.stdout == ""

    with ThreadPoolExecutor() as workers:
        list(workers.map(use, [["--access", "read"], ["-t", "a/#/b"], ["--no-such-flag"], ["--protocol", "9"]]))


def test_help_fits_a_screen() -> None:
    done = run("doctor", "--help", COLUMNS="80")
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) <= 50
    assert max(map(len, done.stdout.splitlines())) <= 80
