"""What a broker keeps of its clients, and what it did: sessions and a history, both held by the test.

A front end (``faulty.py``) may be killed at any moment; these stay, so that a new one on the same port goes on where the old one was: a
broker that crashed and has durable sessions.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from .fields import V5
from .packets import Connect, Publish


def numbered(number: int) -> bytes:
    return b'{"n":%d}' % number


@dataclass(frozen=True, kw_only=True)
class Load:
    """What is published: the numbers from 0 to ``total`` - 1, each in a payload. ``rate`` is messages a second, 0: as fast as they go."""

    total: int
    qos: int = 1
    rate: float = 0.0
    topic: Callable[[int], str] = lambda number: f"plant/{number % 7}/t"
    payload: Callable[[int], bytes] = numbered


@dataclass(slots=True)
class Flight:
    """A message on its way: one transaction of MQTT (4.3), however often its packets are sent. QoS 0 has no packet id."""

    number: int
    packet_id: int
    qos: int
    transaction: int
    sent: bool = False
    received: bool = False  # QoS 2: PUBREC came


@dataclass(slots=True)
class Sent:
    visit: int
    number: int
    packet_id: int
    qos: int
    dup: bool
    transaction: int


@dataclass(slots=True)
class Ack:
    """``number`` is -1 where nothing was in flight under this packet id."""

    visit: int
    kind: str  # puback, pubrec, pubcomp
    packet_id: int
    number: int


@dataclass(slots=True)
class Visit:
    """A connection, from CONNECT on. ``ended``: "open"; "disconnected", in order and by the client; "left", by the client without a word;
    "cut", by the broker."""

    number: int
    epoch: int
    version: int
    session_present: bool | None = None  # what CONNACK said
    ended: str = "open"
    opened_at: float = field(default_factory=time.monotonic)


class History:
    """What the broker sent, and what was acknowledged, in its order. Written by the front end's thread; lists only grow.

    Without ``detail`` only ``packets`` counts: for loads of millions.
    """

    def __init__(self, *, detail: bool = True) -> None:
        self.detail = detail
        self.packets = 0  # PUBLISH
        self.visits: list[Visit] = []
        self.sent: list[Sent] = []
        self.acks: list[Ack] = []
        self.released: list[Sent] = []  # PUBREL
        self.published: list[Publish] = []  # by the client
        self.transactions = 0
        self.spoiled: set[int] = set()  # numbers that the broker itself has sent another message in place of

    def acknowledged(self) -> set[int]:
        """Numbers that the client has taken over for good: PUBACK; PUBREC on MQTT 5, where the message is delivered before it; PUBCOMP."""
        versions = {visit.number: visit.version for visit in self.visits}
        return {
            ack.number
            for ack in self.acks
            if ack.number >= 0 and (ack.kind in ("puback", "pubcomp") or (ack.kind == "pubrec" and versions[ack.visit] == V5))
        }

    def safely_sent(self) -> set[int]:
        """Numbers of QoS 0 that went out on the last connection, where nobody cut it. (A client that found a fault disconnects as well.)"""
        last = self.visits[-1] if self.visits else None
        if last is None or last.ended not in ("open", "disconnected"):
            return set()
        return {sent.number for sent in self.sent if sent.qos == 0 and sent.visit == last.number}

    def owed(self) -> set[int]:
        """What must come out at the other end."""
        return (self.acknowledged() | self.safely_sent()) - self.spoiled


class Session:
    """A client's session (4.1): its subscriptions, what is in flight, and how far it is in the load."""

    def __init__(self, store: SessionStore, epoch: int) -> None:
        self.epoch = epoch
        self.filters: dict[str, int] = {}
        self.in_flight: dict[int, Flight] = {}
        self.next_number = 0
        self.window = store.window
        self.holder: object | None = None  # the connection that it is used by
        self._store = store
        self._last_id = 0

    @property
    def finished(self) -> bool:
        return not self.in_flight and self.exhausted

    @property
    def exhausted(self) -> bool:
        return self.next_number >= self._store.end

    def take(self, most: int = 100) -> list[Flight]:
        """The next messages, as far as the window and the load's rate allow."""
        load, flights = self._store.load, []
        end = self._store.offered()
        qos = min(load.qos, max(self.filters.values(), default=0))
        while self.next_number < end and len(flights) < most and (qos == 0 or len(self.in_flight) < self.window):
            flights.append(self.fly(self.next_number, qos))
            self.next_number += 1
        return flights

    def fly(self, number: int, qos: int) -> Flight:
        history = self._store.history
        history.transactions += 1
        flight = Flight(number, self._free_id() if qos else 0, qos, history.transactions)
        if qos:
            self.in_flight[flight.packet_id] = flight
        return flight

    def _free_id(self) -> int:
        while True:
            self._last_id = self._last_id % 65_535 + 1
            if self._last_id not in self.in_flight:
                return self._last_id


class SessionStore:
    """``window`` bounds what is in flight (the client's receive maximum does, too). The load begins with the first SUBSCRIBE."""

    def __init__(self, load: Load, *, window: int = 20, detail: bool = True) -> None:
        self.load = load
        self.window = window
        self.limit: int | None = None  # set by the test: no number from here on is published for now
        self.history = History(detail=detail)
        self.sessions: dict[str, Session] = {}
        self.started_at: float | None = None
        self._epochs = 0

    def open(self, connect: Connect) -> tuple[Session, bool]:
        """The session for this CONNECT, and whether there was one."""
        kept = self.sessions.get(connect.client_id)
        if kept is not None and not connect.clean_start:
            present, session = True, kept
        else:
            self._epochs += 1
            present, session = False, Session(self, self._epochs)
            if kept is not None:  # what was in flight goes with the old one; the load goes on
                session.next_number = kept.next_number
            self.sessions[connect.client_id] = session
        maximum = connect.properties.get("receive_maximum", 65_535) if connect.version == V5 else 65_535
        session.window = min(self.window, maximum)
        return session, present

    def begin(self) -> None:
        if self.started_at is None:
            self.started_at = time.monotonic()

    def offered(self) -> int:
        """How many numbers have been published so far."""
        if self.started_at is None:
            return 0
        if not self.load.rate:
            return self.end
        return min(self.end, int((time.monotonic() - self.started_at) * self.load.rate))

    @property
    def end(self) -> int:
        """The number that is not published."""
        return self.load.total if self.limit is None else min(self.limit, self.load.total)

    def halt(self) -> None:
        """Nothing new is published."""
        self.limit = 0

    @property
    def finished(self) -> bool:
        return bool(self.sessions) and all(session.finished for session in self.sessions.values())
