"""Recorders come and go: restarts, another spool, another broker, a remote store; and following while it records."""

from __future__ import annotations

import gc
import shutil
import threading
import time
import uuid
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from tests.brokers.hivemq import HiveMQ
from tests.brokers.mosquitto import Mosquitto
from tests.integration.conftest import Dial
from tests.integration.processes import Child
from tests.python.recorded import numbers_of, rows_of

import honeyframe as hf


@pytest.fixture
def kept() -> dict[str, Any]:
    """What connects a session that the broker keeps, of this test alone."""
    return {"client_id": f"recorder-{uuid.uuid4().hex[:8]}", "clean_start": False, "session_expiry": 60}


def await_messages(recorder: hf.Recorder, count: int) -> None:
    deadline = time.monotonic() + 10
    while recorder.stats().received < count and time.monotonic() < deadline:
        time.sleep(0.005)


@pytest.fixture
def uri(mosquitto: Mosquitto) -> str:
    return mosquitto.uri("mqtt", "127.0.0.1")


def publish(client: hf.Client, *numbers: int, topic: str = "plant/1/t") -> None:
    for number in numbers:
        client.publish(topic, {"n": number}, qos=1)


def test_runs_go_on_one_behind_the_other(uri: str, dial: Dial, kept: dict[str, Any], tmp_path: Path) -> None:
    path, publisher = tmp_path / "r", dial(uri)
    for run in range(3):
        with dial(uri, **kept) as client, client.record(path, "plant/#") as recorder:
            publish(publisher, 2 * run)
        publish(publisher, 2 * run + 1)  # while nobody records
    with dial(uri, **kept) as client:
        recorder = client.record(path, "plant/#")
        recorder.wait(0.5)
        stats = recorder.stop(unsubscribe=True)
    assert [row["n"] for row in rows_of(path, ["n", "_spool_seq"])] == list(range(6))
    assert stats.received == stats.recorded + stats.waiting
    assert "ended" in repr(recorder)
    assert "Recorder to" in recorder._repr_html_()


def test_a_spool_that_was_lost_does_not_make_numbers_come_again(uri: str, dial: Dial, tmp_path: Path) -> None:
    path, publisher = tmp_path / "r", dial(uri)
    for run in range(3):
        with dial(uri).record(path, "plant/#") as recorder:
            publish(publisher, 2 * run, 2 * run + 1)
            await_messages(recorder, 2)
        if run == 0:
            shutil.rmtree(path / "_honeyframe" / "spool")
    assert numbers_of(path) == list(range(1, 7))
    assert hf.open(path).to_pandas()["n"].tolist() == list(range(6))


def test_two_at_once_and_another_broker(uri: str, dial: Dial, kept: dict[str, Any], tmp_path: Path, hivemq: HiveMQ) -> None:
    path = tmp_path / "r"
    recorder = dial(uri).record(path, "plant/#")
    with pytest.raises(hf.RecordingInUseError, match="another recorder"):
        dial(uri).record(path, "plant/#")
    recorder.stop()
    elsewhere = dial(hivemq.uri("mqtt", "localhost"))
    with pytest.raises(hf.RecordingInUseError, match="is a recording of mqtt://127"):
        elsewhere.record(path, "plant/#")
    elsewhere.record(path, "plant/#", takeover=True).stop()
    with dial(uri, **kept) as client:
        client.record(tmp_path / "other", "plant/#").stop()
        with pytest.raises(hf.RecordingInUseError, match=r"(?s)still being written.*client\.close\(\), connect again"):
            client.record(tmp_path / "other", "plant/#")
    with dial(uri, **kept) as client:
        client.record(tmp_path / "other", "plant/#").stop(unsubscribe=True)


