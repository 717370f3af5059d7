"""The command line as a user meets it: real processes, a real (embedded) broker, pipes and pseudo-terminals."""

import csv
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from tests.python.command_line import COMMAND, environment, run, run_in_terminal, without_escapes

import honeyframe as hf
from honeyframe.cli import output, terminal
from honeyframe.embedded_broker import EmbeddedBroker
from honeyframe.simulator import PlantSimulator

HEADINGS = ["Reading plant/{line}/{kind} from mqtt://127.0.0.1:", "Its dtypes", "Every message is accounted for", "The same in Python"]


@pytest.fixture(scope="module")
def plant() -> Iterator[str]:
    """The address of a broker to which a plant publishes."""
    with EmbeddedBroker() as broker, hf.connect(broker.uri) as client, PlantSimulator(client, rate=100):
        yield broker.uri


@pytest.fixture
def silent() -> Iterator[str]:
    with EmbeddedBroker() as broker:
        yield broker.uri


# demo ------------------------------------------------------------------------------------------------------------------------------------


def test_demo_prints_frame_dtypes_counters_and_what_next() -> None:
    done = run("demo", "--seconds", "3")
    assert done.returncode == 0, done.stderr
    positions = [done.stdout.index(heading) for heading in HEADINGS]
    assert positions == sorted(positions)
    assert re.search(r"\[\d+ rows x \d+ columns\]", done.stdout)
    for name, dtype in [
        ("temperature", "float64"),
        ("humidity", "float64"),
        ("device_id", "Int64"),
        ("running", "boolean"),
        ("location.bay", "Int64"),
        ("_recv_time", "datetime64[ns, UTC]"),
        ("_event_time", "datetime64[ns, UTC]"),
        ("_retain", "boolean"),
    ]:
        assert re.search(rf"^{re.escape(name)} +{re.escape(dtype)}$", done.stdout, re.MULTILINE), name
    # The plant goes on while the table is made: what has come since is queued, and counted so.
    assert (line := re.search(r"^received (\d+) = (delivered \d+(?: \+ queued \d+)? \+ quarantined 1)$", done.stdout, re.MULTILINE))
    assert int(line[1]) == sum(int(count) for count in re.findall(r"\d+", line[2]))
    assert re.search(r"^quarantined: plant/\d/telemetry: \w+: ", done.stdout, re.MULTILINE)
    assert "sensor fault" in done.stdout
    assert 'value(s) such as "N/A" were read as null' in done.stdout
    assert "hf.read_mqtt('mqtts://<cluster>.s1.eu.hivemq.cloud', 'plant/{line}/{kind}', seconds=10)" in done.stdout


def test_demo_is_plain_and_80_columns_wide_when_piped() -> None:
    done = run("demo", "--seconds", "2")
    assert "\x1b" not in done.stdout
    frame = done.stdout.split("Every message")[0]
    assert max(len(line) for line in frame.splitlines()) <= 80


@pytest.mark.parametrize("columns", [80, 40])
def test_demo_in_a_terminal_fits_its_width(columns: int) -> None:
    code, screen = run_in_terminal("demo", "--seconds", "2", columns=columns)
    assert code == 0, screen
    assert "\x1b[1m" in screen  # headings are bold
    text = without_escapes(screen[screen.rindex("\x1b[2K") :])  # after the progress line was taken back
    frame = text[: text.index("Every message")]
    assert max(terminal.cells(line) for line in frame.split("\n")) <= columns
    assert "rows x" in frame
    assert "temperature" in frame  # among the dtypes


def test_demo_in_a_locale_without_utf8() -> None:
    for variables in ({"LC_ALL": "C"}, {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}, {"PYTHONIOENCODING": "ascii"}):
        done = run("demo", "--seconds", "1.5", **variables)
        assert done.returncode == 0, done.stderr
        assert "Its dtypes" in done.stdout


def test_demo_stops_at_rows() -> None:
    before = time.monotonic()
    done = run("demo", "--seconds", "30", "--rows", "20")
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - before < 15
    assert re.search(r"\[2\d rows x", done.stdout)  # a message is never cut: a few more


def test_demo_of_a_foreign_broker_publishes_nothing(silent: str) -> None:
    with hf.connect(silent) as client, client.stream("#") as everything:
        client.publish("boiler/1", {"celsius": 71.5}, qos=1, retain=True)
        done = run("demo", "--uri", silent, "--seconds", "1")
        assert done.returncode == 0, done.stderr
        seen = everything.read(seconds=0.5).to_pandas()
        client.publish("boiler/1", b"", qos=1, retain=True)
    assert set(seen["_topic"]) == {"boiler/1"}
    assert f"Reading # from {silent}" in done.stdout
    assert "celsius" in done.stdout
    assert f"hf.read_mqtt('{silent}', '#', seconds=10)" in done.stdout


