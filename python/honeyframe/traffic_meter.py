"""The usage meter: what this process's sessions have moved goes into the book, at least every half minute and when a session ends.

Called from each session's events thread and from ``connect``; it has no thread of its own. Nothing that goes wrong with the file ever
reaches a stream: it is told once, as a UsageWarning and a log record, and what could not be written is tried again with the next.
``HONEYFRAME_USAGE=off`` switches it off.
"""

from __future__ import annotations

import datetime
import logging
import os
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from .errors import HoneyframeError, InvalidArgumentError, UsageWarning
from .traffic_book import BYTES, Book, BookFile, DamagedBook, KeptSession, Month, to_text, to_time, utc_now
from .traffic_plan import ENOUGH_SECONDS, Plan, find_plan, month_of, project
from .user_files import NoHomeError

if TYPE_CHECKING:
    from . import _core
    from .uri import Address

SWITCH_VARIABLE: Final = "HONEYFRAME_USAGE"
_INTERVAL: Final = 30.0
_FIRST: Final = 5.0  # a new session's first writing
_MOST_UNWRITTEN: Final = 100  # sessions that stay, where nothing can be written
_PATIENCE: Final = 2.0  # with other processes that write
_MIN_RUN_SECONDS: Final = 120.0  # a process younger than this warns of no projection

_log = logging.getLogger("honeyframe.usage")


def is_on() -> bool:
    """Whether ``HONEYFRAME_USAGE`` leaves it on."""
    return os.environ.get(SWITCH_VARIABLE, "").strip().lower() not in {"off", "0", "no", "false"}


@dataclass(slots=True)
class _Watched:
    """One session, and what of it is in the book or on its way there."""

    session: _core.Session
    host: str
    uri: str
    loopback: bool
    clean_start: bool
    session_expiry: float
    counted: dict[str, int] = field(default_factory=dict)
    connects: int = 0
    closed: bool = False
    connected: bool = False
    was_connected: bool = False  # at some time since it was last looked at
    kept: KeptSession | None = None  # as it goes into the book next
    ended: tuple[str, str, str] | None = None  # a session that the broker has forgotten, by its key


