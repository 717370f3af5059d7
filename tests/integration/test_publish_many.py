"""Many rows to real brokers, and to scripted ones that count, refuse, cut and keep silent."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pandas as pd
import pytest
from tests.brokers.client import Client
from tests.brokers.hivemq import HiveMQ
from tests.brokers.mosquitto import Mosquitto
from tests.brokers.packets import Disconnect, Packet, Puback, Pubcomp, Publish, Pubrec, Pubrel
from tests.brokers.scripted import Connection, ScriptedBroker, serve
from tests.integration.conftest import Broker, Dial, Pooled
from tests.integration.processes import Child
from tests.waiting import wait_until

import honeyframe as hf

pytestmark = pytest.mark.timeout(120)

ROWS = 10_000


def _frame(rows: int = ROWS) -> pd.DataFrame:
    return pd.DataFrame({"line": ["a", "b", "c", "d", "e"] * (rows // 5), "n": range(rows), "temperature": 21.5, "loc.lat": 47.07})


def _outcomes(result: hf.PublishResult) -> dict[str, int]:
    return dict(Counter(result.refused["outcome"]))


def _assert_accounted(result: hf.PublishResult) -> None:
    """Every row once: published, or among the refused."""
    assert result.rows == result.published + len(result.refused)
    assert result.refused["row"].is_unique
    assert result.refused["row"].is_monotonic_increasing


def _receive(other: Client) -> list[Publish]:
    """All rows, or those that come until none does for a while."""
    got: list[Publish] = []
    while len(got) < ROWS and (message := other.receive(3.0)) is not None:
        got.append(message)
    return got


async def _read_within(c: Connection, seconds: float) -> Packet | None:
    try:
        return await asyncio.wait_for(c.read(), seconds)
    except TimeoutError:
        return None


async def _acknowledge(c: Connection, ids: Iterable[int], qos: int) -> None:
    """PUBACK, or PUBREC and, once PUBREL has come, PUBCOMP."""
    ids = list(ids)
    if qos == 1:
        await c.send(*(Puback(packet_id=packet_id) for packet_id in ids))
        return
    await c.send(*(Pubrec(packet_id=packet_id) for packet_id in ids))
    for _ in ids:
        await c.send(Pubcomp(packet_id=(await c.expect(Pubrel)).packet_id))


# --- all of them arrive


@pytest.mark.parametrize("version", [4, 5])
@pytest.mark.parametrize("qos", [0, 1, 2])
def test_every_row_arrives_once(broker: Broker, pooled: Pooled, topic: str, version: int, qos: int) -> None:
    client = pooled(broker, version)
    with Client(broker.listeners.ports["tcp"]) as other, ThreadPoolExecutor(1) as reader:
        other.subscribe(f"{topic}/+/set")  # QoS 0: HiveMQ keeps but 1,000 messages of QoS 1 waiting
        reading = reader.submit(_receive, other)
        result = client.publish_many(_frame(), f"{topic}/{{line}}/set", qos=qos, timeout=20)
        assert (result.rows, result.published, result.ok) == (ROWS, ROWS, True)
        got = reading.result()
    numbers = [json.loads(message.payload)["n"] for message in got]
    if isinstance(broker, Mosquitto):
        assert numbers == list(range(ROWS)), "all, once, and in order"
        assert [message.topic for message in got[:5]] == [f"{topic}/{line}/set" for line in "abcde"]
    else:
        assert len(numbers) == len(set(numbers))
        assert len(numbers) > ROWS * 0.9  # HiveMQ drops QoS 0 that a reader is slow to take
    assert json.loads(got[0].payload) == {"n": numbers[0], "temperature": 21.5, "loc": {"lat": 47.07}}


# --- never more in flight than the broker takes


@pytest.mark.parametrize("qos", [1, 2])
@pytest.mark.parametrize(("maximum", "asked", "most"), [(3, None, 3), (10, 4, 4), (1, None, 1), (500, 300, 300)])
def test_receive_maximum_is_respected(dial: Dial, qos: int, maximum: int, asked: int | None, most: int) -> None:
    highest = 0

    async def counts(c: Connection) -> None:
        nonlocal highest
        await c.accept(properties={"receive_maximum": maximum})
        open_ids: list[int] = []
        while True:
            # Answers when no more come for a moment: the client shows how far it goes.
            packet = await _read_within(c, 0.02)
            if isinstance(packet, Publish):
                open_ids.append(packet.packet_id)
                highest = max(highest, len(open_ids))
            elif isinstance(packet, Disconnect):
                return
            elif packet is None and open_ids:
                await _acknowledge(c, open_ids, qos)
                open_ids.clear()

    rows = min(most * 6, 900)
    with ScriptedBroker(counts) as broker:
        client = dial(broker.uri(), version=5)
        assert client.publish_many(_frame(rows // 5 * 5), "t/{line}", qos=qos, max_inflight=asked).ok
        client.close()
    assert highest <= most
    assert highest >= min(most - 1, 99) or most == 1, "and it does go that far"


# --- refusals


@pytest.mark.parametrize("qos", [1, 2])
def test_mosquitto_refuses_by_row(mosquitto: Mosquitto, dial: Dial, qos: int) -> None:
    client = dial(mosquitto.uri(), user="plant", version=5)
    frame = pd.DataFrame({"where": ["plant/a", "elsewhere", "plant/b", "$SYS/x", "plant/c"], "n": range(5)})
    with pytest.raises(hf.PublishManyError) as raised:
        client.publish_many(frame, topic_column="where", qos=qos)
    result = raised.value.result
    assert result.refused["row"].tolist() == [1, 3]
    assert result.refused["outcome"].tolist() == ["refused", "refused"]
    assert result.refused["topic"].tolist() == ["elsewhere", "$SYS/x"]
    assert result.refused["reason_code"].tolist() == [0x87, 0x87]
    assert result.error is None
    assert isinstance(raised.value.__cause__, hf.PublishDenied)
    assert raised.value.__cause__.topics == ("elsewhere",)
    assert client.publish_many(frame.iloc[[0, 2]], topic_column="where", qos=qos).ok, "the connection stands"


@pytest.mark.parametrize("qos", [1, 2])
def test_hivemq_refuses_and_hangs_up(hivemq: HiveMQ, dial: Dial, qos: int) -> None:
    client = dial(hivemq.uri(), user="plant", version=5, reconnect_min_delay=0.1)
    frame = pd.DataFrame({"where": ["plant/a"] * 20 + ["elsewhere"] + ["plant/b"] * 79, "n": range(100)})
    result = client.publish_many(frame, topic_column="where", qos=qos, on_error="collect")
    _assert_accounted(result)
    refused = result.refused[result.refused["outcome"] == "refused"]
    assert refused["row"].tolist() == [20]
    assert refused["reason_code"].tolist() == [0x87]
    assert "elsewhere" in refused["reason_string"].iloc[0]
    assert result.published >= 10, "of the 20 before it, all but those whose answer the DISCONNECT overtook"
    assert _outcomes(result)["not_sent"] >= 60
    assert _outcomes(result).get("unacknowledged", 0) <= 10, "HiveMQ's receive maximum"
    assert result.error is not None
    wait_until(lambda: client.info()["state"] == "connected", what="one reconnect, since the credential is otherwise fine")
    time.sleep(0.5)
    assert client.info()["connects"] == 2, "and no loop"
    rest = frame.iloc[result.refused["row"]].query("where != 'elsewhere'")
    assert client.publish_many(rest, topic_column="where", qos=qos).published == len(rest)


def test_a_3_1_1_broker_can_only_close(hivemq: HiveMQ, dial: Dial) -> None:
    client = dial(hivemq.uri(), user="plant", version=4, reconnect_min_delay=0.1)
    frame = pd.DataFrame({"where": ["elsewhere"] * 50})
    result = client.publish_many(frame, topic_column="where", on_error="collect")
    _assert_accounted(result)
    assert result.published == 0
    assert _outcomes(result)["unacknowledged"] >= 1
    assert isinstance(result.error, hf.ConnectError)
    wait_until(lambda: client.info()["state"] == "connected")
    again = client.publish_many(frame, topic_column="where", on_error="collect")
    assert isinstance(again.error, hf.PublishProbablyDenied), "closed twice running with messages to it under way"
    wait_until(lambda: client.closed, what="the end: never a third time")


def test_qos_0_that_is_denied_is_told_by_the_next_call(hivemq: HiveMQ, dial: Dial) -> None:
    client = dial(hivemq.uri(), user="sub", version=5, reconnect_min_delay=0.1)
    result = client.publish_many([{"n": n} for n in range(3)], "x/y", qos=0, on_error="collect")
    if result.error is None:
        wait_until(lambda: client.info()["last_error"] is not None)
        with pytest.raises(hf.PublishDenied):
            client.publish_many([{"n": 0}], "x/y")
    else:
        assert isinstance(result.error, hf.PublishDenied)


# --- the connection goes


@pytest.mark.parametrize("version", [4, 5])
@pytest.mark.parametrize("qos", [1, 2])
def test_cut_midway_nothing_is_lost_silently_or_sent_twice(dial: Dial, version: int, qos: int) -> None:
    async def cuts(c: Connection) -> None:
        await c.accept()
        answered = 0
        while answered < 20:
            packet = await c.read()
            if isinstance(packet, Publish):
                await c.send(Puback(packet_id=packet.packet_id) if qos == 1 else Pubrec(packet_id=packet.packet_id))
                answered += qos == 1
            elif isinstance(packet, Pubrel):
                await c.send(Pubcomp(packet_id=packet.packet_id))
                answered += 1
        while not isinstance(await c.read(), Publish):  # one that is never answered
            pass
        await c.reset()

    with ScriptedBroker(cuts, serve) as broker:
        client = dial(broker.uri(), version=version, reconnect_min_delay=0.1)
        result = client.publish_many(_frame(500), "t/{line}", qos=qos, on_error="collect")
        _assert_accounted(result)
        outcomes = _outcomes(result)
        assert outcomes["unacknowledged"] >= 1
        assert outcomes["not_sent"] >= 200
        assert isinstance(result.error, hf.ConnectError)
        wait_until(lambda: client.info()["connects"] == 2)
        time.sleep(0.3)
        client.close()
    assert not [p for p in broker.connections[1].packets if isinstance(p, Publish)], "nothing of it is sent again"
    sent = {json.loads(p.payload)["n"] for p in broker.connections[0].packets if isinstance(p, Publish)}
    not_sent = set(result.refused["row"][result.refused["outcome"] == "not_sent"])
    assert not sent & not_sent


@pytest.mark.parametrize("version", [4, 5])
def test_in_a_session_that_the_broker_kept_rows_are_repeated_and_that_is_said(dial: Dial, version: int) -> None:
    maximum = {"receive_maximum": 5} if version == 5 else {}

    async def cuts(c: Connection) -> None:
        await c.accept(properties=maximum)
        for _ in range(4):
            await c.expect(Publish)
        await c.reset()

    async def resumes(c: Connection) -> None:
        await c.accept(session_present=True, properties=maximum)
        await c.serve()

    with ScriptedBroker(cuts, resumes) as broker:
        kept = {"client_id": "kept", "clean_start": False, "session_expiry": 300 if version == 5 else 0}
        client = dial(broker.uri(), version=version, reconnect_min_delay=0.1, **kept)
        result = client.publish_many(_frame(500), "t/{line}", on_error="collect")
        _assert_accounted(result)
        in_flight = result.refused[result.refused["outcome"] == "unacknowledged"]
        assert len(in_flight) >= 4
        assert in_flight["error"].str.contains("repeated when the session goes on").all() == (version == 5)
        wait_until(lambda: client.info()["connects"] == 2)
        again = client.publish_many([{"again": n} for n in range(50)], "t", timeout=5)
        assert again.ok, "what is repeated takes no room for good"
        client.close()
    resumed = [p for p in broker.connections[1].packets if isinstance(p, Publish)]
    repeated = [p for p in resumed if b"again" not in p.payload]
    assert {json.loads(p.payload)["n"] for p in repeated} <= set(in_flight["row"])
    assert len(resumed) - len(repeated) == 50
    assert bool(repeated) == (version == 5), "Paho would repeat what it has freed"


def test_a_broker_that_goes_silent_is_given_up_after_the_timeout(dial: Dial) -> None:
    async def falls_silent(c: Connection) -> None:
        await c.accept()
        for _ in range(5):
            await c.send(Puback(packet_id=(await c.expect(Publish)).packet_id))
        await c.hang()

    with ScriptedBroker(falls_silent) as broker:
        client = dial(broker.uri(), version=5)
        began = time.monotonic()
        with pytest.raises(hf.PublishManyError) as raised:
            client.publish_many(_frame(500), "t/{line}", timeout=0.5)
        assert 0.4 < time.monotonic() - began < 3
        result = raised.value.result
        _assert_accounted(result)
        assert isinstance(result.error, hf.OperationTimeoutError)
        assert result.published == 5
        assert 1 <= _outcomes(result)["unacknowledged"] <= 200
        client.close()


def test_a_slow_broker_is_waited_for(dial: Dial) -> None:
    """The timeout is for the next row, not for all of them."""

    async def dawdles(c: Connection) -> None:
        await c.accept()
        for _ in range(10):
            packet = await c.expect(Publish)
            await c.sleep(0.15)
            await c.send(Puback(packet_id=packet.packet_id))
        await c.expect(Disconnect)

    with ScriptedBroker(dawdles) as broker:
        client = dial(broker.uri(), version=5)
        assert client.publish_many(_frame(10), "t/{line}", timeout=0.6, max_inflight=1).ok
        client.close()


def test_while_rows_go_out_single_messages_do_too(mosquitto: Mosquitto, dial: Dial, topic: str) -> None:
    client = dial(mosquitto.uri(), version=5)
    sent = []

    def rows() -> Any:
        for n in range(ROWS):
            if n % 1000 == 0:
                client.publish(f"{topic}/single", {"n": n}, qos=1)
                sent.append(n)
            yield {"n": n}

    assert client.publish_many(rows(), topic).published == ROWS
    assert len(sent) == ROWS // 1000
    assert client.stats()["published"] == ROWS + len(sent)


def test_closing_meanwhile_reports_the_rest(dial: Dial) -> None:
    async def dawdles(c: Connection) -> None:
        await c.accept()
        while not isinstance(packet := await c.read(), Disconnect):
            assert isinstance(packet, Publish)
            await c.sleep(0.02)
            await c.send(Puback(packet_id=packet.packet_id))

    with ScriptedBroker(dawdles) as broker:
        client = dial(broker.uri(), version=5)

        def rows() -> Any:
            for n in range(1000):
                if n == 200:
                    client.close()
                yield {"n": n}

        result = client.publish_many(rows(), "t", on_error="collect", max_inflight=5)
        _assert_accounted(result)
        assert isinstance(result.error, hf.ClosedError)


# --- Ctrl-C


_PROGRAM = """
import pandas, pyarrow, signal, time
import honeyframe as hf
signal.signal(signal.SIGINT, signal.default_int_handler)
client = hf.connect('mqtt://127.0.0.1:{port}', protocol='5.0')
print("waiting", flush=True)
try:
    client.publish_many([{{"n": n}} for n in range(5000)], "t", timeout=60)
except KeyboardInterrupt as error:
    print(time.monotonic(), flush=True)
    print(error.__notes__[0], flush=True)
"""


def test_an_interrupt_is_answered_and_says_how_many_went_out() -> None:
    async def answers_seven(c: Connection) -> None:
        await c.accept()
        for _ in range(7):
            await c.send(Puback(packet_id=(await c.expect(Publish)).packet_id))
        await c.hang()

    with ScriptedBroker(answers_seven) as broker, Child(_PROGRAM.format(port=broker.port)) as child:
        child.expect("waiting")
        time.sleep(0.5)
        sent = child.interrupt()
        assert float(child.line()) - sent < 0.2
        note = child.line()
        assert "7 of 5,000 rows published" in note
        assert "unacknowledged" in note
        assert "in flight, and perhaps arrived: rows 7, 8" in note
        assert child.wait(5) == 0, child.errors()
