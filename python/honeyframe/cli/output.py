"""A table written to a file: Parquet, Arrow IPC, CSV or JSON lines."""

from __future__ import annotations

import base64
import contextlib
import datetime
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import typer

from ..whole_file import whole_file
from .ending import STANDARD_OUTPUT

if TYPE_CHECKING:
    import pyarrow as pa

    from ..frame import Table

STDOUT = Path("-")
SUFFIXES = {"ndjson": "jsonl", "feather": "arrow", "ipc": "arrow"}
# What a spreadsheet takes for the beginning of a formula (OWASP, CSV injection).
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def choose_format(output: Path, wanted: str | None) -> str:
    """``wanted``, or what the file's suffix says: one of parquet, arrow, csv, jsonl. Raises typer.BadParameter, before anything is read."""
    suffix = output.suffix.lower().lstrip(".")
    name = wanted or SUFFIXES.get(suffix, suffix)
    if name not in WRITERS:
        found = f"the suffix {output.suffix!r} says nothing" if output.suffix else f"{str(output)!r} has no suffix"
        raise typer.BadParameter(f"{'unknown format ' + repr(wanted) if wanted else found}: use --format with one of {', '.join(WRITERS)}")
    if output != STDOUT and not output.absolute().parent.is_dir():
        raise typer.BadParameter(f"{output}: the directory {output.absolute().parent} does not exist")
    if output != STDOUT and (output.is_file() or not output.exists()):
        try:
            descriptor, probe = tempfile.mkstemp(dir=output.absolute().parent, prefix=".honeyframe.")
        except OSError as error:
            raise typer.BadParameter(f"{output} cannot be written: {error.strerror}, {output.absolute().parent}") from None
        os.close(descriptor)
        Path(probe).unlink()
    return name


def write(table: Table, output: Path, format_name: str) -> None:
    """The whole table, or nothing: the file appears under its name when it is complete."""
    import pyarrow as pa

    with _target(output) as file:
        WRITERS[format_name](pa.table(table), file)


@contextlib.contextmanager
def standard_output() -> Iterator[IO[bytes]]:
    """Standard output for bytes, named in what goes wrong there: a file may do so as well."""
    try:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    except OSError as error:
        error.filename = STANDARD_OUTPUT
        raise


@contextlib.contextmanager
def _target(output: Path) -> Iterator[IO[bytes]]:
    if output == STDOUT:
        with standard_output() as file:
            yield file
        return
    if output.exists() and not output.is_file():  # a pipe, /dev/stdout: nothing to replace
        with output.open("wb") as file:
            yield file
        return
    with whole_file(output) as file:
        yield file


def _write_parquet(table: pa.Table, file: IO[bytes]) -> None:
    import pyarrow.parquet as pq

    pq.write_table(table, file)


def _write_arrow(table: pa.Table, file: IO[bytes]) -> None:
    import pyarrow.ipc as ipc

    with ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)


def write_csv(table: pa.Table, file: IO[bytes], *, header: bool = True) -> None:
    """A table as CSV, with nothing in it that a spreadsheet would compute."""
    import pyarrow as pa
    import pyarrow.csv as csv

    columns = [_csv_column(table.column(number)) for number in range(table.num_columns)]
    named = pa.table(columns, names=[guard_formula(name) for name in table.column_names])
    csv.write_csv(named, file, csv.WriteOptions(include_header=header))


def _csv_column(column: pa.ChunkedArray) -> pa.ChunkedArray:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.types as types

    if types.is_list(column.type) or types.is_binary(column.type):
        column = pa.chunked_array([[None if value is None else to_json(value) for value in column.to_pylist()]], pa.string())
    if types.is_string(column.type) or types.is_large_string(column.type):
        return pc.replace_substring_regex(column, pattern=r"\A([=+\-@\t\r])", replacement=r"'\1")
    return column


def guard_formula(text: str) -> str:
    """``text``, with ``'`` in front where a spreadsheet would compute it.

    >>> guard_formula("=cmd()"), guard_formula("21.5")
    ("'=cmd()", '21.5')
    """
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def _write_jsonl(table: pa.Table, file: IO[bytes]) -> None:
    for batch in table.to_batches(max_chunksize=10_000):
        for row in batch.to_pylist():
            file.write(to_json(row).encode() + b"\n")


def to_json(value: Any) -> str:
    """JSON of a cell or a row: times in ISO 8601, bytes in base64, integers exact, no NaN."""
    return json.dumps(_plain(value), ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, datetime.datetime):  # pandas' Timestamp is one, and keeps the nanoseconds
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, float) and value - value != 0:
        return None  # JSON knows neither NaN nor infinity
    return value


WRITERS: dict[str, Callable[[pa.Table, IO[bytes]], None]] = {
    "parquet": _write_parquet,
    "arrow": _write_arrow,
    "csv": write_csv,
    "jsonl": _write_jsonl,
}
