"""The part of a Stream that brings many topics into one table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, cast

from .durations import Duration
from .durations import seconds as to_seconds

if TYPE_CHECKING:
    from .aligned import Aligned
    from .aligned_cells import How
    from .aligner import Clock
    from .stream import Stream


class Aligning:
    """The part of :class:`honeyframe.Stream` that aligns. docs/pipelines.md tells more."""

    def align(
        self,
        every: Duration = "1s",
        how: How | Mapping[str, How] = "last",
        *,
        by: str | Sequence[str] = "_topic",
        columns: Iterable[str] | None = None,
        lateness: Duration = 5.0,
        ahead: Duration = 10.0,
        clock: Clock = "auto",
        ffill: Duration | Literal[True] | None = None,
        max_series: int = 10_000,
        idle_flush: Duration | None = None,
        seconds: Duration | None = None,
        rows: int | None = None,
        idle_seconds: Duration | None = None,
        max_rows: int = 50_000,
        max_seconds: Duration = 1.0,
    ) -> Aligned:
        """Many topics as one table: frames with a row for each ``every``, and a column for each series and field, as time goes on.

        It takes its rows from :meth:`batches`: they count as delivered, and a loop over :meth:`batches` beside it would get the others. Who
        wants both pushes the batches of one loop into an :class:`honeyframe.Aligner`.

        Time is the rows' own: a bucket comes out when some row is ``lateness`` past its end. What comes later than that is in no frame; it
        is counted in ``stats()`` and listed in ``ledger()``, by series. A series that says nothing is null there: nothing is made up.

        Args:
            every: a bucket's length. Buckets are whole ones since 1970 in UTC; a row's time is that of its bucket's beginning.
            how: "last", "first", "mean", "min", "max", "sum" or "count" of a bucket's values, by their times, nulls left out; or a mapping
                of columns to these (others: "last"; the key "" names another default). Columns without such a thing, as the mean of a
                text, are left out, which the ledger says.
            by: what makes a series: "_topic", or columns such as levels of the template (``"line"``, ``["site", "line"]``).
            columns: the fields; by default all but metadata (``_…``) and those of ``by``.
            lateness: how long a bucket stays open for what comes late. Memory is that of the open buckets: a cell a series and field each.
            ahead: a row whose time is later than its ``_recv_time`` by more than this is not taken in, but counted: its clock is wrong. One
                that is ahead by less is taken, and closes nobody else's buckets.
            clock: ``_event_time`` where a row has one, else ``_recv_time`` ("auto"); or one of them alone.
            ffill: carry the last value on into buckets without one, for so long at most; True: for ever. By default never.
            max_series: rows of further series are counted, not kept.
            idle_flush: when no row came for so long, all that is open comes out. By default it waits for the next row: after an outage what
                was held back upstream is not late then.
            seconds, rows, idle_seconds, max_rows, max_seconds: as :meth:`batches`; when that ends, what is open comes out.

        Returns:
            An iterator, and an async iterator, of DataFrames: index ``time`` (datetime64[ns, UTC]), columns a MultiIndex of ``by`` and
            ``field``, the same in the next frame, with new ones at the end. dtypes as those of :meth:`batches`; "mean" and "sum" are
            float64, "count" Int64. Its ``stats()``, ``ledger()`` and ``flush()`` are those of the :class:`honeyframe.Aligner`.

        Raises:
            InvalidArgumentError: at once; or from the loop, where rows have no time to go by. And what :meth:`batches` raises.

        Example::

            for wide in stream.align(every="1s", how="mean", by="line", lateness="5s"):
                print(wide.xs("temperature", axis=1, level="field"))
        """
        from .aligned import Aligned
        from .aligner import Aligner

        options = {"columns": columns, "lateness": lateness, "ahead": ahead, "clock": clock, "ffill": ffill, "max_series": max_series}
        aligner = Aligner(every, how, by=by, **options)  # type: ignore[arg-type]
        patience = None if idle_flush is None else to_seconds(idle_flush, "idle_flush")
        batches = cast("Stream", self).batches(
            max_rows=max_rows,
            max_seconds=max_seconds if patience is None else min(to_seconds(max_seconds, "max_seconds"), max(0.02, patience / 4)),
            yield_empty=patience is not None,
            seconds=seconds,
            rows=rows,
            idle_seconds=idle_seconds,
        )
        return Aligned(batches, aligner, idle_flush=patience)
