"""What real brokers will not do, or not when one wants it: versions, SUBACK codes, slow and split packets, silence."""

from __future__ import annotations

import json
import threading
import time

import pytest
from tests.brokers.packets import (
    Connack,
    Connect,
    Pingreq,
    Pingresp,
    Puback,
    Pubcomp,
    Publish,
    Pubrec,
    Pubrel,
    Suback,
    Subscribe,
)
from tests.brokers.scripted import Connection, ScriptedBroker, serve
from tests.integration.conftest import Dial, assert_balanced, in_parallel
from tests.waiting import wait_until

import honeyframe as hf

pytestmark = pytest.mark.timeout(40)


# --- protocol="auto"


def test_auto_falls_back_to_311_once(dial: Dial, topic: str) -> None:
    def run(answer: bytes) -> None:
        async def too_old(c: Connection) -> None:
            await c.expect(Connect, version=5)
            await c.send(answer)

        async def accepts(c: Connection) -> None:
            await c.expect(Connect, version=4)
            await c.send(Connack())
            await c.serve()

        with ScriptedBroker(too_old, accepts) as broker:
            client = dial(broker.uri(), version=None)
            assert client.info()["protocol"] == "3.1.1"
            client.stream(topic)
            client.close()
        assert [c.username for c in broker.connects] == ["both", "both"]

    in_parallel([b"\x20\x02\x00\x01", b"\x20\x03\x00\x84\x00"], run)


def test_auto_gives_up_after_311(dial: Dial) -> None:
    async def refuses(c: Connection) -> None:
        await c.expect(Connect)
        await c.send(Connack(code=1) if c.version < 5 else b"\x20\x02\x00\x01")

    with ScriptedBroker(refuses, refuses) as broker:
        with pytest.raises(hf.errors.UnsupportedProtocolVersionError):
            dial(broker.uri())
        time.sleep(0.5)


def test_auto_finds_out_that_amqtt_speaks_311(topic: str) -> None:
    pytest.importorskip("amqtt")
    from honeyframe.embedded_broker import EmbeddedBroker

    with EmbeddedBroker() as broker, hf.connect(broker.uri) as client:
        assert client.info()["protocol"] == "3.1.1"
        stream = client.stream(f"{topic}/{{line}}")
        for n in range(10):
            client.publish(f"{topic}/{n}", {"n": n}, qos=n % 3)
        df = stream.read(rows=10, seconds=10).to_pandas()
        assert sorted(df["n"]) == list(range(10))


# --- SUBACK


def test_each_code_of_suback_is_a_named_error(dial: Dial) -> None:
    def subscribe(code: int) -> None:
        async def refuses(c: Connection) -> None:
            await c.accept()
            await c.grant({"bad": code}, filters=2)
            await c.serve()

        with ScriptedBroker(refuses) as broker:
            client = dial(broker.uri(), user=None, version=5)
            with pytest.raises(hf.errors.HoneyframeError) as refused:
                client.stream("good", "bad")
            assert refused.value.reason_code == code
            assert refused.value.subjects == ("bad",)
            assert "bad" in str(refused.value)
            client.close()

    in_parallel([0x80, 0x83, 0x87, 0x8F, 0x91, 0x97, 0x9E, 0xA1, 0xA2], subscribe)


def test_311_refuses_with_0x80_among_others(dial: Dial) -> None:
    async def refuses(c: Connection) -> None:
        await c.accept()
        await c.grant({"b": 0x80}, filters=3)
        await c.serve()

    with ScriptedBroker(refuses) as broker:
        client = dial(broker.uri(), user=None, version=4)
        with pytest.raises(hf.errors.SubscribeDenied) as refused:
            client.stream("a", "b", "c", qos=2)
        assert refused.value.filters == ("b",)
        client.close()


def test_a_lower_qos_than_asked_for_is_seen(dial: Dial) -> None:
    def run(version: int) -> None:
        async def lowers(c: Connection) -> None:
            await c.accept()
            await c.grant({"a": 0})
            await c.serve()

        with ScriptedBroker(lowers) as broker:
            client = dial(broker.uri(), user=None, version=version)
            assert client.stream("a", qos=2).granted_qos == (0,)
            client.close()

    in_parallel([4, 5], run)


