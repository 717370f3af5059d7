"""Catalogue B4: HiveMQ Community Edition and Mosquitto, restarted under load: nothing is lost beyond their own rules.

What they have acknowledged to the publisher must come out of the stream. HiveMQ (sessions in files) is killed; Mosquitto is stopped, since
it writes its sessions when it ends. Both keep 1,000 messages for a client that is away: the publisher never is that far ahead.
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
from tests.faults.history import TERMS, Row, invariant
from tests.faults.load import count
from tests.faults.witness import PROTOCOLS, QUICK

import honeyframe as hf

RESTARTS = count("RESTARTS", 2)
RATE = 400


class Publisher:
    """Numbers, QoS 1, one after the other, until the ``with`` block is left; where the connection breaks, the same number again."""

    def __init__(self, port: int, topic: str) -> None:
        self.confirmed: set[int] = set()
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
                    self.confirmed.add(number)
                    number += 1
            self._stop.wait(0.05)


def restarted(broker: HiveMQ | Mosquitto, end: Callable[[], None], version: int) -> None:
    keep = {"session_expiry": 600} if version == 5 else {}
    login = {"username": "both", "password": "both-password"}
    client = hf.connect(
        broker.uri(), client_id=f"steady-{version}", clean_start=False, protocol=PROTOCOLS[version], **login, **keep, **QUICK
    )
    stream = client.stream("plant/restarts", qos=1, metadata=["dup"])
    rows: list[Row] = []

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
            end()
            broker.start()
        take(1.0)
    limit = time.monotonic() + 10
    while publisher.confirmed - {row.number for row in rows} and time.monotonic() < limit:
        take(0.1)
    client.close()
    take(0.0)
    stats = stream.stats()
    came = Counter(rows)
    unmarked = [row.number for row, times in came.items() if not row.dup and times > publisher.attempts[row.number]]
    copies = len(rows) - len({row.number for row in rows})
    print(f"{invariant(stats)}; {len(publisher.confirmed):,} confirmed, {RESTARTS} restarts, {copies} copies, {stats.duplicates} marked")
    assert not publisher.confirmed - {row.number for row in rows}, "confirmed by the broker, and lost"
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
        restarted(broker, broker.stop, version)
    finally:
        broker.close()


@pytest.mark.timeout(90 + 30 * RESTARTS)
def test_hivemq(authority: Authority) -> None:
    try:
        broker = HiveMQ(authority, persistent=True)
    except BrokerUnavailable as reason:
        pytest.skip(str(reason))
    try:
        restarted(broker, broker.kill, 5)
    finally:
        broker.close()
