"""Messages as lines: mosquitto's formats and JSON lines, made of whole Arrow columns; no Python call for a single message.

A message is a row with ``value_raw``, its payload's bytes, and the metadata that the format needs.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import typer

if TYPE_CHECKING:
    import pyarrow as pa

PAYLOAD: Final = "value_raw"
PAYLOAD_FORMAT: Final = "%p"
VERBOSE_FORMAT: Final = "%t %p"
_BOM: Final = b"\xef\xbb\xbf"
_MAX_DEPTH: Final = 1024
_ESCAPES: Final = {"n": b"\n", "t": b"\t", "r": b"\r", "0": b"\0", "e": b"\x1b", "a": b"\a", "\\": b"\\"}
_JSON_ESCAPES: Final = {b"\\": b"\\\\", b'"': b'\\"', b"\n": b"\\n", b"\r": b"\\r", b"\t": b"\\t"}

Column: TypeAlias = Any  # an Arrow array of large_binary, or a scalar of it
Field: TypeAlias = "Callable[[pa.RecordBatch], Column]"


@dataclass(frozen=True)
class Lines:
    """Makes a block of bytes of a batch of messages, a line each."""

    pieces: Sequence[bytes | Field]
    metadata: tuple[str, ...]

    def block(self, batch: pa.RecordBatch) -> memoryview:
        """The lines of all messages of ``batch``."""
        import pyarrow as pa
        import pyarrow.compute as pc

        if not batch.num_rows:
            return memoryview(b"")
        columns = [_bytes(piece) if isinstance(piece, bytes) else piece(batch) for piece in self.pieces]
        if all(isinstance(column, pa.Scalar) for column in columns):  # of which a line for each message is made as well
            return memoryview(b"".join(column.as_py() for column in columns) * batch.num_rows)
        joined = pc.binary_join_element_wise(*columns, _bytes(b""), null_handling="replace", null_replacement=b"")
        return _contents(joined)


def compile_format(text: str, *, newline: bool = True) -> Lines:
    """A format of mosquitto's ``-F``, as far as it is known here.

    Raises:
        typer.BadParameter: what follows a ``%`` or a backslash is not known.
    """
    pieces: list[bytes | Field] = []
    metadata: dict[str, None] = {}
    literal = b""
    for kind, value in _tokens(text):
        if kind == "text":
            literal += value.encode("utf-8", "surrogateescape")
            continue
        if kind == "escape":
            literal += _known(_ESCAPES, value, "\\")
            continue
        field: Lines = _known(_FIELDS, value, "%")
        pieces += [*([literal] if literal else []), *field.pieces]
        literal = b""
        metadata |= dict.fromkeys(field.metadata)
    literal += b"\n" if newline else b""
    return Lines([*pieces, *([literal] if literal else [])], tuple(metadata))


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens: list[tuple[str, str]] = []
    at = 0
    while at < len(text):
        c = text[at]
        if c in "%\\":
            tokens.append(("field" if c == "%" else "escape", text[at + 1 : at + 2]))
            at += 2
        else:
            tokens.append(("text", c))
            at += 1
    return [("text", "%") if token == ("field", "%") else token for token in tokens]


def _known(table: dict[str, Any], name: str, mark: str) -> Any:
    if name not in table:
        known = " ".join(f"{mark}{key}" for key in table)
        raise typer.BadParameter(f"--format: {mark + name!r} is not known; {known} are")
    return table[name]


def _contents(column: pa.Array) -> memoryview:
    """The bytes of all values, without a copy."""
    import pyarrow as pa

    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    offsets = memoryview(column.buffers()[1]).cast("q")
    first, last = offsets[column.offset], offsets[column.offset + len(column)]
    data = column.buffers()[2]
    return memoryview(b"") if data is None else memoryview(data)[first:last]


# --- fields


def _bytes(value: bytes) -> pa.Scalar:
    import pyarrow as pa

    return pa.scalar(value, pa.large_binary())


def _binary(column: pa.Array) -> pa.Array:
    import pyarrow as pa

    text = column if pa.types.is_string(column.type) or pa.types.is_binary(column.type) else column.cast(pa.string())
    return text.cast(pa.binary()).cast(pa.large_binary())


def _plain(name: str) -> Field:
    return lambda batch: _binary(_column(batch, name))


def _column(batch: pa.RecordBatch, name: str) -> pa.Array:
    """A column; dictionaries and nulls made plain, and a column of nulls where it is not there."""
    import pyarrow as pa

    if name not in batch.schema.names:
        return pa.nulls(batch.num_rows, pa.binary() if name == PAYLOAD else pa.string())
    column = batch.column(name)
    return column.dictionary_decode() if isinstance(column, pa.DictionaryArray) else column


def _payload(batch: pa.RecordBatch) -> pa.Array:
    """An empty payload is null in a frame, and empty here."""
    import pyarrow as pa

    return _column(batch, PAYLOAD).fill_null(b"").cast(pa.large_binary())


def _length(batch: pa.RecordBatch) -> pa.Array:
    import pyarrow.compute as pc

    return _binary(pc.binary_length(_payload(batch)))


def _flag(yes: bytes, no: bytes) -> Field:
    def make(batch: pa.RecordBatch) -> pa.Array:
        import pyarrow.compute as pc

        return pc.if_else(_column(batch, "_retain"), _bytes(yes), _bytes(no))

    return make


def _hex(*, upper: bool) -> Field:
    def make(batch: pa.RecordBatch) -> pa.Array:
        import pyarrow as pa

        texts = (value.hex() for value in _payload(batch).to_pylist())
        return pa.array([(text.upper() if upper else text).encode() for text in texts], pa.large_binary())

    return make


def _iso_time(batch: pa.RecordBatch) -> pa.Array:
    """As 2026-01-31T12:00:00.123456Z."""
    import pyarrow as pa
    import pyarrow.compute as pc

    text = _column(batch, "_recv_time").cast(pa.timestamp("us", "UTC"), safe=False).cast(pa.string())
    return _binary(pc.utf8_replace_slice(text, start=10, stop=11, replacement="T"))


def _unix_time(batch: pa.RecordBatch) -> pa.Array:
    """Seconds with nine decimals."""
    import pyarrow as pa
    import pyarrow.compute as pc

    text = _column(batch, "_recv_time").cast(pa.int64()).cast(pa.string())
    point = pa.scalar(".", pa.string())
    return _binary(pc.binary_join_element_wise(pc.utf8_slice_codeunits(text, 0, -9), pc.utf8_slice_codeunits(text, -9), point))


def _json_topic(batch: pa.RecordBatch) -> pa.Array:
    import pyarrow as pa

    topics = _column(batch, "_topic").cast(pa.large_binary()).dictionary_encode()
    return _json_string(topics.dictionary).take(topics.indices)


def _json_text(batch: pa.RecordBatch) -> pa.Array:
    """The payload as a string of JSON; what is not UTF-8 in it is lost, as with mosquitto."""
    payloads = _payload(batch)
    return _json_string(payloads) if _is_utf8(payloads) else _each(payloads, lambda value: _dumps(value.decode("utf-8", "replace")))


def _json_payload(batch: pa.RecordBatch) -> pa.Array:
    """The payload as it is where it is JSON, else as a string."""
    import pyarrow.compute as pc

    payloads = _payload(batch)
    valid = _is_json(payloads)
    if pc.all(valid).as_py():
        return _one_line(payloads)
    others = pc.if_else(valid, _bytes(b""), payloads)
    text = _json_string(others) if _is_utf8(others) else _each(others, lambda value: _dumps(value.decode("utf-8", "replace")))
    return pc.if_else(valid, _one_line(payloads), text)


def _json_member(batch: pa.RecordBatch) -> pa.Array:
    """``"payload":...``, or ``"payload_base64":...`` for bytes that are not UTF-8, so that nothing is lost."""
    import pyarrow.compute as pc

    payloads = _payload(batch)
    valid = _is_json(payloads)
    others = pc.if_else(valid, _bytes(b""), payloads)
    name = _bytes(b'"payload":')
    empty = _bytes(b"")
    if _is_utf8(others):
        value = _one_line(payloads) if pc.all(valid).as_py() else pc.if_else(valid, _one_line(payloads), _json_string(others))
        return pc.binary_join_element_wise(name, value, empty)
    odd = _each(others, _member)
    return pc.if_else(valid, pc.binary_join_element_wise(name, _one_line(payloads), empty), odd)


def _member(value: bytes) -> bytes:
    try:
        return b'"payload":' + _dumps(value.decode())
    except UnicodeDecodeError:
        return b'"payload_base64":"' + base64.b64encode(value) + b'"'


# --- JSON


def _is_json(payloads: pa.Array) -> pa.Array:
    """Which payloads are JSON: the engine's own verdict, without a column of any of them."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    from .. import _core

    count = len(payloads)
    options = _core.ExtractOptions(
        payload="json", columns=["\x01"], metadata=[], max_depth=_MAX_DEPTH, max_quarantine_messages=count, max_quarantine_bytes=1 << 62
    )
    refused = [entry[2] for entry in _core.extract_payloads(payloads.to_pylist(), options).quarantine]
    valid = np.ones(count, bool)
    valid[refused] = False
    # Nothing at all is no JSON, and a byte order mark is none within other JSON.
    whole = pc.and_(pc.not_equal(payloads, _bytes(b"")), pc.invert(pc.starts_with(payloads, pattern=_BOM)))
    return pc.and_(pa.array(valid), whole)


