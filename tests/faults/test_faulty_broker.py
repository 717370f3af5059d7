"""The broker itself, without honeyframe: a small client of the tests' sees what MQTT promises, and what a script does to it."""

from __future__ import annotations

import contextlib
import json
import time

import pytest
from tests.brokers.client import Client, Closed
from tests.brokers.fault_scripts import SCRIPTS
from tests.brokers.faults import CloseInTopic, Coalesced, DupRedelivery, OneByteWrites
from tests.brokers.faulty import FaultyBroker, Link
from tests.brokers.packets import Puback, Publish, Pubrec
from tests.brokers.sessions import Load, SessionStore


def numbers_of(client: Client, count: int, seconds: float = 5.0) -> list[int]:
    """Of so many messages, acknowledged."""
    found = []
    while len(found) < count and (message := client.receive(seconds)) is not None:
        found.append(json.loads(message.payload)["n"])
    return found


def wait_finished(broker: FaultyBroker) -> None:
    assert broker.wait_finished(5)


@pytest.mark.parametrize("version", [4, 5])
@pytest.mark.parametrize("qos", [0, 1, 2])
def test_it_delivers_its_load_and_knows_what_was_acknowledged(version: int, qos: int) -> None:
    store = SessionStore(Load(total=100, qos=qos))
    with FaultyBroker(store) as broker, Client(broker.port, version=version, username=None, password=None) as client:
        assert client.subscribe("#", qos=2) == [2]
        assert numbers_of(client, 100) == list(range(100))
        client.receive(0.1)  # PUBREL of the last ones
        wait_finished(broker)
        assert store.history.owed() == set(range(100))
        assert client.publish("a", b"x", qos=qos) == 0


def test_no_more_is_in_flight_than_the_client_takes() -> None:
    store = SessionStore(Load(total=50, qos=1), window=20)
    with FaultyBroker(store) as broker, Client(broker.port, username=None, password=None, properties={"receive_maximum": 7}) as client:
        client.subscribe("#", qos=1)
        ids = []
        while (packet := client.read(0.2)) is not None:
            assert isinstance(packet, Publish)
            ids.append(packet.packet_id)
        assert len(ids) == len(set(ids)) == 7
        for packet_id in ids:
            client.send(Puback(packet_id=packet_id))
        assert isinstance(client.read(2), Publish)


@pytest.mark.parametrize("version", [4, 5])
def test_a_killed_front_end_comes_back_with_its_sessions(version: int) -> None:
    store = SessionStore(Load(total=20, qos=2), window=5)
    keep = {"client_id": "kept", "clean_start": False, "username": None, "password": None}
    with FaultyBroker(store) as broker:
        with Client(broker.port, version=version, **keep) as client:
            assert not client.connack.session_present
            client.subscribe("#", qos=2)
            first = [client.read(2) for _ in range(5)]
            assert [packet.dup for packet in first if isinstance(packet, Publish)] == [False] * 5
            assert isinstance(first[0], Publish)
            client.send(Pubrec(packet_id=first[0].packet_id))
            assert client.read(2) is not None  # PUBREL
            broker.kill()
            with contextlib.suppress(Closed, OSError):
                while client.read(2):
                    pass
            with pytest.raises(OSError):
                Client(broker.port, version=version, **keep)
        broker.start()
        with Client(broker.port, version=version, **keep) as client:
            assert client.connack.session_present
            came = []
            while (message := client.receive(0.5)) is not None:
                came.append((json.loads(message.payload)["n"], message.dup))
            assert came[:4] == [(n, True) for n in range(1, 5)], "0 was received: its PUBREL comes again, and not its PUBLISH"
            assert sorted(number for number, _ in came) == list(range(1, 20))
        assert [visit.session_present for visit in store.history.visits] == [False, True]
        assert store.history.visits[0].ended == "cut"


@pytest.mark.parametrize("link", [OneByteWrites, Coalesced])
def test_bytes_come_as_the_script_says_and_are_the_same(link: type[Link]) -> None:
    with FaultyBroker(SessionStore(Load(total=30, qos=1)), link) as broker, Client(broker.port, username=None, password=None) as client:
        client.subscribe("#", qos=1)
        assert numbers_of(client, 30) == list(range(30))
        wait_finished(broker)


def test_a_packet_is_cut_where_the_script_says() -> None:
    store = SessionStore(Load(total=30, qos=0))
    with FaultyBroker(store, CloseInTopic) as broker, Client(broker.port, username=None, password=None) as client:
        client.subscribe("#")
        assert numbers_of_until_closed(client) == list(range(20))
        assert store.history.visits[0].ended == "cut"
        assert store.history.owed() == set()
        assert broker.unused() == []


def numbers_of_until_closed(client: Client) -> list[int]:
    found = []
    with contextlib.suppress(Closed):
        while (message := client.receive(2)) is not None:
            found.append(json.loads(message.payload)["n"])
    return found


def test_what_is_sent_twice_is_marked_and_noted() -> None:
    store = SessionStore(Load(total=5, qos=1))
    with FaultyBroker(store, DupRedelivery) as broker, Client(broker.port, username=None, password=None) as client:
        client.subscribe("#", qos=1)
        came = [(json.loads(message.payload)["n"], message.dup) for message in iter(lambda: client.receive(0.3), None)]
        assert came == [(n, dup) for n in range(5) for dup in (False, True)]
        assert [(one.number, one.dup) for one in store.history.sent] == came


def test_a_load_has_its_rate_and_stops_where_it_is_told() -> None:
    store = SessionStore(Load(total=10_000, qos=0, rate=500))
    with FaultyBroker(store) as broker, Client(broker.port, username=None, password=None) as client:
        client.subscribe("#")
        started = time.monotonic()
        numbers_of(client, 100)
        assert 0.1 < time.monotonic() - started < 2
        store.halt()
        time.sleep(0.1)
        sent = store.history.packets
        time.sleep(0.1)
        assert store.history.packets == sent < 10_000


def test_every_script_has_a_plan() -> None:
    assert len(SCRIPTS) == 37
    assert all(script.plan for script in SCRIPTS.values())
    with FaultyBroker(SessionStore(Load(total=1)), CloseInTopic) as broker:
        assert broker.unused() == ["CloseInTopic"]
