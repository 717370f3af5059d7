"""Reading on the command line, when the broker ends the session for good."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from tests.brokers.packets import Disconnect, Publish
from tests.brokers.scripted import Connection, ScriptedBroker

from honeyframe.cli.app import app


def dismissing(rows: int) -> ScriptedBroker:
    """A broker that sends so many messages, and then ends the session for good."""

    async def serve_and_dismiss(c: Connection) -> None:
        await c.accept()
        await c.grant()
        for number in range(rows):
            await c.send(Publish(topic=f"plant/{number}", payload=b'{"n": %d}' % number))
        await asyncio.sleep(1.0)  # more than the age of a batch: the command has them in its hands
        await c.send(Disconnect(code=0x8E))

    return ScriptedBroker(serve_and_dismiss)


def run(*arguments: str) -> int:
    return int(app([*arguments, "--seconds", "30", "--protocol", "5.0"], standalone_mode=False))


def test_what_was_read_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "plant.jsonl"
    with dismissing(rows=7) as broker:
        assert run("read", broker.uri(), "plant/#", "-o", str(target)) == 1
    assert [json.loads(line)["n"] for line in target.read_text().splitlines()] == list(range(7))
    errors = capsys.readouterr().err
    assert f"7 rows in {target}" in errors
    assert "error: " in errors
    assert "0x8E" in errors


def test_what_was_read_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with dismissing(rows=7) as broker:
        assert run("read", broker.uri(), "plant/#") == 1
    assert "[7 rows x" in capsys.readouterr().out


def test_the_demo_shows_it_as_well(capsys: pytest.CaptureFixture[str]) -> None:
    with dismissing(rows=7) as broker:
        assert run("demo", "--uri", broker.uri()) == 1
    shown = capsys.readouterr().out
    assert "[7 rows x" in shown
    assert "Every message is accounted for" in shown


@pytest.mark.parametrize("command", ["read", "demo"])
def test_an_end_before_a_row_came_is_an_error_alone(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with dismissing(rows=0) as broker:
        assert run(*(["read", broker.uri(), "plant/#"] if command == "read" else ["demo", "--uri", broker.uri()])) == 1
    shown = capsys.readouterr()
    assert "0x8E" in shown.err
    assert "no message arrived" not in shown.err
