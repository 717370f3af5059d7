"""Whether the rows of one pattern keep to it: their columns, types and units."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from .catalog_pattern import CatalogColumn, CatalogPattern
from .json_tree import json_type
from .options import DEFAULT_NA_VALUES
from .row_batches import ADDED

BreachKind: TypeAlias = Literal["missing_column", "new_column", "type_changed", "unit_changed", "unknown_topic"]

_MOST_MISFITS: Final = 1_000  # of a batch that are looked into
_MOST_VALUES: Final = 1_000
_SHOWN: Final = 60
_NA: Final = frozenset(DEFAULT_NA_VALUES)
_SMALLEST_EPOCH: Final = 1e8
#: Below which a number is an epoch in that unit, as the engine has it.
_EPOCHS: Final = ((1e11, "s"), (1e14, "ms"), (1e17, "us"), (float("inf"), "ns"))


@dataclass(frozen=True, slots=True)
class Found:
    """One thing that is not as agreed; ``rows`` is a mask, or None for all."""

    kind: BreachKind
    column: str | None
    expected: str
    found: str
    rows: Any


class PatternCheck:
    """Holds rows against one pattern.

    Args:
        pattern: what was agreed.
        levels: the names that the stream's template gives to levels: columns that are no part of a payload.
        only: the columns that the stream reads, and what lies under them; None: all.
    """

    def __init__(self, pattern: CatalogPattern, levels: AbstractSet[str], only: Sequence[str] | None) -> None:
        self._pattern = pattern
        self._levels = levels
        self._all = only is None
        self._columns = [column for column in pattern.columns if only is None or _is_under(column.name, only)]
        self._names = {column.name for column in pattern.columns}
        self._epochs = {time.column: time.unit for time in pattern.event_times if time.unit in ("s", "ms", "us", "ns")}

    def run(self, rows: Any) -> Iterator[Found]:
        """``rows``: a pyarrow.RecordBatch with ``_topic``, all of this pattern."""
        if self._pattern.kind in ("binary", "empty"):
            return
        misfits = _misfits(rows)
        payload = {name: rows.column(name) for name in rows.schema.names if name not in ADDED and name not in self._levels}
        empty = _without_values(payload, rows)
        for column in self._columns:
            values = payload.get(column.name, payload.get("/" + column.name))
            inside = self._objects(column, payload)
            if inside is not None:  # an object where a value was agreed
                yield Found("type_changed", column.name, _type(column), "object", inside)
                payload = {name: one for name, one in payload.items() if not name.startswith(column.name + ".")}
            else:
                yield from self._missing(column, values, misfits, empty, rows)
            if values is not None:
                yield from self._types(column, values)
                yield from self._units(column, values)
            yield from _misfit_types(column, misfits, rows)
        if self._all and self._pattern.kind != "unreadable":
            yield from self._new(payload)

    def _objects(self, column: CatalogColumn, payload: dict[str, Any]) -> Any:
        """The rows that have columns below this one, where the contract has none there; None where no row has."""
        import pyarrow as pa

        prefix = column.name + "."
        below = [values for name, values in payload.items() if name.startswith(prefix) and values.null_count < len(values)]
        if not below or any(name.startswith(prefix) for name in self._names):
            return None
        mask = below[0].is_valid().to_numpy(zero_copy_only=False)
        for values in below[1:]:
            mask = mask | values.is_valid().to_numpy(zero_copy_only=False)
        return pa.array(mask)

    def _missing(self, column: CatalogColumn, values: Any, misfits: dict[str, dict[int, Any]], empty: Any, rows: Any) -> Iterator[Found]:
        import numpy as np
        import pyarrow as pa

        if not column.required or (values is not None and (column.null_rate > 0 or not values.null_count)):
            return  # the key was always there; null, or "N/A", where it was null before
        missing = np.ones(rows.num_rows, dtype=bool) if values is None else values.is_null().to_numpy(zero_copy_only=False)
        missing = missing & ~empty
        for row in _of(column, misfits):
            missing[row] = False
        if missing.any():
            yield Found("missing_column", column.name, f"{_type(column)} in every message", "null, or no such key", pa.array(missing))

    def _types(self, column: CatalogColumn, values: Any) -> Iterator[Found]:
        import pyarrow as pa

        if values.null_count == len(values) or not set(column.json_types) - {"null"}:
            return
        kind = _json_kind(values.type)
        if kind == "string" and _allows(column, kind):
            yield from self._texts(column, values)
            return
        if kind is None or _allows(column, kind):
            return
        if kind != "string":
            yield Found("type_changed", column.name, _type(column), f"{kind} {_shown(values.drop_null()[0].as_py())}", values.is_valid())
            return
        # A column of text, for some value in the stream was text: what is spelled as agreed is what it was.
        wrong = [text for text in values.unique().to_pylist()[:_MOST_VALUES] if text is not None and not _is_spelled(column, text)]
        if wrong:
            import pyarrow.compute as pc

            mask = pc.fill_null(pc.is_in(values, value_set=pa.array(wrong, values.type)), False)
            yield Found("type_changed", column.name, _type(column), f"string {_shown(wrong[0])}", mask)

    def _texts(self, column: CatalogColumn, values: Any) -> Iterator[Found]:
        """What is no text has its JSON in a column of text. Objects and lists are seen by that, numbers only where all text was words."""
        import pyarrow as pa
        import pyarrow.compute as pc

        looks = r"^\s*[\[{]" if not column.words else r"^\s*[\[{]|^-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?$"
        suspects = pc.fill_null(pc.match_substring_regex(values, looks), False)
        if not pc.any(suspects).as_py():
            return
        wrong = [text for text in values.filter(suspects).unique().to_pylist()[:_MOST_VALUES] if not _allows(column, _kind_of_json(text))]
        if wrong:
            mask = pc.fill_null(pc.is_in(values, value_set=pa.array(wrong, values.type)), False)
            yield Found("type_changed", column.name, _type(column), f"{_kind_of_json(wrong[0])} {_cut(wrong[0])}", mask)

    def _units(self, column: CatalogColumn, values: Any) -> Iterator[Found]:
        import pyarrow as pa
        import pyarrow.compute as pc

        if column.units and pa.types.is_string(values.type):
            known = pa.array(list(column.units), values.type)
            mask = pc.and_(values.is_valid(), pc.invert(pc.fill_null(pc.is_in(values, value_set=known), True)))
            if pc.any(mask).as_py():
                told = " or ".join(map(_shown, column.units))
                yield Found("unit_changed", column.name, told, _shown(values.filter(mask)[0].as_py()), mask)
        unit = self._epochs.get(column.name)
        if unit is None or not (pa.types.is_integer(values.type) or pa.types.is_floating(values.type)):
            return
        numbers = values.cast(pa.float64(), safe=False)
        low, high = _epoch_range(unit)
        mask = pc.fill_null(
            pc.and_(pc.greater_equal(numbers, _SMALLEST_EPOCH), pc.or_(pc.less(numbers, low), pc.greater_equal(numbers, high))), False
        )
        if pc.any(mask).as_py():
            first = numbers.filter(mask)[0].as_py()
            yield Found("unit_changed", column.name, f"an epoch in {unit}", f"one in {_epoch_unit(first)}: {_shown(first)}", mask)

    def _new(self, payload: dict[str, Any]) -> Iterator[Found]:
        for name, values in payload.items():
            known = name in self._names or (name.startswith("/") and name[1:] in self._names)
            if known or values.null_count == len(values):
                continue
            if name == "value_text" and all(text is None or text in _NA for text in values.unique().to_pylist()):
                continue
            kind = _json_kind(values.type) or str(values.type)
            yield Found("new_column", name, "none", f"{kind} {_shown(values.drop_null()[0].as_py())}", values.is_valid())


def _is_under(name: str, wanted: Sequence[str]) -> bool:
    return any(name == one or name.startswith(one + ".") for one in wanted)


def _without_values(payload: dict[str, Any], rows: Any) -> Any:
    """The rows that hold nothing: an empty payload says nothing about its columns."""
    import numpy as np

    empty = np.ones(rows.num_rows, dtype=bool)
    for values in payload.values():
        empty &= values.is_null().to_numpy(zero_copy_only=False)
    if "_misfit" in rows.schema.names:
        empty &= rows.column("_misfit").is_null().to_numpy(zero_copy_only=False)
    return empty


def _misfits(rows: Any) -> dict[str, dict[int, Any]]:
    """By column: what did not fit, by row."""
    found: dict[str, dict[int, Any]] = {}
    if "_misfit" not in rows.schema.names:
        return found
    texts = rows.column("_misfit")
    if texts.null_count == len(texts):
        return found
    looked = 0
    for row, text in enumerate(texts.to_pylist()):
        if text is None:
            continue
        looked += 1
        if looked > _MOST_MISFITS:
            break
        for name, value in json.loads(text).items():
            found.setdefault(name, {})[row] = value
    return found


def _of(column: CatalogColumn, misfits: dict[str, dict[int, Any]]) -> dict[int, Any]:
    """A column's misfits, also where a level of the stream's template has its name."""
    return misfits.get(column.name) or misfits.get("/" + column.name) or {}


def _misfit_types(column: CatalogColumn, misfits: dict[str, dict[int, Any]], rows: Any) -> Iterator[Found]:
    import numpy as np
    import pyarrow as pa

    if not set(column.json_types) - {"null"}:
        return
    wrong = {row: value for row, value in _of(column, misfits).items() if not _allows(column, json_type(value))}
    if wrong:
        mask = np.zeros(rows.num_rows, dtype=bool)
        mask[list(wrong)] = True
        first = wrong[min(wrong)]
        yield Found("type_changed", column.name, _type(column), f"{json_type(first)} {_shown(first)}", pa.array(mask))


def _agreed(column: CatalogColumn) -> set[str]:
    """JSON's types that the column may have. Numbers are numbers, with a fraction or without; strings seen among them were "N/A"."""
    if column.type in ("int64", "uint64", "float64"):
        return {"integer", "number"}
    if column.type == "bool":
        return {"boolean"}
    if column.type.startswith("list"):
        return {"array"}
    known = set(column.json_types)
    return known | ({"integer", "number"} if known & {"integer", "number"} else set())


