"""hf.open: what was committed, as one frame, whatever lies beside it."""

from __future__ import annotations

import errno
import os
import shutil
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from tests.python.recorded import DAY, NOON, SpoolFile, close_all, files_of, record, spool_with, writer_of
from tests.python.test_hostile_topics import HOSTILE
from tests.python.test_recording_writer import Killed, MortalPlace, take

import honeyframe as hf
from honeyframe.recording_files import Selection, regex_of
from honeyframe.recording_layout import PartName, part_path
from honeyframe.recording_place import LocalPlace, find_place
from honeyframe.recording_writer import Rotation


@pytest.fixture(autouse=True)
def _closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(os, "fsync", lambda _: None)
    yield
    close_all()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Two days, three patterns, a column that is added, one that is widened."""
    spool = SpoolFile(tmp_path / "spool")
    for number in range(1, 101):
        payload = b'{"n":%d}' if number < 40 else b'{"n":%d.5,"late":"x"}'
        spool.push(f"plant/{number % 4}/t", payload % number, time_ns=NOON + number * DAY // 100)
    spool.close()
    writer = writer_of(tmp_path / "recording", ["plant/0/t", "plant/1/t", "plant/{line}/t"], rotation=Rotation(rows=20))
    take(writer, spool.path, at_once=10)
    writer.close()
    return tmp_path / "recording"


def test_all_rows_in_order_in_one_schema(path: Path) -> None:
    recording = hf.open(path)
    df = recording.to_pandas()
    assert df["_spool_seq"].tolist() == list(range(1, 101))
    assert df["n"].tolist() == [number if number < 40 else number + 0.5 for number in range(1, 101)]
    assert df["late"].isna().tolist() == [number < 40 for number in range(1, 101)]
    assert df["line"].dropna().unique().tolist() == ["2", "3"]
    assert "_misfit" not in df
    assert (recording.last_seq, recording.days, len(recording.patterns)) == (100, ["2026-11-26", "2026-11-27"], 3)
    assert recording.files()["rows"].sum() == 100
    assert df.dtypes["n"] == "float64"
    assert "100 messages in all" in repr(recording)
    assert "Recording" in recording._repr_html_()


def test_every_library_has_the_same(path: Path) -> None:
    recording = hf.open(path)
    whole = recording.to_pandas()["n"].sum()
    assert pl.DataFrame(recording)["n"].sum() == whole
    assert pa.table(recording).column("n").to_pandas().sum() == whole
    assert recording.read().to_pandas()["n"].sum() == whole
    assert sum(batch.to_pandas()["n"].sum() for batch in recording.batches(7)) == whole
    assert max(batch.num_rows for batch in recording) > 7
    assert recording.to_polars().select(pl.col("n").sum()).collect().item() == whole
    assert recording.to_duckdb().sum("n").fetchall() == [(whole,)]
    assert recording.dataset().to_table(columns=["n"]).column("n").to_pandas().sum() == whole
    assert duckdb.sql("select count(*) from recording").fetchall() == [(100,)]
    glob = f"{path}/recv_day=*/**/*.parquet"
    assert duckdb.sql(f"select sum(n) from read_parquet('{glob}', union_by_name=true)").fetchall() == [(whole,)]
    (first,) = duckdb.sql(f"select min(topic_pattern) from read_parquet('{glob}', hive_partitioning=true)").fetchall()
    assert first == ("plant/0/t",)


@pytest.mark.parametrize(
    "topics", ["plant/1/t", "plant/+/t", "plant/{x}/t", ["plant/1/t", "plant/2/t"], "+/1/#", "#", "nothing", "plant/#"]
)
def test_topics(path: Path, topics: Any) -> None:
    recording = hf.open(path, topics)
    filters = [one.replace("{x}", "+") for one in ([topics] if isinstance(topics, str) else topics)]
    wanted = [n for n in range(1, 101) if any(hf._core.topic_matches(one, f"plant/{n % 4}/t") for one in filters)]
    assert recording.to_pandas()["_spool_seq"].tolist() == wanted
    assert sorted(recording.to_polars().collect()["_spool_seq"].to_list()) == wanted
    assert recording.to_duckdb().count("*").fetchall() == [(len(wanted),)]


@pytest.mark.parametrize(
    ("start", "end", "numbers"),
    [
        ("2026-11-27", None, range(50, 101)),
        (None, "2026-11-27", range(1, 50)),
        ("2026-11-26T12:14:24Z", "2026-11-26T12:28:48", range(1, 2)),
        (date(2026, 11, 27), datetime(2026, 11, 27, 0, 14, 24, tzinfo=UTC), range(50, 51)),
        (pd.Timestamp("2026-11-27 01:00+01:00"), None, range(50, 101)),
        ("2027", None, range(0)),
    ],
)
def test_times(path: Path, start: Any, end: Any, numbers: range) -> None:
    recording = hf.open(path, start=start, end=end)
    assert recording.to_pandas()["_spool_seq"].tolist() == list(numbers)
    assert recording.to_duckdb().count("*").fetchall() == [(len(numbers),)]
    assert hf.open(path).select(start=start).select(end=end).to_pandas()["_spool_seq"].tolist() == list(numbers)


@pytest.mark.parametrize(
    "wrong", ["when?", 1j, float("nan"), "", "99999-01-01", 5, 1_795_651_200.5, True, np.int64(5), "10:00", "now", "today"]
)
def test_what_is_no_time(path: Path, wrong: Any) -> None:
    with pytest.raises(hf.errors.InvalidArgumentError, match="start is a time"):
        hf.open(path, start=wrong)


def test_a_start_behind_the_end(path: Path) -> None:
    with pytest.raises(hf.errors.InvalidArgumentError, match="start is behind end: from 2026-11-27 00:00:00"):
        hf.open(path, start="2026-11-27", end="2026-11-26")
    assert len(hf.open(path, start="2026-11-27", end="2026-11-27").to_pandas()) == 0


@pytest.mark.parametrize(("wrong", "kind"), [([], hf.errors.InvalidArgumentError), (5, TypeError), ([5], TypeError)])
def test_what_are_no_topics(path: Path, wrong: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind, match="topics"):
        hf.open(path, wrong)


def test_only_the_files_that_may_have_it_are_read(path: Path) -> None:
    assert hf.open(path, "plant/1/#", start="2026-11-27").files()["pattern"].unique().tolist() == ["plant/{line}/t", "plant/1/t"]
    assert len(hf.open(path, "other/#").files()) == 0


def test_columns(path: Path) -> None:
    recording = hf.open(path, columns=["late", "n"])
    assert recording.column_names == ["late", "n", "_misfit"], "as n was widened"
    assert recording.to_pandas().columns.tolist() == ["late", "n"]
    assert recording.to_pandas()["n"].tolist()[38:41] == [39, 40.5, 41.5]
    assert recording.select("plant/1/t", start="2026-11-27").to_pandas().shape == (12, 2)
    assert recording.select("plant/1/t", start="2026-11-27").to_polars().collect().columns == ["late", "n"]
    assert recording.select("plant/1/t", start="2026-11-27").to_duckdb().columns == ["late", "n"]
    assert hf.open(path, columns=["n", "n"]).to_pandas().columns.tolist() == ["n"]
    with pytest.raises(hf.errors.InvalidArgumentError, match=r"there is no column 'nix' in .*; there are line, n, late$"):
        hf.open(path, columns=["nix"]).to_pandas()


@pytest.mark.parametrize("asked", [{"start": "2030"}, {"topics": "nothing/#"}, {"start": "2026-11-26", "end": "2026-11-26T12:00"}])
def test_where_nothing_is_the_columns_are_there_all_the_same(path: Path, asked: dict[str, Any]) -> None:
    whole = hf.open(path)
    empty = hf.open(path, **asked)
    if "end" not in asked:
        assert empty.column_names == whole.column_names
        assert empty.to_pandas().dtypes.equals(whole.to_pandas().dtypes)
    chosen = hf.open(path, columns=["late", "line"], **asked)
    assert chosen.to_pandas().dtypes.astype(str).to_dict() == {"late": "string", "line": "string"}
    assert chosen.to_polars().collect().shape == (0, 2)
    assert chosen.to_duckdb().fetchall() == []
    assert pl.DataFrame(chosen).columns == ["late", "line"]


def test_a_column_that_some_other_day_has_is_null(path: Path) -> None:
    early = hf.open(path, end="2026-11-26T20:00", columns=["n", "late"])
    assert early.to_pandas()["late"].isna().all()
    assert len(early.to_pandas()) == len(early.to_polars().collect()) > 20
    with pytest.raises(hf.errors.InvalidArgumentError, match="no column 'nix'"):
        hf.open(path, start="2030", columns=["nix"]).to_pandas()


def test_a_value_that_does_not_fit_the_widest_type_is_kept(tmp_path: Path) -> None:
    for number, payloads in enumerate([[b'{"a":9007199254740993}'], [b'{"a":1.5}'] * 2, [b'{"a":[1]}']], 1):
        spool_with(tmp_path / "spool", [("t", payload) for payload in payloads])
        record(tmp_path / "spool", tmp_path / "recording", ["t"])
        (tmp_path / "recording" / "_honeyframe" / "columns.json").unlink()  # or the first types would hold
        assert len(files_of(tmp_path / "recording")) == number
    recording = hf.open(tmp_path / "recording")
    df = recording.to_pandas()
    assert df["a"].isna().tolist() == [True, False, False, True]
    assert df["a"][1] == 1.5
    assert df["_misfit"].fillna("").tolist() == ['{"a":9007199254740993}', "", "", '{"a":[1]}']
    with pytest.raises(hf.RecordingError, match=r"column 'a' is list<.*int64.*> in some files and double in others"):
        recording.dataset()


def test_lists_are_widened_as_numbers_are(tmp_path: Path) -> None:
    for payloads in ([b'{"a":[1,2]}', b'{"a":[]}'], [b'{"a":[1.5]}']):
        spool_with(tmp_path / "spool", [("t", payload) for payload in payloads])
        record(tmp_path / "spool", tmp_path / "recording", ["t"])
    recording = hf.open(tmp_path / "recording")
    wanted = [[1.0, 2.0], [], [1.5]]
    assert recording.to_arrow().column("a").to_pylist() == wanted
    assert recording.to_polars().collect()["a"].to_list() == wanted
    assert [row[0] for row in recording.to_duckdb().select("a").fetchall()] == wanted


def test_a_library_that_is_not_installed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, method in (("polars", "to_polars"), ("duckdb", "to_duckdb")):
        monkeypatch.setitem(sys.modules, name, None)
        with pytest.raises(hf.errors.MissingExtraError, match=f"{method}.* needs {name}") as told:
            getattr(hf.open(path), method)()
        assert told.value.hint == f"pip install {name}"


def test_no_file_yet(tmp_path: Path) -> None:
    writer_of(tmp_path / "r")
    assert hf.open(tmp_path / "r", columns=["line", "_recv_time"]).to_pandas().shape == (0, 2)
    recording = hf.open(tmp_path / "r")
    assert recording.to_pandas().columns.tolist()[:2] == ["_topic", "_recv_time"]
    assert len(recording.to_polars().collect()) == 0
    assert "0 files" in repr(recording)


def test_none_there(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "nowhere", f"memory://{tmp_path.name}/nothing"):
        with pytest.raises(hf.NotARecordingError, match="there is no recording at"):
            hf.open(place)
    assert not (tmp_path / "nowhere").exists()


def test_what_does_not_belong_there_is_left_out_and_told(path: Path) -> None:
    good = files_of(path)[0]
    folder = good.parent
    (folder / "copy.parquet").write_bytes(good.read_bytes())
    (folder / part_path("x", "p", 1, 2, 0).rpartition("/")[2]).write_bytes(good.read_bytes()[:-10])
    (folder / part_path("x", "p", 3, 4, 0).rpartition("/")[2]).write_bytes(b"")
    pq.write_table(pa.table({"a": [1]}), folder / part_path("x", "p", 5, 6, 0).rpartition("/")[2])
    (folder / part_path("x", "p", 500, 600, 0).rpartition("/")[2]).write_bytes(b"of a commit that comes")
    (folder / "_SUCCESS").write_bytes(b"")
    (path / ".DS_Store").write_bytes(b"")
    with pytest.warns(hf.RecordingWarning, match=r"1 file left out: .*copy\.parquet \(no file of this recording, by its name\)"):
        recording = hf.open(path)
    with pytest.warns(hf.RecordingWarning, match="3 files left out: .*cannot be read: .*it is empty.*of another recording"):
        df = recording.to_pandas()
    assert df["_spool_seq"].tolist() == list(range(1, 101))
    assert recording.to_pandas().shape == df.shape, "and told once"
    with pytest.warns(hf.RecordingWarning, match="left out"):
        assert len(hf.open(path).ignored()) == 4, "before anything is read"
    assert len(recording.ignored()) == 4


def test_files_that_go_or_cannot_be_had_while_it_is_open(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recording = hf.open(path)
    gone = files_of(path)[0]
    gone.unlink()
    with pytest.warns(hf.RecordingWarning, match="1 file left out: .*it was deleted meanwhile"):
        assert len(recording.to_pandas()) < 100
    other = hf.open(path)

    def fail(self: LocalPlace, name: str) -> Any:
        raise hf.RecordingPermissionError(f"cannot read {name}: Permission denied")

    monkeypatch.setattr(LocalPlace, "open", fail)
    with pytest.raises(hf.RecordingPermissionError):
        other.to_pandas()


def test_a_file_that_is_damaged_within_is_an_error(path: Path) -> None:
    damaged = files_of(path)[0]
    content = bytearray(damaged.read_bytes())
    content[4:200] = b"\xff" * 196
    damaged.write_bytes(content)
    with pytest.raises(hf.RecordingStorageError, match=r"cannot read .*parquet: ") as told:
        hf.open(path).to_pandas()
    assert "move it out of the recording" in told.value.hint
    damaged.unlink()
    assert 0 < len(hf.open(path).to_pandas()) < 100


def test_a_commit_is_seen_whole_where_its_renaming_was_cut_short(tmp_path: Path) -> None:
    spool = SpoolFile(tmp_path / "spool")
    spool.fill(50)
    spool.close()
    seen = set()
    for fatal in range(1, 12):
        place = MortalPlace(tmp_path / f"r{fatal}", fatal)
        try:
            take(writer_of(place, ["plant/0/t", "plant/1/t", "#"]), spool.path)
        except Killed:
            pass
        close_all()
        if not (place.path / "_honeyframe" / "manifest.json").exists():
            continue
        numbers = hf.open(place.path).to_pandas()["_spool_seq"].tolist()
        assert numbers in ([], list(range(1, 51))), f"half of a commit, killed at step {fatal}"
        seen.add(len(numbers))
    assert seen == {0, 50}


def test_a_commit_is_seen_whole_while_it_is_being_renamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its files get their names behind the listing, and before anybody looks for them in the stage."""
    spool = SpoolFile(tmp_path / "spool")
    spool.fill(50)
    spool.close()
    path = tmp_path / "r"
    writer = writer_of(path, ["plant/0/t", "plant/1/t", "#"])
    monkeypatch.setattr(writer, "_finish_commit", lambda _: None)
    take(writer, spool.path)
    assert files_of(path) == [], "they have their names already: this shows nothing"
    sound = LocalPlace.names

    def names(self: LocalPlace) -> Iterator[tuple[str, int]]:
        found = list(sound(self))
        for part in writer.journal.parts:
            writer.place.publish(part.staged, part.path)
        return iter(found)

    monkeypatch.setattr(LocalPlace, "names", names)
    assert hf.open(path).to_pandas()["_spool_seq"].tolist() == list(range(1, 51))


