"""Rows that ``pub`` sends: of a file, of standard input, or one message many times; and what to call a row that was not sent."""

from __future__ import annotations

import abc
import bisect
import json
import math
import os
import sys
import time
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from ..errors import InvalidArgumentError
from .output import SUFFIXES

if TYPE_CHECKING:
    import pyarrow as pa

STDIN: Final = Path("-")
PAYLOAD: Final = "payload"
MAX_PAYLOAD: Final = 268_435_455 - 65_537  # of an MQTT packet, but for its topic
_MOST_TOLD: Final = 1_000
_MOST_SKIPPED: Final = 1_000_000  # whose places are remembered
_SLICE_SECONDS: Final = 0.05
_CHUNK_ROWS: Final = 1_000
_CHUNK_BYTES: Final = 1 << 20
_READ_BYTES: Final = 1 << 16


class Rows(abc.ABC):
    """Rows to publish, in frames or dicts; each has a place by which a person finds it."""

    noun = "row"
    count: int | None = None  # where it is known beforehand

    def __init__(self) -> None:
        self.unreadable: list[tuple[int, str]] = []  # (place, why), of the first
        self.unreadable_count = 0
        self._rows_before = array("q")  # each place that was skipped: 8 bytes for each of those, none for a row
        self._known_to: float = math.inf  # the first place that was skipped and not remembered

    def skip(self, place: int) -> None:
        """What is at ``place`` is no row; places come in order."""
        if len(self._rows_before) < _MOST_SKIPPED:
            self._rows_before.append(place - 1 - len(self._rows_before))
        else:
            self._known_to = min(self._known_to, place)

    def refuse(self, place: int, why: str) -> None:
        """What is at ``place`` should be a row, and is none."""
        self.skip(place)
        self.unreadable_count += 1
        if len(self.unreadable) < _MOST_TOLD:
            self.unreadable.append((place, why))

    @abc.abstractmethod
    def items(self) -> Iterator[Any]:
        """Frames or dicts, in order."""

    def place(self, row: int) -> int:
        """Where the row of this number, from 0, is found, counted from 1; behind ever so many skipped ones, where at the earliest."""
        return row + 1 + bisect.bisect_right(self._rows_before, row)

    def name(self, place: int) -> str:
        """What a person looks for."""
        return f"{self.noun} {place:,}" + (" or later" if place >= self._known_to else "")


