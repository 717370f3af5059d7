"""What the caller's process knows of an ingest: its plan, how each seat is, and what may come twice."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from .dask_directory import Directory
from .dask_seats import Piece

if TYPE_CHECKING:
    import pandas as pd

#: Counters of a seat that are summed up over its runs.
SUMS: Final = ("received", "dropped", "rejected", "duplicates", "recorded")


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestPlan:
    """What all seats have in common."""

    id: str
    group: str
    uri: str | None  # None: a profile, among the options of connect(), says it
    filters: tuple[str, ...]
    directory: Directory
    connect: Mapping[str, Any]
    stream: Mapping[str, Any]
    in_flight: int
    sessions: int | None  # None: one a worker
    most_sessions: int | None  # of the broker's plan
    record: Mapping[str, Any] | None = None  # options of Client.record(), where the seats record


@dataclass(slots=True)
class SeatState:
    number: int
    worker: str | None = None
    lost: bool = False  # the worker that had it last did not leave it
    free_since: float = 0.0
    retry_at: float = 0.0
    runs: int = 0
    counted: int = 0  # the number in its spool up to which pieces are known
    done: int = 0  # and up to which they are done with, without a gap
    error: str = ""  # that the ledger has
    messages: int = 0
    ripe: deque[Piece] = field(default_factory=deque)
    fresh: list[Piece] = field(
        default_factory=list
    )  # of the last look: not handed out yet, for it may have come before a worker's loss was seen
    at_work: dict[int, tuple[int, bool]] = field(default_factory=dict)  # first -> last, done
    counters: dict[str, int] = field(default_factory=dict)
    before: dict[str, int] = field(default_factory=dict)  # of runs that ended
    ledgers: dict[int, pd.DataFrame] = field(default_factory=dict)
    workers: dict[int, str] = field(default_factory=dict)

    def end_run(self, *, lost: bool = False) -> None:
        self.lost = lost
        for name in SUMS:
            self.before[name] = self.before.get(name, 0) + self.counters.get(name, 0)
        self.counters = {}
        self.worker = None
        self.free_since = time.monotonic()


@dataclass(frozen=True, slots=True)
class Suspicion:
    """The last messages of a lost worker, up to number ``last`` of its seat, which it may not have acknowledged: others get them, too."""

    until: float
    seat: int
    last: int
    messages: frozenset[bytes]
