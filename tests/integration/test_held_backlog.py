"""A resumed session's backlog comes before any stream is open: none of it is acknowledged before it is in the stream's spool."""

from __future__ import annotations

import itertools
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.brokers.client import Client as RawClient
from tests.brokers.mosquitto import Mosquitto
from tests.brokers.packets import Disconnect, Pingreq, Pingresp, Puback, Pubcomp, Publish, Pubrec, Pubrel, Suback, Subscribe
from tests.brokers.scripted import Connection, ScriptedBroker
from tests.integration.conftest import Dial
from tests.integration.processes import Child

import honeyframe as hf

_names = (f"held-{n}" for n in itertools.count(1))
_KEPT: dict[str, Any] = {"clean_start": False, "session_expiry": 300}

pytestmark = pytest.mark.skipif(
    not hf._core.build_info()["paho"].endswith("lean"), reason="the system's Paho acknowledges each message when it comes"
)


def eventually(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def holding_child(uri: str, client_id: str, **options: Any) -> str:
    """Connects, opens no stream, and says how many messages it holds once no more come."""
    return f"""
        import time
        import honeyframe as hf
        client = hf.connect({uri!r}, client_id={client_id!r}, **{_KEPT | options!r})
        held, since = 0, time.monotonic()
        while not held or time.monotonic() - since < 0.3:
            if client.stats()["held"] > held:
                held, since = client.stats()["held"], time.monotonic()
            time.sleep(0.01)
        print(held, flush=True)
        time.sleep(60)
    """


def spooled(client: hf.Client, spool: Path) -> hf.Stream:
    return client.stream("backlog/#", qos=2, delivery="spooled", spool=spool)


def test_killed_while_it_holds_a_backlog_a_process_loses_none_of_it(mosquitto: Mosquitto, dial: Dial, tmp_path: Path) -> None:
    name, uri, total = next(_names), mosquitto.uri("mqtt", "127.0.0.1"), 200
    with dial(uri, version=5, client_id=name, **_KEPT) as client:
        client.stream("backlog/#", qos=2).close()
    with RawClient(mosquitto.listeners.ports["tcp"]) as publisher:
        for n in range(total):
            publisher.publish(f"backlog/{n % 3}", b'{"n":%d}' % n, qos=1 + n % 2)
    with Child(holding_child(uri, name, username="both", password="both-password")) as child:
        held = int(child.line())
        child._process.send_signal(signal.SIGKILL)
        child.wait(10)
    assert held > 0
    client = dial(uri, version=5, client_id=name, **_KEPT)
    with spooled(client, tmp_path / "spool") as stream:
        stream.read(rows=total, seconds=20)
        stream.close(unsubscribe=True)
    df = hf.open_spool(tmp_path / "spool").read().to_pandas()
    assert df["n"].tolist() == list(range(total)), "missing, or not in order"
    assert df["_dup"].iloc[:held].all(), "sent to the first process already"


class Backlog:
    """A broker's session with messages of QoS 1 and 2 in turns, which are all sent right behind CONNACK; and what became of them."""

    def __init__(self, total: int) -> None:
        self.messages = [Publish(topic="backlog/a", payload=b'{"n":%d}' % n, qos=1 + n % 2, packet_id=n + 1) for n in range(total)]
        self.acknowledged: list[int] = []  # packet ids
        self.published = 0
        self.subscribed = False

    async def serve(self, c: Connection) -> None:
        await c.accept(session_present=True)
        await c.send(*(m for m in self.messages if m.packet_id not in self.acknowledged))
        while True:
            match packet := await c.read():
                case Puback():
                    self.acknowledged.append(packet.packet_id)
                case Pubrec():
                    self.acknowledged.append(packet.packet_id)
                    await c.send(Pubrel(packet_id=packet.packet_id))
                case Subscribe():
                    self.subscribed = True
                    await c.send(Suback(packet_id=packet.packet_id, codes=[2] * len(packet.filters)))
                case Publish(qos=2):
                    await c.send(Pubrec(packet_id=packet.packet_id))
                case Pubrel():
                    self.published += 1
                    await c.send(Pubcomp(packet_id=packet.packet_id))
                case Pingreq():
                    await c.send(Pingresp())
                case Disconnect():
                    return


@pytest.fixture
def backlog() -> Iterator[tuple[Backlog, ScriptedBroker]]:
    session = Backlog(100)
    with ScriptedBroker(session.serve, repeat=True) as broker:
        yield session, broker


def test_it_is_acknowledged_when_it_is_in_the_spool(backlog: tuple[Backlog, ScriptedBroker], dial: Dial, tmp_path: Path) -> None:
    session, broker = backlog
    client = dial(broker.uri(), version=5, client_id=next(_names), **_KEPT)
    assert eventually(lambda: client.stats()["held"] == 100)
    client.publish("out", b"x", qos=2)
    assert session.published == 1, "a publish of our own does not wait"
    time.sleep(0.3)
    assert session.acknowledged == []
    with spooled(client, tmp_path / "spool") as stream:
        assert hf.open_spool(tmp_path / "spool").read().to_pandas()["n"].tolist() == list(range(100))
        assert eventually(lambda: len(session.acknowledged) == 100)
        assert session.acknowledged == list(range(1, 101)), "in the order in which they came"
        assert stream.read(rows=100, seconds=5).to_pandas()["n"].tolist() == list(range(100))


def test_closed_without_a_stream_it_acknowledges_nothing(backlog: tuple[Backlog, ScriptedBroker], dial: Dial, tmp_path: Path) -> None:
    session, broker = backlog
    name = next(_names)
    with dial(broker.uri(), version=5, client_id=name, **_KEPT) as client:
        assert eventually(lambda: client.stats()["held"] == 100)
    assert session.acknowledged == []
    with dial(broker.uri(), version=5, client_id=name, **_KEPT) as client, spooled(client, tmp_path / "spool") as stream:
        assert stream.read(rows=100, seconds=10).to_pandas()["n"].tolist() == list(range(100))
        assert eventually(lambda: len(session.acknowledged) == 100)


def test_a_kill_leaves_it_all_with_the_broker(backlog: tuple[Backlog, ScriptedBroker], dial: Dial, tmp_path: Path) -> None:
    session, broker = backlog
    name = next(_names)
    with Child(holding_child(broker.uri(), name)) as child:
        child.expect("100")
        child._process.send_signal(signal.SIGKILL)
        child.wait(10)
    assert session.acknowledged == []
    with dial(broker.uri(), version=5, client_id=name, **_KEPT) as client, spooled(client, tmp_path / "spool"):
        assert eventually(lambda: len(session.acknowledged) == 100)
    assert sorted(set(hf.open_spool(tmp_path / "spool").read().to_pandas()["n"])) == list(range(100))
