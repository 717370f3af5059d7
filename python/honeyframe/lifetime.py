"""The end of the process: no thread of ours may be inside the core when the interpreter goes, and every connection says goodbye.

Also the guard against fork(): a child has the parent's objects, and none of its threads.
"""

from __future__ import annotations

import atexit
import os
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


_SPAWN: Final = 'start processes with "spawn" or "forkserver": multiprocessing.set_start_method("spawn")'


def check_process() -> None:
    """For what needs connections. Raises :class:`ForkedProcessError` in a child of fork() whose parent has ever had one, and ClosedError at
    the very end.

    The parent's threads, ours and Paho's, did not come along, and what they held when it forked stays held. There is no way back from that,
    and no closing before the fork prevents it: the threads stay.
    """
    check_running()
    if _core.in_forked_child():
        raise ForkedProcessError(
            "this process was forked from one that is, or was, connected to a broker: it cannot connect, nor use what is its parent's",
            hint=f"Connect only in the child, and never before the fork; or {_SPAWN}.",
        )


def check_owner(process: int) -> None:
    """For what needs no connection of its own, such as a spool's stream: as :func:`check_process`, where another ``process`` made it."""
    check_running()
    if process != os.getpid():
        raise ForkedProcessError(
            "this belongs to the process from which this one was forked",
            hint=f"Open spools after the fork; to connect, {_SPAWN}.",
        )


def check_running() -> None:
    """Raises ClosedError at the very end."""
    if _ending.is_set():
        raise ClosedError("the interpreter is ending")


def is_ending() -> bool:
    """Whether the interpreter is on its way out."""
    return _ending.is_set()


def watch_reader(reader: _core.StreamReader | _core.TopicWatch | _core.MessageCursor) -> None:
    with _lock:
        _readers.add(reader)


def watch_log(log: SessionLog) -> None:
    with _lock:
        _logs.add(log)


def _forget_parent() -> None:
    """In a child of fork(): the parent's readers and logs are not ours to close, and the lock may have been held."""
    global _lock, _readers, _logs
    _lock, _readers, _logs = threading.Lock(), weakref.WeakSet(), weakref.WeakSet()


def _at_exit() -> None:
    """Ends every wait first, so that no thread comes back from the core into an interpreter that is being torn down."""
    _ending.set()  # who comes out of the core does not go in again
    with _lock:
        readers, logs = list(_readers), list(_logs)
    for reader in readers:
        reader.close()
    if _core.in_forked_child():
        return
    _core.close_all_sessions(_CLOSE_SECONDS)
    from . import waiter

    waiter.stop_all(_JOIN_SECONDS)
    for log in logs:
        log.stop(_JOIN_SECONDS)
    traffic_meter.meter().write(sync=False, patience=_JOIN_SECONDS)
    if threading.active_count() > 1:  # the user's own daemon threads
        time.sleep(_COME_OUT_SECONDS)


os.register_at_fork(after_in_child=_forget_parent)
atexit.register(_at_exit)