def test_a_suback_that_never_comes_is_a_timeout(dial: Dial) -> None:
    async def forgets(c: Connection) -> None:
        await c.accept()
        await c.expect(Subscribe)
        await c.serve()

    with ScriptedBroker(forgets) as broker:
        client = dial(broker.uri(), user=None, version=5)
        started = time.monotonic()
        with pytest.raises(hf.errors.OperationTimeoutError, match="slow"):
            client.stream("slow", timeout=0.5)
        assert 0.4 < time.monotonic() - started < 2
        client.close()


# --- acknowledgements


def test_each_refusal_of_a_publish_is_an_error(dial: Dial) -> None:
    def publish(case: tuple[int, int]) -> None:
        qos, code = case

        async def refuses(c: Connection) -> None:
            await c.accept()
            publish = await c.expect(Publish, qos=qos)
            await c.send((Puback if qos == 1 else Pubrec)(packet_id=publish.packet_id, code=code, properties={"reason_string": "not that"}))
            await c.serve()

        with ScriptedBroker(refuses) as broker:
            client = dial(broker.uri(), user=None, version=5)
            with pytest.raises(hf.errors.HoneyframeError, match="a/b") as refused:
                client.publish("a/b", {"n": 1}, qos=qos)
            assert refused.value.reason_code == code
            assert refused.value.reason_string == "not that"
            if code == 0x87:
                assert isinstance(refused.value, hf.errors.PublishDenied)
            client.close()

    in_parallel([(qos, code) for qos in (1, 2) for code in (0x80, 0x83, 0x87, 0x90, 0x97, 0x99)], publish)


def test_no_subscribers_is_no_refusal(dial: Dial) -> None:
    """0x10, "no matching subscribers", is a success."""

    def run(qos: int) -> None:
        async def nobody_listens(c: Connection) -> None:
            await c.accept()
            publish = await c.expect(Publish)
            await c.send((Puback if qos == 1 else Pubrec)(packet_id=publish.packet_id, code=0x10))
            if qos == 2:
                await c.expect(Pubrel)
                await c.send(Pubcomp(packet_id=publish.packet_id))
            await c.serve()

        with ScriptedBroker(nobody_listens) as broker:
            client = dial(broker.uri(), user=None, version=5)
            client.publish("a", {"n": 1}, qos=qos)
            client.close()

    in_parallel([1, 2], run)


def test_messages_that_are_sent_again_are_delivered_counted_and_told(dial: Dial) -> None:
    def run(version: int) -> None:
        async def repeats(c: Connection) -> None:
            await c.accept()
            await c.grant()
            for number, dup in [(1, False), (1, True), (2, False), (3, True)]:
                await c.send(Publish(topic="a", payload=b'{"n": %d}' % number, qos=1, packet_id=number, dup=dup))
                await c.expect(Puback, packet_id=number)
            await c.serve()

        with ScriptedBroker(repeats) as broker:
            client = dial(broker.uri(), version=version)
            stream = client.stream("a", metadata=["dup"], sequence="n")
            df = stream.read(rows=4, seconds=5).to_pandas()
            assert list(zip(df["n"], df["_dup"], strict=True)) == [(1, False), (1, True), (2, False), (3, True)]
            stats = stream.stats()
            assert (stats.received, stats.duplicates, stats.sequence_repeated, stats.sequence_missing) == (4, 2, 1, 0)
            ledger = stream.ledger()
            duplicates = ledger[ledger["event"] == "duplicates"]
            assert dict(zip(duplicates["reason"], duplicates["count"], strict=True)) == {"packet_id_seen": 1, "dup_flag": 1}
            assert stats.duplicate_packet_ids == 1
            assert set(duplicates["topics"].map(lambda text: next(iter(json.loads(text))))) == {"a"}
            assert ledger.loc[ledger["event"] == "sequence_repeated", "topic"].tolist() == ["a"]
            assert_balanced(stream)
            client.close()

    in_parallel([4, 5], run)


