"""Waiting on behalf of an asyncio event loop: one thread that waits in the core, and wakes the loop with ``call_soon_threadsafe``.

No file descriptor is watched (``add_reader``), so it works in any event loop, Jupyter's running one included.
"""

from __future__ import annotations

import queue
import threading
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

if TYPE_CHECKING:
    import asyncio

T = TypeVar("T")

_TURN_SECONDS: Final = 0.05

#: Every thread that may be inside the core, so that the interpreter's exit can see them off first.
_live: weakref.WeakSet[Waiter] = weakref.WeakSet()


class _Request(Generic[T]):
    """One call for the thread. Cancelled from the loop, answered from the thread; the answer to a cancelled request is dropped."""

    def __init__(self, step: Callable[[], T | None], loop: asyncio.AbstractEventLoop) -> None:
        self.step = step
        self.loop = loop
        self.future: asyncio.Future[T] = loop.create_future()
        self.cancelled = threading.Event()

    def answer(self, result: T | None, error: BaseException | None) -> None:
        def settle() -> None:
            if self.future.done() or self.cancelled.is_set():
                return
            if error is not None:
                self.future.set_exception(error)
            else:
                self.future.set_result(result)  # type: ignore[arg-type]  # run() answers None only beside an error

        try:
            self.loop.call_soon_threadsafe(settle)
        except RuntimeError:  # the loop was closed meanwhile: nobody waits any more
            self.cancelled.set()


class Waiter:
    """A daemon thread, started with the first call and ended by :meth:`stop` or when its owner goes."""

    def __init__(self, name: str) -> None:
        self._requests: queue.SimpleQueue[_Request[Any] | None] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=_run, args=(self._requests, self._stopping), name=name, daemon=True)
        self._finalizer = weakref.finalize(self, _stop, self._requests, self._stopping)
        self._finalizer.atexit = False
        _live.add(self)

    async def call(self, step: Callable[[], T | None]) -> T:
        """Calls ``step`` on the thread until it returns something other than None.

        ``step`` waits at most a tenth of a second each time, and keeps no result for itself: one that arrives after a cancellation is lost.
        """
        import asyncio

        request = _Request(step, asyncio.get_running_loop())
        if self._thread.ident is None:
            self._thread.start()
        self._requests.put(request)
        try:
            while not request.future.done():
                # The loop has to turn now and then: Jupyter's stop button cancels from a signal handler, which does not wake it.
                await asyncio.wait((request.future,), timeout=_TURN_SECONDS)
            return request.future.result()
        finally:
            request.cancelled.set()

    def stop(self, wait: float = 0.0) -> None:
        self._finalizer()
        if wait and self._thread.ident is not None and self._thread is not threading.current_thread():
            self._thread.join(wait)


def _stop(requests: queue.SimpleQueue[_Request[Any] | None], stopping: threading.Event) -> None:
    stopping.set()
    requests.put(None)


def _run(requests: queue.SimpleQueue[_Request[Any] | None], stopping: threading.Event) -> None:
    # A function and not a method: the thread must not keep its Waiter alive.
    while (request := requests.get()) is not None:
        _serve(request, stopping)
        del request


def _serve(request: _Request[Any], stopping: threading.Event) -> None:
    import asyncio

    try:
        while not request.cancelled.is_set():
            if stopping.is_set():
                request.answer(None, asyncio.CancelledError("honeyframe is closing"))
                return
            result = request.step()
            if result is not None:
                request.answer(result, None)
                return
    except StopIteration:  # a future cannot carry it
        request.answer(None, StopAsyncIteration())
    except BaseException as error:
        request.answer(None, error)


async def in_thread(function: Callable[[], T], *, name: str = "honeyframe-wait") -> T:
    """``function()`` on a thread of its own. Cancelling leaves it running: the caller makes it return."""
    waiter = Waiter(name)
    try:
        return (await waiter.call(lambda: (function(),)))[0]
    finally:
        waiter.stop()


def stop_all(wait: float) -> None:
    """Ends every waiter; for the interpreter's exit."""
    waiters = list(_live)
    for waiter in waiters:
        waiter.stop()
    for waiter in waiters:
        waiter.stop(wait)
