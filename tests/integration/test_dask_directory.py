"""hf.dask with a real cluster: whose the directory is, and what is told at the end, or where nothing has come."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from tests.brokers.mosquitto import Mosquitto
from tests.waiting import wait_until

import honeyframe as hf

pytest.importorskip("distributed")

import distributed
from tests.integration.dask_clusters import cluster_of, give_password, password_file


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with cluster_of(1) as found:
        yield found


@pytest.fixture
def dask(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    give_password(monkeypatch)
    with distributed.Client(cluster, set_as_default=True) as client:
        client.wait_for_workers(1)
        yield client


def test_a_second_caller_of_a_directory_is_refused(mosquitto: Mosquitto, dask: Any, tmp_path: Path, topic: str) -> None:
    uri, place = mosquitto.uri("mqtt", "127.0.0.1"), tmp_path / "spools"
    with hf.dask.stream(uri, f"{topic}/#", place, end_sessions=True) as stream:
        for second in (lambda: hf.dask.stream(uri, "other/#", place), lambda: hf.dask.read_mqtt(uri, seconds=1, directory=place)):
            with pytest.raises(hf.SpoolInUseError, match=r"another caller .* is at .* with hf\.dask\.stream"):
                second()
        assert stream.ledger()["event"].tolist() == ["connected", "seat_taken"]
    with hf.dask.stream(uri, f"{topic}/#", place, end_sessions=True):
        pass
    place = tmp_path / "recording"
    with hf.dask.record(uri, f"{topic}/#", place, end_sessions=True) as recorder:
        with pytest.raises(hf.RecordingInUseError, match=r"another caller .* with hf\.dask\.record"):
            hf.dask.record(uri, f"{topic}/#", place)
        shown = repr(recorder)
    assert shown.startswith(f"<honeyframe.dask.DaskRecorder {topic}/# in group 'honeyframe-")
    assert shown.endswith(f" open: 0 messages in {place}, of 1 seat>")


def test_the_next_run_goes_on_at_once_when_the_caller_was_killed(mosquitto: Mosquitto, dask: Any, tmp_path: Path, topic: str) -> None:
    uri, place = mosquitto.uri("mqtt", "127.0.0.1"), tmp_path / "spools"
    code = f"""
import distributed, honeyframe as hf
with distributed.Client({dask.scheduler.address!r}), hf.dask.stream({uri!r}, {topic + "/#"!r}, {str(place)!r}):
    print("begun", flush=True)
    input()
