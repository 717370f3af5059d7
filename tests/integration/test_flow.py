"""Messages that flow: the first row at once, every message accounted for at any moment, and a slow cell that loses nothing else."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from typing import Any

import pandas as pd
import pytest
from tests.brokers.client import Client, Storm
from tests.brokers.hivemq import HiveMQ
from tests.brokers.mosquitto import Mosquitto
from tests.brokers.packets import Publish
from tests.brokers.scripted import Connection, ScriptedBroker
from tests.integration.conftest import Broker, Dial, Pooled, assert_balanced
from tests.waiting import wait_until

import honeyframe as hf

pytestmark = pytest.mark.timeout(60)


def test_read_mqtt_gives_the_first_row_within_a_second_of_connack() -> None:
    connack = []

    async def streams(c: Connection) -> None:
        await c.accept()
        connack.append(time.monotonic())
        await c.grant()

        async def send() -> None:
            for n in range(500):
                await c.send(Publish(topic="plant/1/telemetry", payload=b'{"n": %d}' % n))
                await c.sleep(0.01)

        sender = asyncio.create_task(send())
        await c.serve()
        sender.cancel()

    with ScriptedBroker(streams) as broker:
        df = hf.read_mqtt(broker.uri(), "plant/{line}/telemetry", rows=1, seconds=10, protocol="5.0")
        assert time.monotonic() - connack[0] < 1.0
    assert df["n"][0] == 0
    assert df["line"][0] == "1"


def test_read_mqtt_reads_for_the_time_asked_for(broker: Broker, topic: str) -> None:
    with Storm(broker.listeners.ports["tcp"], topic, rate=200):
        started = time.monotonic()
        df = hf.read_mqtt(broker.uri(), topic, seconds=2, username="both", password="both-password")
        assert 1.9 < time.monotonic() - started < 4.5
    assert isinstance(df, pd.DataFrame)
    assert 200 < len(df) < 600
    assert list(df["n"]) == list(range(int(df["n"][0]), int(df["n"][0]) + len(df)))
    assert str(df["n"].dtype) == "Int64"
    assert str(df["temperature"].dtype).lower() == "float64"


def test_read_mqtt_warns_where_nothing_came(broker: Broker, topic: str) -> None:
    with pytest.warns(hf.errors.NoMessagesWarning, match=topic):
        df = hf.read_mqtt(broker.uri(), topic, seconds=0.5, username="both", password="both-password")
    assert len(df) == 0
    assert {"_topic", "_recv_time"} <= set(df.columns)


def test_read_mqtt_takes_retained_messages_only_or_not_at_all(broker: Broker, topic: str, pooled: Pooled) -> None:
    client = pooled(broker, 5)
    client.publish(topic, {"n": 1}, qos=1, retain=True)
    try:
        assert list(hf.read_mqtt(topics=topic, rows=1, seconds=5, retained="only", client=client)["n"]) == [1]
        with pytest.warns(hf.errors.NoMessagesWarning):
            assert len(hf.read_mqtt(topics=topic, seconds=0.5, retained="skip", client=client)) == 0
    finally:
        client.publish(topic, b"", qos=1, retain=True)


def test_every_message_is_accounted_for_at_any_moment_of_a_load(broker: Broker, dial: Dial, topic: str) -> None:
    """Three streams: one read, one too small for its load, one that nobody reads. The sums are taken while the receive thread runs."""
    client = dial(broker.uri())
    read = client.stream(topic, qos=0)
    small = client.stream(topic, qos=0, max_queue_messages=500, overflow="drop_oldest")
    idle = client.stream(topic, qos=0)
    stop = threading.Event()
    seen: list[int] = []
    failures: list[str] = []

    def audit() -> None:
        while not stop.is_set():
            for stream in (read, small, idle):
                stats = stream.stats()
                if not stats.balanced:
                    failures.append(repr(stats))
            session = client.stats()
            if session["arrived"] != session["routed"] + session["unmatched"]:
                failures.append(repr(session))

    def consume() -> None:
        for batch in read.batches(max_seconds=0.05):
            seen.extend(batch.to_pandas()["n"])

    threads = [threading.Thread(target=audit), threading.Thread(target=consume)]
    for thread in threads:
        thread.start()
    with Storm(broker.listeners.ports["tcp"], topic, rate=5000) as storm:
        time.sleep(3)
    wait_until(lambda: idle.stats().received >= storm.sent, 10, "all messages")
    wait_until(lambda: len(seen) >= storm.sent, 10, "all rows")
    stop.set()
    read.close()
    for thread in threads:
        thread.join(10)
    assert not failures, failures[:3]
    assert seen == list(range(storm.sent))
    assert small.stats().dropped > 0
    assert small.stats().dropped == small.stats().dropped_oldest
    with pytest.warns(hf.errors.MessagesDroppedWarning):
        last = small.read(seconds=0).to_pandas()["n"]
    assert last.iloc[-1] == storm.sent - 1
    assert idle.stats().queued + idle.stats().in_batch == storm.sent
    client.close()
    for stream in (read, small, idle):
        assert_balanced(stream)


def test_latest_keeps_the_newest_of_each_topic(broker: Broker, pooled: Pooled, topic: str) -> None:
    """While a storm runs that nobody reads; then every topic's last message is there, and no other."""
    stream = pooled(broker, 5).stream(f"{topic}/{{line}}", qos=1, overflow="latest")
    looks: list[bool] = []
    with Client(broker.listeners.ports["tcp"]) as publisher:
        for start in range(0, 2_000, 200):
            publisher.publish_all([(f"{topic}/{n % 20}", b'{"n": %d}' % n) for n in range(start, start + 200)])
            looks.append(stream.stats().balanced)
    wait_until(lambda: stream.stats().received == 2_000, 10, "all messages")
    stats = stream.stats()
    assert (stats.queued, stats.superseded, stats.dropped) == (20, 1_980, 0)
    df = stream.read(seconds=0).to_pandas()
    assert sorted(df["n"]) == list(range(1_980, 2_000))
    assert all(df["line"].astype(int) == df["n"] % 20)
    assert all(looks)
    assert_balanced(stream)


