"""Rows as users have them, brought to record batches of the core: frames of any library by way of Arrow, dicts one by one.

What Arrow has and the core has not (other widths, other units, nested lists) is cast here, whole columns at a time; what only JSON can
hold is written as JSON text here.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from . import _core
from .errors import InvalidArgumentError
from .frame import Batch, Table
from .payload import encode_payload

if TYPE_CHECKING:
    import pyarrow as pa

MAX_ROWS: Final = 8_192
_MAX_DICTS: Final = 1_024
_MAX_NAMES: Final = 10_000
_PAYLOAD: Final = "honeyframe:payload"

#: Columns that reading adds: no part of a payload. The core has the same list.
ADDED: Final = frozenset(
    (
        *("_topic", "_recv_time", "_retain", "_event_time", "_qos", "_dup", "_payload_index", "_spool_seq"),
        *("_user_properties", "_content_type", "_response_topic", "_misfit", "_extra"),
    )
)


@dataclass(frozen=True)
class RowPlan:
    """Which columns are what."""

    topic_names: tuple[str, ...]
    columns: tuple[str, ...] | None
    payload_column: str
    sep: str
    null_keys: bool
    _sent: dict[str, bool] = field(default_factory=dict, repr=False, compare=False)

    def needs(self, name: str) -> bool:
        """Whether a column of this name may be sent, or names the topic."""
        if name in self.topic_names or name == self.payload_column:
            return True
        return not self.payload_column and self.sends(name)

    def sends(self, name: str) -> bool:
        """Whether a column of this name is part of the payload."""
        known = self._sent.get(name)
        if known is None:
            if self.columns is None:
                known = name not in ADDED and name not in self.topic_names
            else:
                known = any(name == wanted or (self.sep and name.startswith(wanted + self.sep)) for wanted in self.columns)
            if len(self._sent) < _MAX_NAMES:
                self._sent[name] = bool(known)
        return bool(known)


@dataclass
class RowBatch:
    """A batch, and what :meth:`_core.RowPublisher.offer` must know of it."""

    batch: _core.RecordBatch
    payload_column: str = ""
    raw_json: list[str] = field(default_factory=list)
    faults: list[tuple[int, str]] = field(default_factory=list)


def row_batches(rows: Any, plan: RowPlan, is_idle: Any) -> Iterator[RowBatch]:
    """``rows`` in batches.

    Args:
        rows: a DataFrame, anything of Arrow's interface, or an iterable of these or of dicts.
        plan: which columns are what.
        is_idle: ``() -> bool``; where true, dicts gathered so far go on at once: a slow iterable's rows do not wait for each other.
    """
    if is_frame(rows):
        yield from _frame_batches(rows, plan)
        return
    if isinstance(rows, (str, bytes, bytearray, Mapping)) or not isinstance(rows, Iterable):
        raise InvalidArgumentError(
            f"publish_many takes a frame or an iterable of dicts; found {type(rows).__name__}",
            hint="For one message use publish(); for a dict of columns, pandas.DataFrame(columns).",
        )
    gathered: list[Mapping[str, Any]] = []
    for item in rows:
        if isinstance(item, Mapping):
            gathered.append(item)
            if len(gathered) >= _MAX_DICTS or is_idle():
                yield _dict_batch(gathered, plan)
                gathered = []
            continue
        if gathered:
            yield _dict_batch(gathered, plan)
            gathered = []
        if not is_frame(item):
            raise InvalidArgumentError(f"publish_many takes dicts or frames; the iterable gave a {type(item).__name__}")
        yield from _frame_batches(item, plan)
    if gathered:
        yield _dict_batch(gathered, plan)


def is_frame(rows: Any) -> bool:
    """Whether ``rows`` is a table of some library."""
    return _is_pandas(rows) or hasattr(rows, "__arrow_c_stream__") or hasattr(rows, "__arrow_c_array__")


def count_rows(rows: Any) -> int | None:
    """How many rows there are, where that is known without reading them."""
    if isinstance(rows, (Batch, Table)):
        return rows.num_rows
    if is_frame(rows):
        counted = getattr(rows, "num_rows", None)
        return counted if isinstance(counted, int) else len(rows) if hasattr(rows, "__len__") else None
    if isinstance(rows, Sequence) and rows and all(isinstance(row, Mapping) for row in (rows[0], rows[-1])):
        return len(rows)
    return None


# --- frames


def _is_pandas(rows: Any) -> bool:
    return hasattr(rows, "iloc") and hasattr(rows, "columns")


def _frame_batches(frame: Any, plan: RowPlan) -> Iterator[RowBatch]:
    if isinstance(frame, Batch):
        yield RowBatch(frame._batch, plan.payload_column)
    elif isinstance(frame, Table):
        for batch in frame.batches:
            yield RowBatch(batch._batch, plan.payload_column)
    elif _is_pandas(frame):
        names = [str(name) for name in frame.columns]
        _check_names(names)
        chosen = [index for index, name in enumerate(names) if plan.needs(name)]
        for begin in range(0, len(frame), MAX_ROWS) or (0,):  # no rows: its columns are checked all the same
            part = frame.iloc[begin : begin + MAX_ROWS]
            yield _make_batch({names[index]: part.iloc[:, index] for index in chosen}, len(part), plan)
    else:
        yield from _arrow_batches(frame, plan)


def _check_names(names: list[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if twice:
        raise InvalidArgumentError(f"the column {twice[0]!r} is there more than once", hint="Rename one of them.")


def _arrow_batches(frame: Any, plan: RowPlan) -> Iterator[RowBatch]:
    import pyarrow as pa

    if hasattr(frame, "__arrow_c_stream__"):
        reader = pa.RecordBatchReader.from_stream(frame)
        parts: Iterable[pa.RecordBatch] = reader
        _check_names(reader.schema.names)
    else:
        parts = (pa.record_batch(frame),)
    for part in parts:
        _check_names(part.schema.names)
        for begin in range(0, part.num_rows, MAX_ROWS):
            rows = part.slice(begin, MAX_ROWS)
            columns = {name: rows.column(index) for index, name in enumerate(rows.schema.names) if plan.needs(name)}
            yield _make_batch(columns, rows.num_rows, plan)


def _make_batch(columns: Mapping[str, Any], length: int, plan: RowPlan) -> RowBatch:
    import pyarrow as pa

    arrays: list[pa.Array] = []
    raw: list[str] = []
    faults: dict[int, str] = {}
    for name, values in columns.items():
        array, is_raw = _to_arrow(name, values, faults)
        arrays.append(array)
        if is_raw:
            raw.append(name)
    if not columns:  # rows all the same
        arrays.append(pa.nulls(length))
    batch = pa.record_batch(arrays, names=list(columns) or ["_extra"])
    return RowBatch(_core.import_batch(*batch.__arrow_c_array__()), plan.payload_column, raw, sorted(faults.items()))


def _to_arrow(name: str, values: Any, faults: dict[int, str]) -> tuple[pa.Array, bool]:
    """A column as one of the core's types, and whether it is JSON text already."""
    import pyarrow as pa

    cells = values
    if not isinstance(values, pa.Array):
        try:
            values = pa.array(values, from_pandas=True)
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, UnicodeEncodeError, OverflowError):
            return _json_column(name, values, faults)
        if isinstance(values, pa.ChunkedArray):
            values = pa.concat_arrays(values.chunks) if values.num_chunks else pa.array([], values.type)
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    target = _core_type(values.type)
    if target is None:
        return _json_column(name, cells, faults)
    try:
        return _cast(values, target), pa.types.is_decimal(values.type)
    except pa.ArrowInvalid as error:  # a time beyond int64 nanoseconds
        raise InvalidArgumentError(f"column {name!r}: {error}") from None
    except pa.ArrowNotImplementedError:
        raise InvalidArgumentError(
            f"column {name!r}: JSON has no form for {values.type}", hint="Convert it to numbers or text, or leave it out with columns=."
        ) from None


