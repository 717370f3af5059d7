"""A chart as a picture, for where nothing runs: files, and notebooks that are read later. Needs matplotlib, of the extra ``notebook``.

Figures are made without pyplot: no window, no state of the user's, any thread.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from .chart_plan import ChartPlan
from .chart_points import Points
from .errors import MissingExtraError
from .events import printable

if TYPE_CHECKING:
    from .chart_rows import Line

_COLOURS: Final = ("#1f6fb4", "#c4540a", "#13795b", "#b3185f", "#6a5fb5", "#806000", "#007a8a", "#5d4037", "#5c6b00", "#8e3bb0")
_STYLES: Final = ("-", "--", ":", "-.")
_WIDTH_INCHES: Final = 10.0
_DPI: Final = 100
_MOST_LEGEND: Final = 20


def picture(
    kind: str, plan: ChartPlan, lines: Sequence[Line], points: Points, begin: float, end: float, notes: Sequence[str] = ()
) -> bytes:
    """The bytes of a ``png``, ``svg`` or ``pdf``.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError(f"a picture of a chart needs matplotlib ({error})", hint="pip install 'honeyframe[notebook]'") from error

    height = plan.height / _DPI * len(plan.panes) + 0.5
    figure = Figure(figsize=(_WIDTH_INCHES, height), dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(plan.panes), 1, sharex=True, squeeze=False)[:, 0]
    if plan.title:
        figure.suptitle(_plain(plan.title))
    for pane, axis in enumerate(axes):
        _draw(axis, plan, pane, lines, points)
    axes[-1].set_xlim(_times(np.array([begin])).item(), _times(np.array([end])).item())
    axes[-1].set_xlabel(_plain(" · ".join(["UTC", *notes])), fontsize="small")
    made = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # letters that its font does not have are boxes, and nobody's fault
        figure.savefig(made, format=kind)
    return made.getvalue()


def _draw(axis: Any, plan: ChartPlan, pane: int, lines: Sequence[Line], points: Points) -> None:
    begins = np.searchsorted(points.line, np.arange(len(lines) + 1))
    handles, labels = [], []
    for number, line in enumerate(lines):
        if line.pane != pane:
            continue
        part = slice(begins[number], begins[number + 1])
        style = {"color": _COLOURS[number % len(_COLOURS)], "linestyle": _STYLES[number // len(_COLOURS) % len(_STYLES)]}
        more = {"drawstyle": "steps-post"} if line.kind == "bool" else {}
        handles += axis.plot(_times(points.x[part]), points.y[part], linewidth=1.2, **style, **more)
        labels.append(_plain(f"{line.label}  {line.last}"))
    axis.set_ylabel(_plain(", ".join(plan.panes[pane])))
    axis.grid(color="#e3e6ea")
    if len(labels) > _MOST_LEGEND:
        labels = [*labels[: _MOST_LEGEND - 1], f"and {len(labels) - _MOST_LEGEND + 1} more"]
    if handles:
        axis.legend(handles[: len(labels)], labels, loc="upper left", fontsize="small", framealpha=0.7)


def _times(seconds: Any) -> Any:
    return (seconds * 1e6).astype(np.int64).astype("datetime64[us]")


def _plain(text: str) -> str:
    """As it is: no formula between dollars, no name that a legend leaves out because of its first letter."""
    shown = printable(text).replace("\\", "\\\\").replace("$", r"\$")
    return f" {shown}" if shown.startswith("_") else shown
