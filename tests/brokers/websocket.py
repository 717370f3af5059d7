"""A WebSocket in front of a broker that speaks plain MQTT, whose frames are the test's choice (RFC 6455)."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import ssl
import struct
from collections.abc import Callable

from .server_thread import ServerThread

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def frame(payload: bytes, *, opcode: int = 2, final: bool = True) -> bytes:
    """As a server sends it: without a mask."""
    first = bytes([final << 7 | opcode])
    if len(payload) < 126:
        return first + bytes([len(payload)]) + payload
    if len(payload) < 65536:
        return first + b"\x7e" + struct.pack(">H", len(payload)) + payload
    return first + b"\x7f" + struct.pack(">Q", len(payload)) + payload


class WebSocketFront(ServerThread):
    """Leads to ``target_port`` on loopback. What comes from there is sent as ``reframe`` makes it, read by read."""

    def __init__(self, target_port: int, reframe: Callable[[bytes], bytes] = frame, *, tls: ssl.SSLContext | None = None) -> None:
        self.pongs: list[bytes] = []
        self._target_port = target_port
        self._reframe = reframe
        super().__init__(tls)

    def uri(self) -> str:
        return f"{'wss' if self._tls else 'ws'}://127.0.0.1:{self.port}/mqtt"

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        key = next(line.split(b": ")[1] for line in request.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key"))
        accept = base64.b64encode(hashlib.sha1(key + _GUID).digest())
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n")
        writer.write(b"Sec-WebSocket-Protocol: mqtt\r\nSec-WebSocket-Accept: " + accept + b"\r\n\r\n")
        onward_reader, onward_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
        try:
            await asyncio.gather(self._unframe(reader, onward_writer), self._frame(onward_reader, writer))
        finally:
            onward_writer.close()

    async def _frame(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(self._reframe(data))
                await writer.drain()
        writer.close()

    async def _unframe(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                first, length = await reader.readexactly(2)
                length &= 127
                if length >= 126:
                    length = int.from_bytes(await reader.readexactly(2 if length == 126 else 8), "big")
                mask = await reader.readexactly(4)
                masked = await reader.readexactly(length)
                payload = bytes(byte ^ mask[i % 4] for i, byte in enumerate(masked))
                if first & 15 == 10:
                    self.pongs.append(payload)
                elif first & 15 < 8:
                    writer.write(payload)
                    await writer.drain()
        writer.close()
