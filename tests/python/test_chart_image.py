"""A chart as a picture: every name is a name, whatever is in it."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

from honeyframe.chart_image import picture
from honeyframe.chart_plan import plan_chart
from honeyframe.chart_points import Points
from honeyframe.chart_rows import Line
from honeyframe.errors import MissingExtraError

pytest.importorskip("matplotlib")

HOSTILE = ("<script>alert(1)</script>", "$x$", r"\frac{1}{2}", "_hidden", "a\x00\x1b[31m\n", "漢字", "$", "%s{}")


def made(kind: str = "svg", names: tuple[str, ...] = ("a", "b"), y: Any = (["n"], ["on"]), title: str = "") -> str:
    plan = plan_chart(list(y), "_event_time", (), 60, gap=None, max_series=100, height=200, title=title, filters=(), schema=())
    lines = [Line(name, name, "n", i % len(plan.panes), "bool" if i % 2 else "float64", (), 1e9 + i, i) for i, name in enumerate(names)]
    x = 1_700_000_000 + np.tile(np.arange(4.0), len(lines))
    points = Points(np.repeat(np.arange(len(lines), dtype=np.int32), 4), x, np.tile([1.0, np.nan, 0.5, 1.0], len(lines)))
    return picture(kind, plan, lines, points, 1_700_000_000 - 56, 1_700_000_004.0, ["a note"]).decode("utf-8", "replace")


def test_panes_and_lines_are_drawn() -> None:
    svg = made(title="Plant")
    assert svg.count('id="axes_') == 2
    assert made("png").startswith("\ufffdPNG")


def test_hostile_names() -> None:
    for name in HOSTILE:
        svg = made(names=(name, name), y=([name],), title=name)
        assert "<script>alert" not in svg.replace("<!-- ", "")


def test_many_lines_have_a_short_legend() -> None:
    svg = made(names=tuple(f"line {i}" for i in range(60)), y=(["n"],))
    assert svg.count("<!-- line ") == 19
    assert "and 41 more" in svg


def test_nothing_to_draw() -> None:
    assert "<svg" in made(names=())


def test_without_matplotlib_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtraError) as caught:
        made()
    assert "pip install 'honeyframe[notebook]'" in str(caught.value)
