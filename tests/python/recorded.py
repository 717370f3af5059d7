"""Recordings without a broker: a spool that a test writes, and what records it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from honeyframe import _core
from honeyframe.recorder_thread import RecorderThread
from honeyframe.recording_place import LocalPlace, Place
from honeyframe.recording_rows import patterns_of
from honeyframe.recording_writer import RecordingWriter, Rotation, RowOptions

DAY = 86_400_000_000_000
opened: list[RecordingWriter] = []
NOON = 20_783 * DAY + DAY // 2  # 2026-11-26


class SpoolFile:
    """A spool that a test writes."""

    def __init__(self, path: Path, **options: Any) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._queue = _core.SpoolQueue(str(path), **{"overflow": "drop_newest", **options})

    def push(self, topic: str, payload: bytes, *, time_ns: int = NOON, **options: Any) -> None:
        assert self._queue.push(topic, payload, receive_time_ns=time_ns, **options) == "stored"

    def fill(self, count: int, topic: str = "plant/{}/t") -> None:
        for number in range(count):
            self.push(topic.format(number % 7), b'{"n":%d}' % number, time_ns=NOON + number)

    def close(self) -> None:
        self._queue.close()


def spool_with(path: Path, messages: Iterable[tuple[str, bytes]], **options: Any) -> Path:
    spool = SpoolFile(path)
    for number, (topic, payload) in enumerate(messages):
        spool.push(topic, payload, time_ns=NOON + number, **options)
    spool.close()
    return path


def writer_of(place: Path | Place, topics: Sequence[str] = ("#",), *, rotation: Rotation = Rotation(), **options: Any) -> RecordingWriter:  # noqa: B008
    extraction = options.pop("extraction", {})
    patterns = patterns_of(topics, options.pop("patterns", None))
    writer = RecordingWriter(LocalPlace(place) if isinstance(place, Path) else place, RowOptions(patterns, extraction, **options), rotation)
    opened.append(writer)
    writer.open()
    writer.begin(writer.manifest)
    return writer


def close_all() -> None:
    """At the end of a test."""
    while opened:
        opened.pop().close()


def record(spool: Path, place: Path | Place, topics: Sequence[str] = ("#",), **options: Any) -> RecordingWriter:
    """All that is in the spool, in as many commits as the rotation wants."""
    writer = writer_of(place, topics, **options)
    thread = RecorderThread(spool, writer)
    thread.stop()
    thread.start()
    assert thread.join(30)
    if thread.error is not None:
        raise thread.error
    return writer


def files_of(path: Path) -> list[Path]:
    return sorted(path.glob("recv_day=*/topic_pattern=*/*.parquet"))


def rows_of(path: Path, columns: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """All rows of all files, read by pyarrow alone, by number."""
    rows = [row for file in files_of(path) for row in pq.read_table(file, columns=columns, partitioning=None).to_pylist()]
    return sorted(rows, key=lambda row: row["_spool_seq"]) if columns is None or "_spool_seq" in columns else rows


def numbers_of(path: Path) -> list[int]:
    return [row["_spool_seq"] for row in rows_of(path, ["_spool_seq"])]
