"""MQTT 3.1, 3.1.1 and 5.0 packets, as the specifications (section 2 and 3 of each) lay them out: encode and decode, both directions.

Strict where it reads: a packet that breaks the specification raises ``ProtocolError``, so that what the client under test sends is
checked by every test that uses the scripted broker.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from .fields import V5, V31, V311, WILL, Properties, ProtocolError, Reader, encode_binary, encode_properties, encode_text, frame


@dataclass(frozen=True, kw_only=True)
class Will:
    topic: str
    payload: bytes = b""
    qos: int = 0
    retain: bool = False
    properties: Properties = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Connect:
    kind: ClassVar[int] = 1
    version: int = V5
    client_id: str = ""
    clean_start: bool = True
    keepalive: int = 60
    username: str | None = None
    password: bytes | None = None
    will: Will | None = None
    properties: Properties = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Connack:
    kind: ClassVar[int] = 2
    session_present: bool = False
    code: int = 0
    properties: Properties = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Publish:
    kind: ClassVar[int] = 3
    topic: str
    payload: bytes = b""
    qos: int = 0
    retain: bool = False
    dup: bool = False
    packet_id: int = 0
    properties: Properties = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class _Acknowledgement:
    kind: ClassVar[int]
    packet_id: int
    code: int = 0
    properties: Properties = field(default_factory=dict)


class Puback(_Acknowledgement):
    kind = 4


class Pubrec(_Acknowledgement):
    kind = 5


class Pubrel(_Acknowledgement):
    kind = 6


class Pubcomp(_Acknowledgement):
    kind = 7


@dataclass(frozen=True, kw_only=True)
class Subscribe:
    kind: ClassVar[int] = 8
    packet_id: int
    # (topic filter, subscription options): the lowest two bits are the QoS; 4 no local, 8 retain as published, 48 retain handling
    filters: Sequence[tuple[str, int]]
    properties: Properties = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Suback:
    kind: ClassVar[int] = 9
    packet_id: int
    codes: Sequence[int]
    properties: Properties = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Unsubscribe:
    kind: ClassVar[int] = 10
    packet_id: int
    filters: Sequence[str]
    properties: Properties = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Unsuback:
    kind: ClassVar[int] = 11
    packet_id: int
    codes: Sequence[int] = ()  # empty on 3.x
    properties: Properties = field(default_factory=dict)


@dataclass(frozen=True)
class Pingreq:
    kind: ClassVar[int] = 12


@dataclass(frozen=True)
class Pingresp:
    kind: ClassVar[int] = 13


@dataclass(frozen=True, kw_only=True)
class Disconnect:
    kind: ClassVar[int] = 14
    code: int = 0
    properties: Properties = field(default_factory=dict)


Packet = (Connect | Connack | Publish | Puback | Pubrec | Pubrel | Pubcomp) | (
    Subscribe | Suback | Unsubscribe | Unsuback | Pingreq | Pingresp | Disconnect
)
_ACKNOWLEDGEMENTS: dict[int, type[Puback | Pubrec | Pubrel | Pubcomp]] = {4: Puback, 5: Pubrec, 6: Pubrel, 7: Pubcomp}


def encode(packet: Packet, version: int) -> bytes:
    """The bytes of ``packet`` as ``version`` (3, 4 or 5) spells them."""
    match packet:
        case Connect():
            return _encode_connect(packet)
        case Connack():
            body = bytes([packet.session_present, packet.code]) + encode_properties(packet.properties, version)
            return frame(packet.kind, 0, body)
        case Publish():
            body = encode_text(packet.topic) + (struct.pack(">H", packet.packet_id) if packet.qos else b"")
            body += encode_properties(packet.properties, version) + packet.payload
            return frame(packet.kind, packet.dup << 3 | packet.qos << 1 | packet.retain, body)
        case Puback() | Pubrec() | Pubrel() | Pubcomp():
            body = struct.pack(">H", packet.packet_id)
            if version == V5 and (packet.code or packet.properties):
                body += bytes([packet.code]) + encode_properties(packet.properties, version)
            return frame(packet.kind, 2 if isinstance(packet, Pubrel) else 0, body)
        case Subscribe():
            body = struct.pack(">H", packet.packet_id) + encode_properties(packet.properties, version)
            return frame(packet.kind, 2, body + b"".join(encode_text(text) + bytes([options]) for text, options in packet.filters))
        case Suback() | Unsuback():
            body = struct.pack(">H", packet.packet_id) + encode_properties(packet.properties, version)
            return frame(packet.kind, 0, body + bytes(packet.codes))
        case Unsubscribe():
            body = struct.pack(">H", packet.packet_id) + encode_properties(packet.properties, version)
            return frame(packet.kind, 2, body + b"".join(encode_text(text) for text in packet.filters))
        case Disconnect() if version == V5 and (packet.code or packet.properties):
            return frame(packet.kind, 0, bytes([packet.code]) + encode_properties(packet.properties, version))
        case Disconnect() | Pingreq() | Pingresp():
            return frame(packet.kind, 0, b"")


def _encode_connect(packet: Connect) -> bytes:
    will = packet.will
    flags = packet.clean_start << 1 | (packet.password is not None) << 6 | (packet.username is not None) << 7
    if will is not None:
        flags |= 1 << 2 | will.qos << 3 | will.retain << 5
    body = encode_text("MQIsdp" if packet.version == V31 else "MQTT") + bytes([packet.version, flags]) + struct.pack(">H", packet.keepalive)
    body += encode_properties(packet.properties, packet.version) + encode_text(packet.client_id)
    if will is not None:
        body += encode_properties(will.properties, packet.version) + encode_text(will.topic) + encode_binary(will.payload)
    if packet.username is not None:
        body += encode_text(packet.username)
    if packet.password is not None:
        body += encode_binary(packet.password)
    return frame(Connect.kind, 0, body)


def decode(kind: int, flags: int, body: bytes, version: int, *, any_text: bool = False) -> Packet:
    """The packet in ``body``; CONNECT brings its own version. ``any_text``: whatever its strings say."""
    reader = Reader(body, any_text=any_text)
    expected = {3: flags, 6: 2, 8: 2, 10: 2}.get(kind, 0)
    if flags != expected and not (version == V31 and kind == 6 and flags == 10):  # MQTT 3.1 repeats a PUBREL with the DUP flag
        raise ProtocolError(f"packet type {kind} with flags {flags:#x}, {expected:#x} expected")
    packet = _decode_body(kind, flags, reader, version)
    if reader.rest:
        raise ProtocolError(f"{reader.rest} bytes left over after {packet}")
    return packet


def _decode_body(kind: int, flags: int, reader: Reader, version: int) -> Packet:
    match kind:
        case 1:
            return _decode_connect(reader)
        case 2:
            present, code = reader.byte(), reader.byte()
            if present > 1 and version > V31:  # which leaves the byte to the broker
                raise ProtocolError(f"acknowledge flags {present:#x}")
            return Connack(session_present=bool(present), code=code, properties=reader.properties(version, kind) if reader.rest else {})
        case 3:
            return _decode_publish(flags, reader, version)
        case 4 | 5 | 6 | 7:
            packet_id = reader.packet_id()
            code = reader.byte() if version == V5 and reader.rest else 0
            properties = reader.properties(version, kind) if reader.rest else {}
            return _ACKNOWLEDGEMENTS[kind](packet_id=packet_id, code=code, properties=properties)
        case 8:
            packet_id, properties = reader.packet_id(), reader.properties(version, kind)
            filters = []
            while reader.rest:
                filters.append((reader.text(), reader.byte()))
            return Subscribe(packet_id=packet_id, filters=_not_empty(filters), properties=properties)
        case 9 | 11:
            packet_id, properties = reader.packet_id(), reader.properties(version, kind)
            codes = list(reader.take(reader.rest if kind == 9 or version == V5 else 0))
            if not codes and (kind == 9 or version == V5):
                raise ProtocolError("a SUBACK or UNSUBACK without a code")
            return (Suback if kind == 9 else Unsuback)(packet_id=packet_id, codes=codes, properties=properties)
        case 10:
            packet_id, properties = reader.packet_id(), reader.properties(version, kind)
            names = []
            while reader.rest:
                names.append(reader.text())
            return Unsubscribe(packet_id=packet_id, filters=_not_empty(names), properties=properties)
        case 12:
            return Pingreq()
        case 13:
            return Pingresp()
        case 14:
            code = reader.byte() if version == V5 and reader.rest else 0
            return Disconnect(code=code, properties=reader.properties(version, kind) if reader.rest else {})
    raise ProtocolError(f"packet type {kind}")


def _not_empty(filters: list[Any]) -> list[Any]:
    if not filters:
        raise ProtocolError("a SUBSCRIBE or UNSUBSCRIBE without a topic filter")
    return filters


def _decode_publish(flags: int, reader: Reader, version: int) -> Publish:
    qos = flags >> 1 & 3
    if qos == 3:
        raise ProtocolError("PUBLISH with QoS 3")
    topic = reader.text()
    packet_id = reader.packet_id() if qos else 0
    properties = reader.properties(version, Publish.kind)
    return Publish(
        topic=topic,
        payload=reader.take(reader.rest),
        qos=qos,
        retain=bool(flags & 1),
        dup=bool(flags & 8),
        packet_id=packet_id,
        properties=properties,
    )


def _decode_connect(reader: Reader) -> Connect:
    name, version, flags, keepalive = reader.text(), reader.byte(), reader.byte(), reader.two()
    if (name, version) not in {("MQIsdp", V31), ("MQTT", V311), ("MQTT", V5)}:
        raise ProtocolError(f"protocol {name!r} version {version}")
    if flags & 1:
        raise ProtocolError("the reserved flag of CONNECT is set")
    properties = reader.properties(version, Connect.kind)
    client_id = reader.text()
    will = None
    if flags & 4:
        will_properties = reader.properties(version, WILL)
        will = Will(topic=reader.text(), payload=reader.binary(), qos=flags >> 3 & 3, retain=bool(flags & 32), properties=will_properties)
    elif flags & 0x38:
        raise ProtocolError("will QoS or will retain without a will")
    return Connect(
        version=version,
        client_id=client_id,
        clean_start=bool(flags & 2),
        keepalive=keepalive,
        username=reader.text() if flags & 0x80 else None,
        password=reader.binary() if flags & 0x40 else None,
        will=will,
        properties=properties,
    )


class Decoder:
    """Cuts a byte stream into packets. The version is the one of the CONNECT that passed, or the one given."""

    def __init__(self, version: int = V5, *, any_text: bool = False) -> None:
        self.version = version
        self._any_text = any_text
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Packet]:
        """The packets that ``data`` completes."""
        self._buffer += data
        packets = []
        while (packet := self._next()) is not None:
            if isinstance(packet, Connect):
                self.version = packet.version
            packets.append(packet)
        return packets

    def _next(self) -> Packet | None:
        length, at = 0, 1
        while True:
            if at >= len(self._buffer):
                return None
            if at > 4:
                raise ProtocolError("a remaining length of more than four bytes")
            byte = self._buffer[at]
            length |= (byte & 0x7F) << 7 * (at - 1)
            at += 1
            if not byte & 0x80:
                if not byte and at > 2 and self.version == V5:
                    raise ProtocolError("a remaining length in more bytes than it needs")
                break
        if len(self._buffer) < at + length:
            return None
        first, body = self._buffer[0], bytes(self._buffer[at : at + length])
        del self._buffer[: at + length]
        return decode(first >> 4, first & 15, body, self.version, any_text=self._any_text)
