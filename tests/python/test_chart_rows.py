"""From batches to points: lines, clocks, kinds of values, and what is left out and counted."""

from __future__ import annotations

import json
import math
import time
from typing import Any

import pytest

from honeyframe import _core
from honeyframe.chart_plan import plan_chart
from honeyframe.chart_points import Points
from honeyframe.chart_rows import RowReader

NOW = 1_700_000_000.0


class Rows:
    """A queue, and a chart's reader behind it."""

    def __init__(self, y: Any, by: Any = (), x: str = "_event_time", *, max_series: int = 100, **options: Any) -> None:
        self.queue = _core.Queue()
        self.reader = _core.StreamReader(self.queue, _core.ExtractOptions(**options))
        plan = plan_chart(y, x, by, 60, gap=None, max_series=max_series, height=240, title="", filters=(), schema=())
        self.rows = RowReader(plan)
        self.now = NOW

    def push(self, payload: Any, topic: str = "plant/1/t", at: float = 0.0, **flags: Any) -> None:
        data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        self.queue.push(topic, data, receive_time_ns=int((NOW + at) * 1e9), **flags)

    def points(self) -> dict[str, list[tuple[float, float]]]:
        """(seconds from NOW, value) of each line."""
        batches = []
        while (batch := self.reader.next(100_000, 0.0, 0.0)) is not None:
            batches.append(batch)
        return self.named(self.rows.read(batches, self.now))

    def named(self, points: Points) -> dict[str, list[tuple[float, float]]]:
        found: dict[str, list[tuple[float, float]]] = {}
        for number, x, y in zip(points.line.tolist(), points.x.tolist(), points.y.tolist(), strict=True):
            found.setdefault(self.rows.book.lines[number].name, []).append((round(x - NOW, 3), y))
        return found


def test_a_line_for_each_value_of_by() -> None:
    rows = Rows(["t", "p"], "line", topic_template="plant/{line}/t")
    rows.push({"t": 1, "p": 10}, "plant/a/t", -3)
    rows.push({"t": 2}, "plant/b/t", -2)
    rows.push({"t": 3, "p": 30}, "plant/a/t", -1)
    assert rows.points() == {"a · t": [(-3, 1), (-1, 3)], "b · t": [(-2, 2)], "a · p": [(-3, 10), (-1, 30)]}


def test_several_columns_of_by_and_missing_ones() -> None:
    rows = Rows("v", ["site", "cell", "nothing"])
    rows.push({"v": 1, "site": "x", "cell": 7})
    rows.push({"v": 2, "site": "x", "cell": None})
    rows.push({"v": 3, "site": "y", "cell": 7})
    assert rows.points() == {"x · 7 · –": [(0, 1)], "x · – · –": [(0, 2)], "y · 7 · –": [(0, 3)]}
    assert rows.rows.seen == {
        "v",
        "site",
        "cell",
    }


def test_without_by_all_is_one_line_sorted_by_time() -> None:
    rows = Rows("v")
    for at, value in ((-1, 1), (-3, 3), (-2, 2)):
        rows.push({"v": value}, f"plant/{value}/t", at)
    assert rows.points() == {"v": [(-3, 3), (-2, 2), (-1, 1)]}


def test_numbers_of_every_kind() -> None:
    rows = Rows(["int", "big", "bool", "float", "text", "list"])
    rows.push({"int": 2**53 + 1, "big": 2**64 - 1, "bool": True, "float": 1e300, "text": "x", "list": [1]})
    rows.push({"int": -1, "big": None, "bool": False, "float": None}, at=0)
    found = rows.points()
    assert found == {
        "int": [(0, float(2**53)), (0, -1)],
        "big": [(0, float(2**64))],  # the nearest double
        "bool": [(0, 1), (0, 0)],
        "float": [(0, 1e300)],
    }
    assert set(rows.rows.faults) == {"text", "list"}
    assert "'text' is string, and a chart draws numbers and booleans" in rows.rows.faults["text"]
    last = {line.name: line.last for line in rows.rows.book.lines}
    assert last["big"] == 2**64 - 1  # exact


def test_a_column_that_becomes_text_is_told_and_the_others_go_on() -> None:
    rows = Rows(["a", "b"], on_conflict="widen")
    rows.push({"a": 1, "b": 1})
    assert set(rows.points()) == {"a", "b"}
    rows.push({"a": "broken", "b": 2})
    assert set(rows.points()) == {"b"}
    assert set(rows.rows.faults) == {"a"}


def test_nulls_are_no_points() -> None:
    rows = Rows("v")
    for value in (None, 1, None, 2, None):
        rows.push({"v": value})
    assert [y for _, y in rows.points()["v"]] == [1, 2]


def test_an_event_has_its_own_time_and_else_that_of_its_arrival() -> None:
    rows = Rows("v", event_time="ts", event_time_unit="s")
    rows.push({"v": 1, "ts": NOW - 30})
    rows.push({"v": 2}, at=-5)
    assert rows.points() == {"v": [(-30, 1), (-5, 2)]}


def test_retained_messages_are_drawn_at_their_own_time_or_not_at_all() -> None:
    rows = Rows("v", event_time="ts", event_time_unit="s")
    rows.push({"v": 1, "ts": NOW - 30}, retain=True)
    rows.push({"v": 2}, retain=True)
    rows.push({"v": 3, "ts": NOW - 5000}, retain=True)
    rows.push({"v": 4, "ts": NOW - 1})
    assert rows.points() == {"v": [(-30, 1), (-1, 4)]}
    assert (rows.rows.counts.retained, rows.rows.counts.late) == (1, 1)


