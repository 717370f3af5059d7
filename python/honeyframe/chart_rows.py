"""From a stream's batches to the points of a chart: to which line a row belongs, when it was, what it says, and what is left out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from . import _core
from .chart_plan import ChartPlan, fault_of_x, fault_of_y
from .chart_points import Points, join_points, no_points
from .live_view import LeftOut, encode_keys
from .window import EVENT_TIME, RECEIVE_TIME, RETAIN

_AHEAD_SECONDS: Final = 2.0  # what a clock may be wrong without being called so
_SETTLING_SECONDS: Final = 10.0  # lines that come within so long have their colours by the order of their names


@dataclass
class Line:
    """One line of a chart."""

    name: str  # with what it differs in from all others
    label: str  # in the legend of its pane
    column: str
    pane: int
    kind: str  # the column's type
    keys: tuple[str, ...]  # of the columns of by=
    colour: int = 0
    last_x: float = float("-inf")
    last: float | int | bool | None = None

    def told(self, number: int) -> dict[str, Any]:
        """As a browser is told of it."""
        return {"name": str(number), "label": self.label, "pane": self.pane, "step": self.kind == "bool", "colour": self.colour}


class LineBook:
    """Which lines there are. Beyond ``max_series`` none is made, and those left out are counted while there is room to know them.

    What has the same keys, and the same place in its pane, has the same colour in all panes.
    """

    def __init__(self, plan: ChartPlan) -> None:
        self._plan = plan
        self.lines: list[Line] = []
        self._numbers: dict[tuple[tuple[str, ...], str], int] = {}
        self.left_out = LeftOut()
        self._colours: dict[tuple[tuple[str, ...], int], int] = {}
        self._coloured = 0  # lines that have theirs
        self._settled_at: float | None = None

    def number(self, keys: tuple[str, ...], column: str, kind: str) -> int:
        """The line's number; -1 where there is no room."""
        name = (keys, column)
        number = self._numbers.get(name)
        if number is None:
            if len(self.lines) >= self._plan.max_series:
                self.left_out.add(name)
                return -1
            number = self._numbers[name] = len(self.lines)
            pane = self._plan.pane_of(column)
            parts = [*keys, column]
            label = " · ".join(parts if len(self._plan.panes[pane]) > 1 or not keys else keys)
            self.lines.append(Line(" · ".join(parts) if len(self._plan.columns) > 1 else label, label, column, pane, kind, keys))
        return number

    def colour(self, now: float) -> None:
        """Gives new lines their colours: while a chart is young by the order of all names, so that they are the same in each run; later
        ones take the next, so that no line changes its colour while somebody follows it."""
        if self._coloured == len(self.lines):
            return
        if self._settled_at is None:
            self._settled_at = now + _SETTLING_SECONDS
        if now < self._settled_at:
            self._colours.clear()
        new = {self._likeness(line) for line in self.lines} - self._colours.keys()
        for likeness in sorted(new):
            self._colours[likeness] = len(self._colours)
        for line in self.lines:
            line.colour = self._colours[self._likeness(line)]
        self._coloured = len(self.lines)

    def _likeness(self, line: Line) -> tuple[tuple[str, ...], int]:
        return line.keys, self._plan.panes[line.pane].index(line.column)


@dataclass
class RowCounts:
    """What became of the rows, beside being drawn."""

    rows: int = 0
    retained: int = 0  # left out: they tell of a time before this chart
    without_time: int = 0
    ahead: int = 0  # later than this machine's clock
    late: int = 0  # older than the window

    def reasons(self) -> list[str]:
        """Why nothing is drawn, where nothing is."""
        told = (
            (self.late, "older than the window"),
            (self.ahead, "ahead of this machine's clock"),
            (self.retained, "retained, from before"),
            (self.without_time, "without a time"),
        )
        words = [f"{count:,} {what}" for count, what in told if count]
        hint = '; x="_recv_time" draws rows as they arrive' if self.late or self.ahead else ""
        return [f"nothing is drawn: of {self.rows:,} rows {', '.join(words)}{hint}"] if words else []


