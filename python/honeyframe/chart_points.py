"""The points of a chart: thinned out to what a screen can show, and kept for who opens it later.

All of it is NumPy on whole arrays: ``line`` (int32, a line's number), ``x`` (float64, seconds since 1970), ``y`` (float64; NaN is a gap).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]
Lines: TypeAlias = npt.NDArray[np.int32]

_FRAMES: Final = 64  # so many frames are kept apart before they are thinned out together
_LEARNED: Final = 3  # intervals, before a gap can be told from them
_LEAST_GAP: Final = 1.0  # seconds: a network's hiccup is none
_MEMORY: Final = 16  # of so many intervals the mean is usual
_FACTOR: Final = 5.0  # times the usual interval is a gap


@dataclass(frozen=True, slots=True)
class Points:
    """Arrays of one length, sorted by line and then by time."""

    line: Lines
    x: Floats
    y: Floats

    def __len__(self) -> int:
        return len(self.line)

    def pick(self, which: npt.NDArray[np.bool_] | npt.NDArray[np.intp]) -> Points:
        """Those of a mask, or of indices."""
        return Points(self.line[which], self.x[which], self.y[which])

    def of(self, line: int) -> Points:
        """Those of one line."""
        part = slice(*np.searchsorted(self.line, (line, line + 1)))
        return Points(self.line[part], self.x[part], self.y[part])


def no_points() -> Points:
    return Points(np.empty(0, np.int32), np.empty(0), np.empty(0))


def sort_points(line: Lines, x: Floats, y: Floats) -> Points:
    """By line, then by time; what has one time stays in the order in which it came."""
    order = np.lexsort((x, line))
    return Points(line[order], x[order], y[order])


def join_points(parts: Sequence[Points]) -> Points:
    if not parts:
        return no_points()
    line = np.concatenate([part.line for part in parts])
    return sort_points(line, np.concatenate([part.x for part in parts]), np.concatenate([part.y for part in parts]))


def thin_out(points: Points, width: float) -> Points:
    """Of each line and column of ``width`` seconds the least and the greatest value, at their own times, and one gap at most.

    Columns begin at multiples of ``width``, so thinning out twice is thinning out once: no peak is lost, whatever the pieces.
    """
    is_gap = np.isnan(points.y)
    if is_gap.any():
        gaps = points.pick(is_gap)
        return join_points([_extremes(points.pick(~is_gap), width), gaps.pick(_starts(gaps.line, gaps.x, width))])
    return _extremes(points, width)


def _extremes(points: Points, width: float) -> Points:
    line, x, y = points.line, points.x, points.y
    count = len(line)
    starts = _starts(line, x, width)
    if len(starts) == count:
        return points
    sizes = np.diff(np.append(starts, count))
    chosen = np.zeros(count, np.bool_)
    for extreme in (np.minimum.reduceat(y, starts), np.maximum.reduceat(y, starts)):
        at = np.where(y == np.repeat(extreme, sizes), np.arange(count), count)
        chosen[np.minimum.reduceat(at, starts)] = True
    return points.pick(chosen)


def _starts(line: Lines, x: Floats, width: float) -> npt.NDArray[np.intp]:
    """Where a line or a column begins."""
    column = np.floor(x / width)
    begins = np.ones(len(line), np.bool_)
    begins[1:] = (line[1:] != line[:-1]) | (column[1:] != column[:-1])
    return np.flatnonzero(begins)


def alone(y: Floats) -> npt.NDArray[np.bool_]:
    """Which values of one line have no neighbour, so that no line goes to them."""
    is_gap = np.isnan(np.concatenate(([np.nan], y, [np.nan])))
    return ~is_gap[1:-1] & is_gap[:-2] & is_gap[2:]


class Picture:
    """All points of the window: as few as a screen needs, bounded by lines and columns, however long it runs."""

    def __init__(self, width: float) -> None:
        self._width = width
        self._settled = no_points()
        self._frames: list[Points] = []

    def add(self, points: Points, oldest: float) -> None:
        """More of them; now and then all are thinned out together, and those before ``oldest`` forgotten."""
        if len(points):
            self._frames.append(points)
        if len(self._frames) >= _FRAMES:
            self.points(oldest)

    def points(self, oldest: float) -> Points:
        """Those at or after ``oldest``; what is older is forgotten."""
        self._settle()
        young = self._settled.x >= oldest
        if not young.all():
            self._settled = self._settled.pick(young)
        return self._settled

    def _settle(self) -> None:
        if self._frames:
            self._settled = thin_out(join_points([self._settled, *self._frames]), self._width)
            self._frames.clear()


class GapWatch:
    """Finds where a line is to be broken: nothing came for five times its usual interval, or for ``gap`` seconds, or the connection
    was lost.

    The usual interval is the mean of those that a screen can show: of bursts that is the time between them.
    """

    def __init__(self, width: float, gap: float | None) -> None:
        self._width = width
        self._gap = gap
        self._last = np.empty(0)
        self._usual = np.empty(0)
        self._visible = np.empty(0)  # intervals that it was learned from
        self._seen = np.empty(0)  # all intervals
        self._broken = np.empty(0, np.bool_)

    def break_all(self) -> None:
        """What comes next does not go on where the lines are."""
        self._broken[:] = True

    def mark(self, points: Points, lines: int) -> Points:
        """``points`` with a NaN behind the last point before each gap. ``lines``: how many there are by now."""
        self._grow(lines)
        if not len(points):
            return points
        line, x = points.line, points.x
        first = np.ones(len(line), np.bool_)
        first[1:] = line[1:] != line[:-1]
        before = np.empty(len(x))
        before[1:] = x[:-1]
        before[first] = self._last[line[first]]
        interval = x - before  # NaN: the line's very first
        self._guess(line, interval)
        gaps = (interval > self._limits()[line]) | (first & self._broken[line] & ~np.isnan(before))
        self._learn(line, interval)
        present = line[first]
        self._broken[present] = False
        ends = np.append(np.flatnonzero(first)[1:], len(line)) - 1
        self._last[present] = np.fmax(self._last[present], x[ends])
        if not gaps.any():
            return points
        marks = Points(line[gaps], before[gaps] + 1e-6, np.full(int(gaps.sum()), np.nan))
        return join_points([points, marks])

    def _limits(self) -> Floats:
        if self._gap is not None:
            return np.full(len(self._last), self._gap)
        limits = np.maximum(_FACTOR * np.maximum(self._usual, self._width), _LEAST_GAP)
        return np.where(self._seen >= _LEARNED, limits, np.inf)

    def _guess(self, line: Lines, interval: Floats) -> None:
        """Of a line that is new, and comes with a past, the median of its intervals: they tell themselves which of them are gaps."""
        new = (self._seen[line] < _LEARNED) & (interval >= 0)
        lines, intervals = line[new], interval[new]
        order = np.lexsort((intervals, lines))
        lines, intervals = lines[order], intervals[order]
        found, begins, counts = np.unique(lines, return_index=True, return_counts=True)
        enough = counts >= _LEARNED
        middles = (begins + counts // 2)[enough]
        self._usual[found[enough]] = np.where(intervals[middles] > self._width, intervals[middles], 0.0)
        self._visible[found[enough]] = 1
        self._seen[found[enough]] = _LEARNED

    def _learn(self, line: Lines, interval: Floats) -> None:
        """Gaps, too, but not all of their length: what is one again and again is none."""
        lines = len(self._last)
        seen = interval >= 0
        visible = interval > self._width
        most = 2 * _FACTOR * np.maximum(self._usual, self._width)
        count = np.bincount(line[visible], minlength=lines)
        length = np.minimum(interval[visible], most[line[visible]])
        mean = np.bincount(line[visible], weights=length, minlength=lines) / np.maximum(count, 1)
        weight = np.maximum(np.minimum(1.0, count / _MEMORY), count / np.maximum(self._visible + count, 1))
        self._usual += (mean - self._usual) * weight
        self._visible += count
        self._seen += np.bincount(line[seen], minlength=lines)

    def _grow(self, lines: int) -> None:
        more = lines - len(self._last)
        if more > 0:
            self._last = np.append(self._last, np.full(more, np.nan))
            self._usual = np.append(self._usual, np.zeros(more))
            self._visible = np.append(self._visible, np.zeros(more))
            self._seen = np.append(self._seen, np.zeros(more))
            self._broken = np.append(self._broken, np.zeros(more, np.bool_))
