"""What a process's sessions moved, on its way into the book; and that nothing of it ever reaches a stream."""

from __future__ import annotations

import itertools
import json
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.brokers.scripted import ScriptedBroker, serve
from tests.waiting import wait_until

import honeyframe as hf
from honeyframe import traffic_meter
from honeyframe.credentials import Secret
from honeyframe.traffic_book import BookFile, KeptSession, Month, to_text, utc_now
from honeyframe.traffic_meter import Meter, size_text, time_text
from honeyframe.traffic_plan import month_of
from honeyframe.uri import Address

CLOUD = "abc123.s1.eu.hivemq.cloud"
GB = 10**9


@dataclass
class FakeSession:
    """What the meter asks of a session."""

    protocol: str = "5.0"
    state: str = "connected"
    connects: int = 1
    expiry: int | None = None
    moved: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("mqtt_bytes_in", "mqtt_bytes_out", "wire_bytes_in", "wire_bytes_out"), 0)
    )
    exact: bool = True

    def info(self) -> dict[str, Any]:
        return {
            **self.moved,
            "state": self.state,
            "connects": self.connects,
            "protocol": self.protocol,
            "client_id": "bridge",
            "server_session_expiry": self.expiry,
            "bytes_are_exact": self.exact,
        }


def address(host: str = CLOUD) -> Address:
    return Address(Secret(f"mqtts://{host}"), "mqtts", host, 8883, None, False, f"mqtts://{host}:8883")


@pytest.fixture(autouse=True)
def _own_book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setattr(traffic_meter, "_meter", traffic_meter.Meter())


@pytest.fixture
def meter(monkeypatch: pytest.MonkeyPatch) -> Meter:
    monkeypatch.setattr(traffic_meter, "_MIN_RUN_SECONDS", 0.0)
    return Meter()


def watch(meter: Meter, session: FakeSession, host: str = CLOUD, *, clean_start: bool = True, session_expiry: float = 0) -> FakeSession:
    meter.watch(session, address(host), clean_start=clean_start, session_expiry=session_expiry)  # type: ignore[arg-type]
    return session


def this_month(host: str = CLOUD) -> Month:
    return BookFile().read().brokers[host][month_of(utc_now())]


def used_before(size: int, *, seconds_ago: float, host: str = CLOUD, warned: str = "") -> None:
    """As if earlier runs had moved so much, beginning then. Where the month is too young for that, it began with it."""
    import datetime

    now = utc_now()
    begin = max(now - datetime.timedelta(seconds=seconds_ago), now.replace(day=1, hour=0, minute=0, second=0))
    month = Month(wire_bytes_in=size, first=to_text(begin), last=to_text(now), warned=warned)
    BookFile().update(lambda book: book.brokers.setdefault(host, {}).__setitem__(month_of(now), month))


# --- counting


def test_each_write_adds_what_is_new(meter: Meter) -> None:
    one, two = watch(meter, FakeSession()), watch(meter, FakeSession())
    one.moved["wire_bytes_in"] = 100
    two.moved["mqtt_bytes_out"] = 7
    meter.write()
    meter.write()
    assert (this_month().wire_bytes_in, this_month().mqtt_bytes_out, this_month().connects) == (100, 7, 2)
    assert this_month().most_sessions == 2
    one.moved["wire_bytes_in"] = 250
    one.connects = 3
    meter.write()
    assert (this_month().wire_bytes_in, this_month().connects) == (250, 4)


def test_a_closed_session_is_counted_to_its_end_and_forgotten(meter: Meter) -> None:
    session = watch(
        meter, FakeSession(state="closed", moved={"mqtt_bytes_in": 1, "mqtt_bytes_out": 2, "wire_bytes_in": 3, "wire_bytes_out": 4})
    )
    meter.settle(session)  # type: ignore[arg-type]
    assert this_month().wire_bytes == 7
    assert this_month().most_sessions == 1
    session.moved["wire_bytes_in"] = 999
    meter.write()
    meter.settle(session)  # type: ignore[arg-type]
    assert this_month().wire_bytes == 7


