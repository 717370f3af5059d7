"""What is told: events as log records, conflicts as warnings, and nothing of an attacker's in a log."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
from typing import Any

import pytest

from honeyframe.errors import ConflictWarning, GapWarning, MessagesDroppedWarning
from honeyframe.events import SessionLog, StreamLog, error_from_event, printable, warn


class FakeSession:
    """Events by hand: a real session's cannot be ordered."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.state = "connected"
        self.here = threading.Condition()

    def happen(self, kind: str, **more: Any) -> None:
        with self.here:
            self.events.append({"kind": kind, "time_ns": 0, "code": "", "detail": "", **more})
            self.here.notify_all()

    def wait_event(self, timeout: float) -> bool:
        with self.here:
            return bool(self.events) or (self.state != "closed" and self.here.wait(timeout))

    def take_events(self) -> list[dict[str, Any]]:
        with self.here:
            events, self.events = self.events, []
            return events

    def info(self) -> dict[str, Any]:
        return {"state": self.state}


@pytest.fixture
def session() -> FakeSession:
    return FakeSession()


@pytest.fixture
def log(session: FakeSession, caplog: pytest.LogCaptureFixture) -> SessionLog:
    caplog.set_level(logging.DEBUG, "honeyframe")
    return SessionLog(session, "client.1")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "level"),
    [
        ("connected", "INFO"),
        ("packet_refused", "ERROR"),
        ("connection_lost", "WARNING"),
        ("retrying", "WARNING"),
        ("gap", "WARNING"),
        ("refused", "ERROR"),
        ("subscribe_refused", "ERROR"),
        ("taken_over", "ERROR"),
    ],
)
def test_levels(session: FakeSession, log: SessionLog, caplog: pytest.LogCaptureFixture, kind: str, level: str) -> None:
    session.happen(kind, detail="the detail", code="connection_lost", message="what happened", hint="do this")
    assert log.drain() == 1
    (record,) = caplog.records
    assert (record.levelname, record.name) == (level, "honeyframe.client_1")
    for part in (kind.replace("_", " "), "the detail", "what happened", "do this"):
        assert part in record.message
    assert "\n" not in record.message


def test_a_random_client_id_makes_no_logger(session: FakeSession, caplog: pytest.LogCaptureFixture) -> None:
    """logging keeps a logger for ever: one a connection would be a leak."""
    caplog.set_level(logging.DEBUG, "honeyframe")
    before = set(logging.Logger.manager.loggerDict)
    log = SessionLog(session, "honeyframe-1f\n2e", chosen=False)  # type: ignore[arg-type]
    session.happen("connection_lost", detail="the detail")
    log.drain()
    StreamLog(log.logger).tell([("column_added", "t", "")])
    assert set(logging.Logger.manager.loggerDict) == before
    assert [record.name for record in caplog.records] == ["honeyframe"] * 2
    assert [vars(record)["honeyframe_client"] for record in caplog.records] == ["honeyframe-1f\\n2e"] * 2
    assert [vars(record)["honeyframe_event"] for record in caplog.records] == ["connection_lost", "column_added"]


def test_a_chosen_client_id_names_the_logger_and_is_in_the_record(
    session: FakeSession, log: SessionLog, caplog: pytest.LogCaptureFixture
) -> None:
    session.happen("gap")
    log.drain()
    assert (caplog.records[0].name, vars(caplog.records[0])["honeyframe_client"]) == ("honeyframe.client_1", "client.1")


def test_terminal_escapes_do_not_reach_the_log(session: FakeSession, log: SessionLog, caplog: pytest.LogCaptureFixture) -> None:
    session.happen("subscribe_refused", detail="topic \x1b[2J\r\nFAKE LINE")
    log.drain()
    assert "\x1b" not in caplog.text
    assert "\\x1b[2J\\r\\nFAKE LINE" in caplog.records[0].message


def test_gaps_are_counted(session: FakeSession, log: SessionLog) -> None:
    session.happen("gap")
    session.happen("gap")
    log.drain()
    assert log.gaps == 2


def test_the_thread_tells_at_once_and_ends_with_the_session(
    session: FakeSession, log: SessionLog, caplog: pytest.LogCaptureFixture
) -> None:
    log.start()
    session.happen("connected")
    until = time.monotonic() + 2
    while not caplog.records and time.monotonic() < until:
        time.sleep(0.01)
    assert caplog.records
    session.state = "closed"
    session.happen("closed")
    log._thread.join(3)
    assert not log._thread.is_alive()
    assert caplog.records[-1].message == "closed"


def test_stop_ends_the_thread(log: SessionLog) -> None:
    log.start()
    log.stop(3)
    assert not log._thread.is_alive()
    log.stop()


