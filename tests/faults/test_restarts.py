"""Catalogue B4: HiveMQ Community Edition and Mosquitto, restarted under load: nothing is lost beyond their own rules.

What they have acknowledged to the publisher must come out of the stream. Both keep 1,000 messages for a client that is away: the
publisher never is that far ahead. Mosquitto is stopped, since it writes its sessions when it ends. HiveMQ is killed; it writes files a
moment after it has acknowledged: what of the last moment never was on its way to honeyframe is its loss, and a relay in between tells.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable
from types import TracebackType
from typing import Self

import pytest
from tests.brokers.certificates import Authority
from tests.brokers.client import Client, Closed
from tests.brokers.hivemq import HiveMQ
from tests.brokers.mosquitto import Mosquitto
from tests.brokers.ports import BrokerUnavailable
from tests.brokers.proxies import Relay
from tests.faults.history import TERMS, Row, invariant
from tests.faults.load import count
from tests.faults.witness import PROTOCOLS, QUICK

import honeyframe as hf

RESTARTS = count("RESTARTS", 2)
RATE = 400


class Publisher:
    """Numbers, QoS 1, one after the other, until the ``with`` block is left; where the connection breaks, the same number again."""

    def __init__(self, port: int, topic: str) -> None:
        self.confirmed: dict[int, float] = {}  # number -> when
        self.attempts: Counter[int] = Counter()
        self._port, self._topic = port, topic
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join(15)

    def _run(self) -> None:
        number = 0
        while not self._stop.is_set():
            with contextlib.suppress(OSError, Closed, TimeoutError), Client(self._port) as client:
                while not self._stop.wait(1 / RATE) and client.connack.code == 0:
                    self.attempts[number] += 1
                    client.publish(self._topic, b'{"n":%d}' % number, qos=1)
                    self.confirmed[number] = time.monotonic()
                    number += 1
            self._stop.wait(0.05)


def restarted(broker: HiveMQ | Mosquitto, end: Callable[[], None], version: int, *, last_moment: float) -> None:
    """``last_moment``: how many seconds before its end the broker may have acknowledged what it had not kept yet."""
    with Relay(broker.listeners.ports["tcp"]) as relay:
        _restarted(broker, end, version, last_moment, relay)


def _restarted(broker: HiveMQ | Mosquitto, end: Callable[[], None], version: int, last_moment: float, relay: Relay) -> None:
    keep = {"session_expiry": 600} if version == 5 else {}
    login = {"username": "both", "password": "both-password"}
    client = hf.connect(
        relay.uri(), client_id=f"steady-{version}", clean_start=False, protocol=PROTOCOLS[version], **login, **keep, **QUICK
    )
    stream = client.stream("plant/restarts", qos=1, metadata=["dup"])
    rows: list[Row] = []
    ends: list[float] = []

    def take(seconds: float) -> None:
        df = stream.read(seconds=seconds).to_pandas()
        if "n" in df:
            rows.extend(Row(*pair) for pair in zip(df["n"].tolist(), df["_dup"].tolist(), strict=True))

    with Publisher(broker.listeners.ports["tcp"], "plant/restarts") as publisher:
        for _ in range(RESTARTS):
            before = len(rows)
            limit = time.monotonic() + 15
            take(0.5)
            while len(rows) == before and time.monotonic() < limit:
                take(0.1)
            assert len(rows) > before, "nothing came: this restart shows nothing"
            ends.append(time.monotonic())
            end()
            broker.start()
        take(1.0)
    limit = time.monotonic() + 10
    while publisher.confirmed.keys() - {row.number for row in rows} and time.monotonic() < limit:
        take(0.1)
    client.close()
    take(0.0)
    stats = stream.stats()
    came = Counter(rows)
    unmarked = [row.number for row, times in came.items() if not row.dup and times > publisher.attempts[row.number]]
    copies = len(rows) - len({row.number for row in rows})
    missing = publisher.confirmed.keys() - {row.number for row in rows}
    print(
        f"{invariant(stats)}; {len(publisher.confirmed):,} confirmed, {RESTARTS} restarts, {copies} copies, {stats.duplicates} marked, "
        f"{len(missing)} lost by the broker"
    )
    assert [number for number in missing if b'{"n":%d}' % number in relay.sent_by_broker] == [], "they came, and are lost"
    assert [number for number in missing if not any(abs(at - publisher.confirmed[number]) < last_moment for at in ends)] == []
    assert stats.received == sum(stats[term] for term in TERMS)
    assert stats.delivered == len(rows)
    assert not unmarked
    assert client.stats()["gaps"] == 0


@pytest.mark.timeout(60 + 20 * RESTARTS)
@pytest.mark.parametrize("version", [4, 5])
def test_mosquitto(authority: Authority, version: int) -> None:
    try:
        broker = Mosquitto(authority, persistent=True)
    except BrokerUnavailable as reason:
        pytest.skip(str(reason))
    try:
        restarted(broker, broker.stop, version, last_moment=0.0)
    finally:
        broker.close()


@pytest.mark.timeout(90 + 30 * RESTARTS)
def test_hivemq(authority: Authority) -> None:
    try:
        broker = HiveMQ(authority, persistent=True)
    except BrokerUnavailable as reason:
        pytest.skip(str(reason))
    try:
        restarted(broker, broker.kill, 5, last_moment=0.1)
    finally:
        broker.close()
