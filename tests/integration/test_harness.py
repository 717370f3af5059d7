"""The tests' own tools: a check that fails here would make every other one worthless."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.brokers import certificates, hivemq
from tests.brokers.client import Client, Closed
from tests.brokers.fields import ProtocolError
from tests.brokers.packets import (
    Connack,
    Connect,
    Decoder,
    Disconnect,
    Packet,
    Pingreq,
    Puback,
    Pubcomp,
    Publish,
    Pubrec,
    Pubrel,
    Suback,
    Subscribe,
    Unsuback,
    Unsubscribe,
    Will,
    encode,
)
from tests.brokers.proxies import HttpProxy, Relay
from tests.brokers.scripted import Connection, ScriptedBroker, serve
from tests.brokers.tls_server import TlsServer

PROPERTIES = {"user_property": [("a", "b"), ("a", "c")], "content_type": "application/json", "message_expiry_interval": 70_000}
PACKETS: Sequence[tuple[int, Packet]] = [
    (version, packet)
    for version in (3, 4, 5)
    for packet in (
        Connect(version=version, client_id="c", username="u", password=b"p", will=Will(topic="w", payload=b"gone", qos=1, retain=True)),
        Connack(session_present=True, code=0),
        Publish(topic="plant/ä", payload=b"x" * 300, qos=2, retain=True, dup=True, packet_id=65535),
        Puback(packet_id=1),
        Pubrec(packet_id=2),
        Pubrel(packet_id=3),
        Pubcomp(packet_id=4),
        Subscribe(packet_id=5, filters=[("a/#", 1), ("+/b", 2)]),
        Suback(packet_id=5, codes=[1, 128]),
        Unsubscribe(packet_id=6, filters=["a/#"]),
        Unsuback(packet_id=6, codes=[0] if version == 5 else []),
        Pingreq(),
        Disconnect(),
    )
] + [
    (
        5,
        Connect(
            properties={"receive_maximum": 10, "user_property": [("k", "v")]}, will=Will(topic="w", properties={"will_delay_interval": 3})
        ),
    ),
    (5, Publish(topic="t", properties=PROPERTIES | {"subscription_identifier": [1, 300]})),
    (5, Puback(packet_id=7, code=0x87, properties={"reason_string": "no"})),
    (5, Disconnect(code=0x8E, properties={"server_reference": "elsewhere"})),
]


@pytest.mark.parametrize(
    ("version", "packet"), PACKETS, ids=lambda value: type(value).__name__ if not isinstance(value, int) else f"v{value}"
)
def test_a_packet_survives_encoding_and_decoding_byte_by_byte(version: int, packet: Packet) -> None:
    decoder = Decoder(version)
    data = encode(packet, version)
    found = [p for i in range(len(data)) for p in decoder.feed(data[i : i + 1])]
    assert found == [packet]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x10\x0c\x00\x04MQTT\x05\x03\x00\x3c\x00\x00", "reserved flag"),
        (b"\x10\x0c\x00\x04MQTT\x07\x02\x00\x3c\x00\x00", "version 7"),
        (b"\x36\x03\x00\x01a", "QoS 3"),
        (b"\x30\x04\x00\x02\xff\xfe", "UTF-8"),
        (b"\x32\x06\x00\x01a\x00\x00\x00", "identifier 0"),
        (b"\x80\x02\x00\x01", "flags"),
        (b"\x82\x03\x00\x01\x00", "without a topic filter"),
        (b"\x30\xff\xff\xff\xff\x01", "remaining length"),
        (b"\x30\x06\x00\x01a\x02\x7f\x00", "no property"),
        (b"\xc0\x01\x00", "left over"),
    ],
)
def test_bytes_that_break_the_specification_are_refused(data: bytes, message: str) -> None:
    with pytest.raises(ProtocolError, match=message):
        Decoder(5).feed(data)


@pytest.mark.parametrize("version", [3, 4, 5])
def test_the_raw_client_speaks_with_real_brokers(broker: hivemq.HiveMQ, version: int) -> None:
    port = broker.listeners.ports["tcp"]
    with Client(port, version=version) as subscriber, Client(port, version=version) as publisher:
        assert subscriber.connack.code == 0
        assert subscriber.subscribe("harness/#", qos=2) == [2]
        for qos in (0, 1, 2):
            assert publisher.publish("harness/a", f"{qos}", qos=qos) == 0
            message = subscriber.receive()
            assert message is not None
            assert (message.topic, message.payload, message.qos) == ("harness/a", str(qos).encode(), qos)
    with Client(port, version=version, password="wrong") as refused:
        assert refused.connack.code == (135 if version == 5 else 5)


def test_the_users_of_hivemq_may_change_while_it_runs(hivemq: hivemq.HiveMQ) -> None:
    from tests.brokers.hivemq import USERS, User

    port = hivemq.listeners.ports["tcp"]
    try:
        hivemq.set_users([User("fresh", "secret", "SUBSCRIBE_ONLY", "a/#")])
        with Client(port, username="fresh", password="secret") as client:
            assert client.subscribe("a/b", "b/b") == [0, 135]
            assert client.publish("a/b", qos=1) == 135
            assert isinstance(client.read(), Disconnect)
    finally:
        hivemq.set_users(USERS)


def test_the_scripted_broker_runs_its_script_and_records() -> None:
    async def script(c: Connection) -> None:
        await c.accept()
        await c.grant()
        await c.send(Publish(topic="t", payload=b"1"), Publish(topic="t", payload=b"2"), slice_bytes=1)
        c.reached("sent")
        await c.gate("go on")
        await c.send(Disconnect(code=0x8B))

    with ScriptedBroker(script) as broker:
        client = Client(broker.port, client_id="me")
        assert client.subscribe("t") == [0]
        broker.wait_for("sent")
        assert [m.payload for m in (client.receive(), client.receive()) if m] == [b"1", b"2"]
        broker.open("go on")
        assert client.read() == Disconnect(code=0x8B)
        client.close()
    assert broker.connects[0].client_id == "me"
    assert bytes(broker.connections[0].received).startswith(encode(broker.connects[0], 5))


def test_the_scripted_broker_fails_the_test_where_the_client_departs_from_the_script() -> None:
    async def script(c: Connection) -> None:
        await c.accept()
        await c.expect(Subscribe)

    with pytest.raises(AssertionError, match="Subscribe expected, Publish"), ScriptedBroker(script) as broker:
        _publish(broker.port)
    with pytest.raises(AssertionError, match="left while the script waited for Subscribe"), ScriptedBroker(script) as broker:
        Client(broker.port).abort()
    with pytest.raises(AssertionError, match="nobody was expected"), ScriptedBroker(serve) as broker:
        _visit_twice(broker.port)
    with pytest.raises(AssertionError, match="1 connections scripted, 0 came"), ScriptedBroker(serve) as broker:
        broker.assert_used_up(0.1)


def _publish(port: int) -> None:
    with Client(port) as client:
        client.publish("t")


def _visit_twice(port: int) -> None:
    Client(port).close()
    with pytest.raises((Closed, ConnectionError)):
        Client(port)


def test_a_scripted_reset_is_a_reset() -> None:
    async def script(c: Connection) -> None:
        await c.expect(Connect)
        await c.reset()

    with ScriptedBroker(script) as broker, socket.create_connection(("127.0.0.1", broker.port)) as client:
        client.sendall(encode(Connect(), 5))
        with pytest.raises(ConnectionResetError):
            client.recv(1)


def test_the_tls_server_counts_what_is_sent_under_tls(tmp_path: Path) -> None:
    authority = certificates.Authority.create()
    context = ssl.create_default_context(cafile=str(authority.write(tmp_path / "ca.crt")))
    with TlsServer(authority.server().server_context(tmp_path)) as server:
        with socket.create_connection(("127.0.0.1", server.port)) as raw, context.wrap_socket(raw, server_hostname="localhost") as client:
            client.sendall(b"hello")
        assert server.application_bytes() == b"hello"
        assert (server.visits[0].server_name, server.visits[0].handshake) == ("localhost", True)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (certificates.Authority.wrong_host, "Hostname mismatch"),
        (certificates.Authority.expired, "expired"),
        (certificates.Authority.not_yet_valid, "not yet valid"),
        (certificates.Authority.missing_intermediate, "unable to get local issuer"),
        (certificates.Authority.weak_key, "too weak"),
        (lambda _: certificates.self_signed(), "self-signed"),
        (lambda _: certificates.Authority.create("another").server(), "unable to get local issuer"),
    ],
    ids=["wrong host", "expired", "not yet valid", "missing intermediate", "1024 bits", "self-signed", "other authority"],
)
def test_each_bad_certificate_is_bad_in_its_own_way(make: object, message: str, tmp_path: Path) -> None:
    """As Python's ssl sees them, with the same OpenSSL rules."""
    authority = certificates.Authority.create()
    context = ssl.create_default_context(cafile=str(authority.write(tmp_path / "ca.crt")))
    assert callable(make)
    with TlsServer(make(authority).server_context(tmp_path)) as server, socket.create_connection(("127.0.0.1", server.port)) as raw:
        with pytest.raises(ssl.SSLError, match=message):
            context.wrap_socket(raw, server_hostname="localhost")
        raw.close()
        assert server.application_bytes() == b""


