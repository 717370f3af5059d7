"""Stream: the messages of some topic filters, as batches of rows, a table, or a rolling window."""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Literal, NoReturn, Self

from . import _core
from .aligning import Aligning
from .arguments import check_count
from .batches import Batches, Fill
from .durations import Duration
from .durations import seconds as to_seconds
from .errors import ConnectError, HoneyframeError, InvalidArgumentError, PermissionDenied
from .events import StreamLog, Teller
from .keywords import Retained
from .lifetime import check_owner, is_ending, watch_reader
from .seeing import Seeing
from .spool import SPOOL_REMEDIES, SPOOL_REMEDY, SpoolMark
from .stats import StreamStats, stats_from_core
from .subscription import Subscription, abandon

if TYPE_CHECKING:
    import pandas as pd

    from .decode import Decoder
    from .dtypes import DtypeBackend
    from .frame import Batch, Table
    from .quarantine import QuarantineRow

_READ_ROWS: Final = 250_000  # rows of one step of read()
_READ_AGE: Final = 0.25
_END_WAIT: Final = 0.05  # what is on its way from a spool's files is awaited: a decoder's rows, a window's
_UNSUBSCRIBE_SECONDS: Final = 2.0
_LONGEST_WINDOW: Final = 3_155_760_000  # a hundred years: nanoseconds since 1970 must not overflow


