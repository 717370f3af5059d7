"""What looks at a stream by itself, on a thread of its own, while cells run: charts and live tables.

It taps the stream, so it takes nothing from ``batches()``. It ends with the stream, with :meth:`LiveView.close`, and when nobody holds it
any more. Its thread is a daemon, holds it by a weak reference only, and sleeps in an event, so it keeps neither it nor the kernel.
"""

from __future__ import annotations

import json
import threading
import time
import weakref
from abc import ABC, abstractmethod
from collections.abc import Collection, Hashable, Iterable
from typing import TYPE_CHECKING, Any, Final, Self

import pyarrow as pa

from . import _core
from .arguments import count_of
from .credentials import in_notebook
from .errors import HoneyframeError
from .frame import Batch
from .lifetime import check_process, is_ending
from .notebook_display import Outputs
from .window import sift_retained

if TYPE_CHECKING:
    from .live_widget import Buffers, Channel
    from .stream import Stream

_TAP_SECONDS: Final = 86_400.0  # a busy cell that holds the interpreter longer than the tap's bytes last loses rows, and they are counted
_TAP_BYTES: Final = 67_108_864
_TAP_ROWS: Final = 2_000_000
_COUNTERS_SECONDS: Final = 1.0
_LATE_PERIODS: Final = 2  # behind by more, the clock starts anew
_LAST_LOOKS: Final = 100
_MOST_LEFT_OUT: Final = 10_000
#: Of counters that are not clear by their names; web/src/widget/status_texts.ts has the same.
_WORDS: Final = {
    "missed": "rows not drawn",
    "retained": "retained, not drawn",
    "ahead": "ahead of the clock",
    "late": "older than the window",
}


def encode_keys(column: pa.Array) -> pa.DictionaryArray:
    """A column's values, each once, and of each row which it has. pyarrow encodes no lists: they are told apart as JSON."""
    if pa.types.is_nested(column.type):
        column = pa.array([None if value is None else json.dumps(value, default=str) for value in column.to_pylist()], pa.string())
    return column.dictionary_encode()


def missing_columns(wanted: Iterable[str], seen: Collection[str]) -> list[str]:
    """A sentence for each that no row has had: it may be misspelt, or come later."""
    return [f"no row has a column {name!r} so far" for name in dict.fromkeys(wanted) if name not in seen]


class LeftOut:
    """What finds no room, each counted once, as far as there is room to know them."""

    def __init__(self) -> None:
        self._names: set[Hashable] = set()

    def add(self, name: Hashable) -> None:
        if len(self._names) <= _MOST_LEFT_OUT:
            self._names.add(name)

    def words(self, noun: str) -> str:
        """``"900 more lines"``; empty where nothing was left out."""
        if len(self._names) > _MOST_LEFT_OUT:
            return f"more than {count_of(_MOST_LEFT_OUT, f'more {noun}')}"
        return count_of(len(self._names), f"more {noun}") if self._names else ""