def test_received_messages_are_acknowledged_by_the_book(dial: Dial) -> None:
    def run(case: tuple[int, int]) -> None:
        qos, version = case
        acknowledged = threading.Event()

        async def hands_out(c: Connection) -> None:
            await c.accept()
            await c.grant()
            await c.send(Publish(topic="a", payload=b'{"n": 1}', qos=qos, packet_id=77))
            if qos == 1:
                await c.expect(Puback, packet_id=77, code=0)
            else:
                await c.expect(Pubrec, packet_id=77, code=0)
                await c.send(Pubrel(packet_id=77))
                await c.expect(Pubcomp, packet_id=77, code=0)
            acknowledged.set()
            await c.serve()

        with ScriptedBroker(hands_out) as broker:
            client = dial(broker.uri(), user=None, version=version)
            stream = client.stream("a", qos=2)
            assert list(stream.read(rows=1, seconds=5).to_pandas()["n"]) == [1]
            assert_balanced(stream)
            assert acknowledged.wait(5)  # with MQTT 5 the message is here before its PUBREC leaves
            client.close()

    in_parallel([(qos, version) for qos in (1, 2) for version in (4, 5)], run)


def test_a_qos_2_message_sent_twice_arrives_once(dial: Dial) -> None:
    def run(version: int) -> None:
        async def repeats(c: Connection) -> None:
            await c.accept()
            await c.grant()
            message = Publish(topic="a", payload=b'{"n": 1}', qos=2, packet_id=5)
            await c.send(message)
            await c.expect(Pubrec)
            await c.send(Publish(topic="a", payload=b'{"n": 1}', qos=2, packet_id=5, dup=True))
            await c.expect(Pubrec)
            await c.send(Pubrel(packet_id=5))
            await c.expect(Pubcomp)
            await c.send(Publish(topic="a", payload=b'{"n": 2}'))
            await c.serve()

        with ScriptedBroker(repeats) as broker:
            client = dial(broker.uri(), user=None, version=version)
            df = client.stream("a", qos=2).read(seconds=1.5).to_pandas()
            assert list(df["n"]) == [1, 2]
            client.close()

    in_parallel([4, 5], run)


# --- the byte stream


def test_packets_in_slices_and_packets_in_one_write(dial: Dial) -> None:
    def run(version: int) -> None:
        messages = [Publish(topic=f"a/{n}", payload=b'{"n": %d}' % n) for n in range(50)]

        async def slices(c: Connection) -> None:
            await c.expect(Connect)
            await c.send(Connack(), slice_bytes=1, pause=0.01)
            subscribe = await c.expect(Subscribe)
            await c.send(Suback(packet_id=subscribe.packet_id, codes=[0]), *messages[:25])
            await c.send(*messages[25:], slice_bytes=3, pause=0.001)
            await c.serve()

        with ScriptedBroker(slices) as broker:
            client = dial(broker.uri(), user=None, version=version)
            df = client.stream("a/#").read(rows=50, seconds=10).to_pandas()
            assert list(df["n"]) == list(range(50))
            client.close()

    in_parallel([3, 4, 5], run)


def test_messages_that_overtake_the_suback_are_kept(dial: Dial) -> None:
    async def hurries(c: Connection) -> None:
        await c.accept()
        subscribe = await c.expect(Subscribe)
        identifier = subscribe.properties.get("subscription_identifier", [])
        await c.send(Publish(topic="a", payload=b'{"n": 1}', properties={"subscription_identifier": identifier} if identifier else {}))
        await c.sleep(0.2)
        await c.send(Suback(packet_id=subscribe.packet_id, codes=[1]))
        await c.serve()

    with ScriptedBroker(hurries) as broker:
        client = dial(broker.uri(), user=None, version=5)
        assert list(client.stream("a").read(rows=1, seconds=5).to_pandas()["n"]) == [1]
        client.close()


POISON = {
    "a length of five bytes": b"\x30\xff\xff\xff\xff\x7f",
    "packet type 0": b"\x00\x00",
    "AUTH that nobody asked for": b"\xf0\x00",
    "a topic longer than its packet": b"\x30\x05\x00\x10a",
    "half a PUBACK": b"\x40\x01\x00",
    "properties that run over the end": b"\x32\x07\x00\x01a\x00\x01\x7f\x00",
}


