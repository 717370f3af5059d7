"""Rows of several files in the order of their numbers: commits come one after the other, and the files of one commit are merged."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, TypeAlias

from .recording_layout import PartName

if TYPE_CHECKING:
    import pyarrow as pa

#: A file: its name, how many rows it has, and what reads them.
Source: TypeAlias = tuple[PartName, int, Callable[[], Iterator["pa.RecordBatch"]]]

_SMALL_ROWS: Final = 65_536  # a file that is read whole, and closed: a commit may have a thousand of them
_PIECE_ROWS: Final = 65_536  # of those files', in order
_PIECE_BYTES: Final = 67_108_864


def merged(sources: Sequence[Source]) -> Iterator[pa.RecordBatch]:
    """``sources`` in the order of their commits. All batches have one schema, with ``_spool_seq`` in it."""
    for _, group in itertools.groupby(sources, key=lambda source: (source[0].first, source[0].last)):
        of_cut = list(group)
        if len(of_cut) == 1:
            yield from of_cut[0][2]()
        else:
            small = [batch for _, rows, read in of_cut if rows <= _SMALL_ROWS for batch in read() if batch.num_rows]
            yield from _merge([_in_order(small), *(read() for _, rows, read in of_cut if rows > _SMALL_ROWS)])


def whole_messages(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The same rows, with no message in two batches."""
    import pyarrow as pa
    import pyarrow.compute as pc

    pending: pa.RecordBatch | None = None
    for batch in batches:
        if pending is not None:
            last = pending.column("_spool_seq")[-1]
            if batch.column("_spool_seq")[0] == last:
                count = pc.sum(pc.equal(batch.column("_spool_seq"), last)).as_py()
                (pending,) = pa.Table.from_batches([pending, batch.slice(0, count)]).combine_chunks().to_batches()
                batch = batch.slice(count)
                if not batch.num_rows:
                    continue
            yield pending
        pending = batch
    if pending is not None:
        yield pending


def _in_order(batches: Sequence[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Their rows by number, in pieces: each batch is looked at once for a piece, and not for every other batch."""
    import numpy as np

    if not batches:
        return
    numbers = [batch.column("_spool_seq").to_numpy(zero_copy_only=False) for batch in batches]
    every = np.sort(np.concatenate(numbers))
    step = max(1, min(_PIECE_ROWS, len(every) * _PIECE_BYTES // max(1, sum(batch.nbytes for batch in batches))))
    begins = [0] * len(batches)
    for until in np.unique(np.append(every[step - 1 :: step], every[-1])):
        ends = [int(np.searchsorted(one, until, side="right")) for one in numbers]
        spans = zip(batches, begins, ends, strict=True)
        yield from _sorted([batch.slice(begin, end - begin) for batch, begin, end in spans if end > begin])
        begins = ends


def _sorted(batches: Sequence[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa
    import pyarrow.compute as pc

    if len(batches) == 1:
        yield batches[0]
        return
    table = pa.Table.from_batches(batches).combine_chunks()
    yield from table.take(pc.sort_indices(table, sort_keys=[("_spool_seq", "ascending")])).combine_chunks().to_batches()


def _merge(files: Sequence[Iterator[pa.RecordBatch]]) -> Iterator[pa.RecordBatch]:
    import pyarrow.compute as pc

    heads: dict[int, pa.RecordBatch] = {}
    for number, file in enumerate(files):
        if (batch := next(file, None)) is not None:
            heads[number] = batch
    while heads:
        # Up to the least of the last numbers in hand, nothing can come in between any more.
        until = min(batch.column("_spool_seq")[-1].as_py() for batch in heads.values())
        taken = []
        for number, batch in list(heads.items()):
            count = pc.sum(pc.less_equal(batch.column("_spool_seq"), until)).as_py()
            if count:
                taken.append(batch.slice(0, count))
            rest = batch.slice(count)
            if rest.num_rows == 0:
                following = next(files[number], None)
                if following is None:
                    del heads[number]
                    continue
                rest = following
            heads[number] = rest
        yield from _sorted(taken)
