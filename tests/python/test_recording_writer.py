"""Commits: each message of the spool in the files exactly once, whatever ends or fails on the way."""

from __future__ import annotations

import errno
import functools
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.python.recorded import SpoolFile, close_all, files_of, numbers_of, record, rows_of, spool_with, writer_of

import honeyframe as hf
from honeyframe.recording_layout import JOURNAL, MANIFEST, OWN, Journal, PartName, day_of, folder_of, part_path, same_broker, same_host
from honeyframe.recording_parts import _MOST_OPEN, OpenCut, _Part
from honeyframe.recording_place import LocalPlace, RemotePlace, find_place, hide_credentials
from honeyframe.recording_rows import READ_ROWS, SPOOL_METADATA
from honeyframe.recording_writer import RecordingWriter, Rotation

SMALL = Rotation(rows=40)


@pytest.fixture(autouse=True)
def _closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(os, "fsync", lambda _: None)  # a process that ends does not need it
    yield
    close_all()


class Killed(BaseException):
    """The process ends here."""


class _Mortal:
    """Ends the process, or fails, at its ``fatal``-th step; before that step is done, or behind it."""

    steps = 0
    _fatal = 0
    _behind = False
    _error: BaseException

    def _step(self, do: Callable[[], Any]) -> Any:
        self.steps += 1
        if self.steps == self._fatal and not self._behind:
            raise self._error
        done = do()
        if self.steps == self._fatal and self._behind:
            raise self._error
        return done

    def write(self, name: str, content: bytes) -> None:
        self._step(lambda: super(_Mortal, self).write(name, content))  # type: ignore[misc]

    def bring(self, staged: Path) -> None:
        self._step(lambda: super(_Mortal, self).bring(staged))  # type: ignore[misc]

    def publish(self, staged: str, name: str) -> None:
        self._step(lambda: super(_Mortal, self).publish(staged, name))  # type: ignore[misc]

    def clear_stage(self) -> None:
        self._step(lambda: super(_Mortal, self).clear_stage())  # type: ignore[misc]


class MortalPlace(_Mortal, LocalPlace):
    def __init__(self, path: Path, fatal: int, *, behind: bool = False, error: BaseException | None = None) -> None:
        super().__init__(path)
        self._fatal, self._behind, self._error = fatal, behind, error or Killed()


class MortalStore(_Mortal, RemotePlace):
    def __init__(self, path: Path, fatal: int, *, behind: bool = False) -> None:
        super().__init__(f"file://{path}", {}, path.with_name(f"{path.name}-scratch"))
        self._fatal, self._behind, self._error = fatal, behind, Killed()


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    spool = SpoolFile(tmp_path / "spool")
    spool.fill(100)
    spool.close()
    return spool.path


def take(writer: RecordingWriter, spool: Path, *, most: int = 10**9, at_once: int = 10) -> None:
    """Reads on from the last commit, and commits when it is due, and at the end."""
    source = hf.open_spool(spool, writer.next_spool_number, payload="raw", metadata=SPOOL_METADATA)
    for batch in source.batches(max_rows=at_once):
        writer.write(batch.to_arrow())
        if writer.is_due():
            writer.commit()
        most -= 1
        if not most:
            return
    writer.commit()


PATTERNS = ["plant/0/t", "plant/1/t", "plant/+/t"]


@pytest.mark.parametrize(("kind", "behind"), [(MortalPlace, False), (MortalPlace, True), (MortalStore, False)])
def test_killed_at_each_step_of_commits(tmp_path: Path, spool: Path, kind: type[MortalPlace] | type[MortalStore], behind: bool) -> None:
    """Also in the middle of renaming the files of one commit, and again while a restart is at it."""
    fatal = 0
    while True:
        fatal += 1 if kind is MortalPlace and not behind else 2  # every other step will do for the others
        recording = tmp_path / f"recording-{fatal}"
        place = kind(recording, fatal, behind=behind)
        try:
            writer = writer_of(place, PATTERNS, rotation=SMALL)
            take(writer, spool)
        except Killed:
            writer = None
        if writer is not None:
            break
        place._fatal = 0
        close_all()
        for again in (1, 2):  # the restart is killed as well
            with pytest.raises(Killed):
                writer_of(kind(recording, again, behind=behind), PATTERNS, rotation=SMALL)
            close_all()
        writer = writer_of(kind(recording, 0), PATTERNS, rotation=SMALL)
        take(writer, spool)
        assert numbers_of(recording) == list(range(1, 101)), f"killed at step {fatal}"
        assert not list((recording / OWN / "stage").iterdir())
        writer.close()
    assert fatal > 20


