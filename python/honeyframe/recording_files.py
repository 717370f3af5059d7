"""The files of a recording at one moment: which belong to it, what is in them, and which rows of them are asked for.

A snapshot is what was committed when it was taken, all of it and nothing else, also while a recorder goes on, or where one has been killed.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from . import _core
from .arguments import count_of
from .events import printable, warn
from .recording_errors import RecordingStorageError, RecordingWarning, storage_errors
from .recording_layout import DAY_NS, METADATA_KEY, STAGE, Journal, PartName, folder_of
from .recording_place import Place
from .recording_schema import empty_batch_of
from .recording_writer import read_journal, read_manifest
from .templates import overlap

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

_AT_ONCE: Final = 8  # footers that are read side by side
_BATCH_ROWS: Final = 65_536
_TOLD: Final = 3
_DAMAGED: Final = "If the file is damaged, move it out of the recording: the others can be read then."


@dataclass(frozen=True, slots=True)
class RecordedFile:
    """One file. ``name`` is where it can be read: in the stage, where a crash came before its renaming."""

    name: str
    part: PartName
    size: int


@dataclass(frozen=True, slots=True)
class Footer:
    """What a file says of itself."""

    schema: pa.Schema
    rows: int


@dataclass(frozen=True, slots=True)
class Ignored:
    """What lies there and is not read."""

    name: str
    size: int
    reason: str


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rows: of topics that one of ``topics`` matches, received from ``start`` up to below ``end`` (nanoseconds since 1970), with
    numbers above ``after`` and up to ``until``."""

    topics: tuple[str, ...] = ()
    start: int | None = None
    end: int | None = None
    after: int = 0
    until: int | None = None

    def may_have(self, part: PartName) -> bool:
        """By the name of the file alone."""
        if part.last <= self.after or (self.until is not None and part.first > self.until):
            return False
        if self.start is not None or self.end is not None:
            day = _day_ns(part.day)
            if (self.start is not None and day + DAY_NS <= self.start) or (self.end is not None and day >= self.end):
                return False
        # The pattern of a long name is not known whole.
        return not self.topics or folder_of(part.pattern) != part.path.split("/")[1].partition("=")[2] or self._may_match(part.pattern)

    def _may_match(self, pattern: str) -> bool:
        if pattern == "other":
            return True
        levels = _core.parse_template(pattern)[0].split("/")
        return any(overlap(levels, topic.split("/")) for topic in self.topics)

    def expression(self) -> Any:
        """For a dataset of pyarrow; None where all rows are asked for."""
        import pyarrow as pa
        import pyarrow.compute as pc

        kind = pa.timestamp("ns", tz="UTC")
        parts = []
        if self.start is not None:
            parts.append(pc.field("_recv_time") >= pa.scalar(self.start, pa.int64()).cast(kind))
        if self.end is not None:
            parts.append(pc.field("_recv_time") < pa.scalar(self.end, pa.int64()).cast(kind))
        if self.after:
            parts.append(pc.field("_spool_seq") > self.after)
        if self.until is not None:
            parts.append(pc.field("_spool_seq") <= self.until)
        if self.topics:
            parts.append(pc.match_substring_regex(pc.field("_topic"), pattern="|".join(map(regex_of, self.topics))))
        found = None
        for part in parts:
            found = part if found is None else found & part
        return found

    @property
    def columns(self) -> set[str]:
        """Those that it looks at."""
        times = {"_recv_time"} if self.start is not None or self.end is not None else set()
        return times | ({"_topic"} if self.topics else set()) | {"_spool_seq"}


