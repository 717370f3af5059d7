"""Seats: what runs on Dask's workers. A seat is a session on a shared subscription, and the spool that it writes.

A seat has its client id, and so its session with the broker, and its spool's directory for good, and is taken by one worker after the
other: who takes it goes on where a lost one ended. Nothing here is a task: it has no key, and no place in a graph or on the dashboard.
"""

from __future__ import annotations

import asyncio
import contextlib
import pickle
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import distributed
from tornado.ioloop import PeriodicCallback

from .connection import connect
from .dask_directory import read_ingest
from .dask_parts import SEQUENCE, digest
from .errors import HoneyframeError, InvalidArgumentError
from .recorder_thread import Release
from .spool import RAW, open_spool
from .traffic_usage import end_session

if TYPE_CHECKING:
    import pandas as pd

    from .client import Client
    from .recorder import Recorder
    from .stream import Stream

OPERATION: Final = "honeyframe_seats"
_PIECE_ROWS: Final = 5_000  # messages of a piece, at most: parts are made of whole pieces
_PIECE_SECONDS: Final = 0.1
_LEDGER_SECONDS: Final = 2.0
_FORGOTTEN_SECONDS: Final = 120.0  # without a look of the caller, which may be waiting for other workers meanwhile: then it is gone
_FORGOTTEN_TICK: Final = 5.0
_RAW: Final[dict[str, Any]] = {**RAW, "metadata": ["spool_seq"]}


@dataclass(frozen=True, slots=True)
class SeatPlan:
    """What a worker needs to take a seat. No secret: a worker finds the password where it runs."""

    ingest: str
    number: int
    uri: str | None  # None: a profile says it
    client_id: str
    filters: tuple[str, ...]
    directory: str
    connect: Mapping[str, Any]  # options of connect()
    stream: Mapping[str, Any]  # options of Client.stream()
    in_flight: int  # messages that a broker may send before it has an acknowledgement
    counted: int = 0  # the number in the spool up to which pieces are known
    done: int = 0  # and up to which it may be deleted
    record: Mapping[str, Any] | None = None  # options of Client.record(), where it records
    run: str = ""  # of the caller: an earlier one's seats are no longer its own


@dataclass(frozen=True, slots=True)
class Piece:
    first: int
    last: int
    messages: int


@dataclass(slots=True)
class SeatReport:
    """How a seat is. ``pieces`` are those that are not known yet where it goes, and may be told again."""

    number: int
    pieces: list[Piece] = field(default_factory=list)
    suspects: frozenset[bytes] = frozenset()  # what the one before may not have acknowledged: may come again, to anybody
    begin: int = 1  # the first number of this run
    counters: dict[str, int] = field(default_factory=dict)
    ledger: pd.DataFrame | None = None
    error: BaseException | None = None


class Seat:
    """A seat that is taken, on its worker. Its thread reads what is written, to know how far it is; the writer holds what is not done."""

    def __init__(self, plan: SeatPlan) -> None:
        self.plan = plan
        self.looked_at = time.monotonic()
        self._pieces: list[Piece] = []
        self._lock = threading.Lock()
        self._error: BaseException | None = None
        self._ledger_at = 0.0
        self._counted = plan.counted
        self._done = plan.done
        self.suspects: frozenset[bytes] = frozenset()
        self.client: Client = connect(
            plan.uri, client_id=plan.client_id, clean_start=False, receive_maximum=plan.in_flight, **dict(plan.connect)
        )
        try:
            self.stream: Stream = self.client.stream(
                *plan.filters, delivery="spooled", spool=plan.directory, spool_from=plan.done + 1, **_RAW, **dict(plan.stream)
            )
            self._release = Release(self.stream, plan.done)
            spool = self.stream._spool
            self.begin: int = getattr(spool, "first_sequence", 1)
            self.suspects = last_messages(plan.directory, self.begin - plan.in_flight, self.begin - 1)
            self._meter = open_spool(plan.directory, plan.counted + 1, follow=True, **_RAW)
        except BaseException:
            self.client.close()
            raise
        self._thread = threading.Thread(target=self._count, name=f"honeyframe-seat-{plan.number}", daemon=True)
        self._thread.start()

    def _count(self) -> None:
        try:
            for batch in self._meter.batches(max_rows=_PIECE_ROWS, max_seconds=_PIECE_SECONDS, yield_empty=True):
                if batch.num_rows:
                    numbers = batch.to_arrow().column(SEQUENCE)
                    with self._lock:
                        self._counted = numbers[-1].as_py()
                        self._pieces.append(Piece(numbers[0].as_py(), self._counted, len(numbers)))
                self._release(self._done)
                with contextlib.suppress(Warning):
                    self.stream._tell_all(idle=True)
        except BaseException as error:
            self._error = error

    def report(self, known: tuple[int, int] | None = None) -> SeatReport:
        """``known``: up to which number pieces have arrived where they go, an answer may be lost; and up to which they are done with."""
        counted, done = known or (0, 0)
        self._done = max(self._done, done)
        error = self._error
        try:
            if error is None and self.client.closed:
                self.client._raise_if_broken()
        except HoneyframeError as broken:
            error = broken
        with self._lock:
            self._pieces = [piece for piece in self._pieces if piece.last > counted]
            report = SeatReport(self.plan.number, list(self._pieces), error=error)
        with contextlib.suppress(HoneyframeError):
            stats = self.stream.stats()
            report.counters = {name: getattr(stats, name) for name in ("received", "dropped", "rejected", "duplicates")}
            if time.monotonic() - self._ledger_at > _LEDGER_SECONDS:
                self._ledger_at = time.monotonic()
                report.ledger = self.stream.ledger()
        return report

    def ledger_is_due(self) -> None:
        self._ledger_at = 0.0

    def leave(self, *, end: bool) -> SeatReport:
        """Ends it here: the session goes on with the broker, or ends as well."""
        self.ledger_is_due()
        report = self.report()
        self.stream.close(unsubscribe=False)  # what comes until the connection is down is still written
        self.client.close()
        self._meter.close()
        self._thread.join(5.0)
        with self._lock:
            report.pieces = [*self._pieces]
        report.pieces += rest_of(self.plan.directory, self._counted)
        if end:
            _end_session(self.plan)
        return report