def _core_type(kind: pa.DataType) -> pa.DataType | None:
    """The core's type that holds ``kind``; None: only JSON text does."""
    import pyarrow as pa

    is_ = pa.types
    if is_.is_null(kind) or is_.is_boolean(kind):
        return kind
    if is_.is_signed_integer(kind):
        return pa.int64()
    if is_.is_unsigned_integer(kind):
        return pa.uint64()
    if is_.is_floating(kind):
        return pa.float64()
    if is_.is_timestamp(kind):
        return pa.timestamp("ns", "UTC")
    if is_.is_binary(kind) or is_.is_large_binary(kind) or is_.is_fixed_size_binary(kind):
        return pa.binary()
    if is_.is_list(kind) or is_.is_large_list(kind) or is_.is_fixed_size_list(kind):
        item = None if is_.is_nested(kind.value_type) or is_.is_dictionary(kind.value_type) else _core_type(kind.value_type)
        return None if item is None or is_.is_decimal(kind.value_type) else pa.list_(item)
    if is_.is_nested(kind) or isinstance(kind, pa.BaseExtensionType):
        return None
    return pa.string()  # texts, dates, times of day, decimals; durations cannot be cast


def _cast(values: pa.Array, target: pa.DataType) -> pa.Array:
    import pyarrow as pa

    if values.type == target:
        return values
    if pa.types.is_duration(values.type) or pa.types.is_interval(values.type):
        raise pa.ArrowNotImplementedError
    if pa.types.is_float16(values.type):
        values = values.cast(pa.float32())
    if pa.types.is_float32(values.type):
        return values.cast(pa.string()).cast(target)  # 0.1 is meant as 0.1
    return values.cast(target)