"""
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "begun\n"
        with pytest.raises(hf.SpoolInUseError, match=f"process {other.pid} on "):
            hf.dask.stream(uri, f"{topic}/#", place)
        with hf.connect(uri, username="both", password="both-password") as client:
            client.publish_many(({"n": n} for n in range(100)), f"{topic}/x")
        other.kill()
    with hf.dask.stream(uri, f"{topic}/#", place, end_sessions=True) as stream:
        found = pd.concat(stream.map(pd.DataFrame, messages=100, seconds=20))
    assert sorted(found["n"]) == list(range(100))


def test_one_that_does_not_come_to_begin_lets_go_of_the_directory(mosquitto: Mosquitto, dask: Any, tmp_path: Path, topic: str) -> None:
    uri = mosquitto.uri("mqtt", "127.0.0.1")
    for start in (hf.dask.stream, hf.dask.record):
        place = tmp_path / start.__name__
        with pytest.raises(hf.PermissionDenied) as kept:  # while its traceback is held
            start(uri, f"{topic}/#", place, username="both", password_file=password_file(tmp_path, "wrong"))
        with start(uri, f"{topic}/#", place, end_sessions=True):
            pass
        del kept


def test_ledgers_have_no_column_that_is_ours_alone(mosquitto: Mosquitto, dask: Any, tmp_path: Path, topic: str) -> None:
    uri = mosquitto.uri("mqtt", "127.0.0.1")
    with (
        hf.dask.stream(uri, f"{topic}/#", tmp_path / "spools", end_sessions=True) as stream,
        hf.dask.record(uri, f"{topic}/#", tmp_path / "recording", end_sessions=True) as recorder,
        hf.connect(uri, username="both", password="both-password") as client,
    ):
        client.publish_many([{"n": 1}], f"{topic}/x")
        wait_until(lambda: stream.stats()["spooled"].sum() == 1 and recorder.stats()["received"].sum() == 1, 10)
        ledgers = [stream.ledger(), recorder.ledger()]
    for ledger in ledgers:
        assert "connected" in set(ledger["event"])
        assert "column_added" not in set(ledger["event"]), ledger.to_string()


def test_seats_that_ended_with_an_error_are_told_at_the_end(mosquitto: Mosquitto, dask: Any, tmp_path: Path, topic: str) -> None:
    uri = mosquitto.uri("mqtt", "127.0.0.1")
    stream = hf.dask.stream(uri, f"{topic}/#", tmp_path / "spools", end_sessions=True)
    dask.run(_break_seats)
    wait_until(lambda: "seat_failed" in set(stream.ledger()["event"]), 10)
    with pytest.warns(hf.errors.HoneyframeWarning, match=r"seats ended with an error: SpoolError: no room; stream\.ledger\(\) has each"):
        stream.close()
    with hf.dask.stream(uri, f"{topic}/#", tmp_path / "spools", end_sessions=True):
        pass


def _break_seats() -> None:
    from honeyframe import dask_seats

    for seat in dask_seats._taken.values():
        seat._error = hf.SpoolError("no room")  # type: ignore[assignment]


@pytest.mark.parametrize("topics", ["nothing/{line}/x", "nothing/#"])
def test_a_frame_without_a_message_has_the_columns_of_one_with(mosquitto: Mosquitto, dask: Any, topics: str) -> None:
    with pytest.warns(hf.NoMessagesWarning):
        ddf = hf.dask.read_mqtt(mosquitto.uri("mqtt", "127.0.0.1"), topics, seconds=0.1, event_time="ts")
    own = ["line"] if "{" in topics else []
    assert sorted(ddf.columns) == sorted(["_topic", "_recv_time", "_event_time", "_retain", *own, "_dup", "_spool_seq", "_seat"])
    assert ddf.compute().dtypes.equals(ddf.dtypes)


def test_the_example_of_the_documentation(mosquitto: Mosquitto, dask: Any, tmp_path: Path) -> None:
    """As it stands there, for less time, with this broker, cluster and directory. Each of its four ways has what was published."""
    code = (Path(__file__).parents[2] / "docs" / "scale.md").read_text().split("```python\n")[1].split("```")[0]
    uri = mosquitto.uri("mqtt", "127.0.0.1")
    for name, value in {
        "distributed.Client(n_workers=4)": "dask", "mqtts://…": uri, 'username="me"': 'username="both"', '"/shared': f'"{tmp_path}',
        "seconds=60": "seconds=1", 'seconds="1h"': "seconds=1", '"10s"': "0.5", 'wait("1h")': "wait(1)",
    }.items():  # fmt: skip
        assert name in code
        code = code.replace(name, value)
    found: dict[str, Any] = {"dask": dask, "print": lambda what: printed.append(what)}
    printed: list[Any] = []
    stop = threading.Event()
    publishing = threading.Thread(target=_publish, args=(uri, stop))
    publishing.start()
    try:
        exec(compile(code, "docs/scale.md", "exec"), found)  # noqa: S102 - it is ours
    finally:
        stop.set()
        publishing.join()
    assert set(found["ddf"]["line"].compute()) == {"1", "2"}
    results = pd.concat([one for one in printed if isinstance(one, pd.DataFrame)])
    assert results["line"].isin(["1", "2"]).all()
    assert sum(one for one in printed if isinstance(one, int)) > 0
    assert set(pd.read_parquet(tmp_path / "features")["line"]) == {"1", "2"}
    assert set(found["frame"]["line"]) == {"1", "2"}


def _publish(uri: str, stop: threading.Event) -> None:
    with hf.connect(uri, username="both", password="both-password") as client:
        while not stop.wait(0.05):
            client.publish_many(({"ts": time.time(), "temperature": 20.5, "line": line} for line in (1, 2)), "plant/{line}/telemetry")