def _one_line(payloads: pa.Array) -> pa.Array:
    """Line breaks of JSON are blanks: in a string they cannot stand."""
    import pyarrow.compute as pc

    for line_break in (b"\n", b"\r"):
        if pc.any(pc.match_substring(payloads, line_break)).as_py():
            payloads = pc.replace_substring(payloads, line_break, b" ")
    return payloads


def _is_utf8(column: pa.Array) -> bool:
    import pyarrow as pa

    try:
        column.cast(pa.large_string())
    except pa.ArrowInvalid:
        return False
    return True


def _json_string(column: pa.Array) -> pa.Array:
    """UTF-8 as strings of JSON."""
    import pyarrow.compute as pc

    for plain, escaped in _JSON_ESCAPES.items():
        if pc.any(pc.match_substring(column, plain)).as_py():
            column = pc.replace_substring(column, plain, escaped)
    if pc.any(pc.match_substring_regex(column, b"[\\x00-\\x1f]")).as_py():
        for code in range(0x20):
            if pc.any(pc.match_substring(column, bytes([code]))).as_py():
                column = pc.replace_substring(column, bytes([code]), b"\\u%04x" % code)
    quote = _bytes(b'"')
    return pc.binary_join_element_wise(quote, column, quote, _bytes(b""))


def _each(column: pa.Array, make: Callable[[bytes], bytes]) -> pa.Array:
    """The slow way, for a batch in which something is not UTF-8."""
    import pyarrow as pa

    return pa.array([make(value) for value in column.to_pylist()], pa.large_binary())