class RowReader:
    """Turns batches into points. One thread."""

    def __init__(self, plan: ChartPlan) -> None:
        self._plan = plan
        self.book = LineBook(plan)
        self.counts = RowCounts()
        self.faults: dict[str, str] = {}  # column -> why it is not drawn
        self.seen: set[str] = set()  # columns that were there

    def read(self, batches: Iterable[_core.RecordBatch], now: float) -> Points:
        """The points of ``batches``, sorted by line and time."""
        parts = [self._read(pa.record_batch(batch), now) for batch in batches]
        self.book.colour(now)
        parts = [part for part in parts if len(part)]
        return parts[0] if len(parts) == 1 else join_points(parts)

    def _read(self, batch: pa.RecordBatch, now: float) -> Points:
        self.counts.rows += batch.num_rows
        columns = {name: batch.column(i) for i, name in enumerate(batch.schema.names)}
        self.seen.update(name for name in (*self._plan.columns, self._plan.x, *self._plan.by) if name in columns)
        times, is_wanted = self._times(columns, batch.num_rows, now)
        if not is_wanted.any():
            return no_points()
        groups, keys = self._groups(columns, batch.num_rows)
        parts = []
        for name in self._plan.columns:
            column = columns.get(name)
            if column is not None and (values := self._values(name, column)) is not None:
                parts.append(self._points(name, column, values, times, is_wanted, groups, keys))
        return join_points(parts)

    def _times(self, columns: dict[str, Any], rows: int, now: float) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
        """Seconds since 1970, and which rows are drawn."""
        names = (EVENT_TIME, RECEIVE_TIME) if self._plan.x == EVENT_TIME else (self._plan.x,)
        clocks = {name: columns[name] for name in names if name in columns}
        for name, clock in clocks.items():
            if not pa.types.is_timestamp(clock.type):
                if not pa.types.is_null(clock.type):
                    self.faults[name] = fault_of_x(name, str(clock.type)) or ""
                clocks = {}
                break
        if not clocks:
            self.counts.without_time += rows
            return np.empty(rows), np.zeros(rows, np.bool_)
        is_told = clocks[EVENT_TIME].is_valid() if EVENT_TIME in clocks else None
        clock = pc.coalesce(*clocks.values()) if len(clocks) > 1 else next(iter(clocks.values()))
        has_time = np.asarray(clock.is_valid())
        times = np.asarray(clock.cast(pa.timestamp("ns", clock.type.tz)).cast(pa.int64()).fill_null(0)) / 1e9
        wanted = has_time.copy()
        if (flags := columns.get(RETAIN)) is not None and self._plan.x in (EVENT_TIME, RECEIVE_TIME):
            is_old = np.asarray(flags.fill_null(False))
            if is_told is not None:
                is_old &= ~np.asarray(is_told)  # an event's own time is the truth, however it came
            self.counts.retained += int(is_old.sum())
            wanted &= ~is_old
        ahead, late = times > now + max(_AHEAD_SECONDS, self._plan.window / 50), times < now - self._plan.window
        self.counts.without_time += int((~has_time).sum())
        self.counts.ahead += int((wanted & ahead).sum())
        self.counts.late += int((wanted & late).sum())
        return times, wanted & ~ahead & ~late

    def _groups(self, columns: dict[str, Any], rows: int) -> tuple[npt.NDArray[np.int64], list[tuple[str, ...]]]:
        """Of each row the number of its keys, and what these are."""
        codes = np.zeros(rows, np.int64)
        keys: list[tuple[str, ...]] = [()]
        for name in self._plan.by:
            column = columns.get(name)
            if column is None:
                keys = [(*key, "–") for key in keys]
                continue
            encoded = encode_keys(column)
            words = [str(word) for word in encoded.dictionary.to_pylist()] + ["–"]  # the last one: null
            here = np.asarray(encoded.indices.fill_null(len(words) - 1)).astype(np.int64)
            found, codes = np.unique(codes * len(words) + here, return_inverse=True)
            keys = [(*keys[int(both) // len(words)], words[int(both) % len(words)]) for both in found]
        return codes, keys

    def _values(self, name: str, column: pa.Array) -> npt.NDArray[np.float64] | None:
        """As numbers, null as NaN; None where the column is none. An integer beyond 2^53 is drawn as the nearest double."""
        kind = column.type
        if pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind):
            self.faults.pop(name, None)
            return np.asarray(column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False))
        if not pa.types.is_null(kind):
            self.faults[name] = fault_of_y(name, str(kind)) or ""
        return None

    def _points(
        self,
        name: str,
        column: pa.Array,
        values: npt.NDArray[np.float64],
        times: npt.NDArray[np.float64],
        is_wanted: npt.NDArray[np.bool_],
        groups: npt.NDArray[np.int64],
        keys: list[tuple[str, ...]],
    ) -> Points:
        rows = np.flatnonzero(is_wanted & np.isfinite(values))
        present = np.unique(groups[rows])
        numbers = np.full(len(keys), -1, np.int32)
        for group in present:
            numbers[group] = self.book.number(keys[group], name, str(column.type))
        rows = rows[numbers[groups[rows]] >= 0]
        lines, x = numbers[groups[rows]], times[rows]
        self._note_last(column, rows, lines, x)
        return Points(lines, x, values[rows])

    def _note_last(self, column: pa.Array, rows: npt.NDArray[np.intp], lines: npt.NDArray[np.int32], x: npt.NDArray[np.float64]) -> None:
        if not len(rows):
            return
        order = np.lexsort((x, lines))
        ends = order[np.append(lines[order][1:] != lines[order][:-1], True)]
        for at in ends:
            line = self.book.lines[lines[at]]
            if x[at] >= line.last_x:
                line.last_x, line.last = float(x[at]), column[int(rows[at])].as_py()