def test_a_recorder_with_a_connection_of_its_own(uri: str, dial: Dial, tmp_path: Path) -> None:
    path, publisher = tmp_path / "r", dial(uri)
    access = {"username": "both", "password": "both-password", "session_expiry": 60}
    hf.record(path, "plant/#", uri, **access).stop()
    publish(publisher, 0)  # while nobody records
    for wrong, kind in (
        ({"topics": "plant/#/t"}, hf.errors.InvalidTopicFilterError),
        ({"rotate_rows": 0}, hf.InvalidArgumentError),
        ({"rotate_row": 5}, TypeError),
        ({"topics": "other/#"}, hf.RecordingInUseError),
        ({"uri": "mqtt://127.0.0.1:1"}, hf.RecordingInUseError),
        ({"uri": "mqtt://127.0.0.1:1", "takeover": True}, hf.errors.ConnectError),
    ):
        with pytest.raises(kind):
            hf.record(**{"path": path, "topics": "plant/#", "uri": uri, **access, **wrong})
    with hf.record(path, "plant/#", uri, takeover=True, **access) as recorder:
        client = recorder._client
        with pytest.raises(hf.RecordingInUseError, match="another recorder"):
            hf.record(path, "plant/#", uri, takeover=True, **access)
        publish(publisher, 1)
        await_messages(recorder, 2)
        assert client.stats()["connects"] == 1
    assert client.closed
    assert [row["n"] for row in rows_of(path, ["n", "_spool_seq"])] == [0, 1]


def test_other_topics_of_a_kept_session(uri: str, dial: Dial, kept: dict[str, Any], tmp_path: Path) -> None:
    path, publisher = tmp_path / "r", dial(uri)
    with dial(uri, **kept) as client:
        client.record(path, ["plant/{line}/t", "other/#"]).stop()
    publish(publisher, 0)
    with dial(uri, **kept) as client:
        with pytest.raises(hf.RecordingInUseError, match=r"was recorded with other/#, for which"):
            client.record(path, "plant/#")
        with pytest.warns(hf.RecordingWarning, match="other/# was unsubscribed from"):
            recorder = client.record(path, "plant/#", takeover=True)
        await_messages(recorder, 1)
        recorder.stop()
    assert [row["n"] for row in rows_of(path, ["n", "_spool_seq"])] == [0]
    publish(publisher, 1, topic="other/1")
    with dial(uri, **kept) as client:
        recorder = client.record(path, "plant/#")
        time.sleep(0.3)
        assert client.info()["arrived"] == 0, "the broker has collected for the former topics"
        recorder.stop(unsubscribe=True)
    with dial(uri) as client:  # another session, to which the topics of that one are nothing
        client.record(path, "else/#").stop()


def test_another_spool_and_back(uri: str, dial: Dial, tmp_path: Path) -> None:
    path, publisher = tmp_path / "r", dial(uri)
    spools = [None, None, tmp_path / "elsewhere", None, tmp_path / "elsewhere"]
    for run, spool in enumerate(spools):
        with dial(uri).record(path, "plant/#", spool=spool) as recorder:
            publish(publisher, *range(20 * run, 20 * run + 20))
            await_messages(recorder, 20)
    rows = rows_of(path, ["n", "_spool_seq"])
    assert [row["n"] for row in rows] == list(range(100))
    assert [row["_spool_seq"] for row in rows] == list(range(1, 101))


def test_a_spool_that_is_left_with_messages_in_no_file_is_told(uri: str, dial: Dial, tmp_path: Path) -> None:
    path = tmp_path / "r"
    dial(uri).record(path, "plant/#").stop()
    spool = path / "_honeyframe" / "spool"
    with dial(uri).stream("plant/#", delivery="spooled", spool=spool) as stream:  # as a recorder that was killed leaves it
        publish(dial(uri), 1)
        assert stream.read(rows=1, seconds=5).num_rows == 1
    with pytest.warns(hf.RecordingWarning, match="has messages that are in no file yet"):
        dial(uri).record(path, "plant/#", spool=tmp_path / "elsewhere").stop()
    dial(uri).record(path, "plant/#").stop()
    assert [row["n"] for row in rows_of(path, ["n", "_spool_seq"])] == [1]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"topics": "a/#/b"}, "'#'"),
        ({"topics": []}, "no topic filter"),
        ({"rotate_rows": 0}, "rotate_rows"),
        ({"compression": "rar"}, "compression is one of"),
        ({"overflow": "latest"}, "latest"),
        ({"metadata": ["topic"]}, "metadata= is not taken"),
        ({"storage_options": {"key": "x"}}, "storage_options="),
        ({"topics": "a", "patterns": ["a/{x"]}, "a/{x"),
        ({"topics": ["a/#", "b"], "patterns": ["a/{x}", "b/#", "c/#"]}, "the pattern 'c/#' has no topic of what is recorded: a/#, b"),
    ],
)
def test_wrong_options_leave_nothing_behind(uri: str, dial: Dial, tmp_path: Path, options: dict[str, Any], told: str) -> None:
    client = dial(uri)
    with pytest.raises(hf.errors.InvalidArgumentError, match=told):
        client.record(tmp_path / "r", **{"topics": "plant/#", **options})
    with client.record(tmp_path / "r", "plant/#"):
        pass
    with pytest.raises(TypeError, match="unexpected keyword argument 'rotate_row'"):
        client.record(tmp_path / "r", "plant/#", rotate_row=5)