def test_demo_with_simulate_publishes_there_and_takes_its_retained_messages_back(silent: str) -> None:
    done = run("demo", "--uri", silent, "--simulate", "--seconds", "2")
    assert done.returncode == 0, done.stderr
    assert "temperature" in done.stdout
    with hf.connect(silent) as client, client.stream("plant/#", retained="only") as stream:
        assert len(stream.read(seconds=0.5)) == 0


def test_demo_without_amqtt_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "amqtt.py").write_text("raise ModuleNotFoundError(\"No module named 'amqtt'\", name='amqtt')\n")
    path = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")]))
    done = run("demo", PYTHONPATH=path)
    assert done.returncode == 1
    assert "pip install 'honeyframe[demo]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_demo_says_which_options_are_of_no_use_without_a_broker() -> None:
    done = run("demo", "--seconds", "1", "--rows", "1", "--username", "me", "--insecure", "--simulate")
    assert done.returncode == 0, done.stderr
    assert "note: --username, --insecure: of no use without --uri" in done.stderr
    assert "note: --simulate: of no use without --uri" in done.stderr
    assert "or 1 row\n" in done.stdout


def test_demo_keeps_the_users_credentials_to_itself() -> None:
    done = run("demo", "--seconds", "1", MQTT_USERNAME="someone", MQTT_PASSWORD="canary-5417")
    assert done.returncode == 0, done.stderr
    assert "canary-5417" not in done.stdout + done.stderr


# read ------------------------------------------------------------------------------------------------------------------------------------


def test_read_prints_a_table(plant: str) -> None:
    done = run("read", plant, "plant/{line}/telemetry", "--seconds", "1.5", "--columns", "temperature,pressure", COLUMNS="140")
    assert done.returncode == 0, done.stderr
    assert re.search(r"\[\d+ rows x [67] columns\]", done.stdout)
    columns = done.stdout.split("\n")[0].split()  # a "sensor fault" may have come, and then `_misfit` stands behind them
    assert columns[:6] == ["_topic", "_recv_time", "_retain", "line", "temperature", "pressure"]
    assert max(len(line) for line in done.stdout.splitlines()) <= 140


def test_read_in_a_terminal_shows_progress_that_goes_away(plant: str) -> None:
    code, screen = run_in_terminal("read", plant, "plant/+/telemetry", "--seconds", "2")
    assert code == 0, screen
    assert "reading" in screen
    assert "\x1b[2K" in screen  # the line was taken back
    assert "rows x" in without_escapes(screen)


def test_read_stops_at_rows(plant: str) -> None:
    before = time.monotonic()
    done = run("read", plant, "plant/+/telemetry", "--rows", "10", "--format", "jsonl")
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 10
    assert time.monotonic() - before < 15


@pytest.mark.parametrize("suffix", ["parquet", "arrow", "csv", "jsonl"])
def test_read_writes_files(plant: str, tmp_path: Path, suffix: str) -> None:
    import pyarrow.ipc
    import pyarrow.parquet

    target = tmp_path / f"plant.{suffix}"
    done = run("read", plant, "plant/{line}/telemetry", "--rows", "30", "--event-time", "ts", "-o", str(target))
    assert done.returncode == 0, done.stderr
    assert f"30 rows in {target}" in done.stderr
    assert done.stdout == ""
    readers = {
        "parquet": lambda: pyarrow.parquet.read_table(target).to_pylist(),
        "arrow": lambda: pyarrow.ipc.open_file(target).read_all().to_pylist(),
        "csv": lambda: pd.read_csv(target).to_dict("records"),
        "jsonl": lambda: [json.loads(line) for line in target.read_text().splitlines()],
    }
    rows = readers[suffix]()
    assert len(rows) == 30
    assert {"temperature", "line", "_event_time", "location.bay"} <= set(rows[0])
    assert all(int(row["device_id"]) > 2**53 and int(row["device_id"]) % 2 == 1 for row in rows)  # odd: float64 would have rounded
    assert list(tmp_path.iterdir()) == [target]  # nothing half-written beside it


def test_read_to_standard_output(plant: str) -> None:
    done = run("read", plant, "plant/+/telemetry", "--rows", "5", "-o", "-", "-f", "csv")
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert len(rows) == 5
    assert float(rows[0]["pressure"]) > 900


