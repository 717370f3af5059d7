"""Catalogue N1 and R3: slow ways, ways that break, and how soon a client is back when its broker is."""

from __future__ import annotations

import random
import statistics
import time

import pytest
from tests.brokers.faulty import FaultyBroker
from tests.brokers.proxies import PoorRelay
from tests.brokers.sessions import Load, SessionStore
from tests.faults.history import check, invariant
from tests.faults.load import amount, count
from tests.faults.witness import PROTOCOLS, Witness
from tests.integration.conftest import in_parallel

import honeyframe as hf

MESSAGES = count("NETWORK_MESSAGES", 300)
OUTAGES = count("OUTAGES", 3)
LONGEST_OUTAGE = amount("OUTAGE_SECONDS", 1.0)
AT_ONCE = 1 if OUTAGES < 10 else 8


CASES = [(0.05, 1, 5), (0.05, 2, 4), (0.2, 0, 4), (0.2, 1, 4), (0.2, 2, 5)]


@pytest.mark.timeout(60 + MESSAGES / 5)
def test_slow_ways_that_break() -> None:
    """Delays each way; one in a hundred pieces of what is said is answered by RST instead. All at once."""
    in_parallel(CASES, slow_way)


def slow_way(case: tuple[float, int, int]) -> None:
    delay, qos, version = case
    store = SessionStore(Load(total=MESSAGES, qos=qos, rate=200), window=50)
    with FaultyBroker(store) as broker, PoorRelay(broker.port, delay=delay, resets=0.01, seed=qos + version) as relay:
        witness = Witness(broker, version=version, client_id=f"far-{qos}-{version}", uri=relay.uri())
        assert witness.open(qos=qos)
        witness.read(30 + MESSAGES / 10)
        witness.close()
        evidence = witness.evidence()
    evidence.waits = {step: seconds for step, seconds in evidence.waits.items() if step != "read"}
    print(f"{case}: {invariant(evidence.stats)}; {len(store.history.visits)} connections, {relay.reset_count} resets")
    assert [tuple(violation) for violation in check(evidence)] == []


def test_back_soon_after_the_broker_is() -> None:
    """With the defaults: the time from the broker's return to CONNACK, after outages of any length up to some seconds."""
    moments = random.Random(5)
    times: list[float] = []
    for _ in range(-(-OUTAGES // AT_ONCE)):
        store = SessionStore(Load(total=0))
        with FaultyBroker(store) as broker:
            clients = [hf.connect(broker.uri(), client_id=f"c{n}", protocol=PROTOCOLS[4 + n % 2]) for n in range(AT_ONCE)]
            time.sleep(0.1)
            broker.kill()
            time.sleep(moments.uniform(0.0, LONGEST_OUTAGE))
            broker.start()
            back, visits = time.monotonic(), store.history.visits
            end = back + 40
            while len(visits) < 2 * AT_ONCE and time.monotonic() < end:
                time.sleep(0.005)
            times += [visit.opened_at - back for visit in visits[AT_ONCE:]]
            for client in clients:
                client.close()
    times.sort()
    late = times[min(len(times) - 1, round(0.95 * len(times)))]
    print(
        f"{len(times)} reconnects after outages of up to {LONGEST_OUTAGE:.0f} s: median {statistics.median(times):.2f} s, p95 {late:.2f} s"
    )
    assert len(times) == -(-OUTAGES // AT_ONCE) * AT_ONCE
    assert late <= 2.0
