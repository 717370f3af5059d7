"""Connections break: the session comes back by itself, subscribes again, and says what may be missing."""

from __future__ import annotations

import json
import logging
import time
from typing import Any

import pytest
from tests.brokers.certificates import Authority
from tests.brokers.client import Client
from tests.brokers.hivemq import HiveMQ
from tests.brokers.mosquitto import Mosquitto
from tests.brokers.packets import Connack, Connect, Disconnect, Publish, Subscribe
from tests.brokers.ports import BrokerUnavailable
from tests.brokers.proxies import Relay
from tests.brokers.scripted import Connection, ScriptedBroker
from tests.integration.conftest import VERSIONS, Broker, Dial, assert_balanced, in_parallel
from tests.waiting import wait_until

import honeyframe as hf

pytestmark = pytest.mark.timeout(60)


def test_a_cut_connection_comes_back_and_the_streams_go_on(
    broker: Broker, dial: Dial, topic: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="honeyframe")

    def cut(version: int) -> None:
        with Relay(broker.listeners.ports["tcp"]) as relay:
            client = dial(relay.uri(), version=version, client_id=f"cut-{version}")
            below = f"{topic}/{version}"
            stream, other = client.stream(f"{below}/{{line}}"), client.stream(f"{below}/#", qos=2)
            client.publish(f"{below}/a", {"n": 1}, qos=1)
            wait_until(lambda: stream.stats().received == 1)
            cut_at = time.monotonic()
            relay.cut()
            wait_until(lambda: client.info()["connects"] == 2 and client.info()["state"] == "connected", what="the second CONNACK")
            assert time.monotonic() - cut_at < 4  # the first attempt comes within half a second
            wait_until(lambda: client.stats()["gaps"] == 1, what="the gap event")
            client.publish(f"{below}/b", {"n": 2}, qos=1)
            wait_until(lambda: stream.stats().received == 2 and other.stats().received == 2, what="the message after the gap")
            df = stream.read(rows=2, seconds=10).to_pandas()
            assert list(df["n"]) == [1, 2]
            assert list(df["line"]) == ["a", "b"]
            assert stream.stats().gaps == 1
            assert_balanced(stream)
            ledger = stream.ledger().set_index("event")
            assert ledger.loc["connected", "count"].tolist() == [1, 1]
            lost, gap = ledger.loc["connection_lost"], ledger.loc["gap"]
            assert (lost["reason"], gap["reason"]) == ("session_lost", "session_lost")
            assert lost["time"] == gap["time"] < lost["until"] <= gap["until"] == ledger.loc["resubscribed", "time"]
            assert ledger.loc["resubscribed", "count"] == 2
            assert ledger.loc["column_added", "column"] == "n"

    with pytest.warns(hf.errors.GapWarning):
        in_parallel(VERSIONS, cut)
    events = [getattr(record, "honeyframe_event", "") for record in caplog.records]
    for event in ("connection_lost", "gap", "resubscribed"):
        assert events.count(event) >= 3, event


def test_a_kept_session_loses_nothing_and_says_no_gap(broker: Broker, dial: Dial, topic: str) -> None:
    def cut(version: int) -> None:
        keep: dict[str, Any] = {"session_expiry": 300} if version == 5 else {}
        with Relay(broker.listeners.ports["tcp"]) as relay, Client(broker.listeners.ports["tcp"], version=version) as publisher:
            client = dial(relay.uri(), version=version, client_id=f"kept-{topic}-{version}".replace("/", "-"), clean_start=False, **keep)
            stream = client.stream(f"{topic}/{version}", qos=1)
            publisher.publish(f"{topic}/{version}", '{"n": 0}', qos=1)
            wait_until(lambda: stream.stats().received == 1)
            relay.refuse = True
            relay.cut()
            for n in range(1, 6):
                publisher.publish(f"{topic}/{version}", json.dumps({"n": n}), qos=1)
            relay.refuse = False
            seen: set[int] = set()
            end = time.monotonic() + 20
            while len(seen) < 6 and time.monotonic() < end:  # the cut may have come before the first PUBACK: then it comes twice
                seen |= set(stream.read(rows=1, seconds=1).to_pandas()["n"])
            assert sorted(seen) == list(range(6))
            assert client.stats()["gaps"] == 0
            assert_balanced(stream)
            ledger = stream.ledger().set_index("event")
            assert ledger.loc["connection_lost", "reason"] == "session_kept"
            assert ledger.loc["connection_lost", "time"] < ledger.loc["connection_lost", "until"]
            assert "gap" not in ledger.index

    in_parallel([4, 5], cut)


