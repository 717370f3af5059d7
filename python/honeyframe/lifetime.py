"""The end of the process: no thread of ours may be inside the core when the interpreter goes, and every connection says goodbye.

Also the guard against fork(): a child has the parent's objects, and none of its threads.
"""

from __future__ import annotations

import atexit
import threading
import time
import weakref
from typing import TYPE_CHECKING, Final

from . import _core, traffic_meter
from .errors import ClosedError, ForkedProcessError

if TYPE_CHECKING:
    from .events import SessionLog

_CLOSE_SECONDS: Final = 2.0
_JOIN_SECONDS: Final = 0.3

_COME_OUT_SECONDS: Final = 0.1  # twice what the core waits before it looks for signals

_ending = threading.Event()
_readers: weakref.WeakSet[_core.StreamReader | _core.TopicWatch | _core.MessageCursor] = weakref.WeakSet()
_logs: weakref.WeakSet[SessionLog] = weakref.WeakSet()
_lock = threading.Lock()


def check_process() -> None:
    """Raises :class:`ForkedProcessError` in a child of fork(): its connections belong to the parent. And ClosedError at the very end."""
    if _ending.is_set():
        raise ClosedError("the interpreter is ending")
    if _core.in_forked_child():
        raise ForkedProcessError(
            "this process was forked from one with MQTT connections, which stay the parent's",
            hint='Connect after the fork, or start processes with "spawn": multiprocessing.set_start_method("spawn").',
        )


def is_ending() -> bool:
    """Whether the interpreter is on its way out."""
    return _ending.is_set()


def watch_reader(reader: _core.StreamReader | _core.TopicWatch | _core.MessageCursor) -> None:
    with _lock:
        _readers.add(reader)


def watch_log(log: SessionLog) -> None:
    with _lock:
        _logs.add(log)


def _at_exit() -> None:
    """Ends every wait first, so that no thread comes back from the core into an interpreter that is being torn down."""
    if _core.in_forked_child():
        return
    _ending.set()  # who comes out of the core does not go in again
    with _lock:
        readers, logs = list(_readers), list(_logs)
    for reader in readers:
        reader.close()
    _core.close_all_sessions(_CLOSE_SECONDS)
    from . import waiter

    waiter.stop_all(_JOIN_SECONDS)
    for log in logs:
        log.stop(_JOIN_SECONDS)
    traffic_meter.meter().write(sync=False, patience=_JOIN_SECONDS)
    if threading.active_count() > 1:  # the user's own daemon threads
        time.sleep(_COME_OUT_SECONDS)


atexit.register(_at_exit)
