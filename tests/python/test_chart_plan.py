"""What a chart is asked for: each wrong argument is named where it is given."""

from __future__ import annotations

from typing import Any

import pytest

from honeyframe.chart_plan import ChartPlan, plan_chart
from honeyframe.errors import InvalidArgumentError


def plan(y: Any = "t", x: Any = "_event_time", by: Any = (), window: Any = "10min", **more: Any) -> ChartPlan:
    options = {"gap": None, "max_series": 100, "height": 240, "title": "", "filters": ("plant/1",), "schema": ()}
    return plan_chart(y, x, by, window, **(options | more))


@pytest.mark.parametrize(
    ("y", "panes"),
    [
        ("t", (("t",),)),
        (["a", "b"], (("a", "b"),)),
        ([["a", "b"], ["c"]], (("a", "b"), ("c",))),
        ([["a"], "b"], (("a",), ("b",))),
        (("a", "a"), (("a",),)),
    ],
)
def test_panes(y: Any, panes: Any) -> None:
    assert plan(y).panes == panes


def test_by_is_the_topic_where_the_filter_matches_several() -> None:
    assert plan(by=None).by == ()
    assert plan(by=None, filters=("plant/+/t",)).by == ("_topic",)
    assert plan(by=None, filters=("plant/#",)).by == ("_topic",)
    assert plan(by=None, filters=("a", "b")).by == ("_topic",)
    assert plan(by="line").by == ("line",)
    assert plan(by=["line", "cell", "line"]).by == ("line", "cell")


def test_gap_and_window() -> None:
    assert plan(gap=None).gap is None
    assert plan(gap="1min").gap == 60
    assert plan(gap=False).gap == float("inf")
    assert plan(window=20).column_width == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"y": []}, "nothing to draw"),
        ({"y": [["a"], []]}, "nothing to draw"),
        ({"y": [["a"], ["a"]]}, "column 'a' in two panes"),
        ({"y": [[str(n)] for n in range(21)]}, "found 21"),
        ({"window": 0.5}, "from 1 s to 31 days"),
        ({"window": "60 days"}, "from 1 s to 31 days"),
        ({"gap": 0}, "gap must be above zero"),
        ({"max_series": 0}, "max_series"),
        ({"max_series": 1_001}, "max_series"),
        ({"height": 10}, "height"),
        ({"schema": [("t", "string")]}, "column 't' is string, and a chart draws numbers and booleans"),
        ({"schema": [("t", "list<int64>")]}, "is list<int64>"),
        ({"x": "n", "schema": [("n", "int64")]}, "x='n' is int64, and a chart's x is a time"),
    ],
)
def test_what_is_wrong_is_said(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        plan(**arguments)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "arguments", [{"y": 3}, {"y": [1]}, {"y": b"t"}, {"x": 1}, {"by": 3}, {"by": [1]}, {"title": None}, {"max_series": 1.5}]
)
def test_what_is_of_the_wrong_type_is_said(arguments: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        plan(**arguments)