def test_a_store_that_fails_is_no_file_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = writer_of(tmp_path / "r")
    monkeypatch.setattr(writer, "_finish_commit", lambda _: None)
    take(writer, spool_with(tmp_path / "spool", [("a", b"1")]))

    def fail(self: Path, **_: Any) -> Any:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "stat", fail)
    with pytest.raises(hf.RecordingPermissionError, match=r"cannot read .*stage/.*: Permission denied"):
        hf.open(tmp_path / "r")


def test_a_recording_that_was_moved_and_thinned_out(path: Path, tmp_path: Path) -> None:
    path.rename(tmp_path / "moved")
    shutil.rmtree(tmp_path / "moved" / "recv_day=2026-11-26")
    assert hf.open(tmp_path / "moved").to_pandas()["_spool_seq"].tolist() == list(range(50, 101))


@pytest.mark.parametrize("scheme", ["memory", "file"])
def test_remote(tmp_path: Path, scheme: str) -> None:
    address = f"memory://{tmp_path.name}/r" if scheme == "memory" else f"file://{tmp_path}/remote"
    spool = spool_with(tmp_path / "spool", [(f"plant/{n % 3}/t", b'{"n":%d}' % n) for n in range(30)])
    record(spool, find_place(address, scratch=tmp_path / "scratch"), ["plant/0/t", "#"])
    recording = hf.open(address, "plant/+/t")
    assert recording.to_pandas()["n"].tolist() == list(range(30))
    assert recording.to_polars().collect()["n"].sum() == sum(range(30))
    assert recording.to_duckdb().sum("n").fetchall() == [(sum(range(30)),)]


