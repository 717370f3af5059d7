"""Recorder: what a client receives, recorded to Parquet in the background. Made by ``hf.record`` and :meth:`honeyframe.Client.record`."""

from __future__ import annotations

import atexit
import contextlib
import signal
import threading
import time
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, Final, NoReturn, Self

from . import _core
from .arguments import count_of
from .durations import Duration
from .durations import seconds as to_seconds
from .errors import HoneyframeError
from .lifetime import check_process
from .recorder_thread import RecorderThread
from .recording_place import Place
from .traffic_meter import size_text

if TYPE_CHECKING:
    from .client import Client
    from .stream import Stream

_EXIT_SECONDS: Final = 2.0
_WAIT_STEP: Final = 0.1

_running: weakref.WeakSet[RecorderThread] = weakref.WeakSet()
_recorders: weakref.WeakSet[Recorder] = weakref.WeakSet()


@dataclass(frozen=True, slots=True, kw_only=True)
class RecorderStats:
    """The book of a recorder at one moment. In messages, but where the name says otherwise::

        received = recorded + waiting + dropped + rejected

    where ``waiting`` are in the spool, the ``uncommitted`` among them: read, and in no file yet. With ``retained="skip"`` or ``"only"``
    those that are left out count as recorded by the stream, and not here.
    """

    received: int = 0
    recorded: int = 0
    waiting: int = 0
    uncommitted: int = 0
    dropped: int = 0
    rejected: int = 0
    unreadable: int = 0
    rows: int = 0
    files: int = 0
    bytes: int = 0
    rate: float = 0.0
    last_seq: int = 0
    last_commit: str = ""
    storage_failures: int = 0
    storage_error: str = ""

    def __str__(self) -> str:
        text = f"{count_of(self.recorded, 'message')} in {count_of(self.files, 'file')}, {size_text(self.bytes)}"
        text += f"; {self.waiting:,} in the spool" if self.waiting else ""
        text += f"; {self.rate:,.0f} a second" if self.rate >= 1 else ""
        for name in ("dropped", "rejected", "unreadable"):
            count = getattr(self, name)
            text += f"; {count:,} {name}" if count else ""
        return text + (f"; storage fails: {self.storage_error}" if self.storage_error else "")

    def as_dict(self) -> dict[str, Any]:
        return {one.name: getattr(self, one.name) for one in fields(self)}


class Recorder:
    """Records in the background until it is stopped, closed, or dropped, or until the client is closed.

    All methods may be called from any thread. ``with`` stops it at the end, and writes what is still in the spool::

        with client.record("recording", "plant/{line}/telemetry") as recorder:
            recorder.wait("1h")
    """

    def __init__(
        self, client: Client, stream: Stream, thread: RecorderThread, place: Place, topics: Sequence[str], *, owned: bool = False
    ) -> None:
        self._client = client
        self._owns_client = owned
        self._stream = stream
        self._thread = thread
        self.path = place.shown
        self.topics = tuple(topics)
        self._finalizer = weakref.finalize(self, thread.stop)
        self._finalizer.atexit = False
        self._told_error = False
        self._stopped = False
        _running.add(thread)
        _recorders.add(self)

    @property
    def recording(self) -> bool:
        """Whether it still is."""
        return self._thread.is_alive

    @property
    def filters(self) -> tuple[str, ...]:
        """The topic filters subscribed to."""
        return self._stream.filters

    @property
    def granted_qos(self) -> tuple[int, ...]:
        """The QoS that the broker granted, one for each of ``filters``."""
        return self._stream.granted_qos

    def stats(self) -> RecorderStats:
        """How it goes, since this recorder was started."""
        check_process()
        spooled = self._stream._reader.counters()
        return RecorderStats(
            received=spooled["received"],
            waiting=spooled["queued"] + spooled["in_batch"],
            dropped=spooled["dropped"],
            rejected=spooled["rejected"],
            **asdict(self._thread.counts()),
        )

    def wait(self, seconds: Duration | None = None, *, progress: bool | None = None) -> RecorderStats:
        """Waits until the recording has ended, or for so long. SIGTERM, where the program does not use it, and Ctrl-C stop the recorder.

        Args:
            seconds: for how long; None: until it ends.
            progress: a line that shows how it goes, on a terminal or in a notebook. False: never. True: also when piped.

        Raises:
            KeyboardInterrupt: Ctrl-C; what was in the spool is written first.
            RecordingError, SpoolError, ConnectError: why it has ended, where that was nobody's wish.
        """
        from .progress import Progress

        check_process()
        end = None if seconds is None else time.monotonic() + to_seconds(seconds, "seconds")
        try:
            with terminated_by(self._thread), Progress("recording", seconds=None, rows=None, enabled=progress) as line:
                while not self._thread.join(_WAIT_STEP if end is None else min(_WAIT_STEP, max(0.0, end - time.monotonic()))):
                    if end is not None and time.monotonic() >= end:
                        return self.stats()
                    if line.active:
                        line.show(lambda _: f"recording to {self.path}: {self.stats()}")
        except KeyboardInterrupt:
            self.stop()
            raise
        self._raise_error()
        return self.stats()

    def stop(self, *, unsubscribe: bool | None = None) -> RecorderStats:
        """Writes what is in the spool, commits, and ends. Idempotent.

        ``unsubscribe=None``: the broker drops the subscription, unless it keeps the session (``session_expiry=``): for that it goes on
        collecting, and so does the spool until the client is closed, for the next run.

        Raises:
            RecordingStorageError: it could not be written within ten seconds. It is in the spool, for the next run.
        """
        check_process()
        self._stopped = True
        self._stream.close(unsubscribe=unsubscribe)
        self._thread.stop()
        self._thread.join()
        if self._owns_client:
            self._client.close()
        self._raise_error()
        return self.stats()

    close = stop

    def _raise_error(self) -> None:
        error = self._thread.error
        if error is not None and not self._told_error:
            self._told_error = True
            raise error
        if not self._told_error and not self._stopped and not self._thread.is_alive and self._client.closed:
            self._told_error = True
            self._client._raise_if_broken()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is None:
            self.stop()
            return
        with contextlib.suppress(HoneyframeError):  # the first error is the one to be told
            self.stop()

    def __repr__(self) -> str:
        state = "recording" if self.recording else "ended"
        return f"<honeyframe.Recorder {', '.join(map(repr, self.topics))} to {self.path!r} {state}: {self._thread_told()}>"

    def _thread_told(self) -> str:
        try:
            return str(self.stats())
        except HoneyframeError as error:
            return error.message

    def _repr_html_(self) -> str:
        from .display import card

        stats = self.stats().as_dict()
        rows = [("topics", ", ".join(self.topics))] + [
            (name, f"{value:,}" if isinstance(value, int) else str(value)) for name, value in stats.items() if value
        ]
        return card(f"Recorder to {self.path}", rows, "recording" if self.recording else "ended")

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Recorder holds a connection and cannot be pickled: hf.open() reads its recording anywhere")


@contextlib.contextmanager
def terminated_by(thread: RecorderThread) -> Iterator[None]:
    """SIGTERM stops the recorder, where nobody else has taken it."""
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        thread.stop()

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _at_exit() -> None:
    """What is read is committed, where there is time for it; the spool has the rest."""
    if _core.in_forked_child():
        return
    threads = list(_running)
    for thread in threads:
        thread.stop()
    end = time.monotonic() + _EXIT_SECONDS
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))


atexit.register(_at_exit)


def all_recorders() -> list[Recorder]:
    """Those of this process that record now."""
    return [one for one in list(_recorders) if one.recording]
