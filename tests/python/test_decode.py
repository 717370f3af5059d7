"""decode=: payloads that are not JSON."""

from __future__ import annotations

import gc
import gzip
import json
import threading
import time
import types
from collections.abc import Callable
from typing import Any

import pytest
from tests.waiting import wait_until

import honeyframe as hf
from honeyframe.decode import Decoder
from honeyframe.source import make_reader
from honeyframe.stream import Stream

FedStream = Callable[..., Any]


def test_gzip(fed: FedStream) -> None:
    source = fed(decode=gzip.decompress)
    for number in range(100):
        source.push(gzip.compress(json.dumps({"n": number}).encode()))
    assert source.stream.read(rows=100, seconds=5).to_pandas()["n"].tolist() == list(range(100))
    stats = source.stream.stats()
    assert (stats.received, stats.delivered, stats.balanced) == (100, 100, True)


@pytest.mark.parametrize(
    ("decode", "rows"),
    [
        (lambda payload: {"size": len(payload)}, [{"size": 3}]),
        (lambda payload: [{"size": 1}, {"size": 2}], [{"size": 1}, {"size": 2}]),
        (lambda payload: '{"size": 4}', [{"size": 4}]),
        (lambda payload: bytearray(b'{"size": 5}'), [{"size": 5}]),
        (lambda payload: None, []),
    ],
)
def test_what_a_decoder_may_return(fed: FedStream, decode: Any, rows: list[dict[str, int]]) -> None:
    source = fed(decode=decode)
    source.push(b"abc")
    source.stream.close()
    table = source.stream.read(seconds=5)
    frame = table.to_pandas()
    assert [{"size": int(size)} for size in frame.get("size", [])] == rows
    stats = source.stream.stats()
    assert (stats.received, stats.delivered, stats.balanced) == (1, 1, True)


def test_topic_time_and_flags_go_along(fed: FedStream) -> None:
    source = fed(decode=lambda payload: payload, metadata=["topic", "recv_time", "retain", "qos", "dup", "content_type"])
    source.push({"n": 1}, topic="a/b", receive_time_ns=1_700_000_000_123_456_789, retain=True, qos=2, dup=True, content_type="cbor")
    row = source.stream.read(rows=1, seconds=5).to_pandas().iloc[0]
    assert (row["_topic"], row["_recv_time"].value, row["_qos"], row["_content_type"]) == ("a/b", 1_700_000_000_123_456_789, 2, "cbor")
    assert row["_retain"]
    assert row["_dup"]


@pytest.mark.parametrize(
    ("decode", "message"),
    [
        (gzip.decompress, "BadGzipFile"),
        (lambda payload: 7, "decode returned int"),
        (lambda payload: {"n": float("nan")}, "NaN"),
        (lambda payload: {"n": {1, 2}}, "JSON has no form"),
    ],
)
def test_a_failure_is_quarantined(fed: FedStream, decode: Any, message: str) -> None:
    source = fed(decode=decode)
    source.push(b"\x00plain")
    source.stream.close()
    assert len(source.stream.read(seconds=5)) == 0
    frame = source.stream.quarantine()
    assert frame["reason"].tolist() == ["decode_failed"]
    assert message in frame["message"].iloc[0]
    assert frame["payload"].iloc[0] == b"\x00plain"
    stats = source.stream.stats()
    assert (stats.received, stats.quarantined, stats.decode_failed, stats.balanced) == (1, 1, 1, True)


def test_what_the_decoder_gives_may_be_broken_json(fed: FedStream) -> None:
    source = fed(decode=lambda payload: b"{broken")
    source.push(b"x")
    source.stream.close()
    source.stream.read(seconds=5)
    stats = source.stream.stats()
    assert (stats.quarantined, stats.decode_failed, stats.balanced) == (1, 0, True)


def test_windows_fill_meanwhile(fed: FedStream) -> None:
    source = fed(decode=gzip.decompress)
    source.stream.window(60)
    for number in range(50):
        source.push(gzip.compress(json.dumps({"n": number}).encode()))
    until = time.monotonic() + 5
    while len(source.stream.window(60)) < 50 and time.monotonic() < until:
        time.sleep(0.02)
    assert len(source.stream.window(60)) == 50


