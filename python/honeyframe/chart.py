"""Chart: lines of a stream's columns that go on by themselves. Made by :meth:`honeyframe.Stream.chart`."""

from __future__ import annotations

import base64
import datetime
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from . import _core
from .arguments import check_file, count_of
from .chart_plan import ChartPlan
from .chart_points import GapWatch, Picture, Points, thin_out
from .chart_rows import Line, RowReader
from .errors import InvalidArgumentError, MissingExtraError
from .events import printable
from .live_view import LiveView, missing_columns
from .whole_file import whole_file

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
        self._points = Picture(plan.column_width)
        self._gaps_seen = stream._gaps()
        self._lines_told: list[dict[str, Any]] = []
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
        self._points.add(points, now - self._plan.window)
        self._show(points, now)

    def _show(self, points: Points, now: float) -> None:
        if self._channel is None:
            return
        status = self._status()
        if not len(points) and status == self._status_told:
            return
        known, self._lines_told = self._lines_told, self._told_lines()
        news = [line for number, line in enumerate(self._lines_told) if number >= len(known) or line != known[number]]
        content: dict[str, Any] = {"kind": "frame", "now": now, "lines": news}
        if status != self._status_told:
            content["status"] = self._status_told = status
        self._channel.send(content, _buffers(points))

    def _whole(self) -> tuple[dict[str, Any], Buffers]:
        _, points, end = self._drawn()
        self._status_told, self._lines_told = self._status(), self._told_lines()
        return {"now": end, "lines": self._lines_told, "status": self._status_told}, _buffers(points)

    def _told_lines(self) -> list[dict[str, Any]]:
        return [line.told(number) for number, line in enumerate(self._reader.book.lines)]

    def _face(self) -> tuple[str, dict[str, Any]]:
        plan = self._plan
        panes = [{"label": label} for label in self._pane_labels()]
        return "chart", {"window": plan.window, "panes": panes, "height": plan.height, "title": plan.title}

    def _pane_labels(self) -> list[str]:
        """Of a column that cannot be drawn the notes tell."""
        faults = self._reader.faults
        return [", ".join(name for name in pane if name not in faults) for pane in self._plan.panes]

    def _status(self) -> dict[str, Any]:
        counts = self._reader.counts
        more = {"retained": counts.retained, "ahead": counts.ahead, "late": counts.late}
        return {**super()._status(), **more, "panes": self._pane_labels(), "notes": self._notes()}

    def _notes(self) -> list[str]:
        """What a reader of the chart must know, in sentences."""
        notes = list(self._reader.faults.values())
        if more := self._reader.book.left_out.words("line"):
            notes.append(f"{more} not drawn: max_series={self._plan.max_series}")
        if self._reader.counts.rows and not self._reader.book.lines:
            notes += self._reader.counts.reasons()
        if self._reader.counts.rows:
            notes += missing_columns((*self._plan.columns, *self._plan.by), self._reader.seen)
        return notes

    # --- what is there

    def to_frame(self) -> pd.DataFrame:
        """What is drawn, as a DataFrame: a row a point, sorted by line and time.

        Columns: those of ``by=`` (string), ``column`` (string), ``time`` (datetime64[ns, UTC]), ``value`` (float64; NaN is a gap). Where
        many points fall into one column of pixels these are its least and its greatest; all rows are in :meth:`Stream.window`.
        """
        import pandas as pd

        lines, points, _ = self._drawn()
        texts = {name: [line.keys[i] for line in lines] for i, name in enumerate(self._plan.by)}
        texts["column"] = [line.column for line in lines]
        frame = pd.DataFrame(
            {name: pd.Series(np.array(words, object)[points.line] if words else [], dtype="string") for name, words in texts.items()}
        )
        frame["time"] = pd.to_datetime((points.x * 1e9).astype(np.int64), utc=True).astype("datetime64[ns, UTC]")
        frame["value"] = points.y
        return frame

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Writes what is drawn: ``.png``, ``.svg`` or ``.pdf`` is a picture, ``.html`` one file that any browser opens, without a network.

        Returns:
            Path: where it is.

        Raises:
            InvalidArgumentError: another suffix.
            MissingExtraError: a picture needs matplotlib: ``pip install 'honeyframe[notebook]'``.
            OSError: its directory is not there, or it could not be written. A file of that name stays as it was.
        """
        target = check_file("path", path)
        kind = target.suffix.lower().removeprefix(".")
        if kind not in ("png", "svg", "pdf", "html"):
            raise InvalidArgumentError(f"a chart is saved as .png, .svg, .pdf or .html; found {target.name!r}")
        made = self._page().encode() if kind == "html" else self._picture(kind)
        with whole_file(target) as file:
            file.write(made)
        return target.absolute()

    savefig = save

    def _drawn(self) -> tuple[list[Line], Points, float]:
        """The lines, their points, and the right edge."""
        with self._lock:
            end = self._ended_at or time.time()
            return list(self._reader.book.lines), self._points.points(end - self._plan.window), end

    def _picture(self, kind: str) -> bytes:
        from .chart_image import picture

        lines, points, end = self._drawn()
        with self._lock:
            told = [*self._notes(), self._counters_told()]
            labels = self._pane_labels()
        return picture(kind, self._plan, labels, lines, points, end - self._plan.window, end, [text for text in told if text])

    def _page(self) -> str:
        from .chart_page import page

        with self._lock:
            return page(self._face()[1], *self._drawn(), self._status())

    def __repr__(self) -> str:
        with self._lock:
            lines = list(self._reader.book.lines)
            notes = self._notes()
            told = self._counters_told()
        state = "ended" if self.closed else "running"
        texts = [f"<honeyframe.Chart of {', '.join(self._plan.columns)}: {count_of(len(lines), 'line')}, {state}>"]
        width = max((len(printable(line.name)) for line in lines[:_SHOWN_LINES]), default=0)
        for line in lines[:_SHOWN_LINES]:
            when = datetime.datetime.fromtimestamp(line.last_x, datetime.UTC) if line.last is not None else None
            texts.append(f"  {printable(line.name):<{width}}  {line.last}" + (f"  at {when:%H:%M:%S} UTC" if when else ""))
        if len(lines) > _SHOWN_LINES:
            texts.append(f"  and {len(lines) - _SHOWN_LINES:,} more")
        texts += [f"  {printable(note)}" for note in [*notes, *([told] if told else [])]]
        return "\n".join(texts)

    def _bundle(self) -> dict[str, Any]:
        bundle = super()._bundle()
        if self._reader.book.lines:  # for who reads the notebook when nothing runs
            try:
                bundle["image/png"] = base64.b64encode(self._picture("png")).decode("ascii")
            except MissingExtraError:
                pass
        return bundle


def _buffers(points: Points) -> Buffers:
    """Little-endian, as every browser has them."""
    arrays = (points.line.astype("<i4", copy=False), points.x.astype("<f8", copy=False), points.y.astype("<f8", copy=False))
    return [np.ascontiguousarray(array).data for array in arrays]