class Stream(Seeing, Aligning):
    """Messages of some topic filters on their way into frames. Made by :meth:`Client.stream`.

    Each stream has its own bounded queue, which C++ fills whatever Python is doing. All methods may be called from any thread. Closing ends
    every loop over :meth:`batches` normally; what was queued by then stays readable. Dropping the last reference closes as well.

    Example::

        with client.stream("plant/{line}/telemetry", event_time="ts") as stream:
            for batch in stream.batches(seconds=60):
                print(batch.to_pandas())
            print(stream.stats())
    """

    def __init__(
        self,
        reader: _core.StreamReader,
        *,
        subscription: Subscription | None = None,
        retained: Retained = "include",
        decoder: Decoder | None = None,
        logger: Teller | None = None,
        spool: _core.SpoolQueue | _core.SpoolSource | None = None,
        follows: str | None = None,
    ) -> None:
        self._process = os.getpid()
        self._reader = reader
        self._spool = spool
        self._is_source = isinstance(spool, _core.SpoolSource)  # whose queue is empty: all is in the files
        self._follows = follows  # the spool that a source goes on with at its end
        self._subscription = subscription
        self._retained: Retained = retained
        self._decoder = decoder
        self._log = StreamLog(logger or logging.getLogger("honeyframe"), *((SPOOL_REMEDY, SPOOL_REMEDIES) if spool else ()))
        self._lock = threading.Lock()
        self._ready: deque[Batch] = deque()  # read from the core, not yet handed to anyone, nor sifted
        self._put_back_rows = 0
        self._retained_skipped = 0
        self._taps: dict[float, _core.WindowTap] = {}
        self._closed = False
        watch_reader(reader)
        self._finalizer = weakref.finalize(self, abandon, self._process, reader, decoder, *(subscription.place if subscription else ()))
        self._finalizer.atexit = False

    # --- reading

    def batches(
        self,
        *,
        max_rows: int = 50_000,
        max_seconds: Duration = 1.0,
        yield_empty: bool = False,
        seconds: Duration | None = None,
        rows: int | None = None,
        idle_seconds: Duration | None = None,
    ) -> Batches:
        """Batches of rows as they come, for ``for`` and for ``async for``.

        Args:
            max_rows: a batch is complete with so many rows. A message is never cut: a batch may exceed this by the rows of one message.
            max_seconds: or with this age, counted from its first row. 0 yields whatever is there.
            yield_empty: also yield a batch of no rows whenever ``max_seconds`` pass without one. Else nothing is yielded when idle.
            seconds: the loop ends after so long, counted from its first step; rows read by then are yielded first.
            rows: the loop ends once at least so many rows came.
            idle_seconds: the loop ends when no message has arrived for so long.

        Durations are seconds, or strings as pandas reads them (``"10min"``).

        Returns:
            An iterator, and an async iterator, of :class:`Batch`. :meth:`close`, from any thread or task, ends it normally.

        Raises:
            ConnectError, PermissionDenied: from the loop, when the session ended for good and not by your wish.
            DoesNotFitError: from the loop, with ``on_conflict="raise"``.
        """
        check_owner(self._process)
        return Batches(
            self,
            max_rows=check_count("max_rows", max_rows, 1),
            max_seconds=to_seconds(max_seconds, "max_seconds"),
            yield_empty=yield_empty,
            seconds=None if seconds is None else to_seconds(seconds, "seconds"),
            rows=None if rows is None else check_count("rows", rows, 1),
            idle_seconds=None if idle_seconds is None else to_seconds(idle_seconds, "idle_seconds"),
        )

    def __iter__(self) -> Iterator[Batch]:
        return self.batches()

    def __aiter__(self) -> Batches:
        return self.batches()

    def read(self, rows: int | None = None, seconds: Duration | None = None) -> Table:
        """Rows as one finite table: whichever of ``rows`` and ``seconds`` ends first; with neither, what has arrived by now.

        A message is never cut, so the table may exceed ``rows`` by the rows of one message. An interrupted or failed read loses nothing:
        the next one begins with what it had.

        Returns:
            Table: earlier rows cast to the last schema. ``to_pandas()`` makes the DataFrame.

        Raises:
            ConnectError, PermissionDenied: the session ended for good, before a row came.
        """
        check_owner(self._process)
        if rows is not None:
            rows = check_count("rows", rows, 1)
        return self._read(rows, None if seconds is None and rows is not None else to_seconds(seconds or 0, "seconds"))

    def _read(self, rows: int | None, seconds: float | None, tick: Any = None) -> Table:
        """``tick(rows)`` is called some four times a second."""
        deadline = None if seconds is None else time.monotonic() + seconds
        taken: list[Batch] = []
        count = 0
        try:
            while rows is None or count < rows:
                limit = _READ_ROWS if rows is None else min(rows - count, _READ_ROWS)
                left = _READ_AGE if deadline is None else deadline - time.monotonic()
                if left <= 0:
                    self._drain(taken, None if rows is None else rows - count, whole=not seconds)
                    break
                state = self._fill(limit, min(_READ_AGE, left), min(_READ_AGE, left))
                if state is Fill.ended:
                    break
                if state is Fill.ready and (batch := self._pop(limit)) is not None:
                    taken.append(batch)
                    count += batch.num_rows
                if tick is not None:
                    tick(count)
        except BaseException as error:
            if taken and isinstance(error, (ConnectError, PermissionDenied)):
                self._log.logger.warning("%s; rows read before are returned", error)
            else:
                self._put_back(taken)
                raise
        return self._table(taken)

    def _drain(self, taken: list[Batch], rows: int | None, *, whole: bool) -> None:
        """What has arrived by now, and not what goes on arriving. Of a spool that is all it holds where the ``whole`` is wanted."""
        to_its_end = whole and self._is_source and self._follows is None
        mark = SpoolMark(self._follows) if whole and self._follows is not None else None
        counters = self._reader.counters()
        pending = counters["queued"] + counters["in_batch"]
        while rows is None or rows > 0:
            before = pending
            limit = _READ_ROWS if rows is None else min(rows, _READ_ROWS)
            state = self._fill(limit, 0.0, _END_WAIT if whole and self._is_source else 0.0)
            if state is Fill.nothing and to_its_end:
                continue
            if state is not Fill.ready:
                break
            with self._lock:
                is_last = mark is not None and bool(self._ready) and mark.is_reached_by(self._ready[0])
            batch = self._pop(limit)
            if batch is None:
                break
            taken.append(batch)
            pending -= batch.num_messages
            if rows is not None:
                rows -= batch.num_rows
            if is_last or (mark is None and not to_its_end and (pending <= 0 or pending == before)):
                break

    def window(
        self,
        duration: Duration,
        *,
        by: Literal["auto", "event_time", "recv_time"] = "auto",
        max_rows: int = 10_000_000,
        max_bytes: int = 536_870_912,
        dtype_backend: DtypeBackend | None = None,
    ) -> pd.DataFrame:
        """The rows of the last ``duration``, as a DataFrame that rolls on from call to call.

        A tap: it takes nothing from :meth:`batches`. The first call opens it, and it fills from then on, in C++, whatever Python is doing;
        later calls with the same duration return what is there. Beyond ``max_rows`` or ``max_bytes`` (both of the first call) the oldest
        rows go early.

        Args:
            duration: seconds, or a string as pandas reads it (``"10min"``).
            by: the clock: ``_event_time`` where a row has one, else ``_recv_time`` ("auto"); or one of them alone.

        Returns:
            DataFrame: columns as in :meth:`batches`; empty, with the columns known so far, when nothing is there.
        """
        check_owner(self._process)
        from .window import window_frame

        span = to_seconds(duration)
        if not 0 < span <= _LONGEST_WINDOW:
            raise InvalidArgumentError(f"a window needs a duration above zero, and of {_LONGEST_WINDOW:,} s at most; found {duration!r}")
        max_rows, max_bytes = check_count("max_rows", max_rows, 1), check_count("max_bytes", max_bytes, 1)
        with self._lock:
            tap = self._taps.get(span)
            if tap is None:
                tap = self._taps[span] = self._reader.open_window(span, max_rows=max_rows, max_bytes=max_bytes)
        self._tell()
        batches, schema, _ = tap.snapshot()
        return window_frame(batches, schema, span, by=by, retained=self._retained, dtype_backend=dtype_backend)

    # --- accounts

    def stats(self) -> StreamStats:
        """The counters of this stream, exact at this moment: see :class:`StreamStats`."""
        check_owner(self._process)
        with self._lock:
            counters = self._counters()
            extraction = self._reader.extract_counters()
            # Read ahead of the caller (a cancelled task, an interrupted read): not delivered yet.
            held = sum(batch.num_messages for batch in self._ready)
            counters["delivered"] -= held
            counters["in_batch"] += held
            counters["rows"] -= sum(batch.num_rows for batch in self._ready)
            return stats_from_core(
                counters,
                extraction,
                retained_skipped_rows=self._retained_skipped,
                decode_failed=self._decoder.failed if self._decoder else 0,
                gaps=self._gaps(),
            )

    def quarantine(self) -> pd.DataFrame:
        """Messages that could not be read: kept with their reason and bytes, to be read again with :func:`honeyframe.extract`.

        Returns:
            DataFrame: a row a message, oldest first: ``topic`` (string), ``recv_time`` (UTC), ``reason`` (a stable word), ``message``,
            ``position`` (Int64: byte offset, null where unknown), ``payload`` (binary), ``payload_index``, ``retain``, ``qos``. At most
            ``max_quarantine_messages`` are kept; the count goes on in :meth:`stats`.
        """
        check_owner(self._process)
        from .quarantine import quarantine_frame

        return quarantine_frame(self._quarantine_rows())

    def ledger(self) -> pd.DataFrame:
        """What happened to this stream and its connection, oldest first: every loss, with its times, and every change.

        What repeats is one row an episode, which ends after ten seconds without it. Events are ``connected``, ``connection_lost`` (until
        the next connection; reason ``session_kept`` or ``session_lost``), ``packet_refused`` (malformed, or too large: the loss's cause),
        ``retrying`` and ``refused`` (attempts since a loss, a row for each reason of refusal: ``count``, the first and the last time),
        ``gap`` (the session was lost: what was sent from ``time`` to ``until`` is missing), ``resubscribed``, ``subscribe_refused``,
        ``publish_refused``, ``taken_over``, ``qos_lowered``, ``unmatched``, ``closed``, ``events_lost`` (more came than are kept);
        ``dropped`` and ``rejected`` (by reason), ``duplicates`` (reason ``dup_flag``, or ``packet_id_seen`` where this stream had a
        message of that packet id); ``column_added``, ``column_widened``, ``misfit`` (by column), ``max_columns``, ``name_collision``,
        ``event_time_unit``, ``number_from_string``, ``na_string``; ``quarantined`` (by reason); ``sequence_gap``, ``sequence_repeated``,
        ``sequence_out_of_order``, ``sequence_restart`` (by publisher, with ``sequence=``).

        At most 200 rows of each event are kept. Older ones are folded into one row ``overflow`` whose reason is the event: its count and
        bytes are their sums, so that nothing is lost silently here either.

        Returns:
            DataFrame: ``time``, ``until`` (datetime64[ns, UTC]: of the first and the last; of messages, when they were received, but of
            those that a spool gave up or could not read, or that went with a whole batch, when they were lost, without topics), ``event``,
            ``reason``, ``topic`` (string: the publisher, the topics or the filters concerned), ``column`` (string), ``count`` (Int64:
            messages, values, missing numbers, filters, attempts), ``bytes`` (Int64: of payloads, where messages are counted), ``topics``
            (string: JSON, the five topics that ``count`` concerns most; of a great many each number is the least that there were),
            ``detail`` (string: the first one's, of attempts the last one's).
        """
        check_owner(self._process)
        from .ledger import ledger_frame

        rows = self._reader.ledger()
        if self._decoder:
            rows = self._decoder.whole_ledger(rows)
        return ledger_frame(rows, self._subscription.client._log.history() if self._subscription else ())

    def _quarantine_rows(self) -> list[QuarantineRow]:
        entries = list(self._reader.quarantine())
        return sorted([*entries, *self._decoder.quarantine()], key=lambda entry: entry[1]) if self._decoder else entries

    @property
    def filters(self) -> tuple[str, ...]:
        """The topic filters subscribed to."""
        return self._subscription.filters if self._subscription else ()

    @property
    def retained(self) -> Retained:
        """What becomes of retained messages: "include", "skip" or "only"."""
        return self._retained

    @property
    def granted_qos(self) -> tuple[int, ...]:
        """The QoS that the broker granted, one for each of ``filters``."""
        return self._subscription.granted_qos if self._subscription else ()

    @property
    def closed(self) -> bool:
        """Whether no more messages come: by :meth:`close`, or with the client."""
        return self._closed or (self._subscription is not None and self._subscription.client.closed)

    # --- the end

    def close(self, *, unsubscribe: bool | None = None) -> None:
        """Ends every loop over this stream. What is queued stays readable. From any thread; idempotent.

        ``unsubscribe=None``: the broker drops the subscription, unless it keeps the session (``session_expiry=``): for that it goes on
        collecting for the next run. Until the client is closed a spool is still written; of other streams what comes is ``unmatched``.
        """
        self._close(_UNSUBSCRIBE_SECONDS, unsubscribe)

    def _close(self, patience: float, unsubscribe: bool | None = None) -> None:
        check_owner(self._process)
        self._end_reading()
        if self._subscription is not None:
            error = self._subscription.end(unsubscribe=unsubscribe, spooled=self._spool is not None, timeout=patience)
            if error is not None:
                self._log.logger.debug("no UNSUBACK: %s", error.message)

    async def aclose(self, *, unsubscribe: bool | None = None) -> None:
        """As :meth:`close`, without stopping the event loop while the broker answers."""
        from .waiter import in_thread

        self._end_reading()
        await in_thread(lambda: self.close(unsubscribe=unsubscribe))

    def _end_reading(self) -> None:
        if self._closed:
            return
        self._closed = True
        if self._decoder:
            self._decoder.close()
        else:
            self._reader.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._close(_UNSUBSCRIBE_SECONDS if kind is None else 0.0)  # Ctrl-C does not wait for a silent broker

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.aclose()

    # --- the face

    def __repr__(self) -> str:
        state = "closed" if self.closed else "open"
        filters = ", ".join(map(repr, self.filters)) or ("from a spool" if self._spool is not None else "fed by hand")
        try:
            book = str(self.stats())
        except HoneyframeError as error:
            book = error.message
        return f"<honeyframe.Stream {filters} {state}: {book}>"

    def _repr_html_(self) -> str:
        from .display import stream_card

        return stream_card(self)

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "a Stream holds a connection and cannot be pickled: save stream.read() or a DataFrame, and open a stream where it is needed"
        )

    # --- for Batches and read_mqtt

    def _fill(self, max_rows: int, max_seconds: float, wait: float) -> Fill:
        """Sees to it that a batch is in hand, waiting for ``wait`` seconds.

        The batch stays here until :meth:`_pop`: a cancelled or interrupted waiter loses nothing.
        """
        from .frame import Batch

        if is_ending():  # a loop on a daemon thread: nobody is left to be told
            return Fill.ended
        check_owner(self._process)
        with self._lock:
            if self._ready:
                return Fill.ready
        try:
            found = self._reader.next(max_rows, max_seconds, wait)
        except StopIteration:
            if not is_ending():  # which closes every reader, and then every session
                try:
                    self._tell_all()
                finally:  # goes before a warning that is made an error
                    self._raise_if_broken()
            return Fill.ended
        if found is None:
            if self._spool is not None:  # what is damaged may be all there is
                self._tell_all(idle=True)
            return Fill.nothing
        with self._lock:
            self._ready.append(Batch(found))  # at once: an interrupt from here on finds it in hand
        return Fill.ready

    def _pop(self, max_rows: int) -> Batch | None:
        """The batch in hand, now delivered; None where another thread was faster. What an interrupted read left there may be larger than
        ``max_rows``, and is cut."""
        self._tell_all()
        with self._lock:
            if not self._ready:
                return None
            batch = self._ready[0]
            rest = None
            if self._put_back_rows > 0 and batch.num_rows > max_rows:
                batch, rest = batch._cut(max_rows)
            sifted, skipped = batch, 0
            if self._retained != "include":
                from .window import sift_retained

                sifted, skipped = sift_retained(batch, self._retained)
            self._retained_skipped += skipped
            self._put_back_rows = max(0, self._put_back_rows - batch.num_rows)
            if rest is None:
                self._ready.popleft()
            else:
                self._ready[0] = rest
            return sifted

    def _put_back(self, batches: list[Batch]) -> None:
        with self._lock:
            self._ready.extendleft(reversed(batches))
            self._put_back_rows += sum(batch.num_rows for batch in batches)

    @property
    def _in_hand(self) -> bool:
        return bool(self._ready)

    def _empty(self) -> Batch:
        from .frame import Batch

        return Batch.empty(self._reader.schema())

    def _table(self, batches: list[Batch]) -> Table:
        from .frame import Table

        # Batches that a window's pump had read ahead may have been joined, and have a `_misfit` that extraction never needed.
        known = [_core.empty_batch(self._reader.schema()), *(batch._batch for batch in batches)]
        return Table.from_batches(batches, schema=_core.unify_schemas(known))

    def _counters(self) -> dict[str, int]:
        return self._decoder.counters() if self._decoder else self._reader.counters()

    def _gaps(self) -> int:
        return self._subscription.client._log.gaps if self._subscription else 0

    def _tell(self) -> None:
        self._log.tell(self._reader.take_events())
        if self._spool is not None:
            self._log.tell_spool(self._spool.take_events())
        self._log.tell_gaps(self._gaps())

    def _tell_all(self, *, idle: bool = False) -> None:
        self._tell()
        self._log.tell_drops(self._counters(), idle=idle)

    def _raise_if_broken(self) -> None:
        """A session that ended for good, and not by its owner's wish, is an error where the data was awaited."""
        if self._decoder is not None:
            self._decoder.raise_if_broken()
        if self._subscription is not None and not self._closed:
            self._subscription.client._raise_if_broken()