@pytest.mark.parametrize("overflow", ["drop_oldest", "drop_newest", "block"])
def test_a_full_queue_does_what_its_policy_says(overflow: str, mosquitto: Mosquitto, pooled: Pooled, topic: str) -> None:
    client = pooled(mosquitto, 5)
    stream = client.stream(topic, qos=1, max_queue_messages=100, overflow=overflow, block_timeout=0.2)  # type: ignore[arg-type]
    with Client(mosquitto.listeners.ports["tcp"]) as publisher:
        publisher.publish_all([(topic, b'{"n": %d}' % n) for n in range(300)])
    time.sleep(1.5)
    stats = stream.stats()
    assert stats.balanced
    with pytest.warns(hf.errors.MessagesDroppedWarning, match="dropped"):
        df = stream.read(seconds=0).to_pandas()
    ledger = stream.ledger()
    (dropped,) = ledger[ledger["event"] == "dropped"].to_dict("records")  # one episode
    assert (dropped["count"], dropped["bytes"]) == (stats.dropped, stats.dropped_bytes)
    assert dropped["topics"] == json.dumps({topic: stats.dropped})
    assert pd.Timestamp.now("UTC") - pd.Timedelta("1min") < dropped["time"] <= dropped["until"] <= pd.Timestamp.now("UTC")
    if overflow == "drop_oldest":
        assert stats.dropped == stats.dropped_oldest > 0
        assert df["n"].iloc[-1] == 299
    elif overflow == "drop_newest":
        assert stats.dropped == stats.dropped_newest > 0
        assert df["n"].iloc[0] == 0
    else:
        assert stats.dropped_block_timeout > 0
        assert stats.blocked_ns > 0
        assert df["n"].iloc[0] == 0
    assert_balanced(stream)


def test_a_cell_that_sleeps_does_not_stop_the_window(hivemq: HiveMQ, pooled: Pooled, topic: str) -> None:
    """As a notebook's cell in pure Python that holds the interpreter, and as one that sleeps."""
    stream = pooled(hivemq, 5).stream(topic, qos=0)
    stream.window("1min")
    with Storm(hivemq.listeners.ports["tcp"], topic, rate=1000) as storm:
        time.sleep(3)
    end = time.monotonic() + 1
    while time.monotonic() < end:  # a busy cell
        sum(range(1000))
    wait_until(lambda: len(stream.window("1min")) == storm.sent, 5, "every message in the window")
    df = stream.window("1min")
    assert list(df["n"]) == list(range(storm.sent))
    # a tap: batches() still has everything
    assert list(stream.read(seconds=0.5).to_pandas()["n"]) == list(range(storm.sent))
    assert_balanced(stream)


def test_a_window_forgets_what_is_older(hivemq: HiveMQ, pooled: Pooled, topic: str) -> None:
    client = pooled(hivemq, 5)
    stream = client.stream(topic)
    stream.window(1)
    client.publish(topic, {"n": 1}, qos=1)
    wait_until(lambda: len(stream.window(1)) == 1, 3)
    time.sleep(1.3)
    client.publish(topic, {"n": 2}, qos=1)
    wait_until(lambda: list(stream.window(1)["n"]) == [2], 3)


