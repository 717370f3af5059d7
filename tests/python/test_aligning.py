"""Stream.align: the loop around an Aligner, on a stream that is fed by hand."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

import honeyframe as hf

FedStream = Callable[..., Any]
START = 1_800_000_000


def feed(source: Any, seconds: int, *, lines: int = 3) -> None:
    for second in range(seconds):
        for line in range(lines):
            payload = {"ts": START + second, "temperature": second + line / 10}
            source.push(payload, f"plant/{line}/telemetry", receive_time_ns=(START + second) * 10**9)


def test_frames_come_as_buckets_are_complete_and_the_rest_at_the_end(fed: FedStream) -> None:
    source = fed(event_time="ts", topic_template="plant/{line}/telemetry")
    feed(source, 10)
    aligned = source.stream.align(every="2s", how="mean", by="line", columns=["temperature"], lateness=2, max_seconds=0, idle_seconds=0.2)
    frames = list(aligned)
    assert [len(frame) for frame in frames] == [3, 2]
    wide = pd.concat(frames)
    assert wide["1", "temperature"].tolist() == pytest.approx([0.6, 2.6, 4.6, 6.6, 8.6])
    assert wide.columns.names == ["line", "field"]
    assert (aligned.stats().taken, aligned.stats().rows, aligned.ledger().empty) == (30, 30, True)
    stats = source.stream.stats()
    assert stats.balanced
    assert stats.delivered == 30  # align() takes what batches() would have given


def test_a_loop_that_was_left_has_its_open_buckets(fed: FedStream) -> None:
    source = fed(event_time="ts")
    feed(source, 10)
    aligned = source.stream.align(lateness=1, columns=["temperature"], max_rows=9, max_seconds=0)
    first = next(aligned)
    rest = aligned.flush()
    assert len(first) + sum(map(len, rest)) == aligned.stats().buckets
    assert aligned.stats().open_cells == 0


def test_idle_flush_gives_what_is_open_when_nothing_comes(fed: FedStream) -> None:
    source = fed(event_time="ts")
    feed(source, 2)
    aligned = source.stream.align(lateness=60, columns=["temperature"], idle_flush=0.2)
    begin = time.monotonic()
    assert len(next(aligned)) == 2
    assert time.monotonic() - begin < 3
    source.push({"ts": START, "temperature": 9}, "plant/1/telemetry", receive_time_ns=START * 10**9)
    source.stream.close()
    assert list(aligned) == []
    assert aligned.stats().late == 1


def test_async(fed: FedStream) -> None:
    source = fed(event_time="ts")
    feed(source, 6)

    async def gather() -> list[pd.DataFrame]:
        return [frame async for frame in source.stream.align(lateness=1, max_seconds=0, idle_seconds=0.2)]

    assert sum(map(len, asyncio.run(gather()))) == 6


def test_the_receive_time_stands_in(fed: FedStream) -> None:
    source = fed()
    source.push({"v": 1}, receive_time_ns=START * 10**9)
    source.stream.close()
    (wide,) = source.stream.align()
    assert wide.index[0].timestamp() == START
    assert list(wide.columns) == [("plant/1/telemetry", "v")]


def test_wrong_arguments_raise_at_once(fed: FedStream) -> None:
    source = fed()
    with pytest.raises(hf.InvalidArgumentError, match="every"):
        source.stream.align(every=0)
    with pytest.raises(hf.InvalidArgumentError, match="seconds"):
        source.stream.align(seconds="soon")
