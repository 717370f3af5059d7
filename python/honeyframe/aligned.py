"""Aligned: the loop over a stream's wide frames, for ``for`` and for ``async for``."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import pandas as pd

    from .aligner import Aligner, AlignStats
    from .batches import Batches
    from .frame import Batch


class Aligned:
    """An iterator and an async iterator of wide frames; see :meth:`Stream.align`.

    When the loop over the stream ends, what is still open comes as its last frames. After an error, or a ``break``, :meth:`flush` has it.
    """

    def __init__(self, batches: Batches, aligner: Aligner, *, idle_flush: float | None = None) -> None:
        self._batches = batches
        self._aligner = aligner
        self._idle_flush = idle_flush  # of batches that come empty when nothing does
        self._ready: deque[pd.DataFrame] = deque()
        self._ended = False
        self._last_row = time.monotonic()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> pd.DataFrame:
        while not self._ready:
            if self._ended:
                raise StopIteration
            try:
                self._take(next(self._batches))
            except StopIteration:
                self._end()
        return self._ready.popleft()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> pd.DataFrame:
        while not self._ready:
            if self._ended:
                raise StopAsyncIteration
            try:
                self._take(await anext(self._batches))
            except StopAsyncIteration:
                self._end()
        return self._ready.popleft()

    def flush(self) -> list[pd.DataFrame]:
        """What is still open, complete or not. Rows that come for these buckets from now on are late."""
        frames = [*self._ready, *self._aligner.flush()]
        self._ready.clear()
        return frames

    def stats(self) -> AlignStats:
        """What became of the rows: see :class:`AlignStats`."""
        return self._aligner.stats()

    def ledger(self) -> pd.DataFrame:
        """What was not taken in, by series: see :meth:`Aligner.ledger`."""
        return self._aligner.ledger()

    def _take(self, batch: Batch) -> None:
        if batch.num_rows:
            self._ready.extend(self._aligner.push(batch))
            self._last_row = time.monotonic()
        elif self._idle_flush is not None and time.monotonic() - self._last_row >= self._idle_flush:
            self._ready.extend(self._aligner.flush())

    def _end(self) -> None:
        self._ended = True
        self._ready.extend(self._aligner.flush())
