"""What docs/frame-rules.md says of JSON text, in plain Python: is it JSON, and if not, which reason comes first from the left.

Written from the rules, and slow on purpose: the tests compare the compiled reader with it, and it with Python's own ``json``.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any, Final

BOM: Final = b"\xef\xbb\xbf"
BLANKS: Final = b" \t\r\n"
_ENDS: Final = frozenset(b' \t\r\n{}[]:,"')
NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_BEGUN_NUMBER: Final = re.compile(r"-|-?(?:0|[1-9][0-9]*)(?:\.|(?:\.[0-9]+)?[eE][+-]?)")
_ESCAPE: Final = re.compile(r'\\(?:["\\/bfnrt]|u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u(?![dD][89a-fA-F])[0-9a-fA-F]{4})')


class Refused(Exception):
    """Not JSON; ``reason`` as in section 7."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(slots=True)
class Value:
    """A JSON value, and its text as it came. ``kind``: object, list, string, integer, fraction, huge (1e400), bool, null."""

    kind: str
    raw: str
    python: Any = None  # string: its characters; integer, fraction, bool: itself
    pairs: list[tuple[str, Value]] = field(default_factory=list)
    items: list[Value] = field(default_factory=list)
    escaped: bool = False

    @property
    def is_scalar(self) -> bool:
        return self.kind not in ("object", "list")

    @property
    def holds_scalars(self) -> bool:
        return self.kind == "list" and all(item.is_scalar for item in self.items)


def number_of(text: str) -> Value:
    """``text`` is a JSON number."""
    if set(text) <= set("-0123456789"):
        # More digits than a double can have are no double, and Python's int() has a limit.
        return Value("integer", text, int(text) if len(text) <= 320 else 10**320)
    value = float(text)
    return Value("huge", text) if value in (float("inf"), float("-inf")) else Value("fraction", text, value)


