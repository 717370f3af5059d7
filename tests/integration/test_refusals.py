"""What a broker refuses is a named error in the caller's hands, with the broker's words and a way out, and never a reconnect loop."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Literal

import pytest
from tests.brokers.client import Client
from tests.brokers.hivemq import HiveMQ
from tests.brokers.mosquitto import Mosquitto
from tests.brokers.packets import Connack, Connect
from tests.brokers.proxies import Relay
from tests.brokers.scripted import Connection, ScriptedBroker
from tests.integration.conftest import VERSIONS, Broker, Dial, Pooled, in_parallel
from tests.waiting import wait_until

import honeyframe as hf

pytestmark = pytest.mark.timeout(45)

versions = pytest.mark.parametrize("version", [3, 4, 5], ids=["3.1", "3.1.1", "5.0"])


@pytest.fixture
def relay(hivemq: HiveMQ) -> Iterator[Relay]:
    """HiveMQ behind something that counts connections."""
    with Relay(hivemq.listeners.ports["tcp"]) as relay:
        yield relay


def assert_no_loop(relay: Relay, most: int) -> None:
    """At most so many connections, the first one included; a loop would make more in this time."""
    time.sleep(2.0)
    assert relay.connections <= most


def assert_helpful(error: hf.errors.HoneyframeError, *codes: int) -> None:
    assert error.reason_code in codes, str(error)
    assert error.hint, str(error)
    assert "-password" not in str(error)


# --- the permission matrix


@versions
@pytest.mark.parametrize("user", ["pub", "both"])
def test_who_may_publish_does(hivemq: HiveMQ, pooled: Pooled, topic: str, version: int, user: str) -> None:
    with Client(hivemq.listeners.ports["tcp"]) as other:
        other.subscribe(topic, qos=2)
        for qos in (0, 1, 2):
            pooled(hivemq, version, user).publish(topic, {"n": 1}, qos=qos)
            message = other.receive()
            assert message is not None
            assert (message.payload, message.qos) == (b'{"n":1}', qos)


def test_a_denied_publish_raises_from_publish(hivemq: HiveMQ, dial: Dial, topic: str) -> None:
    """MQTT 5: PUBACK or PUBREC 0x87, then HiveMQ disconnects."""

    def publish(qos: int) -> None:
        with Relay(hivemq.listeners.ports["tcp"]) as relay:
            client = dial(relay.uri(), user="sub", version=5)
            with pytest.raises(hf.errors.PublishDenied) as denied:
                client.publish(topic, {"n": 1}, qos=qos)
            assert not isinstance(denied.value, hf.errors.PublishProbablyDenied)
            assert denied.value.topics == (topic,)
            assert topic in str(denied.value)
            assert_helpful(denied.value, 0x87)
            assert isinstance(denied.value, PermissionError)
            assert_no_loop(relay, 2)

    in_parallel([1, 2], publish)


def test_a_denied_publish_of_qos_0_raises_from_the_next_call(relay: Relay, dial: Dial, topic: str) -> None:
    client = dial(relay.uri(), user="sub", version=5)
    client.publish(topic, {"n": 1})
    time.sleep(0.5)
    with pytest.raises(hf.errors.PublishDenied) as denied:
        client.publish(f"{topic}/other", {"n": 2})
    assert topic in str(denied.value)
    assert_helpful(denied.value, 0x87)
    assert_no_loop(relay, 2)


def test_a_3x_broker_that_closes_twice_probably_denied(hivemq: HiveMQ, dial: Dial, topic: str) -> None:
    """MQTT 3 has no way to say no: HiveMQ just closes."""

    def publish_until_refused(client: hf.Client, qos: int) -> None:
        end = time.monotonic() + 15
        while time.monotonic() < end:
            try:
                client.publish(topic, {"n": 1}, qos=qos)
                time.sleep(0.2)
            except hf.errors.ConnectionLostError:
                continue  # the first close may be an accident

    def publish(case: tuple[int, int]) -> None:
        version, qos = case
        with Relay(hivemq.listeners.ports["tcp"]) as relay:
            client = dial(relay.uri(), user="sub", version=version)
            with pytest.raises(hf.errors.PublishProbablyDenied) as denied:
                publish_until_refused(client, qos)
            assert denied.value.topics == (topic,)
            assert topic in str(denied.value)
            assert denied.value.hint
            assert_no_loop(relay, 3)

    in_parallel([(version, qos) for version in (3, 4) for qos in (0, 1, 2)], publish)


@versions
@pytest.mark.parametrize("user", ["sub", "both"])
def test_who_may_subscribe_does(hivemq: HiveMQ, pooled: Pooled, topic: str, version: int, user: str) -> None:
    stream = pooled(hivemq, version, user).stream(topic, qos=2)
    with Client(hivemq.listeners.ports["tcp"]) as other:
        for qos in (0, 1, 2):
            other.publish(topic, f'{{"n": {qos}}}', qos=qos)
    assert sorted(stream.read(rows=3, seconds=5).to_pandas()["n"]) == [0, 1, 2]


@pytest.mark.parametrize("version", [4, 5], ids=["3.1.1", "5.0"])
def test_a_denied_subscribe_names_the_filter(relay: Relay, dial: Dial, version: int) -> None:
    client = dial(relay.uri(), user="pub", version=version)
    for filter_ in ("plain", "$share/group/plain", "plain/+", "#"):
        with pytest.raises(hf.errors.SubscribeDenied) as denied:
            client.stream(filter_)
        assert denied.value.filters == (filter_,)
        assert filter_ in str(denied.value)
        assert_helpful(denied.value, 0x80, 0x87)
    client.publish("still/connected", {"n": 1}, qos=1)
    assert relay.connections == 1


def test_a_denied_subscribe_on_31_is_an_error_too(relay: Relay, dial: Dial, topic: str) -> None:
    """MQTT 3.1 has no SUBACK code for it: HiveMQ closes the connection."""
    client = dial(relay.uri(), user="pub", version=3)
    with pytest.raises((hf.errors.SubscribeDenied, hf.errors.ConnectError)) as denied:
        client.stream(topic)
    assert topic in str(denied.value)
    assert_no_loop(relay, 2)


@pytest.mark.parametrize("version", [4, 5], ids=["3.1.1", "5.0"])
def test_one_denied_filter_of_several_is_named_and_the_others_are_taken_back(hivemq: HiveMQ, dial: Dial, version: int) -> None:
    client = dial(hivemq.uri(), user="plant", version=version)
    with pytest.raises(hf.errors.SubscribeDenied) as denied:
        client.stream("plant/a", "office/b", "plant/c", "garden/#")
    assert set(denied.value.filters) == {"office/b", "garden/#"}
    client.publish("plant/a", {"n": 1}, qos=1)
    time.sleep(0.3)
    stats = client.stats()
    assert stats["arrived"] == stats["routed"] + stats["unmatched"]
    assert stats["routed"] == 0
    stream = client.stream("plant/a")
    client.publish("plant/a", {"n": 2}, qos=1)
    assert list(stream.read(rows=1, seconds=5).to_pandas()["n"]) == [2]


def test_read_mqtt_raises_the_same(hivemq: HiveMQ) -> None:
    with pytest.raises(hf.errors.SubscribeDenied, match="plant"):
        hf.read_mqtt(hivemq.uri(), "plant/#", seconds=5, username="pub", password="pub-password")


def test_a_publish_outside_the_credentials_filter_is_denied(relay: Relay, dial: Dial) -> None:
    client = dial(relay.uri(), user="plant", version=5)
    client.publish("plant/ok", {"n": 1}, qos=1)
    with pytest.raises(hf.errors.PublishDenied, match="office/x"):
        client.publish("office/x", {"n": 1}, qos=1)


def test_mosquitto_says_no_with_a_puback_and_stays(mosquitto: Mosquitto, dial: Dial, topic: str) -> None:
    client = dial(mosquitto.uri(), user="sub", version=5)
    for _ in range(3):
        with pytest.raises(hf.errors.PublishDenied, match=topic) as denied:
            client.publish(topic, {"n": 1}, qos=1)
        assert denied.value.reason_code == 0x87
    assert client.info()["connects"] == 1


# --- who may connect


def test_a_refused_connect_is_final_and_named(broker: Broker) -> None:
    def connect(case: tuple[int, str | None, str | None]) -> None:
        version, user, password = case
        with Relay(broker.listeners.ports["tcp"]) as relay:
            with pytest.raises((hf.errors.BadCredentialsError, hf.errors.NotAuthorizedError)) as refused:
                hf.connect(relay.uri(), username=user, password=password, protocol=VERSIONS[version])
            assert isinstance(refused.value, ConnectionError)
            assert isinstance(refused.value, hf.errors.PermissionDenied)
            assert_helpful(refused.value, *((0x86, 0x87) if version == 5 else (4, 5)))
            time.sleep(1.0)
            assert relay.connections == 1

    users = [("both", "wrong-password"), ("nobody", "some-password"), (None, None)]
    in_parallel([(version, *user) for version in (3, 4, 5) for user in users], connect)


def test_auto_does_not_try_a_refused_password_again(hivemq: HiveMQ) -> None:
    """3.1.1 is for brokers that do not speak 5, not for second guesses: some lock an account after a few."""
    with Relay(hivemq.listeners.ports["tcp"]) as relay:
        with pytest.raises(hf.errors.PermissionDenied):
            hf.connect(relay.uri(), username="both", password="wrong-password")
        time.sleep(0.5)
        assert relay.connections == 1


def test_a_will_without_the_right_to_publish_says_so(hivemq: HiveMQ) -> None:
    def connect(version: int) -> None:
        user: dict[str, Any] = {"username": "sub", "password": "sub-password", "protocol": VERSIONS[version]}
        with pytest.raises(hf.errors.NotAuthorizedError) as refused:
            hf.connect(hivemq.uri(), last_will={"topic": "gone", "payload": "x"}, **user)
        assert "will" in refused.value.hint.lower()

    in_parallel([3, 4, 5], connect)


def test_who_was_thrown_out_says_so_and_stays_out(hivemq: HiveMQ, dial: Dial, topic: str) -> None:
    """Two clients with one id must not evict each other for ever."""

    def evict(version: int) -> None:
        with Relay(hivemq.listeners.ports["tcp"]) as relay:
            first = dial(relay.uri(), version=version, client_id=f"twin-{version}")
            stream = first.stream(topic)
            dial(relay.uri(), version=version, client_id=f"twin-{version}", reconnect=False)
            if version < 5:  # an MQTT 3 broker only closes: that looks like an accident, so the first one may come back, ever more slowly
                time.sleep(2.5)
                assert relay.connections <= 4
                return
            wait_until(lambda: first.closed, what="the first session to end")
            with pytest.raises(hf.errors.SessionTakenOverError) as taken:
                next(stream.batches())
            assert taken.value.reason_code == 0x8E
            assert taken.value.hint
            assert_no_loop(relay, 2)

    in_parallel([3, 4, 5], evict)


Codes = dict[int, type[hf.errors.HoneyframeError]]
CONNACK_5: Codes = {
    0x80: hf.errors.ConnectError,
    0x83: hf.errors.ConnectError,
    0x84: hf.errors.UnsupportedProtocolVersionError,
    0x85: hf.errors.IdentifierRejectedError,
    0x86: hf.errors.BadCredentialsError,
    0x87: hf.errors.NotAuthorizedError,
    0x88: hf.errors.ServerUnavailableError,
    0x89: hf.errors.ServerUnavailableError,
    0x8A: hf.errors.ConnectError,
    0x97: hf.errors.QuotaExceededError,
    0x9C: hf.errors.ConnectError,
    0x9F: hf.errors.ConnectError,
}
CONNACK_3: Codes = {
    1: hf.errors.UnsupportedProtocolVersionError,
    2: hf.errors.IdentifierRejectedError,
    3: hf.errors.ServerUnavailableError,
    4: hf.errors.BadCredentialsError,
    5: hf.errors.NotAuthorizedError,
}


@pytest.mark.parametrize(("protocol", "codes"), [("5.0", CONNACK_5), ("3.1.1", CONNACK_3)], ids=["5.0", "3.1.1"])
def test_each_code_of_connack_is_a_named_error(
    protocol: Literal["5.0", "3.1.1"], codes: dict[int, type[hf.errors.HoneyframeError]]
) -> None:
    def connect(code: int) -> None:
        async def refuse(c: Connection) -> None:
            await c.expect(Connect)
            await c.send(Connack(code=code, properties={"reason_string": "not today"}))

        with ScriptedBroker(refuse) as broker:
            with pytest.raises(codes[code]) as refused:
                hf.connect(broker.uri(), protocol=protocol)
            assert refused.value.reason_code == code
            assert refused.value.reason_string in ("not today", "")  # Paho keeps the reason string of a refusing CONNACK to itself
            time.sleep(0.3)

    in_parallel(codes, connect)


# --- what is too large


def test_a_message_over_the_brokers_maximum_is_refused_before_it_is_sent(dial: Dial, topic: str) -> None:
    async def modest(c: Connection) -> None:
        await c.accept(properties={"maximum_packet_size": 1000})
        await c.serve()

    with ScriptedBroker(modest) as broker:
        client = dial(broker.uri(), user=None, version=5)
        with pytest.raises(hf.errors.PacketTooLargeError, match=r"1,?000"):
            client.publish(topic, "x" * 2000, qos=1)
        client.publish(topic, "x" * 500, qos=1)
        client.close()
    assert max(len(p.payload) for p in broker.connections[0].packets if hasattr(p, "payload")) == 500


def test_a_message_over_our_maximum_is_counted(broker: Broker, dial: Dial, topic: str) -> None:
    """``max_payload_bytes`` of a stream: rejected, with a reason."""
    client = dial(broker.uri(), version=5)
    stream = client.stream(topic, max_payload_bytes=1000)
    client.publish(topic, "x" * 2000, qos=1)
    client.publish(topic, {"n": 1}, qos=1)
    assert list(stream.read(rows=1, seconds=5).to_pandas()["n"]) == [1]
    stats = stream.stats()
    assert (stats.received, stats.rejected, stats.rejected_too_large) == (2, 1, 1)
    assert stats.balanced


# --- a broker that is in the way


def test_nobody_listens(ca_file: str) -> None:
    from tests.brokers.ports import free_ports

    for scheme in ("mqtt", "mqtts", "ws", "wss"):
        with pytest.raises(hf.errors.ConnectRefusedError, match="localhost"):
            hf.connect(f"{scheme}://localhost:{free_ports(1)[0]}", ca_file=ca_file if scheme in ("mqtts", "wss") else None)


def test_no_such_host() -> None:
    with pytest.raises(hf.errors.DNSError, match=r"nowhere\.invalid"):
        hf.connect("mqtt://nowhere.invalid", connect_timeout=5)


@pytest.mark.parametrize("scheme", ["mqtt", "mqtts", "ws", "wss"])
def test_a_broker_that_never_answers_is_given_up(scheme: str, ca_file: str) -> None:
    async def silence(c: Connection) -> None:
        await c.absorb()

    with ScriptedBroker(silence, repeat=True) as broker:
        started = time.monotonic()
        with pytest.raises(hf.errors.ConnectTimeoutError):
            hf.connect(f"{scheme}://127.0.0.1:{broker.port}", connect_timeout=1, ca_file=ca_file if scheme in ("mqtts", "wss") else None)
        assert 0.9 < time.monotonic() - started < 4
