"""The rolling window: filled by C++, trimmed by time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from honeyframe.errors import InvalidArgumentError

FedStream = Callable[..., Any]


def wait_for(look: Callable[[], int], count: int) -> None:
    until = time.monotonic() + 5
    while look() < count and time.monotonic() < until:
        time.sleep(0.02)
    assert look() == count


def test_takes_nothing_from_batches(fed: FedStream) -> None:
    source = fed()
    assert len(source.stream.window("10min")) == 0
    source.push_rows(20)
    wait_for(lambda: len(source.stream.window("10min")), 20)
    assert source.stream.window("10min")["n"].tolist() == list(range(20))
    assert len(source.stream.read(rows=20)) == 20
    assert len(source.stream.window("10min")) == 20
    assert source.stream.stats().balanced


def test_fills_while_a_cell_sleeps(fed: FedStream) -> None:
    import threading

    source = fed()
    source.stream.window(60)
    thread = threading.Thread(target=source.push_rows, args=(100,))
    thread.start()
    thread.join()
    time.sleep(0.5)
    assert len(source.stream.window(60)) == 100


def test_old_rows_go(fed: FedStream) -> None:
    source = fed()
    source.stream.window("10min")
    now = time.time_ns()
    for age in (1_000, 599, 1):
        source.push({"age": age}, receive_time_ns=now - age * 1_000_000_000)
    wait_for(lambda: len(source.stream.window("10min")), 2)
    assert source.stream.window("10min")["age"].tolist() == [599, 1]


def test_event_time_counts_where_there_is_one(fed: FedStream) -> None:
    source = fed(event_time="ts")
    source.stream.window(60)
    now = time.time()
    source.push({"n": 1, "ts": now})
    source.push({"n": 2, "ts": now - 3_600})
    source.push({"n": 3})
    wait_for(lambda: len(source.stream.window(60, by="recv_time")), 3)
    assert source.stream.window(60)["n"].tolist() == [1, 3]
    assert source.stream.window(60, by="event_time")["n"].tolist() == [1]


def test_two_durations_are_two_windows(fed: FedStream) -> None:
    source = fed()
    source.stream.window(60)
    source.stream.window("1min")  # the same
    source.stream.window(3_600)
    assert len(source.stream._taps) == 2


def test_retained_rows_stay_out(fed: FedStream) -> None:
    source = fed(retained="skip")
    source.stream.window(60)
    source.push({"n": 1}, retain=True)
    source.push({"n": 2})
    wait_for(lambda: len(source.stream.window(60)), 1)
    assert source.stream.window(60)["n"].tolist() == [2]


def test_an_empty_window_has_the_columns(fed: FedStream) -> None:
    assert {"t", "_recv_time"} <= set(fed(schema={"t": "float64"}).stream.window(60).columns)


@pytest.mark.parametrize("duration", [0, -1, "soon", float("nan")])
def test_bad_durations(fed: FedStream, duration: Any) -> None:
    with pytest.raises(InvalidArgumentError):
        fed().stream.window(duration)


def test_by_is_checked(fed: FedStream) -> None:
    with pytest.raises(InvalidArgumentError, match="event_time"):
        fed().stream.window(60, by="wall")