class Repeated(Rows):
    """One payload, many times."""

    noun = "message"

    def __init__(self, payload: bytes, count: int) -> None:
        super().__init__()
        self._payload = payload
        self.count = count

    def items(self) -> Iterator[Any]:
        assert self.count is not None
        at_once = max(1, min(_CHUNK_ROWS, _CHUNK_BYTES // (len(self._payload) + 1)))
        left = self.count
        while left > 0:
            yield _payloads([self._payload] * min(left, at_once))
            left -= at_once


class Lines(Rows):
    """The lines of standard input, as they come; those with nothing in them are left out."""

    noun = "line"

    def __init__(self, file: IO[bytes] | None = None) -> None:
        super().__init__()
        self._file = sys.stdin.buffer if file is None else file
        self._seen = 0

    def items(self) -> Iterator[Any]:
        begun = bytearray()  # lines, the last of which has not ended
        while chunk := os.read(self._file.fileno(), _READ_BYTES):  # what is there, and not until a buffer is full
            begun += chunk
            if b"\n" in chunk:  # and not each time: a long line would be searched again with every chunk
                *lines, rest = bytes(begun).split(b"\n")
                begun = bytearray(rest)
                yield from self._batch(lines)
            if len(begun) > MAX_PAYLOAD:
                raise InvalidArgumentError(f"line {self._seen + 1:,} is too long for a message of MQTT")
        yield from self._batch([bytes(begun)])

    def _batch(self, lines: list[bytes]) -> Iterator[Any]:
        payloads = []
        for number, line in enumerate(lines, self._seen + 1):
            if payload := line.removesuffix(b"\r"):
                payloads.append(payload)
            else:
                self.skip(number)
        self._seen += len(lines)
        if payloads:
            yield _payloads(payloads)


class JsonLines(Rows):
    """A file of JSON objects, a line each; lines that are none are told, and left out."""

    noun = "line"

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._file = sys.stdin.buffer if path == STDIN else path.open("rb")

    def items(self) -> Iterator[Mapping[str, Any]]:
        with self._file as file:
            for number, line in enumerate(iter(lambda: file.readline(MAX_PAYLOAD + 1), b""), 1):
                if len(line) > MAX_PAYLOAD:
                    raise InvalidArgumentError(f"line {number:,} is too long for a message of MQTT")
                if line.isspace():
                    self.skip(number)
                    continue
                try:
                    found = json.loads(line, parse_constant=_refuse)
                except (ValueError, RecursionError) as error:
                    self.refuse(number, f"no JSON: {_told(error)}")
                    continue
                if not isinstance(found, dict):
                    self.refuse(number, "no JSON object")
                    continue
                yield found


def _refuse(name: str) -> None:
    raise ValueError(f"JSON has no {name}")


def _told(error: Exception) -> str:
    return error.msg if isinstance(error, json.JSONDecodeError) else str(error).partition("\n")[0]


class Csv(Rows):
    """A CSV file with a header; row 1 is the first below it. Rows of another length are told, and left out."""

    def __init__(self, path: Path, text_columns: Sequence[str]) -> None:
        super().__init__()
        import pyarrow as pa
        import pyarrow.csv as csv

        types = dict.fromkeys(text_columns, pa.string())  # 007 stays 007 in a topic
        try:
            self._table = csv.read_csv(
                path,
                read_options=csv.ReadOptions(use_threads=False),  # or no row would know its number
                parse_options=csv.ParseOptions(newlines_in_values=True, invalid_row_handler=self._skip),
                convert_options=csv.ConvertOptions(column_types=types),
            )
            self._table.column_names  # noqa: B018 - Arrow reads the header's bytes as they are, and decodes them here
        except (pa.ArrowInvalid, UnicodeDecodeError) as error:
            raise InvalidArgumentError(f"{path} cannot be read as CSV: {str(error).partition(chr(10))[0]}") from None
        self.count = self._table.num_rows

    def _skip(self, row: Any) -> str:
        place = row.number - 1 if row.number is not None else 0  # the header is number 1
        self.refuse(place, f"{row.actual_columns} values under a header of {row.expected_columns}")
        return "skip"

    def items(self) -> Iterator[pa.RecordBatch]:
        yield from self._table.to_batches()


class ArrowFile(Rows):
    """A Parquet or Arrow file, of which a part at a time is in memory."""

    def __init__(self, path: Path, kind: str) -> None:
        super().__init__()
        import pyarrow as pa

        try:
            self._batches, self.count = _parquet(path) if kind == "parquet" else _arrow(path)
        except pa.ArrowInvalid as error:
            raise InvalidArgumentError(f"{path} cannot be read as {kind}: {str(error).partition(chr(10))[0]}") from None

    def items(self) -> Iterator[pa.RecordBatch]:
        yield from self._batches


def _parquet(path: Path) -> tuple[Iterator[pa.RecordBatch], int]:
    import pyarrow.parquet as pq

    file = pq.ParquetFile(path)
    return file.iter_batches(batch_size=8_192), file.metadata.num_rows


def _arrow(path: Path) -> tuple[Iterator[pa.RecordBatch], int]:
    import pyarrow as pa
    import pyarrow.ipc as ipc

    file = ipc.open_file(pa.memory_map(os.fspath(path)))
    return (file.get_batch(number) for number in range(file.num_record_batches)), sum(
        file.get_batch(number).num_rows for number in range(file.num_record_batches)
    )


def open_rows(path: Path, text_columns: Sequence[str]) -> Rows:
    """The rows of a file, by its suffix; - is JSON lines on standard input. Raises OSError, or InvalidArgumentError for what is none."""
    suffix = path.suffix.lower().lstrip(".")
    kind = "jsonl" if path == STDIN else SUFFIXES.get(suffix, suffix)
    if kind not in ("csv", "parquet", "arrow", "jsonl"):
        raise InvalidArgumentError(f"{path}: --from takes a .csv, .parquet, .arrow or .jsonl file, or - for JSON lines")
    if path != STDIN:
        with path.open("rb"):  # in the system's words, where it cannot be read
            pass
    if kind == "jsonl":
        return JsonLines(path)
    return Csv(path, text_columns) if kind == "csv" else ArrowFile(path, kind)


def _payloads(values: Sequence[bytes]) -> pa.RecordBatch:
    import pyarrow as pa

    return pa.record_batch({PAYLOAD: pa.array(values, pa.binary())})


def paced(items: Iterable[Any], rate: float | None, tick: Callable[[int], None]) -> Iterator[Any]:
    """``items``, at most ``rate`` rows a second; ``tick(rows)`` is called as they go out."""
    began = time.monotonic()
    sent = 0
    for item in items:
        for part, rows in _parts(item, rate):
            if rate is not None:
                while (wait := began + sent / rate - time.monotonic()) > 0:
                    time.sleep(min(wait, 1.0))
            yield part
            sent += rows
            tick(sent)


def _parts(item: Any, rate: float | None) -> Iterator[tuple[Any, int]]:
    if isinstance(item, Mapping):
        yield item, 1
        return
    step = item.num_rows if rate is None else max(1, int(rate * _SLICE_SECONDS))
    for start in range(0, item.num_rows, max(1, step)):
        part = item.slice(start, step)
        yield part, part.num_rows