def _json_column(name: str, cells: Any, faults: dict[int, str]) -> tuple[pa.Array, bool]:
    import pyarrow as pa

    texts: list[str | None] = []
    for row, cell in enumerate(cells.to_pylist() if hasattr(cells, "to_pylist") else cells):
        text = None
        if not _is_null(cell):
            try:
                text = _encode(cell if not isinstance(cell, (bytes, bytearray)) else _refuse_bytes()).decode()
            except (InvalidArgumentError, TypeError) as error:
                faults.setdefault(row, f"column {name!r}: {_first_line(error)}")
        texts.append(text)
    return pa.array(texts, pa.string()), True


# --- dicts


def _dict_batch(rows: Sequence[Mapping[str, Any]], plan: RowPlan) -> RowBatch:
    import pyarrow as pa

    levels: dict[str, list[str | None]] = {name: [] for name in plan.topic_names}
    payloads: list[bytes] = []
    faults: list[tuple[int, str]] = []
    for index, row in enumerate(rows):
        payload = b""
        try:
            texts = [_level(name, row.get(name)) for name in plan.topic_names]
            payload = _dict_payload(row, plan)
        except (InvalidArgumentError, TypeError) as error:
            faults.append((index, _first_line(error)))
            texts = [None] * len(levels)
        for name, text in zip(levels, texts, strict=True):
            levels[name].append(text)
        payloads.append(payload)
    arrays = [pa.array(texts, pa.string()) for texts in levels.values()]
    batch = pa.record_batch([*arrays, pa.array(payloads, pa.binary())], names=[*levels, _PAYLOAD])
    return RowBatch(_core.import_batch(*batch.__arrow_c_array__()), _PAYLOAD, [], faults)


def _dict_payload(row: Mapping[str, Any], plan: RowPlan) -> bytes:
    if plan.payload_column:
        if row.get(plan.payload_column) is None:
            raise InvalidArgumentError(f"the key {plan.payload_column!r} is missing or null")
        return encode_payload(row[plan.payload_column])
    whole: dict[str, Any] = {}
    for key, value in row.items():
        name = key if isinstance(key, str) else str(key)
        if not plan.sends(name):
            continue
        if _is_null(value):
            if not plan.null_keys:
                continue
            value = None
        elif isinstance(value, (bytes, bytearray, memoryview)):
            _refuse_bytes()
        _nest(whole, name, value, row, plan.sep)
    return _encode(whole)


def _nest(whole: dict[str, Any], name: str, value: Any, row: Mapping[str, Any], sep: str) -> None:
    if not sep or sep not in name:
        whole[name] = value
        return
    keys = name.split(sep)
    if any(sep.join(keys[:count]) in row for count in range(1, len(keys))):
        whole[name] = value  # beside a value of its own it cannot be an object
        return
    at = whole
    for key in keys[:-1]:
        at = at.setdefault(key, {})
    at[keys[-1]] = value


def _level(name: str, value: Any) -> str | None:
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise InvalidArgumentError(f"the key {name!r}, which the topic needs, holds a lone surrogate") from None
        return value
    if _is_null(value):
        return None
    if hasattr(value, "item"):  # a numpy scalar
        value = value.item()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, (int, float)) and math.isfinite(value):
        return str(value)
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    raise InvalidArgumentError(f"the key {name!r}, which the topic needs, holds a {type(value).__name__}")


# --- values


def _encode(value: Any) -> bytes:
    """As publish() does, but NaN is null, as in columns."""
    try:
        return encode_payload([value])[1:-1]  # a str, too, as JSON
    except InvalidArgumentError:
        return encode_payload([_without_nan(value)])[1:-1]


def _without_nan(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(item) for item in value]
    return None if _is_null(value) else value


def _is_null(value: Any) -> bool:
    if value is None:
        return True
    if isinstance(value, float):
        return math.isnan(value)
    return type(value).__name__ in {"NAType", "NaTType"}


def _refuse_bytes() -> bytes:
    raise InvalidArgumentError("JSON has no form for bytes: decode them, or send them as they are with payload_column=")


def _first_line(error: Exception) -> str:
    return error.message if isinstance(error, InvalidArgumentError) else str(error)
