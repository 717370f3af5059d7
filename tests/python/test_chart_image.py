"""A chart as a picture: every name is a name, whatever is in it."""

from __future__ import annotations

import re
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


def made(
    kind: str = "svg",
    names: tuple[str, ...] = ("a", "b"),
    y: Any = (["n"], ["on"]),
    title: str = "",
    values: tuple[float, ...] = (1.0, np.nan, 0.5, 1.0),
) -> str:
    plan = plan_chart(list(y), "_event_time", (), 60, gap=None, max_series=100, height=200, title=title, filters=(), schema=())
    lines = [Line(name, name, "n", i % len(plan.panes), "bool" if i % 2 else "float64", (), i, 1e9 + i, i) for i, name in enumerate(names)]
    x = 1_700_000_000 + np.tile(np.arange(4.0), len(lines))
    points = Points(np.repeat(np.arange(len(lines), dtype=np.int32), 4), x, np.tile(values, len(lines)))
    return picture(
        kind, plan, [", ".join(pane) for pane in plan.panes], lines, points, 1_700_000_000 - 56, 1_700_000_004.0, ["a note"]
    ).decode("utf-8", "replace")


def test_panes_and_lines_are_drawn() -> None:
    svg = made(title="Plant")
    assert svg.count('id="axes_') == 2
    assert made("png").startswith("\ufffdPNG")


def test_hostile_names() -> None:
    for name in HOSTILE:
        svg = made(names=(name, name), y=([name],), title=name)
        assert "<script>alert" not in svg.replace("<!-- ", "")


def dots(svg: str) -> int:
    return len(re.findall(r"<use [^>]*stroke: #1f6fb4", svg))


def test_points_without_neighbours_are_dots() -> None:
    nan = np.nan
    for values, count in (((1, nan, 2, 3), 1), ((1, 2, 3, 4), 0), ((nan, 5, nan, nan), 1), ((1, nan, 2, nan), 2), ((1, 2, nan, 3), 1)):
        assert dots(made(names=("a",), y=(["n"],), values=values)) == count, values


def heights(monkeypatch: pytest.MonkeyPatch, **what: Any) -> tuple[list[float], list[tuple[float, float]], float]:
    """Of the panes, in pixels; of each legend its left and right; and of all of it."""
    from matplotlib.figure import Figure

    kept: list[Any] = []
    monkeypatch.setattr(Figure, "savefig", lambda self, *_, **__: (self.draw_without_rendering(), kept.append(self)))
    made(**what)
    (figure,) = kept
    legends = [axis.get_legend().get_window_extent() for axis in figure.axes]
    assert all(box.y0 > 0 and box.y1 < axis.get_window_extent().y0 for box, axis in zip(legends, figure.axes, strict=True))
    return [axis.get_window_extent().height for axis in figure.axes], [(box.x0, box.x1) for box in legends], figure.bbox.height


@pytest.mark.parametrize("name", ["line {}", "a/very/long/topic/" * 5 + "{}", "漢字漢字漢字/{}"])
@pytest.mark.parametrize("count", [2, 25, 100])
def test_a_legend_takes_no_height_from_a_pane_and_stays_in_the_picture(monkeypatch: pytest.MonkeyPatch, name: str, count: int) -> None:
    panes, legends, height = heights(monkeypatch, names=tuple(name.format(i) for i in range(count)))
    assert panes == pytest.approx([200, 200], abs=1)
    assert all(0 <= left < right <= 1000 for left, right in legends)
    assert height < 2 * (200 + 190) + 100


def test_many_lines_have_a_short_legend() -> None:
    svg = made(names=tuple(f"line {i}" for i in range(60)), y=(["n"],))
    assert svg.count("<!-- line ") == 41
    assert "… and 19 more" in svg
    svg = made(names=tuple(f"line {i}" for i in range(25)), y=(["n"],))
    assert svg.count("<!-- line ") == 25
    assert "more" not in re.sub("<defs>.*?</defs>", "", svg, flags=re.DOTALL)


def test_nothing_to_draw() -> None:
    assert "<svg" in made(names=())


def test_without_matplotlib_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtraError) as caught:
        made()
    assert "pip install 'honeyframe[notebook]'" in str(caught.value)