def test_by_the_time_of_arrival_no_retained_message_is_new() -> None:
    rows = Rows("v", x="_recv_time", event_time="ts", event_time_unit="s")
    rows.push({"v": 1, "ts": NOW - 30}, retain=True)
    rows.push({"v": 2, "ts": NOW - 30})
    assert rows.points() == {"v": [(0, 2)]}
    assert rows.rows.counts.retained == 1


def test_clocks_ahead_and_behind_are_counted() -> None:
    rows = Rows("v", event_time="ts", event_time_unit="s")
    for away in (-61, -59, 0, 1.9, 3600, 3.2e9):
        rows.push({"v": away, "ts": NOW + away})
    assert [x for x, _ in rows.points()["v"]] == [-59, 0, 1.9]
    assert (rows.rows.counts.ahead, rows.rows.counts.late) == (2, 1)


def test_where_nothing_is_drawn_it_says_why() -> None:
    rows = Rows("v", event_time="ts", event_time_unit="s")
    assert rows.rows.counts.reasons() == []
    for away in (-3600, -3601, 3600):
        rows.push({"v": 1, "ts": NOW + away})
    assert rows.points() == {}
    assert rows.rows.counts.reasons() == [
        'nothing is drawn: of 3 rows 2 older than the window, 1 ahead of this machine\'s clock; x="_recv_time" draws rows as they arrive'
    ]


def test_an_x_that_is_no_time_is_told() -> None:
    rows = Rows("v", x="n")
    rows.push({"v": 1, "n": 5})
    assert rows.points() == {}
    assert "x='n' is int64" in rows.rows.faults["n"]
    rows = Rows("v", x="nothing")
    rows.push({"v": 1})
    assert rows.points() == {}
    assert rows.rows.counts.without_time == 1


def test_a_thousand_lines_are_capped_with_a_word() -> None:
    rows = Rows("v", "_topic", max_series=100)
    for number in range(1000):
        rows.push({"v": number}, f"plant/{number}/t")
    found = rows.points()
    assert len(found) == 100
    assert found["plant/0/t"] == [(0, 0)]
    assert rows.rows.book.left_out.words("line") == "900 more lines"
    rows.push({"v": 1}, "plant/999/t")
    assert rows.points() == {}
    assert rows.rows.book.left_out.words("line") == "900 more lines"


@pytest.mark.parametrize("most", [1, 2, 5, 9, 10, 50, 999])
def test_what_is_not_drawn_is_counted_whatever_the_cap(most: int) -> None:
    rows = Rows("v", "_topic", max_series=most)
    for number in range(1000):
        rows.push({"v": number}, f"plant/{number}/t")
    rows.points()
    assert rows.rows.book.left_out.words("line") == f"{1000 - most:,} more line{'s' * (most < 999)}"


def colours(rows: Rows) -> dict[str, int]:
    rows.points()
    return {line.name: line.colour for line in rows.rows.book.lines}


def test_a_line_has_one_colour_in_all_panes_and_in_each_run() -> None:
    expected = {f"{line} · {column}": "abc".index(line) for line in "abc" for column in ("t", "p", "on")}
    for order in ("abc", "cba", "bca"):
        rows = Rows([["t"], ["p"], ["on"]], "line", topic_template="plant/{line}/t")
        for line in order:
            rows.push({"p": 1, "t": 1, "on": True}, f"plant/{line}/t")
            rows.points()  # each in a frame of its own
        assert colours(rows) == expected


def test_columns_of_one_pane_have_colours_of_their_own() -> None:
    rows = Rows([["t", "limit"], ["p"]], "line", topic_template="plant/{line}/t")
    for line in "ba":
        rows.push({"t": 1, "limit": 2, "p": 3}, f"plant/{line}/t")
    assert colours(rows) == {"a · t": 0, "a · limit": 1, "b · t": 2, "b · limit": 3, "a · p": 0, "b · p": 2}


def test_a_line_that_comes_late_takes_no_others_colour() -> None:
    rows = Rows("v", "line", topic_template="plant/{line}/t")
    rows.push({"v": 1}, "plant/c/t")
    rows.push({"v": 1}, "plant/b/t")
    rows.points()
    rows.push({"v": 1}, "plant/a/t", 11)
    rows.now = NOW + 11
    assert colours(rows) == {"b": 0, "c": 1, "a": 2}


def test_a_thousand_rows_of_twenty_lines_take_some_milliseconds() -> None:
    rows = Rows("v", "_topic")
    for number in range(10_000):
        rows.push({"v": number}, f"plant/{number % 20}/t", -number / 1000)
    batch = rows.reader.next(100_000, 0.0, 0.0)
    assert batch is not None
    rows.rows.read([batch], NOW)
    begin = time.thread_time()
    points = rows.rows.read([batch], NOW)
    assert time.thread_time() - begin < 0.1  # a second's worth
    assert len(points) == batch.num_rows > 1_000


def test_what_is_not_finite_is_no_point() -> None:
    rows = Rows("v")
    rows.push(b'{"v": 1e999}')
    rows.push({"v": 1.5})
    assert all(math.isfinite(y) for line in rows.points().values() for _, y in line)


@pytest.mark.parametrize("name", ["<img src=x onerror=alert(1)>", "a\x1b[31m\nb", "$x$", "_x", "مرحبا", "𝔸" * 100])
def test_hostile_names_are_names(name: str) -> None:
    rows = Rows(name, "line")
    rows.push({name: 1, "line": name})
    assert rows.points() == {name: [(0, 1)]}
    assert rows.rows.book.lines[0].told(0) == {"name": "0", "label": name, "pane": 0, "step": False, "colour": 0}
