"""Schemas: which columns there are, where in the payload each is found, and its type."""

from __future__ import annotations

import datetime
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from . import _core
from .errors import InvalidSchemaError

if TYPE_CHECKING:
    import pyarrow as pa

#: What makes a Schema.
SchemaLike: TypeAlias = "Schema | Mapping[str, Any] | Iterable[Column] | pa.Schema"

#: Columns that extraction itself adds.
RESERVED: Final = frozenset({"_misfit", "_extra"})

_PYTHON_TYPES: Final = {
    bool: "bool",
    int: "int64",
    float: "float64",
    str: "string",
    bytes: "binary",
    datetime.datetime: "timestamp",
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a :class:`Schema`.

    Args:
        name: the column's name in the frame.
        type: ``bool int64 uint64 float64 string timestamp binary``, ``list<…>`` of one of them; a Python, numpy, pandas or pyarrow type
            that means the same. Narrower numbers give the 64-bit type.
        path: where in the payload: dotted (``"location.lat"``), or a JSON Pointer (``"/location/lat"``). By default the name.

    Raises:
        InvalidSchemaError: no such type; an empty or reserved name. The message names the column.

    >>> Column("lat", "float64", path="location.lat")
    Column(name='lat', type='float64', path='location.lat')
    """

    name: str
    type: str
    path: str

    def __init__(self, name: str, type: Any, path: str | None = None) -> None:
        if not isinstance(name, str) or not name:
            raise InvalidSchemaError(f"a column's name must be a string that is not empty; found {name!r}")
        if name in RESERVED:
            raise InvalidSchemaError(f"column {name!r}: the name is taken by what extraction itself adds")
        if path is not None and (not isinstance(path, str) or not path):
            raise InvalidSchemaError(f"column {name!r}: the path must be a string that is not empty; found {path!r}")
        for what, text in (("name", name), ("path", path or "")):
            if not _is_text(text):
                raise InvalidSchemaError(f"column {name!a}: the {what} holds a lone surrogate, which UTF-8 does not have")
        self._set(name, _type_name(name, type), name if path is None else path)

    @classmethod
    def _unchecked(cls, name: str, kind: str) -> Column:
        column = object.__new__(cls)
        column._set(name, kind, name)
        return column

    def _set(self, name: str, kind: str, path: str) -> None:
        for field, value in (("name", name), ("type", kind), ("path", path)):
            object.__setattr__(self, field, value)


class Schema:
    """Fixes the columns and types of what is read; values that do not fit go by ``on_conflict``.

    Args:
        columns: a mapping of names to types, or to ``(path, type)``; a list of :class:`Column`; the ``dtypes`` of a DataFrame; a
            ``pyarrow.Schema``; another Schema.

    Immutable; iterates over its :class:`Column` objects, in order.

    Raises:
        InvalidSchemaError: no columns, a name twice, or a column that is not well formed. The message names the column.

    >>> import honeyframe as hf
    >>> hf.Schema({"temp": "float64", "lat": ("location.lat", "float64"), "ts": "timestamp"})
    Schema({'temp': 'float64', 'lat': ('location.lat', 'float64'), 'ts': 'timestamp'})
    """

    __slots__ = ("_columns",)
    _columns: tuple[Column, ...]

    def __init__(self, columns: SchemaLike) -> None:
        self._columns = tuple(_columns_of(columns))
        if not self._columns:
            raise InvalidSchemaError("a schema needs at least one column", hint="Pass schema=None to have the columns inferred.")
        names = [column.name for column in self._columns]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise InvalidSchemaError(f"column {twice!r} is there twice")

    @classmethod
    def _from_core(cls, fields: Iterable[tuple[str, str]]) -> Schema:
        """The schema of a batch: what is there needs no check, and may be `null` or reserved."""
        schema = object.__new__(cls)
        schema._columns = tuple(Column._unchecked(name, kind) for name, kind in fields)
        return schema

    @property
    def names(self) -> list[str]:
        """The columns' names, in order."""
        return [column.name for column in self._columns]

    def to_pyarrow(self) -> pa.Schema:
        """The same columns as a ``pyarrow.Schema``; paths are not part of it. Timestamps are ``timestamp[ns, tz=UTC]``."""
        import pyarrow as pa

        return pa.schema([(column.name, _arrow_type(pa, column.type)) for column in self._columns])

    def __iter__(self) -> Iterator[Column]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    def __getitem__(self, name: str) -> Column:
        for column in self._columns:
            if column.name == name:
                return column
        raise KeyError(name)

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __eq__(self, other: object) -> bool:
        return self._columns == other._columns if isinstance(other, Schema) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._columns)

    def __repr__(self) -> str:
        def value(column: Column) -> object:
            return column.type if column.path == column.name else (column.path, column.type)

        return f"Schema({ {column.name: value(column) for column in self._columns}!r})"

    def _to_core(self) -> list[tuple[str, str, str]]:
        """As ``_core.ExtractOptions`` takes it."""
        return [(column.name, column.path, column.type) for column in self._columns]