class Meter:
    """One a process. Any thread."""

    def __init__(self) -> None:
        self._lock = threading.RLock()  # of what follows
        self._writing = threading.Lock()  # one writer at a time, in order
        self._watched: list[_Watched] = []
        self._pending: dict[tuple[str, str], Month] = {}
        self._due = 0.0
        self._told: set[str] = set()
        self._pid = os.getpid()
        self._begin = time.monotonic()
        self._name = f"{os.getpid()}-{os.urandom(4).hex()}"

    def watch(self, session: _core.Session, address: Address, *, clean_start: bool, session_expiry: float) -> None:
        """From now on this session is counted. Before it connects: what a failed connection moves counts as well."""
        if not is_on():
            return
        new = _Watched(session, address.host, address.display, address.is_loopback, clean_start, session_expiry)
        with self._lock:
            self._watched.append(new)
            self._due = min(self._due, time.monotonic() + _FIRST) if len(self._watched) > 1 else time.monotonic() + _FIRST

    def connected(self, session: _core.Session) -> None:
        """A session that the broker will keep is written down at once: it counts from now on, whatever becomes of this process."""
        with self._lock:
            kept = any(one.session is session and (one.session_expiry > 0 or not one.clean_start) for one in self._watched)
        if kept:
            self.write()

    def tick(self) -> None:
        """Writes, if it is time to."""
        if self._watched and time.monotonic() >= self._due:
            self.write()

    def write(self, *, sync: bool = True, patience: float = _PATIENCE) -> None:
        """Puts into the book what was not there yet; others who write are waited for with ``patience``. Raises nothing."""
        if os.getpid() != self._pid:  # a fork: its sessions are the parent's
            return
        if not self._writing.acquire(timeout=patience):
            return  # what is new will be in the next
        try:
            self._write(sync, patience)
        except Exception as error:  # whatever it is: no stream may end for it
            self._tell("write", f"usage is not kept: {_reason(error)}. What is sent and received goes on, and counts in stats()")
        finally:
            self._writing.release()

    def _write(self, sync: bool, patience: float) -> None:
        now = utc_now()
        with self._lock:
            self._due = time.monotonic() + _INTERVAL
            self._sample(now)
            months, self._pending = self._pending, {}
            watched = list(self._watched)
            self._watched = [one for one in watched if not one.closed]
        if not months and not watched:
            return
        book = BookFile()

        def change(content: Book) -> None:
            self._enter(content, months, watched, now)

        try:
            try:
                written = book.update(change, wait=patience, sync=sync)
            except DamagedBook as error:
                aside = book.set_aside(wait=patience)
                where = f"; it is kept as {aside}" if aside else ""
                self._tell("damaged", f"the book of usage at {book.path} is damaged, and begun anew: {error.message}{where}")
                written = book.update(change, wait=patience, sync=sync)
        except BaseException:
            with self._lock:
                for key, month in months.items():
                    _add(self._pending.setdefault(key, Month()), month)
                self._watched += [one for one in watched if one.closed and (one.kept is not None or one.ended is not None)][
                    -_MOST_UNWRITTEN:
                ]
            raise
        hosts = {one.host: one.loopback for one in watched}
        self._warn_of_plans(book, written, hosts, now)

    def settle(self, session: _core.Session) -> None:
        """A session has ended: what it moved last is written."""
        with self._lock:
            known = any(one.session is session for one in self._watched)
        if known:
            self.write(sync=False)

    # --- what is counted

    def _sample(self, now: datetime.datetime) -> None:
        for one in self._watched:
            try:
                info = one.session.info()
            except HoneyframeError:
                one.closed = True
                continue
            new = {name: max(0, info[name] - one.counted.get(name, 0)) for name in BYTES}
            connects = max(0, info["connects"] - one.connects)
            one.counted = {name: info[name] for name in BYTES}
            one.connects = info["connects"]
            one.connected = info["state"] == "connected"
            one.was_connected = one.connected or connects > 0
            one.closed = info["state"] == "closed"
            if any(new.values()) or connects:
                month = self._pending.setdefault((one.host, month_of(now)), Month())
                estimated = 0 if info["bytes_are_exact"] else new["wire_bytes_in"] + new["wire_bytes_out"]
                stamp = to_text(now)
                _add(month, Month(**new, estimated_bytes=estimated, connects=connects, first=stamp, last=stamp))
            self._note_kept(one, info, connects, now)

    @staticmethod
    def _note_kept(one: _Watched, info: dict[str, Any], connects: int, now: datetime.datetime) -> None:
        if not info["connects"]:
            return
        expiry: int | None = None
        if info["protocol"] == "5.0":
            granted = info["server_session_expiry"]
            expiry = round(min(one.session_expiry, 0xFFFF_FFFF)) if granted is None else granted
            keeps = expiry > 0
        else:
            keeps = not one.clean_start
        if one.closed and (info.get("last_error") or {}).get("code") == "session_taken_over":
            one.kept = None  # whoever has it now knows whether it stays
        elif not keeps:
            one.ended = (one.host, one.uri, info["client_id"])
        elif one.connected or connects or one.kept is None or one.kept.connected:
            one.kept = KeptSession(one.host, one.uri, info["client_id"], info["protocol"], expiry, to_text(now), one.connected)

    def _enter(self, book: Book, months: dict[tuple[str, str], Month], watched: list[_Watched], now: datetime.datetime) -> None:
        for (host, name), month in months.items():
            _add(book.month(host, name), month)
        open_now: dict[str, int] = {}
        for one in watched:
            if one.connected:
                open_now[one.host] = open_now.get(one.host, 0) + 1
            if one.ended is not None:
                book.forget(one.ended)
            if one.kept is not None:
                book.keep(one.kept)
        if open_now:
            book.processes[self._name] = {"at": to_text(now), "brokers": open_now}
        else:
            book.processes.pop(self._name, None)
        book.drop_stale(now)
        for host in {one.host for one in watched}:
            if (month_now := book.brokers.get(host, {}).get(month_of(now))) is not None:
                gone = sum(1 for one in watched if one.host == host and one.was_connected and not one.connected and one.kept is None)
                month_now.most_sessions = max(month_now.most_sessions, book.sessions_now(host, now) + gone)

    # --- what is told

    def _warn_of_plans(self, file: BookFile, book: Book, hosts: dict[str, bool], now: datetime.datetime) -> None:
        """Once a day over all processes, and once a process."""
        for host, loopback in hosts.items():
            month = book.brokers.get(host, {}).get(month_of(now))
            if month is None or month.warned == to_text(now)[:10] or f"plan {host}" in self._told:
                continue
            try:
                plan = find_plan(host, loopback=loopback)
            except (InvalidArgumentError, NoHomeError) as error:
                self._tell("plan", f"no plan is known: {error.message}")
                return
            text = None if plan is None else self._excess(host, month, plan, book.sessions_now(host, now), now)
            if text is None:
                continue
            file.update(lambda content, host=host: _note_warned(content.month(host, month_of(now)), now), wait=_PATIENCE)  # type: ignore[misc]
            self._tell(f"plan {host}", text)

    def _excess(self, host: str, month: Month, plan: Plan, sessions: int, now: datetime.datetime) -> str | None:
        """What is too much, in a sentence; None where nothing is."""
        tail = 'honeyframe usage shows it; a bigger plan is set in plans.toml or HONEYFRAME_PLAN="50GB, 500"'
        if plan.connections is not None and sessions > plan.connections:
            count = f"{sessions} sessions of ours, and the plan has {plan.connections}"
            return f"{host}: {count}. honeyframe usage --sessions lists those without a connection; {tail}"
        if plan.bytes is None:
            return None
        used = month.wire_bytes
        if used >= plan.bytes:
            return f"{host}: {size_text(used)} this month, and the plan has {size_text(plan.bytes)}; {tail}"
        if time.monotonic() - self._begin < _MIN_RUN_SECONDS:
            return None
        projected = project(used, month_of(now), to_time(month.first), now)
        if projected is None or projected < plan.bytes:
            return None
        watched = max((now - to_time(month.first)).total_seconds(), ENOUGH_SECONDS)
        left = (plan.bytes - used) / (used / watched)
        pace = f"at this pace the plan's {size_text(plan.bytes)} are used up in {time_text(left)}"
        return f"{host}: {size_text(used)} so far this month; {pace}; {tail}"

    def _tell(self, about: str, text: str) -> None:
        """Once a process."""
        with self._lock:
            if about in self._told:
                return
            self._told.add(about)
        from .events import printable, warn

        _log.warning("%s", printable(text), extra={"honeyframe_event": "usage", "honeyframe_warned": True})
        try:
            warn(printable(text), UsageWarning)
        except Warning:  # made an error by a filter: it must not end a session's thread
            _log.debug("the warning was an error here")