def test_csv_cannot_carry_a_formula(silent: str, tmp_path: Path) -> None:
    target = tmp_path / "guarded.csv"
    with hf.connect(silent) as client:
        client.publish("=cmd()", {"=1+1": "=2+2", "safe": "-x", "number": -5, "list": ["=a"]}, qos=1, retain=True)
        client.publish("@sum", {"=1+1": "@x", "safe": "\tx", "number": -6.5, "list": []}, qos=1, retain=True)
        done = run("read", silent, "#", "--seconds", "1", "-o", str(target))
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(io.StringIO(target.read_text())))
    values = sorted(value for row in rows for value in (*row, *row.values()) if value.startswith(("=", "+", "@", "\t", "\r")))
    assert values == []
    assert {row["'=1+1"] for row in rows} == {"'=2+2", "'@x"}
    assert {row["safe"] for row in rows} == {"'-x", "'\tx"}
    assert {row["_topic"] for row in rows} == {"'=cmd()", "'@sum"}
    assert {float(row["number"]) for row in rows} == {-5, -6.5}  # numbers stay numbers


def test_a_quarantined_message_is_told(silent: str) -> None:
    with hf.connect(silent) as client:
        client.publish("a", b'{"x":1}', qos=1, retain=True)
        client.publish("b", b'{"x":', qos=1, retain=True)
        done = run("read", silent, "#", "--seconds", "1")
    assert done.returncode == 0, done.stderr
    assert "received 2 = delivered 1 + quarantined 1" in done.stderr
    assert re.search(r"note: 1 message could not be read \(1 \w+\)\. The first: 'b': ", done.stderr)


def test_where_every_message_is_quarantined_the_reason_is_told(silent: str) -> None:
    with hf.connect(silent) as client:
        client.publish("only/broken", b'{"x":', qos=1, retain=True)
        done = run("read", silent, "only/#", "--seconds", "1")
    assert done.returncode == 3
    assert "The first: 'only/broken': " in done.stderr


def test_one_row_is_one_row_and_an_event_time_that_is_not_there_is_told(silent: str, tmp_path: Path) -> None:
    with hf.connect(silent) as client:
        client.publish("one", b'{"x":1}', qos=1, retain=True)
        done = run("read", silent, "one", "--seconds", "1", "--event-time", "at", "-o", str(tmp_path / "one.csv"))
    assert done.returncode == 0, done.stderr
    assert f"1 row in {tmp_path / 'one.csv'}" in done.stderr
    assert "warning: no row has an _event_time: where event_time='at' points" in done.stderr


def test_control_characters_in_a_topic_do_not_reach_the_terminal(silent: str) -> None:
    with hf.connect(silent) as client:
        client.publish("a", {"x": "red \x1b[31m alert \x07"}, qos=1, retain=True)
        code, screen = run_in_terminal("read", silent, "#", "--seconds", "1")
    assert code == 0, screen
    assert "\x1b[31m" not in screen
    assert "\x07" not in screen


# How it ends -----------------------------------------------------------------------------------------------------------------------------


def test_no_messages_is_exit_code_3_and_says_why(silent: str) -> None:
    done = run("read", silent, "nothing/here", "--seconds", "0.5")
    assert done.returncode == 3
    assert done.stdout == ""
    assert "no message arrived on nothing/here within 0.5 s" in done.stderr
    assert "QoS" in done.stderr
    assert "hint:" in done.stderr


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        (["read", "mqtt://127.0.0.1:{port}", "#"], 1, "127.0.0.1"),
        (["demo", "--uri", "mqtt://127.0.0.1:{port}"], 1, "127.0.0.1"),
        (["read", "http://example.org", "#"], 2, "http"),
        (["read", "mqtt://127.0.0.1:{port}", "a/#/b"], 2, "a/#/b"),
        (["demo", "--uri", "mqtt://127.0.0.1:{port}", "--topic", "{{a"], 2, "{{a"),
        (["read", "mqtt://127.0.0.1:{port}", "#", "--columns", ""], 2, "--columns"),
        (["read", "mqtts://<cluster>.s1.eu.hivemq.cloud", "#"], 2, "in its place"),
        (["read", "mqtt://127.0.0.1:{port}", "#", "-o", "plant.xyz"], 2, "suffix"),
        (["read", "mqtt://127.0.0.1:{port}", "#", "-o", "nowhere/at/all/plant.csv"], 2, "does not exist"),
        (["read", "mqtt://127.0.0.1:{port}", "#", "--format", "xlsx"], 2, "xlsx"),
        (["read", "mqtt://127.0.0.1:{port}", "#", "--rows", "0"], 2, "rows"),
        (["read", "mqtt://127.0.0.1:{port}", "#", "--password-file", "/nonexistent"], 2, "/nonexistent"),
        (["read", "mqtt://127.0.0.1:{port}", "#", "-P", "x", "--password-file", "y"], 2, "both"),
        (["read", "mqtt://127.0.0.1:{port}", "#", "--protocol", "4"], 2, "protocol"),
        (["read", "mqtt://127.0.0.1:{port}"], 2, "TOPIC"),
        (["read"], 2, "which broker?"),
        (["nonsense"], 2, "nonsense"),
        (["read", "mqtt://127.0.0.1:{port}", "#", "--nonsense"], 2, "--nonsense"),
    ],
)
def test_errors_are_a_sentence_and_an_exit_code(arguments: list[str], code: int, expected: str) -> None:
    port = free_port()
    done = run(*(argument.replace("{port}", str(port)) for argument in arguments))
    assert (done.returncode, done.stdout) == (code, "")
    assert expected in done.stderr
    assert "Traceback" not in done.stderr


