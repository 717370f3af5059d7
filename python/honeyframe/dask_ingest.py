"""Ingest: who sits on which seat, and how far each is. In the caller's process, on a thread of its own.

A worker that comes gets a seat. The seat of one that is gone is taken by a worker without one, or, where none comes within seconds, by one
that has another already, until one comes. What is in a seat's spool is counted once, whoever wrote it.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .dask_parts import Part
from .dask_seats import Piece, SeatPlan, SeatReport, SeatsPlugin, last_messages, rest_of
from .dask_states import SUMS, IngestPlan, SeatState, Suspicion
from .dask_workers import Workers
from .errors import (
    ConnectError,
    HoneyframeError,
    InvalidArgumentError,
    OperationTimeoutError,
    PermissionDenied,
    SpoolInUseError,
    WebSocketInUseError,
)
from .ledger import LedgerRow, ledger_frame
from .recording_errors import RecordingInUseError

if TYPE_CHECKING:
    import distributed
    import pandas as pd

_TICK_SECONDS: Final = 0.2
_PATIENCE: Final = 3.0  # for a worker without a seat, before one gets a second
_HOLD_SECONDS: Final = 10.0  # for a lost worker's seat to be taken: what it had is looked at before anything is handed out
_RETRY_SECONDS: Final = 1.0
_LOOK_SECONDS: Final = 5.0
_TAKE_SECONDS: Final = 25.0  # connecting, twice where the broker speaks MQTT 3, and subscribing
_LEAVE_SECONDS: Final = 25.0  # a recorder tries for ten to write what it has
_SUSPICION_SECONDS: Final = 120.0  # within it a message comes again that a lost worker has not acknowledged


class Ingest:
    """The seats of one shared subscription. :meth:`parts` gives what has come; :meth:`finish` tells what is done with."""

    def __init__(self, dask: distributed.Client, plan: IngestPlan) -> None:
        self._dask = dask
        self._workers = Workers(dask)
        self._plan = plan
        self._lock = threading.RLock()
        self._seats: dict[int, SeatState] = {}
        self._rows: list[LedgerRow] = []
        self._suspicions: list[Suspicion] = []
        self._back: list[Part] = []
        self._error: BaseException | None = None
        self._error_told = False
        self._stop = threading.Event()
        self._came = threading.Condition(self._lock)
        self._no_seat_told = False
        self._thread = threading.Thread(target=self._run, name="honeyframe-dask", daemon=True)

    def start(self, *, end_sessions: bool = False) -> None:
        """Takes all seats, or raises what the first one that failed says: then with ``end_sessions`` none of the others' is left.

        Raises:
            InvalidArgumentError: there are more workers than the broker's plan has sessions for; or no worker.
        """
        self._open_directory()
        workers = self._workers.addresses()
        if not workers:
            raise InvalidArgumentError("the Dask cluster has no worker", hint="client.wait_for_workers(1), or cluster.scale(4).")
        self._dask.register_plugin(SeatsPlugin())
        number = self._plan.sessions or max(len(workers), len(self._seats))
        most = self._plan.most_sessions
        if most is not None and number > most:
            raise InvalidArgumentError(
                f"{number} sessions are more than the {most} that the broker's plan allows beside those that are open",
                hint="sessions= says how many workers hold one; the others only compute. HONEYFRAME_PLAN tells of a larger plan.",
            )
        for seat in range(number):
            self._seats.setdefault(seat, SeatState(seat))
        plan = self._plan
        try:
            if plan.directory.before:
                self._workers.ask("leave_earlier", {one: {"ingest": plan.id, "run": plan.directory.run} for one in workers}, _LEAVE_SECONDS)
            self._assign(workers, first=True)
        except BaseException:
            self._leave(None, end=end_sessions)
            raise
        self._thread.start()

    # --- what has come, and what is done

    def parts(self, rows: int, *, wait: float = 0.0, all_of_it: bool = False) -> list[Part]:
        """Parts of ``rows`` messages at most where pieces allow it. Raises why it ended, where that was nobody's wish."""
        end = time.monotonic() + wait
        with self._came:
            while not self._back and not any(seat.ripe for seat in self._seats.values()) and not all_of_it:
                if self._error is not None:
                    self._error_told = True
                    raise self._error
                left = end - time.monotonic()
                if left <= 0 or self._stop.is_set():
                    break
                self._came.wait(min(left, 0.1))
            now = time.monotonic()
            self._suspicions = [one for one in self._suspicions if one.until > now]
            found, self._back = self._back, []
            for seat in self._seats.values():
                if all_of_it:
                    seat.ripe.extend(seat.fresh)
                    seat.fresh = []
                while seat.ripe:
                    found.append(self._part(seat, rows))
            return found

    def _part(self, seat: SeatState, rows: int) -> Part:
        piece = seat.ripe.popleft()
        first, last, messages = piece.first, piece.last, piece.messages
        while seat.ripe and messages + seat.ripe[0].messages <= rows:
            last, messages = seat.ripe[0].last, messages + seat.ripe.popleft().messages
        seat.at_work[first] = last, False
        suspects = frozenset().union(*(one.messages for one in self._suspicions))
        originals = max((one.last for one in self._suspicions if one.seat == seat.number), default=0)
        return Part(self._plan.directory.seat(seat.number), first, last, messages, seat.number, suspects, originals)

    def give_back(self, parts: Sequence[Part]) -> None:
        """These were not done with: the next call of :meth:`parts` has them."""
        with self._lock:
            self._back = [*parts, *self._back]

    def finish(self, part: Part) -> None:
        """This part is not needed any more."""
        with self._lock:
            seat = self._seats[part.seat]
            seat.at_work[part.first] = part.last, True
            for first in sorted(seat.at_work):
                last, is_done = seat.at_work[first]
                if not is_done:
                    break
                seat.done = last
                del seat.at_work[first]

    @property
    def messages(self) -> int:
        """That are in the spools, this run's."""
        with self._lock:
            return sum(seat.messages for seat in self._seats.values())

    def stats(self) -> pd.DataFrame:
        """A row a seat."""
        import pandas as pd

        with self._lock:
            rows = [
                {
                    "seat": seat.number,
                    "worker": seat.worker,
                    "runs": seat.runs,
                    "spooled": seat.messages,
                    "waiting": sum(piece.messages for piece in [*seat.ripe, *seat.fresh]),
                    "at_work": sum(not is_done for _, is_done in seat.at_work.values()),
                    **{name: seat.before.get(name, 0) + seat.counters.get(name, 0) for name in SUMS},
                }
                for seat in self._seats.values()
            ]
        frame = pd.DataFrame(rows).astype({"worker": "string"})
        return frame.drop(columns=["recorded"] if self._plan.record is None else ["spooled", "waiting", "at_work", "duplicates"])

    def ledger(self) -> pd.DataFrame:
        """Of all workers, and of who came and went: as :meth:`Stream.ledger`, with ``seat`` and ``worker``."""
        import pandas as pd

        with contextlib.suppress(Exception):  # what was known before is better than nothing
            self._look(fresh=True)
        with self._lock:
            own = ledger_frame((), self._rows)
            frames = [own.assign(seat=pd.array([None] * len(own), "Int64"), worker=pd.array([None] * len(own), "string"))]
            for seat in self._seats.values():
                for run, frame in seat.ledgers.items():
                    size = len(frame)
                    frames.append(
                        frame.assign(seat=pd.array([seat.number] * size, "Int64"), worker=pd.array([seat.workers[run]] * size, "string"))
                    )
        filled = [frame for frame in frames if len(frame)] or frames[:1]
        return pd.concat(filled).sort_values("time", kind="stable", ignore_index=True)

    # --- the end

    def close(self, *, end_sessions: bool) -> list[BaseException]:
        """Leaves all seats; what has come until then is in :meth:`parts`. Returns what went wrong and nobody was told."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(_TAKE_SECONDS)
        ended = [] if self._error is None else [self._error]
        told = {repr(error) for error in ended if self._error_told}
        try:
            ended += self._leave(None, end=end_sessions)
        finally:
            if self._plan.record is None:
                self._count_rest()
            with self._came:
                self._came.notify_all()
            with contextlib.suppress(SpoolInUseError, RecordingInUseError):  # which is why it has ended
                self.save()
        return [error for text, error in {repr(error): error for error in ended}.items() if text not in told]

    def _leave(self, numbers: list[int] | None, *, end: bool) -> list[BaseException]:
        """None: all seats, also those of which nobody has heard here. Returns what went wrong."""
        with self._lock:
            held = {
                seat.number: seat.worker for seat in self._seats.values() if seat.worker and (numbers is None or seat.number in numbers)
            }
        asked = {*held.values(), *(self._workers.addresses() if numbers is None else ())}
        answers = self._workers.ask(
            "leave", {worker: {"run": self._plan.directory.run, "numbers": numbers, "end": end} for worker in sorted(asked)}, _LEAVE_SECONDS
        )
        errors = []
        for worker, reports in answers.items():
            for report in reports:
                self._take_in(worker, report)
                errors += [] if report.error is None else [report.error]
        alive = self._workers.addresses() if held.values() - answers.keys() else []
        with self._lock:
            for number, worker in held.items():
                self._seats[number].end_run(lost=worker not in answers)
                if worker not in answers:
                    self._note("seat_unheard", f"seat {number}", worker)
        silent = sorted(set(alive) & (held.values() - answers.keys()))
        return errors + [OperationTimeoutError(f"the Dask worker {one} did not answer within {_LEAVE_SECONDS:.0f} s") for one in silent]

    def _count_rest(self) -> None:
        """What lies in the spools and no report has told of: their workers are lost, or did not answer."""
        for seat in self._seats.values():
            place = Path(self._plan.directory.seat(seat.number))
            if not any(place.glob("*.hfspool")):
                continue
            try:
                pieces = rest_of(str(place), seat.counted)
                last = pieces[-1].last if pieces else seat.counted
                suspects = last_messages(str(place), last - self._plan.in_flight + 1, last) if seat.lost else frozenset()
            except HoneyframeError as error:
                self._note("seat_failed", f"seat {seat.number}", error.message)
                continue
            with self._lock:
                self._count(seat, pieces)
                self._suspect(seat, last, suspects)

    # --- the thread

    def _run(self) -> None:
        while not self._stop.wait(_TICK_SECONDS):
            try:
                self.save()  # first: it says whether the directory still is this caller's
                self._look()
                self._assign(self._workers.addresses())
                self._ripen()
            except Exception as error:
                with self._came:
                    self._error = error if self._error is None and not self._stop.is_set() else self._error
                    self._came.notify_all()
                break
        while not self._stop.wait(_TICK_SECONDS):  # after an error: seats that nobody looks at are left
            with contextlib.suppress(Exception):
                self._look()

    def _look(self, *, fresh: bool = False) -> None:
        with self._lock:
            held = {seat.number: (seat.worker, seat.runs) for seat in self._seats.values() if seat.worker}
            known = {seat.number: (seat.counted, seat.done) for seat in self._seats.values()}
        asked = {worker: {"run": self._plan.directory.run, "known": known, "fresh": fresh} for worker, _ in held.values()}
        for worker, reports in self._workers.ask("look", asked, _LOOK_SECONDS).items():
            for report in reports:
                self._take_in(worker, report)
            self._see_left({number: run for number, run in held.items() if run[0] == worker}, {report.number for report in reports})

    def _see_left(self, held: Mapping[int, tuple[str | None, int]], reported: set[int]) -> None:
        """A worker that answers without a seat of its own was started anew, or has left it since nobody had looked for long."""
        with self._lock:
            for number in held.keys() - reported:
                seat = self._seats[number]
                if (seat.worker, seat.runs) == held[number] and not self._stop.is_set():
                    self._note("seat_left", f"seat {number}", seat.worker or "")
                    seat.end_run(lost=True)

    def _take_in(self, worker: str, report: SeatReport) -> None:
        with self._came:
            seat = self._seats[report.number]
            if seat.worker != worker:
                return  # of a run that has ended
            self._count(seat, report.pieces)
            if report.counters:
                seat.counters = report.counters
            if report.ledger is not None:
                seat.ledgers[seat.runs] = report.ledger
            if report.error is not None:
                self._note_error(seat, report.error)
                if self._error is None and not self._stop.is_set():
                    self._error = report.error
            self._came.notify_all()

    def _count(self, seat: SeatState, pieces: Sequence[Piece]) -> None:
        for piece in pieces:
            if piece.last <= seat.counted:
                continue
            seat.fresh.append(piece)
            seat.counted = piece.last
            seat.messages += piece.messages

    def _ripen(self) -> None:
        """What was there at the look before may go out: since then no worker was lost, or its last messages are known."""
        with self._came:
            since = time.monotonic() - _HOLD_SECONDS
            if any(seat.worker is None and seat.runs and seat.free_since > since for seat in self._seats.values()):
                return
            for seat in self._seats.values():
                seat.ripe.extend(seat.fresh)
                seat.fresh = []
            self._came.notify_all()

    # --- seats

    def _assign(self, workers: list[str], *, first: bool = False) -> None:
        self._see_losses(workers)
        self._free_for_idle(workers)
        plans = self._choose(workers)
        if not plans:
            return
        answers = self._workers.ask("take", {worker: {"plans": some} for worker, some in plans.items()}, _TAKE_SECONDS)
        for worker, some in plans.items():
            if worker not in answers:  # gone, or not ready yet
                with self._lock:
                    for plan in some:
                        self._seats[plan.number].retry_at = time.monotonic() + _RETRY_SECONDS
                if first:
                    raise OperationTimeoutError(f"the Dask worker {worker} did not answer within {_TAKE_SECONDS:.0f} s")
            for report in answers.get(worker, ()):
                self._sit(worker, report, first=first)

    def _sit(self, worker: str, report: SeatReport, *, first: bool) -> None:
        with self._lock:
            seat = self._seats[report.number]
            error = report.error
            if error is not None:
                passing = isinstance(error, (ConnectError, WebSocketInUseError, SpoolInUseError)) and not isinstance(
                    error, PermissionDenied
                )
                if first or not passing:
                    raise error
                seat.retry_at = time.monotonic() + _RETRY_SECONDS
                self._note("seat_failed", f"seat {seat.number}", str(error).splitlines()[0])
                return
            seat.worker, seat.runs, seat.lost = worker, seat.runs + 1, False
            seat.workers[seat.runs] = worker
            self._note("seat_taken", f"seat {seat.number}", worker)
            if seat.runs > 1:
                self._suspect(seat, report.begin - 1, report.suspects)

    def _suspect(self, seat: SeatState, last: int, messages: frozenset[bytes]) -> None:
        if messages:
            self._suspicions.append(Suspicion(time.monotonic() + _SUSPICION_SECONDS, seat.number, last, messages))

    def _see_losses(self, workers: list[str]) -> None:
        with self._lock:
            for seat in self._seats.values():
                if seat.worker is not None and seat.worker not in workers:
                    self._note("worker_lost", f"seat {seat.number}", seat.worker)
                    seat.end_run(lost=True)

    def _choose(self, workers: list[str]) -> dict[str, list[SeatPlan]]:
        """Who takes which seat now."""
        now = time.monotonic()
        with self._lock:
            held = self._held(workers)
            free = [seat for seat in self._seats.values() if seat.worker is None and seat.retry_at <= now]
            idle = [worker for worker in workers if not held[worker]]
            if idle and not any(seat.worker is None for seat in self._seats.values()):
                free = self._new_seats(idle)
            chosen: dict[str, list[SeatPlan]] = {}
            for seat in free:
                if idle:
                    worker = idle.pop(0)
                elif held and (seat.runs == 0 or now - seat.free_since > _PATIENCE):
                    worker = min(held, key=lambda one: held[one])
                else:
                    continue
                held[worker] += 1
                chosen.setdefault(worker, []).append(self._seat_plan(seat))
            return chosen

    def _free_for_idle(self, workers: list[str]) -> None:
        """Where workers have no seat and none is free, those that have several leave one for each: waited for without the lock."""
        with self._lock:
            held = self._held(workers)
            numbers: list[int] = []
            for _ in [one for one in workers if not held[one]] if all(seat.worker for seat in self._seats.values()) else ():
                crowded = max(held, key=lambda one: held[one])
                if held[crowded] > 1:
                    held[crowded] -= 1
                    numbers.append(next(one.number for one in self._seats.values() if one.worker == crowded and one.number not in numbers))
        if numbers:
            self._leave(numbers, end=False)

    def _held(self, workers: list[str]) -> dict[str, int]:
        return {worker: sum(seat.worker == worker for seat in self._seats.values()) for worker in workers}

    def _new_seats(self, idle: list[str]) -> list[SeatState]:
        """For workers without a seat, as far as the broker's plan goes."""
        found = []
        for _ in idle if self._plan.sessions is None else ():
            if self._plan.most_sessions is None or len(self._seats) < self._plan.most_sessions:
                number = max(self._seats, default=-1) + 1
                found.append(self._seats.setdefault(number, SeatState(number)))
            elif not self._no_seat_told:
                self._no_seat_told = True
                self._note(
                    "no_seat", None, f"{len(idle)} workers beyond the {self._plan.most_sessions} sessions of the broker's plan only compute"
                )
        return found

    def _seat_plan(self, seat: SeatState) -> SeatPlan:
        plan = self._plan
        return SeatPlan(
            plan.id,
            seat.number,
            plan.uri,
            f"{plan.group}-{seat.number}",
            tuple(f"$share/{plan.group}/{one}" for one in plan.filters),
            plan.directory.seat(seat.number),
            plan.connect,
            plan.stream,
            plan.in_flight,
            seat.counted,
            seat.done,
            plan.record,
            plan.directory.run,
        )

    def _note_error(self, seat: SeatState, error: BaseException) -> None:
        text = str(error).partition("\n")[0]
        if text != seat.error:  # a seat says it each time that it is asked
            seat.error = text
            self._note("seat_failed", f"seat {seat.number}", text)

    def _note(self, event: str, topic: str | None, detail: str) -> None:
        now = time.time_ns()
        self._rows = [*self._rows[-999:], LedgerRow(event, now, now, topic=topic, detail=detail)]

    # --- what outlives the caller

    def _open_directory(self) -> None:
        with contextlib.suppress(ValueError, TypeError, AttributeError):
            for number, done in self._plan.directory.before.get("done", {}).items():
                self._seats[int(number)] = SeatState(int(number), counted=done, done=done)
        self.save()

    def save(self) -> None:
        """How far it is done with, for the next run. Raises where another caller has the directory since."""
        with self._lock:
            done = {str(seat.number): seat.done for seat in self._seats.values()}
        self._plan.directory.save({"id": self._plan.id, "group": self._plan.group, "done": done})
