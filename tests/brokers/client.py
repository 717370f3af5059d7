"""A small blocking MQTT client: the other side in tests, so that nothing is checked by the code under test itself."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections import deque
from types import TracebackType
from typing import Any, Self, TypeVar

from .fields import V5, Properties
from .packets import (
    Connack,
    Connect,
    Decoder,
    Disconnect,
    Packet,
    Puback,
    Pubcomp,
    Publish,
    Pubrec,
    Pubrel,
    Suback,
    Subscribe,
    Will,
    encode,
)

P = TypeVar("P", bound=Packet)


class Closed(Exception):
    """The broker closed the connection; the packets that it sent before are in ``packets``."""

    def __init__(self, packets: list[Packet]) -> None:
        super().__init__(f"closed by the broker after {packets}")
        self.packets = packets


class Client:
    """Connects at once. ``connack`` tells how it went: a refusal is no exception here."""

    def __init__(
        self,
        port: int,
        *,
        version: int = V5,
        username: str | None = "both",
        password: str | None = "both-password",
        client_id: str = "",
        clean_start: bool = True,
        keepalive: int = 60,
        will: Will | None = None,
        properties: Properties | None = None,
        tls: ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
    ) -> None:
        self.version = version
        self.packets: list[Packet] = []
        self._decoder = Decoder(version)
        self._inbox: deque[Packet] = deque()
        self._messages: deque[Publish] = deque()
        self._last_id = 0
        raw = socket.create_connection((host, port), timeout=10)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = tls.wrap_socket(raw, server_hostname=host) if tls else raw
        self._send(
            Connect(
                version=version,
                client_id=client_id or f"raw-{time.monotonic_ns() % 10**12}",
                clean_start=clean_start,
                keepalive=keepalive,
                username=username,
                password=None if password is None else password.encode(),
                will=will,
                properties=properties or {},
            )
        )
        try:
            self.connack = self._await(Connack)
        except BaseException:
            self.abort()
            raise

    def subscribe(self, *filters: str, qos: int = 0, properties: Properties | None = None) -> list[int]:
        """SUBACK's codes."""
        self._send(Subscribe(packet_id=self._next_id(), filters=[(text, qos) for text in filters], properties=properties or {}))
        return list(self._await(Suback).codes)

    def publish(self, topic: str, payload: bytes | str = b"", *, qos: int = 0, retain: bool = False, **properties: Any) -> int:
        """Returns the broker's reason code once it has acknowledged (0 at once for QoS 0)."""
        data = payload.encode() if isinstance(payload, str) else payload
        packet_id = self._next_id() if qos else 0
        self._send(Publish(topic=topic, payload=data, qos=qos, retain=retain, packet_id=packet_id, properties=properties))
        if qos == 0:
            return 0
        if qos == 1:
            return self._await(Puback).code
        if code := self._await(Pubrec).code:
            return code
        self._send(Pubrel(packet_id=packet_id))
        return self._await(Pubcomp).code

    def publish_all(self, messages: list[tuple[str, bytes]]) -> None:
        """QoS 0, in a few large writes."""
        data = b"".join(encode(Publish(topic=topic, payload=payload), self.version) for topic, payload in messages)
        self._socket.sendall(data)

    def receive(self, seconds: float = 5.0) -> Publish | None:
        """The next message, acknowledged; None when none comes."""
        end = time.monotonic() + seconds
        while not self._messages:
            packet = self._read(end)
            if packet is None:
                return None
            self._take(packet)
        return self._messages.popleft()

    def read(self, seconds: float = 5.0) -> Packet | None:
        """The next packet of any kind, not acknowledged. Raises Closed."""
        return self._read(time.monotonic() + seconds)

    def send(self, packet: Packet) -> None:
        self._send(packet)

    def close(self) -> None:
        try:
            self._send(Disconnect())
        except OSError:
            pass
        self._socket.close()

    def abort(self) -> None:
        """Leaves without DISCONNECT: the broker publishes the will."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _next_id(self) -> int:
        self._last_id = self._last_id % 65535 + 1
        return self._last_id

    def _send(self, packet: Packet) -> None:
        self._socket.sendall(encode(packet, self.version))

    def _await(self, kind: type[P], seconds: float = 10.0) -> P:
        end = time.monotonic() + seconds
        while (packet := self._read(end)) is not None:
            if isinstance(packet, kind):
                return packet
            self._take(packet)
        raise TimeoutError(f"no {kind.__name__} within {seconds} s; came so far: {self.packets}")

    def _take(self, packet: Packet) -> None:
        if isinstance(packet, Publish):
            self._messages.append(packet)
            if packet.qos == 1:
                self._send(Puback(packet_id=packet.packet_id))
            elif packet.qos == 2:
                self._send(Pubrec(packet_id=packet.packet_id))
        elif isinstance(packet, Pubrel):
            self._send(Pubcomp(packet_id=packet.packet_id))

    def _read(self, end: float) -> Packet | None:
        while not self._inbox:
            left = end - time.monotonic()
            if left <= 0:
                return None
            self._socket.settimeout(left)
            try:
                data = self._socket.recv(65536)
            except TimeoutError:
                return None
            except ConnectionError:
                data = b""
            if not data:
                raise Closed(self.packets)
            fresh = self._decoder.feed(data)
            self.packets += fresh
            self._inbox += fresh
        return self._inbox.popleft()


class Storm:
    """Publishes QoS 0 messages at a steady rate from a thread, until the ``with`` block is left. ``sent`` counts them."""

    def __init__(
        self, port: int, topic: str, *, rate: float, payload: str = '{{"n": {n}, "temperature": 21.5}}', version: int = V5
    ) -> None:
        """``payload`` is formatted with n, counting from 0."""
        self.sent = 0
        self._client = Client(port, version=version)
        self._topic, self._rate, self._payload = topic, rate, payload
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="storm", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        if not self._stop.is_set():
            self._stop.set()
            self._thread.join(10)
            self._client.close()

    def _run(self) -> None:
        start = time.monotonic()
        while not self._stop.wait(0.01):
            due = int((time.monotonic() - start) * self._rate) - self.sent
            batch = [(self._topic, self._payload.format(n=self.sent + i).encode()) for i in range(due)]
            if batch:
                self._client.publish_all(batch)
                self.sent += len(batch)