TOPICS = ["plant/1/t", "plant/1", "plant", "/plant", "plant/", "$SYS/x", "a.b/c(d", "", "x/plant/t", "plant/a\nb/t", "plant/1/t\n", "\n"]


@pytest.mark.parametrize(
    "wanted", ["plant/+/t", "#", "+", "plant/#", "+/#", "/+", "plant/+", "a.b/c(d", "$SYS/#", "+/plant/+", "+/1/t", "plant/a\nb/t", "\n"]
)
def test_a_filter_as_a_regular_expression_matches_the_same(wanted: str) -> None:
    topics = [topic for topic in TOPICS if topic]
    found = pc.match_substring_regex(pa.array(topics), pattern=regex_of(wanted)).to_pylist()
    assert dict(zip(topics, found, strict=True)) == {topic: hf._core.topic_matches(wanted, topic) for topic in topics}


@pytest.mark.parametrize("pattern", ["plant/{line}/t", "plant/#", "#", "+/+", "plant", "plant/1/t/x", "other"])
@pytest.mark.parametrize("wanted", ["plant/1/t", "plant/#", "plant/1/#", "+/+/t", "plant", "#"])
def test_no_partition_is_passed_over_that_has_something(pattern: str, wanted: str) -> None:
    part = PartName.parse(part_path("2026-11-26", pattern, 1, 2, 0))
    assert part is not None
    of_pattern = hf._core.parse_template(pattern)[0]
    both = [
        one
        for one in [*TOPICS, "plant/1/t/x", "plant/2/t", "a/b"]
        if one and (pattern == "other" or hf._core.topic_matches(of_pattern, one))
    ]
    if any(hf._core.topic_matches(wanted, topic) for topic in both):
        assert Selection(topics=(wanted,)).may_have(part)