def _restart(broker: HiveMQ | Mosquitto, dial: Dial, topic: str) -> None:
    client = dial(broker.uri(), client_id="survivor")
    stream = client.stream(topic)
    client.publish(topic, {"n": 1}, qos=1)
    wait_until(lambda: stream.stats().received == 1)
    broker.kill()
    wait_until(lambda: client.info()["state"] == "reconnecting", what="the loss to be seen")
    with pytest.raises(hf.errors.HoneyframeError):
        client.publish(topic, {"n": -1}, qos=1, timeout=0.5)
    broker.start()
    wait_until(lambda: client.info()["state"] == "connected", 30, what="the reconnect")
    wait_until(lambda: client.stats()["gaps"] == 1)
    wait_until(lambda: _echo(client, stream, topic), 15, what="messages after the restart")
    with pytest.warns(hf.errors.GapWarning):
        df = stream.read(rows=2, seconds=5).to_pandas()
    assert df["n"][0] == 1
    assert set(df["n"][1:]) <= {-1, 2}  # what timed out may still have been sent
    assert_balanced(stream)


def _echo(client: hf.Client, stream: hf.Stream, topic: str) -> bool:
    client.publish(topic, {"n": 2}, qos=1)
    time.sleep(0.2)
    return stream.stats().received >= 2


def test_mosquitto_restarts(authority: Authority, dial: Dial, topic: str) -> None:
    try:
        broker = Mosquitto(authority)
    except BrokerUnavailable as reason:
        pytest.skip(str(reason))
    try:
        _restart(broker, dial, topic)
    finally:
        broker.close()


def test_hivemq_restarts(authority: Authority, dial: Dial, topic: str) -> None:
    try:
        broker = HiveMQ(authority)
    except BrokerUnavailable as reason:
        pytest.skip(str(reason))
    try:
        _restart(broker, dial, topic)
    finally:
        broker.close()


def test_a_refusal_after_a_reconnect_is_tried_again_slowly_and_seen(dial: Dial, caplog: pytest.LogCaptureFixture) -> None:
    """The first CONNECT was good, so a later refusal may pass: once a minute, here 0.5 s."""

    async def lets_go(c: Connection) -> None:
        await c.accept()
        await c.close()

    async def refuses(c: Connection) -> None:
        await c.expect(Connect)
        await c.send(Connack(code=0x87))

    async def takes_back(c: Connection) -> None:
        await c.accept()
        await c.serve()

    caplog.set_level(logging.INFO, logger="honeyframe")
    with ScriptedBroker(lets_go, refuses, refuses, takes_back) as broker:
        client = dial(broker.uri(), user=None, version=5, refused_retry_delay=0.5, reconnect_min_delay=0.1)
        wait_until(lambda: len(broker.connects) == 4, 15, "the fourth CONNECT")
        wait_until(lambda: client.info()["state"] == "connected")
        times = [c.accepted_at for c in broker.connections]
        assert times[2] - times[1] > 0.4
        client.close()
    events = [getattr(record, "honeyframe_event", "") for record in caplog.records]
    assert events.count("refused") == 2


def test_reconnect_false_ends_the_session(dial: Dial, topic: str, mosquitto: Mosquitto) -> None:
    with Relay(mosquitto.listeners.ports["tcp"]) as relay:
        client = dial(relay.uri(), reconnect=False)
        stream = client.stream(topic)
        relay.cut()
        with pytest.raises(hf.errors.ConnectError):
            next(stream.batches(seconds=10))
        assert client.closed
        time.sleep(0.8)
        assert relay.connections == 1


DISCONNECT = [0x00, 0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8B, 0x8D, 0x8E, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x9C, 0x9D, 0x9F, 0xA0]


