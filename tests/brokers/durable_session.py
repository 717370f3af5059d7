"""A scripted broker's session that outlives its connections, and the client: messages without end, QoS 1."""

from __future__ import annotations

from .packets import Connect, Disconnect, Pingreq, Pingresp, Puback, Publish, Suback, Subscribe, Unsuback, Unsubscribe
from .scripted import Connection


class DurableSession:
    """What a broker keeps of one client: messages by number, which were acknowledged, which are on their way. The test holds it.

    ``most``: how many may be on their way at once.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.sent = 0
        self.in_flight: dict[int, int] = {}  # packet id -> number
        self.acknowledged: set[int] = set()
        self.resent = 0
        self.goes_on = True

    def next_messages(self) -> list[Publish]:
        fresh = []
        while self.goes_on and len(self.in_flight) < self.most:
            self.sent += 1
            packet_id = self.sent % 65_535 + 1
            self.in_flight[packet_id] = self.sent
            fresh.append(self._publish(packet_id))
        return fresh

    def again(self) -> list[Publish]:
        self.resent += len(self.in_flight)
        return [self._publish(packet_id, dup=True) for packet_id in self.in_flight]

    def _publish(self, packet_id: int, dup: bool = False) -> Publish:
        number = self.in_flight[packet_id]
        return Publish(topic=f"plant/{number % 7}/t", payload=b'{"n":%d}' % number, qos=1, packet_id=packet_id, dup=dup)

    async def serve(self, c: Connection) -> None:
        """Sends nothing before SUBSCRIBE came: a session's backlog has a stream to go to then."""
        await c.accept(session_present=self.sent > 0)
        while True:
            match packet := await c.read():
                case Subscribe():
                    await c.send(Suback(packet_id=packet.packet_id, codes=[1] * len(packet.filters)))
                    await c.send(*self.again(), *self.next_messages())
                case Puback():
                    self.acknowledged.add(self.in_flight.pop(packet.packet_id))
                    if fresh := self.next_messages():
                        await c.send(*fresh)
                case Unsubscribe():
                    await c.send(Unsuback(packet_id=packet.packet_id, codes=[0] * len(packet.filters)))
                case Pingreq():
                    await c.send(Pingresp())
                case Disconnect():
                    return
                case Connect():
                    raise AssertionError("CONNECT twice")
