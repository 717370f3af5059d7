"""Batches and tables: rows in Arrow's layout, ready for pandas, Polars, DuckDB and pyarrow.

A :class:`Batch` is what a stream yields; a :class:`Table` is a finite list of batches brought to one schema. Both are read-only and may
be shared between threads.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final, NoReturn, Self

from . import _core
from .dtypes import DtypeBackend, to_pandas
from .schema import Schema

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from .quarantine import QuarantineRow

_PREVIEW_ROWS: Final = 10
_PREVIEW_COLUMNS: Final = 20
_CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")


class _Frame(ABC):
    """What a batch and a table have in common."""

    __slots__ = ()

    @abstractmethod
    def _core_schema(self) -> _core.ArrowSchemaHolder: ...

    @abstractmethod
    def _to_arrow_table(self) -> pa.Table: ...

    @property
    @abstractmethod
    def num_rows(self) -> int:
        """How many rows there are."""

    @property
    @abstractmethod
    def num_messages(self) -> int:
        """How many messages these rows stand for, those without rows included."""

    @property
    @abstractmethod
    def nbytes(self) -> int:
        """Memory of all buffers, in bytes."""

    @property
    def schema(self) -> Schema:
        """Names and types of the columns. A column of which no value was seen yet has the type ``null``."""
        return Schema._from_core(self._core_schema().fields())

    @property
    def column_names(self) -> list[str]:
        """The columns' names, in order."""
        return [name for name, _ in self._core_schema().fields()]

    def to_pandas(self, *, dtype_backend: DtypeBackend | None = None, categories: bool = False) -> pd.DataFrame:
        """The rows as a DataFrame with a RangeIndex.

        The dtypes depend on the columns' types alone, whether or not there are nulls: ``boolean``, ``Int64``/``UInt64``, ``float64``,
        Arrow-backed ``string``, ``datetime64[ns, UTC]``; lists and binary are ``ArrowDtype``. The table in
        :func:`honeyframe.dtypes.to_pandas` has them all.

        Args:
            dtype_backend: ``"numpy_nullable"`` or ``"pyarrow"``, as in ``pandas.read_csv``; None: as above.
            categories: ``_topic`` becomes a category of the topics present.

        Raises:
            InvalidArgumentError: no such ``dtype_backend``.
        """
        return to_pandas(self._to_arrow_table(), dtype_backend=dtype_backend, categories=categories)

    def __copy__(self) -> Self:
        return self  # read-only: one is as good as two

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            f"a {type(self).__name__} holds memory of the compiled core and cannot be pickled: "
            "pickle to_arrow() or to_pandas(), and hf.Table.from_arrow() brings it back"
        )

    def __arrow_c_schema__(self) -> object:
        return self._core_schema().__arrow_c_schema__()

    def __len__(self) -> int:
        return self.num_rows

    def _summary(self) -> str:
        def count(number: int, noun: str) -> str:
            return f"{number:,} {noun}{'' if number == 1 else 's'}"

        return f"{type(self).__name__}: {count(self.num_rows, 'row')}, {count(len(self.column_names), 'column')}"

    def _preview(self) -> pd.DataFrame:
        """The first and the last rows, with their numbers: enough for pandas to print as if it had them all."""
        import pandas as pd

        table = self._to_arrow_table()
        if table.num_rows <= 2 * _PREVIEW_ROWS:
            return to_pandas(table)
        parts = [to_pandas(table.slice(0, _PREVIEW_ROWS)), to_pandas(table.slice(table.num_rows - _PREVIEW_ROWS))]
        parts[1].index = pd.RangeIndex(table.num_rows - _PREVIEW_ROWS, table.num_rows)
        return pd.concat(parts)

    def __repr__(self) -> str:
        if not self.num_rows:
            return f"<{self._summary()}>\n" + _printable(", ".join(map(repr, self.schema)))
        text = self._preview().to_string(max_rows=_PREVIEW_ROWS, max_cols=_PREVIEW_COLUMNS, line_width=120, show_dimensions=False)
        return f"<{self._summary()}>\n{_printable(text)}"

    def _repr_html_(self) -> str:
        table = self._preview().to_html(max_rows=_PREVIEW_ROWS, max_cols=_PREVIEW_COLUMNS, notebook=True, show_dimensions=False)
        # A topic may hold dollar signs, which a notebook would give to MathJax.
        return f'<div class="tex2jax_ignore mathjax_ignore">{table}<p>{self._summary()}</p></div>'