@pytest.mark.parametrize("behind", [False, True])
def test_storage_that_fails_at_each_step_once(tmp_path: Path, spool: Path, behind: bool) -> None:
    fatal = 1  # the first steps are of the start: record() raises that
    error = hf.RecordingDiskFullError("no room")
    while True:
        fatal += 2
        recording = tmp_path / f"recording-{fatal}"
        place = MortalPlace(recording, fatal, behind=behind, error=error)
        writer = writer_of(place, PATTERNS, rotation=SMALL)
        try:
            take(writer, spool)
        except hf.RecordingDiskFullError:
            writer.abandon()
            take(writer, spool)
        assert numbers_of(recording) == list(range(1, 101)), f"failed at step {fatal}"
        writer.close()
        if place.steps < fatal:
            break
    assert fatal > 15


def test_a_disk_that_is_full_in_the_middle_of_a_file(tmp_path: Path, spool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("honeyframe.recording_parts._GROUP_ROWS", 5)
    sound = _Part.write
    for fatal in range(1, 40, 3):

        def write(self: _Part, table: pa.Table, *, left: Iterator[int]) -> None:
            if next(left, None) == 0:
                raise hf.RecordingDiskFullError("no room")
            sound(self, table)

        left = iter([*range(1, fatal), 0])
        monkeypatch.setattr(_Part, "write", functools.partialmethod(write, left=left))
        writer = writer_of(tmp_path / f"recording-{fatal}", PATTERNS, rotation=SMALL)
        try:
            take(writer, spool)
        except hf.RecordingDiskFullError:
            writer.abandon()
            assert not list(writer.place.stage.iterdir())
            take(writer, spool)
        assert numbers_of(tmp_path / f"recording-{fatal}") == list(range(1, 101)), f"failed at write {fatal}"
        writer.close()


def test_our_own_folder_that_somebody_deletes_meanwhile(tmp_path: Path, spool: Path) -> None:
    writer = writer_of(tmp_path / "r", PATTERNS, rotation=SMALL)
    take(writer, spool, most=6)
    shutil.rmtree(tmp_path / "r" / OWN)
    with pytest.raises(hf.RecordingStorageError):
        take(writer, spool)
    writer.abandon()
    take(writer, spool)
    assert numbers_of(tmp_path / "r") == list(range(1, 101))
    assert len(hf.open(tmp_path / "r").to_pandas()) == 100


def test_what_was_written_and_not_committed_is_not_there(tmp_path: Path, spool: Path) -> None:
    writer = writer_of(tmp_path / "recording", rotation=Rotation(rows=10**6))
    take(writer, spool, most=5)
    assert writer.uncommitted == 50
    assert files_of(tmp_path / "recording") == []
    writer.close()
    writer = writer_of(tmp_path / "recording")
    assert (writer.uncommitted, writer.next_spool_number) == (0, 1)


def test_a_commit_tells_what_is_in_it(tmp_path: Path, spool: Path) -> None:
    writer = record(spool, tmp_path / "recording", PATTERNS, rotation=Rotation(rows=10**6))
    files = files_of(tmp_path / "recording")
    assert len(files) == 3
    for file in files:
        name = PartName.parse(file.relative_to(tmp_path / "recording").as_posix())
        assert name is not None
        assert (name.first, name.last, name.day) == (1, 100, "2026-11-26")
        told = json.loads(pq.read_metadata(file).metadata[b"honeyframe"])
        assert told == {"recording": writer.manifest.id, "pattern": name.pattern, "day": name.day, "first_seq": 1, "last_seq": 100}
    journal = Journal.from_bytes((tmp_path / "recording" / JOURNAL).read_bytes(), "journal")
    assert (journal.messages, journal.rows, journal.files, journal.cuts) == (100, 100, 3, 1)
    assert journal.size == sum(file.stat().st_size for file in files)


def test_the_files_have_their_names_in_the_stage_before_the_journal_has_them(
    tmp_path: Path, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = writer_of(tmp_path / "r", PATTERNS)
    steps: list[tuple[str, Path]] = []
    sound = Path.replace

    def replace(self: Path, target: Path) -> Path:
        steps.append(("replace", target))
        return sound(self, target)

    monkeypatch.setattr("honeyframe.recording_place._sync", lambda folder: steps.append(("sync", folder)))
    monkeypatch.setattr(Path, "replace", replace)
    take(writer, spool)
    journal = steps.index(("replace", tmp_path / "r" / JOURNAL))
    assert steps[journal - 1] == ("sync", tmp_path / "r" / OWN / "stage")


@pytest.mark.parametrize("rotation", [Rotation(rows=30), Rotation(bytes=1_500), Rotation(seconds=0.0)])
def test_rotation(tmp_path: Path, spool: Path, rotation: Rotation) -> None:
    writer = writer_of(tmp_path / "recording", rotation=rotation)
    take(writer, spool)
    assert len(files_of(tmp_path / "recording")) >= 2
    assert numbers_of(tmp_path / "recording") == list(range(1, 101))


def test_columns_that_come_later_begin_another_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("honeyframe.recording_parts._GROUP_ROWS", 2)
    messages = [("t", b'{"a":1}'), ("t", b'{"a":2}'), ("t", b'{"a":3,"b":1}'), ("t", b'{"a":4.5}'), ("t", b'{"a":"x"}'), ("t", b"{}")]
    writer = writer_of(tmp_path / "recording")
    take(writer, spool_with(tmp_path / "spool", messages), at_once=1)
    files = files_of(tmp_path / "recording")
    assert [file.name for file in files] == sorted(part_path("2026-11-26", "#", 1, 6, number).rpartition("/")[2] for number in range(3))
    assert writer.journal.cuts == 1
    rows = rows_of(tmp_path / "recording")
    assert [row["a"] for row in rows] == [1, 2, 3.0, 4.5, None, None]
    assert rows[4]["_misfit"] == '{"a":"x"}'
    assert [row["_spool_seq"] for row in rows] == [1, 2, 3, 4, 5, 6]


def test_many_patterns_open_few_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    patterns = [f"t/{number}" for number in range(60)]
    most = 0

    def watched(self: Any) -> bool:
        nonlocal most
        most = max(most, sum(1 for one in Path("/proc/self/fd").iterdir() if "stage" in _target(one)))
        return bool(crowded.fget(self))  # type: ignore[attr-defined]

    sound = OpenCut._flush
    waiting: list[int] = []

    def flushed(self: OpenCut, key: tuple[str, int]) -> None:
        sound(self, key)
        waiting.append(self.waiting_bytes - sum(one.nbytes for one in self._waiting.values()))

    crowded = OpenCut.is_crowded
    monkeypatch.setattr(OpenCut, "_flush", flushed)
    monkeypatch.setattr(OpenCut, "is_crowded", property(watched))
    monkeypatch.setattr("honeyframe.recording_parts._MEMORY_BYTES", 3_000)
    spool = spool_with(tmp_path / "spool", [(f"t/{number % 60}", b"{}") for number in range(600)])
    writer = writer_of(tmp_path / "recording", patterns)
    take(writer, spool, at_once=200)
    assert 0 < most <= _MOST_OPEN
    assert set(waiting) == {0}
    assert numbers_of(tmp_path / "recording") == list(range(1, 601))


def _target(descriptor: Path) -> str:
    try:
        return str(descriptor.readlink())
    except OSError:
        return ""


# --- whose it is


def test_one_recorder_at_a_time(tmp_path: Path) -> None:
    first = writer_of(tmp_path / "recording")
    with pytest.raises(hf.RecordingInUseError, match=rf"another recorder \(process {os.getpid()}\)") as told:
        writer_of(tmp_path / "recording")
    assert "recorder.stop() ends it" in told.value.hint
    first.close()
    writer_of(tmp_path / "recording").close()


def test_a_directory_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").write_bytes(b"x")
    with pytest.raises(hf.NotARecordingError, match=r"not empty: it holds 'holiday\.jpg'"):
        writer_of(tmp_path)
    assert [one.name for one in tmp_path.iterdir()] == ["holiday.jpg"], "and it is left as it was"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"format":"x"}', b"\xff"])
def test_a_damaged_manifest(tmp_path: Path, content: bytes) -> None:
    writer_of(tmp_path / "r").close()
    (tmp_path / "r" / MANIFEST).write_bytes(content)
    with pytest.raises(hf.NotARecordingError, match=r"manifest\.json is damaged"):
        writer_of(tmp_path / "r")


def test_a_later_version(tmp_path: Path) -> None:
    writer_of(tmp_path / "r").close()
    manifest = tmp_path / "r" / MANIFEST
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "version": 2}))
    with pytest.raises(hf.NotARecordingError, match="is of version 2"):
        writer_of(tmp_path / "r")


