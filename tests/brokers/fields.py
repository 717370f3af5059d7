"""The fields that MQTT packets are made of (MQTT 5.0 section 1.5 and 2.2.2): integers, strings, properties; encode and decode."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

V31, V311, V5 = 3, 4, 5

# Name -> value; "user_property" is a list of (name, value), "subscription_identifier" a list of integers.
Properties = Mapping[str, Any]


class ProtocolError(Exception):
    """Bytes that are not MQTT, or not at this place."""


# Identifier -> (name, type), MQTT 5.0 table 2-4.
_PROPERTIES = {
    0x01: ("payload_format_indicator", "byte"),
    0x02: ("message_expiry_interval", "four"),
    0x03: ("content_type", "text"),
    0x08: ("response_topic", "text"),
    0x09: ("correlation_data", "binary"),
    0x0B: ("subscription_identifier", "variable"),
    0x11: ("session_expiry_interval", "four"),
    0x12: ("assigned_client_identifier", "text"),
    0x13: ("server_keep_alive", "two"),
    0x15: ("authentication_method", "text"),
    0x16: ("authentication_data", "binary"),
    0x17: ("request_problem_information", "byte"),
    0x18: ("will_delay_interval", "four"),
    0x19: ("request_response_information", "byte"),
    0x1A: ("response_information", "text"),
    0x1C: ("server_reference", "text"),
    0x1F: ("reason_string", "text"),
    0x21: ("receive_maximum", "two"),
    0x22: ("topic_alias_maximum", "two"),
    0x23: ("topic_alias", "two"),
    0x24: ("maximum_qos", "byte"),
    0x25: ("retain_available", "byte"),
    0x26: ("user_property", "pair"),
    0x27: ("maximum_packet_size", "four"),
    0x28: ("wildcard_subscription_available", "byte"),
    0x29: ("subscription_identifier_available", "byte"),
    0x2A: ("shared_subscription_available", "byte"),
}
_IDENTIFIERS = {name: (identifier, kind) for identifier, (name, kind) in _PROPERTIES.items()}
_REPEATED = ("user_property", "subscription_identifier")
_INTEGERS = {"byte": ">B", "two": ">H", "four": ">I"}

CONNECT, CONNACK, PUBLISH, SUBSCRIBE, UNSUBSCRIBE, DISCONNECT, WILL = 1, 2, 3, 8, 10, 14, 16  # the last is in CONNECT
# Where a property may stand, MQTT 5.0 table 2-4: packet type -> identifiers. What is in no list: the answers 4 to 7, 9, 11.
_PLACES: Mapping[int, frozenset[int]] = {
    CONNECT: frozenset({0x11, 0x15, 0x16, 0x17, 0x19, 0x21, 0x22, 0x26, 0x27}),
    CONNACK: frozenset({0x11, 0x12, 0x13, 0x15, 0x16, 0x1A, 0x1C, 0x1F, 0x21, 0x22, 0x24, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2A}),
    PUBLISH: frozenset({0x01, 0x02, 0x03, 0x08, 0x09, 0x0B, 0x23, 0x26}),
    WILL: frozenset({0x01, 0x02, 0x03, 0x08, 0x09, 0x18, 0x26}),
    SUBSCRIBE: frozenset({0x0B, 0x26}),
    UNSUBSCRIBE: frozenset({0x26}),
    DISCONNECT: frozenset({0x11, 0x1C, 0x1F, 0x26}),
}
_ANSWERS = frozenset({0x1F, 0x26})
_FLAGS = frozenset({0x17, 0x19, 0x24, 0x25, 0x28, 0x29, 0x2A})  # 0 or 1
_NEVER_ZERO = frozenset({0x0B, 0x21, 0x23, 0x27})


def encode_length(value: int) -> bytes:
    """A variable byte integer, 1 to 4 bytes."""
    if not 0 <= value <= 268_435_455:
        raise ProtocolError(f"{value} does not fit a variable byte integer")
    out = bytearray()
    while True:
        value, low = divmod(value, 128)
        out.append(low | (0x80 if value else 0))
        if not value:
            return bytes(out)


def encode_binary(data: bytes) -> bytes:
    return struct.pack(">H", len(data)) + data


def encode_text(text: str) -> bytes:
    return encode_binary(text.encode())


def encode_properties(properties: Properties, version: int) -> bytes:
    """The properties with their length before them; nothing at all on 3.x."""
    if version < V5:
        return b""
    out = bytearray()
    for name, given in properties.items():
        identifier, kind = _IDENTIFIERS[name]
        for value in given if name in _REPEATED else [given]:
            out.append(identifier)
            out += _encode_property(kind, value)
    return encode_length(len(out)) + bytes(out)


def _encode_property(kind: str, value: Any) -> bytes:
    if kind in _INTEGERS:
        return struct.pack(_INTEGERS[kind], value)
    if kind == "variable":
        return encode_length(value)
    if kind == "binary":
        return encode_binary(value)
    if kind == "pair":
        return encode_text(value[0]) + encode_text(value[1])
    return encode_text(value)


def frame(kind: int, flags: int, body: bytes) -> bytes:
    """A fixed header before ``body``."""
    return bytes([kind << 4 | flags]) + encode_length(len(body)) + body


class Reader:
    """Reads a packet's body from front to back. ``any_text``: strings need not be UTF-8, nor without U+0000."""

    def __init__(self, body: bytes, *, any_text: bool = False) -> None:
        self._body = body
        self._at = 0
        self._any_text = any_text

    @property
    def rest(self) -> int:
        return len(self._body) - self._at

    def take(self, count: int) -> bytes:
        if count > self.rest:
            raise ProtocolError(f"{count} bytes wanted at {self._at}, {self.rest} there")
        self._at += count
        return self._body[self._at - count : self._at]

    def integer(self, kind: str) -> int:
        layout = _INTEGERS[kind]
        return int(struct.unpack(layout, self.take(struct.calcsize(layout)))[0])

    def byte(self) -> int:
        return self.integer("byte")

    def two(self) -> int:
        return self.integer("two")

    def variable(self) -> int:
        value = 0
        for shift in range(0, 28, 7):
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if not byte & 0x80:
                if shift and not byte:
                    raise ProtocolError("a variable byte integer in more bytes than it needs")
                return value
        raise ProtocolError("a variable byte integer of more than four bytes")

    def binary(self) -> bytes:
        return self.take(self.two())

    def text(self) -> str:
        if self._any_text:
            return self.binary().decode(errors="replace")
        try:
            text = self.binary().decode()
        except UnicodeDecodeError as error:
            raise ProtocolError(f"a string that is not UTF-8: {error}") from None
        if "\0" in text:
            raise ProtocolError("a string that contains U+0000")
        return text

    def packet_id(self) -> int:
        if not (packet_id := self.two()):
            raise ProtocolError("packet identifier 0")
        return packet_id

    def properties(self, version: int, kind: int) -> dict[str, Any]:
        """Those of a packet of this ``kind``."""
        if version < V5:
            return {}
        reader = Reader(self.take(self.variable()), any_text=self._any_text)
        out: dict[str, Any] = {}
        while reader.rest:
            identifier = reader.variable()
            if identifier not in _PROPERTIES:
                raise ProtocolError(f"no property has the identifier {identifier:#x}")
            name, encoding = _PROPERTIES[identifier]
            if identifier not in _PLACES.get(kind, _ANSWERS):
                raise ProtocolError(f"{name} in a packet of type {kind}")
            value = reader._property(encoding)
            if (identifier in _FLAGS and value > 1) or (identifier in _NEVER_ZERO and value == 0):
                raise ProtocolError(f"{name} {value}")
            if name in _REPEATED:
                out.setdefault(name, []).append(value)
            elif name in out:
                raise ProtocolError(f"{name} twice")
            else:
                out[name] = value
        return out

    def _property(self, kind: str) -> Any:
        if kind in _INTEGERS:
            return self.integer(kind)
        if kind == "variable":
            return self.variable()
        if kind == "binary":
            return self.binary()
        if kind == "pair":
            return (self.text(), self.text())
        return self.text()