def _dumps(text: str) -> bytes:
    return json.dumps(text, ensure_ascii=False).encode()


def _mosquitto_json(payload: Field) -> Lines:
    return Lines(
        (
            *(b'{"tst":"', _iso_time, b'","topic":', _json_topic, b',"qos":', _plain("_qos"), b',"retain":', _flag(b"1", b"0")),
            *(b',"payloadlen":', _length, b',"payload":', payload, b"}"),
        ),
        _JSON_METADATA,
    )


_JSON_METADATA: Final = ("topic", "recv_time", "qos", "retain")

#: ``--json``.
JSON_LINES: Final = Lines(
    (
        *(b'{"topic":', _json_topic, b',"time":"', _iso_time, b'","qos":', _plain("_qos")),
        *(b',"retain":', _flag(b"true", b"false"), b",", _json_member, b"}\n"),
    ),
    _JSON_METADATA,
)

#: What follows the ``%``.
_FIELDS: Final = {
    "t": Lines((_plain("_topic"),), ("topic",)),
    "p": Lines((_payload,), ()),
    "l": Lines((_length,), ()),
    "q": Lines((_plain("_qos"),), ("qos",)),
    "r": Lines((_flag(b"1", b"0"),), ("retain",)),
    "x": Lines((_hex(upper=False),), ()),
    "X": Lines((_hex(upper=True),), ()),
    "I": Lines((_iso_time,), ("recv_time",)),
    "U": Lines((_unix_time,), ("recv_time",)),
    "j": _mosquitto_json(_json_text),
    "J": _mosquitto_json(_json_payload),
    "C": Lines((_plain("_content_type"),), ("content_type",)),
    "R": Lines((_plain("_response_topic"),), ("response_topic",)),
    "P": Lines((_plain("_user_properties"),), ("user_properties",)),
}
