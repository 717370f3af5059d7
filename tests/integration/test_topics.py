"""client.topics and its kin against HiveMQ and Mosquitto: very many retained topics, refusals, interrupts.

``HONEYFRAME_TOPICS=10000`` is the long form of the first test.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator

import pandas as pd
import pytest
from tests.brokers.hivemq import HiveMQ
from tests.brokers.mosquitto import Mosquitto

import honeyframe as hf
from honeyframe.errors import NotClearedWarning, SubscribeDenied

from .conftest import Broker, Dial, Pooled

TOPICS = int(os.environ.get("HONEYFRAME_TOPICS", "1500"))
FOUND_SECONDS = 5.0  # within which each retained message is to be found


@pytest.fixture(scope="module")
def kept(hivemq: HiveMQ) -> Iterator[str]:
    """So many retained topics below a prefix, each with its number."""
    prefix = f"kept/{os.getpid()}"
    rows = pd.DataFrame({"topic": [f"{prefix}/{number % 100}/{number}" for number in range(TOPICS)], "n": range(TOPICS)})
    with hf.connect(hivemq.uri(), username="both", password="both-password") as client:
        assert client.publish_many(rows, topic_column="topic", retain=True, timeout=30).ok
        yield prefix
        client.publish_many(rows.assign(empty=""), topic_column="topic", payload_column="empty", retain=True, timeout=30)


@pytest.mark.parametrize("qos", [0, 1])
def test_every_retained_topic_is_found(hivemq: HiveMQ, kept: str, pooled: Pooled, qos: int) -> None:
    client = pooled(hivemq, 5)
    began = time.monotonic()
    frame = client.topics(f"{kept}/#", seconds=FOUND_SECONDS, messages=TOPICS, qos=qos)
    print(f"{TOPICS:,} retained topics, QoS {qos}: found in {time.monotonic() - began:.2f} s")
    assert len(frame) == frame["topic"].nunique() == TOPICS
    assert frame["retained"].all()
    assert frame["json"].all()
    numbers = frame["topic"].str.rsplit("/", n=1).str[-1]
    assert (frame["last_payload"] == '{"n":' + numbers + "}").all()


def test_the_latest_of_every_topic(hivemq: HiveMQ, kept: str, pooled: Pooled) -> None:
    frame = pooled(hivemq, 5).latest(f"{kept}/{{group}}/{{number}}", seconds=1.5)
    assert len(frame) == TOPICS
    assert (frame["n"].astype("string") == frame["number"]).all()


def test_a_credential_that_may_not_look(broker: Broker, dial: Dial) -> None:
    if isinstance(broker, Mosquitto):
        pytest.skip("Mosquitto grants each subscription, and sends nothing")
    client = dial(broker.uri(), user="pub")
    for look in (lambda: client.topics("#", 1), lambda: client.latest("#", 1), lambda: client.wait_for("#", timeout=1)):
        with pytest.raises(SubscribeDenied, match="#"):
            look()
    with pytest.raises(SubscribeDenied):
        client.clear_retained("test/#", seconds=1)
    assert client.stats()["connects"] == 1


@pytest.mark.parametrize(("name", "version"), [("hivemq", 5), ("hivemq", 4), ("mosquitto", 4)])
def test_a_credential_that_may_not_clear(
    request: pytest.FixtureRequest, dial: Dial, pooled: Pooled, name: str, version: int, topic: str
) -> None:
    """MQTT 5 has a reason code, HiveMQ closes an MQTT 3 connection, and Mosquitto confirms what it refuses there."""
    broker: Broker = request.getfixturevalue(name)
    writer = pooled(broker, 5)
    kept = pd.DataFrame({"topic": [f"{topic}/{number}" for number in range(3)], "text": "kept", "nothing": ""})
    writer.publish_many(kept, topic_column="topic", payload_column="text", retain=True)
    try:
        reader = dial(broker.uri(), user="sub", version=version)
        with pytest.warns(NotClearedWarning, match=f"3 of 3 retained messages were not cleared; first: '{topic}/0'"):
            frame = reader.clear_retained(f"{topic}/#", dry_run=False, seconds=0.3, timeout=5)
        assert not frame["cleared"].any()
        assert frame["error"].notna().all()
        assert len(writer.clear_retained(f"{topic}/#", seconds=0.3)) == 3
    finally:
        writer.publish_many(kept, topic_column="topic", payload_column="nothing", retain=True)


def test_request_over_a_real_broker(broker: Broker, dial: Dial, topic: str) -> None:
    responder, client = dial(broker.uri()), dial(broker.uri())

    def answer() -> None:
        asked = responder.wait_for(topic, timeout=10)
        responder.publish(asked.response_topic, {"asked": asked.json()}, qos=1, correlation_data=asked.correlation_data)

    thread = threading.Thread(target=answer)
    thread.start()
    time.sleep(0.3)  # until it listens
    try:
        assert client.request(topic, {"n": 1}, timeout=5).json() == {"asked": {"n": 1}}
    finally:
        thread.join()
