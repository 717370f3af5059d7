"""The files of one commit while they are being written: rows wait in memory, and go to the stage a row group at a time.

A pattern of few rows is written in one go when the commit comes, so that the files open at once are few however many patterns there are.
Where a pattern's columns change on the way, it goes on in another file.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from . import _core
from .recording_errors import RecordingError, storage_errors
from .recording_layout import METADATA_KEY, JournalPart, part_path
from .recording_rows import PAYLOAD, Rows, arranged

if TYPE_CHECKING:
    import pyarrow as pa

_GROUP_ROWS: Final = 65_536
_GROUP_BYTES: Final = 16_777_216
_MEMORY_BYTES: Final = 50_331_648  # of all that waits
_MOST_OPEN: Final = 16
_NO_DICTIONARY: Final = frozenset({"_recv_time", "_spool_seq", PAYLOAD})


def check_parquet() -> None:
    """Raises RecordingError where the pyarrow is too old to tell in a file, at its end, what it holds."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not hasattr(pq.ParquetWriter, "add_key_value_metadata"):
        raise RecordingError(f"pyarrow {pa.__version__} is too old to record", hint="pip install 'honeyframe[record]'")


@dataclass(slots=True)
class _Waiting:
    """Rows of one pattern and day that are in no file yet."""

    rows: list[Rows] = field(default_factory=list)
    num_rows: int = 0
    nbytes: int = 0


class _Part:
    """One file in the stage."""

    def __init__(self, path: Path, schema: pa.Schema, compression: str) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        self.path = path
        self.schema = schema
        self.rows = 0
        coded = [
            one.name
            for one in schema
            if one.name not in _NO_DICTIONARY and not pa.types.is_floating(one.type) and not pa.types.is_nested(one.type)
        ]
        with storage_errors("write", str(path)):
            self._writer = pq.ParquetWriter(
                path,
                schema,
                compression=compression,
                use_dictionary=coded,
                column_encoding={"_recv_time": "DELTA_BINARY_PACKED", "_spool_seq": "DELTA_BINARY_PACKED"},
                write_statistics=[one.name for one in schema if one.name != PAYLOAD],
                version="2.6",
            )

    def write(self, table: pa.Table) -> None:
        with storage_errors("write", str(self.path)):
            self._writer.write_table(table, row_group_size=_GROUP_ROWS)
        self.rows += table.num_rows

    def close(self, metadata: dict[str, Any]) -> None:
        with storage_errors("write", str(self.path)):
            self._writer.add_key_value_metadata({METADATA_KEY: json.dumps(metadata).encode()})
            self._writer.close()

    def abandon(self) -> None:
        with contextlib.suppress(OSError):
            self._writer.close()


class OpenCut:
    """The rows since the last commit. Not thread-safe."""

    def __init__(self, stage: Path, number: int, name_of: Callable[[int], str], compression: str) -> None:
        self._stage = stage
        self._number = number
        self._name_of = name_of
        self._compression = compression
        self._waiting: dict[tuple[str, int], _Waiting] = {}
        self._open: dict[tuple[str, int], _Part] = {}
        self._grown_out: list[tuple[str, int, _Part]] = []  # open as well, as the last number of the cut goes into them
        self._closed: list[tuple[str, int, _Part]] = []
        self._known: dict[int, _core.ArrowSchemaHolder] = {}
        self._made = 0
        self.waiting_bytes = 0
        self.rows = 0
        self.messages = 0
        self.unreadable = 0

    @property
    def written_bytes(self) -> int:
        """About, of all its files so far."""
        with storage_errors("read", str(self._stage)):
            return sum(part.path.stat().st_size for part in self._all_open())

    @property
    def is_crowded(self) -> bool:
        """So many files are open that a commit is due. Until then rows wait in memory, those of the batch in hand at most."""
        return len(self._open) + len(self._grown_out) >= _MOST_OPEN

    def _all_open(self) -> list[_Part]:
        return [*self._open.values(), *(part for _, _, part in self._grown_out)]

    def add(self, rows: Rows) -> None:
        key = (rows.day, rows.pattern)
        waiting = self._waiting.setdefault(key, _Waiting())
        waiting.rows.append(rows)
        waiting.num_rows += rows.num_rows
        nbytes = rows.nbytes
        waiting.nbytes += nbytes
        self.waiting_bytes += nbytes
        self.rows += rows.num_rows
        self.messages += rows.messages
        self.unreadable += rows.unreadable
        if not self.is_crowded and (waiting.num_rows >= _GROUP_ROWS or waiting.nbytes >= _GROUP_BYTES):
            self._flush(key)
        while not self.is_crowded and self.waiting_bytes > _MEMORY_BYTES:
            self._flush(max(self._waiting, key=lambda one: self._waiting[one].nbytes))

    def _flush(self, key: tuple[str, int]) -> None:
        waiting = self._waiting.pop(key)
        self.waiting_bytes -= waiting.nbytes
        table = self._table(key[1], waiting.rows)
        part = self._open.get(key)
        if part is not None and part.schema != table.schema:
            self._grown_out.append((*key, self._open.pop(key)))
            part = None
        if part is None:
            path = self._stage / f"{self._number:012d}-{self._made:06d}.parquet"
            self._made += 1
            part = self._open[key] = _Part(path, table.schema, self._compression)
        part.write(table)

    def _table(self, pattern: int, rows: list[Rows]) -> pa.Table:
        """All of them in the columns known of the pattern by now."""
        import pyarrow as pa

        cells = [one.cells for one in rows]
        known = self._known.get(pattern)
        schema = _core.unify_schemas(([] if known is None else [_core.empty_batch(known)]) + cells)
        cast = _core.cast_batches(cells, schema)
        self._known[pattern] = cast[0].schema()
        beside = {name: pa.chunked_array([one.beside[name] for one in rows]) for name in rows[0].beside}
        return arranged(pa.Table.from_batches([pa.record_batch(one) for one in cast]), beside)

    def finish(self, first: int, last: int, recording: str) -> list[JournalPart]:
        """All files, complete, in the stage: ``first`` and ``last`` are the numbers of the cut's messages."""
        for key in list(self._waiting):
            if self.is_crowded:
                self._end(first, last, recording)
            self._flush(key)
        self._end(first, last, recording)
        counts: dict[tuple[str, str], int] = {}
        parts = []
        for day, pattern, part in self._closed:
            name = self._name_of(pattern)  # which two patterns may have, with "other" among them
            number = counts.setdefault((day, name), 0)
            counts[day, name] += 1
            path = part_path(day, name, first, last, number)
            with storage_errors("read", str(part.path)):
                size = part.path.stat().st_size
            parts.append(JournalPart(part.path.name, path, part.rows, size))
        return parts

    def _end(self, first: int, last: int, recording: str) -> None:
        ended = [*self._grown_out, *((*key, part) for key, part in self._open.items())]
        self._closed += ended
        self._grown_out, self._open = [], {}
        for day, pattern, part in ended:
            part.close({"recording": recording, "pattern": self._name_of(pattern), "day": day, "first_seq": first, "last_seq": last})

    def abandon(self) -> None:
        """None of it is to be. The files stay in the stage, to be cleared."""
        for part in self._all_open():
            part.abandon()
        self._waiting, self._open, self._grown_out, self.waiting_bytes = {}, {}, [], 0