def _note_warned(month: Month, now: datetime.datetime) -> None:
    month.warned = to_text(now)[:10]


def _add(to: Month, more: Month) -> None:
    for name in (*BYTES, "estimated_bytes", "connects"):
        setattr(to, name, getattr(to, name) + getattr(more, name))
    to.first = min(filter(None, (to.first, more.first)), default="")
    to.last = max(to.last, more.last)


def _reason(error: Exception) -> str:
    if isinstance(error, HoneyframeError):
        return f"{error.message}. {error.hint}".rstrip(". ")
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error)
    return str(error)


def size_text(size: float) -> str:
    """``1.5 GB``: decimal, as plans are written.

    >>> size_text(999), size_text(1_500), size_text(10**10)
    ('999 B', '1.5 kB', '10 GB')
    """
    units = ["B", "kB", "MB", "GB", "TB"]
    while abs(size) >= 999.5 and len(units) > 1:
        size /= 1000
        units.pop(0)
    return f"{size:.3g} {units[0]}" if units[0] != "B" else f"{size:.0f} B"


def time_text(seconds: float) -> str:
    """``3 hours``, ``2 days``."""
    for unit, length in (("day", 86_400.0), ("hour", 3_600.0), ("minute", 60.0)):
        if seconds >= 1.5 * length or unit == "minute":
            count = max(1, round(seconds / length))
            return f"{count} {unit}{'' if count == 1 else 's'}"
    raise AssertionError(seconds)


_meter = Meter()


def meter() -> Meter:
    """The process's own."""
    return _meter


def _renew() -> None:
    """In a child of fork(): the parent's sessions are not its own, nor are locks that a thread of the parent held."""
    global _meter
    _meter = Meter()


os.register_at_fork(after_in_child=_renew)