def test_each_code_of_disconnect_reconnects_or_is_an_error(dial: Dial, caplog: pytest.LogCaptureFixture) -> None:
    """A v5 broker that says DISCONNECT: never a silent end. Either the session comes back and subscribes again, or the reader is told."""

    async def takes_back(c: Connection) -> None:
        await c.accept()
        await c.serve()

    def dismiss(code: int) -> None:
        async def dismisses(c: Connection) -> None:
            await c.accept()
            await c.grant()
            await c.send(Disconnect(code=code, properties={"reason_string": f"farewell {code}"}))
            await c.close()

        with ScriptedBroker(dismisses, takes_back, repeat=True) as broker:
            client = dial(broker.uri(), user=None, version=5, reconnect_min_delay=0.05, refused_retry_delay=0.2)
            stream = client.stream("a")
            wait_until(lambda: client.closed or client.info()["connects"] == 2, 15, "either end")
            if client.closed:
                with pytest.raises(hf.errors.HoneyframeError) as ended:
                    next(stream.batches(seconds=5))
                assert ended.value.reason_code == code
            else:
                wait_until(lambda: any(isinstance(p, Subscribe) for p in broker.connections[1].packets), 5, "the resubscription")
            client.close()

    caplog.set_level(logging.INFO, logger="honeyframe")
    in_parallel(DISCONNECT, dismiss)
    for code in DISCONNECT:
        assert f"farewell {code}" in caplog.text


def test_a_reset_connection_is_resubscribed_with_everything_that_was_asked(dial: Dial) -> None:
    async def resets(c: Connection) -> None:
        await c.accept()
        await c.grant(filters=3)
        await c.send(Publish(topic="a/1", payload=b'{"n": 1}'))
        await c.gate("reset")
        await c.reset()

    async def continues(c: Connection) -> None:
        await c.accept()
        asked = await c.grant(filters=3)
        assert asked == {"a/+": 1, "b/#": 2, "c": 2}, asked
        await c.send(Publish(topic="a/1", payload=b'{"n": 2}'))
        await c.serve()

    with ScriptedBroker(resets, continues) as broker:
        client = dial(broker.uri(), user=None, version=5)
        stream = client.stream("a/{line}", qos=1)
        other = client.stream("b/#", "c", qos=2)
        assert other.granted_qos == (2, 2)
        wait_until(lambda: stream.stats().received == 1)
        broker.open("reset")
        wait_until(lambda: stream.stats().received == 2)
        client.close()


@pytest.mark.filterwarnings("ignore::honeyframe.errors.GapWarning")
@pytest.mark.parametrize("decode", [None, bytes], ids=["plain", "decoded"])
def test_a_resubscription_that_is_refused_is_an_error(dial: Dial, caplog: pytest.LogCaptureFixture, decode: Any) -> None:
    """In the loop that waits for the filter's messages, behind those that came before; and nowhere else."""

    async def lets_go(c: Connection) -> None:
        await c.accept()
        await c.grant(filters=2)
        await c.send(Publish(topic="plant/1", payload=b'{"n": 1}'))
        await c.close()

    async def refuses(c: Connection) -> None:
        await c.accept()
        await c.grant({"plant/#": 0x87}, filters=2)
        await c.send(Publish(topic="fine", payload=b'{"n": 2}'))
        await c.serve()

    caplog.set_level(logging.INFO, logger="honeyframe")
    with ScriptedBroker(lets_go, refuses) as broker:
        client = dial(broker.uri(), user=None, version=5)
        stream = client.stream("plant/#", decode=decode)
        other = client.stream("fine")
        loop = stream.batches(max_seconds=0.05, seconds=20)
        assert next(loop).to_pandas()["n"].tolist() == [1]
        with pytest.raises(hf.errors.SubscribeDenied, match="plant/#") as denied:
            next(loop)
        assert denied.value.reason_code == 0x87
        assert other.read(rows=1, seconds=10).to_pandas()["n"].tolist() == [2]
        client.publish("fine", {"n": 3}, qos=0)  # the refusal is not this call's
        with pytest.raises(hf.errors.SubscribeDenied):
            stream.read(rows=1, seconds=5)
        client.close()
        assert sum(getattr(r, "honeyframe_event", "") == "subscribe_refused" for r in caplog.records) == 1
