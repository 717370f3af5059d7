"""Spools that are damaged, torn or deleted: what is lost is counted and told, the rest is read, and no number comes twice."""

from __future__ import annotations

import warnings
from pathlib import Path

import pandas as pd
import pytest
from tests.python.spooled import push, segments, spooled

import honeyframe as hf
from honeyframe import _core
from honeyframe.errors import SpoolWarning
from honeyframe.stream import Stream


def test_what_is_damaged_is_counted_told_and_passed_over(tmp_path: Path) -> None:
    stream, queue = spooled(tmp_path / "spool")
    push(queue, 1, 50)
    file = segments(tmp_path / "spool")[0]
    damage(file, file.stat().st_size // 2)
    where = f"damaged: .* bytes at .* of segment 00000000000000000001.hfspool of the spool in '{tmp_path}/spool'"
    with (
        pytest.warns(hf.MessagesDroppedWarning, match="dropped: they are not in the spool any more"),
        pytest.warns(SpoolWarning, match="1 message is missing"),
        pytest.warns(SpoolWarning, match=where),
    ):
        df = stream.read().to_pandas()
    assert len(df) == 49
    assert stream.stats().dropped_spool_damaged == 1
    assert stream.stats().balanced
    reader = hf.open_spool(tmp_path / "spool")
    with (
        pytest.warns(hf.MessagesDroppedWarning, match="1 message dropped"),
        pytest.warns(SpoolWarning, match="1 message is missing"),
        pytest.warns(SpoolWarning, match=where),
    ):
        assert reader.read().num_rows == 49
    assert_one_is_missing(reader)
    later, _ = spooled_again(tmp_path / "spool", stream)
    missing = pytest.warns(SpoolWarning, match="1 message is missing")
    with pytest.warns(hf.MessagesDroppedWarning), missing, pytest.warns(SpoolWarning, match=where):
        assert later.read().num_rows == 49
    assert_one_is_missing(later)


def spooled_again(path: Path, stream: Stream) -> tuple[Stream, _core.SpoolQueue]:
    stream.close()
    return spooled(path, {"from_": 0})


def assert_one_is_missing(stream: Stream) -> None:
    stats = stream.stats()
    assert stats.balanced
    assert (stats.received, stats.dropped, stats.dropped_spool_damaged) == (50, 1, 1)
    row = stream.ledger().set_index("event").loc["dropped"]
    assert (row["reason"], row["count"]) == ("spool_damaged", 1)
    assert row["time"] is not pd.NaT
    assert row["bytes"] is pd.NA, "nobody knows"


def damage(file: Path, place: int) -> None:
    data = bytearray(file.read_bytes())
    data[place] ^= 1
    file.write_bytes(data)


@pytest.mark.parametrize("by", ["read", "read for a while", "batches"])
@pytest.mark.parametrize("whose", ["writer", "reader", "follower"])
def test_damage_with_no_row_behind_it_is_told(tmp_path: Path, whose: str, by: str) -> None:
    writer, queue = spooled(tmp_path / "spool")
    queue.push("t", b'{"n":1}')
    size = segments(tmp_path / "spool")[0].stat().st_size
    queue.push("t", b"{")  # no row either
    damage(segments(tmp_path / "spool")[0], size - 10)
    stream = writer if whose == "writer" else hf.open_spool(tmp_path / "spool", follow=whose == "follower")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        if by == "batches":
            assert list(stream.batches(seconds=0.2)) == []
        else:
            assert stream.read(seconds=0.2 if "while" in by else None).num_rows == 0
    assert any("spool damaged: " in str(one.message) for one in told)
    assert any(one.category is hf.MessagesDroppedWarning for one in told)
    assert stream.stats().dropped_spool_damaged == 1


def test_a_torn_tail_with_no_row_before_it_is_told(tmp_path: Path) -> None:
    _, queue = spooled(tmp_path / "spool")
    push(queue, 1, 1)
    file = segments(tmp_path / "spool")[0]
    file.write_bytes(file.read_bytes()[:-3])
    with (
        pytest.warns(SpoolWarning, match="damaged: the spool ends with"),
        pytest.warns(SpoolWarning, match="1 message is missing"),
        pytest.warns(hf.MessagesDroppedWarning),
    ):
        assert list(hf.open_spool(tmp_path / "spool").batches()) == []


def test_a_torn_tail_is_repaired_and_told(tmp_path: Path) -> None:
    stream, queue = spooled(tmp_path / "spool")
    push(queue, 1, 5)
    stream.close()
    file = segments(tmp_path / "spool")[0]
    file.write_bytes(file.read_bytes()[:-3])
    stream, queue = spooled(tmp_path / "spool")
    push(queue, 6, 6)
    told = f"repaired: in the spool '{tmp_path}/spool': a torn tail of .* was cut off .*; lost: 1 message, damaged or deleted"
    with pytest.warns(SpoolWarning, match=told):
        stream.read()
    with (
        pytest.warns(SpoolWarning, match="1 message is missing"),
        pytest.warns(SpoolWarning, match="what lay before segment 00000000000000000006.hfspool"),
        pytest.warns(hf.MessagesDroppedWarning),
    ):
        assert hf.open_spool(tmp_path / "spool").read().to_pandas()["n"].tolist() == [1, 2, 3, 4, 6]


def test_whoever_begins_behind_the_last_message_skips_none_after_damage(tmp_path: Path) -> None:
    """The recipe of docs/spooling.md: keep the number with the result, and begin behind it."""
    for name, size in (("torn", -3), ("half", 1_000), ("stub", 30), ("empty", 0)):
        spool = tmp_path / name
        stream, queue = spooled(spool)
        push(queue, 1, 50)
        stream.close()
        last = hf.open_spool(spool).read().to_pandas()["_spool_seq"].iloc[-1]
        (file,) = segments(spool)
        file.write_bytes(file.read_bytes()[:size])
        stream, queue = spooled(spool)
        push(queue, 51, 52)
        stream.close()
        assert hf.open_spool(spool, int(last) + 1).read().to_pandas()["n"].tolist() == [51, 52], name


def test_a_spool_that_has_lost_its_only_segment_says_how_much(tmp_path: Path) -> None:
    stream, queue = spooled(tmp_path / "spool")
    push(queue, 1, 50)
    stream.close()
    damage(segments(tmp_path / "spool")[0], 16)  # the salt: no record can be told from rubbish
    reader = hf.open_spool(tmp_path / "spool")
    with (
        pytest.warns(SpoolWarning, match="50 messages are missing"),
        pytest.warns(SpoolWarning, match="bytes at 0 of segment"),
        pytest.warns(hf.MessagesDroppedWarning, match="50 messages dropped"),
    ):
        assert reader.read().num_rows == 0
    stats = reader.stats()
    assert (stats.received, stats.dropped_spool_damaged) == (50, 50)
    assert stats.balanced
    assert reader.ledger().set_index("event").loc["dropped", "count"] == 50


def test_segments_deleted_under_a_running_stream_are_told_as_missing(tmp_path: Path) -> None:
    stream, queue = spooled(tmp_path / "spool")
    push(queue, 1, 7)
    segments(tmp_path / "spool")[0].unlink()
    with pytest.warns(SpoolWarning, match="spool missing: 7 messages"), pytest.warns(hf.MessagesDroppedWarning) as told:
        assert stream.read().num_rows == 0
    assert not any("Read faster" in str(one.message) for one in told)