HOSTILE_TOPICS = [topic for topic in HOSTILE.values() if not set(topic) & set("+#\x00")]


def test_hostile_topics_are_rows_and_never_paths(tmp_path: Path) -> None:
    spool = spool_with(tmp_path / "spool", [(topic, b'{"n":1}') for topic in HOSTILE_TOPICS])
    record(spool, tmp_path / "recording", ["#"], patterns=[topic for topic in HOSTILE_TOPICS if "{" not in topic])
    recording = hf.open(tmp_path / "recording")
    assert recording.to_pandas()["_topic"].tolist() == HOSTILE_TOPICS
    for topic in HOSTILE_TOPICS:
        assert recording.select(topic).to_pandas()["_topic"].tolist() == [topic]
        assert recording.select(topic).to_polars().collect()["_topic"].to_list() == [topic]
    top = {one.name for one in (tmp_path / "recording").iterdir()}
    assert top == {"_honeyframe", "recv_day=2026-11-26"}
    for folder in (tmp_path / "recording" / "recv_day=2026-11-26").iterdir():
        assert folder.name.isascii()
        assert folder.name.isprintable()
    assert {one.name for one in tmp_path.iterdir()} == {"spool", "recording"}


def test_large_payloads_are_read_a_row_group_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("honeyframe.recording_parts._GROUP_BYTES", 200_000)
    spool = spool_with(tmp_path / "spool", [("t", b'"%d%s"' % (number, b"x" * 100_000)) for number in range(12)])
    take(writer_of(tmp_path / "recording"), spool, at_once=2)
    (file,) = files_of(tmp_path / "recording")
    assert pq.ParquetFile(file).num_row_groups == 6
    assert [batch.num_rows for batch in hf.open(tmp_path / "recording")] == [2] * 6


def test_many_topics_are_one_file(tmp_path: Path) -> None:
    spool = SpoolFile(tmp_path / "spool")
    for number in range(20_000):
        spool.push(f"plant/{number}/t", b"1", time_ns=NOON + number)
    spool.close()
    record(spool.path, tmp_path / "recording", ["plant/{id}/t"])
    assert len(files_of(tmp_path / "recording")) == 1
    assert hf.open(tmp_path / "recording", "plant/7777/t").to_pandas()["id"].tolist() == ["7777"]
