"""What a Stream shows: live charts and tables."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from .durations import Duration

if TYPE_CHECKING:
    from .chart import Chart
    from .chart_plan import Columns
    from .live_table import LiveTable
    from .stream import Stream


class Seeing:
    """The part of :class:`honeyframe.Stream` that shows. docs/charts.md tells more."""

    def chart(
        self,
        y: Columns,
        x: str = "_event_time",
        by: str | Iterable[str] | None = None,
        window: Duration = "10min",
        *,
        gap: Duration | bool | None = None,
        max_series: int = 100,
        height: int = 240,
        title: str = "",
    ) -> Chart:
        """Live lines of the stream's columns, in a notebook; elsewhere text, a picture or a frame.

        A tap: it takes nothing from :meth:`batches`, and goes on while a cell is busy. It ends with the stream, with ``close()``, and when
        nobody holds it any more.

        Args:
            y: a column; several in one pane (``["a", "b"]``); or a list for each pane (``[["a", "b"], ["c"]]``). Numbers and booleans.
            x: the clock. ``_event_time``, and ``_recv_time`` where a row has none; or one column of times.
            by: makes a line of each value of this column, or of these. None: of each topic, where the filter matches several.
                ``()``: all rows are one line.
            window: how much of the past is seen, up to now; from 1 s to 31 days.
            gap: a line is broken where nothing came for so long. None: for five times its usual interval, and a second. False: never.
            max_series: of lines. What would be more is not drawn, and the chart says so.
            height: of a pane, in pixels.

        Retained messages are drawn only where they tell their own event time; else they would pass for something new.

        Raises:
            InvalidArgumentError: a column that is no number, an ``x`` that is no time, a window out of range.
            MissingExtraError: ``pip install 'honeyframe[notebook]'``.

        Example::

            stream = client.stream("plant/{line}/telemetry", event_time="ts")
            stream.chart(["temperature", "pressure"], by="line", window="10min")
        """
        from .chart import Chart
        from .chart_plan import plan_chart

        stream = cast("Stream", self)
        plan = plan_chart(
            y,
            x,
            by,
            window,
            gap=gap,
            max_series=max_series,
            height=height,
            title=title,
            filters=stream.filters,
            schema=stream._reader.schema().fields(),
        )
        return Chart(stream, plan)

    def live_table(
        self,
        by: str | Iterable[str] = "_topic",
        columns: Iterable[str] | None = None,
        *,
        max_rows: int = 1_000,
        title: str = "",
    ) -> LiveTable:
        """The newest row of each topic, in a notebook a table that goes on by itself; elsewhere text or a frame.

        A tap, as :meth:`chart`; four times a second what has changed is shown anew. Retained messages are shown: they are the state.

        Args:
            by: a row for each value of this column, or of these.
            columns: what is shown beside it. None: all there are.
            max_rows: what would be more is not shown, and the table says so.

        Raises:
            MissingExtraError: ``pip install 'honeyframe[notebook]'``.

        Example::

            stream.live_table(by="line", columns=["temperature", "state"])
        """
        from .live_table import LiveTable

        return LiveTable(cast("Stream", self), by, columns, max_rows, title)
