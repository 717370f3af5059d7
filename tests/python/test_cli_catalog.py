"""``honeyframe catalog`` as a user meets it: real processes, a real (embedded) broker, pipes and pseudo-terminals."""

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.python.command_line import COMMAND, environment, run, run_in_terminal, without_escapes
from tests.python.device_families import home, tasmota
from typer.testing import CliRunner

import honeyframe as hf
from honeyframe.cli.app import app
from honeyframe.cli.terminal import cells
from honeyframe.embedded_broker import EmbeddedBroker

pytest.importorskip("amqtt")

FAMILIES = (tasmota(), home())


@pytest.fixture(scope="module")
def uri() -> Iterator[str]:
    """A broker that keeps what two families of devices have published."""
    with EmbeddedBroker() as broker, hf.connect(broker.uri) as client:
        for family in FAMILIES:
            for one in family.messages:
                client.publish(one.topic, one.payload, retain=True, qos=1)
        yield broker.uri


def test_a_table_on_a_terminal(uri: str) -> None:
    code, screen = run_in_terminal("catalog", uri, "-W", "0.4", columns=80)
    assert code == 0
    text = without_escapes(screen).rpartition("\r")[2]
    assert "9 patterns, 19 topics" in text.replace("\n", " ")
    for family in FAMILIES:
        assert all(name[:30] in text for name in family.patterns)


def test_forty_columns_in_a_locale_without_utf8(uri: str) -> None:
    code, screen = run_in_terminal("catalog", uri, "-W", "0.4", columns=40, LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert code == 0
    lines = [line.rpartition("\r")[2] for line in without_escapes(screen).splitlines()]
    assert max(cells(line) for line in lines) <= 40
    assert "home/{room}/tem" in screen


def test_code_is_all_that_is_on_standard_output_and_a_saved_catalog_is_whole(uri: str, tmp_path: Path) -> None:
    target = tmp_path / "c.json"
    ran = run("catalog", uri, "home/{place}/#", "-W", "0.4", "--code", "--save", str(target))
    assert ran.returncode == 0
    assert ran.stderr.strip() == f"note: 4 patterns in {target}"
    assert ran.stdout.startswith("import time\n\nimport honeyframe as hf\n")
    compile(ran.stdout, "code", "exec")
    assert list(hf.load_catalog(target)) == [
        "home/{place}/door",
        *(f"home/{{place}}/{kind}" for kind in ("humidity", "light/state", "temperature")),
    ]


def test_ctrl_c_shows_what_came_by_then(uri: str) -> None:
    for seconds in (2, 6, 20):  # a busy machine may not have come so far
        process = subprocess.Popen(
            [*COMMAND, "catalog", uri, "-W", "60"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
        )
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
        out, error = process.communicate(timeout=10)
        assert process.returncode == 130, error
        assert "Traceback" not in error
        if "home/{room}/temperature" in out:
            return
    raise AssertionError(error)


def invoke(*arguments: str) -> Any:
    """In this process: what has to be no process of its own."""
    return CliRunner().invoke(app, ["catalog", *arguments], env={"COLUMNS": "100"})


def test_one_pattern_and_its_schema(uri: str) -> None:
    ran = invoke(uri, "home/#", "-W", "0.3", "--pattern", "home/{room}/humidity")
    assert (ran.exit_code, "value   int64" in ran.stdout) == (0, True)
    schema = invoke(uri, "home/#", "-W", "0.3", "--pattern", "home/{room}/humidity", "--json-schema")
    assert json.loads(schema.stdout)["type"] == "integer"
    schemas = invoke(uri, "home/#", "-W", "0.3", "--json-schema")
    assert json.loads(schemas.stdout)["home/{room}/light/state"]["type"] == "string"
    wrong = invoke(uri, "home/#", "-W", "0.3", "--pattern", "home/{room}/humidit")
    assert wrong.exit_code == 2
    assert "did you mean 'home/{room}/humidity'" in wrong.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["nobody/#", "-W", "0.2"], 3, "no message arrived on nobody/#"),
        (["-W", "soon"], 2, "--seconds is no duration"),
        (["a#", "-W", "1"], 2, "wildcard"),
        (["--save", "/nowhere/at/all.json"], 2, "there is no directory"),
        (["--save", "/"], 2, "that is a directory"),
        (["--code", "--json-schema"], 2, "one of them"),
        (["--max-topics", "0"], 2, "--max-topics"),
    ],
)
def test_bad_input_is_a_clear_sentence(uri: str, arguments: list[str], code: int, told: str) -> None:
    ran = invoke(uri, *arguments)
    assert ran.exit_code == code
    assert told in " ".join(ran.stderr.split())


def test_help() -> None:
    ran = invoke("--help")
    assert ran.exit_code == 0
    assert all(option in ran.stdout for option in ("--code", "--json-schema", "--save", "--pattern", "-W"))
    assert len(ran.stdout.splitlines()) <= 50