def test_batches_are_cut_by_rows_and_by_age(hivemq: HiveMQ, pooled: Pooled, topic: str) -> None:
    client = pooled(hivemq, 5)
    stream = client.stream(topic)
    with Client(hivemq.listeners.ports["tcp"]) as publisher:
        publisher.publish_all([(topic, json.dumps({"n": n}).encode()) for n in range(250)])
    wait_until(lambda: stream.stats().received == 250)
    sizes = [batch.num_rows for batch in stream.batches(max_rows=100, max_seconds=0.3, idle_seconds=0.5)]
    assert sum(sizes) == 250
    assert max(sizes) <= 100
    started = time.monotonic()
    client.publish(topic, {"n": 250}, qos=1)
    batch = next(stream.batches(max_seconds=0.3))
    assert batch.num_rows == 1
    assert time.monotonic() - started < 5


def test_close_from_another_thread_ends_the_loop_and_keeps_what_is_queued(hivemq: HiveMQ, dial: Dial, topic: str) -> None:
    client = dial(hivemq.uri())
    stream = client.stream(topic)
    rows = 0
    timer = threading.Timer(0.8, stream.close)
    timer.start()
    client.publish(topic, {"n": 1}, qos=1)
    for batch in stream.batches(max_seconds=0.1):
        rows += batch.num_rows
    timer.join()
    assert rows == 1
    late = client.stream(topic)
    client.publish(topic, {"n": 2}, qos=1)
    wait_until(lambda: late.stats().received == 1)
    client.close()
    assert list(late.read(rows=1, seconds=1).to_pandas()["n"]) == [2]
    assert_balanced(late)


def test_async_for_reads_publishes_and_is_cancelled(broker: Broker, topic: str, ca_file: str) -> None:
    async def main() -> list[int]:
        user: dict[str, Any] = {"username": "both", "password": "both-password"}
        async with await hf.connect_async(broker.uri("mqtts"), ca_file=ca_file, **user) as client:
            stream = client.stream(topic)
            found: list[int] = []

            async def read() -> None:
                async for batch in stream.batches(max_seconds=0.05):
                    found.extend(batch.to_pandas()["n"])

            reader = asyncio.create_task(read())
            for n in range(20):
                client.publish(topic, {"n": n})
                await asyncio.sleep(0.02)
            await asyncio.sleep(1.0)
            started = time.monotonic()
            reader.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reader
            assert time.monotonic() - started < 1.5
            assert_balanced(stream)
            return found

    assert asyncio.run(asyncio.wait_for(main(), 20)) == list(range(20))


def test_what_cannot_be_read_goes_to_quarantine_and_can_be_read_again(hivemq: HiveMQ, pooled: Pooled, topic: str) -> None:
    client = pooled(hivemq, 5)
    stream = client.stream(topic)
    bad = [b'{"n": ', b"\xff\xfe\x00", b'{"n": 1} trailing']
    for payload in (b'{"n": 1}', *bad, b'{"n": 2, "late": true}', b""):
        client.publish(topic, payload, qos=1)
    df = stream.read(rows=3, seconds=5).to_pandas()
    assert [None if pd.isna(n) else int(n) for n in df["n"]] == [1, 2, None]
    quarantine = stream.quarantine()
    assert [bytes(p) for p in quarantine["payload"]] == bad
    assert list(quarantine["topic"]) == [topic] * 3
    assert quarantine["reason"].notna().all()
    stats = stream.stats()
    assert (stats.received, stats.delivered, stats.quarantined, stats.empty_payloads) == (6, 3, 3, 1)
    assert stats.balanced


def test_dropping_the_last_reference_closes(hivemq: HiveMQ, topic: str) -> None:
    """A cell that is run again does not eat the plan's connections."""
    import gc

    from tests.brokers.proxies import Relay

    with Relay(hivemq.listeners.ports["tcp"]) as relay:
        for _ in range(3):
            client = hf.connect(relay.uri(), username="both", password="both-password")
            stream = client.stream(topic)
            del stream
        del client
        gc.collect()
        wait_until(lambda: not relay._open, 5, "all connections closed")
        assert relay.connections == 3


def test_a_second_live_websocket_session_raises(mosquitto: Broker, dial: Dial) -> None:
    first = dial(mosquitto.uri("ws"))
    with pytest.raises(hf.errors.WebSocketInUseError):
        dial(mosquitto.uri("wss"))
    tcp = dial(mosquitto.uri("mqtt"))
    assert tcp.info()["state"] == "connected"
    first.close()
    dial(mosquitto.uri("wss")).publish("ws/again", {"n": 1}, qos=1)


def test_threads_may_share_a_client(hivemq: HiveMQ, pooled: Pooled, topic: str) -> None:
    client = pooled(hivemq, 5)
    stream = client.stream(f"{topic}/+")
    failures: list[BaseException] = []

    def publish(worker: int) -> None:
        try:
            for n in range(25):
                client.publish(f"{topic}/{worker}", {"n": n, "worker": worker}, qos=1)
        except hf.errors.HoneyframeError as error:
            failures.append(error)

    threads = [threading.Thread(target=publish, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not failures
    df = stream.read(rows=100, seconds=10).to_pandas()
    assert df.groupby("worker")["n"].apply(list).tolist() == [list(range(25))] * 4
