"""Thinning out: exact beside a plain model. What is kept: bounded. Gaps: where a reader would see them."""

from __future__ import annotations

import math
import random
from collections import defaultdict

import numpy as np
import pytest

from honeyframe.chart_points import GapWatch, Picture, Points, join_points, no_points, sort_points, thin_out


def points(rows: list[tuple[int, float, float]]) -> Points:
    """From (line, x, y)."""
    line, x, y = zip(*rows, strict=True) if rows else ((), (), ())
    return sort_points(np.array(line, np.int32), np.array(x, np.float64), np.array(y, np.float64))


def rows(found: Points) -> list[tuple[int, float, float]]:
    return list(zip(found.line.tolist(), found.x.tolist(), found.y.tolist(), strict=True))


def extremes(found: list[tuple[int, float, float]], width: float) -> dict[tuple[int, int], tuple[float, float, bool]]:
    """The plain model: of each line and column its least and greatest value, and whether there is a gap."""
    columns: dict[tuple[int, int], list[float]] = defaultdict(list)
    for line, x, y in found:
        columns[line, math.floor(x / width)].append(y)
    return {
        key: (
            min((y for y in ys if not math.isnan(y)), default=math.inf),
            max((y for y in ys if not math.isnan(y)), default=-math.inf),
            any(map(math.isnan, ys)),
        )
        for key, ys in columns.items()
    }


def some_rows(seed: int, count: int) -> list[tuple[int, float, float]]:
    rng = random.Random(seed)
    return [
        (rng.randrange(5), 1_700_000_000 + rng.random() * 60, rng.choice([math.nan, 0.0, 1.0, rng.gauss(0, 1e6), 2.0**60]))
        for _ in range(count)
    ]


@pytest.mark.parametrize("seed", range(40))
def test_thinning_out_is_what_a_plain_search_finds(seed: int) -> None:
    before = some_rows(seed, random.Random(seed).choice([0, 1, 7, 500]))
    width = random.Random(seed).choice([0.1, 1.0, 7.3, 100.0])
    after = rows(thin_out(points(before), width))
    assert extremes(after, width) == extremes(before, width)
    assert {repr(row) for row in after} <= {repr(row) for row in before}  # none is made up
    assert [row[:2] for row in after] == sorted(row[:2] for row in after)
    per_column: dict[tuple[int, int], int] = defaultdict(int)
    for line, x, _ in after:
        per_column[line, math.floor(x / width)] += 1
    assert all(count <= 3 for count in per_column.values())


@pytest.mark.parametrize("seed", range(10))
def test_in_pieces_it_is_the_same_picture(seed: int) -> None:
    before = some_rows(seed, 3000)
    picture = Picture(0.5)
    for begin in range(0, 3000, 17):
        picture.add(thin_out(points(before[begin : begin + 17]), 0.5), 0.0)
    whole = picture.points(0.0)
    assert extremes(rows(whole), 0.5) == extremes(before, 0.5)
    assert len(whole) <= 5 * 121 * 3


def test_what_is_kept_is_bounded_and_forgets() -> None:
    picture = Picture(0.1)
    x = np.arange(100) / 1000
    for step in range(2000):
        at = 1_700_000_000 + step / 10
        picture.add(Points(np.zeros(100, np.int32), at + x, np.random.default_rng(step).normal(size=100)), at - 10)
        held = len(picture._settled) + sum(map(len, picture._frames))  # while nobody asks for it
        assert held <= 2 * 102 + 64 * (100 + 2)
    kept = picture.points(at - 10)
    assert len(kept) <= 2 * 102
    assert kept.x.min() >= at - 10


def test_one_column_keeps_the_order_in_which_its_values_came() -> None:
    assert rows(thin_out(points([(0, 0.1, 5), (0, 0.2, 9), (0, 0.3, 1), (0, 0.4, 5)]), 1.0)) == [(0, 0.2, 9), (0, 0.3, 1)]
    assert rows(thin_out(points([(0, 0.1, 5), (0, 0.2, 5)]), 1.0)) == [(0, 0.1, 5)]


