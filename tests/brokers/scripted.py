"""A broker that does exactly what a test tells it, packet by packet: for what real brokers will not do.

A script is a coroutine function; each connection takes the next one::

    async def refuses(c: Connection) -> None:
        await c.expect(Connect)
        await c.send(Connack(code=0x84))

    with ScriptedBroker(refuses, serves) as broker:
        hf.connect(broker.uri())

Leaving the ``with`` block asserts that every script ran to its end and that nobody connected more often than there are scripts.
A client that comes and goes without a byte, to see whether the way is free, takes no script; ``silent_visits`` counts it.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any, TypeVar

from .packets import (
    Connack,
    Connect,
    Decoder,
    Disconnect,
    Packet,
    Pingreq,
    Pingresp,
    Puback,
    Pubcomp,
    Publish,
    Pubrec,
    Pubrel,
    Suback,
    Subscribe,
    Unsuback,
    Unsubscribe,
    encode,
)
from .server_thread import ServerThread

P = TypeVar("P", bound=Packet)


class ClientGone(Exception):
    """The client closed its connection."""


class Connection:
    """One client's connection, as its script sees it. The script's coroutines run in the broker's thread; tests may read the attributes."""

    def __init__(self, broker: ScriptedBroker, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, first: bytes) -> None:
        self.received = bytearray()  # every byte, after TLS
        self.packets: list[Packet] = []  # the same, decoded
        self.version = 5
        self.accepted_at = time.monotonic()
        self.waits_for = ""
        self.gone = threading.Event()
        self._broker = broker
        self._reader = reader
        self._writer = writer
        self._first = first
        self._decoder = Decoder()
        self._inbox: list[Packet] = []

    async def expect(self, kind: type[P], **fields: Any) -> P:
        """The next packet, which must be a ``kind`` with these fields. PINGREQ is answered on the way unless it is what is expected."""
        self.waits_for = kind.__name__
        while isinstance(packet := await self.read(), Pingreq) and kind is not Pingreq:
            await self.send(Pingresp())
        assert isinstance(packet, kind), f"{kind.__name__} expected, {packet} came"
        found = {name: getattr(packet, name) for name in fields}
        assert found == fields, f"{kind.__name__} with {fields} expected, {packet} came"
        self.waits_for = ""
        return packet

    async def read(self) -> Packet:
        """The next packet, whatever it is. Raises ClientGone."""
        while not self._inbox:
            data = await self._receive()
            fresh = self._decoder.feed(data)
            self.packets += fresh
            self._inbox += fresh
            self.version = self._decoder.version
        return self._inbox.pop(0)

    async def _receive(self) -> bytes:
        data, self._first = self._first or await self._reader.read(65536), b""
        if not data:
            self.gone.set()
            raise ClientGone
        self.received += data
        return data

    async def send(self, *packets: Packet | bytes, slice_bytes: int = 0, pause: float = 0.0) -> None:
        """All in one write (one TLS record), or in slices of ``slice_bytes`` with ``pause`` seconds between them."""
        data = b"".join(p if isinstance(p, bytes) else encode(p, self.version) for p in packets)
        step = slice_bytes or len(data) or 1
        for at in range(0, len(data), step):
            self._writer.write(data[at : at + step])
            await self._writer.drain()
            if slice_bytes:
                await asyncio.sleep(pause)

    async def accept(self, **connack: Any) -> Connect:
        """Expects CONNECT, answers CONNACK (code 0 unless said otherwise)."""
        connect = await self.expect(Connect)
        await self.send(Connack(**connack))
        return connect

    async def grant(self, refused: Mapping[str, int] | None = None, *, filters: int = 1) -> dict[str, int]:
        """Answers SUBSCRIBEs until so many ``filters`` have come, as they ask but for those in ``refused``. (filter -> QoS asked for.)"""
        asked: dict[str, int] = {}
        while len(asked) < filters:
            subscribe = await self.expect(Subscribe)
            wanted = {text: options & 3 for text, options in subscribe.filters}
            await self.send(Suback(packet_id=subscribe.packet_id, codes=[(refused or {}).get(text, qos) for text, qos in wanted.items()]))
            asked |= wanted
        return asked

    async def serve(self) -> None:
        """From here on a well-behaved broker that has nothing to say: acknowledges everything until the client leaves."""
        while True:
            match packet := await self.read():
                case Disconnect():
                    return
                case Subscribe():
                    await self.send(Suback(packet_id=packet.packet_id, codes=[options & 3 for _, options in packet.filters]))
                case Unsubscribe():
                    await self.send(Unsuback(packet_id=packet.packet_id, codes=[0] * len(packet.filters) if self.version == 5 else []))
                case Publish(qos=1):
                    await self.send(Puback(packet_id=packet.packet_id))
                case Publish(qos=2):
                    await self.send(Pubrec(packet_id=packet.packet_id))
                case Pubrec():
                    await self.send(Pubrel(packet_id=packet.packet_id))
                case Pubrel():
                    await self.send(Pubcomp(packet_id=packet.packet_id))
                case Pingreq():
                    await self.send(Pingresp())

    async def hang(self) -> None:
        """Reads and never answers, until the client leaves."""
        self.waits_for = "the client to leave"
        while True:
            await self.read()

    async def absorb(self) -> None:
        """As ``hang``, where the bytes need not be MQTT."""
        self.waits_for = "the client to leave"
        while True:
            await self._receive()

    async def close(self) -> None:
        self._writer.close()

    async def reset(self) -> None:
        """RST instead of FIN."""
        raw = self._writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def gate(self, name: str) -> None:
        """Waits until the test calls ``broker.open(name)``."""
        self.waits_for = f"gate {name!r}"
        await asyncio.to_thread(self._broker.wait_for, name)

    def reached(self, name: str) -> None:
        """Lets the test's ``broker.wait_for(name)`` go on."""
        self._broker.event(name).set()


