"""honeyframe.dashboard_panels: what panels= may hold, and what is said of what it may not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from honeyframe.dashboard_panels import MOST_PANELS, read_panels
from honeyframe.errors import InvalidArgumentError


def read(*panels: Any, topics: str = "plant/{line}/t", event_time: str | None = None) -> list[dict[str, Any]]:
    return read_panels(list(panels), topics=topics, event_time=event_time)


def test_the_short_and_the_long_form() -> None:
    short, long = read("t", {"kind": "chart", "y": ["t"], "topics": "plant/{line}/t"})
    assert short == long
    assert short["title"] == "t"
    assert read_panels("t", topics="#", event_time=None) == read("t", topics="#")
    (one,) = read(
        {"gauge": "p", "unit": "bar", "min": np.int64(0), "max": 10, "by": "line", "x": "ts", "window": "5min", "title": "P"},
        event_time="other",
    )
    wanted = {"kind": "gauge", "y": ["p"], "unit": "bar", "min": 0.0, "max": 10.0, "by": ["line"], "x": "ts", "window": 300.0, "title": "P"}
    assert one | wanted == one
    assert read("t", event_time="ts")[0]["x"] == "ts"


def test_thresholds() -> None:
    (one,) = read({"chart": "t", "thresholds": {"warn": 70, "alarm": 90}})
    assert one["thresholds"] == [{"above": 70.0, "level": "warn"}, {"above": 90.0, "level": "alarm"}]
    (one,) = read({"chart": "t", "thresholds": [{"below": 5, "level": "alarm"}]})
    assert one["thresholds"] == [{"below": 5.0, "level": "alarm"}]


@pytest.mark.parametrize(
    ("panel", "told"),
    [
        ({"graph": "t"}, "which no panel has"),
        ({"chart": "t", "guage": "p"}, "did you mean 'gauge'"),
        ({"chart": "t", "gauge": "p"}, "says twice"),
        ({"kind": "pie", "y": "t"}, "chart, gauge, value"),
        ({"chart": []}, "names no column"),
        ({"topics": "a"}, "names no column"),
        ({"chart": "t", "topics": "a#"}, r"panels\[0\]: .*a#"),
        ({"chart": "t", "topics": "$share/g/plant/{line}/t"}, r"panels\[0\]: .*take messages away"),
        ({"chart": "t", "by": "room"}, "by='room' is no level"),
        ({"chart": "t", "min": 5, "max": 5}, "min must be below max"),
        ({"chart": "t", "max": float("inf")}, "finite"),
        ({"chart": "t", "thresholds": {"red": 5}}, "threshold"),
        ({"chart": "t", "thresholds": [{"above": 1, "below": 2, "level": "warn"}]}, "threshold"),
        ({"chart": "t", "window": "soon"}, "window"),
    ],
)
def test_a_panel_that_is_none_says_which_and_why(panel: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidArgumentError, match=told):
        read(panel)


@pytest.mark.parametrize("panel", [5, None, {"chart": "t", "title": 5}, {"chart": "t", "topics": ["a"]}, {"chart": "t", "x": 5}])
def test_types(panel: Any) -> None:
    with pytest.raises(TypeError, match=r"panels\[0\]"):
        read(panel)


def test_there_is_a_bound() -> None:
    with pytest.raises(InvalidArgumentError, match=str(MOST_PANELS)):
        read(*["t"] * (MOST_PANELS + 1))