def test_the_relay_counts_and_cuts(mosquitto: hivemq.HiveMQ) -> None:
    with Relay(mosquitto.listeners.ports["tcp"]) as relay:
        client = Client(relay.port)
        assert client.connack.code == 0
        relay.cut()
        with pytest.raises(Closed):
            client.read()
        client.abort()
        assert relay.connections == 1
        assert relay.sent_by_client[0][0] == 0x10


def test_the_http_proxy_leads_any_host_to_its_target(mosquitto: hivemq.HiveMQ) -> None:
    with HttpProxy(mosquitto.listeners.ports["tcp"]) as proxy, socket.create_connection(("127.0.0.1", proxy.port)) as client:
        client.sendall(b"CONNECT nowhere.example:8883 HTTP/1.1\r\n\r\n")
        assert client.recv(1000).startswith(b"HTTP/1.1 200 ")
        client.sendall(encode(Connect(username="both", password=b"both-password"), 5))
        assert client.recv(1000)[0] == 0x20
        assert proxy.requests[0].startswith(b"CONNECT nowhere.example:8883 ")


def test_hivemq_keeps_sessions_over_a_restart_and_ends_with_its_input(authority: certificates.Authority) -> None:
    from tests.brokers.hivemq import HiveMQ

    broker = HiveMQ(authority, persistent=True)
    try:
        port = broker.listeners.ports["tcp"]
        with Client(port, client_id="durable", properties={"session_expiry_interval": 600}) as client:
            client.subscribe("a", qos=1)
        with Client(port) as publisher:
            publisher.publish("a", "kept", qos=1)
        process = broker._process
        assert process is not None
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(20) == 0
        with pytest.raises(ConnectionRefusedError):
            Client(port)
        broker.start()
        assert broker.listeners.ports["tcp"] == port
        with Client(port, client_id="durable", clean_start=False, properties={"session_expiry_interval": 0}) as client:
            assert client.connack.session_present
            message = client.receive()
            assert message is not None
            assert message.payload == b"kept"
    finally:
        broker.close()
