"""A small MQTT broker inside this process, for the demo, notebooks and tests: amqtt behind a listener of ours.

It listens on the loopback interface only, speaks MQTT 3.1.1 only, lets everyone in and keeps nothing on disk.

    with EmbeddedBroker() as broker:
        df = hf.read_mqtt(broker.uri, "plant/#", seconds=5)

With ``websocket=True`` a page in a browser of this machine, such as a saved dashboard, can connect as well.

A message that matches several filters of one client is sent to it once for each, as the protocol allows.

It runs in a daemon thread with an event loop of its own, so it neither slows a notebook's loop nor outlives the process.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
import re
import socket
import threading
import weakref
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self

__all__ = ["EmbeddedBroker"]

_log = logging.getLogger(__name__)

_START_SECONDS = 10.0
_STOP_SECONDS = 3.0
_CONNECT_SECONDS = 10.0  # how long a client may take to send its CONNECT
_LISTENER = "default"
_MAX_WEBSOCKET_FRAME = 16 << 20
# Pages that were opened from a file ("null", which a sandboxed frame of any page says as well: it has but the port to find us by), or came
# from a server of this machine; None: programs. No other page of the web.
_ORIGINS = [None, "null", re.compile(r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?")]
_CONNACK_UNACCEPTABLE_PROTOCOL = b"\x20\x02\x00\x01"  # MQTT 3.1.1, section 3.2.2.3


class EmbeddedBroker:
    """An MQTT 3.1.1 broker on the loopback interface, for as long as the ``with`` block lasts.

    Parameters
    ----------
    port : int, default 0
        The TCP port on 127.0.0.1; 0 takes a free one.
    websocket : bool, default False
        Listen for WebSockets, too, on a free port of its own: ``websocket_url``.

    Raises
    ------
    ModuleNotFoundError
        amqtt is not installed: ``pip install 'honeyframe[demo]'``.
    OSError
        The port is taken.

    Examples
    --------
    >>> with EmbeddedBroker() as broker:                        # doctest: +SKIP
    ...     hf.read_mqtt(broker.uri, "plant/#", seconds=5)
    """

    def __init__(self, *, port: int = 0, websocket: bool = False) -> None:
        self._amqtt = _import_amqtt()
        self._requested_port = port
        self._has_websocket = websocket
        self._socket: socket.socket | None = None
        self._websocket: socket.socket | None = None
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._started = threading.Event()
        self._failure: BaseException | None = None
        self._clients: set[asyncio.Task[Any]] = set()
        self._transports: weakref.WeakSet[asyncio.BaseTransport] = weakref.WeakSet()

    @property
    def port(self) -> int:
        """The port it listens on."""
        if self._socket is None:
            raise RuntimeError("The embedded broker is not running: use it as `with EmbeddedBroker() as broker:`, or call start() first.")
        return int(self._socket.getsockname()[1])

    @property
    def uri(self) -> str:
        """What ``connect`` and ``read_mqtt`` take: ``mqtt://127.0.0.1:<port>``."""
        return f"mqtt://127.0.0.1:{self.port}"

    @property
    def websocket_url(self) -> str:
        """Where pages connect to: ``ws://127.0.0.1:<port>/mqtt``."""
        if self._websocket is None:
            raise RuntimeError("The embedded broker does not listen for WebSockets: EmbeddedBroker(websocket=True), and start() first.")
        return f"ws://127.0.0.1:{self._websocket.getsockname()[1]}/mqtt"

    def start(self) -> Self:
        """Listen; returns when clients can connect. ``with`` does this by itself."""
        if self._thread is not None:
            raise RuntimeError("The embedded broker is running already.")
        self._socket = socket.create_server(("127.0.0.1", self._requested_port))
        self._websocket = socket.create_server(("127.0.0.1", 0)) if self._has_websocket else None
        self._thread = threading.Thread(target=self._run, name="honeyframe-embedded-broker", daemon=True)
        self._thread.start()
        if not self._started.wait(_START_SECONDS):
            self._failure = TimeoutError(f"The embedded broker did not start within {_START_SECONDS:g} s.")
        if self._failure is not None:
            self.close()
            raise self._failure
        return self

    def close(self) -> None:
        """Stop listening and drop every client. Idempotent; done within 3 s."""
        if self._loop is not None and self._stop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended by itself
                self._loop.call_soon_threadsafe(self._stop.set)
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(_STOP_SECONDS)
        for listener in (self._socket, self._websocket):
            if listener is not None:
                listener.close()
        self._socket = self._websocket = self._thread = self._loop = self._stop = None
        self._started.clear()

    def __enter__(self) -> Self:
        return self if self._thread is not None else self.start()

    def __exit__(self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"EmbeddedBroker({self.uri})" if self._socket is not None else "EmbeddedBroker(not running)"

    # The thread ------------------------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # nobody above this frame: start() raises it, or it is too late to matter
            self._failure = error
            _log.debug("the embedded broker ended: %s", error)
        finally:
            self._started.set()

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        # amqtt lets a client's half-sent packet end as an unhandled exception: no concern of whoever looks at the notebook.
        loop.set_exception_handler(lambda _, context: _log.debug("embedded broker: %s", context.get("message")))
        self._loop, self._stop = loop, asyncio.Event()
        # "external": amqtt opens no socket, so that the listener, its port and the first bytes of a client are ours.
        broker = self._amqtt.Broker(
            {
                "listeners": {_LISTENER: {"type": "external", "bind": "127.0.0.1"}},
                "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
            },
            loop=loop,
        )
        await broker.start()
        server = await self._serve_programs(broker)
        pages = await self._serve_websockets(broker) if self._websocket is not None else None
        self._started.set()
        await self._stop.wait()
        await self._accept_no_more()
        server.close()
        if pages is not None:
            pages.close()
        for task in self._clients:
            task.cancel()
        with contextlib.suppress(Exception):
            await asyncio.wait_for(broker.shutdown(), _STOP_SECONDS / 2)
        # A task that was cancelled before it began closes nothing, and closing waits for a client that does not read.
        for transport in tuple(self._transports):
            transport.abort()  # type: ignore[attr-defined]  # a socket's transport has it
        self._transports.clear()
        await asyncio.sleep(0)  # the loop closes the sockets in its next turn

    async def _accept_no_more(self) -> None:
        """Listen no more, then let what is accepted become a connection: a server closed in between leaves its socket open."""
        loop = asyncio.get_running_loop()
        for listener in (self._socket, self._websocket):
            if listener is not None:
                loop.remove_reader(listener)
        for _ in range(3):  # its task begins; its protocol is told; its handler begins
            await asyncio.sleep(0)

    async def _serve_programs(self, broker: Any) -> asyncio.Server:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await self._serve_client(broker, reader, self._amqtt.StreamWriterAdapter(writer))
            finally:
                writer.close()

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Coroutine[Any, Any, None]:
            self._transports.add(writer.transport)
            return serve(reader, writer)

        return await asyncio.start_server(accept, sock=self._socket)

    async def _serve_websockets(self, broker: Any) -> Any:
        async def serve(connection: Any) -> None:
            try:
                await self._serve_client(broker, _FramesReader(connection), self._amqtt.WebSocketsWriter(connection))
            finally:
                await connection.close()

        transports = self._transports

        class Connection(self._amqtt.ServerConnection):  # type: ignore[misc, name-defined]  # loaded where it is needed
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                transports.add(transport)
                super().connection_made(transport)

        return await self._amqtt.serve_websockets(
            serve,
            sock=self._websocket,
            subprotocols=["mqtt"],
            origins=_ORIGINS,
            max_size=_MAX_WEBSOCKET_FRAME,
            compression=None,
            create_connection=Connection,
        )

    async def _serve_client(self, broker: Any, reader: asyncio.StreamReader | _FramesReader, writer: Any) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._clients.add(task)
        try:
            head = await asyncio.wait_for(_read_connect_head(reader), _CONNECT_SECONDS)
            if head[-1] != 4:
                # amqtt reads an MQTT 5 CONNECT as 3.1.1, stumbles over its properties and falls silent, leaving the client to its
                # timeout. The specification's answer tells the client at once what is spoken here.
                writer.write(_CONNACK_UNACCEPTABLE_PROTOCOL)
                await writer.drain()
            else:
                await broker.external_connected(_ReplayedReader(head, reader), writer, _LISTENER)
        except (OSError, EOFError, TimeoutError, ValueError, asyncio.CancelledError) as error:
            _log.debug("embedded broker: a client left: %r", error)
        finally:
            self._clients.discard(task)


class _ReplayedReader:
    """What amqtt reads from: bytes already taken from the stream, then the stream."""

    def __init__(self, head: bytes, stream: asyncio.StreamReader | _FramesReader) -> None:
        self._head = head
        self._stream = stream

    async def read(self, n: int) -> bytes:
        head, self._head = self._head[:n], self._head[n:]
        return head + await self._stream.readexactly(n - len(head)) if len(head) < n else head

    def feed_eof(self) -> None:
        self._stream.feed_eof()


class _FramesReader:
    """The bytes of a WebSocket's messages, whose borders MQTT's packets do not heed. The next message is taken when it is needed, so that a
    page that sends faster than the broker reads has to wait."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._bytes = bytearray()

    async def readexactly(self, n: int) -> bytes:
        while len(self._bytes) < n:
            try:
                message = await self._connection.recv()
            except Exception as error:  # closed, or cut: the end all the same
                raise asyncio.IncompleteReadError(bytes(self._bytes), n) from error
            self._bytes += message if isinstance(message, bytes) else message.encode()
        taken = bytes(self._bytes[:n])
        del self._bytes[:n]
        return taken

    def feed_eof(self) -> None:
        """Its end is the connection's."""


async def _read_connect_head(reader: asyncio.StreamReader | _FramesReader) -> bytes:
    """The bytes of a CONNECT up to and with its protocol level (MQTT 3.1.1, section 3.1.2.2). Raises ValueError for anything else."""
    head = await reader.readexactly(2)
    if head[0] != 0x10:
        raise ValueError(f"first packet is no CONNECT: 0x{head[0]:02x}")
    while head[-1] & 0x80:  # the remaining length, 7 bits a byte
        if len(head) == 5:
            raise ValueError("remaining length of more than four bytes")
        head += await reader.readexactly(1)
    head += await reader.readexactly(2)
    name_length = int.from_bytes(head[-2:], "big")
    if name_length > 6:  # "MQTT", or "MQIsdp" in 3.1
        raise ValueError(f"protocol name of {name_length} bytes")
    return head + await reader.readexactly(name_length + 1)


class _Amqtt:
    def __init__(self, broker: Any, adapters: Any, websockets: Any) -> None:
        self.Broker = broker.Broker
        self.StreamWriterAdapter = adapters.StreamWriterAdapter
        self.WebSocketsWriter = adapters.WebSocketsWriter
        self.serve_websockets = websockets.serve
        self.ServerConnection = websockets.ServerConnection


def _import_amqtt() -> _Amqtt:
    try:
        names = ("amqtt.broker", "amqtt.adapters", "websockets.asyncio.server")  # amqtt needs the last as well
        modules = _Amqtt(*map(importlib.import_module, names))
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"The embedded broker needs the package amqtt ({error}). Install it with: pip install 'honeyframe[demo]'", name=error.name
        ) from None
    for name in ("amqtt", "transitions", "websockets"):  # they narrate every packet; a level that the user has set is respected
        logger = logging.getLogger(name)
        if logger.level == logging.NOTSET:
            logger.setLevel(logging.CRITICAL)
    return modules
