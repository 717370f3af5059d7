"""hf.dask with a real cluster of worker processes and real brokers: nothing is lost when workers go and come, and no secret is shown."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import logging
import os
import pickle
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from tests.brokers.certificates import Authority
from tests.brokers.hivemq import HiveMQ
from tests.brokers.mosquitto import Mosquitto
from tests.brokers.ports import BrokerUnavailable
from tests.brokers.proxies import Relay
from tests.conftest import missing
from tests.waiting import wait_until

import honeyframe as hf
from honeyframe.profiles import Profile, ProfileWriter

pytest.importorskip("distributed")

import distributed
from tests.integration.dask_clusters import cluster_of, give_password, password_file

_SECONDS = float(os.environ.get("HONEYFRAME_DASK_SECONDS", "3"))
_IS_LONG = "HONEYFRAME_DASK_SECONDS" in os.environ  # and then with both brokers
_RATE = int(os.environ.get("HONEYFRAME_DASK_RATE", "800"))


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with cluster_of(4) as found:
        yield found


@pytest.fixture
def dask(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    give_password(monkeypatch)  # for workers that are started later
    cluster.scale(4)
    with distributed.Client(cluster, set_as_default=True) as client:
        client.wait_for_workers(4)
        yield client


class Load:
    """Messages with QoS 1 at an even rate, from a client of its own, on a thread."""

    def __init__(self, uri: str, topic: str, rate: int, seconds: float) -> None:
        self.acknowledged = 0
        self._rows = ({"n": n, "line": n % 7} for n in range(int(rate * seconds)))
        self._rate, self._uri, self._topic = rate, uri, topic
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        with hf.connect(self._uri, username="both", password="both-password") as client:
            begin = time.monotonic()
            while some := list(itertools.islice(self._rows, max(1, self._rate // 20))):
                result = client.publish_many(some, f"{self._topic}/{{line}}", columns=["n", "line"])
                self.acknowledged += result.published
                time.sleep(max(0.0, begin + self.acknowledged / self._rate - time.monotonic()))

    @property
    def is_done(self) -> bool:
        return not self._thread.is_alive()

    def __enter__(self) -> Load:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join()


def numbers(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[["n", "_dup", "_seat", "_spool_seq", "line"]]


@pytest.fixture(scope="module")
def roomy_hivemq(authority: Authority) -> Iterator[HiveMQ]:
    """One that keeps what a group on a busy machine is behind with. By default it keeps 1,000 messages and drops the others."""
    try:
        broker = HiveMQ(authority, max_queued_messages=100_000)
    except BrokerUnavailable as reason:
        missing(reason)
    yield broker
    broker.close()


@pytest.mark.parametrize("name", ["roomy_hivemq", "mosquitto"] if _IS_LONG else ["hivemq"])
def test_a_worker_killed_and_one_added_under_load_lose_nothing(
    name: str, request: pytest.FixtureRequest, cluster: Any, dask: Any, tmp_path: Path, topic: str
) -> None:
    broker: HiveMQ | Mosquitto = request.getfixturevalue(name)
    dropped_before = broker.dropped_messages() if isinstance(broker, HiveMQ) else 0
    uri = broker.uri("mqtt", "127.0.0.1")
    with hf.dask.stream(uri, f"{topic}/{{line}}", tmp_path / "spools", end_sessions=True, part_rows=2000, sync="always") as stream:
        assert len(stream.stats()) == 4
        victim = next(iter(dask.run(os.getpid).items()))
        taken: list[pd.DataFrame] = []
        with Load(uri, topic, _RATE, _SECONDS) as load:
            killer = threading.Timer(_SECONDS / 3, os.kill, (victim[1], signal.SIGKILL))
            adder = threading.Timer(_SECONDS / 2, cluster.scale, (5,))
            for timer in (killer, adder):
                timer.start()
            for frame in stream.map(numbers, seconds=_SECONDS + 60, idle_seconds=15):
                taken.append(frame)
                if load.is_done and len(set(pd.concat(taken)["n"])) >= load.acknowledged:
                    break
        stats, ledger = stream.stats(), stream.ledger()
        frame = pd.concat(taken)
        seats = wait_until(lambda: set(stream.stats()["worker"].dropna()) == set(dask.nthreads()), 20, "a seat for each worker")
    assert seats
    assert victim[0] in ledger.loc[ledger["event"] == "worker_lost", "detail"].tolist()
    lost = set(range(load.acknowledged)) - set(frame["n"])
    by_broker = broker.dropped_messages() - dropped_before if isinstance(broker, HiveMQ) else "?"
    assert not lost, (
        f"{len(lost)} acknowledged messages are missing, {by_broker} were dropped by the broker: {sorted(lost)[:10]}\n"
        f"{stats.to_string()}\n{ledger.to_string()}"
    )
    assert not frame.duplicated(["_seat", "_spool_seq"]).any(), "a message was handed out twice"
    copies = frame[frame["n"].duplicated(keep=False)].sort_values(["n", "_seat", "_spool_seq"])
    unmarked = [n for n, some in copies.groupby("n") if not some["_dup"].any()]
    assert not unmarked, copies.to_string()
    assert stats["spooled"].sum() == len(frame)
    assert stats["dropped"].sum() == 0
    assert stats["runs"].max() >= 2
    twice = frame["n"].duplicated().sum()
    print(f"{type(broker).__name__}: {load.acknowledged:,} acknowledged, {len(frame):,} rows, {twice} copies, {frame['_dup'].sum()} marked")


class DeafBroker(Relay):
    """A relay that from some moment on lets nothing through that the client of ``muted`` says: its acknowledgements are lost."""

    muted = b""

    async def relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sent: bytearray) -> None:
        onward_reader, onward_writer = await asyncio.open_connection("127.0.0.1", self.target_port)

        async def speak() -> None:
            with contextlib.suppress(OSError):
                while data := await reader.read(65536):
                    sent.extend(data)
                    if not (self.muted and self.muted in sent[:200]):
                        onward_writer.write(data)
            onward_writer.close()

        async def listen() -> None:
            with contextlib.suppress(OSError):
                while data := await onward_reader.read(65536):
                    writer.write(data)
            writer.close()

        await asyncio.gather(speak(), listen())


@pytest.mark.parametrize("name", ["hivemq", "mosquitto"] if _IS_LONG else ["mosquitto"])
def test_what_a_lost_worker_had_not_acknowledged_comes_twice_and_the_copy_is_marked(
    name: str, request: pytest.FixtureRequest, dask: Any, tmp_path: Path, topic: str
) -> None:
    broker: HiveMQ | Mosquitto = request.getfixturevalue(name)
    with (
        DeafBroker(broker.listeners.ports["tcp"]) as relay,
        hf.dask.stream(relay.uri(), f"{topic}/{{line}}", tmp_path / "spools", end_sessions=True, group="g") as stream,
        hf.connect(broker.uri("mqtt", "127.0.0.1"), username="both", password="both-password") as client,
    ):
        client.publish_many(({"n": n, "line": n % 7} for n in range(200)), f"{topic}/{{line}}", columns=["n", "line"])
        wait_until(lambda: stream.stats()["spooled"].sum() == 200, 10)
        victim, before = stream.stats().set_index("seat").loc[0, ["worker", "spooled"]]
        relay.muted = b"g-0"
        total, wanted = 200, 1 if isinstance(broker, HiveMQ) else 10  # HiveMQ sends one, and waits for its acknowledgement
        while stream.stats().set_index("seat").loc[0, "spooled"] < before + wanted and total < 1000:
            client.publish_many(({"n": n, "line": n % 7} for n in range(total, total + 20)), f"{topic}/{{line}}", columns=["n", "line"])
            total += 20
            time.sleep(0.5)
        pid = dask.run(os.getpid, workers=[victim])[victim]
        relay.muted = b""
        os.kill(pid, signal.SIGKILL)
        taken: list[pd.DataFrame] = []
        for frame in stream.map(numbers, seconds=30, idle_seconds=10):
            taken.append(frame)
            found = pd.concat(taken)["n"]
            if found.nunique() == total and found.duplicated().sum() >= wanted:
                break
        wait_until(lambda: stream.stats()["worker"].notna().all(), 20)
        copies_told = stream.stats().attrs["copies"]
    frame = pd.concat(taken)
    assert set(frame["n"]) == set(range(total))
    copies = frame["n"].duplicated().sum()
    assert copies >= wanted, "nothing came twice: this shows nothing"
    first = frame[~frame["_dup"]]
    assert first["n"].is_unique, frame[frame["n"].duplicated(keep=False)].sort_values("n").to_string()
    assert set(first["n"]) == set(range(total))
    assert copies_told == copies == frame["_dup"].sum()
    print(f"{type(broker).__name__}: {copies} copies, all marked")


def test_recordings_of_all_workers_have_everything(hivemq: HiveMQ, dask: Any, tmp_path: Path, topic: str) -> None:
    uri = hivemq.uri("mqtt", "127.0.0.1")
    with hf.dask.record(uri, f"{topic}/{{line}}", tmp_path / "recording", end_sessions=True, rotate_seconds=1) as recorder:
        victim = next(iter(dask.run(os.getpid).items()))
        with Load(uri, topic, _RATE, 2) as load:
            time.sleep(1)
            os.kill(victim[1], signal.SIGKILL)
            recorder.wait(1)
        wait_until(lambda: recorder.stats()["worker"].notna().all(), 20, "a worker for each seat")
        ledger = recorder.ledger()
    assert victim[0] in ledger.loc[ledger["event"] == "worker_lost", "detail"].tolist()
    frames = [hf.open(path).to_pandas() for path in recorder.paths]
    assert all(frame["_spool_seq"].is_unique for frame in frames)
    frame = pd.concat(frames)
    assert set(frame["n"]) == set(range(load.acknowledged))
    assert set(frame["line"]) == {str(line) for line in range(7)}
    assert recorder.stats()["dropped"].sum() == 0


def test_a_last_commit_that_fails_is_told(
    mosquitto: Mosquitto, dask: Any, tmp_path: Path, topic: str, request: pytest.FixtureRequest
) -> None:
    uri = mosquitto.uri("mqtt", "127.0.0.1")
    request.addfinalizer(lambda: dask.run(_fail_to_commit, False))
    recorder = hf.dask.record(uri, f"{topic}/#", tmp_path / "recording", end_sessions=True)
    dask.run(_fail_to_commit, True)
    with hf.connect(uri, username="both", password="both-password") as client:
        client.publish_many(({"n": n} for n in range(20)), f"{topic}/x")
    wait_until(lambda: recorder.stats()["received"].sum() == 20, 10)
    with pytest.raises(hf.RecordingStorageError, match="no room"):
        recorder.close()
    assert recorder.stats()["recorded"].sum() == 0


def _fail_to_commit(fails: bool) -> None:
    from honeyframe import recorder_thread
    from honeyframe.recording_writer import RecordingWriter

    def commit(writer: RecordingWriter) -> bool:
        raise hf.RecordingStorageError("no room is left")

    kept: Any = vars(recorder_thread).setdefault("_kept_for_a_test", (RecordingWriter.commit, recorder_thread._LAST_SECONDS))
    RecordingWriter.commit, recorder_thread._LAST_SECONDS = (commit, 0.5) if fails else kept  # type: ignore[method-assign, misc]


def test_read_mqtt_gives_a_dask_dataframe(hivemq: HiveMQ, dask: Any, topic: str) -> None:
    uri = hivemq.uri("mqtt", "127.0.0.1")
    with Load(uri, topic, 500, 4):
        ddf = hf.dask.read_mqtt(uri, f"{topic}/{{line}}", seconds=20, rows=600, part_rows=200)
    assert ddf.npartitions >= 3
    frame = ddf.compute()
    assert len(frame) >= 600
    assert ddf.npartitions <= 4 + 2 * len(frame) / 200, "neighbours are not joined"
    assert frame["n"].is_unique
    assert frame.dtypes.equals(ddf.dtypes)
    assert set(frame["_seat"]) == {0, 1, 2, 3}
    assert ddf.groupby("line")["n"].count().compute().sum() == len(frame)
    assert ddf.honeyframe.stats["spooled"].sum() == len(frame)
    assert set(ddf.honeyframe.ledger.query("event == 'connected'")["seat"]) == {0, 1, 2, 3}
    sessions = hf.usage(sessions=True)
    assert not sessions["client_id"].str.startswith("honeyframe-").any(), "a session was left with the broker"


def test_the_temporary_spools_stay_as_long_as_a_frame_that_is_made_of_them(mosquitto: Mosquitto, dask: Any, topic: str) -> None:
    uri = mosquitto.uri("mqtt", "127.0.0.1")
    with Load(uri, topic, 100, 2):
        ddf = hf.dask.read_mqtt(uri, f"{topic}/{{line}}", seconds=20, rows=50)[["n"]]
    gc.collect()
    assert len(ddf.compute()) >= 50


def test_what_was_done_with_is_not_read_again(mosquitto: Mosquitto, dask: Any, tmp_path: Path, topic: str) -> None:
    uri = mosquitto.uri("mqtt", "127.0.0.1")
    found: list[int] = []
    for run in range(2):
        with hf.dask.stream(uri, f"{topic}/#", tmp_path / "spools", sessions=2, end_sessions=run == 1) as stream:
            with hf.connect(uri, username="both", password="both-password") as client:
                client.publish_many(({"n": run * 100 + n} for n in range(100)), f"{topic}/x")
            for ddf in stream.frames(0.5, messages=100, seconds=10):
                found += ddf["n"].compute().tolist()
        with hf.connect(uri, username="both", password="both-password") as client:  # while nobody reads: the broker keeps it
            client.publish_many([{"n": 1000 + run}], f"{topic}/x")
    assert sorted(found)[:201] == [*range(200), 1000]


def test_a_full_spool_takes_more_as_soon_as_what_it_has_is_done_with(mosquitto: Mosquitto, dask: Any, tmp_path: Path, topic: str) -> None:
    uri, found = mosquitto.uri("mqtt", "127.0.0.1"), 0
    more = {"sessions": 1, "spool_max_bytes": 2**20, "block_timeout": 12, "end_sessions": True}
    with (
        hf.dask.stream(uri, f"{topic}/#", tmp_path / "spools", **more) as stream,
        hf.connect(uri, username="both", password="both-password") as client,
    ):
        client.publish_many(({"n": n, "text": "x" * 5000} for n in range(500)), f"{topic}/x")
        time.sleep(1)  # 1 MiB is in the spool, and counted; the rest waits for room
        begin = time.monotonic()
        for rows in stream.map(len, seconds=15):
            found += rows
            if found == 500:
                break
        took, stats = time.monotonic() - begin, stream.stats()
    assert (found, stats["dropped"].sum()) == (500, 0), stats.to_string()
    assert took < 10


def test_frames_that_are_not_taken_are_not_lost(mosquitto: Mosquitto, dask: Any, tmp_path: Path, topic: str) -> None:
    uri = mosquitto.uri("mqtt", "127.0.0.1")
    with hf.dask.stream(uri, f"{topic}/#", tmp_path / "spools", sessions=2, end_sessions=True) as stream:
        with Load(uri, topic, 100, 1):
            pass
        wait_until(lambda: stream.stats()["spooled"].sum() == 100, 10)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("honeyframe.dask_stream._Limit.saw", lambda *_: _divide(pd.DataFrame()))
            with pytest.raises(ZeroDivisionError):
                next(stream.frames(5))
        assert sorted(next(stream.frames(5, messages=100))["n"].compute()) == list(range(100))


def test_errors_of_a_worker_are_typed_in_the_caller(hivemq: HiveMQ, dask: Any, tmp_path: Path) -> None:
    uri = hivemq.uri("mqtt", "127.0.0.1")
    with pytest.raises(hf.SubscribeDenied) as refused:
        hf.dask.read_mqtt(uri, "plant/x", seconds=1, username="pub", password_file=password_file(tmp_path, "pub-password"))
    assert refused.value.filters[0].endswith("/plant/x")
    with pytest.raises(hf.SubscribeDenied):
        hf.dask.read_mqtt(uri.replace("//", "//pub@"), "plant/x", seconds=1, password_file=password_file(tmp_path, "pub-password"))
    with pytest.raises(hf.PermissionDenied):
        hf.dask.read_mqtt(uri, "plant/x", seconds=1, username="both", password_file=password_file(tmp_path, "wrong"))
    with (
        hf.dask.stream(uri, "plant/x", tmp_path / "spools", sessions=1, end_sessions=True) as stream,
        hf.connect(uri, username="both", password="both-password") as client,
    ):
        client.publish("plant/x", {"n": 1}, qos=1)
        with pytest.raises(ZeroDivisionError):
            list(stream.map(_divide, seconds=10))
        assert next(stream.map(len, seconds=10)) == 1  # it is not lost


def test_workers_read_by_a_profile(mosquitto: Mosquitto, dask: Any, tmp_path: Path, topic: str) -> None:
    uri = mosquitto.uri("mqtt", "127.0.0.1")
    options = {"username": "both", "password_file": password_file(tmp_path, "both-password")}
    with ProfileWriter("of-workers", replace=True) as writer:
        writer.write(Profile("of-workers", uri, options))
    with Load(uri, topic, 100, 2):
        ddf = hf.dask.read_mqtt(profile="of-workers", topics=f"{topic}/#", seconds=20, rows=50)
    assert len(ddf.compute()) >= 50
    with pytest.raises(hf.InvalidArgumentError, match="uri and profile are both given"):
        hf.dask.read_mqtt(uri, topic, profile="of-workers")


def _divide(frame: pd.DataFrame) -> float:
    return 1 / 0


def test_more_sessions_than_the_plan_has_are_refused(mosquitto: Mosquitto, dask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HONEYFRAME_PLAN", "10GB, 3")
    uri = mosquitto.uri("mqtt", "127.0.0.1")
    with pytest.raises(hf.InvalidArgumentError, match="4 sessions are more than the 3 that the broker's plan allows"):
        hf.dask.read_mqtt(uri, "a", seconds=1)
    with pytest.warns(hf.NoMessagesWarning, match="on 3 sessions"):
        ddf = hf.dask.read_mqtt(uri, "a", seconds=0.1, sessions=3)
    assert len(ddf.compute()) == 0


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"password": "x"}, "password: no secret travels through Dask"),
        ({"uri": "mqtt://me:x@127.0.0.1"}, "a password in the uri"),
        ({"qos": 2}, "QoS 2 and shared subscriptions"),
        ({"client_id": "me"}, "sets client_id itself"),
        ({"topics": "$share/g/a"}, "leave .share/<group>/ out"),
        ({"seconds": None}, "needs an end"),
        ({"sessions": 0}, "sessions must be at least 1"),
    ],
)
def test_wrong_arguments_say_so_before_anything_starts(dask: Any, options: dict[str, Any], told: str) -> None:
    with pytest.raises(hf.InvalidArgumentError, match=told):
        hf.dask.read_mqtt(**{"uri": "mqtt://127.0.0.1:1", "topics": "a", "seconds": 1, **options})
    with pytest.raises(TypeError, match="did you mean 'event_time'"):
        hf.dask.read_mqtt("mqtt://127.0.0.1:1", "a", event_tim="ts")


CANARY = "c4n4ry-Zq9"


def test_no_surface_of_dask_shows_the_password(
    mosquitto: Mosquitto, dask: Any, tmp_path: Path, topic: str, request: pytest.FixtureRequest
) -> None:
    """Keys, graphs, logs at DEBUG, the scheduler's stories and what its pages are made of; with the right password, and a wrong one."""
    shown: dict[str, str] = {}
    uri = mosquitto.uri("mqtt", "127.0.0.1")
    dask.run(_log_everything)
    dask.run_on_scheduler(_log_everything)
    request.addfinalizer(lambda: (dask.run(_log_nothing), dask.run_on_scheduler(_log_nothing)))
    with Load(uri, topic, 100, 2):
        ddf = hf.dask.read_mqtt(uri, f"{topic}/#", seconds=20, rows=100)
    frame = ddf.compute()
    wrong = password_file(tmp_path, CANARY)
    with pytest.raises(hf.ConnectError) as refused:
        hf.dask.read_mqtt(uri, f"{topic}/#", seconds=1, username="both", password_file=wrong)
    shown["error"] = f"{refused.value!r} {refused.value} {vars(refused.value)} {refused.value.__cause__!r}"
    shown["graph"] = repr(dict(ddf.__dask_graph__())) + repr(pickle.dumps(ddf))
    shown["keys"] = repr([key for key, _ in dask.run_on_scheduler(_tasks)])
    shown["tasks"] = repr(dask.run_on_scheduler(_tasks))
    shown["logs"] = repr(dask.get_worker_logs()) + repr(dask.get_scheduler_logs()) + repr(dask.get_events())
    shown["records"] = repr(dask.run(_records)) + repr(dask.run_on_scheduler(_records))
    shown["info"] = repr(dask.scheduler_info())
    shown["frame"] = frame.to_csv() + str(ddf.honeyframe.ledger.to_csv()) + repr(ddf.honeyframe)
    assert len(shown["records"]) > 10_000, "nothing was logged"
    for surface, text in shown.items():
        for needle in (CANARY, "both-password", CANARY.encode().hex()):
            assert needle not in text, f"{surface} shows it"


