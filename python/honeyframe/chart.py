"""Chart: lines of a stream's columns that go on by themselves. Made by :meth:`honeyframe.Stream.chart`."""

from __future__ import annotations

import datetime
import time
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from . import _core
from .arguments import count_of
from .chart_plan import ChartPlan
from .chart_points import GapWatch, Picture, Points, thin_out
from .chart_rows import RowReader
from .events import printable
from .live_view import LiveView

if TYPE_CHECKING:
    import pandas as pd

    from .live_widget import Buffers
    from .stream import Stream

_FRAME_SECONDS: Final = 0.1
_SHOWN_LINES: Final = 20


class Chart(LiveView):
    """Live lines of a stream. In a notebook it shows itself, as the last value of a cell or by ``display(chart)``.

    A tap: it takes nothing from ``batches()``, and it goes on while a cell is busy. It ends with the stream, with :meth:`close`, and when
    nobody holds it any more. docs/charts.md tells more.
    """

    def __init__(self, stream: Stream, plan: ChartPlan) -> None:
        self._plan = plan
        self._reader = RowReader(plan)
        self._gap_watch = GapWatch(plan.column_width, plan.gap)
        self._picture = Picture(plan.column_width)
        self._gaps_seen = stream._gaps()
        self._lines_told = 0
        self._status_told: dict[str, Any] = {}
        super().__init__(stream, _FRAME_SECONDS, "honeyframe-chart")

    # --- what comes

    def _take(self, batches: list[_core.RecordBatch], now: float) -> None:
        if (gaps := self._stream._gaps()) != self._gaps_seen:
            self._gaps_seen = gaps
            self._gap_watch.break_all()
        points = self._reader.read(batches, now)
        points = self._gap_watch.mark(points, len(self._reader.book.lines))
        points = thin_out(points, self._plan.column_width)
        self._picture.add(points)
        self._show(points, now)

    def _show(self, points: Points, now: float) -> None:
        if self._channel is None:
            return
        status = self._status()
        if not len(points) and status == self._status_told:
            return
        content: dict[str, Any] = {"kind": "frame", "now": now, "lines": self._told_lines(self._lines_told)}
        if status != self._status_told:
            content["status"] = self._status_told = status
        self._lines_told = len(self._reader.book.lines)
        self._channel.send(content, _buffers(points))

    def _whole(self) -> tuple[dict[str, Any], Buffers]:
        now = time.time()
        self._status_told = self._status()
        self._lines_told = len(self._reader.book.lines)
        content = {"now": now, "lines": self._told_lines(0), "status": self._status_told}
        return content, _buffers(self._picture.points(now - self._plan.window))

    def _told_lines(self, first: int) -> list[dict[str, Any]]:
        lines = self._reader.book.lines[first:]
        return [{"name": line.name, "label": line.label, "pane": line.pane, "step": line.kind == "bool"} for line in lines]

    def _face(self) -> tuple[str, dict[str, Any]]:
        plan = self._plan
        panes = [{"label": ", ".join(pane)} for pane in plan.panes]
        return "chart", {"window": plan.window, "panes": panes, "height": plan.height, "title": plan.title}

    def _status(self) -> dict[str, Any]:
        counts, book = self._reader.counts, self._reader.book
        more = {"retained": counts.retained, "ahead": counts.ahead, "late": counts.late, "left_out": book.left_out}
        return {**super()._status(), **more, "notes": self._notes()}

    def _notes(self) -> list[str]:
        """What a reader of the chart must know, in sentences."""
        notes = list(self._reader.faults.values())
        if self._reader.book.left_out:
            notes.append(f"{count_of(self._reader.book.left_out, 'more line')} not drawn: max_series={self._plan.max_series}")
        if self._reader.counts.rows:
            missing = [name for name in (*self._plan.columns, *self._plan.by) if name not in self._reader.seen]
            notes += [f"no row has a column {name!r} so far" for name in missing]
        return notes

    # --- what is there

    def to_frame(self) -> pd.DataFrame:
        """What is drawn, as a DataFrame: a row a point, sorted by line and time.

        Columns: those of ``by=`` (string), ``column`` (string), ``time`` (datetime64[ns, UTC]), ``value`` (float64; NaN is a gap). Where many
        points fall into one column of pixels these are its least and its greatest; all rows are in :meth:`Stream.window`.
        """
        import pandas as pd

        with self._lock:
            points = self._picture.points(time.time() - self._plan.window)
            lines = list(self._reader.book.lines)
        texts = {name: [line.keys[i] for line in lines] for i, name in enumerate(self._plan.by)}
        texts["column"] = [line.column for line in lines]
        frame = pd.DataFrame(
            {name: pd.Series(np.array(words, object)[points.line] if words else [], dtype="string") for name, words in texts.items()}
        )
        frame["time"] = pd.to_datetime((points.x * 1e9).astype(np.int64), utc=True).astype("datetime64[ns, UTC]")
        frame["value"] = points.y
        return frame

    def __repr__(self) -> str:
        with self._lock:
            lines = list(self._reader.book.lines)
            notes = self._notes()
            told = self._lines_of_counters()
        state = "ended" if self._ended else "running"
        texts = [f"<honeyframe.Chart of {', '.join(self._plan.columns)}: {count_of(len(lines), 'line')}, {state}>"]
        width = max((len(printable(line.name)) for line in lines[:_SHOWN_LINES]), default=0)
        for line in lines[:_SHOWN_LINES]:
            when = datetime.datetime.fromtimestamp(line.last_x, datetime.UTC) if line.last is not None else None
            texts.append(f"  {printable(line.name):<{width}}  {line.last}" + (f"  at {when:%H:%M:%S} UTC" if when else ""))
        if len(lines) > _SHOWN_LINES:
            texts.append(f"  and {len(lines) - _SHOWN_LINES:,} more")
        texts += [f"  {printable(note)}" for note in [*notes, *([told] if told else [])]]
        return "\n".join(texts)

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]] | dict[str, Any]:
        from .credentials import in_notebook

        bundle: dict[str, Any] = {"text/plain": repr(self)}
        if in_notebook():
            bundle["application/vnd.jupyter.widget-view+json"] = {"version_major": 2, "version_minor": 0, "model_id": self.widget.model_id}
        return bundle


def _buffers(points: Points) -> Buffers:
    """Little-endian, as every browser has them."""
    return [np.ascontiguousarray(points.line, "<i4").data, np.ascontiguousarray(points.x, "<f8").data, np.ascontiguousarray(points.y, "<f8").data]