def test_without_its_journal_it_goes_on_behind_its_last_file(tmp_path: Path, spool: Path, caplog: pytest.LogCaptureFixture) -> None:
    record(spool, tmp_path / "r")
    (tmp_path / "r" / JOURNAL).unlink()
    writer = writer_of(tmp_path / "r")
    assert writer.next_spool_number == 101
    assert "the journal is missing" in caplog.text


def test_files_that_their_owner_deleted_do_not_come_again(tmp_path: Path, spool: Path) -> None:
    record(spool, tmp_path / "r")
    shutil.rmtree(tmp_path / "r" / "recv_day=2026-11-26")
    record(spool, tmp_path / "r")
    assert numbers_of(tmp_path / "r") == []


def test_another_brokers(tmp_path: Path) -> None:
    writer = writer_of(tmp_path / "r")
    writer.begin(replace(writer.manifest, broker="mqtts://a.example:8883", spool_id="x"))
    writer.check_owner(broker="mqtts://a.example:8883", spool_id="x", takeover=False)
    for other in ("mqtts://b.example:8883", "mqtts://a.example:8884"):
        writer.check_owner(broker=other, spool_id="x", takeover=True)
        with pytest.raises(hf.RecordingInUseError, match=r"a recording of mqtts://a\.example:8883"):
            writer.check_owner(broker=other, spool_id="x", takeover=False)


