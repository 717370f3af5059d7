"""What the doctor's faults are planted in: the real brokers, and servers that are not as they should be."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.brokers.certificates import Authority
from tests.brokers.hivemq import HiveMQ
from tests.brokers.mosquitto import Mosquitto
from tests.brokers.scripted import ClientGone, Connection, Script, ScriptedBroker
from tests.brokers.server_thread import ServerThread

import honeyframe as hf

CANARY: Final = "c4n4ry-7f3a"


@dataclass
class Ward:
    """What the faults are planted in."""

    hivemq: HiveMQ
    mosquitto: Mosquitto
    authority: Authority
    ca_file: str
    folder: Path
    servers: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def visit(self, uri: str, user: str = "both", **options: Any) -> hf.DoctorReport:
        if uri.startswith(("mqtts:", "wss:")):
            options = {"ca_file": self.ca_file} | options
        return hf.doctor(uri, **({"username": user, "password": f"{user}-password"} | options))

    def canary(self, uri: str, **options: Any) -> hf.DoctorReport:
        """With a password that nobody may get."""
        return self.visit(uri, **({"username": "me", "password": CANARY} | options))


class Answers(ServerThread):
    """Says the same to whoever speaks, and hangs up. ``to`` answers only what begins so."""

    def __init__(self, answer: bytes, *, tls: ssl.SSLContext | None = None, to: bytes = b"") -> None:
        self._answer = answer
        self._to = to
        super().__init__(tls)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await reader.read(65536)
        if first and first.startswith(self._to):
            writer.write(self._answer)
            await writer.drain()
            await asyncio.sleep(0.1)


class Silent(ServerThread):
    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(65536):
            pass


@contextlib.contextmanager
def deaf_port() -> Iterator[int]:
    """A port whose queue is full: the system answers no SYN."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(3):
            one = stack.enter_context(socket.socket())
            one.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                one.connect(listener.getsockname())
        time.sleep(0.1)
        yield listener.getsockname()[1]


def speaking_mqtt(script: Script) -> Script:
    """The script for those who begin with CONNECT; all others are hung up on. Whoever leaves may."""

    async def run(c: Connection) -> None:
        if c._first[:1] != b"\x10":
            return
        with contextlib.suppress(ClientGone, ConnectionError):
            await script(c)
        c.waits_for = ""

    return run


def scripted(ward: Ward, script: Script, *, tls: ssl.SSLContext | None = None) -> str:
    broker = ward.servers.enter_context(ScriptedBroker(speaking_mqtt(script), repeat=True, tls=tls))
    return broker.uri("localhost")