def test_bad_filter_and_duration_are_usage_errors(silent: str) -> None:
    done = run("read", silent, "a/#/b")
    assert (done.returncode, done.stdout) == (2, "")
    assert "a/#/b" in done.stderr
    done = run("read", silent, "#", "--seconds", "soon")
    assert (done.returncode, done.stdout) == (2, "")
    assert "soon" in done.stderr


def test_a_password_on_the_command_line_warns_and_shows_nowhere(silent: str) -> None:
    done = run("read", silent, "#", "-u", "me", "-P", "canary-9931", "--seconds", "0.3")
    assert done.returncode == 3
    assert "process list" in done.stderr
    done_uri = run("read", silent.replace("//", "//me:canary-9931@"), "#", "--seconds", "0.3")
    assert done_uri.returncode == 3
    assert "process list" in done_uri.stderr
    assert "canary-9931" not in done.stdout + done.stderr + done_uri.stdout + done_uri.stderr


def test_a_closed_pipe_ends_quietly(plant: str) -> None:
    command = [*COMMAND, "read", plant, "plant/#", "--rows", "3000", "--seconds", "2", "-f", "jsonl"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        errors = process.stderr.read()
        assert process.wait(20) == 0
    assert errors == b""


@pytest.mark.parametrize("command", ["demo", "read"])
def test_ctrl_c_leaves_quietly_with_130(plant: str, command: str) -> None:
    arguments = ["demo", "--seconds", "60"] if command == "demo" else ["read", plant, "plant/#", "--seconds", "60"]
    with subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()) as process:
        time.sleep(2.5)
        before = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, errors = process.communicate(timeout=20)
        assert time.monotonic() - before < 6
        assert process.returncode == 130
    assert errors == b""
    if command == "read":  # what was read is not thrown away
        assert b"rows x" in out


def test_ctrl_c_typed_in_a_terminal() -> None:
    code, screen = run_in_terminal("demo", "--seconds", "60", keys=b"\x03")
    assert code == 130, screen
    assert "Traceback" not in screen


def test_interrupted_read_still_writes_its_file(plant: str, tmp_path: Path) -> None:
    target = tmp_path / "plant.jsonl"
    command = [*COMMAND, "read", plant, "plant/+/telemetry", "--seconds", "60", "-o", str(target)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(), text=True) as process:
        time.sleep(2.5)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
        assert process.returncode == 130
    rows = target.read_text().splitlines()
    assert len(rows) > 20
    assert f"{len(rows):,} rows in {target}" in errors


# Help and version ------------------------------------------------------------------------------------------------------------------------


def test_version_and_help() -> None:
    assert run("--version").stdout == f"honeyframe {hf.__version__}\n"
    shown = run("--help").stdout
    for word in ("demo", "read", "Exit codes", "130"):
        assert word in shown
    assert "--output" in run("read", "--help").stdout
    assert "--simulate" in run("demo", "--help").stdout
    assert run().returncode == 2


def test_help_loads_neither_pandas_nor_pyarrow() -> None:
    script = (
        "import sys\nsys.argv = ['honeyframe', '--help']\nfrom honeyframe.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print([name for name in ('pandas', 'pyarrow', 'numpy', 'amqtt', 'asyncio') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, env=environment(), check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_entry_point_is_installed_under_its_name() -> None:
    from importlib.metadata import entry_points

    found = entry_points(group="console_scripts", name="honeyframe")
    if not found:
        pytest.skip("honeyframe is used from its source tree, not installed")
    assert next(iter(found)).value == "honeyframe.__main__:main"


# Pieces ----------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["=1", "+1", "-1", "@x", "\tx", "\rx"])
def test_guard_formula(value: str) -> None:
    assert output.guard_formula(value) == "'" + value
    assert output.guard_formula("x" + value) == "x" + value


def test_json_of_odd_values() -> None:
    values: dict[str, Any] = {
        "n": float("nan"),
        "i": float("-inf"),
        "b": b"\xff",
        "t": pd.Timestamp("2026-01-01T00:00:00.123456789Z"),
        "big": 2**63,
    }
    assert json.loads(output.to_json(values)) == {"n": None, "i": None, "b": "/w==", "t": "2026-01-01T00:00:00.123456789Z", "big": 2**63}


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "plant.csv"
    target.write_text("old")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setitem(output.WRITERS, "csv", fail)
    with pytest.raises(OSError, match="No space left"):
        output.write(hf.extract([b'{"a":1}']), target, "csv")
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]
