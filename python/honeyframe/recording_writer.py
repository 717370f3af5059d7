"""RecordingWriter: messages of a spool, in their order, into a recording: each of them once, whatever happens in between.

What is written becomes part of the recording with :meth:`RecordingWriter.commit`, all of it or, where the process ends before that, none:
then the same messages are read from the spool again, from behind the last commit on. One thread uses it.
"""

from __future__ import annotations

import contextlib
import logging
import time
import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import IO, TYPE_CHECKING, Any, Final

from .errors import InvalidArgumentError
from .recording_columns import columns_to_bytes, read_columns
from .recording_errors import NotARecordingError, RecordingError, RecordingInUseError
from .recording_layout import COLUMNS, JOURNAL, MANIFEST, Journal, JournalPart, Manifest, PartName, now_text, same_broker
from .recording_parts import OpenCut
from .recording_place import LocalPlace, Place
from .recording_rows import RowMaker, TopicPattern

if TYPE_CHECKING:
    import pyarrow as pa

_log = logging.getLogger("honeyframe.recorder")

_AT_ONCE: Final = 8  # files of a commit
_BEGINS: Final = "A recording begins in a new or empty directory."
_COMPRESSIONS: Final = ("zstd", "snappy", "lz4", "gzip", "none")


@dataclass(frozen=True, slots=True)
class Rotation:
    """When a commit is due: at so many rows, at about so many bytes of files, or so many seconds after its first message."""

    rows: int = 1_000_000
    bytes: int = 134_217_728
    seconds: float = 600.0


@dataclass(frozen=True, slots=True)
class RowOptions:
    """How messages become rows, and rows files."""

    patterns: Sequence[TopicPattern]
    extraction: Mapping[str, Any]
    raw: bool = True
    retained: str = "include"
    compression: str = "zstd"


def check_compression(compression: object) -> str:
    if compression not in _COMPRESSIONS:
        raise InvalidArgumentError(f"compression is one of {', '.join(_COMPRESSIONS)}; found {compression!r}")
    return str(compression)


