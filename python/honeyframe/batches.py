"""Batches: the loop over a stream, for ``for`` and for ``async for``."""

from __future__ import annotations

import enum
import time
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from .frame import Batch
    from .stream import Stream
    from .waiter import Waiter

_SYNC_WAIT: Final = 1.0  # the core looks for signals in between
_ASYNC_WAIT: Final = 0.1  # how long a cancelled wait goes on on its thread
_FOREVER: Final = float("inf")


class Fill(enum.Enum):
    """What came of waiting for a batch."""

    ready = "ready"  # one is in the stream's hand
    nothing = "nothing"
    ended = "ended"


class Step(enum.Enum):
    """What the loop does next."""

    take = "take"
    yield_empty = "yield_empty"
    stop = "stop"


class Batches:
    """An iterator and an async iterator of :class:`Batch`; see :meth:`Stream.batches` for what it promises."""

    def __init__(
        self,
        stream: Stream,
        *,
        max_rows: int,
        max_seconds: float,
        yield_empty: bool,
        seconds: float | None,
        rows: int | None,
        idle_seconds: float | None,
    ) -> None:
        self._stream = stream
        self._max_rows = max_rows
        self._max_seconds = max_seconds
        self._yield_empty = yield_empty
        self._seconds = seconds
        self._rows_left = rows
        self._idle_seconds = idle_seconds
        self._deadline = _FOREVER
        self._empty_at = _FOREVER
        self._received = -1
        self._idle_since = 0.0
        self._started = False
        self._last_one = False  # only what is there is still to be yielded
        self._waiter: Waiter | None = None

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Batch:
        while True:
            step = self._advance(_SYNC_WAIT)
            if step is not None and (batch := self._finish(step)) is not None:
                return batch
            if step is Step.stop:
                raise StopIteration

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Batch:
        from .waiter import Waiter

        if self._waiter is None:
            self._waiter = Waiter("honeyframe-batches")
        while True:
            step = await self._waiter.call(lambda: self._advance(_ASYNC_WAIT))
            if (batch := self._finish(step)) is not None:
                return batch
            if step is Step.stop:
                self._waiter.stop()
                self._waiter = None
                raise StopAsyncIteration

    def _start(self, now: float) -> None:
        self._started = True
        self._idle_since = now
        self._empty_at = now + self._max_seconds
        if self._seconds is not None:
            self._deadline = now + self._seconds

    def _advance(self, wait: float) -> Step | None:
        """Waits for at most ``wait`` seconds; None when there is nothing to do yet. Keeps no batch: it is in the stream's hand."""
        now = time.monotonic()
        if not self._started:
            self._start(now)
        if self._rows_left is not None and self._rows_left <= 0:
            return Step.stop
        if self._last_one:
            return Step.take if self._stream._in_hand else Step.stop
        limit = self._limit()
        if now >= self._deadline:
            return self._take_last(limit)
        until = min(wait, self._deadline - now)
        if self._yield_empty:
            until = min(until, max(0.0, self._empty_at - now))
        if self._idle_seconds is not None:
            until = min(until, max(0.02, self._idle_seconds / 10))
        state = self._stream._fill(limit, self._max_seconds, until)
        if state is Fill.ready:
            return Step.take
        if state is Fill.ended:
            return Step.stop
        if self._is_idle():
            return self._take_last(limit)
        return Step.yield_empty if self._yield_empty and time.monotonic() >= self._empty_at else None

    def _finish(self, step: Step) -> Batch | None:
        """Hands over what ``step`` found. In the caller's thread: from here on the batch is delivered."""
        if step is Step.take:
            batch = self._stream._pop(self._limit())
            if batch is None or (batch.num_rows == 0 and not self._yield_empty):
                return None  # another thread took it, or its messages have no rows
        elif step is Step.yield_empty:
            batch = self._stream._empty()
        else:
            return None
        self._empty_at = time.monotonic() + self._max_seconds
        if self._rows_left is not None:
            self._rows_left -= batch.num_rows
        return batch

    def _limit(self) -> int:
        return self._max_rows if self._rows_left is None else min(self._max_rows, self._rows_left)

    def _take_last(self, limit: int) -> Step:
        state = self._stream._fill(limit, 0.0, 0.0)
        self._last_one = True  # now: a failure or a cancelled wait above is no end
        return Step.take if state is Fill.ready else Step.stop

    def _is_idle(self) -> bool:
        """Asked only when there was nothing to read: a slow loop is not an idle stream."""
        if self._idle_seconds is None:
            return False
        now = time.monotonic()
        received = self._stream._counters()["received"]
        if received != self._received:
            self._received = received
            self._idle_since = now
        return now - self._idle_since >= self._idle_seconds
