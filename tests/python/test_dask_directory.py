"""The directory of an ingest: one caller at a time, of one kind, and told for what it is."""

from __future__ import annotations

import errno
import fcntl
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

import honeyframe as hf
from honeyframe import _core
from honeyframe.dask_directory import INGEST_FILE, Directory, Kind, open_directory, read_ingest, seats_in

pytest.importorskip("distributed")


@pytest.mark.parametrize(("kind", "error"), [("stream", hf.SpoolInUseError), ("record", hf.RecordingInUseError)])
def test_a_second_caller_is_refused_until_the_first_has_let_go(tmp_path: Path, kind: Kind, error: type[hf.HoneyframeError]) -> None:
    with Directory(tmp_path, kind) as first:
        first.take()
        with pytest.raises(error, match=r"another caller \(process \d+ on .*\) is at ") as refused:
            Directory(tmp_path, kind).take()
        assert "One caller at a time" in str(refused.value)
    with Directory(tmp_path, kind) as second:
        second.take()


def test_the_lock_of_another_process_goes_with_it(tmp_path: Path) -> None:
    code = f"""
from pathlib import Path
from honeyframe.dask_directory import Directory
directory = Directory(Path({str(tmp_path)!r}), "stream")
directory.take()
print("taken", flush=True)
input()
"""
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "taken\n"
        with pytest.raises(hf.SpoolInUseError, match=f"process {other.pid} on "):
            Directory(tmp_path, "stream").take()
        other.kill()
        other.wait(10)
    with Directory(tmp_path, "stream") as free:
        free.take()


def test_without_locks_the_last_to_come_has_the_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(*_: Any) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", flock)
    with Directory(tmp_path, "stream") as first, Directory(tmp_path, "stream") as second:
        with pytest.warns(hf.errors.SpoolWarning, match="has no locks .No locks available.: nothing keeps a second caller out"):
            first.take()
        first.save({"id": "x"})
        with pytest.warns(hf.errors.SpoolWarning):
            second.take()
        assert second.before["id"] == "x"
        first.save({"id": "x", "done": {}})
        second.save({"id": "x"})
        with pytest.raises(hf.SpoolInUseError, match="another caller, which began later, is at"):
            first.save({"id": "y"})
        assert read_ingest(tmp_path)["run"] == second.run


def fill(path: Path, what: str) -> None:
    if what == "recording":
        (path / "_honeyframe").mkdir()
    elif what in ("stream", "record"):
        with Directory(path, what) as directory:  # type: ignore[arg-type]
            directory.take()
            directory.save({"id": "x"})
    else:
        (path / what).write_text("")


@pytest.mark.parametrize(
    ("kind", "what", "told"),
    [
        ("record", "a.txt", "is not empty: it holds 'a.txt'"),
        ("record", "recording", r"is a recording of Client\.record"),
        ("record", "stream", r"is a directory of hf\.dask\.stream"),
        ("stream", "record", r"is a directory of hf\.dask\.record"),
        ("stream", "00000000000000000001.hfspool", "it holds '00000000000000000001.hfspool'"),
    ],
)
def test_what_is_of_another_kind_is_refused_and_left_as_it_is(tmp_path: Path, kind: Kind, what: str, told: str) -> None:
    fill(tmp_path, what)
    before = sorted(tmp_path.iterdir())
    error = hf.NotARecordingError if kind == "record" else hf.InvalidArgumentError
    with pytest.raises(error, match=told):
        Directory(tmp_path, kind).take()
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("kind", ["stream", "record"])
def test_a_directory_goes_on_as_what_it_was(tmp_path: Path, kind: Kind) -> None:
    (tmp_path / ".hidden").write_text("")
    directory, _ = open_directory(tmp_path, kind)
    with directory:
        directory.take()
        directory.save({"id": "x", "done": {"0": 7}})
    (tmp_path / "notes.txt").write_text("put here by its owner")
    with Directory(tmp_path, kind) as again:
        again.take()
        assert (again.before["id"], again.before["done"]) == ("x", {"0": 7})
    (tmp_path / INGEST_FILE).write_text("damaged")
    assert read_ingest(tmp_path) == {}


def test_seats_are_found_by_number(tmp_path: Path) -> None:
    for name in ("seat-10", "seat-9", "seat-x", "seat-1x", "other"):
        (tmp_path / name).mkdir()
    assert list(seats_in(tmp_path)) == [9, 10]


def test_open_says_what_a_directory_of_many_recordings_is(tmp_path: Path) -> None:
    fill(tmp_path, "record")
    with pytest.raises(hf.NotARecordingError) as refused:
        hf.open(tmp_path)
    assert "it is a directory of hf.dask.record, with a recording for each seat" in refused.value.message
    assert f'glob.glob("{tmp_path}/seat-*")' in refused.value.hint


def test_read_spool_of_what_is_no_spool(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("")
    with pytest.raises(hf.SpoolError, match="there is no spool at"):
        hf.dask.read_spool(tmp_path)
    (tmp_path / "a.txt").unlink()
    fill(tmp_path, "record")
    with pytest.raises(hf.SpoolError, match=r"it is a directory of hf\.dask\.record"):
        hf.dask.read_spool(tmp_path)


def test_read_spool_without_a_message_has_all_columns(tmp_path: Path) -> None:
    fill(tmp_path, "stream")
    _core.SpoolQueue(str(tmp_path / "seat-0")).close()
    with pytest.warns(hf.NoMessagesWarning, match="no message is in"):
        ddf = hf.dask.read_spool(tmp_path, topic_template="plant/{line}/t", event_time="ts")
    wanted = ["_topic", "_recv_time", "_event_time", "_retain", "line", "_dup", "_spool_seq", "_seat"]
    assert sorted(ddf.columns) == sorted(wanted)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(ddf.compute(scheduler="sync")) == 0
    with pytest.raises(TypeError, match=r"^hf\.dask\.read_spool\(\) got an unexpected keyword argument 'topics'"):
        hf.dask.read_spool(tmp_path, topics="plant/#")