def test_a_refused_filter(dial: Dial, tmp_path: Path, hivemq: HiveMQ) -> None:
    client = dial(hivemq.uri("mqtt", "127.0.0.1"), user="plant", version=5)
    with pytest.raises(hf.SubscribeDenied, match="other/#"):
        client.record(tmp_path / "r", "other/#")
    with client.record(tmp_path / "r", "plant/#"):
        pass


def test_a_program_that_ends_without_stopping_it(uri: str, tmp_path: Path) -> None:
    code = f"""
        import time
        import honeyframe as hf
        client = hf.connect({uri!r}, username="both", password="both-password")
        patterns = [f"plant/{{n}}/t" for n in range(20)]  # a file each, which are synced side by side
        recorder = client.record({str(tmp_path / "r")!r}, "plant/#", patterns=patterns)
        for n in range(20):
            client.publish(f"plant/{{n}}/t", {{"n": n}}, qos=1)
        while recorder.stats().received < 20:
            time.sleep(0.01)
        print("ends", flush=True)
    """
    with Child(code) as child:
        child.expect("ends")
        began = time.monotonic()
        assert child.wait(10) == 0, child.errors()
        assert time.monotonic() - began < 4
        assert child.errors() == ""
    assert numbers_of(tmp_path / "r") == list(range(1, 21))


def test_a_remote_store(uri: str, dial: Dial, tmp_path: Path) -> None:
    address = f"file://{tmp_path}/store/r"
    for run in range(2):
        with dial(uri).record(address, ["plant/{line}/t", "other/#"], spool=tmp_path / "spool") as recorder:
            publish(dial(uri), 2 * run, 2 * run + 1)
            await_messages(recorder, 2)
    assert hf.open(address).to_pandas()["n"].tolist() == [0, 1, 2, 3]
    assert hf.open(tmp_path / "store" / "r").to_pandas()["line"].tolist() == ["1"] * 4
    with pytest.raises(hf.RecordingInUseError, match="is being recorded with the spool"):
        dial(uri).record(address, "plant/#", spool=tmp_path / "another")
    with pytest.raises(hf.RemoteError, match=r"nowhere://x cannot be used: Protocol not known"):
        dial(uri).record("nowhere://x", "plant/#", spool=tmp_path / "another")


def test_follow_while_it_records(uri: str, dial: Dial, tmp_path: Path) -> None:
    path, publisher = tmp_path / "r", dial(uri)
    with dial(uri).record(path, "plant/{line}/t", rotate_seconds=0.1) as recorder:
        publish(publisher, *range(50))
        await_messages(recorder, 50)
    with dial(uri).follow(path, "plant/{line}/t", max_seconds=0.05, idle_seconds=1, rotate_seconds=0.1) as batches:
        thread = threading.Thread(target=publish, args=(publisher, *range(50, 100)))
        thread.start()
        df = hf.concat(list(batches)).to_pandas()
        thread.join()
        assert batches.recorder is not None
        assert batches.recorder.recording
    assert df["n"].tolist() == list(range(100))
    assert not batches.recorder.recording


@pytest.mark.timeout(30)
def test_a_loop_that_follows_ends_with_its_recorder(dial: Dial, tmp_path: Path, hivemq: HiveMQ) -> None:
    uri = hivemq.uri("mqtt", "127.0.0.1")
    publisher = dial(uri)
    follow = dial(uri, client_id="one-of-two").follow(tmp_path / "r", "plant/#", max_seconds=0.05)
    publish(publisher, 1)
    assert next(follow).to_pandas()["n"].tolist() == [1]
    dial(uri, client_id="one-of-two")
    with pytest.raises(hf.errors.SessionTakenOverError):
        next(follow)
    assert list(follow) == []
    follow = dial(uri).follow(tmp_path / "r", "plant/#", max_seconds=0.05)
    publish(publisher, 2)
    recorder = follow.recorder
    assert recorder is not None
    threading.Timer(0.3, recorder.stop).start()
    assert hf.concat(list(follow)).to_pandas()["n"].tolist() == [1, 2]


