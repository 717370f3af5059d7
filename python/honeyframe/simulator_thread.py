"""SimulatorThread: what simulators have in common that publish from a thread of their own: how they start, end, and say what ended them."""

from __future__ import annotations

import abc
import logging
import threading
from types import TracebackType
from typing import Final, Self

from .errors import HoneyframeError

_log = logging.getLogger("honeyframe.simulator")

_CLOSE_SECONDS: Final = 5.0


class SimulatorStartedError(HoneyframeError, RuntimeError):
    """A simulator that was started, and not closed, is started again."""

    code = "simulator_started"


class SimulatorThread(abc.ABC):
    """A simulator. ``_begin()`` runs in the thread that starts it, ``_publish_until_stopped()`` in its own."""

    def __init__(self) -> None:
        self._published = 0
        self._error: BaseException | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def published(self) -> int:
        """Messages published so far, those of the start included."""
        return self._published

    @property
    def error(self) -> BaseException | None:
        """What ended the simulator before its time: a denied publish, a closed client."""
        return self._error

    def start(self) -> Self:
        """Publishes what is sent at the start, confirmed by the broker; everything else follows from a thread. ``with`` does this.

        Raises:
            SimulatorStartedError: it was started, and not closed.
        """
        if self._thread is not None:
            ended = "is running already" if self._error is None else "has ended already, with an error that it has as .error"
            raise SimulatorStartedError(f"the simulator {ended}", hint="close() it before it is started again.")
        self._begin()
        self._thread = threading.Thread(target=self._run_in_thread, name="honeyframe-simulator", daemon=True)
        self._thread.start()
        return self

    def close(self) -> None:
        """Stops publishing. Idempotent. Retained states stay with the broker: see ``clear_retained()``."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(_CLOSE_SECONDS)
            self._thread = None

    def __enter__(self) -> Self:
        return self if self._thread is not None else self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @property
    def _state(self) -> str:
        if self._thread is not None and self._thread.is_alive():
            return "running"
        return "stopped" if self._error is None else f"stopped by {type(self._error).__name__}"

    def _run_in_thread(self) -> None:
        try:
            self._publish_until_stopped()
        except Exception as error:
            self._error = error
            _log.warning("the simulator stopped: %s", error)

    def _begin(self) -> None:
        """Publishes what is sent at the start."""
        self._stop.clear()
        self._error = None

    @abc.abstractmethod
    def _publish_until_stopped(self) -> None:
        """Returns soon after ``_stop`` is set."""
