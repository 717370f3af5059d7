"""Catalogue P2, P3, L1: very many topics, a very large packet, very many clients: memory under a stated cap, and nothing left behind."""

from __future__ import annotations

import asyncio

import pytest
from tests.brokers.faulty import FaultyBroker, Link
from tests.brokers.fields import encode_length
from tests.brokers.sessions import Load, SessionStore
from tests.faults.child import MIB, FaultChild
from tests.faults.history import TERMS, invariant
from tests.faults.load import count, needs_proc

import honeyframe as hf

pytestmark = needs_proc

TOPICS = count("TOPICS", 50_000)
CYCLES = count("CYCLES", 200)
THREADS = 4
QUEUE_BYTES = 16 * MIB
SLOTS = 10_000
PACKET_BYTES = 200 * MIB


def own_topic(number: int) -> str:
    return f"load/{number:08d}/a-name-of-some-length"


@pytest.mark.timeout(120 + TOPICS / 2_000)
def test_as_many_topics_as_messages() -> None:
    """The dictionary of topics is within the queue's bound, and starts anew at max_topics."""
    store = SessionStore(Load(total=TOPICS, qos=0, topic=own_topic), detail=False)
    options = {"max_queue_bytes": QUEUE_BYTES, "max_topics": SLOTS, "overflow": "block"}
    with FaultyBroker(store) as broker, FaultChild("crowd", uri=broker.uri(), options=options, messages=TOPICS, topics=True) as child:
        found = child.result(60 + TOPICS / 2_000)
    stats = found["stats"]
    cap = found["base"] + QUEUE_BYTES + 2 * found["batch_bytes"] + 16 * MIB
    print(f"{TOPICS:,} topics: {invariant(stats)}; base {found['base'] / MIB:.0f}, peak {found['peak'] / MIB:.0f}, cap {cap / MIB:.0f} MiB")
    assert stats["received"] == TOPICS == found["rows"] == found["topics"]
    assert stats["received"] == sum(stats[term] for term in TERMS)
    assert found["peak"] <= cap


def test_more_topics_than_slots_are_counted_exactly() -> None:
    """overflow="latest" where nobody reads: what found no slot is counted, to the message."""
    offered = 5 * SLOTS
    store = SessionStore(Load(total=offered, qos=0, topic=own_topic), detail=False)
    options = {"max_topics": SLOTS, "overflow": "latest"}
    with FaultyBroker(store) as broker, FaultChild("crowd", uri=broker.uri(), options=options, messages=offered, topics=False) as child:
        stats = child.result()["stats"]
    print(invariant(stats))
    assert (stats["received"], stats["dropped"], stats["dropped_no_slot"]) == (offered, offered - SLOTS, offered - SLOTS)
    assert stats["received"] == sum(stats[term] for term in TERMS)


@pytest.mark.timeout(120 + TOPICS / 2_000)
@pytest.mark.parametrize("places", [TOPICS, TOPICS // 10])
def test_topics_of_a_broker_with_very_many(places: int) -> None:
    """``client.topics``: each has its row, or is counted; a million in 1 GiB, and the connection stands."""
    store = SessionStore(Load(total=TOPICS, qos=0, topic=own_topic), detail=False)
    given = {"seconds": 60 + TOPICS / 2_000, "messages": TOPICS, "max_topics": places}
    with FaultyBroker(store) as broker, FaultChild("topics_crowd", uri=broker.uri(), **given) as child:
        found = child.result(90 + TOPICS / 2_000)
    account = found["account"]
    took = f"watched {found['watched']:.1f} s, frame after {found['seconds']:.1f} s"
    print(f"{TOPICS:,} topics, {places:,} places: {took}; base {found['base'] / MIB:.0f}, peak {found['peak'] / MIB:.0f} MiB")
    assert (found["rows"], found["distinct"], found["messages"]) == (places, places, places)
    assert (account["topics"], account["messages"], account["dropped"], account["rejected"]) == (places, TOPICS, 0, 0)
    assert account["unplaced_topics"] == account["unplaced_messages"] == TOPICS - places
    assert (found["connects"], found["arrived"]) == (1, TOPICS)
    assert found["peak"] <= found["base"] + 160 * MIB + 600 * places
    assert found["peak"] <= 1024 * MIB


class HugePacket(Link):
    """One message of 200 MiB, then the load."""

    after = 0

    async def misbehave(self, flight: object) -> None:
        self.history.packets += 1
        await self.write(b"\x30" + encode_length(PACKET_BYTES + 6) + b"\x00\x04load")
        for _ in range(PACKET_BYTES // MIB):
            await self.write(b"x" * MIB)
            await asyncio.sleep(0)


def test_a_packet_of_200_mib_is_refused_and_counted() -> None:
    """Lean Paho is shown nothing of it. The system's holds it twice, at most; afterwards its memory is the system's again."""
    lean = hf._core.build_info()["paho"].endswith("lean")
    store = SessionStore(Load(total=100, qos=0, topic=own_topic), detail=False)
    with (
        FaultyBroker(store, HugePacket) as broker,
        FaultChild("crowd", uri=broker.uri(), options={}, messages=99 if lean else 101, topics=True) as child,
    ):
        found = child.result()
    stats = found["stats"]
    print(f"{invariant(stats)}; base {found['base'] / MIB:.0f}, peak {found['peak'] / MIB:.0f}, end {found['end'] / MIB:.0f} MiB")
    rejected = 0 if lean else 1
    assert found["refused_packets"] == 1 - rejected
    assert (stats["rejected"], stats["rejected_too_large"]) == (rejected, rejected)
    # Behind a refused packet the connection ends: a message of QoS 0 that the broker has written by then is lost.
    assert stats["delivered"] in ((99, 100) if lean else (100,))
    assert stats["received"] == stats["delivered"] + rejected
    assert found["peak"] <= found["base"] + 2 * rejected * PACKET_BYTES + 16 * MIB
    assert found["end"] <= found["base"] + 32 * MIB


@pytest.mark.timeout(60 + CYCLES)
def test_clients_that_come_and_go() -> None:
    """Created, connected, closed, with messages in flight, on several threads: descriptors and threads are those of the beginning."""
    store = SessionStore(Load(total=10**9, qos=1, rate=500, topic=own_topic), detail=False)
    with FaultyBroker(store) as broker, FaultChild("churn", uri=broker.uri(), cycles=CYCLES, threads=THREADS) as child:
        found = child.result(50 + CYCLES)
    print(f"{CYCLES} clients in {found['seconds']:.1f} s: {found['messages']:,} messages; before {found['before']}, after {found['after']}")
    assert found["problems"] == []
    assert found["messages"] > CYCLES
    assert found["after"] == found["before"]
