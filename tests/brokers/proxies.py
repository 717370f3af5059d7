"""What may stand between a client and a broker: a relay that counts and cuts, and an HTTP proxy that records."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct

from .server_thread import ServerThread


class Relay(ServerThread):
    """Passes bytes to ``target_port`` on loopback. While ``refuse`` is set, new ones are closed at once. What clients say is kept; what is
    said to them, too, in ``sent_by_broker``."""

    def __init__(self, target_port: int) -> None:
        self.target_port = target_port
        self.sent_by_client: list[bytearray] = []
        self.sent_by_broker = bytearray()
        self.refuse = False
        self._open: set[asyncio.StreamWriter] = set()
        super().__init__()

    def uri(self, scheme: str = "mqtt", host: str = "127.0.0.1") -> str:
        return f"{scheme}://{host}:{self.port}" + ("/mqtt" if scheme.startswith("ws") else "")

    @property
    def connections(self) -> int:
        """Those that a client made and used: one that comes and goes without a byte only looks whether the way is free."""
        return sum(1 for sent in self.sent_by_client if sent)

    def cut(self) -> None:
        """Drops every connection, without a word to either side."""

        async def drop() -> None:
            for writer in list(self._open):
                writer.transport.abort()

        self._run(drop())

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sent = bytearray()
        self.sent_by_client.append(sent)
        if not self.refuse:
            await self.relay(reader, writer, sent)

    async def relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sent: bytearray) -> None:
        onward_reader, onward_writer = await asyncio.open_connection("127.0.0.1", self.target_port)
        ends = {writer, onward_writer}
        self._open |= ends
        try:
            await asyncio.gather(_pump(reader, onward_writer, sent), _pump(onward_reader, writer, self.sent_by_broker))
        finally:
            self._open -= ends
            onward_writer.close()


class PoorRelay(Relay):
    """A long way that breaks: each piece of bytes takes ``delay`` seconds, and of a hundred ``resets`` x 100 are answered by RST, to both
    sides."""

    def __init__(self, target_port: int, *, delay: float = 0.0, resets: float = 0.0, seed: int = 0) -> None:
        self.reset_count = 0
        self._delay, self._resets = delay, resets
        self._random = random.Random(seed)
        super().__init__(target_port)

    async def relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sent: bytearray) -> None:
        onward_reader, onward_writer = await asyncio.open_connection("127.0.0.1", self.target_port)
        ends = {writer, onward_writer}
        self._open |= ends
        try:
            await asyncio.gather(self._carry(reader, onward_writer, ends), self._carry(onward_reader, writer, ends))
        finally:
            self._open -= ends
            onward_writer.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, ends: set[asyncio.StreamWriter]) -> None:
        """Pieces arrive in their order, each ``delay`` after it was sent; any number are on the way."""
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError):
            while data := await reader.read(2048):
                if self._random.random() < self._resets:
                    self.reset_count += 1
                    for end in ends:
                        _reset(end)
                    return
                loop.call_later(self._delay, _write, writer, data)
        loop.call_later(self._delay, writer.close)


class HttpProxy(Relay):
    """Answers CONNECT for any host, and leads to ``target_port`` wherever it was meant to go; 0: only records."""

    def __init__(self, target_port: int = 0, *, status: str = "200 Connection established") -> None:
        self.requests: list[bytes] = []
        self._status = status
        super().__init__(target_port)

    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sent = bytearray()
        self.sent_by_client.append(sent)
        if not self.target_port:
            while data := await reader.read(65536):
                sent += data
            return
        request = await reader.readuntil(b"\r\n\r\n")
        self.requests.append(request)
        sent += request
        writer.write(f"HTTP/1.1 {self._status}\r\n\r\n".encode())
        if self._status.startswith("200"):
            await self.relay(reader, writer, sent)


def _write(writer: asyncio.StreamWriter, data: bytes) -> None:
    if not writer.transport.is_closing():
        writer.write(data)


def _reset(writer: asyncio.StreamWriter) -> None:
    raw = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, copy: bytearray) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            copy += data
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError):
        writer.close()
