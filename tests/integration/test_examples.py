"""The worked examples, each as a user runs it: a program of its own, against a real broker."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from tests.brokers.mosquitto import Mosquitto
from tests.integration.conftest import Dial

import honeyframe as hf

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@contextmanager
def running(program: str, *arguments: object, says: str | None = None, **more: str) -> Iterator[subprocess.Popen[str]]:
    """The program, once it ``says`` that it is ready. It is killed at the end."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONUNBUFFERED": "1"}
    environment |= {"MQTT_USERNAME": "both", "MQTT_PASSWORD": "both-password", **more}
    command = [sys.executable, "-W", "error::UserWarning", str(EXAMPLES / program), *map(str, arguments)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    try:
        if says is not None:
            assert process.stdout is not None
            line = process.stdout.readline().strip()
            assert line == says, f"{line!r}; {process.stderr and process.stderr.read()}"
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def client(mosquitto: Mosquitto, dial: Dial) -> hf.Client:
    return dial(mosquitto.uri("mqtt", "127.0.0.1"))


def test_scores_come_back_to_the_broker(mosquitto: Mosquitto, client: hf.Client, tmp_path: Path) -> None:
    history = tmp_path / "history.jsonl"
    rows = [{"speed": n % 50, "load": n % 7, "temperature": 20 + 0.5 * (n % 50) + 2 * (n % 7) + (n % 3 - 1) * 0.1} for n in range(300)]
    history.write_text("\n".join(map(json.dumps, rows)))
    scores = client.stream("plant/{line}/score")
    with running("python/score.py", mosquitto.uri("mqtt", "127.0.0.1"), history, says="scoring"):
        begin = time.time() - 10
        for second in range(6):
            for line, off in (("good", 0), ("bad", 30)):
                moment = begin + second
                client.publish(f"plant/{line}/telemetry", {"ts": moment, "speed": 10, "load": 2, "temperature": 29 + off}, qos=1)
        frame = scores.read(rows=6, seconds=10).to_pandas()
    found = frame.groupby("line")["score"].max()
    assert found["good"] < 3 < 100 < found["bad"]
    assert frame["time"].str.endswith("Z").all()


def test_duckdb_has_each_message_once_though_it_was_killed(mosquitto: Mosquitto, client: hf.Client, tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    database, spool = tmp_path / "plant.duckdb", tmp_path / "spool"
    arguments = (mosquitto.uri("mqtt", "127.0.0.1"), database, spool)

    def publish(begin: int, **more: Any) -> None:
        client.publish_many(({"ts": time.time(), "n": n, **more} for n in range(begin, begin + 500)), topic="plant/1/telemetry")

    with running("python/to_duckdb.py", *arguments, says="writing") as process:
        publish(0)
        time.sleep(0.3)
        process.send_signal(signal.SIGKILL)
        process.wait(10)
    publish(500, late=True)  # kept by the broker, and a column that comes later
    with running("python/to_duckdb.py", *arguments, says="writing") as process:
        publish(1000, late=False)
        time.sleep(1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0, process.stderr and process.stderr.read()
    hf.end_session("to-duckdb", arguments[0], username="both", password="both-password")
    with duckdb.connect(str(database), read_only=True) as found:
        total = found.execute(
            "select count(distinct n), count(*) filter (not _dup), count(late), max(_spool_seq) from telemetry"
        ).fetchone()
        twice = found.execute("select _spool_seq from telemetry group by all having count(*) > 1").fetchall()
    assert total is not None
    assert total[0] == 1500
    assert total[2] == 1000
    assert twice == []


@pytest.mark.parametrize(
    ("first", "second", "found"),
    [
        ([21], [21.5, 22], [21.0, 21.5, 22.0]),
        ([-1], [2**64 - 1], [-1, 2**64 - 1]),
        ([None], [5_000_000_000], [None, 5_000_000_000]),
        ([1.5], [2], [1.5, 2.0]),
        ([True], ["off"], ["true", "off"]),
        ([[1, 2]], ["off"], ["[1, 2]", "off"]),
        (["off"], [3], ["off", "3"]),
    ],
)
def test_duckdb_keeps_values_as_they_are_when_a_type_changes(
    monkeypatch: pytest.MonkeyPatch, first: list[Any], second: list[Any], found: list[Any]
) -> None:
    duckdb = pytest.importorskip("duckdb")
    monkeypatch.syspath_prepend(str(EXAMPLES / "python"))
    to_duckdb: Any = importlib.import_module("to_duckdb")
    with duckdb.connect() as database:
        to_duckdb.last_number(database)
        for number, values in enumerate((first, second), 1):
            rows = hf.extract([json.dumps({"v": value}).encode() for value in values]).to_arrow()
            to_duckdb.write(database, hf.Table.from_arrow(rows.append_column("_spool_seq", pa.array([number] * len(rows)))))
        assert [value for (value,) in database.execute("select v from telemetry order by _spool_seq").fetchall()] == found
        assert to_duckdb.last_number(database) == 2


def test_an_alert_on_silence_comes_and_goes(mosquitto: Mosquitto, client: hf.Client) -> None:
    alerts = client.stream("alerts/{line}", retained="skip")
    with running("python/silence.py", mosquitto.uri("mqtt", "127.0.0.1"), says="listening"):
        for _ in range(8):
            for line in ("steady", "quiet"):
                client.publish(f"plant/{line}/telemetry", {"n": 1}, qos=1)
            time.sleep(0.1)
        deadline = time.monotonic() + 10
        found = alerts.read(seconds=0)
        while not len(found) and time.monotonic() < deadline:
            client.publish("plant/steady/telemetry", {"n": 1}, qos=1)
            found = alerts.read(seconds=0.1)
        assert found.to_pandas()["line"].tolist() == ["quiet"]
        assert client.latest("alerts/{line}", seconds=0.2)["line"].tolist() == ["quiet"]  # retained
        client.publish("plant/quiet/telemetry", {"n": 1}, qos=1)
        cleared = alerts.read(rows=1, seconds=5).to_pandas()
        assert cleared["line"].tolist() == ["quiet"]
        with pytest.warns(hf.NoMessagesWarning):
            client.latest("alerts/{line}", seconds=0.2)


class Systemd:
    """Its end of the notification socket."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.path)

    def hears(self, text: str, seconds: float = 20) -> str:
        self._socket.settimeout(seconds)
        while text not in (told := self._socket.recv(4096).decode()):
            pass
        return told

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def systemd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Systemd]:
    found = Systemd(tmp_path_factory.mktemp("systemd") / "s")
    yield found
    found.close()


def test_the_service_records_tells_systemd_and_ends_cleanly(
    mosquitto: Mosquitto, client: hf.Client, tmp_path: Path, systemd: Systemd
) -> None:
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "mqtt-password").write_text("both-password\n")
    (credentials / "mqtt-password").chmod(0o400)
    recording = tmp_path / "recording"
    arguments = [mosquitto.uri("mqtt", "127.0.0.1"), "service/#", "--username", "both", "--path", recording, "--client-id", "service"]
    surroundings = {
        "NOTIFY_SOCKET": systemd.path,
        "CREDENTIALS_DIRECTORY": str(credentials),
        "WATCHDOG_USEC": "400000",
        "MQTT_PASSWORD": "",
    }
    sent = 0
    for end in (signal.SIGKILL, signal.SIGTERM):
        with running("service/recorder.py", *arguments, **surroundings) as process:
            systemd.hears("READY=1")
            client.publish_many(({"n": sent + n} for n in range(300)), "service/1")
            sent += 300
            systemd.hears("WATCHDOG=1")
            systemd.hears("STATUS=")
            time.sleep(0.3)
            process.send_signal(end)
            if end == signal.SIGTERM:
                systemd.hears("STOPPING=1")
                _, errors = process.communicate(timeout=15)
                assert process.returncode == 0, errors
                assert "ended in good order" in errors
            process.wait(10)
    hf.end_session("service", arguments[0], username="both", password="both-password")
    frame = hf.open(recording).to_pandas()
    assert set(frame["n"]) == set(range(sent))
    assert frame["_spool_seq"].is_unique


def test_the_watchdog_hears_nothing_of_a_recorder_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLES / "service"))
    gets_on: Any = importlib.import_module("recorder").gets_on
    before = hf.RecorderStats(received=10, recorded=7, uncommitted=2, waiting=3, storage_failures=1)
    assert gets_on(before, before)  # nothing comes
    came = replace(before, received=11, waiting=4)
    assert not gets_on(before, came)
    assert gets_on(came, came)  # no more has come since
    assert gets_on(before, replace(came, uncommitted=3))
    assert gets_on(before, replace(came, recorded=9, uncommitted=0))
    assert gets_on(before, replace(came, storage_failures=2))  # the store is away, and is tried again
    assert gets_on(before, replace(came, waiting=3, rejected=1))  # too large for the spool: nothing to write


def test_the_unit_file_is_one() -> None:
    unit = EXAMPLES / "service" / "honeyframe-recorder.service"
    lines = dict(line.split("=", 1) for line in unit.read_text().splitlines() if "=" in line and not line.startswith("#"))
    assert lines["Type"] == "notify"
    assert lines["LoadCredential"].startswith("mqtt-password:")
    assert "password" not in lines["ExecStart"]
    assert lines["Restart"] == "always"
    if shutil.which("systemd-analyze") is None:
        return
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, timeout=30, check=False)
    wrong = [line for line in done.stderr.splitlines() if unit.name in line and "is not executable" not in line and "Failed to" not in line]
    assert wrong == [], done.stderr


def test_silence_is_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLES / "python"))
    line: Any = importlib.import_module("silence").Line(0.0)
    assert not line.is_silent(1e9)  # nothing is known of it
    for second in range(1, 10):
        line.heard(second * 2.0)
    assert not line.is_silent(18 + 6)
    assert line.is_silent(18 + 6.1)