def test_no_error_in_an_event_that_has_none() -> None:
    assert error_from_event({"code": ""}) is None
    assert error_from_event({"code": "ok"}) is None
    assert error_from_event({}) is None


def test_printable() -> None:
    assert printable("käfer/🐝") == "käfer/🐝"
    assert printable("a\tb\x00\u2028") == "a\\tb\\x00\\u2028"


class TestStreamLog:
    def test_conflicts_warn_together_and_once_a_column(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO, "honeyframe")
        log = StreamLog(logging.getLogger("honeyframe"))
        with pytest.warns(ConflictWarning) as caught:
            log.tell([("misfit", "t", "expected int64"), ("misfit", "u", "expected bool"), ("misfit", "t", "again")])
        assert [str(warning.message) for warning in caught] == ["misfit: t: expected int64, misfit: u: expected bool"]
        log.tell([("misfit", "t", "once more")])
        assert len(caplog.records) == 4

    def test_many_conflicts_are_shortened(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO, "honeyframe")
        log = StreamLog(logging.getLogger("honeyframe"))
        with pytest.warns(ConflictWarning) as caught:
            log.tell([("column_widened", f"c{i}", "") for i in range(7)])
        assert [str(warning.message) for warning in caught] == [", ".join(f"column widened: c{i}" for i in range(5)) + " and 2 more"]
        assert len(caplog.records) == 7
        with pytest.warns(ConflictWarning) as caught:
            log.tell([("misfit", f"c{i}", "") for i in range(5)])
        assert str(caught[0].message).endswith("misfit: c4")

    def test_new_columns_are_only_logged(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO, "honeyframe")
        StreamLog(logging.getLogger("honeyframe")).tell([("column_added", "t", "")])
        assert caplog.records[0].levelname == "INFO"

    def test_drops_warn_once_an_episode(self) -> None:
        log = StreamLog(logging.getLogger("honeyframe"))
        log.tell_drops({"dropped": 0})
        with pytest.warns(MessagesDroppedWarning, match="5 messages"):
            log.tell_drops({"dropped": 5})
        log.tell_drops({"dropped": 9})  # the same episode
        log.tell_drops({"dropped": 9})
        with pytest.warns(MessagesDroppedWarning, match="^1 message dropped"):
            log.tell_drops({"dropped": 10})

    def test_drops_are_told_by_their_cause(self) -> None:
        log = StreamLog(logging.getLogger("honeyframe"), "read faster", {"damaged": "look at the disk"})
        for counters, remedy in (
            ({"dropped": 2, "damaged": 2}, "look at the disk"),
            ({"dropped": 3, "damaged": 2}, "read faster"),
            ({"dropped": 5, "damaged": 3}, "read faster; look at the disk"),
        ):
            with pytest.warns(MessagesDroppedWarning, match=f"dropped: {remedy}; stream.ledger"):
                log.tell_drops(counters)
            log.tell_drops(counters)

    def test_gaps_warn_once_each(self) -> None:
        log = StreamLog(logging.getLogger("honeyframe"))
        log.tell_gaps(0)
        with pytest.warns(GapWarning):
            log.tell_gaps(1)
        log.tell_gaps(1)
        with pytest.warns(GapWarning):
            log.tell_gaps(2)


def test_warnings_point_at_the_caller() -> None:
    with pytest.warns(UserWarning, match="look") as caught:
        warn("look", UserWarning)
    assert caught[0].filename == __file__


@pytest.mark.parametrize("configured", [False, True])
def test_where_logging_is_not_configured_nothing_is_printed_twice_or_not_at_all(configured: bool) -> None:
    code = """
import logging, sys
from honeyframe.events import ClientLogger, SessionLog, StreamLog
if sys.argv[1] == "True":
    logging.basicConfig(format="LOG %(message)s")
log = StreamLog(ClientLogger(logging.getLogger("honeyframe").getChild("me"), "me"))
log.tell_drops({"dropped": 5})
log.tell_spool([("damaged", 0, "a spool is damaged")])
log.logger.warning("connection lost")
log.logger.info("connected")
"""
    done = subprocess.run([sys.executable, "-c", code, str(configured)], capture_output=True, text=True, timeout=30, check=True)
    lines = [line for line in done.stderr.splitlines() if not line.startswith("  ")]  # of source
    assert [line.count("5 messages dropped") for line in lines].count(1) == 1 + configured
    assert [line.count("a spool is damaged") for line in lines].count(1) == 1 + configured
    assert [line for line in lines if "connection lost" in line] == ["LOG connection lost" if configured else "connection lost"]
    assert "connected" not in done.stderr