@pytest.mark.parametrize(
    ("one", "other", "host", "broker"),
    [
        ("mqtt://localhost:1883", "mqtt://127.0.0.1:1883", True, True),
        ("mqtt://[::1]:1883", "mqtt://localhost:1884", True, False),
        ("mqtt://a.example:1883", "mqtts://A.example:8883", True, False),
        ("mqtt://a.example:1883", "mqtt://b.example:1883", False, False),
        ("", "mqtt://a.example:1883", False, False),
    ],
)
def test_the_same_broker(one: str, other: str, host: bool, broker: bool) -> None:
    assert (same_host(one, other), same_broker(one, other)) == (host, broker)


# --- where it is


@pytest.fixture
def unwritable(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "locked"
    folder.mkdir()
    folder.chmod(0o500)
    yield folder
    folder.chmod(0o700)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_no_permission(unwritable: Path) -> None:
    with pytest.raises(hf.RecordingPermissionError, match="cannot make"):
        writer_of(unwritable / "recording")


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOSPC, hf.RecordingDiskFullError),
        (errno.EDQUOT, hf.RecordingDiskFullError),
        (errno.EACCES, hf.RecordingPermissionError),
        (errno.EROFS, hf.RecordingPermissionError),
        (errno.EIO, hf.RecordingStorageError),
    ],
)
def test_failures_have_names(number: int, kind: type[Exception]) -> None:
    from honeyframe.recording_errors import storage_errors

    with pytest.raises(kind) as told, storage_errors("write", "recording/x"):
        raise OSError(number, os.strerror(number))
    assert str(told.value).startswith(f"cannot write recording/x: {os.strerror(number)}")
    assert isinstance(told.value, OSError)