class LiveView(ABC):
    """Base of what :class:`honeyframe.Stream` shows live."""

    def __init__(self, stream: Stream, period: float, thread_name: str) -> None:
        check_process()
        if in_notebook():
            from . import live_widget  # noqa: F401  # what is missing is told here, and not when it is shown
        self._stream = stream
        self._tap = stream._reader.open_window(_TAP_SECONDS, max_rows=_TAP_ROWS, max_bytes=_TAP_BYTES)
        self._lock = threading.RLock()
        self._channel: Channel | None = None
        self._missed_rows = 0
        self._looks_left = _LAST_LOOKS
        self._ended_at: float | None = None
        self._outputs = Outputs(self)
        self._counters: dict[str, int] = {}
        self._counted_at = 0.0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=_run, args=(weakref.ref(self), self._stopping, period), name=thread_name, daemon=True)
        self._finalizer = weakref.finalize(self, self._stopping.set)
        self._finalizer.atexit = False
        self._thread.start()

    # --- the user's

    @property
    def closed(self) -> bool:
        """Whether nothing more comes: by :meth:`close`, or since the stream has ended."""
        return self._ended_at is not None

    @property
    def widget(self) -> Any:
        """The anywidget, for layouts of ipywidgets. Making it needs the extra ``notebook``.

        Raises:
            MissingExtraError: it is not installed.
        """
        check_process()
        from .live_widget import Channel

        with self._lock:
            if self._channel is None:
                kind, config = self._face()
                here = weakref.ref(self)

                def whole() -> tuple[dict[str, Any], Buffers]:
                    view = here()
                    return view._whole() if view is not None else ({}, ())

                self._channel = Channel(kind, config, whole, self._outputs, self._lock)
                self._outputs.listen()
                weakref.finalize(self, self._channel.close).atexit = False
            return self._channel.widget

    def close(self) -> None:
        """Ends it: what is shown stays as it is. From any thread; idempotent. The stream goes on."""
        self._stopping.set()
        if self._thread is not threading.current_thread():
            self._thread.join(1.0)
        with self._lock:
            self._end()
        self._leave()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- the heirs'

    @abstractmethod
    def _face(self) -> tuple[str, dict[str, Any]]:
        """The widget's kind, and what it is told when it is made."""

    @abstractmethod
    def _take(self, batches: list[_core.RecordBatch], now: float) -> None:
        """What has come, on our thread, under the lock. Sends what is to be seen of it."""

    @abstractmethod
    def _whole(self) -> tuple[dict[str, Any], Buffers]:
        """All that is to be seen, for a browser that has nothing yet."""

    def _status(self) -> dict[str, Any]:
        """For the corner."""
        names = ("dropped", "rejected", "quarantined", "gaps", "misfits")
        told = {name: self._counters.get(name, 0) for name in names}
        told["unread"] = bool(told["dropped"]) and not self._counters.get("delivered", 0)
        return {**told, "missed": self._missed_rows, "ended": self.closed}

    def _bundle(self) -> dict[str, Any]:
        """By MIME type, what a notebook keeps of it."""
        view = {"version_major": 2, "version_minor": 0, "model_id": self.widget.model_id}
        return {"text/plain": repr(self), "application/vnd.jupyter.widget-view+json": view}

    def _ipython_display_(self) -> None:
        if not in_notebook():
            raise NotImplementedError  # then repr() it is
        self._outputs.show(self._bundle())

    # --- the thread's

    def _look(self) -> bool:
        """One step; False at the end."""
        with self._lock:
            if self.closed:
                return False
            is_last = self._stream.closed
            batches = self._tapped()
            self._count()
            if is_last and not batches:
                self._looks_left -= 1
                left = self._stream._counters()["queued"]
                if not left or self._looks_left <= 0:
                    self._end()
                    return False
            self._take(batches, time.time())
            return True

    def _tapped(self) -> list[_core.RecordBatch]:
        """What has come since the last time."""
        batches, _, self._missed_rows = self._tap.take()
        if self._stream.retained == "include":
            return batches
        return [sift_retained(Batch(batch), self._stream.retained)[0]._batch for batch in batches]

    def _leave(self) -> None:
        """After the end: outputs keep a picture of it."""
        outputs, self._outputs = self._outputs, Outputs(self)
        if not is_ending():
            outputs.renew()
        outputs.end()

    def _count(self) -> None:
        if time.monotonic() - self._counted_at >= _COUNTERS_SECONDS:
            self._counted_at = time.monotonic()
            self._counters = self._stream.stats().as_dict()

    def _end(self, *, broken: bool = False) -> None:
        if self.closed:
            return
        self._stopping.set()
        if not broken and not is_ending():
            self._take(self._tapped(), time.time())
        self._ended_at = time.time()
        del self._tap  # the pump stops with the last of them
        try:
            self._counters = self._stream.stats().as_dict()
        except HoneyframeError:  # at the interpreter's end
            pass
        if self._channel is not None and not is_ending():
            self._channel.send({"kind": "end", "status": self._status()})

    def _counters_told(self) -> str:
        told = {name: number for name, number in self._status().items() if type(number) is int and number}
        return ", ".join(f"{number:,} {_WORDS.get(name, name)}" for name, number in told.items())


def _run(view: weakref.ref[LiveView], stopping: threading.Event, period: float) -> None:
    """The thread. Deadlines are kept in the mean: a step that was late is followed by one that comes sooner."""
    due = time.monotonic() + period
    while not stopping.wait(max(0.0, due - time.monotonic())):
        here = view()
        if here is None or is_ending() or _core.in_forked_child():
            return
        try:
            if not here._look():
                here._leave()
                return
            here._outputs.look()
        except HoneyframeError:  # the interpreter is ending, or the process was forked
            return
        except Exception:  # a fault of ours: threading tells it, and the view does not say that it goes on
            with here._lock:
                here._end(broken=True)
            here._leave()
            raise
        del here
        due = max(due + period, time.monotonic() - _LATE_PERIODS * period)
    here = view()
    if here is not None and not here.closed and not is_ending():  # nobody sees it any more
        with here._lock:
            here._end()
        here._leave()
