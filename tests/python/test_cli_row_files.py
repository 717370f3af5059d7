"""Rows that are published, and where a person finds one."""

import os
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet
import pytest

from honeyframe.cli.row_files import Lines, Repeated, Rows, open_rows, paced
from honeyframe.errors import InvalidArgumentError


def dicts(rows: Rows) -> list[dict[str, Any]]:
    return [row for item in rows.items() for row in ([item] if isinstance(item, dict) else item.to_pylist())]


@pytest.mark.parametrize("suffix", ["csv", "parquet", "arrow", "feather", "jsonl", "ndjson"])
def test_every_kind_of_file(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"rows.{suffix}"
    table = pa.table({"line": ["007", "008"], "v": [1, 2]})
    if suffix == "csv":
        path.write_text("line,v\n007,1\n008,2\n")
    elif suffix == "parquet":
        pyarrow.parquet.write_table(table, path)
    elif suffix in ("arrow", "feather"):
        with pyarrow.ipc.new_file(path, table.schema) as writer:
            writer.write_table(table)
    else:
        path.write_text('{"line":"007","v":1}\n\n{"line":"008","v":2}')
    rows = open_rows(path, ["line"])
    assert dicts(rows) == [{"line": "007", "v": 1}, {"line": "008", "v": 2}]
    assert rows.count == (None if "json" in suffix or suffix == "ndjson" else 2)
    assert rows.place(1) == (3 if suffix in ("jsonl", "ndjson") else 2)


def test_rows_of_another_length_are_told_and_the_others_keep_their_places(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text('a,b\n1\n"two\nlines",2\n3,3,3\n4\n5,5\n')
    rows = open_rows(path, [])
    assert [row["b"] for row in dicts(rows)] == [2, 5]
    assert rows.unreadable == [
        (1, "1 values under a header of 2"),
        (3, "3 values under a header of 2"),
        (4, "1 values under a header of 2"),
    ]
    assert [rows.place(0), rows.place(1)] == [2, 5]


def test_lines_that_are_no_objects_are_told(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"a":1}\nnope\n[1]\n{"a":NaN}\n\n{"a":"\xff"}\n' + b"[" * 100_000 + b'\n{"a":2}\n')
    rows = open_rows(path, [])
    assert dicts(rows) == [{"a": 1}, {"a": 2}]
    assert [place for place, _ in rows.unreadable] == [2, 3, 4, 6, 7]
    assert rows.unreadable[1][1] == "no JSON object"
    assert [rows.place(0), rows.place(1)] == [1, 8]


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("rows.csv", b"", "cannot be read as CSV"),
        ("rows.parquet", b"PAR1 cut off", "cannot be read as parquet"),
        ("rows.arrow", b"ARROW", "cannot be read as arrow"),
        ("rows.xlsx", b"", "--from takes a .csv"),
    ],
)
def test_files_that_are_none(tmp_path: Path, name: str, content: bytes, told: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InvalidArgumentError) as refused:
        open_rows(tmp_path / name, [])
    assert told in str(refused.value)
    assert "\n" not in refused.value.message


def test_lines_go_out_as_they_come() -> None:
    read, write = os.pipe()
    with os.fdopen(read, "rb") as file:
        rows = Lines(file)
        items = rows.items()
        os.write(write, b"one\r\n\ntwo\nthr")
        assert next(items).to_pylist() == [{"payload": b"one"}, {"payload": b"two"}]
        os.write(write, b"ee\n")
        assert next(items).to_pylist() == [{"payload": b"three"}]
        os.write(write, b"\xff\x00")
        os.close(write)
        assert next(items).to_pylist() == [{"payload": b"\xff\x00"}]
        assert next(items, None) is None
    assert [rows.place(row) for row in range(4)] == [1, 3, 4, 5]


def test_a_long_line_is_read_in_no_more_time_than_its_length_takes(tmp_path: Path) -> None:
    (tmp_path / "long").write_bytes(b"x" * 30_000_000 + b"\nshort\n")
    before = time.process_time()
    with (tmp_path / "long").open("rb") as file:
        lengths = [len(row["payload"]) for row in dicts(Lines(file))]
    assert lengths == [30_000_000, 5]
    assert time.process_time() - before < 2  # four times that, if each chunk meant to copy what came before it


@pytest.mark.parametrize("suffix", ["txt", "jsonl"])
def test_a_line_that_was_sent_leaves_nothing_behind(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"rows.{suffix}"
    path.write_bytes(b'{"a":1}\n' * 20_000 + b"\n" + b'{"a":2}\n')
    with path.open("rb") as file:
        rows = Lines(file) if suffix == "txt" else open_rows(path, [])
        tracemalloc.start()
        try:
            for _ in rows.items():
                pass
            kept, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert kept < 80_000
    assert [rows.place(0), rows.place(19_999), rows.place(20_000)] == [1, 20_000, 20_002]


def test_more_blank_lines_than_are_remembered(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("honeyframe.cli.row_files._MOST_SKIPPED", 2)
    (tmp_path / "rows").write_bytes(b"a\n\nb\n\nc\n\nd\n")
    with (tmp_path / "rows").open("rb") as file:
        rows = Lines(file)
        assert len(dicts(rows)) == 4
    assert [rows.name(rows.place(row)) for row in range(4)] == ["line 1", "line 3", "line 5", "line 6 or later"]


def test_a_line_without_end_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("honeyframe.cli.row_files.MAX_PAYLOAD", 100_000)
    (tmp_path / "long").write_bytes(b"a\n" + b"x" * 300_000)
    with (tmp_path / "long").open("rb") as file, pytest.raises(InvalidArgumentError, match="line 2 is too long"):
        list(Lines(file).items())


def test_one_message_many_times_is_never_all_in_memory() -> None:
    rows = Repeated(b"x" * 300_000, 10)
    sizes = [item.num_rows for item in rows.items()]
    assert sum(sizes) == 10
    assert max(sizes) <= 3
    assert sum(item.num_rows for item in Repeated(b"", 2500).items()) == 2500


def test_a_file_of_something_else_is_counted_and_not_kept(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_bytes(b"\x00\n" * 5_000)
    rows = open_rows(tmp_path / "rows.jsonl", [])
    assert dicts(rows) == []
    assert (rows.unreadable_count, len(rows.unreadable)) == (5_000, 1_000)


def test_a_line_of_json_without_end_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("honeyframe.cli.row_files.MAX_PAYLOAD", 100)
    (tmp_path / "rows.jsonl").write_text('{}\n"' + "x" * 200)
    with pytest.raises(InvalidArgumentError, match="line 2 is too long"):
        dicts(open_rows(tmp_path / "rows.jsonl", []))


@pytest.mark.parametrize("dicts_instead", [False, True])
def test_the_rate_is_kept(dicts_instead: bool) -> None:
    items: list[Any] = [{"a": 1}] * 40 if dicts_instead else [pa.record_batch({"a": [1] * 40})]
    seen: list[int] = []
    before = time.monotonic()
    rows = sum(1 if isinstance(item, dict) else item.num_rows for item in paced(items, 100.0, seen.append))
    assert rows == 40
    assert 0.3 < time.monotonic() - before < 2
    assert seen[-1] == 40
    assert seen == sorted(seen)


def test_without_a_rate_nothing_waits() -> None:
    before = time.monotonic()
    assert sum(item.num_rows for item in paced(Repeated(b"x", 100_000).items(), None, lambda sent: None)) == 100_000
    assert time.monotonic() - before < 2
