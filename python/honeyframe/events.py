"""What happens beside the data, told: a session's events as log records, a stream's as log records and warnings.

The logger is ``honeyframe``, with a child for each client id that somebody chose. Each record says whose it is: ``honeyframe_client`` is
the client id, ``honeyframe_event`` the event's name. What a Python warning tells as well has ``honeyframe_warned``: where logging is not
configured, and would print what nobody handles, that one is enough.
"""

from __future__ import annotations

import logging
import sys
import threading
import warnings
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any, Final, TypeAlias

from . import _core
from .arguments import count_of
from .connection_watch import ConnectionWatch
from .errors import ConflictWarning, GapWarning, HoneyframeError, MessagesDroppedWarning, SpoolWarning, error_from_core
from .ledger import LedgerRow, SessionHistory
from .traffic_meter import meter

_WAIT_SECONDS: Final = 0.5  # how long the thread takes at most to see that it should stop

_LEVELS: Final = {
    "connected": logging.INFO,
    "resubscribed": logging.INFO,
    "closed": logging.INFO,
    "protocol_fallback": logging.INFO,
    "qos_lowered": logging.WARNING,
    "unmatched": logging.WARNING,
    "packet_refused": logging.ERROR,
    "connection_lost": logging.WARNING,
    "retrying": logging.WARNING,
    "gap": logging.WARNING,
    "subscribe_refused": logging.ERROR,
    "publish_refused": logging.ERROR,
    "refused": logging.ERROR,
    "taken_over": logging.ERROR,
}

#: Changes of shape that mean values did not fit; all others are only logged.
_CONFLICTS: Final = frozenset({"column_widened", "misfit", "max_columns", "name_collision"})

_MAX_CONFLICTS_TOLD: Final = 5  # in one warning; the log has all


_WARNED: Final = {"honeyframe_warned": True}


class _LastResort(logging.Handler):
    """Where logging is not configured: prints what logging itself would, but for what a Python warning prints."""

    def emit(self, record: logging.LogRecord) -> None:
        last = logging.lastResort
        if last is None or record.levelno < last.level or getattr(record, "honeyframe_warned", False):
            return
        logger: logging.Logger | None = logging.getLogger(record.name)
        while logger is not None:
            if any(handler is not self for handler in logger.handlers):
                return
            logger = logger.parent if logger.propagate else None
        last.handle(record)


logging.getLogger("honeyframe").addHandler(_LastResort())


def warn(message: str, category: type[Warning]) -> None:
    """As ``warnings.warn``, pointing at the first line of code outside this package."""
    level = 2  # of warnings.warn: 1 is this function
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("honeyframe."):
        frame = frame.f_back
        level += 1
    warnings.warn(message, category, stacklevel=level)


def printable(text: str) -> str:
    """``text`` without control characters: a topic may carry terminal escapes or line breaks into a log."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def error_from_event(event: dict[str, Any]) -> HoneyframeError | None:
    """The exception behind a session's event or last error; None where nothing went wrong."""
    code = event.get("code")
    if not code or code == "ok":
        return None
    return error_from_core(
        code,
        event.get("message", ""),
        event.get("hint", ""),
        event.get("reason_code"),
        event.get("reason_string", ""),
        event.get("native_code", 0),
        event.get("subjects", ()),
    )


#: What tells: of a session, with its client id, or the plain one of a stream fed by hand.
Teller: TypeAlias = "logging.Logger | ClientLogger"


class ClientLogger(logging.LoggerAdapter[logging.Logger]):
    """Adds the client id to each record. A logger of its own for each random id would stay in memory for ever: logging frees none."""

    def __init__(self, logger: logging.Logger, client_id: str) -> None:
        super().__init__(logger)
        self._client_id = client_id

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        kwargs["extra"] = {**(kwargs.get("extra") or {}), "honeyframe_client": self._client_id}
        return msg, kwargs


