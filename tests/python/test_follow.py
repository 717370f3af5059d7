"""Follow: the past from files, what comes from the spool, and the seam between them, wherever it lies."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import time
import weakref
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from tests.python.recorded import DAY, NOON, SpoolFile, close_all, writer_of

import honeyframe as hf
from honeyframe.recorder import RecorderStats
from honeyframe.recorder_thread import RecorderThread
from honeyframe.recording_writer import RecordingWriter, Rotation

SEAMS = int(os.environ.get("HONEYFRAME_SEAMS", "3"))
HISTORY = int(os.environ.get("HONEYFRAME_SEAM_HISTORY", "20000"))
RATE = 10_000


@pytest.fixture(autouse=True)
def _closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(os, "fsync", lambda _: None)
    yield
    close_all()


class Running:
    """A recorder without a broker: a spool in its place, and its thread."""

    def __init__(self, path: Path, topics: list[str], rotation: Rotation | None = None, pad: int = 0, **options: int) -> None:
        rotation = rotation or Rotation(rows=5_000, seconds=0.2)
        self.path = path
        self.payload = b'{"n":%%d,"pad":"%s"}' % (b"x" * pad) if pad else b'{"n":%d}'
        self.writer: RecordingWriter = writer_of(path, topics, rotation=rotation)
        self.spool = SpoolFile(path / "_honeyframe" / "spool", **options)
        self.writer.begin(replace(self.writer.manifest, topics=topics, patterns=topics, spool="_honeyframe/spool", spool_id="x"))
        self.thread = RecorderThread(self.spool.path, self.writer)
        self.number = 0

    def push(self, count: int) -> None:
        for _ in range(count):
            self.number += 1
            self.spool.push(f"plant/{self.number % 3}/t", self.payload % self.number)

    def push_at(self, rate: float, seconds: float) -> None:
        began = time.monotonic()
        while (passed := time.monotonic() - began) < seconds:
            self.push(min(int(passed * rate), int(seconds * rate)) - (self.number - self.before))
            time.sleep(0.001)

    def start(self) -> None:
        self.before = self.number
        self.thread.start()

    def stop(self) -> None:
        self.thread.stop()
        assert self.thread.join(20)
        assert self.thread.error is None


@pytest.mark.timeout(120 + 20 * SEAMS)
def test_the_seam(tmp_path: Path) -> None:
    """No message twice, none left out, in order, with commits and new messages all the while."""
    running = Running(tmp_path / "r", ["plant/0/t", "plant/{line}/t"])
    running.push(HISTORY)
    running.start()
    while running.thread.counts().recorded < HISTORY - 5_000:
        time.sleep(0.01)
    for seam in range(SEAMS):
        running.before = running.number
        pushing = threading.Thread(target=running.push_at, args=(RATE, 0.3))
        pushing.start()
        numbers: list[int] = []
        was_live = False
        begin = max(0, running.number - HISTORY)
        recording = hf.open(running.path)
        recording._selection = replace(recording._selection, after=begin)
        follow = recording.follow(max_seconds=0.05, idle_seconds=0.4)
        for batch in follow:
            numbers += batch.to_arrow().column("_spool_seq").to_pylist()
            was_live = was_live or follow.is_live
        pushing.join()
        assert was_live
        assert numbers == list(range(begin + 1, running.number + 1)), f"at seam {seam}"
        assert follow.last_seq == running.number
    running.stop()


def test_what_the_spool_has_given_up_comes_from_the_files(tmp_path: Path) -> None:
    running = Running(tmp_path / "r", ["plant/#"], pad=300, spool_max_bytes=1 << 20, segment_bytes=1 << 16)
    running.push(1_500)
    running.start()
    while running.thread.counts().recorded < 1_500:
        time.sleep(0.01)
    follow = hf.open(running.path).follow(max_seconds=0.05, max_rows=100, idle_seconds=1)
    numbers = next(follow).to_arrow().column("_spool_seq").to_pylist()
    queue = running.spool._queue
    reader = hf._core.StreamReader(queue, hf._core.ExtractOptions(payload="raw", metadata=["spool_seq"]))
    for _ in range(6):  # more than the spool may hold: what is committed goes
        while reader.next(10_000, 0.0, 0.0) is not None:
            pass
        running.push(800)
        while running.thread.counts().recorded < running.number:
            time.sleep(0.01)
    oldest = min(int(segment.stem) for segment in running.spool.path.glob("*.hfspool"))
    assert oldest > 1_501, "nothing was given up: this shows nothing"
    for batch in follow:
        numbers += batch.to_arrow().column("_spool_seq").to_pylist()
    assert numbers == list(range(1, running.number + 1))
    running.stop()


def test_topics_columns_and_what_came_before(tmp_path: Path) -> None:
    running = Running(tmp_path / "r", ["plant/{line}/t"])
    running.push(30)
    running.start()
    while running.thread.counts().recorded < 30:
        time.sleep(0.01)
    running.spool.push("plant/1/t", b'{"n":"N/A","late":true}')
    follow = hf.open(running.path, "plant/1/t", columns=["n", "line"]).follow(max_seconds=0.05, idle_seconds=0.5)
    df = hf.concat(list(follow)).to_pandas()
    assert df["n"].tolist()[:-1] == list(range(1, 31, 3))
    assert df["n"].isna().tolist()[-1]
    assert df.dtypes["n"] == "Int64", "the types of the past hold"
    assert set(df["line"]) == {"1"}
    live = hf.open(running.path).follow(history=False, max_seconds=0.05, seconds=0.8)
    running.push(5)
    assert hf.concat(list(live)).to_pandas()["n"].dropna().tolist() == list(range(31, 36))
    running.stop()


@pytest.mark.parametrize("is_live", [True, False])
def test_columns_that_are_not_there_yet(tmp_path: Path, is_live: bool) -> None:
    running = Running(tmp_path / "r", ["plant/#"], rotation=Rotation(seconds=0.0))
    if not is_live:
        running.writer.begin(replace(running.writer.manifest, spool=""))
    running.push(3)
    running.start()
    while running.thread.counts().recorded < 3:
        time.sleep(0.01)
    follow = hf.open(running.path, columns=["late", "n"]).follow(max_seconds=0.05, idle_seconds=0.6)
    only_late = hf.open(running.path, columns=["late"]).follow(max_seconds=0.05, idle_seconds=0.6)
    found = [next(follow)]
    assert found[0].to_arrow().column_names == ["n"]
    assert next(only_late).to_arrow().column_names == []
    running.spool.push("plant/1/t", b'{"n":4,"late":true}')
    df = hf.concat([*found, *follow]).to_pandas()
    assert df["n"].tolist() == [1, 2, 3, 4]
    assert df["late"].isna().tolist() == [True, True, True, False]
    assert hf.concat(list(only_late)).to_pandas()["late"].tolist() == [True]
    running.stop()


def test_without_its_spool_commits_are_followed(tmp_path: Path) -> None:
    running = Running(tmp_path / "r", ["plant/#"], rotation=Rotation(seconds=0.0))
    running.push(10)
    running.start()
    while running.thread.counts().recorded < 10:
        time.sleep(0.01)
    running.writer.place.write("_honeyframe/manifest.json", replace(running.writer.manifest, spool="").to_bytes())
    follow = hf.open(running.path).follow(max_seconds=0.1, idle_seconds=1.2)
    numbers = next(follow).to_arrow().column("_spool_seq").to_pylist()
    running.push(10)
    for batch in follow:
        numbers += batch.to_arrow().column("_spool_seq").to_pylist()
    assert not follow.is_live
    assert numbers == list(range(1, 21))
    running.stop()


def test_idle_is_when_nothing_comes_and_not_when_a_batch_is_not_full_yet(tmp_path: Path) -> None:
    running = Running(tmp_path / "r", ["plant/#"], rotation=Rotation(seconds=60.0))
    running.start()
    running.push(5)
    numbers = []
    for batch in hf.open(running.path).follow(max_seconds=5, idle_seconds=0.3):
        numbers += batch.to_arrow().column("_spool_seq").to_pylist()
    assert numbers == [1, 2, 3, 4, 5]
    live = hf.open(running.path).follow(max_seconds=5, seconds=0.4)
    assert sum(len(batch) for batch in live) == 5, "what was read when its time was up"
    running.stop()


@pytest.mark.timeout(30)
@pytest.mark.parametrize("has_spool", [True, False])
def test_a_follow_whose_end_is_past_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_spool: bool) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: NOON + DAY)
    running = Running(tmp_path / "r", ["plant/#"], Rotation())
    running.push(30)
    running.start()
    if not has_spool:
        running.stop()
        running.writer.place.write("_honeyframe/manifest.json", replace(running.writer.manifest, spool="").to_bytes())
    batches = list(hf.open(tmp_path / "r", end="2026-11-27").follow(max_seconds=0.0))
    assert sum(batch.num_rows for batch in batches) == 30
    if has_spool:
        running.stop()


def test_a_number_up_to_which_nothing_was_recorded_warns(tmp_path: Path) -> None:
    running = Running(tmp_path / "r", ["plant/#"], Rotation())
    running.push(30)
    recording = hf.open(tmp_path / "r")
    recording.follow(after=30)
    for after in (31, 10**9):
        with pytest.warns(hf.RecordingWarning, match="nothing was recorded in .* up to that number"):
            recording.follow(after=after)


def test_async_for_loses_nothing_where_it_is_cancelled(tmp_path: Path) -> None:
    running = Running(tmp_path / "r", ["plant/{line}/t"])
    running.push(10_000)
    running.start()
    follow = hf.open(running.path).follow(max_rows=500, max_seconds=0.01)
    numbers: list[int] = []
    cancelled = 0

    async def read() -> None:
        nonlocal cancelled
        pushed = 10_000
        async with follow:
            while len(numbers) < 20_000:
                try:
                    batch = await asyncio.wait_for(anext(follow), 0.003)
                except TimeoutError:
                    cancelled += 1
                    assert follow.last_seq == len(numbers), "what is not handed out yet comes again after a crash"
                    if pushed < 20_000:
                        pushed += 500
                        running.push(500)
                else:
                    numbers.extend(batch.to_pandas()["n"])
                    assert follow.last_seq == len(numbers)
        assert [batch async for batch in follow] == [], "closed"

    asyncio.run(read())
    running.stop()
    assert cancelled > 20
    assert numbers == list(range(1, 20_001))


def test_a_cancelled_step_leaves_its_batch_to_for_and_no_thread(tmp_path: Path) -> None:
    running = Running(tmp_path / "r", ["plant/{line}/t"])
    running.start()
    running.push(1)
    follow = hf.open(running.path).follow(max_seconds=0.01)
    assert next(follow).num_rows == 1

    async def cancel(follow: hf.Follow) -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(follow), 0.3)

    asyncio.run(cancel(follow))
    assert follow.last_seq == 1
    running.push(1)
    assert next(follow).to_pandas()["n"].tolist() == [2]
    assert follow.last_seq == 2
    gone = weakref.ref(follow)
    del follow
    gc.collect()
    assert gone() is None, "the waiting thread does not keep it"
    running.stop()


def test_close_ends_it(tmp_path: Path) -> None:
    running = Running(tmp_path / "r", ["#"])
    follow = hf.open(running.path).follow(max_seconds=0.05)
    threading.Timer(0.2, follow.close).start()
    began = time.monotonic()
    assert list(follow) == []
    assert time.monotonic() - began < 3
    assert "closed" in repr(follow)


@pytest.mark.parametrize("step", ["import_rows", "Batch"])
def test_what_ctrl_c_has_kept_back_comes_with_the_next_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    running = Running(tmp_path / "r", ["plant/#"])
    running.push(5)
    running.start()
    running.stop()
    follow = hf.open(running.path).follow(max_rows=2, idle_seconds=0.2, max_seconds=0.05)
    numbers = next(follow).to_arrow().column("_spool_seq").to_pylist()

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(f"honeyframe.follow.{step}", interrupted)
        with pytest.raises(KeyboardInterrupt):
            next(follow)
    for batch in follow:
        numbers += batch.to_arrow().column("_spool_seq").to_pylist()
    assert numbers == [1, 2, 3, 4, 5]


class _Ending:
    """What Follow asks of a Recorder."""

    def __init__(self, running: Running) -> None:
        self._thread = running.thread

    @property
    def recording(self) -> bool:
        return self._thread.is_alive

    def stats(self) -> RecorderStats:
        return RecorderStats(last_seq=self._thread.counts().last_seq)

    def _raise_error(self) -> None:
        if self._thread.error is not None:
            raise self._thread.error

    def stop(self) -> None:
        self._thread.stop()


@pytest.mark.timeout(30)
@pytest.mark.parametrize("error", [None, hf.RecordingStorageError("the disk is gone")])
@pytest.mark.parametrize("is_live", [True, False])
def test_it_ends_with_its_recorder(tmp_path: Path, error: Exception | None, is_live: bool) -> None:
    """With all that was recorded, and with the reason; from the spool, and from the files."""
    running = Running(tmp_path / "r", ["plant/#"], rotation=Rotation(seconds=60.0))
    running.push(5)
    if not is_live:
        running.writer.begin(replace(running.writer.manifest, spool=""))
    running.start()
    follow = hf.open(running.path).follow(max_seconds=0.05)
    follow.recorder = cast(Any, _Ending(running))
    numbers: list[int] = []

    def end() -> None:
        running.push(5)
        running.stop()
        running.thread.error = error

    timer = threading.Timer(0.3, end)
    timer.start()
    told: Exception | None = None
    try:
        for batch in follow:
            numbers += batch.to_arrow().column("_spool_seq").to_pylist()
            assert follow.is_live == is_live
    except hf.RecordingStorageError as raised:
        told = raised
    timer.join()
    assert numbers == list(range(1, 11))
    assert told is error


def test_it_goes_on_behind_what_was_handed_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where a message has several rows, and lies across batches."""
    monkeypatch.setattr("honeyframe.recording_files._BATCH_ROWS", 3)
    running = Running(tmp_path / "r", ["plant/#"])
    running.payload = b'[{"n":%d},{"n":0},{"n":0}]'
    for _ in range(7):
        running.number += 1
        running.spool.push("plant/0/t", running.payload % running.number)
    running.spool.push("plant/0/t", b'[{"n":8},{"n":0}]')
    running.start()
    while running.thread.counts().recorded < 8:
        time.sleep(0.01)
    for most in (1, 2, 3, 4, 7):
        numbers: list[int] = []
        last = 0
        while last < 8:
            batch = next(follow := hf.open(running.path).follow(after=last, max_rows=most))
            numbers += batch.to_arrow().column("_spool_seq").to_pylist()
            last = follow.last_seq
            follow.close()
        assert numbers == [number for number in range(1, 9) for _ in range(2 if number == 8 else 3)]
    running.stop()
