"""client.record and honeyframe record with brokers: what was acknowledged is in Parquet, each message of the spool once."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from pathlib import Path

import pytest
from tests.brokers.durable_session import DurableSession
from tests.brokers.mosquitto import Mosquitto
from tests.brokers.scripted import ScriptedBroker
from tests.integration.conftest import Broker, Dial
from tests.integration.processes import Child
from tests.python.recorded import files_of, rows_of
from typer.testing import CliRunner

import honeyframe as hf
from honeyframe.cli.app import app
from honeyframe.recording_place import LocalPlace

_KILLS = int(os.environ.get("HONEYFRAME_RECORD_KILLS", "4"))
_IN_FLIGHT = 20
_TOPIC = "plant/{line}/t"
_PATTERNS = ["plant/0/t", "plant/1/t"]
_SMALL = "rotate_rows=300, rotate_seconds=0.1"


def child_code(uri: str, path: Path, options: str = _SMALL, user: str = "", pause: float = 0.005) -> str:
    access = f'username="{user}", password="{user}-password", ' if user else ""
    return f"""
        import time
        import pyarrow.parquet
        import honeyframe as hf
        from honeyframe.recording_place import LocalPlace

        def slowly(step):
            def do(*args):
                time.sleep({pause})
                done = step(*args)
                time.sleep({pause})
                return done
            return do

        for name in ("bring", "publish", "write"):  # as a slow disk: the kill shall meet them
            setattr(LocalPlace, name, slowly(getattr(LocalPlace, name)))
        client = hf.connect({uri!r}, {access}client_id="recorder", clean_start=False, session_expiry=3600)
        recorder = client.record({str(path)!r}, {_TOPIC!r}, patterns={_PATTERNS!r}, {options})
        print("records", flush=True)
        print(recorder.wait(), flush=True)
    """


def command(uri: str, path: Path, *more: str, topic: str = "plant/+/t") -> str:
    """``honeyframe record``, for a Child."""
    return f"""
        import os, sys
        sys.argv[1:] = {["record", uri, topic, "-u", "both", "-o", str(path), *more]!r}
        os.environ["MQTT_PASSWORD"] = "both-password"
        from honeyframe.cli import main
        main()
    """


def run_command(uri: str, path: Path, *more: str, topic: str = "plant/+/t") -> tuple[int, str]:
    """In this process: its exit code, and what it wrote to stderr."""
    arguments = ["record", uri, topic, "-u", "both", "-o", str(path), *more]
    found = CliRunner().invoke(app, arguments, env={"MQTT_PASSWORD": "both-password"})
    return found.exit_code, found.stderr


def check_whole(path: Path) -> list[dict[str, object]]:
    """Each number of the spool is in the files once, and every file can be read."""
    rows = rows_of(path, ["_spool_seq", "_dup", "n"])
    assert [row["_spool_seq"] for row in rows] == list(range(1, len(rows) + 1))
    assert not list((path / "_honeyframe" / "stage").iterdir())
    return rows


def journal_time(path: Path) -> int:
    try:
        return (path / "_honeyframe" / "journal.json").stat().st_mtime_ns
    except FileNotFoundError:
        return 0


@pytest.mark.timeout(120 + 10 * _KILLS)
def test_killed_at_any_moment(tmp_path: Path) -> None:
    session = DurableSession(_IN_FLIGHT)
    path = tmp_path / "recording"
    moments = random.Random(7)
    in_the_middle = 0
    with ScriptedBroker(session.serve, repeat=True) as broker:
        for _ in range(_KILLS):
            before = len(session.acknowledged)
            with Child(child_code(broker.uri(), path)) as child:
                child.expect("records")
                deadline = time.monotonic() + 20
                commits = journal_time(path)
                while journal_time(path) == commits and time.monotonic() < deadline:
                    time.sleep(0.001)
                time.sleep(moments.uniform(0.0, 0.4))
                child._process.send_signal(signal.SIGKILL)
                child.wait(10)
            assert len(session.acknowledged) > before, "nothing was acknowledged: this kill shows nothing"
            in_the_middle += any((path / "_honeyframe" / "stage").iterdir())
            for file in files_of(path):
                assert file.read_bytes()[-4:] == b"PAR1"
        session.goes_on = False
        time.sleep(0.2)
        acknowledged = set(session.acknowledged)
        with hf.connect(broker.uri(), client_id="recorder", clean_start=False, session_expiry=3600) as client:
            client.record(path, _TOPIC, patterns=_PATTERNS).stop()
    rows = check_whole(path)
    numbers = [row["n"] for row in rows]
    assert not acknowledged - set(numbers), "acknowledged, and not recorded"
    first: set[object] = set()
    copies = []
    for row in rows:
        if row["n"] in first:
            copies.append(row)
        first.add(row["n"])
    assert len(copies) <= _IN_FLIGHT * _KILLS
    assert all(row["_dup"] for row in copies), "a second copy that is not marked"
    print(
        f"{len(acknowledged):,} acknowledged, {len(rows):,} recorded in {len(files_of(path))} files, {len(copies)} copies, {_KILLS} kills, "
        f"{in_the_middle} of them while files were being written"
    )


def test_killed_with_a_real_broker(broker: Broker, dial: Dial, tmp_path: Path) -> None:
    path = tmp_path / "recording"
    publisher = dial(broker.uri("mqtt", "127.0.0.1"))
    goes_on = True
    confirmed: list[int] = []

    def publish() -> None:
        while goes_on:
            publisher.publish(f"plant/{len(confirmed) % 5}/t", {"n": len(confirmed)}, qos=1)
            confirmed.append(len(confirmed))
            time.sleep(0.003)

    thread = threading.Thread(target=publish)
    code = child_code(broker.uri("mqtt", "127.0.0.1"), path, user="both")
    try:
        for number in range(2):
            with Child(code) as child:
                child.expect("records")
                if number == 0:
                    thread.start()
                time.sleep(0.5)
                child._process.send_signal(signal.SIGTERM if number else signal.SIGKILL)
                code_at_end = child.wait(10)
                if number:
                    assert code_at_end == 0, child.errors()
                    assert "messages in" in child.line()
    finally:
        goes_on = False
        thread.join()
    with dial(broker.uri("mqtt", "127.0.0.1"), client_id="recorder", clean_start=False, session_expiry=3600) as client:
        recorder = client.record(path, _TOPIC, patterns=_PATTERNS)
        recorder.wait(0.5)
        recorder.stop(unsubscribe=True)
    rows = check_whole(path)
    assert {row["n"] for row in rows} >= set(confirmed)
    assert len(confirmed) > 100


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it_cleanly(mosquitto: Mosquitto, dial: Dial, tmp_path: Path, how: signal.Signals) -> None:
    path = tmp_path / "recording"
    uri = mosquitto.uri("mqtt", "127.0.0.1")
    publisher = dial(uri)
    with Child(command(uri, path)) as child:
        child.expect_error("recording plant/+/t (QoS 1) to")
        for number in range(50):
            publisher.publish("plant/1/t", {"n": number}, qos=1)
        began = time.monotonic()
        child._process.send_signal(how)
        assert child.wait(10) == (0 if how == signal.SIGTERM else 130), child.errors()
        assert time.monotonic() - began < 5
        assert "50 messages in 1 file" in child.errors()
    assert [row["n"] for row in check_whole(path)] == list(range(50))


def test_ctrl_c_in_wait_writes_what_is_there_and_is_raised(mosquitto: Mosquitto, tmp_path: Path) -> None:
    code = f"""
        import honeyframe as hf
        client = hf.connect({mosquitto.uri("mqtt", "127.0.0.1")!r}, username="both", password="both-password")
        with client.record({str(tmp_path / "r")!r}, "plant/#") as recorder:
            client.publish("plant/1/t", {{"n": 1}}, qos=1)
            print("waits", flush=True)
            try:
                recorder.wait()
            except KeyboardInterrupt:
                print(recorder.recording, recorder.stats().recorded, flush=True)
    """
    with Child(code) as child:
        child.expect("waits")
        time.sleep(0.3)
        child.interrupt()
        child.expect("False 1")
        assert child.wait(10) == 0, child.errors()


def test_a_start_that_fails_leaves_the_broker_what_it_kept(mosquitto: Mosquitto, dial: Dial, tmp_path: Path) -> None:
    uri, path = mosquitto.uri("mqtt", "127.0.0.1"), tmp_path / "recording"
    assert run_command(uri, path, "-s", "0.1")[0] == 0
    dial(uri).publish_many([{"n": number} for number in range(50)], "plant/1/t", qos=1)
    fails: list[tuple[str, tuple[str, ...], str]] = [
        ("plant/#/t", (), "'#'"),
        ("plant/+/t", ("--pattern", "plant/#/t"), "'#'"),
        ("plant/+/t", ("--spool", str(path / "_honeyframe" / "lock" / "x")), "cannot make"),
        ("other/#", (), "plant/+/t, for which the broker may have kept messages"),
    ]
    for topic, more, told in fails:
        code, errors = run_command(uri, path, "-s", "0.1", *more, topic=topic)
        assert code in (1, 2), errors
        assert told in errors
    manifest = path / "_honeyframe" / "manifest.json"
    content = manifest.read_text()
    manifest.write_text("{")
    assert "is damaged" in run_command(uri, path, "-s", "0.1")[1]
    manifest.write_text(content)
    assert run_command(uri, path, "-s", "0.7")[0] == 0
    assert [row["n"] for row in check_whole(path)] == list(range(50))


def test_a_second_command_does_not_touch_the_first_ones_connection(mosquitto: Mosquitto, dial: Dial, tmp_path: Path) -> None:
    uri, path = mosquitto.uri("mqtt", "127.0.0.1"), tmp_path / "recording"
    publisher = dial(uri)
    with Child(command(uri, path)) as first:
        first.expect_error("recording plant/+/t (QoS 1) to")
        for number in range(30):
            if number % 10 == 0:
                code, errors = run_command(uri, path)
                assert code == 1
                assert "another recorder" in errors
            publisher.publish("plant/1/t", {"n": number}, qos=1)
        first._process.send_signal(signal.SIGTERM)
        assert first.wait(10) == 0
        assert "lost" not in first.errors(), "a second connection has put it off the broker"
    assert [row["n"] for row in check_whole(path)] == list(range(30))


def test_slow_storage_does_not_reach_the_socket(mosquitto: Mosquitto, dial: Dial, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "recording"
    uri = mosquitto.uri("mqtt", "127.0.0.1")
    client = dial(uri, keepalive=2)  # on a busy machine one second is soon over
    slow, hold = threading.Event(), threading.Event()

    def bring(self: object, staged: Path) -> None:
        slow.set()
        hold.wait(20)

    monkeypatch.setattr("honeyframe.recording_place.LocalPlace.bring", bring)
    recorder = client.record(path, "plant/#", rotate_seconds=0.0)
    publisher = dial(uri)
    publisher.publish("plant/x", {"n": -1}, qos=1)
    assert slow.wait(10)
    publisher.publish_many([{"n": number} for number in range(5_000)], "plant/x", qos=1)
    deadline = time.monotonic() + 10
    while recorder.stats().received < 5_001 and time.monotonic() < deadline:
        time.sleep(0.01)
    stats = recorder.stats()
    assert (stats.received, stats.recorded, stats.waiting, stats.dropped) == (5_001, 0, 5_001, 0)
    time.sleep(3.2)  # more than a keepalive
    hold.set()
    assert client.stats()["connects"] == 1
    assert recorder.stop().recorded == 5_001
    assert len(check_whole(path)) == 5_001


def test_storage_that_fails_is_told_and_tried_again(
    mosquitto: Mosquitto, dial: Dial, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = mosquitto.uri("mqtt", "127.0.0.1")
    client = dial(uri)
    failing = True
    sound = LocalPlace.bring

    def bring(self: LocalPlace, staged: Path) -> None:
        if failing:
            raise hf.RecordingDiskFullError("cannot write: No space left on device")
        sound(self, staged)

    monkeypatch.setattr(LocalPlace, "bring", bring)
    monkeypatch.setattr("honeyframe.recorder_thread._LEAST_PAUSE", 0.05)
    told: list[str] = []
    monkeypatch.setattr("honeyframe.recorder_thread.warn", lambda text, _: told.append(text))
    recorder = client.record(tmp_path / "recording", "plant/#", rotate_seconds=0.0)
    for number in range(10):
        client.publish("plant/x", {"n": number}, qos=1)
    deadline = time.monotonic() + 10
    while recorder.stats().storage_failures < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert "storage fails: cannot write: No space left on device" in str(recorder.stats())
    assert len(told) == 1
    failing = False
    while recorder.stats().recorded < 10 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert recorder.stop().storage_error == ""
    assert [row["n"] for row in check_whole(tmp_path / "recording")] == list(range(10))


def test_a_full_spool_gives_up_what_is_committed_and_nothing_else(
    mosquitto: Mosquitto, dial: Dial, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "recording"
    client = dial(mosquitto.uri("mqtt", "127.0.0.1"))
    hold = threading.Event()
    hold.set()
    sound = LocalPlace.bring

    def bring(self: LocalPlace, staged: Path) -> None:
        hold.wait(20)
        sound(self, staged)

    monkeypatch.setattr(LocalPlace, "bring", bring)
    monkeypatch.setattr("honeyframe.recorder_thread.warn", lambda *_: None)
    recorder = client.record(path, "plant/#", rotate_seconds=0.0, spool_max_bytes=1 << 20)
    payloads = [{"n": number, "x": "x" * 1_000} for number in range(3_000)]
    for part in range(3):  # three times what the spool may hold, committed in between
        client.publish_many(payloads[part * 600 : part * 600 + 600], "plant/x", qos=1)
        deadline = time.monotonic() + 10
        while recorder.stats().recorded < 600 * part + 600 and time.monotonic() < deadline:
            time.sleep(0.01)
    assert recorder.stats().dropped == 0
    hold.clear()
    client.publish_many(payloads[1_800:], "plant/x", qos=1)
    while recorder.stats().received < 3_000 and time.monotonic() < deadline:
        time.sleep(0.01)
    dropped = recorder.stats().dropped
    assert 0 < dropped < 1_200
    hold.set()
    stats = recorder.stop()
    assert (stats.received, stats.recorded, stats.waiting) == (3_000, 3_000 - dropped, 0)
    assert [row["n"] for row in check_whole(path)] == list(range(3_000 - dropped)), "the newest were refused"
