"""Parts: ranges of spools, which any worker can read, and read again. What a Dask DataFrame of ours consists of."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from .errors import SpoolError
from .frame import Batch, Table, concat
from .recording_schema import UnifiedSchema
from .spool import RAW, open_spool

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

READ_ROWS: Final = 50_000
SEQUENCE: Final = "_spool_seq"
DUPLICATE: Final = "_dup"
#: What every part is read with, beside the metadata asked for: whether a message may be a copy, and where it stands.
OWN_METADATA: Final = ("dup", "spool_seq")


@dataclass(frozen=True, slots=True)
class Part:
    """Messages ``first`` to ``last`` of one spool, by their numbers there."""

    directory: str
    first: int
    last: int
    messages: int
    seat: int = 0
    suspects: frozenset[bytes] = field(default=frozenset(), repr=False)  # messages of a lost worker that may have come again
    original_until: int = 0  # up to this number they are what came first


def digest(topic: str | None, payload: bytes) -> bytes:
    """Of a message, to find its copy by."""
    return hashlib.blake2b((topic or "").encode() + b"\0" + payload, digest_size=16).digest()


def joined(parts: Iterable[Part], rows: int) -> list[Part]:
    """The same messages in fewer parts: neighbours in a spool as one, of ``rows`` messages at most."""
    found: list[Part] = []
    newest: dict[str, int] = {}  # of each spool, where it is in ``found``
    for part in parts:
        place = newest.get(part.directory)
        before = None if place is None else found[place]
        if place is not None and before is not None and before.messages + part.messages <= rows and before.last + 1 == part.first:
            whole = replace(before, last=part.last, messages=before.messages + part.messages)
            if whole == replace(part, first=whole.first, messages=whole.messages):  # copies are found in the same way
                found[place] = whole
                continue
        newest[part.directory] = len(found)
        found.append(part)
    return found


def read_table(part: Part, options: Mapping[str, Any]) -> Table:
    """The part's rows, as :func:`honeyframe.open_spool` extracts them.

    Raises:
        SpoolError: messages of it are not in the spool any more, or cannot be read.
    """
    stream = open_spool(part.directory, part.first, **options)
    taken: list[Batch] = []
    with stream:
        for batch in stream.batches(max_rows=max(1, min(part.messages, READ_ROWS)), max_seconds=0):
            batch, is_last = _up_to(batch, part.last)
            taken.append(batch)
            if is_last or _reaches(batch, part.last):
                break
        stats = stream.stats()
        schema = stream._reader.schema()
    if stats.dropped or stats.received < part.messages:
        lost = max(stats.dropped, part.messages - stats.received)
        raise SpoolError(
            f"{lost:,} messages of {part.first:,} to {part.last:,} in the spool {part.directory} are not there any more, or damaged",
            hint="A spool that is full deletes its oldest segments: give it more, spool_max_bytes=, or read faster.",
        )
    return concat(taken) if taken else Table([], schema)


def _up_to(batch: Batch, last: int) -> tuple[Batch, bool]:
    """The rows of messages up to number ``last``, and whether there were others."""
    import pyarrow.compute as pc

    arrow = batch.to_arrow()
    if not arrow.num_rows or arrow.column(SEQUENCE)[-1].as_py() <= last:
        return batch, False
    return Batch.from_arrow(arrow.filter(pc.less_equal(arrow.column(SEQUENCE), last))), True


def _reaches(batch: Batch, last: int) -> bool:
    arrow = batch.to_arrow()
    return bool(arrow.num_rows and arrow.column(SEQUENCE)[-1].as_py() >= last)


def mark(table: pa.Table, part: Part) -> pa.Table:
    """With the seat, and with the copies that other workers had, too, among the ``_dup``."""
    import pyarrow as pa
    import pyarrow.compute as pc

    flags = pc.fill_null(table[DUPLICATE], False)
    if part.suspects:
        flags = pc.or_(flags, pc.is_in(table[SEQUENCE], pa.array(copies(part), table[SEQUENCE].type)))
    table = table.set_column(table.column_names.index(DUPLICATE), DUPLICATE, flags)
    return table.append_column("_seat", pa.repeat(pa.scalar(part.seat, pa.int64()), table.num_rows))


def copies(part: Part) -> list[int]:
    """The numbers of those messages whose topic and payload are those of a message that a lost worker may not have acknowledged."""
    if not part.suspects or part.last <= part.original_until:
        return []
    raw = read_table(part, {**RAW, "metadata": ["topic", "spool_seq"]}).to_arrow()
    found = zip(raw["_topic"].to_pylist(), raw["value_raw"].to_pylist(), raw[SEQUENCE].to_pylist(), strict=True)
    return [number for topic, payload, number in found if number > part.original_until and digest(topic, payload or b"") in part.suspects]


def read_part(
    part: Part,
    options: Mapping[str, Any] | None = None,
    schema: pa.Schema | None = None,
    columns: Sequence[str] | None = None,
    keeper: object = None,
) -> pd.DataFrame:
    """The part as a DataFrame: with ``schema``, in its columns and types. Runs on a worker; gives the same each time.

    ``keeper`` is not read: an expression that calls this holds it, and so the directory.
    """
    import pyarrow as pa

    from .dtypes import to_pandas

    table: pa.Table = read_table(part, options or {}).to_arrow()
    if schema is None:
        return to_pandas(mark(table, part))
    wide = UnifiedSchema([(schema, 0)])
    frame = to_pandas(mark(pa.Table.from_batches(map(wide.cast, table.to_batches()), schema=wide.schema), part))
    wanted = [*(name for name in schema.names if name != "_seat"), "_seat"] if columns is None else list(columns)
    return frame.reindex(columns=wanted)


def part_schema(part: Part, options: Mapping[str, Any]) -> bytes:
    """Names and types of the part's columns, as Arrow writes a schema."""
    schema: pa.Schema = read_table(part, options).to_arrow().schema
    return bytes(schema.remove_metadata().serialize().to_pybytes())


def common_schema(schemas: Iterable[bytes], parts: Iterable[Part]) -> pa.Schema:
    """The one that holds those of all parts, as :class:`UnifiedSchema` has it; with ``_misfit`` where a value may not fit."""
    import pyarrow as pa

    return UnifiedSchema([(pa.ipc.read_schema(pa.py_buffer(one)), part.messages) for one, part in zip(schemas, parts, strict=True)]).schema


def empty_frame(schema: pa.Schema) -> pd.DataFrame:
    """What Dask calls the meta of parts read with ``schema``."""
    import pyarrow as pa

    from .dtypes import to_pandas

    return to_pandas(schema.append(pa.field("_seat", pa.int64())).empty_table())


def parts_of_spool(directory: str, rows: int, seat: int = 0) -> list[Part]:
    """All that a spool holds now, ``rows`` messages a part."""
    directory = os.fspath(directory)
    found = []
    with open_spool(directory, **RAW, metadata=["spool_seq"]) as stream:
        for batch in stream.batches(max_rows=rows, max_seconds=0.5):
            numbers = batch.to_arrow().column(SEQUENCE)
            found.append(Part(directory, numbers[0].as_py(), numbers[-1].as_py(), len(numbers), seat))
    return found