def _allows(column: CatalogColumn, kind: str) -> bool:
    return kind == "null" or kind in _agreed(column)


def _is_spelled(column: CatalogColumn, text: str) -> bool:
    if text in _NA:
        return True
    try:
        return _allows(column, json_type(json.loads(text)))
    except (ValueError, RecursionError):
        return False


def _json_kind(kind: Any) -> str | None:
    """What a column of that Arrow type holds, as JSON calls it."""
    import pyarrow as pa

    is_ = pa.types
    if is_.is_boolean(kind):
        return "boolean"
    if is_.is_integer(kind):
        return "integer"
    if is_.is_floating(kind):
        return "number"
    if is_.is_list(kind):
        return "array"
    return "string" if is_.is_string(kind) else None


def _type(column: CatalogColumn) -> str:
    agreed = _agreed(column)
    return " or ".join(kind for kind in column.json_types if kind in agreed) or column.type


def _kind_of_json(text: str) -> str:
    """What the text is as JSON; a string where it is none."""
    try:
        return json_type(json.loads(text))
    except (ValueError, RecursionError):
        return "string"


def _shown(value: Any) -> str:
    return _cut(json.dumps(value, ensure_ascii=False, default=str))


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."


def _epoch_range(unit: str) -> tuple[float, float]:
    position = [name for _, name in _EPOCHS].index(unit)
    return (_SMALLEST_EPOCH if position == 0 else _EPOCHS[position - 1][0]), _EPOCHS[position][0]


def _epoch_unit(number: float) -> str:
    return next(unit for limit, unit in _EPOCHS if number < limit)
