"""A broker for MQTT 3.1.1 and 5 whose connections misbehave as told, and whose front end can be killed and started again.

    store = SessionStore(Load(total=1000, qos=1))
    with FaultyBroker(store, ResetBeforeAck) as broker:  # the first connection; those after it are well-behaved
        hf.connect(broker.uri(), client_id="c", clean_start=False)
        broker.kill()
        broker.start()

``Link`` is the well-behaved connection. A fault (``faults.py``) is a subclass that does one thing differently. Sessions and the history
are the test's (``sessions.py``). A client that comes and goes without a byte takes no link.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
import time
from types import TracebackType
from typing import ClassVar, Self

from .fields import V5, ProtocolError
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
from .sessions import Ack, Flight, Sent, Session, SessionStore, Visit


class Cut(Exception):
    """The link has ended its connection."""


class Link:
    """One connection, well-behaved. Runs in the front end's loop."""

    #: How many messages go well before ``misbehave`` is called; -1: it never is.
    after: ClassVar[int] = -1

    def __init__(self, store: SessionStore, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.store = store
        self.history = store.history
        self.version = V5
        self.session = Session(store, 0)  # until CONNECT
        self.visit = Visit(-1, 0, V5)
        self.sent_here = 0
        self.misbehaved = False
        self.reader, self.writer = reader, writer
        self._out = bytearray()
        self._wake = asyncio.Event()
        self._writing = asyncio.Lock()
        self._decoder = Decoder()
        self._pump: asyncio.Task[None] | None = None

    async def run(self, first: bytes) -> None:
        data = first
        try:
            while data:
                for packet in self._decoder.feed(data):
                    self.version = self._decoder.version
                    await self.on(packet)
                    await self.flush()
                if self.visit.ended == "disconnected":
                    return
                if self._pump is not None and self._pump.done():
                    self._pump.result()
                data = await self.reader.read(65_536)
            self.ended("left")
        except (Cut, ConnectionError):
            self.ended("cut" if self.writer.transport.is_closing() else "left")
        finally:
            if self._pump is not None:
                self._pump.cancel()

    def ended(self, how: str) -> None:
        if self.visit.ended == "open":
            self.visit.ended = how

    def retire(self) -> None:
        if self._pump is not None:
            self._pump.cancel()
        self.reset()

    # --- packets in: each is a place for a fault

    async def on(self, packet: Packet) -> None:
        match packet:
            case Connect():
                await self.on_connect(packet)
            case Subscribe():
                await self.on_subscribe(packet)
            case Unsubscribe():
                self.put(Unsuback(packet_id=packet.packet_id, codes=[0] * len(packet.filters) if self.version == V5 else []))
            case Publish():
                self.history.published.append(packet)
                await self.on_publish(packet)
            case Puback():
                await self.on_puback(packet)
            case Pubrec():
                await self.on_pubrec(packet)
            case Pubcomp():
                await self.on_pubcomp(packet)
            case Pubrel():
                self.put(Pubcomp(packet_id=packet.packet_id))
            case Pingreq():
                await self.on_pingreq()
            case Disconnect():
                self.ended("disconnected")
            case _:
                raise ProtocolError(f"a client sent {packet}")

    async def on_connect(self, connect: Connect) -> None:
        present = self.open_session(connect)
        await self.accept(present)
        await self.resume()

    def open_session(self, connect: Connect) -> bool:
        self.session, present = self.store.open(connect)
        if isinstance(other := self.session.holder, Link) and other is not self:  # a half of a connection that the client has given up
            other.retire()
        self.session.holder = self
        self.visit = Visit(len(self.history.visits), self.session.epoch, connect.version)
        self.history.visits.append(self.visit)
        return present

    async def accept(self, session_present: bool) -> None:
        self.visit.session_present = session_present
        self.put(Connack(session_present=session_present))

    async def resume(self) -> None:
        """What is in flight goes out again, in its order (4.4); then the load goes on."""
        for flight in list(self.session.in_flight.values()):
            if flight.received:
                self.put_release(flight)
            else:
                self.put_publish(flight)
        await self.flush()
        if self.session.filters:
            self.start_pump()

    async def on_subscribe(self, packet: Subscribe) -> None:
        granted = self.grant(packet)
        self.put(Suback(packet_id=packet.packet_id, codes=granted))
        self.store.begin()
        self.start_pump()

    def grant(self, packet: Subscribe) -> list[int]:
        self.session.filters |= {text: options & 3 for text, options in packet.filters}
        return [options & 3 for _, options in packet.filters]

    async def on_publish(self, packet: Publish) -> None:
        if packet.qos:
            self.put((Puback if packet.qos == 1 else Pubrec)(packet_id=packet.packet_id))

    async def on_puback(self, packet: Puback) -> None:
        self.note_ack("puback", packet.packet_id)
        self.session.in_flight.pop(packet.packet_id, None)
        self._wake.set()

    async def on_pubrec(self, packet: Pubrec) -> None:
        self.note_ack("pubrec", packet.packet_id)
        if flight := self.session.in_flight.get(packet.packet_id):
            flight.received = True
            self.put_release(flight)
        else:
            self.put(Pubrel(packet_id=packet.packet_id))

    async def on_pubcomp(self, packet: Pubcomp) -> None:
        self.note_ack("pubcomp", packet.packet_id)
        self.session.in_flight.pop(packet.packet_id, None)
        self._wake.set()

    async def on_pingreq(self) -> None:
        self.put(Pingresp())

    def note_ack(self, kind: str, packet_id: int) -> None:
        if self.history.detail:
            flight = self.session.in_flight.get(packet_id)
            self.history.acks.append(Ack(self.visit.number, kind, packet_id, flight.number if flight else -1))

    # --- messages out

    def start_pump(self) -> None:
        if self._pump is None:
            self._pump = asyncio.get_running_loop().create_task(self._pump_out())
            self._pump.add_done_callback(self._pump_ended)

    def _pump_ended(self, pump: asyncio.Task[None]) -> None:
        if not pump.cancelled() and pump.exception() is not None:
            self.ended("cut")
            if not isinstance(pump.exception(), (Cut, ConnectionError)):
                self.reset()

    async def _pump_out(self) -> None:
        while self.session.next_number < self.store.load.total or self.session.in_flight:
            self._wake.clear()
            if flights := self.session.take(100 if self.after < 0 else 1):
                await self.publish(flights)
            elif self.store.load.rate and not self.session.exhausted:
                await asyncio.sleep(0.005)
            else:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), 0.05)  # the test may let more go

    async def publish(self, flights: list[Flight]) -> None:
        for flight in flights:
            if 0 <= self.after <= self.sent_here and not self.misbehaved:
                await self.flush()
                self.misbehaved = True
                async with self._writing:
                    await self.misbehave(flight)
            if flight.sent is False:
                self.put_publish(flight)
        await self.flush()

    async def misbehave(self, flight: Flight) -> None:
        """Instead of, or before, sending ``flight``: what was not put out here goes out afterwards. Nothing else is written meanwhile."""

    def put_publish(self, flight: Flight) -> None:
        self._out += self.publish_bytes(flight)

    def publish_bytes(self, flight: Flight, *, dup: bool | None = None) -> bytes:
        """The packet, noted as sent."""
        load = self.store.load
        dup = bool(flight.sent and flight.qos) if dup is None else dup
        flight.sent = True
        self.sent_here += 1
        self.history.packets += 1
        if self.history.detail:
            self.history.sent.append(Sent(self.visit.number, flight.number, flight.packet_id, flight.qos, dup, flight.transaction))
        packet = Publish(
            topic=load.topic(flight.number), payload=load.payload(flight.number), qos=flight.qos, dup=dup, packet_id=flight.packet_id
        )
        return encode(packet, self.version)

    def put_release(self, flight: Flight) -> None:
        self.history.released.append(Sent(self.visit.number, flight.number, flight.packet_id, flight.qos, False, flight.transaction))
        self.put(Pubrel(packet_id=flight.packet_id))

    # --- bytes out

    def put(self, packet: Packet | bytes) -> None:
        self._out += packet if isinstance(packet, bytes) else encode(packet, self.version)

    async def flush(self) -> None:
        if self._out:
            async with self._writing:
                await self.write_out()

    async def write_out(self) -> None:
        """What was put, while nobody else writes."""
        data, self._out = bytes(self._out), bytearray()
        if data:
            await self.write(data)

    async def write(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    # --- the end

    async def close(self) -> None:
        """FIN."""
        await self.write_out()
        self.ended("cut")
        self.writer.close()
        raise Cut

    def reset(self) -> None:
        """RST. What the client has not read yet may go with it."""
        self.ended("cut")
        raw = self.writer.get_extra_info("socket")
        with contextlib.suppress(OSError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


class FrontEnd(ServerThread):
    """The sockets of a FaultyBroker: what dies when it crashes."""

    def __init__(self, broker: FaultyBroker, port: int) -> None:
        self._broker = broker
        self._wanted_port = port
        self._links: set[Link] = set()
        super().__init__()

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await reader.read(65_536)
        if not first:
            return
        link = self._broker.next_link()(self._broker.store, reader, writer)
        self._broker.links.append(link)
        self._links.add(link)
        try:
            await link.run(first)
        finally:
            self._links.discard(link)

    def kill(self) -> None:
        self._run(self._kill())
        self.close()

    async def _kill(self) -> None:
        self._server.close()
        for link in list(self._links):
            for flight in link.session.take(1) if link.session.filters else []:
                data = link.publish_bytes(flight)  # a packet of which the client sees a part; nothing comes between it and the end
                link.writer.write(data[: len(data) // 2])
            link.reset()

    async def _listen(self) -> asyncio.Server:
        for _ in range(50):
            with contextlib.suppress(OSError):
                return await asyncio.start_server(self._accept, "127.0.0.1", self._wanted_port)
            await asyncio.sleep(0.02)
        raise OSError(f"port {self._wanted_port} is taken")


class FaultyBroker:
    """``plan``: what the first connections are; all others are ``Link``. ``kill()`` is a crash, ``start()`` the same broker again."""

    def __init__(self, store: SessionStore, *plan: type[Link]) -> None:
        self.store = store
        self.port = 0
        self.links: list[Link] = []
        self._plan = list(plan)
        self._lock = threading.Lock()
        self._front: FrontEnd | None = None
        self.start()

    def uri(self, host: str = "127.0.0.1") -> str:
        return f"mqtt://{host}:{self.port}"

    def start(self) -> None:
        if self._front is None:
            self._front = FrontEnd(self, self.port)
            self.port = self._front.port

    def kill(self) -> None:
        if self._front is not None:
            self._front.kill()
            self._front = None

    def close(self) -> None:
        if self._front is not None:
            self._front.close()
            self._front = None

    def next_link(self) -> type[Link]:
        with self._lock:
            return self._plan.pop(0) if self._plan else Link

    def unused(self) -> list[str]:
        """Faults of the plan that have not happened."""
        return [link.__name__ for link in self._plan] + [
            type(link).__name__ for link in self.links if type(link).after >= 0 and not link.misbehaved
        ]

    def wait_finished(self, seconds: float) -> bool:
        """Until everything is sent, and acknowledged where it has to be."""
        end = time.monotonic() + seconds
        while not self.store.finished and time.monotonic() < end:
            time.sleep(0.005)
        return self.store.finished

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