class RecordingWriter:
    """Has the recording for itself from :meth:`open` to :meth:`close`."""

    def __init__(self, place: Place, options: RowOptions, rotation: Rotation) -> None:
        self.place = place
        self._options = options
        self._rotation = rotation
        self._lock: IO[bytes] | None = None
        self.manifest = Manifest("", "")
        self.journal = Journal()
        self._known: dict[str, list[tuple[str, str]]] = {}
        self._rows = self._row_maker()
        self._cut: OpenCut | None = None
        self._began = 0.0  # of the messages that are not committed, the first
        self._first = self._last = 0
        self._messages = 0
        self.unreadable = 0

    # --- opening

    def open(self) -> None:
        """Takes the recording, made where there is none, and finishes what a crash has left.

        Raises:
            RecordingInUseError, NotARecordingError, RecordingStorageError.
        """
        manifest = self.place.read(MANIFEST) if self.place.is_local else None
        if manifest is None and self.place.is_local:
            _check_empty(self.place)
        self.place.prepare()
        self._lock = self.place.lock()
        try:
            manifest = self.place.read(MANIFEST)
            if manifest is None:
                _check_empty(self.place)
                self.manifest = Manifest(id=uuid.uuid4().hex, created=now_text())
            else:
                self.manifest = Manifest.from_bytes(manifest, f"{self.place.shown}/{MANIFEST}")
            self.journal = read_journal(self.place) or self._journal_of_names()
        except BaseException:
            self.close()
            raise

    def _journal_of_names(self) -> Journal:
        """Where the journal was deleted: what the names of the files say."""
        parts = [part for name, _ in self.place.names() if (part := PartName.parse(name))]
        if not parts:
            return Journal()
        _log.warning("%s: the journal is missing; the recording goes on behind its last file", self.place.shown)
        last = max(parts, key=lambda part: part.last)
        return Journal(last.first, last.last, self.manifest.spool_id, self.manifest.offset, files=len(parts))

    def begin(self, manifest: Manifest) -> None:
        """From here on it is this recorder's. What a crash has left is brought to its end."""
        self._finish_commit(self.journal)
        self.place.clear_stage()
        self.set_manifest(manifest)
        self._known = read_columns(self.place)
        self._rows = self._row_maker()

    def set_manifest(self, manifest: Manifest) -> None:
        """What is told of this run has changed."""
        self.place.write(MANIFEST, manifest.to_bytes())
        self.manifest = manifest

    def _row_maker(self) -> RowMaker:
        options = self._options
        return RowMaker(options.patterns, options.extraction, raw=options.raw, retained=options.retained, known=self._known)

    def close(self) -> None:
        """Lets go of the recording; what is not committed stays in the spool."""
        if self._cut is not None:
            self._cut.abandon()
            self._cut = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def check_owner(self, *, broker: str, spool_id: str, takeover: bool) -> None:
        """Whether this recorder may go on with it.

        Raises:
            RecordingInUseError: the recording is another broker's, or of a spool on another machine.
        """
        before = self.manifest.broker
        if takeover:
            return
        if broker and before and not same_broker(before, broker):
            raise RecordingInUseError(
                f"{self.place.shown} is a recording of {before}, and not of {broker}",
                hint="Choose another path; takeover=True (--takeover) goes on with it where both are the same broker.",
            )
        if not self.place.is_local and self.manifest.spool_id not in ("", spool_id):
            raise RecordingInUseError(
                f"{self.place.shown} is being recorded with the spool {self.manifest.spool} on {self.manifest.host}",
                hint="If that recorder has ended for good, and its spool is gone or empty, takeover=True (--takeover) goes on with it.",
            )

    # --- writing

    @property
    def uncommitted(self) -> int:
        """Messages."""
        return self._messages

    @property
    def next_spool_number(self) -> int:
        """The spool's own, of the first message that is not committed."""
        return max(1, self.journal.last - self.manifest.offset + 1)

    @property
    def read_to(self) -> int:
        """The spool's own number of the last message that was written or committed."""
        return max(0, (self._last if self._messages else self.journal.last) - self.manifest.offset)

    def write(self, batch: pa.RecordBatch) -> None:
        """Messages as :mod:`honeyframe.recording_rows` reads them from the spool, behind those written before."""
        if batch.num_rows == 0:
            return
        batch = self._numbered(batch)
        if batch.num_rows == 0:
            return
        numbers = batch.column("_spool_seq")
        if self._cut is None:
            self._cut = OpenCut(self.place.stage, self.journal.cuts, self._rows.name, self._options.compression)
        if self._messages == 0:
            self._began = time.monotonic()
            self._first = numbers[0].as_py()
        for rows in self._rows.rows(batch):
            self._cut.add(rows)
        self._last = numbers[-1].as_py()
        self._messages += batch.num_rows

    def _numbered(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """With the numbers of the recording in place of the spool's, from behind the last commit on."""
        import pyarrow.compute as pc

        place = batch.schema.get_field_index("_spool_seq")
        if self.manifest.offset:
            batch = batch.set_column(place, "_spool_seq", pc.add_checked(batch.column(place), self.manifest.offset))
        done = self._last if self._messages else self.journal.last
        return batch if batch.column(place)[0].as_py() > done else batch.filter(pc.greater(batch.column(place), done))

    def is_due(self) -> bool:
        """Whether it is time to commit."""
        if self._cut is None or not self._messages:
            return False
        return (
            self._cut.rows >= self._rotation.rows
            or time.monotonic() - self._began >= self._rotation.seconds
            or self._cut.is_crowded
            or self._cut.written_bytes + self._cut.waiting_bytes // 4 >= self._rotation.bytes
        )

    def commit(self) -> bool:
        """All that was written becomes part of the recording. False where there is nothing.

        Raises:
            RecordingStorageError: it did not: :meth:`abandon`, read on from :attr:`next_spool_number`, and try again.
        """
        cut = self._cut
        if cut is None or not self._messages:
            return False
        parts = cut.finish(self._first, self._last, self.manifest.id)
        self._bring(parts)
        if (known := self._rows.columns()) != self._known:
            self.place.write(COLUMNS, columns_to_bytes(known))
            self._known = known
        journal = replace(
            self.journal,
            first=self._first,
            last=self._last,
            spool_id=self.manifest.spool_id,
            offset=self.manifest.offset,
            messages=self.journal.messages + cut.messages,
            rows=self.journal.rows + cut.rows,
            files=self.journal.files + len(parts),
            size=self.journal.size + sum(part.size for part in parts),
            cuts=self.journal.cuts + 1,
            time=now_text(),
            parts=parts,
        )
        self.place.write(JOURNAL, journal.to_bytes())
        self.unreadable += cut.unreadable
        self._cut, self._messages = None, 0
        self.journal = journal
        self._finish_commit(journal)
        return True

    def _bring(self, parts: Sequence[JournalPart]) -> None:
        """Each of them waits for the disk, or the store: several at a time."""
        staged = [self.place.stage / part.staged for part in parts]
        if len(staged) >= _AT_ONCE:
            with contextlib.suppress(RuntimeError):  # of an interpreter on its way out, which begins no more threads
                with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="honeyframe-recorder") as pool:
                    list(pool.map(self.place.bring, staged))
                return
        for path in staged:
            self.place.bring(path)

    def abandon(self) -> None:
        """What was written since the last commit is not to be; what a commit has left half done is brought to its end.

        Raises:
            RecordingStorageError: still.
        """
        if self._cut is not None:
            self._cut.abandon()
        self._cut, self._messages = None, 0
        self.place.prepare()  # somebody may have tidied up
        written = read_journal(self.place)
        if written is not None and written.last > self.journal.last:  # the failure came behind it
            self.journal = written
        self._finish_commit(self.journal)
        self.place.clear_stage()
        if self.place.read(MANIFEST) is None:
            self.place.write(MANIFEST, self.manifest.to_bytes())

    def _finish_commit(self, journal: Journal) -> None:
        for part in journal.parts:
            self.place.publish(part.staged, part.path)  # what is in neither place was deleted since, by its owner


def read_journal(place: Place) -> Journal | None:
    """Of a recording; None where nothing was ever committed."""
    content = place.read(JOURNAL)
    return None if content is None else Journal.from_bytes(content, f"{place.shown}/{JOURNAL}")


def read_manifest(place: Place) -> Manifest:
    """Raises NotARecordingError where there is none."""
    content = place.read(MANIFEST)
    if content is None:
        raise _no_recording(place)
    return Manifest.from_bytes(content, f"{place.shown}/{MANIFEST}")


def _no_recording(place: Place) -> NotARecordingError:
    from .dask_directory import what_to_open

    what, hint = (what_to_open(place.path) if isinstance(place, LocalPlace) else None) or ("", "client.record(path, topics) makes one.")
    return NotARecordingError(f"there is no recording at {place.shown}" + (f": it is a directory {what}" if what else ""), hint=hint)


def _check_empty(place: Place) -> None:
    try:
        first = next(iter(place.names()), None)
    except RecordingError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return
        if isinstance(error.__cause__, NotADirectoryError):
            raise NotARecordingError(f"{place.shown} is a file", hint=_BEGINS) from None
        raise
    if first is not None:
        raise NotARecordingError(
            f"{place.shown} is no recording, and not empty: it holds {first[0]!r}",
            hint=_BEGINS,
        )
