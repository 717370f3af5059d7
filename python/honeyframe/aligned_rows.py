"""The rows that an Aligner takes: their times, and the series that they belong to."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .arguments import check_strings
from .errors import InvalidArgumentError
from .window import EVENT_TIME, RECEIVE_TIME

if TYPE_CHECKING:
    import numpy.typing as npt

_CLOCKS: Final = {"auto": (EVENT_TIME, RECEIVE_TIME), "event_time": (EVENT_TIME,), "recv_time": (RECEIVE_TIME,)}
_NOTHING: Final = np.empty(0, np.int32)


@dataclass(slots=True)
class Rows:
    """Some rows of a batch, in the order in which they came. Times are nanoseconds since 1970, 0 where there is none."""

    index: npt.NDArray[np.int64]  # in the batch
    times: npt.NDArray[np.int64]
    received: npt.NDArray[np.int64]
    timed: npt.NDArray[np.bool_]
    codes: npt.NDArray[np.int32]  # of their series
    buckets: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.index)

    def take(self, mask: npt.NDArray[np.bool_]) -> Rows:
        if mask.all():
            return self
        buckets = self.buckets[mask] if len(self.buckets) else self.buckets
        return Rows(self.index[mask], self.times[mask], self.received[mask], self.timed[mask], self.codes[mask], buckets)


def to_table(batch: Any) -> pa.Table:
    """``batch`` for pyarrow, each column in one piece.

    Raises:
        TypeError: it is nothing that pyarrow reads.
    """
    if not any(hasattr(batch, name) for name in ("__arrow_c_stream__", "__arrow_c_array__")):
        raise TypeError(f"push takes a Batch, a Table, or what has Arrow's interface, not {type(batch).__name__}")
    table = pa.table(batch)
    columns = []
    for column in table.columns:
        whole = column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks or [pa.array([], column.type)])
        columns.append(whole.dictionary_decode() if pa.types.is_dictionary(whole.type) else whole)
    return pa.table(columns, names=table.column_names)


def read_times(table: pa.Table, clock: str) -> Rows:
    """All rows of ``table``, of :func:`to_table`, with their times; the series are still to be found."""
    clocks = [_nanoseconds(table[name]) for name in _CLOCKS[clock] if name in table.column_names]
    if not clocks:
        wanted = " or ".join(_CLOCKS[clock])
        raise InvalidArgumentError(
            f"the rows have no {wanted}, by which they could be aligned",
            hint='A stream gets _event_time with event_time="ts", the name of the field that tells when something was measured.',
        )
    chosen = clocks[0] if len(clocks) == 1 else pc.coalesce(*clocks)
    times = np.asarray(chosen.fill_null(0))
    received = np.full(len(times), time.time_ns(), np.int64)
    if RECEIVE_TIME in table.column_names:
        column = _nanoseconds(table[RECEIVE_TIME])
        received = np.where(np.asarray(column.is_valid()), np.asarray(column.fill_null(0)), received)
    return Rows(np.arange(len(times)), times, received, np.asarray(chosen.is_valid()), _NOTHING, np.empty(0, np.int64))


def _nanoseconds(column: pa.ChunkedArray) -> pa.Array:
    whole = column.chunk(0)
    if not pa.types.is_timestamp(whole.type):
        raise InvalidArgumentError(f"times by which rows are aligned must be timestamps; found {whole.type}")
    return whole.cast(pa.timestamp("ns", tz=whole.type.tz)).cast(pa.int64())


class Series:
    """The series seen so far, each with a number: what the columns of ``by`` have in common in its rows."""

    NO_KEY: Final = -1
    NO_PLACE: Final = -2

    def __init__(self, by: Sequence[str], most: int) -> None:
        self.names = check_strings("by", by)
        if not self.names or len(set(self.names)) < len(self.names):
            raise InvalidArgumentError(f"by names one column or several, each once; found {by!r}")
        self._most = most
        self._codes: dict[tuple[Any, ...], int] = {}
        self.labels: list[tuple[Any, ...]] = []

    def __len__(self) -> int:
        return len(self.labels)

    def label(self, code: int) -> str | None:
        return ", ".join(map(str, self.labels[code])) if code >= 0 else None

    def codes(self, table: pa.Table) -> npt.NDArray[np.int32]:
        """Each row's number; new series get theirs in the order of their first rows."""
        rows = table.num_rows
        if any(name not in table.column_names for name in self.names):
            return np.full(rows, self.NO_KEY, np.int32)
        encoded = [table[name].chunk(0).dictionary_encode() for name in self.names]
        valid = np.ones(rows, np.bool_)
        combined = np.zeros(rows, np.int64)
        for one in encoded:
            valid &= np.asarray(one.is_valid())
            combined = combined * max(1, len(one.dictionary)) + np.asarray(one.indices.fill_null(0))
        distinct, first, inverse = np.unique(combined[valid], return_index=True, return_inverse=True)
        places = np.flatnonzero(valid)[first]
        numbers = np.empty(len(distinct), np.int32)
        for which in np.argsort(first).tolist():
            place = int(places[which])
            numbers[which] = self._number(tuple(one.dictionary[one.indices[place].as_py()].as_py() for one in encoded))
        found = np.full(rows, self.NO_KEY, np.int32)
        found[valid] = numbers[inverse]
        return found

    def _number(self, label: tuple[Any, ...]) -> int:
        code = self._codes.get(label)
        if code is None:
            if len(self.labels) >= self._most:
                return self.NO_PLACE
            code = self._codes[label] = len(self.labels)
            self.labels.append(label)
        return code