def _printable(text: str) -> str:
    """No control character of a payload reaches the terminal."""
    return _CONTROL.sub(lambda match: match.group().encode("unicode_escape").decode(), text)


class Batch(_Frame):
    """Rows that were read together, in the columns known at that time.

    ``pl.DataFrame(batch)``, ``pa.record_batch(batch)`` and DuckDB take it as it is, without a copy where they can.

    >>> for batch in stream.batches():              # doctest: +SKIP
    ...     df = batch.to_pandas()
    """

    __slots__ = ("_batch",)

    def __init__(self, batch: _core.RecordBatch) -> None:
        self._batch = batch

    @classmethod
    def from_arrow(cls, batch: Any, *, num_messages: int = 0) -> Self:
        """A copy of a record batch of another library, of anything with ``__arrow_c_array__``.

        Raises:
            InvalidSchemaError: a column has a type that :class:`honeyframe.Schema` does not know.
        """
        schema, array = batch.__arrow_c_array__()
        return cls(_core.import_batch(schema, array, num_messages))

    @classmethod
    def empty(cls, schema: _core.ArrowSchemaHolder) -> Self:
        """No rows, in the columns of ``schema``."""
        return cls(_core.empty_batch(schema))

    @property
    def num_rows(self) -> int:
        return self._batch.num_rows

    @property
    def num_messages(self) -> int:
        return self._batch.num_messages

    @property
    def nbytes(self) -> int:
        return self._batch.nbytes

    def to_arrow(self) -> pa.RecordBatch:
        """The batch as a ``pyarrow.RecordBatch``, without a copy."""
        import pyarrow as pa

        return pa.record_batch(self._batch)

    def __arrow_c_array__(self, requested_schema: object | None = None) -> tuple[object, object]:
        if requested_schema is None:
            return self._batch.__arrow_c_array__()
        result: tuple[object, object] = self.to_arrow().__arrow_c_array__(requested_schema)
        return result

    def _cut(self, rows: int) -> tuple[Batch, Batch]:
        """The first ``rows`` rows, and the others; the messages are shared out by rows."""
        arrow = self.to_arrow()
        messages = self.num_messages * rows // max(1, self.num_rows)
        return (
            Batch.from_arrow(arrow.slice(0, rows), num_messages=messages),
            Batch.from_arrow(arrow.slice(rows), num_messages=self.num_messages - messages),
        )

    def _core_schema(self) -> _core.ArrowSchemaHolder:
        return self._batch.schema()

    def _to_arrow_table(self) -> pa.Table:
        import pyarrow as pa

        return pa.Table.from_batches([self.to_arrow()])