class _Kept(logging.Handler):
    records: list[str] = []  # noqa: RUF012 - of the process

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(f"{record.getMessage()} {record.__dict__}")


def _log_everything() -> None:
    root = logging.getLogger()
    root.addHandler(_Kept(logging.DEBUG))
    for name in (None, "distributed", "distributed.core", "distributed.worker", "distributed.scheduler", "honeyframe"):
        logging.getLogger(name).setLevel(logging.DEBUG)
    logging.getLogger("distributed").propagate = True
    logging.getLogger("distributed").handlers.clear()


def _log_nothing() -> None:
    root = logging.getLogger()
    for handler in [one for one in root.handlers if isinstance(one, _Kept)]:
        root.removeHandler(handler)
    for name in (None, "distributed", "distributed.core", "distributed.worker", "distributed.scheduler", "honeyframe"):
        logging.getLogger(name).setLevel(logging.WARNING)
    _Kept.records.clear()


def _records() -> list[str]:
    return list(_Kept.records)


def _tasks(dask_scheduler: Any) -> list[tuple[str, str]]:
    found = [(str(key), f"{state.run_spec!r} {state.annotations!r}") for key, state in dask_scheduler.tasks.items()]
    return found + [(str(entry), repr(entry)) for entry in list(dask_scheduler.transition_log)]


def test_import_does_not_import_dask() -> None:
    import subprocess
    import sys

    code = "import sys, honeyframe; assert 'dask' not in sys.modules and 'distributed' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
