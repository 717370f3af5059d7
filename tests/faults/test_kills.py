"""Catalogue B2: a broker that is killed under load, again and again, and comes back with its sessions: nothing lost, copies marked."""

from __future__ import annotations

import random
import time

import pytest
from tests.brokers.faulty import FaultyBroker
from tests.brokers.sessions import Load, SessionStore
from tests.faults.history import check, invariant
from tests.faults.load import amount, count
from tests.faults.witness import Witness

KILLS = count("KILLS", 10)
SECONDS_BETWEEN = amount("KILL_SECONDS", 0.3)
RATE = 4_000
WINDOW = 50


@pytest.mark.timeout(120 + KILLS * 5)
@pytest.mark.parametrize("version", [4, 5])
def test_killed_under_load(version: int) -> None:
    store = SessionStore(Load(total=10**9, qos=1, rate=RATE), window=WINDOW)
    moments = random.Random(11)
    with FaultyBroker(store) as broker:
        witness = Witness(broker, version=version, client_id="survivor", receive_maximum=WINDOW)
        assert witness.open(qos=1)
        for _ in range(KILLS):
            before = len(store.history.acks)
            end = time.monotonic() + moments.uniform(0.5, 1.5) * SECONDS_BETWEEN
            while time.monotonic() < end or (len(store.history.acks) == before and time.monotonic() < end + 10):
                witness.take(0.02)
            assert len(store.history.acks) > before, "nothing was acknowledged: this kill shows nothing"
            broker.kill()
            broker.start()
        witness.take(0.2)
        store.halt()
        witness.read(9)
        witness.close()
        evidence = witness.evidence()
    sent = {one.number for one in store.history.sent}
    came = {row.number for row in witness.rows}
    copies = len(witness.rows) - len(came)
    print(f"{invariant(evidence.stats)}; {len(sent):,} messages, {KILLS} kills, {copies} copies, {evidence.stats['duplicates']} marked")
    assert [tuple(violation) for violation in check(evidence)] == []
    assert came == sent == set(range(len(sent)))
    assert copies <= WINDOW * KILLS
    assert sum(visit.session_present is not None for visit in store.history.visits) > KILLS