def test_what_the_docs_show(uri: str, dial: Dial, kept: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """docs/recording.md, its Python."""
    monkeypatch.chdir(tmp_path)
    client = dial(uri, **kept)
    for line in range(2):
        client.publish(f"retained/{line}/t", {"n": line}, qos=1, retain=True)
    with client.record("recording", "plant/{line}/telemetry", event_time="ts") as recorder:
        for number in range(8):
            client.publish(f"plant/{number % 4}/telemetry", {"ts": 1_795_651_200 + number, "temperature": 28.0 + number}, qos=1)
        await_messages(recorder, 8)
    catalog = client.catalog("retained/#", seconds=0.2)
    client.record("all", "retained/#", patterns=list(catalog)).stop()
    client.close()
    df = hf.open("recording", "plant/3/#", start="2020-11-26").to_pandas()
    assert df["_event_time"].dt.second.tolist() == [3, 7]
    assert hf.extract(df["_payload"].dropna(), schema={"temperature": "float64"}).to_pandas()["temperature"].tolist() == [31.0, 35.0]
    recording = hf.open("recording", "plant/+/telemetry", columns=["_recv_time", "line", "temperature"])
    assert sum(len(batch) for batch in recording.batches()) == len(pl.DataFrame(recording)) == 8
    assert len(recording.to_polars().filter(pl.col("temperature") > 30).collect()) == 5
    averages = recording.to_duckdb().aggregate("line, avg(temperature)").fetchall()
    assert sorted(averages) == [("0", 30.0), ("1", 31.0), ("2", 32.0), ("3", 33.0)]
    query = "select count(*) from read_parquet('recording/recv_day=*/**/*.parquet', union_by_name=true, hive_partitioning=true)"
    assert duckdb.sql(query).fetchall() == [(8,)]
    assert [pattern.split("/")[0] for pattern in hf.open("all").patterns] == ["retained"]
    assert len(hf.open("all").to_pandas()) == 2
    follow = hf.open("recording", "plant/3/#").follow(idle_seconds=0.3)
    assert hf.concat(list(follow)).num_rows == 2
    assert follow.last_seq == 8
    assert list(hf.open("recording", "plant/3/#").follow(after=follow.last_seq, idle_seconds=0.3)) == []
    access = {"username": "both", "password": "both-password", "session_expiry": 0}
    with hf.record("own", "plant/{line}/telemetry", uri, event_time="ts", **access) as recorder:
        assert recorder.wait(0.1).received == 0
    assert hf.replay("recording", dial(uri), speed=10, rewrite="replay/{topic}").published == 8


def test_dropping_it_ends_it(uri: str, dial: Dial, tmp_path: Path) -> None:
    client = dial(uri)
    recorder = client.record(tmp_path / "r", "plant/#")
    publish(client, 1)
    await_messages(recorder, 1)
    thread = recorder._thread
    del recorder
    gc.collect()
    assert thread.join(10)
    assert numbers_of(tmp_path / "r") == [1]
    client.record(tmp_path / "r", "plant/#").stop()


def test_a_client_that_is_closed_ends_it(uri: str, dial: Dial, tmp_path: Path) -> None:
    client = dial(uri)
    recorder = client.record(tmp_path / "r", "plant/#")
    publish(client, 1)
    await_messages(recorder, 1)
    client.close()
    assert recorder.wait(10).recorded == 1
    assert not recorder.recording


def test_a_session_that_is_taken_over_is_told(dial: Dial, tmp_path: Path, hivemq: HiveMQ) -> None:
    uri = hivemq.uri("mqtt", "127.0.0.1")
    recorder = dial(uri, client_id="one-of-two").record(tmp_path / "r", "plant/#")
    dial(uri, client_id="one-of-two")
    with pytest.raises(hf.errors.SessionTakenOverError):
        recorder.wait(10)
    assert not recorder.recording
    recorder.stop()