class RecordingSeat:
    """A seat that records what it gets, to a recording of its own. Who takes it after a loss goes on with it."""

    suspects: frozenset[bytes] = frozenset()
    begin = 1

    def __init__(self, plan: SeatPlan) -> None:
        self.plan = plan
        self.looked_at = time.monotonic()
        self.client: Client = connect(plan.uri, client_id=plan.client_id, clean_start=False, **dict(plan.connect))
        try:
            self.recorder: Recorder = self.client.record(plan.directory, plan.filters, **dict(plan.record or {}))
        except BaseException:
            self.client.close()
            raise
        self._ledger_at = time.monotonic()
        self._error: Exception | None = None

    def ledger_is_due(self) -> None:
        self._ledger_at = 0.0

    def report(self, known: tuple[int, int] | None = None) -> SeatReport:
        report = SeatReport(self.plan.number)
        stats = self.recorder.stats()
        report.counters = {name: getattr(stats, name) for name in ("received", "recorded", "dropped", "rejected")}
        if time.monotonic() - self._ledger_at > _LEDGER_SECONDS:
            self._ledger_at = time.monotonic()
            report.ledger = self.recorder._stream.ledger()
        try:
            self.recorder._raise_error()  # once: an answer may be lost
        except Exception as error:
            self._error = error
        report.error = self._error
        return report

    def leave(self, *, end: bool) -> SeatReport:
        """What has come until the connection is down is written, and committed."""
        self.ledger_is_due()
        report = self.report()
        self.client.close()
        try:
            stats = self.recorder.stop()
            report.counters = {name: getattr(stats, name) for name in report.counters}
        except Exception as error:
            report.error = error
        if end:
            _end_session(self.plan)
        return report


def _end_session(plan: SeatPlan) -> None:
    with contextlib.suppress(HoneyframeError):  # a broker that is away forgets it by itself
        end_session(plan.client_id, plan.uri, force=True, **_ending(plan.connect))


def _ending(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name not in ("session_expiry", "reconnect")}


def last_messages(directory: str, first: int, last: int) -> frozenset[bytes]:
    """Digests of messages ``first`` to ``last``."""
    if last < 1 or not any(Path(directory).glob("*.hfspool")):
        return frozenset()
    found: set[bytes] = set()
    with open_spool(directory, max(1, first), **RAW, metadata=["topic", "spool_seq"]) as stream:
        for batch in stream.batches(max_rows=_PIECE_ROWS, max_seconds=0):
            arrow = batch.to_arrow()
            rows = zip(*(arrow.column(name).to_pylist() for name in ("_topic", "value_raw", SEQUENCE)), strict=True)
            found |= {digest(topic, payload or b"") for topic, payload, number in rows if number <= last}
            if arrow.column(SEQUENCE)[-1].as_py() >= last:
                break
    return frozenset(found)