def test_nothing_is_nothing() -> None:
    assert len(thin_out(no_points(), 1.0)) == 0
    assert len(join_points([])) == 0
    assert len(Picture(1.0).points(0.0)) == 0
    assert len(GapWatch(1.0, None).mark(no_points(), 3)) == 0


class TestGaps:
    """What is marked with NaN, just behind the last point before a gap."""

    def marks(self, found: Points) -> list[tuple[int, float]]:
        return [(line, round(x, 3)) for line, x, y in rows(found) if math.isnan(y)]

    def test_five_times_the_usual_interval(self) -> None:
        watch = GapWatch(0.01, None)
        times = [0, 1, 2, 3, 4, 8.5, 9.5, 20, 21]
        assert self.marks(watch.mark(points([(0, x, 1) for x in times]), 1)) == [(0, 9.5)]

    def test_an_outage_is_not_what_is_usual(self) -> None:
        watch = GapWatch(0.01, None)
        times = [*range(20), *range(4000, 4020), *range(9000, 9020)]
        found = [mark for x in times for mark in self.marks(watch.mark(points([(0, x, 1)]), 1))]
        assert found == [(0, 19), (0, 4019)]

    def test_across_frames_and_lines(self) -> None:
        watch = GapWatch(0.01, None)
        for x in range(10):
            assert self.marks(watch.mark(points([(0, x, 1), (1, x, 1)]), 2)) == []
        assert self.marks(watch.mark(points([(1, 10, 1)]), 2)) == []
        assert self.marks(watch.mark(points([(0, 19, 1), (1, 11, 1)]), 2)) == [(0, 9)]

    def test_bursts_are_not_gaps(self) -> None:
        watch = GapWatch(0.1, None)
        found = [(0, burst * 10 + i / 1000, 1.0) for burst in range(10) for i in range(20)]
        for begin in range(0, 200, 20):
            marked = watch.mark(points(found[begin : begin + 20]), 1)
            assert begin < 100 or self.marks(marked) == []

    def test_what_no_screen_shows_is_no_gap(self) -> None:
        watch = GapWatch(1.0, None)
        watch.mark(points([(0, x / 1000, 1) for x in range(100)]), 1)
        assert self.marks(watch.mark(points([(0, 3.0, 1)]), 1)) == []
        assert self.marks(watch.mark(points([(0, 30.0, 1)]), 1)) == [(0, 3.0)]

    def test_a_given_gap_and_none(self) -> None:
        assert self.marks(GapWatch(0.01, 2.0).mark(points([(0, 0, 1), (0, 1.9, 1), (0, 4, 1)]), 1)) == [(0, 1.9)]
        assert self.marks(GapWatch(0.01, math.inf).mark(points([(0, 0, 1), (0, 1, 1), (0, 2, 1), (0, 3, 1), (0, 1e6, 1)]), 1)) == []

    def test_a_lost_connection_breaks_every_line_once(self) -> None:
        watch = GapWatch(0.01, math.inf)
        watch.mark(points([(0, 1, 1), (1, 1, 1)]), 2)
        watch.break_all()
        assert self.marks(watch.mark(points([(0, 2, 1), (2, 2, 1)]), 3)) == [(0, 1)]
        assert self.marks(watch.mark(points([(0, 3, 1), (1, 3, 1), (2, 3, 1)]), 3)) == [(1, 1)]

    def test_a_late_point_is_no_gap(self) -> None:
        watch = GapWatch(0.01, 5.0)
        watch.mark(points([(0, 100, 1)]), 1)
        assert self.marks(watch.mark(points([(0, 50, 1)]), 1)) == []
        assert self.marks(watch.mark(points([(0, 101, 1)]), 1)) == []
