"""What somebody meets who tries things out: nothing but empty payloads, a bare command, files and directories that will not do."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from tests.brokers.mosquitto import Mosquitto
from tests.python.command_line import run

import honeyframe as hf

LOGIN: dict[str, Any] = {"username": "both", "password": "both-password"}


@pytest.mark.parametrize("words", [[], ["profile"], ["usage", "--help"]])
def test_a_bare_command_shows_its_help(words: list[str]) -> None:
    done = run(*words)
    assert "Usage: honeyframe" in done.stdout
    assert done.returncode == (0 if "--help" in words else 2)


def test_empty_payloads_alone_are_topics_and_frames(mosquitto: Mosquitto) -> None:
    with hf.connect(mosquitto.uri("mqtt", "127.0.0.1"), **LOGIN) as client:
        over = threading.Event()

        def send() -> None:
            while not over.wait(0.1):
                client.publish("gone/b", b"", qos=1)

        sender = threading.Thread(target=send)
        sender.start()
        try:
            catalog = client.catalog("gone/#", seconds=0.5)
            frames = hf.read_mqtt(topics="gone/#", client=client, seconds=0.5, split="topic")
        finally:
            over.set()
            sender.join()
    assert [pattern.messages > 0 for pattern in catalog.values()] == [True]
    assert [len(frame) > 0 for frame in frames.values()] == [True]


def test_a_csv_that_is_no_utf_8_is_a_sentence(mosquitto: Mosquitto, tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes(b"line,\xff\xfe\n1,2\n")
    done = run("pub", mosquitto.uri("mqtt", "127.0.0.1"), "-u", "both", "a/{line}", "--from", str(path), MQTT_PASSWORD="both-password")
    assert done.returncode == 2
    assert "cannot be read as CSV" in done.stderr
    assert "unexpected" not in done.stderr


def test_what_cannot_be_written_is_said_before_anything_is_read(tmp_path: Path) -> None:
    done = run("read", "mqtt://127.0.0.1:1", "a", "-o", "/proc/x.csv")
    assert done.returncode == 2
    assert "cannot be written" in " ".join(done.stderr.replace("│", " ").split())


@pytest.mark.parametrize("command", [["sub"], ["topics", "-W", "0.1"]])
def test_a_short_keepalive_shortens_the_wait_for_room(mosquitto: Mosquitto, command: list[str]) -> None:
    words = [*command, mosquitto.uri("mqtt", "127.0.0.1"), "-u", "both", "none/#", "-k", "5"]
    done = run(*words, *(["--exit-after", "0.2"] if command == ["sub"] else []), MQTT_PASSWORD="both-password")
    assert "block" not in done.stderr
    assert done.returncode == 3, done.stderr
