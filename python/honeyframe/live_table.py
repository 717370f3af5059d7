"""LiveTable: the newest row of each topic, or of each value of a column, that goes on by itself. Made by :meth:`Stream.live_table`."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from . import _core
from .arguments import check_columns, check_count, check_names, count_of
from .events import printable
from .live_view import LeftOut, LiveView, encode_keys, missing_columns

if TYPE_CHECKING:
    import pandas as pd

    from .live_widget import Buffers
    from .stream import Stream

_TURN_SECONDS: Final = 0.25
_HIDDEN: Final = frozenset({"_retain", "_qos", "_dup", "_payload_index"})
_MOST_TEXT: Final = 200
_MOST_ROWS: Final = 10_000
_MOST_COLUMNS: Final = 100
_SHOWN_ROWS: Final = 20


class LiveTable(LiveView):
    """The newest row of each topic. In a notebook it shows itself, as the last value of a cell.

    A tap: it takes nothing from ``batches()``, and goes on while a cell is busy. It ends with the stream, with :meth:`close`, and when
    nobody holds it any more.
    """

    def __init__(self, stream: Stream, by: str | Iterable[str], columns: Iterable[str] | None, max_rows: int, title: str) -> None:
        self._by = check_names("by", by)
        self._only = check_columns(columns)
        self._max_rows = check_count("max_rows", max_rows, 1, _MOST_ROWS)
        self._title = title
        self._columns: list[str] = list(self._by)
        self._numbers: dict[tuple[str, ...], int] = {}
        self._rows: list[pa.RecordBatch] = []
        self._left_out = LeftOut()
        self._seen: set[str] = set()  # columns that were there
        self._status_told: dict[str, Any] = {}
        super().__init__(stream, _TURN_SECONDS, "honeyframe-table")

    # --- what comes

    def _take(self, batches: list[_core.RecordBatch], now: float) -> None:
        changed: set[int] = set()
        for batch in batches:
            self._read(pa.record_batch(batch), changed)
        status = self._status()
        if self._channel is None or (not changed and status == self._status_told):
            return
        self._status_told = status
        self._channel.send({"kind": "frame", **self._told(sorted(changed))})

    def _read(self, batch: pa.RecordBatch, changed: set[int]) -> None:
        self._seen.update(batch.schema.names)
        wanted = self._only or [name for name in batch.schema.names if name not in _HIDDEN]
        for name in wanted:
            if name in batch.schema.names and name not in self._columns and len(self._columns) < _MOST_COLUMNS:
                self._columns.append(name)
        rows = _newest(batch, self._by)
        found = batch.take(pa.array(rows.values(), pa.int64()))
        for place, keys in enumerate(rows):
            number = self._numbers.get(keys)
            if number is None:
                if len(self._rows) >= self._max_rows:
                    self._left_out.add(keys)
                    continue
                number = self._numbers[keys] = len(self._rows)
                self._rows.append(found)
            self._rows[number] = found.slice(place, 1)
            changed.add(number)

    def _told(self, numbers: Sequence[int]) -> dict[str, Any]:
        return {"columns": self._columns, "rows": [[number, self._texts(number)] for number in numbers], "status": self._status()}

    def _texts(self, number: int) -> list[str]:
        row = self._rows[number].to_pylist()[0]
        return [text_of(row.get(name)) for name in self._columns]

    def _whole(self) -> tuple[dict[str, Any], Buffers]:
        self._status_told = self._status()
        return self._told(range(len(self._rows))), ()

    def _face(self) -> tuple[str, dict[str, Any]]:
        return "table", {"title": self._title, "keys": len(self._by)}

    def _status(self) -> dict[str, Any]:
        notes = [f"{more} not shown: max_rows={self._max_rows}"] if (more := self._left_out.words("row")) else []
        if self._seen:
            notes += missing_columns((*self._by, *(self._only or ())), self._seen)
        return {**super()._status(), "notes": notes}

    # --- what is there

    def to_frame(self) -> pd.DataFrame:
        """The rows, with all columns of the stream and its dtypes, in no order that counts."""
        from .frame import Batch, Table

        with self._lock:
            rows = list(self._rows)
            schema = self._stream._reader.schema()
        if not rows:
            return Table.from_batches([], schema=schema).to_pandas()
        return Table.from_batches([Batch.from_arrow(row) for row in rows]).to_pandas()

    def __repr__(self) -> str:
        with self._lock:
            count = len(self._rows)
            lines = [self._texts(number) for number in range(min(count, _SHOWN_ROWS))]
            columns = list(self._columns)
            notes = self._status()["notes"]
        texts = [f"<honeyframe.LiveTable: {count_of(count, 'row')}, {'ended' if self.closed else 'running'}>"]
        cells = [[printable(cell) for cell in line] for line in [columns, *lines]] if lines else []
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        texts += ["  " + "  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells]
        if count > _SHOWN_ROWS:
            texts.append(f"  and {count - _SHOWN_ROWS:,} more")
        return "\n".join([*texts, *(f"  {note}" for note in notes)])

    def _bundle(self) -> dict[str, Any]:
        from .display import table_html

        with self._lock:
            lines = [self._texts(number) for number in range(min(len(self._rows), 10 * _SHOWN_ROWS))]
            columns = list(self._columns)
        return {**super()._bundle(), "text/html": table_html(self._title, columns, lines)}


def text_of(value: Any) -> str:
    """
    >>> text_of(None), text_of(True), text_of(21.500000001), text_of(2**60), text_of([1, "a"])
    ('', 'true', '21.5', '1152921504606846976', '[1, "a"]')
    """
    if value is None:
        text = ""
    elif isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, float):
        text = f"{value:.8g}"
    elif isinstance(value, datetime.datetime):
        text = f"{value:%Y-%m-%d %H:%M:%S}.{value.microsecond // 1000:03d}"
    elif isinstance(value, (list, dict)):
        text = json.dumps(value, ensure_ascii=False, default=repr)
    elif isinstance(value, bytes):
        text = value[:_MOST_TEXT].decode("utf-8", "backslashreplace")
    else:
        text = str(value)
    return text if len(text) <= _MOST_TEXT else text[:_MOST_TEXT] + "…"


def _newest(batch: pa.RecordBatch, by: Sequence[str]) -> dict[tuple[str, ...], int]:
    """Of each value of the columns the last row that has it."""
    if not batch.num_rows:
        return {}
    names = batch.schema.names
    codes = np.zeros(batch.num_rows, np.int64)
    words: list[list[str]] = []
    for name in by:
        column = encode_keys(batch.column(name)) if name in names else None
        words.append([*(map(text_of, column.dictionary.to_pylist()) if column is not None else ()), ""])
        here = column.indices.fill_null(len(words[-1]) - 1).to_numpy(zero_copy_only=False) if column is not None else 0
        codes = codes * len(words[-1]) + here
    _, first = np.unique(codes[::-1], return_index=True)
    last = sorted(batch.num_rows - 1 - first)
    found: dict[tuple[str, ...], int] = {}
    for row in last:
        code, keys = int(codes[row]), []
        for each in reversed(words):
            code, word = divmod(code, len(each))
            keys.append(each[word])
        found[tuple(reversed(keys))] = int(row)
    return found
