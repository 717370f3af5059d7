"""The bounded queue, fed as the receive thread feeds it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from typing import Any

import pytest

from honeyframe import _core
from honeyframe.errors import ForkedProcessError, InvalidArgumentError

TERMS = ("delivered", "queued", "in_batch", "dropped", "superseded", "rejected", "quarantined", "discarded_on_close")
DROPS = ("dropped_oldest", "dropped_newest", "dropped_block_timeout", "dropped_no_memory", "dropped_no_slot")


def balanced(counters: dict[str, int]) -> bool:
    rejected = counters["rejected_topic"] + counters["rejected_too_large"]
    return (
        counters["received"] == sum(counters[term] for term in TERMS)
        and counters["dropped"] == sum(counters[name] for name in DROPS)
        and counters["rejected"] == rejected
    )


def test_counts_what_it_stores() -> None:
    queue = _core.Queue()
    assert queue.push("plant/1", b'{"t": 1}') == "stored"
    assert queue.push(b"plant/1", b"", qos=2, retain=True, dup=True, receive_time_ns=1) == "stored"
    counters = queue.counters()
    assert counters["received"] == counters["queued"] == 2
    assert counters["received_bytes"] == 8
    assert 0 < counters["queued_bytes"] < counters["held_bytes"] <= 67108864
    assert balanced(counters)


@pytest.mark.parametrize("topic", ["", "a/+", "a/#", "a\0b", b"\xc3(", "\ud800", "t" * 65536])
def test_bad_topic_names_are_rejected_and_counted(topic: str | bytes) -> None:
    queue = _core.Queue()
    assert queue.push(topic, b"{}") == "rejected"
    assert queue.counters()["rejected_topic"] == 1
    assert balanced(queue.counters())


def test_payloads_beyond_the_limit_are_rejected_and_counted() -> None:
    queue = _core.Queue(max_payload_bytes=10)
    assert queue.push("t", b"x" * 10) == "stored"
    assert queue.push("t", b"x" * 11) == "rejected"
    assert queue.counters()["rejected_too_large"] == 1


def test_drop_oldest_keeps_to_the_bound() -> None:
    queue = _core.Queue(max_messages=100, overflow="drop_oldest")
    for _ in range(1000):
        assert queue.push("t", b"{}") == "stored"
        assert queue.counters()["queued"] <= 100
    counters = queue.counters()
    assert counters["dropped_oldest"] == counters["dropped"] >= 900
    assert balanced(counters)


def test_drop_newest_refuses() -> None:
    queue = _core.Queue(max_messages=2, overflow="drop_newest")
    assert [queue.push("t", b"abc") for _ in range(3)] == ["stored", "stored", "dropped"]
    assert queue.counters()["dropped_newest"] == 1
    assert queue.counters()["dropped_bytes"] == 3


def test_the_byte_bound_holds() -> None:
    queue = _core.Queue(max_bytes=2**20)
    for number in range(2000):
        queue.push(f"topic/{number}", b"x" * (number * 7 % 5000))
        assert queue.counters()["held_bytes"] <= 2**20
    assert queue.counters()["dropped"] > 0
    assert balanced(queue.counters())


def test_block_waits_once_and_then_drops() -> None:
    queue = _core.Queue(max_messages=1, overflow="block", block_timeout=0.6)
    queue.push("t", b"1")
    begin = time.monotonic()
    assert queue.push("t", b"2") == "dropped"
    assert time.monotonic() - begin >= 0.6
    begin = time.monotonic()
    assert queue.push("t", b"3") == "dropped"
    assert time.monotonic() - begin < 0.5  # the stall has had its wait
    counters = queue.counters()
    assert counters["dropped_block_timeout"] == 2
    assert counters["blocked_ns"] >= 590_000_000
    assert balanced(counters)


def test_block_goes_on_when_there_is_room() -> None:
    queue = _core.Queue(max_messages=1, overflow="block", block_timeout=30.0)
    reader = _core.StreamReader(queue, _core.ExtractOptions())
    queue.push("t", b"1")
    thread = threading.Timer(0.1, lambda: reader.next(1, 0.0, 1.0))
    thread.start()
    assert queue.push("t", b"2") == "stored"
    thread.join()
    assert balanced(queue.counters())


def test_latest_keeps_the_newest_of_each_topic() -> None:
    queue = _core.Queue(max_topics=3, overflow="latest")
    reader = _core.StreamReader(queue, _core.ExtractOptions())
    assert [queue.push(f"t/{n % 4}", b"%d" % n) for n in range(8)] == ["stored"] * 3 + ["dropped"] + ["stored"] * 3 + ["dropped"]
    counters = queue.counters()
    assert (counters["queued"], counters["superseded"], counters["superseded_bytes"], counters["dropped_no_slot"]) == (3, 3, 3, 2)
    assert balanced(counters)
    batch = reader.next(100, 0.0, 1.0)
    assert batch is not None
    assert batch.num_messages == 3
    assert queue.push("t/3", b"9") == "stored"  # of a slot that was read
    assert balanced(queue.counters())


def test_repeated_messages_are_counted() -> None:
    queue = _core.Queue()
    queue.push("t", b"1", qos=1, packet_id=7)
    queue.push("t", b"1", qos=1, packet_id=7, dup=True)
    queue.push("t", b"2", qos=1, packet_id=8, dup=True)
    counters = queue.counters()
    assert (counters["received"], counters["duplicates"], counters["duplicate_packet_ids"]) == (3, 2, 1)


def test_closed_takes_no_more() -> None:
    queue = _core.Queue()
    queue.push("t", b"1")
    queue.close()
    queue.close()
    assert queue.push("t", b"2") == "closed"
    assert queue.counters()["received"] == queue.counters()["queued"] == 1


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"max_messages": 0}, "max_messages"),
        ({"max_messages": -1}, "max_messages: found -1"),
        ({"max_bytes": 1000}, "max_bytes: found 1000, expected 65536 or more"),
        ({"max_topics": 0}, "max_topics"),
        ({"max_payload_bytes": 2**70}, "max_payload_bytes"),
        ({"overflow": "spill"}, '"drop_oldest", "drop_newest", "block", "latest"; found "spill"'),
        ({"block_timeout": -1.0}, "block_timeout"),
        ({"block_timeout": float("nan")}, "block_timeout"),
    ],
)
def test_bad_limits_are_named(options: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidArgumentError, match=named):
        _core.Queue(**options)


def test_bad_qos_is_named() -> None:
    with pytest.raises(InvalidArgumentError, match="qos"):
        _core.Queue().push("t", b"", qos=3)


def test_the_book_is_right_while_other_threads_work() -> None:
    queue = _core.Queue(max_messages=500, overflow="drop_oldest")
    reader = _core.StreamReader(queue, _core.ExtractOptions())
    stop = threading.Event()

    def produce() -> None:
        for number in range(20_000):
            queue.push("bad/#" if number % 500 == 0 else f"t/{number % 7}", b'{"n": %d}' % number if number % 3 else b"{broken")
        queue.close()

    def observe() -> None:
        while not stop.is_set():
            assert balanced(queue.counters())

    producer, observer = threading.Thread(target=produce), threading.Thread(target=observe)
    producer.start()
    observer.start()
    rows = 0
    while True:
        try:
            batch = reader.next(97, 0.01, 0.05)
        except StopIteration:
            break
        rows += batch.num_rows if batch else 0
    stop.set()
    producer.join()
    observer.join()
    counters = queue.counters()
    assert counters["received"] == 20_000
    assert counters["rejected"] == 40
    assert counters["rows"] == rows
    assert counters["queued"] == counters["in_batch"] == 0
    assert balanced(counters)


def test_ctrl_c_ends_a_blocked_push() -> None:
    program = """
import os, signal, threading, time
from honeyframe import _core
queue = _core.Queue(max_messages=1, overflow="block", block_timeout=60.0)
queue.push("t", b"1")
sent = []
def interrupt():
    sent.append(time.monotonic())
    os.kill(os.getpid(), signal.SIGINT)
threading.Timer(0.3, interrupt).start()
try:
    queue.push("t", b"2")
except KeyboardInterrupt:
    print(time.monotonic() - sent[0])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    assert float(done.stdout) < 0.1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_is_refused_and_lets_go() -> None:
    queue = _core.Queue()
    queue.push("t", b"1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        code = 1
        try:
            queue.counters()
        except ForkedProcessError:
            queue.close()
            del queue
            code = 0
        finally:
            os._exit(code)
    deadline = time.monotonic() + 10
    while (found := os.waitpid(child, os.WNOHANG)) == (0, 0) and time.monotonic() < deadline:
        time.sleep(0.01)
    if found == (0, 0):
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    assert found == (child, 0)
