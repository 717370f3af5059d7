"""What one connection of a broker may do wrong, a class for each. What they share is in ``faulty.py``, their catalogue in
``fault_scripts.py``.

Numbers come from 0; ``after`` says how many go well before the fault. A connection that is not in a script's plan is well-behaved: what
the faults have left undone, it makes good.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from typing import ClassVar

from .faulty import Cut, Link
from .fields import V5
from .packets import Connack, Connect, Disconnect, Packet, Pingresp, Puback, Pubcomp, Publish, Pubrec, Pubrel, Suback, Subscribe, Unsuback
from .sessions import Flight

_AFTER = 20

# --- how bytes come


class OneByteWrites(Link):
    step: ClassVar[int] = 1
    pause: ClassVar[float] = 0.0

    async def write(self, data: bytes) -> None:
        for at in range(0, len(data), self.step):
            await super().write(data[at : at + self.step])
            await asyncio.sleep(self.pause)


class OddSlices(OneByteWrites):
    step = 7


class SlowDrip(Link):
    """One PUBLISH takes half a second; those behind it wait."""

    after = _AFTER

    async def misbehave(self, flight: Flight) -> None:
        data = self.publish_bytes(flight)
        for byte in data:
            await self.write(bytes([byte]))
            await asyncio.sleep(0.5 / len(data))


class Coalesced(Link):
    """All that there is to say within 50 ms, answers and messages, in one write."""

    async def flush(self) -> None:
        if not self.writer.transport.is_closing():
            asyncio.get_running_loop().call_later(0.05, self._write_all)

    def _write_all(self) -> None:
        data, self._out = bytes(self._out), bytearray()
        if data and not self.writer.transport.is_closing():
            self.writer.write(data)


# --- how connections end


class CutInPublish(Link):
    """Bytes ``to`` of a PUBLISH are sent, then FIN, or RST."""

    after = _AFTER
    to: ClassVar[slice] = slice(None)
    by_reset: ClassVar[bool] = False

    async def misbehave(self, flight: Flight) -> None:
        await self.write(self.publish_bytes(flight)[self.to])
        await asyncio.sleep(0.01)
        if self.by_reset:
            self.reset()
            raise Cut
        await self.close()


class CloseInHeader(CutInPublish):
    to = slice(1)


class CloseInTopic(CutInPublish):
    to = slice(6)


class ResetInPayload(CutInPublish):
    to = slice(-1)
    by_reset = True


class ResetBeforeAck(CutInPublish):
    by_reset = True

    async def on_puback(self, packet: Puback) -> None:
        if self.sent_here <= self.after:
            await super().on_puback(packet)

    async def on_pubrec(self, packet: Pubrec) -> None:
        if self.sent_here <= self.after:
            await super().on_pubrec(packet)


class ResetSoon(CutInPublish):
    after = 7
    by_reset = True


class HalfOpen(Link):
    """FIN of ours; what the client says is still read, and nothing is said any more."""

    after = _AFTER

    async def misbehave(self, flight: Flight) -> None:
        self.writer.write_eof()
        self.ended("cut")
        await asyncio.sleep(60)


class CloseEarly(Link):
    """Goes well for a while, so that the next connection is a reconnect."""

    after = 5

    async def misbehave(self, flight: Flight) -> None:
        await self.close()


# --- CONNACK


class ResetInConnack(Link):
    async def on_connect(self, connect: Connect) -> None:
        self.open_session(connect)
        await self.write(b"\x20\x02\x00" if self.version < V5 else b"\x20\x03\x00")
        await asyncio.sleep(0.01)
        self.reset()
        raise Cut


class ConnackRefused(Link):
    """Server unavailable."""

    async def on_connect(self, connect: Connect) -> None:
        self.open_session(connect)
        self.put(Connack(code=0x88 if self.version == V5 else 3))
        await self.close()


class ConnackTwice(Link):
    after = _AFTER

    async def misbehave(self, flight: Flight) -> None:
        self.put(Connack(session_present=True))
        await self.write_out()


class PublishBeforeConnack(Link):
    async def on_connect(self, connect: Connect) -> None:
        present = self.open_session(connect)
        for flight in self.session.take(3):
            self.put_publish(flight)
        await self.flush()
        await self.accept(present)
        await self.resume()


class SessionPresentWithoutOne(Link):
    async def accept(self, session_present: bool) -> None:
        await super().accept(True)


class SessionAbsentThoughKept(Link):
    """To the client what comes again is new: it has had to forget what it knew of the session (3.2.2.2)."""

    async def accept(self, session_present: bool) -> None:
        for flight in self.session.in_flight.values():
            self.history.transactions += 1
            flight.transaction = self.history.transactions
        await super().accept(False)


# --- silence


class NoPingresp(Link):
    """From some message on only acknowledgements are read, and PINGREQ is not answered."""

    after = _AFTER

    async def misbehave(self, flight: Flight) -> None:
        await asyncio.sleep(60)

    async def on_pingreq(self) -> None:
        pass


class HugeLengthThenSilence(Link):
    """A PUBLISH of 250 MB is announced, of which a little comes."""

    after = _AFTER

    async def misbehave(self, flight: Flight) -> None:
        await self.write(b"\x30\x80\x80\x80\x77\x00\x07plant/1" + b"x" * 1000)
        await asyncio.sleep(60)

    async def on_pingreq(self) -> None:
        pass


class SubackNever(Link):
    async def on_subscribe(self, packet: Subscribe) -> None:
        self.grant(packet)


# --- SUBACK


class SubackDowngrade(Link):
    """QoS 0 for whatever was asked."""

    def grant(self, packet: Subscribe) -> list[int]:
        self.session.filters |= {text: 0 for text, _ in packet.filters}
        return [0] * len(packet.filters)


class SubackRefused(Link):
    def grant(self, packet: Subscribe) -> list[int]:
        return [0x87 if self.version == V5 else 0x80] * len(packet.filters)


class SubackTooMany(Link):
    def grant(self, packet: Subscribe) -> list[int]:
        return [*super().grant(packet), 0, 0, 0]


class SubackEmpty(Link):
    def grant(self, packet: Subscribe) -> list[int]:
        super().grant(packet)
        return []


class Unsolicited(Link):
    """SUBACK, UNSUBACK and PINGRESP that nobody waits for."""

    after = _AFTER

    async def misbehave(self, flight: Flight) -> None:
        codes = [0] if self.version == V5 else []
        packets: list[Packet] = [Suback(packet_id=999, codes=[0]), Unsuback(packet_id=998, codes=codes), *[Pingresp()] * 3]
        for packet in packets:
            self.put(packet)
        await self.write_out()


# --- messages, packet ids and acknowledgements


class DupRedelivery(Link):
    """Each message twice, the second time marked, without a need."""

    def put_publish(self, flight: Flight) -> None:
        super().put_publish(flight)
        if flight.qos:
            self._out += self.publish_bytes(flight, dup=True)


class PacketIdReused(Link):
    """Another message under a packet id that is in use."""

    after = _AFTER

    async def misbehave(self, flight: Flight) -> None:
        self.put_publish(flight)
        if flight.qos and self.session.next_number < self.store.load.total:
            self.history.spoiled.add(flight.number)
            self.history.transactions += 1
            other = Flight(self.session.next_number, flight.packet_id, flight.qos, self.history.transactions)
            self.put(self.publish_bytes(other))  # that number comes once more, under an id of its own
        await self.write_out()


class Reordered(Link):
    """Packet ids, and the messages of all topics, in the wrong order."""

    async def publish(self, flights: list[Flight]) -> None:
        await super().publish(flights[::-1])


class UnknownPacketIds(Link):
    """Acknowledgements of what the client has never sent, and a release of what the broker has not."""

    after = _AFTER

    async def misbehave(self, flight: Flight) -> None:
        packets: list[Packet] = [Puback(packet_id=777), Pubrec(packet_id=778), Pubcomp(packet_id=779), Pubrel(packet_id=780)]
        for packet in packets:
            self.put(packet)
        await self.write_out()


class AcksLost(CutInPublish):
    """PUBACK and PUBREC of the first messages are not heard; all come again when the connection was lost."""

    by_reset = True

    async def on_puback(self, packet: Puback) -> None:
        self.note_lost()

    async def on_pubrec(self, packet: Pubrec) -> None:
        self.note_lost()

    def note_lost(self) -> None:
        """The window stays shut: a cut follows."""
        self.misbehaved = True
        if self.sent_here >= min(self.session.window, self.after):
            self.reset()
            raise Cut


class PubrelLost(CutInPublish):
    """PUBREC was heard, and the connection breaks before PUBREL."""

    by_reset = True

    async def on_pubrec(self, packet: Pubrec) -> None:
        self.note_ack("pubrec", packet.packet_id)
        if flight := self.session.in_flight.get(packet.packet_id):
            flight.received = True
        self.misbehaved = True
        if self.sent_here >= min(self.session.window, self.after):
            self.reset()
            raise Cut


class PubcompLost(CutInPublish):
    """PUBCOMP is not heard: PUBREL comes again."""

    by_reset = True

    async def on_pubcomp(self, packet: Pubcomp) -> None:
        self.misbehaved = True
        if self.sent_here >= min(self.session.window, self.after):
            self.reset()
            raise Cut


class PubackNever(Link):
    """What the client publishes is not acknowledged."""

    async def on_publish(self, packet: Publish) -> None:
        pass


class PubackLate(Link):
    """Half a second later, and then twice."""

    async def on_publish(self, packet: Publish) -> None:
        if packet.qos:
            answer = (Puback if packet.qos == 1 else Pubrec)(packet_id=packet.packet_id)
            asyncio.get_running_loop().call_later(0.5, self._answer, answer)

    def _answer(self, answer: Packet) -> None:
        if not self.writer.transport.is_closing():
            self.put(answer)
            self.put(answer)
            data, self._out = bytes(self._out), bytearray()
            self.writer.write(data)


# --- what the broker says of itself


class DisconnectCode(Link):
    """Server busy; MQTT 3 can only close."""

    after = _AFTER
    code: ClassVar[int] = 0x89

    async def misbehave(self, flight: Flight) -> None:
        if self.version == V5:
            self.put(Disconnect(code=self.code))
            await self.write_out()
            self.writer.write_eof()
            await asyncio.sleep(0.1)  # to close with something unread is RST, which takes away what the client has not read
        await self.close()


class TakenOver(DisconnectCode):
    code = 0x8E


class GarbageBytes(Link):
    after = _AFTER
    _seeds = itertools.count(1)

    async def misbehave(self, flight: Flight) -> None:
        await self.write(random.Random(next(self._seeds)).randbytes(200))
        await asyncio.sleep(0.05)
        await self.close()


class WrongDirection(Link):
    """SUBSCRIBE, from a broker."""

    after = _AFTER

    async def misbehave(self, flight: Flight) -> None:
        self.put(Subscribe(packet_id=5, filters=[("#", 1)]))
        await self.write_out()
