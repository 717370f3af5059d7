"""Rows of the files of a commit in one order, however many files there are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import pyarrow as pa
import pytest

from honeyframe.recording_layout import PartName
from honeyframe.recording_merge import Source, merged, whole_messages


def source(numbers: Sequence[int], *, first: int = 1, last: int = 1_000, at_once: int = 1_000) -> Source:
    def read() -> Iterator[pa.RecordBatch]:
        for begin in range(0, len(numbers), at_once):
            part = numbers[begin : begin + at_once]
            yield pa.record_batch({"_spool_seq": pa.array(part, pa.int64()), "text": [f"text {number}" for number in part]})

    return PartName("path", "2026-11-26", "#", first, last), len(numbers), read


def numbers_of(batches: Sequence[pa.RecordBatch]) -> list[int]:
    for batch in batches:
        assert batch.column("text").to_pylist() == [f"text {number}" for number in batch.column("_spool_seq").to_pylist()]
    return [number for batch in batches for number in batch.column("_spool_seq").to_pylist()]


def test_many_small_files_are_sorted_once() -> None:
    found = list(merged([source(range(number, 1_000, 200)) for number in range(200)]))
    assert numbers_of(found) == list(range(1_000))
    assert len(found) == 1, "a batch for each file: quadratic in the files of a commit"


@pytest.mark.parametrize("small_rows", [0, 10, 100, 65_536])
@pytest.mark.parametrize("piece_bytes", [1, 300, 1 << 20])
def test_small_and_large_files(monkeypatch: pytest.MonkeyPatch, small_rows: int, piece_bytes: int) -> None:
    monkeypatch.setattr("honeyframe.recording_merge._SMALL_ROWS", small_rows)
    monkeypatch.setattr("honeyframe.recording_merge._PIECE_BYTES", piece_bytes)
    rows = [number for number in range(300) for _ in range(1 + number % 3)]  # several of a message
    large = [number for number in rows if number % 5]
    small = [[number for number in rows if number % 5 == 0 and number % 3 == rest] for rest in range(3)]
    sources = [source(large, at_once=37), *(source(one, at_once=7) for one in small), source([])]
    assert numbers_of(list(merged(sources))) == rows
    found = list(whole_messages(merged(sources)))
    assert numbers_of(found) == rows
    assert all(one.column("_spool_seq")[-1] != other.column("_spool_seq")[0] for one, other in pairwise(found))


def test_commits_come_one_after_the_other() -> None:
    sources = [source(range(10)), source([], first=1_001, last=2_000), source([1_001, 1_005], first=1_001, last=2_000)]
    assert numbers_of(list(merged([*sources, source([1_003], first=1_001, last=2_000)]))) == [*range(10), 1_001, 1_003, 1_005]
    assert list(merged([])) == []
