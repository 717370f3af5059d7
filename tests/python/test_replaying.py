"""Replay without a broker: topics, times, and what keeps it out of a circle."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from tests.python.recorded import record, spool_with

import honeyframe as hf
from honeyframe.cli.replay import rewrite_of, speed_of
from honeyframe.recording_layout import PartName, part_path
from honeyframe.replay_topics import LoopGuard, TopicMap
from honeyframe.replaying import ReplayResult, _Schedule


@pytest.mark.parametrize(
    ("rewrite", "topic", "wanted"),
    [
        (None, "plant/1", "plant/1"),
        ("replay/{topic}", "plant/1", "replay/plant/1"),
        ({"plant": "test/plant"}, "plant/1", "test/plant/1"),
        ({"plant/": "test/"}, "plant/1", "test/1"),
        ({"plant": "a", "plant/1": "b"}, "plant/1/t", "b/t"),
        ({"pla": "x"}, "plant/1", "plant/1"),
        ({"plant": "x"}, "plant", "x"),
        (lambda topic: topic.upper(), "plant/1", "PLANT/1"),
        (lambda topic: None, "plant/1", None),
        (None, "$SYS/broker/uptime", None),
    ],
)
def test_topics(rewrite: Any, topic: str, wanted: str | None) -> None:
    names = TopicMap(rewrite, None)
    assert names(topic) == names(topic) == wanted


def test_what_is_no_rewriting() -> None:
    with pytest.raises(hf.errors.InvalidArgumentError, match="would put every message on one topic"):
        TopicMap("replay", None)
    with pytest.raises(TypeError, match="rewrite is a str, a mapping or a function, not int"):
        TopicMap(cast(Any, 5), None)
    with pytest.raises(TypeError, match="it gave int for 'a'"):
        TopicMap(cast(Any, lambda _: 5), None)("a")
    with pytest.raises(hf.errors.InvalidTopicError):
        TopicMap(lambda topic: topic + "/#", None)("a")


def guard_of(*filters: str) -> LoopGuard:
    guard = object.__new__(LoopGuard)
    guard._filters = dict.fromkeys(filters, "the recorder to r")
    return guard


def test_it_is_not_recorded_again() -> None:
    guard = guard_of("plant/+/t")
    with pytest.raises(hf.ReplayLoopError, match=r"the recorder to r records 'plant/\+/t', and would record 'plant/1/t' again") as told:
        TopicMap(None, guard)("plant/1/t")
    assert "rewrite=" in told.value.hint
    assert TopicMap("replay/{topic}", guard)("plant/1/t") == "replay/plant/1/t"
    guard.check_patterns(["plant/{line}/x", "other/t"])
    for pattern in ("plant/{line}/t", "plant/#", "other"):
        with pytest.raises(hf.ReplayLoopError):
            guard.check_patterns([pattern])


def test_a_pattern_whose_name_was_cut_is_no_circle() -> None:
    part = PartName.parse(part_path("2026-11-26", "plant/{%s}/t" % ("x" * 300), 1, 2, 0))
    assert part is not None
    with pytest.raises(hf.errors.InvalidTopicTemplateError):
        hf._core.parse_template(part.pattern)
    guard_of("plant/+/t").check_patterns([part.pattern])  # its topics are looked at one by one
    with pytest.raises(hf.ReplayLoopError):
        guard_of("plant/+/t").check_patterns([part.pattern, "plant/1/t"])


def due(schedule: _Schedule, *times: int) -> list[int]:
    found = schedule.due(np.array(times, np.int64))
    return [round(int(one - found[0]) / 1e6) for one in found]


def test_distances_in_time() -> None:
    ms = 1_000_000
    assert due(_Schedule(1.0, None), 0, 10 * ms, 10 * ms, 30 * ms) == [0, 10, 10, 30]
    assert due(_Schedule(10.0, None), 0, 100 * ms, 300 * ms) == [0, 10, 30]
    assert due(_Schedule(1.0, 0.02), 0, 3_600_000 * ms, 3_600_010 * ms) == [0, 20, 30]
    assert due(_Schedule(1.0, None), 50 * ms, 20 * ms, 30 * ms) == [0, 0, 10], "a clock that was set back"
    schedule = _Schedule(1.0, None)
    first = schedule.due(np.array([0, 10 * ms], np.int64))
    assert schedule.due(np.array([15 * ms], np.int64))[0] - first[1] == 5 * ms, "from batch to batch"


def test_lateness() -> None:
    schedule = _Schedule(1.0, None)
    assert schedule.late(0.99) == 0.0
    now = time.monotonic_ns()
    schedule.note(now - np.array([0] * 98 + [3_000_000, 9_000_000]), now)
    assert schedule.late(0.5) == pytest.approx(0.0001)
    assert schedule.late(0.99) == pytest.approx(0.0031)
    assert schedule.late_max == 9_000_000
    schedule.note(np.array([now - 10**13]), now)
    assert schedule.late(1.0) > 1


def test_a_result_in_words() -> None:
    text = str(ReplayResult(published=1000, refused=1, skipped=2, seconds=2.0, late_p99=0.002, late_max=0.01))
    assert text == "1,000 messages in 2.0 s, 500 a second; late by 2.0 ms (p99), 10.0 ms at most; 1 refused; 2 skipped"


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"speed": 0}, "speed is a number"),
        ({"speed": float("nan")}, "speed"),
        ({"qos": 3}, "qos is 0, 1, 2 or None"),
        ({"retain": "x"}, "retain is"),
    ],
)
def test_wrong_options(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(hf.errors.InvalidArgumentError, match=told):
        hf.replay("nowhere", cast(Any, SimpleNamespace()), **wrong)


def test_nothing_is_published_of_nothing(tmp_path: Path) -> None:
    client = cast(Any, SimpleNamespace(uri="mqtt://127.0.0.1"))
    record(spool_with(tmp_path / "spool", [("plant/1", b"1")]), tmp_path / "r", ["plant/1"]).close()
    assert hf.replay(tmp_path / "r", client, topics="nothing").published == 0
    assert hf.replay(tmp_path / "r", client, speed="max", end="2001").published == 0


def test_what_is_no_client(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"client must be an hf\.Client, .*, not str"):
        hf.replay(tmp_path, cast(Any, "mqtt://127.0.0.1"))


def test_a_beginning_that_no_topic_has(tmp_path: Path) -> None:
    client = cast(Any, SimpleNamespace(uri="mqtt://127.0.0.1"))
    record(spool_with(tmp_path / "spool", [("plant/1", b"1"), ("plant/2", b"1")]), tmp_path / "r", ["#"]).close()
    with pytest.raises(hf.errors.InvalidArgumentError, match="no topic of what is replayed begins with 'pla', 'nope/'; there are plant/1"):
        hf.replay(tmp_path / "r", client, rewrite={"plant/1/": "x", "pla": "y", "nope/": "z"})
    with pytest.raises(hf.errors.InvalidArgumentError, match="begins with 'plant/1'; there are plant/2\n"):
        hf.replay(tmp_path / "r", client, rewrite={"plant/1": "x"}, topics="plant/2")
    assert hf.replay(tmp_path / "r", client, rewrite={"nope": "y"}, topics="nothing").published == 0


def test_on_the_command_line() -> None:
    import typer

    assert (speed_of("max"), speed_of("2.5")) == ("max", 2.5)
    assert rewrite_of([]) is None
    assert rewrite_of(["replay/{topic}"]) == "replay/{topic}"
    assert rewrite_of(["a=b", "c=d=e"]) == {"a": "b", "c": "d=e"}
    for wrong in (["a"], ["a=b", "replay/{topic}"]):
        with pytest.raises(typer.BadParameter):
            rewrite_of(wrong)
    with pytest.raises(typer.BadParameter):
        speed_of("fast")