def _columns_of(columns: Any) -> Iterator[Column]:
    if isinstance(columns, Schema):
        yield from columns
    elif _is_pyarrow(columns, "Schema"):
        for field in columns:
            yield Column(field.name, field.type)
    elif isinstance(columns, (str, bytes)):
        raise InvalidSchemaError(f"a schema is a mapping of names to types or a list of columns, not the string {columns!r}")
    elif hasattr(columns, "items"):  # a mapping, or a Series of dtypes
        for name, value in columns.items():
            yield _from_item(name, value)
    elif isinstance(columns, Iterable):
        for position, column in enumerate(columns):
            if not isinstance(column, Column):
                raise InvalidSchemaError(f"column {position}: expected hf.Column, found {type(column).__name__}")
            yield column
    else:
        raise InvalidSchemaError(f"a schema is a mapping of names to types or a list of columns, not {type(columns).__name__}")


def _from_item(name: Any, value: Any) -> Column:
    if isinstance(value, tuple):
        if len(value) != 2:
            raise InvalidSchemaError(f"column {name!r}: expected a type or (path, type), found {value!r}")
        path, kind = value
        return Column(name, kind, path)
    return Column(name, value)


def _type_name(column: str, kind: Any) -> str:
    """The core's spelling of any library's type."""
    spelled = _spell(kind)
    if spelled is None:
        raise InvalidSchemaError(f"column {column!r}: no such column type: {kind!r}", hint=_hint())
    try:
        return _core.parse_type(spelled)
    except InvalidSchemaError as error:
        raise InvalidSchemaError(f"column {column!r}: {error.message}", hint=_hint()) from None


def _hint() -> str:
    return "Types are bool, int64, uint64, float64, string, timestamp, binary, and list<...> of one of them."


def _spell(kind: Any) -> str | None:
    if isinstance(kind, str):
        return _spell_text(kind)
    if isinstance(kind, type) and kind in _PYTHON_TYPES:
        return _PYTHON_TYPES[kind]
    if _is_pyarrow(kind, "DataType"):
        return _spell_arrow(kind)
    if _is_pyarrow(getattr(kind, "pyarrow_dtype", None), "DataType"):  # pandas.ArrowDtype
        return _spell_arrow(kind.pyarrow_dtype)
    if isinstance(kind, type) and hasattr(kind, "dtype"):  # numpy.float64 and its like
        return _spell_text(kind.__name__.rstrip("_"))
    if hasattr(kind, "kind") and hasattr(kind, "name"):  # a dtype of numpy or pandas
        return _spell_text(str(kind))
    return None


def _spell_text(text: str) -> str:
    """Also as numpy and pandas spell it: ``Int64``, ``float32``, ``string[pyarrow]``, ``datetime64[ns, UTC]``."""
    name = text.strip()
    lowered = name.lower()
    if lowered.startswith(("datetime64", "timestamp[")):
        return "timestamp"
    lowered = lowered.removesuffix("[pyarrow]").removesuffix("[python]")
    for prefix, wide in (("uint", "uint64"), ("int", "int64"), ("float", "float64")):
        if lowered.startswith(prefix) and lowered.removeprefix(prefix) in ("8", "16", "32"):
            return wide
    return lowered if not lowered.startswith("list<") else name


def _spell_arrow(kind: Any) -> str | None:
    from pyarrow import types

    if types.is_list(kind) or types.is_large_list(kind):
        item = _spell_arrow(kind.value_type)
        return None if item is None else f"list<{item}>"
    matches = (
        (types.is_boolean, "bool"),
        (types.is_unsigned_integer, "uint64"),
        (types.is_integer, "int64"),
        (types.is_floating, "float64"),
        (types.is_string, "string"),
        (types.is_large_string, "string"),
        (types.is_timestamp, "timestamp"),
        (types.is_binary, "binary"),
        (types.is_large_binary, "binary"),
    )
    return next((name for matches_kind, name in matches if matches_kind(kind)), None)


def _arrow_type(pa: Any, name: str) -> Any:
    if name.startswith("list<"):
        return pa.list_(_arrow_type(pa, name[5:-1]))
    if name == "bool":
        return pa.bool_()
    if name == "timestamp":
        return pa.timestamp("ns", tz="UTC")
    return getattr(pa, name)()


def _is_pyarrow(value: Any, name: str) -> bool:
    """Without importing pyarrow: a value of its types exists only where it is there already."""
    module = sys.modules.get("pyarrow")
    return module is not None and isinstance(value, getattr(module, name))


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