def test_what_is_estimated_says_so(meter: Meter) -> None:
    session = watch(meter, FakeSession(exact=False))
    session.moved["wire_bytes_in"] = 100
    meter.write()
    assert this_month().estimated_bytes == 100


def test_it_is_written_soon_and_then_every_half_minute(meter: Meter, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(traffic_meter.time, "monotonic", lambda: now[0])
    written: list[float] = []
    monkeypatch.setattr(meter, "_write", lambda *_: (written.append(now[0]), setattr(meter, "_due", now[0] + traffic_meter._INTERVAL)))
    watch(meter, FakeSession())
    for _ in range(1000):
        meter.tick()
        now[0] += 0.5
    assert written[0] <= 1005.5
    gaps = [late - early for early, late in itertools.pairwise(written)]
    assert max(gaps) <= 30.5, "a crash loses less than a minute"


def test_threads_that_write_at_once_lose_nothing(meter: Meter) -> None:
    sessions = [watch(meter, FakeSession()) for _ in range(4)]

    def work(session: FakeSession) -> None:
        for _ in range(25):
            session.moved["wire_bytes_in"] += 1
            meter.write(sync=False)

    threads = [threading.Thread(target=work, args=(session,)) for session in sessions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert this_month().wire_bytes_in == 100


def test_others_that_hold_the_lock_are_not_waited_for_long(meter: Meter) -> None:
    import fcntl

    session = watch(meter, FakeSession())
    meter.write()
    session.moved["wire_bytes_in"] = 5
    with BookFile().path.with_name("usage.lock").open() as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        begin = time.monotonic()
        with pytest.warns(hf.errors.UsageWarning, match="usage is not kept: .*others held it"):
            meter.write(patience=0.1)
        assert time.monotonic() - begin < 1.5
    meter.write()
    assert this_month().wire_bytes_in == 5


def test_off_is_off(meter: Meter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HONEYFRAME_USAGE", "off")
    watch(meter, FakeSession())
    meter.write()
    assert not BookFile().path.parent.exists()


# --- what goes wrong


def test_a_home_that_cannot_be_written_is_told_once(meter: Meter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = tmp_path / "a file, and no directory"
    blocked.write_text("")
    monkeypatch.setenv("XDG_DATA_HOME", str(blocked))
    session = watch(meter, FakeSession())
    session.moved["wire_bytes_in"] = 5
    with pytest.warns(hf.errors.UsageWarning, match="usage is not kept: .*a file, and no directory"):
        meter.write()
    meter.write()  # and not again: warnings are errors here
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    meter.write()
    assert this_month().wire_bytes_in == 5, "what could not be written before"


def test_a_damaged_book_is_kept_and_begun_anew(meter: Meter) -> None:
    path = BookFile().path
    path.parent.mkdir(parents=True)
    path.write_text("{ half a file")
    watch(meter, FakeSession()).moved["wire_bytes_in"] = 5
    with pytest.warns(hf.errors.UsageWarning, match="is damaged, and begun anew.*usage.damaged-1.json"):
        meter.write()
    assert this_month().wire_bytes_in == 5
    assert (path.parent / "usage.damaged-1.json").read_text() == "{ half a file"


def test_a_warning_that_is_an_error_ends_no_thread(meter: Meter, caplog: pytest.LogCaptureFixture) -> None:
    used_before(11 * GB, seconds_ago=3600)
    watch(meter, FakeSession())
    meter.write()  # filterwarnings = error, in this project's tests
    assert "11 GB this month, and the plan has 10 GB" in caplog.text


def test_a_session_that_ended_is_forgotten_though_nothing_could_be_written_then(
    meter: Meter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch(meter, FakeSession(state="closed"), session_expiry=3600)
    meter.write()
    watch(meter, FakeSession(state="closed"))  # the same client id, and no expiry
    assert len(BookFile().read().kept) == 1
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "file"))
    with pytest.warns(hf.errors.UsageWarning, match="usage is not kept"):
        meter.write()
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    meter.write()
    assert BookFile().read().kept == []


def test_without_a_home_it_stays_off_and_says_so_once(meter: Meter, no_home: None) -> None:
    watch(meter, FakeSession()).moved["wire_bytes_in"] = 5
    with pytest.warns(
        hf.errors.UsageWarning, match="usage is not kept: there is no home directory for this user. Set HOME, or XDG_DATA_HOME"
    ):
        meter.write()
    meter.write()


# --- plans


def warns(meter: Meter) -> list[str]:
    import warnings

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        meter.write()
    assert all(issubclass(one.category, hf.errors.UsageWarning) for one in caught)
    return [str(one.message) for one in caught]


def test_it_warns_once_where_the_plan_is_used_up(meter: Meter) -> None:
    used_before(11 * GB, seconds_ago=3600)
    watch(meter, FakeSession())
    (text,) = warns(meter)
    assert text.startswith(f"{CLOUD}: 11 GB this month, and the plan has 10 GB")
    assert warns(meter) == []
    other_process = Meter()
    watch(other_process, FakeSession())
    assert warns(other_process) == [], "once a day over all processes"


def test_it_warns_where_the_pace_is_too_fast() -> None:
    meter = Meter()
    meter._begin -= 600
    used_before(GB, seconds_ago=3600)
    watch(meter, FakeSession())
    if (utc_now() - utc_now().replace(day=1, hour=0, minute=0, second=0)).total_seconds() > 7200:
        (text,) = warns(meter)
        assert "1 GB so far this month; at this pace the plan's 10 GB are used up in 9 hours" in text


def test_the_first_minutes_of_a_run_and_of_a_month_warn_of_no_pace() -> None:
    young = Meter()
    used_before(GB, seconds_ago=3600)
    watch(young, FakeSession())
    assert warns(young) == []
    old = Meter()
    old._begin -= 600
    used_before(GB, seconds_ago=500)
    watch(old, FakeSession())
    assert warns(old) == []


def test_a_slow_pace_is_no_reason_to_warn() -> None:
    meter = Meter()
    meter._begin -= 600
    used_before(GB // 1000, seconds_ago=3600)
    watch(meter, FakeSession())
    assert warns(meter) == []


@pytest.mark.parametrize("host", ["broker.example", "127.0.0.1", "localhost", "::1"])
def test_brokers_without_a_plan_are_not_warned_of(meter: Meter, host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if host != "broker.example":
        monkeypatch.setenv("HONEYFRAME_PLAN", "1kB")  # loopback never
    used_before(500 * GB, seconds_ago=3600, host=host)
    watch(meter, FakeSession(), host)
    assert warns(meter) == []


def test_a_plan_that_is_set_is_warned_of(meter: Meter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HONEYFRAME_PLAN", "1kB")
    watch(meter, FakeSession(), "broker.example").moved["wire_bytes_in"] = 1000
    (text,) = warns(meter)
    assert "broker.example: 1 kB this month, and the plan has 1 kB" in text


def test_a_plan_that_cannot_be_read_is_told_once(meter: Meter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HONEYFRAME_PLAN", "a lot")
    watch(meter, FakeSession()).moved["wire_bytes_in"] = 1000
    (text,) = warns(meter)
    assert "no plan is known: HONEYFRAME_PLAN has 'a lot'" in text
    assert warns(meter) == []
    assert this_month().wire_bytes_in == 1000


def test_too_many_sessions_are_warned_of(meter: Meter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HONEYFRAME_PLAN", "10GB, 2")
    kept = KeptSession(CLOUD, f"mqtts://{CLOUD}:8883", "another", "5.0", 3600, to_text(utc_now()))
    BookFile().update(lambda book: book.keep(kept))
    for _ in range(2):
        watch(meter, FakeSession())
    (text,) = warns(meter)
    assert f"{CLOUD}: 3 sessions of ours, and the plan has 2" in text


# --- sessions that stay


@pytest.mark.parametrize(
    ("session", "options", "expiry"),
    [
        (FakeSession("5.0"), {"session_expiry": 3600.0}, 3600),
        (FakeSession("5.0", expiry=60), {"session_expiry": 3600.0}, 60),  # what the broker granted
        (FakeSession("3.1.1"), {"clean_start": False}, None),
    ],
)
def test_sessions_that_the_broker_keeps_are_remembered(
    meter: Meter, session: FakeSession, options: dict[str, Any], expiry: int | None
) -> None:
    watch(meter, session, **options)
    meter.connected(session)  # type: ignore[arg-type]
    (kept,) = BookFile().read().kept
    assert (kept.client_id, kept.expiry_seconds, kept.connected, kept.protocol) == ("bridge", expiry, True, session.protocol)
    session.state = "closed"
    meter.settle(session)  # type: ignore[arg-type]
    (kept,) = BookFile().read().kept
    assert not kept.connected
    assert BookFile().read().sessions_now(CLOUD, utc_now()) == 1


def test_a_session_that_ends_with_its_connection_is_forgotten(meter: Meter) -> None:
    first = watch(meter, FakeSession(), session_expiry=3600)
    first.state = "closed"
    meter.write()
    assert len(BookFile().read().kept) == 1
    watch(meter, FakeSession())  # the same client id, and no expiry
    meter.write()
    assert BookFile().read().kept == []


def test_it_is_remembered_though_nothing_could_be_written_when_it_closed(
    meter: Meter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "file"))
    session = watch(meter, FakeSession(state="closed"), session_expiry=3600)
    with pytest.warns(hf.errors.UsageWarning, match="usage is not kept"):
        meter.settle(session)  # type: ignore[arg-type]
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    meter.write()
    assert [one.client_id for one in BookFile().read().kept] == ["bridge"]
    assert this_month().connects == 1


def test_one_that_never_connected_is_not_kept(meter: Meter) -> None:
    watch(meter, FakeSession(state="closed", connects=0), session_expiry=3600)
    meter.write()
    assert BookFile().read().kept == []


# --- real sessions


def test_a_client_is_in_the_book_when_it_is_closed() -> None:
    with ScriptedBroker(serve) as broker:
        with hf.connect(broker.uri()) as client:
            client.publish("a/b", "x" * 1000, qos=1)
            before = client.stats()
        after = client.stats()
        assert after["mqtt_bytes_out"] == before["mqtt_bytes_out"] + 2, "DISCONNECT"
        assert after["wire_bytes_out"] == after["mqtt_bytes_out"] > 1000
        month = this_month("127.0.0.1")
        assert (month.mqtt_bytes_out, month.mqtt_bytes_in) == (after["mqtt_bytes_out"], after["mqtt_bytes_in"])


def test_a_client_that_is_dropped_is_in_the_book_soon() -> None:
    with ScriptedBroker(serve) as broker:
        client = hf.connect(broker.uri())
        client.publish("a/b", "x" * 1000, qos=1)
        del client
        wait_until(lambda: BookFile().path.exists() and this_month("127.0.0.1").mqtt_bytes_out > 1000)


PROGRAM = """
import sys, time
import honeyframe as hf
from honeyframe import traffic_meter
traffic_meter._FIRST = 0.2
client = hf.connect(sys.argv[1])
client.publish("a/b", "x" * 1000, qos=1)
print("published", flush=True)
if len(sys.argv) > 2:
    time.sleep(60)
"""


@pytest.mark.parametrize("how", ["ends", "is killed"])
def test_a_process_that_ends_or_is_killed_has_written(how: str) -> None:
    with ScriptedBroker(serve) as broker:
        more = ["stay"] if how == "is killed" else []
        with subprocess.Popen([sys.executable, "-c", PROGRAM, broker.uri(), *more], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "published\n"
            if how == "is killed":
                wait_until(lambda: BookFile().path.exists() and this_month("127.0.0.1").mqtt_bytes_out > 1000)
                process.send_signal(signal.SIGKILL)
            process.wait(20)
    assert this_month("127.0.0.1").mqtt_bytes_out > 1000
    json.loads(BookFile().path.read_text())


# --- words


def test_sizes_and_times_in_words() -> None:
    assert [size_text(size) for size in (0, 999, 1000, 1_234_567, 10 * GB, 999_600_000_000, 1.5e12)] == [
        "0 B", "999 B", "1 kB", "1.23 MB", "10 GB", "1 TB", "1.5 TB",
    ]  # fmt: skip
    assert [time_text(seconds) for seconds in (5, 120, 5_400, 86_400, 1e6)] == ["1 minute", "2 minutes", "2 hours", "24 hours", "12 days"]