def regex_of(topic_filter: str) -> str:
    """The regular expression, for Arrow's RE2, of the topics that a filter matches (MQTT 5, 4.7).

    >>> regex_of("plant/+/t"), regex_of("plant/#")
    ('^plant/[^/]*/t$', '^plant(/(?s:.*))?$')
    """
    if topic_filter == "#":
        return "^[^$](?s:.*)$|^$"
    body = re.escape(topic_filter).replace(r"\+", "[^/]*")
    body = body.removesuffix(r"/\#") + "(/(?s:.*))?" if body.endswith(r"/\#") else body
    return f"^{'(?:[^$/][^/]*)?' + body.removeprefix('[^/]*') if topic_filter.startswith('+') else body}$"


def _day_ns(day: str) -> int:
    import datetime

    return (datetime.date.fromisoformat(day) - datetime.date(1970, 1, 1)).days * DAY_NS


class Snapshot:
    """The files that are there, and their footers, each read once. Of one reader; its methods may be called from any thread."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.manifest = read_manifest(place)
        self.journal: Journal = Journal()
        self.ignored: list[Ignored] = []
        self.files: list[RecordedFile] = []
        self._footers: dict[str, Footer | None] = {}
        self._list()
        self._tell(0)

    def _list(self) -> None:
        journal = read_journal(self.place)
        for _ in range(20):
            found = dict(self.place.names())
            files, missing = self._known(found, journal)
            if not missing:
                break
            time.sleep(0.02)  # they are being renamed; where they are not, a recorder was killed there, or their owner deleted them
            again = read_journal(self.place)
            if again == journal and not self.place.is_locked():
                break
            journal = again
        self.journal = journal or Journal()
        self.files = sorted([*files, *missing], key=lambda file: (file.part.first, file.part.last, file.part.path))

    def _known(self, found: dict[str, int], journal: Journal | None) -> tuple[list[RecordedFile], list[RecordedFile]]:
        """Those that have their names, and those that lie in the stage yet."""
        files, self.ignored = [], []
        for name, size in found.items():
            part = PartName.parse(name)
            if part is None:
                if not name.rpartition("/")[2].startswith((".", "_")):
                    self.ignored.append(Ignored(name, size, "no file of this recording, by its name"))
            elif journal is None or part.last <= journal.last:  # else it came since
                files.append(RecordedFile(name, part, size))
        missing = []
        for one in journal.parts if journal is not None else ():
            part = PartName.parse(one.path)
            if one.path in found or part is None:
                continue
            staged = f"{STAGE}/{one.staged}"
            if self.place.has(staged):
                missing.append(RecordedFile(staged, part, one.size))
            elif self.place.has(one.path):  # renamed since they were listed
                files.append(RecordedFile(one.path, part, one.size))
        return files, missing

    # --- footers

    def footers(self, files: Sequence[RecordedFile]) -> list[tuple[RecordedFile, Footer]]:
        """Of those files that can be read and are of this recording; of the others a warning, once."""
        unread = [file for file in files if file.name not in self._footers]
        before = len(self.ignored)
        if unread:
            with ThreadPoolExecutor(min(_AT_ONCE, len(unread)), thread_name_prefix="honeyframe-footers") as pool:
                for file, footer in zip(unread, pool.map(self._footer, unread), strict=True):
                    self._footers[file.name] = None if isinstance(footer, str) else footer
                    if isinstance(footer, str):
                        self.ignored.append(Ignored(file.name, file.size, footer))
            self._tell(before)
        return [(file, found) for file in files if (found := self._footers[file.name]) is not None]

    def _footer(self, file: RecordedFile) -> Footer | str:
        """A text says why it is none of ours. A disk or a store that fails is no reason to leave a file out."""
        import json

        import pyarrow as pa

        if not file.size:
            return "it is empty"
        try:
            with self.open(file) as opened:
                schema, rows = opened.schema_arrow, opened.metadata.num_rows
                told = json.loads((opened.metadata.metadata or {}).get(METADATA_KEY, b"{}"))
            if told.get("recording") != self.manifest.id:
                return "of another recording"
            empty_batch_of(schema)
        except RecordingStorageError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return "it was deleted meanwhile"
            raise
        except (pa.ArrowException, OSError, ValueError, AttributeError) as error:
            return f"cannot be read: {str(error).partition(chr(10))[0]}"
        return Footer(schema.remove_metadata(), rows)

    def open(self, file: RecordedFile) -> pq.ParquetFile:
        """The file, wherever it is by now."""
        import pyarrow.parquet as pq

        try:
            source = self.place.open(file.name)
        except OSError:
            if file.name == file.part.path:
                raise
            source = self.place.open(file.part.path)
        return pq.ParquetFile(source)

    def _tell(self, since: int) -> None:
        new = self.ignored[since:]
        if not new:
            return
        named = "; ".join(f"{printable(one.name)} ({one.reason})" for one in new[:_TOLD])
        more = f"; and {len(new) - _TOLD:,} more" if len(new) > _TOLD else ""
        warn(f"{self.place.shown}: {count_of(len(new), 'file')} left out: {named}{more}", RecordingWarning)

    # --- rows

    def read(self, file: RecordedFile, columns: Sequence[str] | None, selection: Selection) -> Iterator[pa.RecordBatch]:
        """Its rows that are asked for, a row group at a time; ``columns``: those of them that it has, and what the selection needs."""
        with storage_errors("read", f"{self.place.shown}/{file.name}", any_error=True, hint=_DAMAGED), self.open(file) as opened:
            groups = [number for number in range(opened.num_row_groups) if _may_have(opened.metadata.row_group(number), selection)]
            there = opened.schema_arrow.names
            wanted = None if columns is None else [name for name in there if name in columns or name in selection.columns]
            sieve = sieve_of(selection)
            for group in groups:  # each for itself: a batch would be filled across them, with payloads of any size
                for batch in opened.iter_batches(_BATCH_ROWS, row_groups=[group], columns=wanted, use_threads=True):
                    kept = sieve(batch)
                    if kept.num_rows:
                        yield kept.replace_schema_metadata(None)


def _may_have(group: pq.RowGroupMetaData, selection: Selection) -> bool:
    bounds = {"_recv_time": (selection.start, selection.end), "_spool_seq": (selection.after + 1, None)}
    if selection.until is not None:
        bounds["_spool_seq"] = (selection.after + 1, selection.until + 1)
    for number in range(min(group.num_columns, 64)):
        column = group.column(number)
        low, high = bounds.get(column.path_in_schema, (None, None))
        if low is None and high is None:
            continue
        statistics = column.statistics
        if statistics is None or not statistics.has_min_max:
            continue
        least, most = statistics.min_raw, statistics.max_raw
        if (low is not None and most < low) or (high is not None and least >= high):
            return False
    return True


def sieve_of(selection: Selection) -> Callable[[pa.RecordBatch], pa.RecordBatch]:
    import pyarrow as pa
    import pyarrow.compute as pc

    known: dict[str, bool] = {}

    def is_wanted(topic: str) -> bool:
        if topic not in known:
            known[topic] = any(_core.topic_matches(one, topic) for one in selection.topics)
        return known[topic]

    def sieve(batch: pa.RecordBatch) -> pa.RecordBatch:
        masks = []
        for name, low, high in (
            ("_recv_time", selection.start, selection.end),
            ("_spool_seq", selection.after + 1 if selection.after else None, None if selection.until is None else selection.until + 1),
        ):
            if low is not None:
                masks.append(pc.greater_equal(batch.column(name).cast(pa.int64()), low))
            if high is not None:
                masks.append(pc.less(batch.column(name).cast(pa.int64()), high))
        if selection.topics:
            topics = batch.column("_topic").dictionary_encode()
            wanted = pa.array([is_wanted(topic) for topic in topics.dictionary.to_pylist()], pa.bool_())
            masks.append(wanted.take(topics.indices))
        for mask in masks[1:]:
            masks[0] = pc.and_(masks[0], mask)
        return batch.filter(masks[0]) if masks else batch

    return sieve
