"""``honeyframe topics`` as a user meets it: real processes, a real broker, pipes and pseudo-terminals."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import typer.testing
from tests.brokers.client import Client
from tests.python.test_cli import run, run_in_terminal, without_escapes

from honeyframe.cli.app import app
from honeyframe.embedded_broker import EmbeddedBroker


@pytest.fixture(scope="module")
def uri() -> Iterator[str]:
    """A broker that keeps some messages, hostile ones among them: Mosquitto would refuse their topics."""
    kept = {f"cli/plant/{line}/temperature": f'{{"value":{20 + line},"unit":"\u00b0C"}}' for line in range(3)}
    kept |= {"cli/evil/\x1b[31mred": "\x1b]0;title\x07", "cli/[bold]markup[/]": "[red]x[/red]"}
    kept |= {"cli/\u6e29\u5ea6": "\u4e8c\u5341\u4e00\u5ea6" * 30}
    with EmbeddedBroker() as broker, Client(int(broker.uri.rsplit(":", 1)[1]), version=4) as client:  # ours would refuse to send it
        for topic, payload in kept.items():
            assert client.publish(topic, payload, qos=1, retain=True) == 0
        yield broker.uri


def test_a_plain_table_when_piped(uri: str) -> None:
    done = run("topics", "-W", "0.4", "cli/#", uri)
    assert done.returncode == 0, done.stderr
    header, *lines = done.stdout.splitlines()
    assert header.split() == ["topic", "messages", "rate", "bytes", "flags", "last", "payload"]
    assert len(lines) == 6
    assert "\x1b" not in done.stdout
    assert "\x07" not in done.stdout
    assert any(re.match(r"cli/plant/1/temperature +1 +0\.00 +\d+ +R +\{\"value\":21", line) for line in lines)
    assert "cli/[bold]markup[/]" in done.stdout
    assert "\\x1b[31mred" in done.stdout


def invoke(*arguments: str) -> Any:
    """The command in this process, which is quicker: nothing is a terminal."""
    return typer.testing.CliRunner().invoke(app, ["topics", *arguments])


def test_json_lines(uri: str) -> None:
    done = invoke(uri, "cli/plant/#", "-C", "3", "--json")
    assert done.exit_code == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["topic"] for row in rows] == [f"cli/plant/{line}/temperature" for line in range(3)]
    assert (rows[1]["messages"], rows[1]["retained"], rows[1]["json"], rows[1]["silent"]) == (1, True, True, None)
    assert rows[1]["first_seen"].endswith("Z")
    assert json.loads(rows[1]["last_payload"])["value"] == 21


def test_more_topics_than_places(uri: str) -> None:
    done = invoke(uri, "cli/#", "-W", "0.5", "--max-topics", "2")
    assert done.exit_code == 0
    assert len(done.stdout.splitlines()) == 3
    assert re.search(r"4 topics with \d+ messages found no place beside the 2 that are here: give it --max-topics", done.stderr)


@pytest.mark.parametrize(("columns", "locale"), [(100, "C.UTF-8"), (40, "C")])
def test_a_tree_on_a_terminal(uri: str, columns: int, locale: str) -> None:
    more = {"LC_ALL": locale, **({"PYTHONIOENCODING": "ascii"} if locale == "C" else {})}
    code, screen = run_in_terminal("topics", "-W", "1", "cli/#", uri, columns=columns, **more)
    assert code == 0, screen
    assert "\x1b]0;" not in screen
    assert "\x07" not in screen
    final = without_escapes(screen.rsplit("\x1b[2K", 1)[-1])
    assert "plant" in final
    assert "3 topics" in final
    assert "temperature" in final
    from rich.cells import cell_len

    assert max(map(cell_len, final.splitlines())) <= columns
    if locale == "C":
        assert final.isascii()


def test_ctrl_c_shows_what_there_is(uri: str) -> None:
    code, screen = run_in_terminal("topics", "-W", "30", "cli/#", uri, keys=b"\x03")
    assert code == 130
    assert "plant" in without_escapes(screen)


def test_nothing_there_and_wrong_usage(uri: str) -> None:
    silent = invoke(uri, "cli/nobody/#", "-W", "0.3")
    assert silent.exit_code == 3
    assert "no message arrived on 'cli/nobody/#'" in silent.stderr
    for arguments, told in (
        ([uri, "a#"], "wildcard"),
        ([uri, "mqtt://127.0.0.1:1"], "two addresses"),
        ([uri, "-W", "soon"], "--seconds"),
        ([uri, "-C", "0"], "-C"),
        ([uri, "$share/g/a"], "shared subscription"),
    ):
        wrong = invoke(*arguments)
        assert wrong.exit_code == 2, wrong.stderr
        assert told in wrong.stderr


def test_help_fits_a_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    text = invoke("--help").stdout
    assert len(text.splitlines()) <= 48
    for option in ("-W", "-C", "--max-topics", "--json"):
        assert option in text
