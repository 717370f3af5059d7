"""Aligner: batches of many topics in, wide frames out: a row a bucket of time, a column a series and field."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .aligned_cells import HOWS, Cells, How, can, common_type
from .aligned_frame import WideFrames
from .aligned_rows import Rows, Series, read_times, to_table
from .arguments import check_columns, check_count, check_strings
from .durations import Duration
from .durations import seconds as to_seconds
from .errors import InvalidArgumentError, MissingColumnsWarning
from .events import printable, warn
from .ledger import MAX_ROWS, OVERFLOW, LedgerRow, ledger_frame

if TYPE_CHECKING:
    import pandas as pd

Clock: TypeAlias = Literal["auto", "event_time", "recv_time"]

MOST_BUCKETS: Final = 1_000_000  # open at a time
LONGEST_GAP: Final = 10_000  # buckets without a row that stand in the table all the same
_LEAST_EVERY: Final = 0.001
_BEFORE_ALL: Final = -(2**63)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlignStats:
    """What became of the rows, exact: ``rows = taken + late + ahead + untimed + unkeyed + overflow``."""

    rows: int = 0
    taken: int = 0  # into a bucket
    late: int = 0  # beyond lateness: its bucket was out already
    ahead: int = 0  # more than ahead= in the future of when it was received: a clock that is wrong
    untimed: int = 0  # no time at all
    unkeyed: int = 0  # null, or missing, where by= looks
    overflow: int = 0  # of more series than max_series
    buckets: int = 0  # handed out: rows of wide frames
    open_buckets: int = 0  # between the oldest that is not out and the newest
    open_cells: int = 0  # what is held in memory, in values
    series: int = 0
    columns: int = 0  # of the wide frame

    @property
    def balanced(self) -> bool:
        return self.rows == self.taken + self.late + self.ahead + self.untimed + self.unkeyed + self.overflow


class Aligner:
    """Many topics, one table: :meth:`push` takes batches, in any order of their times, and gives the buckets that are complete.

    :meth:`Stream.align` is the loop around it. Alone it aligns what comes from elsewhere (a file), or what one also wants as it is::

        aligner = hf.Aligner(every="1s", by="line")
        for batch in stream.batches():
            save(batch)
            for wide in aligner.push(batch):
                print(wide)

    The result does not depend on how the rows are cut into batches: whether a row is late is decided row by row. Not thread safe.
    """

    def __init__(
        self,
        every: Duration = "1s",
        how: How | Mapping[str, How] = "last",
        *,
        by: str | Sequence[str] = "_topic",
        columns: Iterable[str] | None = None,
        lateness: Duration = 5.0,
        ahead: Duration = 10.0,
        clock: Clock = "auto",
        ffill: Duration | Literal[True] | None = None,
        max_series: int = 10_000,
    ) -> None:
        """See :meth:`Stream.align`."""
        self._every = _nanoseconds(every, "every")
        self._lateness = _nanoseconds(lateness, "lateness")
        self._ahead = _nanoseconds(ahead, "ahead")
        if self._every < _LEAST_EVERY * 1e9:
            raise InvalidArgumentError(f"every is a bucket's length, {_LEAST_EVERY} s at least; found {every!r}")
        if (self._lateness + self._ahead) // self._every > MOST_BUCKETS:
            raise InvalidArgumentError(
                f"lateness and ahead together are more than {MOST_BUCKETS:,} buckets of {every!r}, all of which would stay open"
            )
        if clock not in ("auto", "event_time", "recv_time"):
            raise InvalidArgumentError(f"clock must be 'auto', 'event_time' or 'recv_time'; found {clock!r}")
        self._clock = clock
        self._hows = _read_hows(how)
        self._wanted = check_columns(columns)
        _check_named(self._hows, self._wanted)
        self._series = Series([by] if isinstance(by, str) else check_strings("by", by), check_count("max_series", max_series, 1))
        self._frames = WideFrames(self._every, self._series.names, self._read_fill(ffill, how))
        self._cells: dict[str, Cells] = {}
        self._seen = _BEFORE_ALL  # the newest time that can be believed
        self._next: int | None = None  # the oldest bucket that is not out
        self._any_out = False
        self._newest = _BEFORE_ALL  # the newest bucket that has rows
        self._counts = dict.fromkeys(("rows", "taken", "late", "ahead", "untimed", "unkeyed", "overflow", "buckets"), 0)
        self._ledger: dict[tuple[str, str | None], LedgerRow] = {}
        self._folded: dict[str, LedgerRow] = {}
        self._warned: set[str] = set()

    # --- in and out

    def push(self, batch: Any) -> list[pd.DataFrame]:
        """Takes a Batch, a Table, or what pyarrow reads; returns the frames of the buckets that are complete now: mostly one, or none.

        Raises:
            InvalidArgumentError: the batch has no column that tells the time.
        """
        table = to_table(batch)
        if not table.num_rows:
            return []
        self._look_for_keys(table)
        rows = self._sift(read_times(table, self._clock), table)
        if rows is not None:
            self._take(rows, table)
        limit = (self._seen - self._lateness) // self._every
        return self._close(limit) if self._next is not None and limit > self._next else []

    def flush(self) -> list[pd.DataFrame]:
        """Everything that is still open, whether or not it is complete. What comes for these buckets from now on is late."""
        return self._close(None) if self._newest > _BEFORE_ALL and self._next is not None and self._newest >= self._next else []

    # --- accounts

    def stats(self) -> AlignStats:
        is_open = self._next is not None and self._newest >= self._next
        return AlignStats(
            **self._counts,
            open_buckets=self._newest - self._next + 1 if is_open and self._next is not None else 0,
            open_cells=sum(map(len, self._cells.values())),
            series=len(self._series),
            columns=self._frames.columns,
        )

    def ledger(self) -> pd.DataFrame:
        """What was not taken in, by series, and what else happened; columns as in :meth:`Stream.ledger`.

        Events: ``late``, ``ahead``, ``untimed``, ``unkeyed``, ``overflow_series``, in rows, with the first and the last time by their own
        clock; ``gap`` (no row for longer than 10,000 buckets, which are left out of the table); ``left_out`` (a column whose type has no
        such ``how``); ``widened`` (a column that changed its type). Of each there are 200 rows at most; what is more is folded into one
        row ``overflow``.
        """
        return ledger_frame((), [*self._folded.values(), *self._ledger.values()])

    def _note(
        self, event: str, series: str | None, count: int, first: int, last: int, *, column: str | None = None, detail: str | None = None
    ) -> None:
        key = event, column if series is None else series
        row = self._ledger.get(key)
        if row is None:
            if sum(1 for known, _ in self._ledger if known == event) < MAX_ROWS:
                row = self._ledger[key] = LedgerRow(event, first, last, topic=series, column=column, count=0, detail=detail)
            else:
                row = self._folded.setdefault(event, LedgerRow(OVERFLOW, first, last, reason=event, count=0))
        row.count += count
        row.time_ns, row.until_ns = min(row.time_ns, first), max(row.until_ns, last)

    # --- rows

    def _look_for_keys(self, table: pa.Table) -> None:
        for name in self._series.names:
            if name not in table.column_names and name not in self._warned:
                self._warned.add(name)
                found = ", ".join(map(printable, table.column_names))
                warn(f"by={name!r} names no column of the rows, which then belong to no series. There are: {found}", MissingColumnsWarning)

    def _sift(self, rows: Rows, table: pa.Table) -> Rows | None:
        """The rows that go into buckets, in their order; all others are counted."""
        self._counts["rows"] += table.num_rows
        rows.codes = self._series.codes(table)
        rows = self._without("untimed", rows, ~rows.timed)
        rows = self._without("ahead", rows, rows.times > rows.received + self._ahead)
        if not len(rows):
            return None
        rows.buckets = rows.times // self._every
        # A clock that is ahead moves nothing on: what it says counts from when it was received.
        seen = np.maximum.accumulate(np.maximum(np.minimum(rows.times, rows.received), self._seen))
        before = np.concatenate([[self._seen], seen[:-1]])
        self._seen = int(seen[-1])
        is_late = rows.buckets < _less(before, self._lateness) // self._every
        if self._any_out and self._next is not None:
            is_late |= rows.buckets < self._next
        rows = self._without("late", rows, is_late)
        rows = self._without("unkeyed", rows, rows.codes == Series.NO_KEY)
        rows = self._without("overflow", rows, rows.codes == Series.NO_PLACE)
        return rows if len(rows) else None

    def _without(self, event: str, rows: Rows, out: Any) -> Rows:
        number = int(np.count_nonzero(out))
        if not number:
            return rows
        self._counts[event] += number
        gone = rows.take(out)
        for code in np.unique(gone.codes).tolist():
            times = gone.times[gone.codes == code]
            named = event if event != "overflow" else "overflow_series"
            self._note(named, self._series.label(code), len(times), int(times.min()), int(times.max()))
        return rows.take(~out)

    def _take(self, rows: Rows, table: pa.Table) -> None:
        self._counts["taken"] += len(rows)
        first, newest = int(rows.buckets.min()), int(rows.buckets.max())
        self._next = first if self._next is None or (not self._any_out and first < self._next) else self._next
        self._newest = max(self._newest, newest)
        all_of_them = len(rows) == table.num_rows
        for name in self._fields(table):
            column = table.column(name)
            if pa.types.is_null(column.type):
                continue
            cells = self._cells_of(name, column.type, rows)
            if cells is None:
                continue
            values = column.chunk(0) if all_of_them else column.chunk(0).take(pa.array(rows.index))
            self._frames.note(name, cells.result_type, rows.codes[np.asarray(values.is_valid())] if values.null_count else rows.codes)
            cells.add(rows.buckets, rows.codes, rows.times, values)

    def _fields(self, table: pa.Table) -> list[str]:
        if self._wanted is not None:
            return [name for name in self._wanted if name in table.column_names]
        return [name for name in table.column_names if not name.startswith("_") and name not in self._series.names]

    def _cells_of(self, name: str, kind: pa.DataType, rows: Rows) -> Cells | None:
        how = self._hows.get(name, self._hows[""])
        cells = self._cells.get(name)
        wider = kind if cells is None else common_type(cells.kind, kind)
        if not can(how, wider):
            detail = f"{wider} has no {how}"
            self._note("left_out", None, len(rows), int(rows.times.min()), int(rows.times.max()), column=name, detail=detail)
            return None
        if cells is None:
            cells = self._cells[name] = Cells(how, kind)
        elif not wider.equals(cells.kind):
            detail = f"{cells.kind} -> {wider}"
            self._note("widened", None, 1, int(rows.times.min()), int(rows.times.max()), column=name, detail=detail)
            cells.widen(wider)
        return cells

    # --- buckets

    def _close(self, limit: int | None) -> list[pd.DataFrame]:
        closed = {name: cells.close(limit) for name, cells in self._cells.items()}
        end = self._newest + 1 if limit is None else limit
        assert self._next is not None
        buckets = self._buckets(closed, self._next, end)
        self._next, self._any_out = end, True
        self._counts["buckets"] += len(buckets)
        return self._frames.make(buckets, closed, self._series)

    def _buckets(self, closed: dict[str, pa.Table], begin: int, end: int) -> Any:
        """The buckets from ``begin`` to ``end`` that become rows: all of them, but for those of a long gap."""
        if end - begin <= LONGEST_GAP:
            return np.arange(begin, end, dtype=np.int64)
        filled = [np.asarray(pc.unique(table["bucket"])) for table in closed.values() if table.num_rows]
        stops = np.unique(np.concatenate([[begin - 1], *filled, [end]])).tolist()
        runs: list[Iterable[int]] = []
        for last, following in itertools.pairwise(stops):
            if following - last - 1 > LONGEST_GAP:
                self._note("gap", None, following - last - 1, (last + 1) * self._every, following * self._every)
                runs.append([following])
            else:
                runs.append(range(last + 1, following + 1))
        return np.array([bucket for run in runs for bucket in run if bucket < end], np.int64)

    def _read_fill(self, ffill: Duration | Literal[True] | None, how: How | Mapping[str, How]) -> tuple[int | None, frozenset[str]] | None:
        """For how many buckets a value is carried on (None: for ever), and which fields are not."""
        if ffill is None or ffill is False:
            return None
        if "last" not in self._hows.values():
            raise InvalidArgumentError(f"ffill carries the last value on, and how={how!r} has none")
        others = frozenset(name for name, one in self._hows.items() if one != "last")
        return (None if ffill is True else _nanoseconds(ffill, "ffill") // self._every), others


def _read_hows(how: Any) -> dict[str, How]:
    """By column; "" for all others."""
    given = dict(how) if isinstance(how, Mapping) else {"": how}
    for name, one in given.items():
        if one not in HOWS:
            about = f"how of {name!r}" if name else "how"
            raise InvalidArgumentError(f"{about} is one of {', '.join(HOWS)}; found {one!r}")
    given.setdefault("", "last")
    return given


def _check_named(hows: Mapping[str, How], wanted: Sequence[str] | None) -> None:
    """What how= names must be among the columns, where those are given."""
    for name in hows:
        if name and wanted is not None and not any(name == one or name.startswith(f"{one}.") for one in wanted):
            raise InvalidArgumentError(f"how names {name!r}, which is none of columns=: {', '.join(wanted)}")


def _nanoseconds(value: Duration, name: str) -> int:
    return round(to_seconds(value, name) * 1e9)


def _less(times: Any, amount: int) -> Any:
    """``times - amount`` where nothing was seen yet, too."""
    return np.where(times > _BEFORE_ALL + amount, times - amount, _BEFORE_ALL)