def rest_of(directory: str, counted: int) -> list[Piece]:
    """The pieces behind number ``counted``, of a spool that nobody writes."""
    pieces = []
    with open_spool(directory, counted + 1, **_RAW) as stream:
        for batch in stream.batches(max_rows=_PIECE_ROWS, max_seconds=0.2):
            numbers = batch.to_arrow().column(SEQUENCE)
            pieces.append(Piece(numbers[0].as_py(), numbers[-1].as_py(), len(numbers)))
    return pieces


# --- what the caller's process calls here

_taken: dict[tuple[str, int], Seat | RecordingSeat] = {}


class SeatsPlugin(distributed.WorkerPlugin):
    """Gives each worker, those that come later too, the operation by which seats are taken, looked at and left.

    An operation of the worker as Dask's own are: it is called several times a second, and neither a task nor in the logs.
    """

    name = "honeyframe-seats"
    idempotent = True

    def setup(self, worker: Any) -> None:
        worker.handlers[OPERATION] = operate
        self._tick = PeriodicCallback(leave_forgotten_seats, _FORGOTTEN_TICK * 1000)
        self._tick.start()

    async def teardown(self, worker: Any) -> None:
        """A worker that goes in good order says goodbye: its seats are free at once."""
        self._tick.stop()
        await leave_seats(None, None, end=False)


async def operate(action: str, content: bytes) -> dict[str, Any]:
    arguments = pickle.loads(content)
    actions: dict[str, Any] = {"take": take_seats, "look": look_at_seats, "leave": leave_seats, "leave_earlier": leave_earlier_seats}
    result = await actions[action](**arguments)
    return {"status": "OK", "result": pickle.dumps(result)}


async def take_seats(plans: list[SeatPlan]) -> list[SeatReport]:
    return await asyncio.gather(*(asyncio.to_thread(_take, plan) for plan in plans))


def _take(plan: SeatPlan) -> SeatReport:
    report = SeatReport(plan.number)
    key = plan.ingest, plan.number
    try:
        _check_shared(plan)
        if key in _taken:  # the answer was lost
            _taken.pop(key).leave(end=False)
        seat = _taken[key] = Seat(plan) if plan.record is None else RecordingSeat(plan)
        report.suspects, report.begin = seat.suspects, seat.begin
    except Exception as error:
        report.error = error
    return report


def _check_shared(plan: SeatPlan) -> None:
    place = Path(plan.directory).parent
    if read_ingest(place).get("id") != plan.ingest:
        raise InvalidArgumentError(
            f"a worker on {socket.gethostname()} does not see the directory {place} of the caller",
            hint="directory= must be on a file system that the caller and all workers share.",
        )


async def look_at_seats(run: str, known: Mapping[int, tuple[int, int]], fresh: bool = False) -> list[SeatReport]:
    """How the seats of one run are, on this worker; ``known`` by number, as :meth:`Seat.report` has it."""
    return await asyncio.to_thread(_look, run, known, fresh)


def _look(run: str, known: Mapping[int, tuple[int, int]], fresh: bool) -> list[SeatReport]:
    seats = [seat for seat in list(_taken.values()) if seat.plan.run == run]
    for seat in seats:
        seat.looked_at = time.monotonic()
    for seat in seats if fresh else ():
        seat.ledger_is_due()
    return [seat.report(known.get(seat.plan.number)) for seat in seats]


async def leave_seats(run: str | None, numbers: list[int] | None, end: bool) -> list[SeatReport]:
    """Leaves the seats of these numbers, or all of this run, or of any, that are taken here."""
    keys = [key for key, seat in list(_taken.items()) if run in (None, seat.plan.run) and (numbers is None or key[1] in numbers)]
    return await _leave_all(keys, end)


async def leave_earlier_seats(ingest: str, run: str) -> list[SeatReport]:
    """Leaves those of this ingest's earlier runs: a caller that was killed has left them taken."""
    return await _leave_all([key for key, seat in list(_taken.items()) if key[0] == ingest and seat.plan.run != run], end=False)


async def leave_forgotten_seats() -> None:
    """Leaves those that no caller has looked at for long: it was killed, or is cut off. Sessions and spools wait for its next run."""
    limit = time.monotonic() - _FORGOTTEN_SECONDS
    await _leave_all([key for key, seat in list(_taken.items()) if seat.looked_at < limit], end=False)


async def _leave_all(keys: list[tuple[str, int]], end: bool) -> list[SeatReport]:
    seats = [_taken.pop(key) for key in keys]
    return await asyncio.gather(*(asyncio.to_thread(_leave, seat, end) for seat in seats))


def _leave(seat: Seat | RecordingSeat, end: bool) -> SeatReport:
    try:
        return seat.leave(end=end)
    except Exception as error:  # the others' reports are not lost with it
        return SeatReport(seat.plan.number, error=error)
