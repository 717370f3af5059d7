"""One schema for all files of a recording: columns that came are null before, types are the widest, and nothing is lost on the way.

The rules are those of a stream (docs/frame-rules.md), as the same code of the core applies them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from . import _core
from .recording_errors import RecordingError

if TYPE_CHECKING:
    import pyarrow as pa

MISFIT: Final = "_misfit"


class UnifiedSchema:
    """Of files' schemas, in the order in which the files were written, with their rows: where no type holds two others (a number and a
    list), that of the most rows is taken. ``columns``: of these alone, in their order."""

    def __init__(self, schemas: Sequence[tuple[pa.Schema, int]], columns: Sequence[str] | None = None) -> None:
        import pyarrow as pa

        rows: dict[pa.Schema, int] = {}
        for schema, count in schemas:
            rows[schema] = rows.get(schema, 0) + count
        self._kinds = list(rows)
        by_rows = sorted(self._kinds, key=lambda one: rows[one])  # the last one decides
        unified = pa.schema(_core.unify_schemas([empty_batch_of(one) for one in by_rows]))
        whole = pa.schema([unified.field(name) for name in dict.fromkeys(name for one in self._kinds for name in one.names)])
        self.narrowed = sorted({f.name for one in self._kinds for f in one if f.type != whole.field(f.name).type and not _is_null(f.type)})
        self.all_names = whole.names
        if columns is not None:
            whole = pa.schema([whole.field(name) for name in columns])
        self.adds_misfit = bool(set(self.narrowed) & set(whole.names)) and MISFIT not in whole.names
        if self.adds_misfit:  # of values that do not fit the widest type
            whole = whole.append(pa.field(MISFIT, pa.string()))
        self.schema = whole
        self._holder = empty_batch_of(whole).schema()

    def cast(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Exact: what a column cannot hold is in ``_misfit``."""
        import pyarrow as pa

        names = set(batch.schema.names)
        here = [field.name for field in self.schema if field.name in names]
        if all(batch.schema.field(name).type == self.schema.field(name).type for name in here):
            columns = [batch.column(field.name) if field.name in names else pa.nulls(batch.num_rows, field.type) for field in self.schema]
            return pa.RecordBatch.from_arrays(columns, schema=self.schema)
        kept = batch.select(here)
        (cast,) = _core.cast_batches([import_rows(kept)], self._holder)
        return pa.record_batch(cast).select(self.schema.names)

    def check_castable(self) -> None:
        """Raises where Arrow's own casts are not those of :meth:`cast`: for a dataset, which knows no other."""
        import pyarrow as pa

        for one in self._kinds:
            for field in one:
                place = self.schema.get_field_index(field.name)
                if place < 0:
                    continue
                wanted = self.schema.field(place).type
                same = field.type == wanted or _is_null(field.type) or pa.types.is_string(wanted)
                widened = _is_widened(field.type, wanted)
                if not (same or widened) or (pa.types.is_string(wanted) and pa.types.is_nested(field.type)):
                    raise RecordingError(
                        f"column {field.name!r} is {field.type} in some files and {wanted} in others, which a dataset cannot read as one",
                        hint="batches(), to_arrow() and to_pandas() can; or select the columns, topics or time that are asked for.",
                    )


def _is_widened(kind: pa.DataType, wanted: pa.DataType) -> bool:
    """From whole numbers to floats, also in lists."""
    import pyarrow as pa

    if pa.types.is_list(kind) and pa.types.is_list(wanted):
        return _is_widened(kind.value_type, wanted.value_type) or _is_null(kind.value_type)
    return bool(pa.types.is_integer(kind) and pa.types.is_floating(wanted))


def import_rows(batch: pa.RecordBatch) -> _core.RecordBatch:
    schema, array = batch.__arrow_c_array__()
    return _core.import_batch(schema, array, 0)


def empty_batch_of(schema: pa.Schema) -> _core.RecordBatch:
    """No rows of these columns. Raises InvalidSchemaError for a type that is none of ours."""
    import pyarrow as pa

    return import_rows(pa.RecordBatch.from_pylist([], schema=schema))


def _is_null(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_null(kind))
