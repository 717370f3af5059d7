"""decode=: payloads that are not JSON."""

from __future__ import annotations

import gc
import gzip
import json
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

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
    assert source.stream._decoder._feed.counters()["received"] <= 20
    assert stats.queued + stats.in_batch == 100
    source.stream.close()
    assert source.stream.read(seconds=5).to_pandas()["n"].tolist() == list(range(100))


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
        Decoder(None, None, "gzip")  # type: ignore[arg-type]
