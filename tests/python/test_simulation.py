"""The messages of simulated devices: the same for the same seed, in order of time, with what goes wrong."""

from __future__ import annotations

import datetime
import json
from typing import Any

import numpy as np
import pytest

import honeyframe as hf
from honeyframe.simulation import Messages, Simulation

START = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


def simulation(seed: int = 1, rate: float | None = None, **device: Any) -> Simulation:
    one = {"topic": "a/{device}", "payload": {"n": {"kind": "counter"}, "ts": {"kind": "time", "format": "ms"}}, **device}
    return Simulation({"device": [one]}, seed=seed, start=START, rate=rate)


def one(messages: list[Messages]) -> Messages:
    (found,) = messages
    return found


def times_of(messages: Messages, topic: str) -> list[float]:
    return [time for time, at in zip(messages.times, messages.topics, strict=True) if at == topic]


def everything(simulated: Simulation, step: float, end: float) -> list[list[tuple[float, str, bytes]]]:
    """Each kind's messages, asked for in steps."""
    found: dict[str, list[tuple[float, str, bytes]]] = {}
    for number in range(1, round(end / step) + 1):
        for messages in simulated.take(until=number * step):
            found.setdefault(messages.kind.name, []).extend(zip(messages.times, messages.topics, messages.payloads, strict=True))
    return list(found.values())


def test_the_same_seed_gives_the_same_bytes_however_they_are_asked_for() -> None:
    first = everything(Simulation("plant", seed=3, start=START), 0.1, 100)
    assert first == everything(Simulation("plant", seed=3, start=START), 50, 100)
    assert first != everything(Simulation("plant", seed=4, start=START), 50, 100)
    assert sum(map(len, first)) == pytest.approx(5000, rel=0.05)


def test_these_bytes_stay_what_they_are() -> None:
    """A change here changes what everybody's seeds give: it belongs into the changelog."""
    found = Simulation("plant", seed=7, start=START).take(until=0.05)
    assert [text for messages in found for text in messages.payloads][:1] == PINNED


PINNED = [
    b'{"ts":"2026-01-01T00:00:00.017Z","device_id":9007199254740999,"temperature":19.36,"pressure":1012.1,"running":true,'
    b'"location":{"hall":"C","bay":3},"vibration":[0.433,0.305,0.398],"seq":0}'
]


def test_messages_come_in_order_and_at_their_rate() -> None:
    found = one(simulation(count=5, rate=None, every="2s", jitter=0.5).take(until=2000))
    assert found.times == sorted(found.times)
    assert len(found) == 5 * 1000
    for number in range(1, 6):
        own = np.array(times_of(found, f"a/{number}"))
        assert len(own) == 1000
        assert np.diff(own).mean() == pytest.approx(2, rel=0.01)
        assert np.diff(own).min() > 0
        assert np.diff(own).max() < 3.01, "half of the interval is jitter"


def test_what_was_taken_is_not_taken_again() -> None:
    simulated = simulation(count=3)
    taken = [one(simulated.take(until=0.999 + second)) for second in range(10)]
    numbers = [json.loads(text)["n"] for messages in taken for text in messages.payloads]
    assert sorted(numbers) == sorted(list(range(10)) * 3)
    assert simulated.take(until=9.999) == []
    assert 10 <= simulated.next_time() < 11


def test_at_most_so_many_are_those_that_come_first() -> None:
    both = {"device": [{"topic": "a", "every": "1s", "payload": 1}, {"topic": "b", "every": "0.1s", "payload": 2}]}
    simulated = Simulation(both, start=START)
    everything_due = Simulation(both, start=START).take(until=10)
    first = sorted((time, messages.kind.topic) for messages in everything_due for time in messages.times)
    taken: list[tuple[float, str]] = []
    for most in (7, 0, 1, 30):
        step = [(time, messages.kind.topic) for messages in simulated.take(until=10, most=most) for time in messages.times]
        assert len(step) == most
        taken += sorted(step)
    assert taken == first[:38]


def test_a_rate_of_all_changes_each_in_proportion() -> None:
    simulated = simulation(rate=1000, count=4, every="1s")
    assert simulated.rate == 1000
    found = one(simulated.take(until=10))
    assert len(found) == pytest.approx(10_000, abs=10)
    stamps = [json.loads(text)["ts"] for text in found.payloads]
    assert max(stamps) - min(stamps) == pytest.approx(10_000, abs=10), "its times are those of its messages"
    with pytest.raises(hf.errors.InvalidArgumentError, match="rate must be more than 0"):
        simulation(rate=0)


def test_devices_fall_silent() -> None:
    found = one(simulation(count=2, gaps={"every": "200s", "lasts": "20s"}).take(until=40_000))
    for number in (1, 2):
        steps = np.diff(times_of(found, f"a/{number}"))
        gaps = steps[steps > 5]
        assert len(gaps) == pytest.approx(200, abs=60)
        assert gaps.min() >= 20, "also across blocks"
        assert np.median(gaps) == pytest.approx(21, abs=1)


def test_devices_send_bursts() -> None:
    found = one(simulation(bursts={"every": "100s", "lasts": "3s", "times": 10}).take(until=10_000))
    each = np.bincount(np.array(found.times).astype(int))
    assert set(each.tolist()) == {1, 10}
    assert (each == 10).sum() == pytest.approx(300, abs=100)
    assert [json.loads(text)["n"] for text in found.payloads] == list(range(len(found))), "each is a reading of its own"


def test_payloads_are_broken_in_every_way_and_counted() -> None:
    kinds = ["truncated", "not_utf8", "empty", "text", "nan", "two"]
    found = one(simulation(bad={"share": 0.2, "kinds": kinds}, payload={"n": {"kind": "counter"}, "text": "ü" * 9}).take(until=5000))
    assert len(found.bad) == pytest.approx(1000, abs=120)
    table = hf.extract(found.payloads)
    assert sorted(hf.extract([found.payloads[i] for i in range(len(found)) if i not in set(found.bad)]).to_pandas()["n"]) == sorted(
        set(range(5000)) - set(found.bad)
    )
    readable = [i for i in found.bad if found.payloads[i] in (b"", b"ERROR 17: sensor not found")]  # to honeyframe: nothing, and a text
    assert len(table) == 5000 - len(found.bad) + len(readable)
    assert len(readable) == pytest.approx(len(found.bad) / 3, rel=0.2), "two kinds of six"


def test_states_are_sent_at_the_start() -> None:
    simulated = simulation(retain=True, every="1h", count=3)
    first = one(simulated.at_start())
    assert first.topics == ["a/1", "a/2", "a/3"]
    assert first.kind.retain
    assert simulation(count=3).at_start() == []


def test_many_devices_are_few_rounds_of_a_block() -> None:
    simulated = simulation(count=100_000, every="10s")
    found = one(simulated.take(until=10 - 1e-9))
    assert len(found) == 100_000
    assert len(set(found.topics)) == 100_000