class SessionLog:
    """Drains one session's events into its logger, on a thread of its own, until the session is closed.

    Holds the session, never the Client: a Client that nobody holds any more must be free to go. The client id names the logger where it
    was ``chosen``, and is not a random one. ``not_sent``: as :class:`ConnectionWatch` has it.
    """

    def __init__(self, session: _core.Session, client_id: str, *, chosen: bool = True, not_sent: str = "") -> None:
        self._session = session
        self._stop = threading.Event()
        name = printable(client_id)
        logger = logging.getLogger("honeyframe")
        self.logger = ClientLogger(logger.getChild(name.replace(".", "_")) if chosen else logger, name)
        self._told = threading.RLock()  # one telling at a time, in order; a handler may ask for the ledger
        self._history = SessionHistory()
        self.connection = ConnectionWatch(name if chosen else None, not_sent)
        self.gaps = 0  # reconnects after which the broker had kept no session
        self._thread = threading.Thread(target=self._run, name="honeyframe-events", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, wait: float = 1.0) -> None:
        """Ends the thread, after what has happened so far is told. Any thread; idempotent."""
        self._stop.set()
        if self._thread.ident is not None and self._thread is not threading.current_thread():
            self._thread.join(wait)

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self._session.wait_event(_WAIT_SECONDS)
                if not self.drain() and self._session.info()["state"] == "closed":
                    return
                meter().tick()
            self.drain()
        except HoneyframeError as error:  # forked, or closed under our feet
            self.logger.debug("no more events: %s", error.message)
        finally:
            meter().settle(self._session)

    def drain(self) -> int:
        """Tells what has happened since the last call; how many events that was."""
        with self._told:
            events = self._session.take_events()
            lost = self._session.info().get("events_lost", 0) if events else 0  # the oldest of those before these
            self._history.note_lost(lost, until_ns=events[0].get("time_ns", 0) if events else 0)
            for event in events:
                self.connection.add(event)
                self._history.add(event)
                self._tell(event)
            return len(events)

    def history(self) -> list[LedgerRow]:
        """What has happened up to now, for the ledger."""
        with self._told:
            self.drain()
            return self._history.rows()

    def _tell(self, event: dict[str, Any]) -> None:
        kind = event["kind"]
        if kind == "gap":
            self.gaps += 1
        error = error_from_event(event)
        detail = event.get("detail", "")
        told = str(error) if error else ""
        if error and error.message in detail:  # not the same sentence twice
            told = told.removeprefix(error.message).strip()
        parts = [kind.replace("_", " "), detail, "; ".join(line.strip() for line in told.splitlines())]
        text = ": ".join(printable(part) for part in parts if part)
        warned = _WARNED if kind == "gap" else {}  # by every stream
        self.logger.log(_LEVELS.get(kind, logging.INFO), "%s", text, extra={"honeyframe_event": kind, **warned})


class StreamLog:
    """Tells a stream's changes of shape: each one logged, conflicts also as a warning, once for each kind and column.

    All that is new in one call of :meth:`tell` is one warning.
    """

    def __init__(
        self,
        logger: Teller,
        remedy: str = "the queue was full. Read faster, or give it more: max_queue_messages, max_queue_bytes; for latest max_topics",
        remedies: Mapping[str, str] | None = None,
    ) -> None:
        """``remedies`` are those of some causes, by their counter in ``stats()``; ``remedy`` is that of all others."""
        self.logger = logger
        self._remedy = remedy
        self._remedies = remedies or {}
        self._causes: dict[str, int] = {}
        self._told: set[tuple[str, str]] = set()
        self._gaps_told = 0
        self._dropped = 0
        self._dropping = False

    def tell(self, events: Iterable[tuple[str, str, str]]) -> None:
        conflicts: list[str] = []
        for kind, column, detail in events:
            text = f"{kind.replace('_', ' ')}: {printable(column)}" + (f": {printable(detail)}" if detail else "")
            conflict = kind in _CONFLICTS
            self.logger.info("%s", text, extra={"honeyframe_event": kind})
            if conflict and (kind, column) not in self._told:
                self._told.add((kind, column))
                conflicts.append(text)
        if conflicts:
            more = len(conflicts) - _MAX_CONFLICTS_TOLD
            warn(", ".join(conflicts[:_MAX_CONFLICTS_TOLD]) + (f" and {more} more" if more > 0 else ""), ConflictWarning)

    def tell_drops(self, counters: Mapping[str, int], *, idle: bool = False) -> None:
        """Warns once an episode: from the first drop that is seen to the first look without one, unless that look was ``idle``."""
        dropped = counters["dropped"]
        new = dropped - self._dropped
        if idle and new == 0:
            return
        episode_begins = new > 0 and not self._dropping
        self._dropped, self._dropping = dropped, new > 0
        remedy = self._remedy_of(new, counters)
        if episode_begins:
            text = f"{count_of(new, 'message')} dropped: {remedy}; stream.ledger() tells which"
            self.logger.warning("%s", text, extra={"honeyframe_event": "dropped", **_WARNED})
            warn(text, MessagesDroppedWarning)

    def _remedy_of(self, new: int, counters: Mapping[str, int]) -> str:
        """Of the causes of ``new`` drops, which are not asked for again."""
        causes = {name: counters.get(name, 0) for name in self._remedies}
        grown = {name: count - self._causes.get(name, 0) for name, count in causes.items() if count > self._causes.get(name, 0)}
        self._causes = causes
        found = [self._remedies[name] for name in grown]
        return "; ".join(found if found and new <= sum(grown.values()) else [self._remedy, *found])

    def tell_spool(self, events: Iterable[tuple[str, int, str]]) -> None:
        """Each is logged; those of a kind are one warning."""
        kinds: dict[str, list[str]] = {}
        for kind, _, detail in events:
            text = f"spool {kind.replace('_', ' ')}: {printable(detail)}"
            self.logger.warning("%s", text, extra={"honeyframe_event": f"spool_{kind}", **_WARNED})
            kinds.setdefault(kind, []).append(text)
        for first, *more in kinds.values():
            warn(first + (f"; and {len(more):,} more of the kind, which are logged" if more else ""), SpoolWarning)

    def tell_gaps(self, gaps: int) -> None:
        if gaps > self._gaps_told:
            self._gaps_told = gaps
            warn("the connection was lost and the broker kept no session: messages in between are missing", GapWarning)
