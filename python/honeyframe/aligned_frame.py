"""From the cells of buckets that are complete to wide frames: a row a bucket, a column a series and field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from .dtypes import to_pandas

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

    from .aligned_rows import Series

MOST_CELLS: Final = 4_000_000  # of one frame

Fill = tuple[int | None, frozenset[str]]


class WideFrames:
    """Makes frames of the same columns in the same order: later ones come at the end. Keeps the last values, where those are carried on."""

    def __init__(self, every_ns: int, names: Sequence[str], fill: Fill | None) -> None:
        self._every_ns = every_ns
        self._names = [*names, "field"]
        self._fill = fill
        self._types: dict[str, pa.DataType] = {}
        self._places: dict[str, npt.NDArray[np.int64]] = {}  # by field: the column of each series, or -1
        self._order: list[tuple[str, int]] = []  # of the columns: field and series
        self._header: pd.MultiIndex | None = None
        self._carried: pd.DataFrame | None = None  # one row: the last values, by column number
        self._carried_from: pd.DataFrame | None = None  # and the buckets that they are of

    @property
    def columns(self) -> int:
        return len(self._order)

    def note(self, field: str, kind: pa.DataType, codes: npt.NDArray[np.int32]) -> None:
        """There are values of ``field`` in the series ``codes``, in this order."""
        self._types[field] = kind
        places = self._places.setdefault(field, np.full(0, -1, np.int64))
        if not len(codes):
            return
        most = int(codes.max()) + 1
        if most > len(places):
            places = self._places[field] = np.concatenate([places, np.full(most - len(places), -1, np.int64)])
        fresh = codes[places[codes] < 0]
        if len(fresh):
            _, first = np.unique(fresh, return_index=True)
            for code in fresh[np.sort(first)].tolist():
                places[code] = len(self._order)
                self._order.append((field, code))
            self._header = None

    def make(self, buckets: npt.NDArray[np.int64], closed: Mapping[str, pa.Table], series: Series) -> list[pd.DataFrame]:
        """The frames of ``buckets``, in pieces that fit into memory where a long gap lies between them."""
        if not len(buckets):
            return []
        step = max(1, MOST_CELLS // max(1, len(self._order)))
        return [self._frame(buckets[start : start + step], closed, series) for start in range(0, len(buckets), step)]

    def _frame(self, buckets: npt.NDArray[np.int64], closed: Mapping[str, pa.Table], series: Series) -> pd.DataFrame:
        import pandas as pd

        if self._header is None or len(self._header) != len(self._order):
            labels = [(*series.labels[code], field) for field, code in self._order]
            self._header = pd.MultiIndex.from_arrays([[label[n] for label in labels] for n in range(len(self._names))], names=self._names)
        columns: dict[int, Any] = {}
        for field, kind in self._types.items():
            columns.update(self._columns(field, kind, buckets, closed.get(field)))
        index = pd.DatetimeIndex(pd.to_datetime(buckets * self._every_ns, utc=True), name="time").as_unit("ns")
        frame = pd.DataFrame({place: columns[place] for place in range(len(self._order))}, index=index, copy=False)
        if self._fill is not None:
            frame = self._carry_on(frame, buckets)
        frame.columns = self._header
        return frame

    def _columns(self, field: str, kind: pa.DataType, buckets: npt.NDArray[np.int64], cells: pa.Table | None) -> Iterator[tuple[int, Any]]:
        """The field's columns by their number; what has no value is null."""
        places = self._places[field]
        codes = np.flatnonzero(places >= 0)
        rows, where = len(buckets), np.full(len(places), 0, np.int64)
        where[codes] = np.arange(len(codes))
        picked = np.full(len(codes) * rows, -1, np.int64)
        if cells is not None and cells.num_rows:
            at = np.searchsorted(buckets, np.asarray(cells["bucket"]))
            inside = (at < rows) & (buckets[np.minimum(at, rows - 1)] == np.asarray(cells["bucket"]))
            picked[where[np.asarray(cells["series"])[inside]] * rows + at[inside]] = np.flatnonzero(inside)
        values = cells["value"] if cells is not None else pa.chunked_array([], kind)
        flat = to_pandas(pa.table({"value": values.cast(kind).take(pa.array(picked, pa.int64(), mask=picked < 0))}))["value"].array
        for number, code in enumerate(codes.tolist()):
            yield int(places[code]), flat[number * rows : (number + 1) * rows]

    def _carry_on(self, frame: pd.DataFrame, buckets: npt.NDArray[np.int64]) -> pd.DataFrame:
        """Nulls become the last value before them, of this frame or an earlier one, as far as ffill= reaches."""
        import pandas as pd

        assert self._fill is not None
        reach, others = self._fill
        own = [place for place, (field, _) in enumerate(self._order) if field not in others]
        part = frame[own]
        known = pd.DataFrame(np.where(part.notna(), buckets[:, None].astype(float), np.nan), index=part.index, columns=part.columns)
        if self._carried is not None and self._carried_from is not None:
            before = [place for place in own if place in self._carried.columns]
            seed = self._carried[before].astype({place: part.dtypes[place] for place in before})
            part = pd.concat([seed, part])[own].astype(part.dtypes.to_dict())
            known = pd.concat([self._carried_from[before], known])[own]
        filled, origin = part.ffill(), known.ffill()
        self._carried, self._carried_from = filled.tail(1), origin.tail(1)
        filled, origin = filled.tail(len(buckets)), origin.tail(len(buckets))
        if reach is not None:
            filled = filled.mask(pd.DataFrame(buckets[:, None] - origin.to_numpy() > reach, index=filled.index, columns=filled.columns))
        filled = filled.set_axis(frame.index)
        return filled if len(own) == len(frame.columns) else pd.concat([filled, frame.drop(columns=own)], axis=1)[list(frame.columns)]