Script = Callable[[Connection], Awaitable[None]]


async def serve(c: Connection) -> None:
    """The script of a well-behaved broker."""
    await c.accept()
    await c.serve()


class ScriptedBroker(ServerThread):
    """``repeat``: connections beyond the last script run the last one again, and need not be used up. ``speaks_first``: scripts begin
    before the client has said anything."""

    def __init__(self, *scripts: Script, tls: ssl.SSLContext | None = None, repeat: bool = False, speaks_first: bool = False) -> None:
        self.silent_visits = 0
        self.connections: list[Connection] = []
        self.server_names: list[str | None] = []  # what SNI said
        self._scripts = scripts
        self._repeat = repeat
        self._speaks_first = speaks_first
        self._failures: list[str] = []
        self._running: dict[int, Connection] = {}
        self._events: dict[str, threading.Event] = {}
        self._lock = threading.Lock()
        if tls is not None:
            tls.sni_callback = lambda _socket, name, _context: self.server_names.append(name)
        super().__init__(tls)

    def uri(self, host: str = "127.0.0.1", scheme: str = "") -> str:
        return f"{scheme or ('mqtts' if self._tls else 'mqtt')}://{host}:{self.port}"

    @property
    def connects(self) -> list[Connect]:
        """Every CONNECT that arrived, over all connections."""
        return [p for c in self.connections for p in c.packets if isinstance(p, Connect)]

    def event(self, name: str) -> threading.Event:
        with self._lock:
            return self._events.setdefault(name, threading.Event())

    def open(self, name: str) -> None:
        self.event(name).set()

    def wait_for(self, name: str, seconds: float = 10.0) -> None:
        assert self.event(name).wait(seconds), f"no script reached {name!r} within {seconds} s: {self.state()}"

    def state(self) -> str:
        """What each connection has got and waits for: for messages."""
        return "; ".join(
            f"connection {i}: {[type(p).__name__ for p in c.packets]} waits for {c.waits_for or '-'}"
            for i, c in enumerate(self.connections)
        )

    def assert_used_up(self, seconds: float = 5.0) -> None:
        """Every script ran, to its end, and nobody came once more."""
        end = time.monotonic() + (0 if self._repeat else seconds)
        wanted = len(self._scripts)
        while time.monotonic() < end and not self._failures and (self._running or len(self.connections) < wanted):
            time.sleep(0.01)
        assert not self._failures, "\n".join(self._failures)
        if not self._repeat:
            assert len(self.connections) == wanted, f"{wanted} connections scripted, {len(self.connections)} came"
            assert not self._running, f"not used up: {self.state()}"

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = b"" if self._speaks_first else await reader.read(65536)
        if not first and not self._speaks_first:
            self.silent_visits += 1
            return
        number = len(self.connections)
        connection = Connection(self, reader, writer, first)
        self._running[number] = connection
        self.connections.append(connection)
        try:
            if number >= len(self._scripts) and not self._repeat:
                self._failures.append(f"connection {number}: nobody was expected")
                return
            await self._scripts[min(number, len(self._scripts) - 1)](connection)
        except (ClientGone, ConnectionError):
            if connection.waits_for not in ("", "the client to leave"):
                self._failures.append(f"connection {number}: the client left while the script waited for {connection.waits_for}")
        except Exception as error:  # what goes wrong in a script fails the test, wherever it was raised
            self._failures.append(f"connection {number}: {type(error).__name__}: {error}")
        finally:
            connection.gone.set()
            del self._running[number]

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            if error is None:
                self.assert_used_up()
            elif self._failures:
                error.add_note("The script says: " + "; ".join(self._failures))
        finally:
            self.close()