class Table(_Frame):
    """A finite list of batches with one schema: what :func:`honeyframe.extract`, ``stream.read`` and :func:`honeyframe.concat` give.

    Earlier batches are cast to the last schema when that is first needed: columns that came later are null in them, integers become
    float64 where exact, and what a column cannot hold any more is in ``_misfit``.

    ``pl.DataFrame(table)``, ``pa.table(table)`` and DuckDB (``duckdb.sql("select … from table")``) take it as it is, as often as they
    like.
    """

    __slots__ = ("_batches", "_categories", "_counters", "_is_cast", "_quarantine", "_schema")

    def __init__(
        self,
        batches: Iterable[_core.RecordBatch],
        schema: _core.ArrowSchemaHolder | None = None,
        *,
        counters: dict[str, int] | None = None,
        quarantine: Sequence[QuarantineRow] = (),
        categories: bool = False,
    ) -> None:
        self._batches = list(batches)
        self._schema = _core.unify_schemas(self._batches) if schema is None else schema
        self._is_cast = False
        self._counters = counters
        self._quarantine = list(quarantine)
        self._categories = categories

    @classmethod
    def from_batches(cls, batches: Iterable[Batch], schema: _core.ArrowSchemaHolder | None = None) -> Self:
        """``batches`` as a table with ``schema``, or with the one that holds all of theirs."""
        return cls([batch._batch for batch in batches], schema)

    @classmethod
    def from_arrow(cls, table: Any) -> Self:
        """A copy of a ``pyarrow.Table``.

        Raises:
            InvalidSchemaError: a column has a type that :class:`honeyframe.Schema` does not know.
        """
        import pyarrow as pa

        batches = table.to_batches() or [pa.RecordBatch.from_pylist([], schema=table.schema)]
        return cls.from_batches([Batch.from_arrow(batch) for batch in batches])

    @property
    def num_rows(self) -> int:
        return sum(batch.num_rows for batch in self._batches)

    @property
    def num_messages(self) -> int:
        return sum(batch.num_messages for batch in self._batches)

    @property
    def nbytes(self) -> int:
        return sum(batch.nbytes for batch in self._batches)

    @property
    def batches(self) -> list[Batch]:
        """The rows in the batches in which they came, all with this table's schema."""
        return [Batch(batch) for batch in self._cast()]

    def to_pandas(self, *, dtype_backend: DtypeBackend | None = None, categories: bool | None = None) -> pd.DataFrame:
        """As :meth:`Batch.to_pandas`; ``categories`` is by default what the table was made with."""
        return super().to_pandas(dtype_backend=dtype_backend, categories=self._categories if categories is None else categories)

    def to_arrow(self) -> pa.Table:
        """The rows as a ``pyarrow.Table``, without a copy."""
        return self._to_arrow_table()

    def quarantine(self) -> pd.DataFrame:
        """The payloads that could not be read, with their reason and bytes. ``extract(table.quarantine(), schema=…)`` reads them again.

        Returns:
            DataFrame: ``topic recv_time reason message position payload payload_index retain qos``; empty where everything could be
                read, and where the table does not come from :func:`honeyframe.extract`.
        """
        from .quarantine import quarantine_frame

        return quarantine_frame(self._quarantine)

    def stats(self) -> dict[str, int]:
        """What was not a plain success, counted: ``payloads rows quarantined misfits na_strings duplicate_keys …``; only ``payloads``
        and ``rows`` where the table does not come from :func:`honeyframe.extract`."""
        return dict(self._counters) if self._counters is not None else {"payloads": self.num_messages, "rows": self.num_rows}

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        if requested_schema is None:
            return _core.export_stream(self._cast(), self._schema)
        return self.to_arrow().__arrow_c_stream__(requested_schema)

    def _cast(self) -> list[_core.RecordBatch]:
        if not self._is_cast and self._batches:
            # Two threads may both do it: they come to the same.
            batches = _core.cast_batches(self._batches, self._schema)
            self._schema = batches[0].schema()  # has `_misfit` now, if a value needed it
            self._batches = batches
        self._is_cast = True
        return self._batches

    def _core_schema(self) -> _core.ArrowSchemaHolder:
        self._cast()
        return self._schema

    def _to_arrow_table(self) -> pa.Table:
        import pyarrow as pa

        return pa.table(self)


def concat(batches: Iterable[Batch | Table]) -> Table:
    """One table of all rows, in order: the columns of all, each in the widest of its types.

    A column that a batch lacks is null there; a value that does not fit its column any more is in the row's ``_misfit``. Counters add
    up, and quarantines join.

    Raises:
        TypeError: something that is neither a Batch nor a Table.

    >>> import honeyframe as hf
    >>> hf.concat([hf.extract([b'{"a": 1}']), hf.extract([b'{"a": 2.5}'])]).to_pandas()["a"].tolist()
    [1.0, 2.5]
    """
    found: list[_core.RecordBatch] = []
    counters: dict[str, int] = {}
    quarantine: list[QuarantineRow] = []
    if isinstance(batches, (Batch, Table)):
        batches = [batches]
    for item in batches:
        if isinstance(item, Table):
            found += item._cast() or [_core.empty_batch(item._schema)]
            quarantine += item._quarantine
        elif isinstance(item, Batch):
            found.append(item._batch)
        else:
            raise TypeError(f"concat takes Batch and Table, not {type(item).__name__}")
        stats = item.stats() if isinstance(item, Table) else {"payloads": item.num_messages, "rows": item.num_rows}
        for name, count in stats.items():
            counters[name] = counters.get(name, 0) + count
    return Table(found, counters=counters, quarantine=quarantine)