def test_a_file_is_no_place(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(hf.NotARecordingError, match="file is a file"):
        writer_of(tmp_path / "file")


@pytest.mark.parametrize("address", ["nothing://bucket/x", "s3+x://bucket"])
def test_a_wrong_remote(address: str) -> None:
    with pytest.raises(hf.RemoteError, match="cannot be used"):
        find_place(address, scratch=Path("/nowhere"))


def test_options_of_a_store_for_a_path(tmp_path: Path) -> None:
    with pytest.raises(hf.errors.InvalidArgumentError, match="storage_options= are for an address"):
        find_place(tmp_path, storage_options={"key": "x"})


@pytest.mark.parametrize("scheme", ["memory", "file"])
def test_remote(tmp_path: Path, spool: Path, scheme: str) -> None:
    address = f"memory://{tmp_path.name}/recording" if scheme == "memory" else f"file://{tmp_path}/remote/recording"
    place = find_place(address, scratch=tmp_path / "scratch")
    take(writer_of(place, PATTERNS, rotation=SMALL), spool)
    names = [name for name, _ in place.names()]
    assert len(names) == 9
    found: list[int] = []
    for name in names:
        assert PartName.parse(name)
        with place.open(name) as file:
            found += pq.read_table(file).column("_spool_seq").to_pylist()
    assert sorted(found) == list(range(1, 101))
    assert list((tmp_path / "scratch" / "stage").iterdir()) == []
    writer = writer_of(find_place(address, scratch=tmp_path / "scratch"))
    assert writer.next_spool_number == 101
    writer.begin(replace(writer.manifest, spool_id="here", host="there"))
    with pytest.raises(hf.RecordingInUseError, match="on there"):
        writer.check_owner(broker="", spool_id="elsewhere", takeover=False)


def test_a_store_that_fails_has_not_lost_its_files(tmp_path: Path, spool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = find_place(f"memory://{tmp_path.name}/recording", scratch=tmp_path / "scratch")
    writer = writer_of(place, PATTERNS)

    def fail(*_: Any, **__: Any) -> Any:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr("fsspec.implementations.memory.MemoryFileSystem.info", fail)
        with pytest.raises(hf.RecordingStorageError, match="Input/output error"):
            take(writer, spool)
    writer.abandon()
    take(writer, spool)
    assert hf.open(f"memory://{tmp_path.name}/recording").to_pandas()["_spool_seq"].tolist() == list(range(1, 101))


# --- names


@pytest.mark.parametrize(
    "topic", ["$SYS/../../etc", "..", "a/../b", "a\x00b", "ä" * 300, "A/b", "CON", "a%2Fb", "=x", "*", " ", "~", "a\\b"]
)
def test_no_topic_is_a_path(topic: str) -> None:
    folder = folder_of(topic)
    assert len(folder.encode()) <= 209
    assert set(folder) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789%_-~")
    name = PartName.parse(part_path("2026-11-26", topic, 1, 2, 3))
    assert name is not None
    assert name.pattern == topic or len(topic) > 60
    assert (name.first, name.last) == (1, 2)


def test_days() -> None:
    assert [day_of(time) for time in (0, -1, 2**62)] == ["1970-01-01", "1969-12-31", "2116-02-20"]


def test_credentials_of_an_address_do_not_show() -> None:
    assert hide_credentials("s3://key:secret@bucket/a/b?x=secret") == "s3://bucket/a/b"
    assert READ_ROWS


def test_types_do_not_begin_anew_with_a_restart(tmp_path: Path) -> None:
    first = [("plant/1/t", b'{"v":21.5,"n":{"x":1},"l":[1],"s":"a","n.y":1}'), ("plant/1/t", b"5")]
    second = [("plant/2/t", b'{"v":"N/A","n":{"x":"closed"},"l":["a"],"s":5,"late":true}')]
    for messages in (first, second):
        record(spool_with(tmp_path / "spool", messages), tmp_path / "recording", ["plant/{line}/t"])
    one, _, other = rows_of(tmp_path / "recording")
    assert (one["v"], one["n.x"], one["l"], one["s"], one["line"]) == (21.5, 1, [1], "a", "1")
    assert (other["v"], other["n.x"], other["l"], other["s"], other["line"], other["late"]) == (None, None, None, "5", "2", True)
    assert json.loads(other["_misfit"]) == {"n.x": "closed", "l": ["a"]}
    assert hf.open(tmp_path / "recording").to_pandas().dtypes["v"] == "float64"
    (tmp_path / "recording" / "_honeyframe" / "columns.json").write_text("damaged")
    record(spool_with(tmp_path / "spool", second), tmp_path / "recording", ["plant/{line}/t"])
    assert numbers_of(tmp_path / "recording") == [1, 2, 3, 4]