class _Reader:
    def __init__(self, data: bytes, max_depth: int) -> None:
        self.data = data
        self.at = 0
        self.depth = 0
        self.max_depth = max_depth
        self.bad = len(data)  # where UTF-8 ends
        try:
            data.decode()
        except UnicodeDecodeError as error:
            self.bad = error.start

    def peek(self) -> int:
        """The next byte that is no blank, -1 at the end. Nothing behind bytes that are not UTF-8 is looked at."""
        while self.at < len(self.data) and self.data[self.at] in BLANKS:
            self.at += 1
        if self.at >= self.bad < len(self.data):
            raise Refused("invalid_utf8")
        return self.data[self.at] if self.at < len(self.data) else -1

    def document(self) -> Value:
        if self.peek() < 0:
            raise Refused("empty_document")
        value = self.value(after_comma=False)
        if self.peek() >= 0:
            self.string_must_end()
            raise Refused("trailing_content")
        return value

    def string_must_end(self) -> None:
        """What is amiss within a string is found before what its place says of it."""
        if self.peek() == ord('"'):
            at = self.at
            self.raw_string()
            self.at = at

    def value(self, *, after_comma: bool) -> Value:
        byte = self.peek()
        if byte < 0:
            raise Refused("truncated")
        char = chr(byte)
        if char in "{[":
            return self.container(char)
        if char in "}]":
            raise Refused("trailing_comma" if after_comma else "missing_value")
        if char in ",:":
            raise Refused("missing_value")
        return self.string() if char == '"' else self.word()

    def container(self, opening: str) -> Value:
        if self.depth >= self.max_depth:
            raise Refused("too_deep")
        begin = self.at
        value = Value("object" if opening == "{" else "list", "")
        closing = "}" if opening == "{" else "]"
        self.at += 1
        self.depth += 1
        if self.peek() != ord(closing):
            self.members(value, closing)
        self.at += 1
        self.depth -= 1
        value.raw = self.data[begin : self.at].decode()
        return value

    def members(self, value: Value, closing: str) -> None:
        after_comma = False
        while True:
            if closing == "}":
                key = self.key(after_comma)
                value.pairs.append((key, self.value(after_comma=False)))
            else:
                value.items.append(self.value(after_comma=after_comma))
            byte = self.peek()
            if byte == ord(closing):
                return
            if byte != ord(","):
                self.string_must_end()
                raise Refused("truncated" if byte < 0 else "unbalanced" if chr(byte) in "}]" else "missing_comma")
            self.at += 1
            after_comma = True

    def key(self, after_comma: bool) -> str:
        byte = self.peek()
        if byte < 0:
            raise Refused("truncated")
        if chr(byte) != '"':
            raise Refused({"}": "trailing_comma", "]": "unbalanced"}.get(chr(byte), "invalid_key"))
        key: str = self.string().python
        byte = self.peek()
        if byte != ord(":"):
            self.string_must_end()
            raise Refused("truncated" if byte < 0 else "missing_colon")
        self.at += 1
        return key

    def raw_string(self) -> bytes:
        begin = self.at
        self.at += 1
        while True:
            if self.at >= self.bad < len(self.data):
                raise Refused("invalid_utf8")
            if self.at >= len(self.data):
                raise Refused("truncated")
            byte = self.data[self.at]
            if byte < 0x20:
                raise Refused("invalid_string")
            self.at += 1
            if byte == ord('"'):
                return self.data[begin : self.at]
            if byte == ord("\\") and self.at < len(self.data):
                self.at += 1

    def string(self) -> Value:
        raw = self.raw_string().decode()
        if "\\" in _ESCAPE.sub("", raw):
            raise Refused("invalid_string")
        return Value("string", raw, json.loads(raw, strict=False), escaped="\\" in raw)

    def word(self) -> Value:
        begin = self.at
        while self.at < len(self.data) and self.data[self.at] not in _ENDS:
            self.at += 1
        self.at += self.data[self.at : self.at + 1] == b'"'  # what a quote follows at once is no word
        text = self.data[begin : self.at].decode("latin-1")
        if text in ("true", "false", "null"):
            return Value("null" if text == "null" else "bool", text, {"true": True, "false": False, "null": None}[text])
        if NUMBER.fullmatch(text):
            return number_of(text)
        if text.rstrip('"').lower().removeprefix("-").removeprefix("+") in ("nan", "inf", "infinity"):
            raise Refused("nan_or_infinity")
        last = self.at == len(self.data)
        if text[0] in "+-.0123456789":
            raise Refused("truncated" if last and _BEGUN_NUMBER.fullmatch(text) else "invalid_number")
        begun = last and any(word.startswith(text) for word in ("true", "false", "null"))
        raise Refused("truncated" if begun else "invalid_literal")


def read_json(data: bytes, max_depth: int) -> Value:
    """The document in ``data``, whose byte order mark is off already.

    Raises:
        Refused: it is none.
    """
    return _Reader(data, max_depth).document()


def read_text(data: bytes) -> Value:
    try:
        text = data.decode()
        return Value("text", json.dumps(text, ensure_ascii=False), text)
    except UnicodeDecodeError:
        raise Refused("invalid_utf8") from None


def read_payload(payload: bytes, mode: str, max_depth: int) -> Value:
    """By section 6: JSON of any kind, or else a Value of the kinds ``text`` and ``bytes``.

    Raises:
        Refused: with the reason of section 7.
    """
    if mode == "raw":
        return Value("bytes", "", payload)
    data = payload.removeprefix(BOM)
    if mode == "text":
        return read_text(data)
    if mode == "json" or data.lstrip(BLANKS)[:1] in (b"{", b"["):
        return read_json(data, max_depth)
    try:
        return read_json(data, max_depth)
    except Refused:
        return read_text(data)


def is_json_for_python(data: bytes) -> bool:
    """The verdict of Python's own ``json``, made strict: UTF-8, no NaN, no half surrogate pairs, a mark in front allowed."""

    def refuse(word: str) -> Any:
        raise ValueError(word)

    try:
        text = data.removeprefix(BOM).decode()
        read = json.loads(text, parse_constant=refuse, parse_int=str, parse_float=str, object_pairs_hook=list)
        json.dumps(read, ensure_ascii=False).encode()  # half a pair has no UTF-8
    except (ValueError, RecursionError):
        return False
    return True
