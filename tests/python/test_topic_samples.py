"""What is kept of each topic: exact counts, the first and the last payloads, within bounds."""

import time
from typing import Any

from honeyframe.source import make_reader
from honeyframe.stream import Stream
from honeyframe.topic_samples import RAW_OPTIONS, TopicSampler


def feed(sampler: TopicSampler, messages: list[tuple[str, bytes]], **flags: Any) -> None:
    reader, queue, _ = make_reader({}, dict(RAW_OPTIONS))
    stream = Stream(reader)
    for topic, payload in messages:
        queue.push(topic, payload, **{"receive_time_ns": time.time_ns(), **flags})
    for batch in stream.read().batches:
        sampler.add(batch)
    stream.close()


def test_counts_are_exact_and_samples_are_the_first_and_the_last() -> None:
    sampler = TopicSampler(max_topics=10, samples=3)
    for begin in (0, 10):
        feed(sampler, [(f"t/{n % 2}", str(n).encode()) for n in range(begin, begin + 10)], qos=1)
    feed(sampler, [("t/0", b"100"), ("t/0", b"")], retain=True)
    zero, one = sampler.topics["t/0"], sampler.topics["t/1"]
    assert (zero.messages, zero.retained, zero.qos, zero.size) == (12, 2, 1, 18)
    assert zero.payloads == [b"0", b"2", b""]
    assert one.payloads == [b"1", b"3", b"19"]
    assert sampler.messages == 22


def test_topics_and_bytes_are_bounded() -> None:
    sampler = TopicSampler(max_topics=100, samples=5, max_bytes=100_000)
    for _ in range(3):
        feed(sampler, [(f"t/{n}", b"x" * 1_000) for n in range(500) for _ in range(3)])
    assert len(sampler.topics) == 100
    assert sampler.other_messages == 3 * 400 * 3
    kept = sum(len(payload) for topic in sampler.topics.values() for payload in topic.payloads)
    assert kept <= 100_000 + 100 * 1_000
    assert all(topic.payloads for topic in sampler.topics.values())


def test_system_topics() -> None:
    for wanted in (False, True):
        sampler = TopicSampler(max_topics=10, samples=3, with_system=wanted)
        feed(sampler, [("$SYS/uptime", b"1"), ("a", b"1")])
        assert ("$SYS/uptime" in sampler.topics) is wanted


def test_a_flood_of_topics_in_memory_that_does_not_grow() -> None:
    import tracemalloc

    sampler = TopicSampler(max_topics=500, samples=5)
    tracemalloc.start()
    try:
        for part in range(6):
            feed(sampler, [(f"flood/{part}/{n}", b'{"a": 1}') for n in range(2_000)])
            if part == 1:
                before, _ = tracemalloc.get_traced_memory()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 100_000
    assert sampler.other_messages == 11_500
