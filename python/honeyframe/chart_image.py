"""A chart as a picture, for where nothing runs: files, and notebooks that are read later. Needs matplotlib, of the extra ``notebook``.

Figures are made without pyplot: no window, no state of the user's, any thread.
"""

from __future__ import annotations

import io
import textwrap
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from .chart_plan import ChartPlan
from .chart_points import Points, alone
from .errors import MissingExtraError
from .events import printable
from .live_table import text_of

if TYPE_CHECKING:
    from .chart_rows import Line

_COLOURS: Final = ("#1f6fb4", "#c4540a", "#13795b", "#b3185f", "#6a5fb5", "#806000", "#007a8a", "#5d4037", "#5c6b00", "#8e3bb0")
_STYLES: Final = ("-", "--", ":", "-.")
_WIDTH_INCHES: Final = 10.0
_DPI: Final = 100
_ROOM: Final = 300  # pixels around a pane, to begin with
_TICKS: Final = 22  # pixels of the times below the last pane
_LEGEND_WIDTH: Final = 930  # pixels: what a pane has at least
_COLUMN_SPACE: Final = 1.2  # between the legend's columns, in its letters
_LETTER: Final = 11.6  # pixels
_MOST_ROWS: Final = 7
_MOST_COLUMNS: Final = 6
_MOST_LABEL: Final = 60
_NOTE_WIDTH: Final = 150  # letters


def picture(
    kind: str,
    plan: ChartPlan,
    pane_labels: Sequence[str],
    lines: Sequence[Line],
    points: Points,
    begin: float,
    end: float,
    notes: Sequence[str] = (),
) -> bytes:
    """The bytes of a ``png``, ``svg`` or ``pdf``. Each pane is as high as the plan says; what stands around it comes on top.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError(f"a picture of a chart needs matplotlib ({error})", hint="pip install 'honeyframe[notebook]'") from error

    panes = len(plan.panes)
    figure = Figure(figsize=(_WIDTH_INCHES, panes * (plan.height + _ROOM) / _DPI), dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(panes, 1, sharex=True, squeeze=False)[:, 0]
    made = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # letters that its font does not have are boxes, and nobody's fault
        if plan.title:
            figure.suptitle(_plain(plan.title))
        for pane, axis in enumerate(axes):
            axis.set_ylabel(_plain(pane_labels[pane]))
            axis.grid(color="#e3e6ea")
            drawn = [(line, _draw(axis, line, points.of(number))) for number, line in enumerate(lines) if line.pane == pane]
            _add_legend(axis, sorted(drawn, key=lambda one: one[0].colour), _TICKS if pane == panes - 1 else 0)
        axes[-1].set_xlim(_times(np.array([begin])).item(), _times(np.array([end])).item())
        figure.supxlabel(_plain("\n".join(textwrap.fill(text, _NOTE_WIDTH) for text in ["UTC", *notes])), fontsize="small")
        figure.draw_without_rendering()
        too_high = axes[0].get_window_extent().height - plan.height
        figure.set_figheight(figure.get_figheight() - panes * too_high / _DPI)
        figure.savefig(made, format=kind)
    return made.getvalue()


def _draw(axis: Any, line: Line, points: Points) -> Any:
    """Returns what stands for the line in a legend."""
    colour, style = _COLOURS[line.colour % len(_COLOURS)], _STYLES[line.colour // len(_COLOURS) % len(_STYLES)]
    times = _times(points.x)
    shape = "steps-post" if line.kind == "bool" else "default"
    (handle,) = axis.plot(times, points.y, color=colour, linestyle=style, linewidth=1.2, drawstyle=shape)
    dots = alone(points.y)
    axis.plot(times[dots], points.y[dots], color=colour, linestyle="none", marker="o", markersize=3.5)
    return handle


def _add_legend(axis: Any, drawn: Sequence[tuple[Line, Any]], below: int) -> None:
    """Under the pane, in as many columns as there is room for."""
    from matplotlib.lines import Line2D
    from matplotlib.transforms import ScaledTranslation

    if not drawn:
        return
    place = axis.transAxes + ScaledTranslation(0, -below / _DPI, axis.figure.dpi_scale_trans)
    names, handles = [_label(line) for line, _ in drawn], [handle for _, handle in drawn]
    where = {"loc": "upper left", "bbox_to_anchor": (0, 0), "bbox_transform": place}
    look = {"fontsize": "small", "frameon": False, "handlelength": 1.6, "columnspacing": _COLUMN_SPACE}
    most = _MOST_ROWS * _MOST_COLUMNS
    widest = axis.legend(handles[:most], names[:most], **where, **look).get_window_extent(axis.figure.canvas.get_renderer()).width
    columns = max(1, min(_MOST_COLUMNS, int(_LEGEND_WIDTH / (widest + _COLUMN_SPACE * _LETTER))))
    most = _MOST_ROWS * columns
    if len(names) > most:
        names = [*names[: most - 1], f"… and {len(names) - most + 1:,} more"]
        handles = [*handles[: most - 1], Line2D([], [], linestyle="none")]
    axis.legend(handles, names, ncols=columns, **where, **look)


def _label(line: Line) -> str:
    name = line.label if len(line.label) <= _MOST_LABEL else f"{line.label[: _MOST_LABEL // 2]}…{line.label[-_MOST_LABEL // 2 + 1 :]}"
    value = f"{line.last:.6g}" if isinstance(line.last, float) else text_of(line.last)
    return _plain(f"{name}  {value}")


def _times(seconds: Any) -> Any:
    return (seconds * 1e6).astype(np.int64).astype("datetime64[us]")


def _plain(text: str) -> str:
    """As it is: no formula between dollars, no name that a legend leaves out because of its first letter."""
    shown = "\n".join(map(printable, text.split("\n"))).replace("\\", "\\\\").replace("$", r"\$")
    return f" {shown}" if shown.startswith("_") else shown
