"""Every version over every transport, to both real brokers: what is published is what is read."""

from __future__ import annotations

import json

import pytest
from tests.brokers.client import Client
from tests.brokers.mosquitto import Mosquitto
from tests.integration.conftest import VERSIONS, Broker, Dial, Pooled, assert_balanced, in_parallel
from tests.waiting import wait_until

import honeyframe as hf

pytestmark = pytest.mark.timeout(60)

versions = pytest.mark.parametrize("version", [3, 4, 5], ids=["3.1", "3.1.1", "5.0"])


@pytest.mark.parametrize("transports", [("mqtt", "mqtts"), ("ws",), ("wss",)], ids="+".join)
def test_what_is_published_is_read(broker: Broker, transports: tuple[str, ...], dial: Dial, topic: str) -> None:
    """All versions; over TCP and TLS at the same time, over WebSockets one after the other, as a process can hold only one of these."""
    cases = [(transport, version) for transport in transports for version in VERSIONS]

    def run(case: tuple[str, int]) -> None:
        transport, version = case
        client = dial(broker.uri(transport), version=version)
        assert client.info()["protocol"] == VERSIONS[version]
        below = f"{topic}/{transport}/{version}"
        _exchange(broker, client, version, below)
        _send_much(client, below, cut_to_pieces=transport.startswith("ws") and isinstance(broker, Mosquitto))
        client.close()

    if transports == ("mqtt", "mqtts"):
        in_parallel(cases, run)
    else:
        for case in cases:
            run(case)


def _exchange(broker: Broker, client: hf.Client, version: int, topic: str) -> None:
    """Both ways past a client that is not ours: QoS 0, 1 and 2, integers, text, nesting, and a template's level."""
    with Client(broker.listeners.ports["tcp"], version=version) as other:
        other.subscribe(f"{topic}/out", qos=2)
        stream = client.stream(f"{topic}/in/{{line}}", qos=2)
        assert stream.granted_qos == (2,)
        for qos in (0, 1, 2):
            client.publish(f"{topic}/out", {"n": qos, "name": "Grüße", "location": {"lat": 47.07}}, qos=qos)
            message = other.receive()
            assert message is not None
            assert (message.topic, message.qos) == (f"{topic}/out", qos)
            assert json.loads(message.payload) == {"n": qos, "name": "Grüße", "location": {"lat": 47.07}}
            other.publish(f"{topic}/in/line-{qos}", json.dumps({"id": 2**53 + 1 + qos, "deep": {"t": 0.5}}), qos=qos)
        df = stream.read(rows=3, seconds=10).to_pandas().sort_values("line", ignore_index=True)
        assert list(df["line"]) == ["line-0", "line-1", "line-2"]
        assert list(df["id"]) == [2**53 + 1, 2**53 + 2, 2**53 + 3]
        assert list(df["deep.t"]) == [0.5] * 3
        assert list(df["_topic"]) == [f"{topic}/in/line-{qos}" for qos in (0, 1, 2)]
        assert str(df["_recv_time"].dtype) == "datetime64[ns, UTC]"
        assert_balanced(stream)


def _send_much(client: hf.Client, topic: str, *, cut_to_pieces: bool) -> None:
    """A message that is larger than any buffer. Mosquitto cuts what it sends over WebSockets into 4 KiB, and Paho takes 100 ms for each."""
    text = "x" * (20_000 if cut_to_pieces else 1_000_000)
    stream = client.stream(f"{topic}/much")
    client.publish(f"{topic}/much", {"text": text}, qos=1, timeout=20)
    assert list(stream.read(rows=1, seconds=15).to_pandas()["text"]) == [text]


@versions
def test_retained_messages_come_first_and_are_marked(broker: Broker, version: int, pooled: Pooled, topic: str) -> None:
    client = pooled(broker, version)
    try:
        client.publish(topic, {"n": 1}, qos=1, retain=True)
        stream = client.stream(topic)
        first = stream.read(rows=1, seconds=5).to_pandas()
        client.publish(topic, {"n": 2}, qos=1)
        second = stream.read(rows=1, seconds=5).to_pandas()
        assert [list(df["n"]) for df in (first, second)] == [[1], [2]]
        assert [list(df["_retain"]) for df in (first, second)] == [[True], [False]]
        skipping = client.stream(topic, retained="skip")
        client.publish(topic, {"n": 3}, qos=1)
        assert list(skipping.read(rows=1, seconds=5).to_pandas()["n"]) == [3]
        assert_balanced(skipping)
    finally:
        client.publish(topic, b"", qos=1, retain=True)


@versions
def test_wildcards_match_as_the_specification_says(broker: Broker, version: int, pooled: Pooled, topic: str) -> None:
    client = pooled(broker, version)
    one, many = client.stream(f"{topic}/+/t"), client.stream(f"{topic}/a/#")
    for tail in ("a/t", "b/t", "a", "a/t/deep", "b/t/deep", "end"):
        client.publish(f"{topic}/{tail}", {"tail": tail}, qos=1)
    wait_until(lambda: one.stats().received == 2 and many.stats().received == 3, what="2 and 3 messages")
    assert sorted(one.read(rows=2, seconds=5).to_pandas()["tail"]) == ["a/t", "b/t"]
    assert sorted(many.read(rows=3, seconds=5).to_pandas()["tail"]) == ["a", "a/t", "a/t/deep"]
    stats = client.stats()
    assert stats["arrived"] == stats["routed"] + stats["unmatched"]