def test_bytes_that_are_no_mqtt_neither_crash_nor_hang(dial: Dial) -> None:
    def poison(name: str) -> None:
        async def poisons(c: Connection) -> None:
            await c.accept()
            await c.grant()
            await c.send(Publish(topic="a", payload=b'{"n": 1}'))
            await c.send(POISON[name])
            await c.sleep(0.5)

        async def takes_back(c: Connection) -> None:
            await c.accept()
            await c.serve()

        with ScriptedBroker(poisons, takes_back, repeat=True) as broker:
            client = dial(broker.uri(), user=None, version=5, reconnect_min_delay=0.05)
            stream = client.stream("a")
            assert list(stream.read(rows=1, seconds=5).to_pandas()["n"]) == [1]
            wait_until(lambda: client.closed or client.info()["connects"] >= 2, 10, "an end or a new connection")
            started = time.monotonic()
            client.close()
            assert time.monotonic() - started < 3
            assert_balanced(stream)

    in_parallel(POISON, poison)


def test_a_topic_that_is_none_is_counted_and_no_frame_breaks(dial: Dial) -> None:
    def run(bad: bytes) -> None:
        async def misnames(c: Connection) -> None:
            await c.accept()
            await c.grant()
            body = len(bad).to_bytes(2, "big") + bad + b'{"n": 0}'
            await c.send(b"\x30" + bytes([len(body)]) + body, Publish(topic="a", payload=b'{"n": 1}'))
            await c.serve()

        async def takes_back(c: Connection) -> None:
            await c.accept()
            await c.grant()
            await c.send(Publish(topic="a", payload=b'{"n": 1}'))
            await c.serve()

        with ScriptedBroker(misnames, takes_back, repeat=True) as broker:
            client = dial(broker.uri(), user=None, version=4, reconnect_min_delay=0.05)
            stream = client.stream("#")
            df = stream.read(rows=1, seconds=8).to_pandas()
            assert list(df["n"]) == [1]
            assert list(df["_topic"]) == ["a"]
            stats, session = stream.stats(), client.stats()
            assert stats.balanced
            assert session["arrived"] == session["routed"] + session["unmatched"]
            assert stats.rejected_topic == 1 or session["unmatched"] == 1 or len(broker.connections) > 1
            client.close()

    in_parallel([b"a\x00b", b"\xff\xfe", b"", b"a/+"], run)


# --- silence


def test_a_broker_that_stops_answering_pings_is_left(dial: Dial) -> None:
    async def falls_silent(c: Connection) -> None:
        await c.accept()
        await c.hang()

    with ScriptedBroker(falls_silent, serve) as broker:
        client = dial(broker.uri(), user=None, version=5, keepalive=1)
        wait_until(lambda: client.info()["connects"] == 2, 15, "a new connection")
        assert any(isinstance(p, Pingreq) for p in broker.connections[0].packets)
        client.close()


def test_a_message_behind_a_pingresp_is_not_held_back_for_long(dial: Dial) -> None:
    """Paho may leave a PUBLISH that shares a TLS record with a PINGRESP unread until more bytes come; the keepalive bounds it."""

    async def answers_in_one(c: Connection) -> None:
        await c.accept()
        await c.grant()
        await c.expect(Pingreq)
        await c.send(Pingresp(), Publish(topic="a", payload=b'{"n": 1}'))
        c.reached("sent")
        await c.serve()

    with ScriptedBroker(answers_in_one) as broker:
        client = dial(broker.uri(), user=None, version=5, keepalive=2)
        stream = client.stream("a")
        broker.wait_for("sent", 10)
        started = time.monotonic()
        assert len(stream.read(rows=1, seconds=5).to_pandas()) == 1
        assert time.monotonic() - started < 4
        client.close()


def test_a_message_over_the_maximum_packet_size_never_fills_memory(dial: Dial) -> None:
    """A hostile broker announces 200 MB; an honest one never would, since CONNECT said what we take."""

    async def floods(c: Connection) -> None:
        await c.expect(Connect)
        await c.send(Connack())
        await c.grant()
        await c.send(b"\x30\x80\x80\x80\x60")  # about 200 MB to come
        for _ in range(20):
            await c.send(b"\x00\x01a" + b"x" * 1_000_000)

    with ScriptedBroker(floods, serve, repeat=True) as broker:
        client = dial(broker.uri(), user=None, version=5, maximum_packet_size=1_000_000, reconnect_min_delay=0.05)
        stream = client.stream("a")
        assert broker.connects[0].properties["maximum_packet_size"] == 1_000_000
        time.sleep(1.0)
        assert stream.stats().queued_bytes <= 64 << 20
        assert_balanced(stream)
        started = time.monotonic()
        client.close()
        assert time.monotonic() - started < 3