def test_nothing_is_read_ahead_without_bound(fed: FedStream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("honeyframe.decode._FEED_MESSAGES", 10)
    monkeypatch.setattr("honeyframe.decode._STEP_MESSAGES", 5)
    source = fed(decode=lambda payload: payload)
    source.push_rows(100)
    time.sleep(0.5)
    stats = source.stream.stats()
    assert stats.balanced
    assert source.stream._decoder._feed.counters()["received"] == 10
    assert stats.queued + stats.in_batch == 100
    source.stream.close()
    assert source.stream.read(seconds=5).to_pandas()["n"].tolist() == list(range(100))


class TestOverflow:
    """It is the raw queue's business, by the user's policy: what has been decoded is never dropped behind their back."""

    @pytest.mark.filterwarnings("ignore::honeyframe.errors.MessagesDroppedWarning")
    def test_drop_newest_keeps_the_oldest(self, fed: FedStream) -> None:
        source = fed(decode=lambda payload: payload, queue={"max_messages": 100, "overflow": "drop_newest"})
        for number in range(1_000):
            source.push({"n": number})
            if number % 50 == 0:
                time.sleep(0.01)
        stats = source.stream.stats()
        assert stats.balanced
        assert 100 <= stats.queued + stats.in_batch <= 400  # raw, a step in hand, the feed
        source.stream.close()
        numbers = source.stream.read(seconds=5).to_pandas()["n"].tolist()
        assert numbers[:200] == list(range(200))
        counters = source.stream._counters()
        assert counters["dropped"] == counters["dropped_newest"] == 1_000 - len(numbers)
        assert source.stream.stats().balanced

    def test_block_loses_nothing(self, fed: FedStream) -> None:
        source = fed(decode=lambda payload: payload, queue={"max_messages": 10, "overflow": "block", "block_timeout": 30.0})
        pushing = threading.Thread(target=source.push_rows, args=(300,))
        pushing.start()
        time.sleep(0.3)
        assert pushing.is_alive()  # all queues are full
        assert source.stream.read(rows=300, seconds=20).to_pandas()["n"].tolist() == list(range(300))
        pushing.join(5)
        stats = source.stream.stats()
        assert (stats.received, stats.delivered, stats.dropped, stats.balanced) == (300, 300, 0, True)

    def test_payloads_that_grow_wait_for_room(self, fed: FedStream) -> None:
        source = fed(decode=gzip.decompress, queue={"max_bytes": 2**20, "overflow": "drop_newest"})
        for number in range(200):  # 50 kB each, decoded: ten times the bound
            source.push(gzip.compress(json.dumps({"n": number, "text": "x" * 50_000}).encode()))
        wait_until(lambda: source.stream._decoder._feed.counters()["received"] >= 10)
        assert source.stream.stats().balanced
        assert source.stream._decoder._feed.counters()["held_bytes"] <= 2**20
        assert source.stream.read(rows=200, seconds=20).to_pandas()["n"].tolist() == list(range(200))
        stats = source.stream.stats()
        assert (stats.received, stats.delivered, stats.dropped, stats.balanced) == (200, 200, 0, True)

    def test_many_topics_wait_for_room_as_well(self, fed: FedStream) -> None:
        source = fed(decode=lambda payload: payload, queue={"max_bytes": 2**20, "overflow": "block", "block_timeout": 30.0})
        pushing = threading.Thread(
            target=lambda: [source.push({"n": number}, topic=f"{number}/" + "t" * 2_000) for number in range(2_000)], daemon=True
        )
        pushing.start()
        assert source.stream.read(rows=2_000, seconds=30).to_pandas()["n"].tolist() == list(range(2_000))
        pushing.join(5)
        stats = source.stream.stats()
        assert (stats.delivered, stats.dropped, stats.balanced) == (2_000, 0, True)

    def test_what_grows_beyond_every_bound_is_rejected_and_counted(self, fed: FedStream) -> None:
        source = fed(decode=gzip.decompress, queue={"max_payload_bytes": 10_000})
        source.push(gzip.compress(b" " * 10_001))
        source.push(gzip.compress(b'{"n": 1}'))
        assert source.stream.read(rows=1, seconds=5).to_pandas()["n"].tolist() == [1]
        stats = source.stream.stats()
        assert (stats.received, stats.rejected, stats.delivered, stats.balanced) == (2, 1, 1, True)

    def test_one_message_at_a_time_still_flows(self, fed: FedStream) -> None:
        source = fed(decode=lambda payload: payload, queue={"max_messages": 1, "overflow": "block", "block_timeout": 30.0})
        pushing = threading.Thread(target=source.push_rows, args=(100,))
        pushing.start()
        assert len(source.stream.read(rows=100, seconds=20)) == 100
        pushing.join(5)

    @pytest.mark.filterwarnings("ignore::honeyframe.errors.MessagesDroppedWarning")
    def test_a_window_rolls_on_though_nobody_reads(self, fed: FedStream) -> None:
        source = fed(decode=lambda payload: payload, queue={"max_messages": 50, "overflow": "block", "block_timeout": 30.0})
        source.stream.window(60)
        source.push_rows(1_000)
        assert wait_until(lambda: len(source.stream.window(60)) == 1_000)
        stats = source.stream.stats()
        assert stats.balanced
        assert stats.dropped >= 900  # taken by the window alone

    def test_dropping_a_full_stream_ends_its_thread(self) -> None:
        reader, queue, decoder = make_reader({"max_messages": 5}, {}, lambda payload: payload)
        assert decoder is not None
        decoder.start()
        stream = Stream(reader, decoder=decoder)
        for _ in range(20):
            queue.push("a", b"1")
        thread, counters = decoder._thread, decoder._feed.counters
        assert wait_until(lambda: counters()["queued"] == 5)
        del stream, decoder, reader
        gc.collect()
        thread.join(3)
        assert not thread.is_alive()


class TestTheThread:
    @pytest.mark.parametrize("broken", ["_raw.next", "_pass_on"])
    def test_its_end_is_an_error_where_data_was_awaited(self, broken: str) -> None:
        reader, queue, decoder = make_reader({}, {}, lambda payload: payload)
        assert decoder is not None

        def fail(*_: Any) -> None:
            raise MemoryError("no memory for the batch")

        if broken == "_raw.next":
            decoder._raw = types.SimpleNamespace(next=fail, close=decoder._raw.close, discard=decoder._raw.discard, keep=decoder._raw)
        else:
            decoder._pass_on = fail  # type: ignore[method-assign]
        queue.push("a", b"1")
        decoder.start()
        stream = Stream(reader, decoder=decoder)
        for read in (lambda: stream.read(rows=1, seconds=5), lambda: list(stream.batches())):
            with pytest.raises(hf.HoneyframeError, match="decode= has ended") as raised:
                read()
            assert isinstance(raised.value.__cause__, MemoryError)
        decoder._thread.join(3)
        assert queue.push("a", b"2") == "closed"  # nothing piles up behind it

    def test_an_error_with_a_name_is_raised_as_it_is(self) -> None:
        reader, _, decoder = make_reader({}, {}, lambda payload: payload)
        assert decoder is not None
        denied = hf.SubscribeDenied("taken back")

        def fail(*_: Any) -> None:
            raise denied

        decoder._raw = types.SimpleNamespace(next=fail, close=decoder._raw.close, discard=decoder._raw.discard)  # type: ignore[assignment]
        decoder.start()
        with pytest.raises(hf.SubscribeDenied) as raised:
            Stream(reader, decoder=decoder).read(rows=1, seconds=5)
        assert raised.value is denied


@pytest.mark.filterwarnings("ignore::honeyframe.errors.MessagesDroppedWarning")
def test_balanced_at_any_moment(fed: FedStream) -> None:
    def sometimes(payload: bytes) -> bytes | None:
        number = json.loads(payload)["n"]
        if number % 7 == 0:
            raise ValueError("seven")
        return None if number % 11 == 0 else payload

    source = fed(decode=sometimes, queue={"max_messages": 1_000})
    pushing = threading.Thread(target=source.push_rows, args=(5_000,))
    pushing.start()
    reader = threading.Thread(target=lambda: [None for _ in source.stream.batches(max_seconds=0.01)])
    reader.start()
    while pushing.is_alive():
        assert source.stream.stats().balanced
    source.stream.close()
    reader.join(10)
    stats = source.stream.stats()
    assert stats.balanced
    assert stats.received == 5_000
    assert stats.queued == stats.in_batch == 0


def test_the_thread_ends_when_the_stream_is_dropped() -> None:
    reader, queue, decoder = make_reader({}, {}, lambda payload: payload)
    assert decoder is not None
    decoder.start()
    thread = decoder._thread
    stream = Stream(reader, decoder=decoder)
    del stream, decoder, reader
    gc.collect()
    thread.join(3)
    assert not thread.is_alive()
    assert queue.push("a", b"1") == "closed"


def test_decode_must_be_a_function() -> None:
    with pytest.raises(TypeError, match="decode must be a function"):
        Decoder(None, None, "gzip", feed_messages=1, feed_bytes=1)  # type: ignore[arg-type]
