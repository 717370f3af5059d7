"""RecorderThread: reads a spool, writes the recording, and commits. It alone touches the RecordingWriter.

It reads the spool as any reader does, beside the stream that writes it. That stream counts a message as handed out once it is committed, so
that a full spool never gives up what is in no file yet while anything else can go. A store that fails is tried again, from the last commit
on: messages wait in the spool, and the connection does not notice.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from . import _core
from .errors import HoneyframeError
from .events import warn
from .lifetime import is_ending
from .recording_errors import RecordingStorageError, RecordingWarning
from .recording_rows import READ_ROWS, SPOOL_METADATA
from .recording_writer import RecordingWriter
from .spool import RAW, open_spool

if TYPE_CHECKING:
    from .frame import Batch
    from .stream import Stream

_log = logging.getLogger("honeyframe.recorder")

_STEP_SECONDS: Final = 0.25
_LEAST_PAUSE: Final = 0.5
_MOST_PAUSE: Final = 30.0
_LAST_SECONDS: Final = 10.0  # for what is still in the spool when the recorder is stopped
_RATE_SECONDS: Final = 5.0
_LEAST_RATE_SECONDS: Final = 0.5  # a burst's first moment is no rate


@dataclass(frozen=True, slots=True)
class RecorderCounts:
    """What the thread has done, at one moment. Messages, but where the name says otherwise."""

    recorded: int = 0  # committed by this run
    uncommitted: int = 0  # read, and in no file yet
    rows: int = 0
    files: int = 0
    bytes: int = 0
    unreadable: int = 0
    last_seq: int = 0
    last_commit: str = ""
    rate: float = 0.0
    storage_failures: int = 0
    storage_error: str = ""


class Release:
    """Tells the stream that writes the spool what it may give up: reads it up to the last commit, and throws that away."""

    def __init__(self, stream: Stream, number: int) -> None:
        self._stream = stream
        self._number = number  # up to which it was read

    def __call__(self, number: int) -> None:
        """All up to ``number``, of the spool, is committed."""
        while self._number < number:
            try:
                # Numbers rise by one, but for a jump at a start of the machine: then some of what comes next is read as well.
                found = self._stream._reader.next(min(number - self._number, READ_ROWS), 0.0, 0.0)
            except StopIteration:
                return
            if found is None:
                return
            self._number = _last_number(found)


def _last_number(batch: _core.RecordBatch) -> int:
    import pyarrow as pa

    return int(pa.record_batch(batch).column("_spool_seq")[-1].as_py())


class RecorderThread:
    """Runs from :meth:`start` until :meth:`stop`, or until ``session_ended`` says that nothing more comes."""

    def __init__(
        self, spool: Path, writer: RecordingWriter, *, stream: Stream | None = None, session_ended: Callable[[], bool] = lambda: False
    ) -> None:
        self._spool = spool
        self._writer = writer
        self._stream = stream
        self._release = None if stream is None else Release(stream, writer.next_spool_number - 1)
        self._session_ended = session_ended
        self._stopping = threading.Event()
        self._ended = threading.Event()  # in place of Thread.join(), which takes a thread for ended when it was interrupted (Python 3.11)
        self._give_up_at: float | None = None
        self._before = writer.journal
        self._counts = RecorderCounts(last_seq=writer.journal.last, last_commit=writer.journal.time)
        self._failures = 0
        self._failure = ""
        self._rate = _Rate()
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="honeyframe-recorder", daemon=True)

    # --- from any thread

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """What is in the spool by now is still written. Does not wait."""
        self._stopping.set()

    def join(self, timeout: float | None = None) -> bool:
        """Whether it has ended."""
        return self._ended.wait(timeout)

    @property
    def is_alive(self) -> bool:
        return not self._ended.is_set()

    def counts(self) -> RecorderCounts:
        return self._counts

    # --- on the thread

    def _run(self) -> None:
        try:
            self._record()
        except BaseException as error:  # told by wait(), stop()
            self.error = error
            _log.error("the recorder of %s has ended: %s", self._writer.place.shown, error, exc_info=not isinstance(error, HoneyframeError))
        finally:
            self._writer.close()
            self._note()
            self._ended.set()

    def _record(self) -> None:
        pause = _LEAST_PAUSE
        while True:
            before = self._writer.journal.cuts
            try:
                self._read_on()
                self._close_stream()
                self._read_rest()
                return
            except RecordingStorageError as error:
                self._bear(error)
            pause = _LEAST_PAUSE if self._writer.journal.cuts > before else min(pause * 2, _MOST_PAUSE)
            self._rest(pause)
            while True:
                try:
                    self._writer.abandon()
                    break
                except RecordingStorageError as error:
                    self._bear(error)
                self._rest(pause)

    def _bear(self, error: RecordingStorageError) -> None:
        """Raises it again where it was the last try."""
        self._failures += 1
        if not self._failure:  # once an episode
            _log.warning("%s", error.message, extra={"honeyframe_event": "recording_storage", "honeyframe_warned": True})
            with contextlib.suppress(Warning):  # one that is made an error must not end the recording
                warn(f"{error.message}; it is tried again, and messages wait in the spool", RecordingWarning)
        self._failure = error.message
        self._note()
        if self._is_over() and self._is_late():
            raise error

    def _rest(self, pause: float) -> None:
        if self._is_over():
            time.sleep(_LEAST_PAUSE)
        else:
            self._stopping.wait(pause)

    def _read_on(self) -> None:
        """From behind the last commit, and as the spool grows, until it is over."""
        if self._is_over():
            return
        with open_spool(self._spool, self._writer.next_spool_number, follow=True, **RAW, metadata=SPOOL_METADATA) as source:
            for batch in source.batches(max_rows=READ_ROWS, max_seconds=_STEP_SECONDS, yield_empty=True):
                self._take(batch)
                if self._is_over():
                    return

    def _read_rest(self) -> None:
        """What still lies in the spool, to its end. Nothing waits for more."""
        with open_spool(self._spool, self._writer.read_to + 1, **RAW, metadata=SPOOL_METADATA) as source:
            for batch in source.batches(max_rows=READ_ROWS, max_seconds=_STEP_SECONDS):
                self._take(batch)
                if self._is_late():
                    break
        self._commit()

    def _close_stream(self) -> None:
        """Where :meth:`Recorder.stop` has not: nobody holds the recorder any more, or the session has ended."""
        if self._stream is not None:
            with contextlib.suppress(HoneyframeError):
                self._stream.close()

    def _take(self, batch: Batch) -> None:
        if batch.num_rows:
            self._writer.write(batch.to_arrow())
        if self._writer.is_due():
            self._commit()
        self._note()

    def _commit(self) -> None:
        if not self._writer.commit():
            return
        if self._failure:
            _log.info("%s: written again", self._writer.place.shown, extra={"honeyframe_event": "recording_again"})
            self._failure = ""
        if self._release is not None:
            self._release(self._writer.next_spool_number - 1)
        self._note()

    def _is_over(self) -> bool:
        over = self._stopping.is_set() or is_ending() or self._session_ended()
        if over and self._give_up_at is None:
            self._give_up_at = time.monotonic() + _LAST_SECONDS
        return over

    def _is_late(self) -> bool:
        return self._give_up_at is not None and time.monotonic() > self._give_up_at

    def _note(self) -> None:
        journal, before = self._writer.journal, self._before
        recorded = journal.messages - before.messages
        uncommitted = self._writer.uncommitted
        if self._stream is not None:
            with contextlib.suppress(Warning):
                self._stream._tell_all(idle=True)
        self._counts = RecorderCounts(
            recorded=recorded,
            uncommitted=uncommitted,
            rows=journal.rows - before.rows,
            files=journal.files - before.files,
            bytes=journal.size - before.size,
            unreadable=self._writer.unreadable,
            last_seq=journal.last,
            last_commit=journal.time,
            rate=self._rate.of(recorded + uncommitted),
            storage_failures=self._failures,
            storage_error=self._failure,
        )


class _Rate:
    """Messages a second, over the last seconds."""

    def __init__(self) -> None:
        self._marks: list[tuple[float, int]] = []

    def of(self, messages: int) -> float:
        now = time.monotonic()
        self._marks.append((now, messages))
        while len(self._marks) > 2 and self._marks[0][0] < now - _RATE_SECONDS:
            self._marks.pop(0)
        since, before = self._marks[0]
        return max(0, messages - before) / (now - since) if now >= since + _LEAST_RATE_SECONDS else 0.0


def spooled_options(**options: Any) -> dict[str, Any]:
    """How the stream that writes the spool is opened: it is read by :class:`Release` alone."""
    return {**options, **RAW, "delivery": "spooled", "metadata": ["spool_seq"]}