@versions
def test_overlapping_filters_of_two_streams_each_get_their_own_and_nothing_twice(
    broker: Broker, version: int, pooled: Pooled, topic: str
) -> None:
    client = pooled(broker, version)
    wide, narrow = client.stream(f"{topic}/#"), client.stream(f"{topic}/+/t")
    for n in range(20):
        client.publish(f"{topic}/{n}/t", {"n": n}, qos=1)
    assert sorted(wide.read(rows=20, seconds=8).to_pandas()["n"]) == list(range(20))
    assert sorted(narrow.read(rows=20, seconds=8).to_pandas()["n"]) == list(range(20))
    narrow.close()
    client.publish(f"{topic}/x/t", {"n": 20}, qos=1)
    assert list(wide.read(rows=1, seconds=5).to_pandas()["n"]) == [20]
    assert wide.stats().received == 21
    assert narrow.stats().received == 20


@versions
def test_one_filter_in_two_streams_lives_until_the_last_one_closes(broker: Broker, version: int, pooled: Pooled, topic: str) -> None:
    client = pooled(broker, version)
    first, second = client.stream(topic), client.stream(topic)
    first.close()
    client.publish(topic, {"n": 1}, qos=1)
    assert list(second.read(rows=1, seconds=5).to_pandas()["n"]) == [1]
    assert first.stats().received == 0


@versions
def test_a_shared_subscription_divides_the_messages(broker: Broker, version: int, pooled: Pooled, topic: str) -> None:
    workers = [pooled(broker, version, number=number).stream(f"$share/group/{topic}/{{line}}") for number in range(2)]
    with Client(broker.listeners.ports["tcp"], version=version) as publisher:
        for n in range(40):
            publisher.publish(f"{topic}/{n}", json.dumps({"n": n}), qos=1)
    wait_until(lambda: sum(w.stats().received for w in workers) >= 40, what="40 messages in all")
    df = hf.concat([worker.read(seconds=0) for worker in workers]).to_pandas()
    assert sorted(df["n"]) == list(range(40))
    assert list(df["line"]) == [str(n) for n in df["n"]]


def test_user_properties_become_columns(broker: Broker, pooled: Pooled, topic: str) -> None:
    client = pooled(broker, 5)
    stream = client.stream(topic, metadata=("topic", "recv_time", "retain", "qos", "user_properties", "content_type", "response_topic"))
    with Client(broker.listeners.ports["tcp"]) as other:
        other.publish(topic, '{"n": 1}', qos=1, user_property=[("site", "Graz")], content_type="application/json", response_topic="answers")
    client.publish(topic, {"n": 2}, qos=0, user_properties={"site": "Wien"})
    df = stream.read(rows=2, seconds=5).to_pandas()
    assert list(df["n"]) == [1, 2]
    assert list(df["_qos"]) == [1, 0]
    assert "Graz" in str(df["_user_properties"][0])
    assert "Wien" in str(df["_user_properties"][1])
    assert df["_content_type"][0] == "application/json"
    assert df["_response_topic"][0] == "answers"


def test_what_a_publisher_may_add_arrives(broker: Broker, pooled: Pooled, topic: str) -> None:
    with Client(broker.listeners.ports["tcp"]) as other:
        other.subscribe(topic, qos=1)
        pooled(broker, 5).publish(
            topic,
            {"n": 1},
            qos=1,
            user_properties=[("a", "1"), ("a", "2")],
            content_type="application/json",
            response_topic="answers",
            correlation_data=b"\x00\xff",
            message_expiry=60,
        )
        message = other.receive()
    assert message is not None
    assert message.properties["user_property"] == [("a", "1"), ("a", "2")]
    assert message.properties["content_type"] == "application/json"
    assert message.properties["response_topic"] == "answers"
    assert message.properties["correlation_data"] == b"\x00\xff"
    assert 0 < message.properties["message_expiry_interval"] <= 60


def test_everything_is_not_the_brokers_own_topics(pooled: Pooled, mosquitto: Broker, topic: str) -> None:
    """``#`` and ``+/…`` do not match topics that begin with $ (MQTT 5.0, 4.7.2): neither at the broker nor when we route."""
    client = pooled(mosquitto, 5)
    everything, system = client.stream("#", qos=0), client.stream("$SYS/broker/version", qos=0, payload="text")
    assert len(system.read(rows=1, seconds=5).to_pandas()) == 1
    client.publish(topic, {"n": 1}, qos=1)
    df = everything.read(rows=1, seconds=5).to_pandas()
    assert not df["_topic"].str.startswith("$").any()
    assert everything.stats().received == len(df)


def test_a_last_will_is_published_when_the_process_is_gone(broker: Broker, dial: Dial, topic: str) -> None:
    """Only where one is asked for."""
    from tests.brokers.proxies import Relay

    with Client(broker.listeners.ports["tcp"]) as other, Relay(broker.listeners.ports["tcp"]) as relay:
        other.subscribe(topic, qos=1)
        dial(relay.uri(), last_will={"topic": topic, "payload": {"state": "gone"}, "qos": 1}, reconnect=False)
        relay.cut()
        message = other.receive(10)
        assert message is not None
        assert json.loads(message.payload) == {"state": "gone"}
