"""The book of what was used: a small JSON file in the user's data directory, which every process adds to.

Written under a lock, to a new file that then takes the old one's place: no reader sees half of it, and processes that write at once lose
nothing. Whatever is wrong with it is an exception here; that it never stops a stream is seen to by who calls (``traffic_meter``).
"""

from __future__ import annotations

import contextlib
import datetime
import errno
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from .directories import data_directory
from .errors import HoneyframeError
from .user_files import give_name

BYTES: Final = ("mqtt_bytes_in", "mqtt_bytes_out", "wire_bytes_in", "wire_bytes_out")
_VERSION: Final = 1
_NAME: Final = "usage.json"
_LOCK_STEP: Final = 0.005
_FRESH_SECONDS: Final = 120.0  # a process that has not written for so long has gone
NEVER: Final = 0xFFFF_FFFF  # a session expiry (MQTT 5.0, 3.1.2.11.2)


class DamagedBook(HoneyframeError, ValueError):
    """It is not what we write."""

    code = "usage_damaged"


def utc_now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC).replace(microsecond=0)


def to_text(moment: datetime.datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def to_time(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text)


@dataclass(slots=True)
class Month:
    """A broker's month."""

    mqtt_bytes_in: int = 0
    mqtt_bytes_out: int = 0
    wire_bytes_in: int = 0
    wire_bytes_out: int = 0
    estimated_bytes: int = 0  # of those on the wire, what was not counted but estimated
    connects: int = 0
    most_sessions: int = 0
    first: str = ""
    last: str = ""
    warned: str = ""  # the day of the last warning

    @property
    def wire_bytes(self) -> int:
        return self.wire_bytes_in + self.wire_bytes_out


@dataclass(slots=True)
class KeptSession:
    """A session that the broker keeps for us after the connection: it counts as one until it expires or is ended."""

    broker: str
    uri: str  # without credentials
    client_id: str
    protocol: str
    expiry_seconds: int | None  # None: as long as the broker likes (before MQTT 5)
    last_connected: str
    connected: bool = False  # as of last_connected

    @property
    def key(self) -> tuple[str, str, str]:
        return self.broker, self.uri, self.client_id

    def expires(self) -> datetime.datetime | None:
        """When the broker forgets it, if nobody connects. None: never, or nobody knows."""
        if self.expiry_seconds is None or self.expiry_seconds >= NEVER:
            return None
        return to_time(self.last_connected) + datetime.timedelta(seconds=self.expiry_seconds)

    def is_gone(self, now: datetime.datetime) -> bool:
        expires = self.expires()
        return not self.is_connected(now) and expires is not None and expires <= now

    def is_connected(self, now: datetime.datetime) -> bool:
        """A process that crashed has not said that it is not."""
        return self.connected and (now - to_time(self.last_connected)).total_seconds() < _FRESH_SECONDS


@dataclass(slots=True)
class Book:
    """What the file holds."""

    brokers: dict[str, dict[str, Month]] = field(default_factory=dict)
    kept: list[KeptSession] = field(default_factory=list)
    processes: dict[str, dict[str, Any]] = field(default_factory=dict)  # who is connected where, and when that was written

    def month(self, host: str, month: str) -> Month:
        return self.brokers.setdefault(host, {}).setdefault(month, Month())

    def keep(self, session: KeptSession) -> None:
        self.forget(session.key)
        self.kept.append(session)

    def forget(self, key: tuple[str, str, str]) -> None:
        self.kept = [one for one in self.kept if one.key != key]

    def drop_stale(self, now: datetime.datetime) -> None:
        self.kept = [one for one in self.kept if not one.is_gone(now)]
        fresh = {name: one for name, one in self.processes.items() if (now - to_time(one["at"])).total_seconds() < _FRESH_SECONDS}
        self.processes = fresh

    def sessions_now(self, host: str, now: datetime.datetime) -> int:
        """Connections of all our processes, and the sessions that are kept without one."""
        connected = sum(int(one["brokers"].get(host, 0)) for one in self.processes.values())
        return connected + sum(1 for one in self.kept if one.broker == host and not one.is_connected(now))

    def to_json(self) -> str:
        content = {
            "version": _VERSION,
            "brokers": {host: {name: asdict(month) for name, month in months.items()} for host, months in self.brokers.items()},
            "kept": [asdict(one) for one in self.kept],
            "processes": self.processes,
        }
        return json.dumps(content, indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Book:
        """Raises DamagedBook."""
        try:
            content = json.loads(text)
            if content["version"] != _VERSION:
                raise DamagedBook(f"it is of version {content['version']!r}, and this honeyframe knows {_VERSION}")
            brokers = {
                host: {name: _checked(Month(**month)) for name, month in months.items() if _is_month(name)}
                for host, months in content["brokers"].items()
            }
            kept = [KeptSession(**one) for one in content["kept"]]
            for one in kept:
                to_time(one.last_connected)
            processes = {name: {"at": one["at"], "brokers": dict(one["brokers"])} for name, one in content["processes"].items()}
            for one_process in processes.values():
                to_time(one_process["at"])
        except DamagedBook:
            raise
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise DamagedBook(f"{type(error).__name__}: {error}") from None
        return cls(brokers, kept, processes)


def _is_month(name: str) -> bool:
    if len(name) == 7 and name[4] == "-" and name[:4].isdecimal() and name[5:].isdecimal() and 1 <= int(name[5:]) <= 12:
        return True
    raise DamagedBook(f"{name!r} is no month")


def _checked(month: Month) -> Month:
    for name in (*BYTES, "estimated_bytes", "connects", "most_sessions"):
        value = getattr(month, name)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise DamagedBook(f"{name} is {value!r}")
    for text in (month.first, month.last):
        if text:
            to_time(text)
    return month


class BookFile:
    """The file. Any thread, any number of processes."""

    def __init__(self, directory: Path | None = None) -> None:
        self.path = (directory or data_directory()) / _NAME

    def read(self) -> Book:
        """What is in it; an empty book where it is not there. Raises OSError, DamagedBook."""
        try:
            text = self.path.read_bytes()
        except FileNotFoundError:
            return Book()
        try:
            return Book.from_json(text.decode())
        except UnicodeDecodeError as error:
            raise DamagedBook(str(error)) from None

    def update(self, change: Callable[[Book], None], *, wait: float = 2.0, sync: bool = False) -> Book:
        """Reads it, applies ``change``, and puts the result in its place, alone among all processes.

        Raises:
            OSError: it cannot be read or written; TimeoutError where others held the lock for ``wait`` seconds.
            DamagedBook: nothing was changed. See :meth:`set_aside`.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._locked(wait):
            book = self.read()
            change(book)
            self._replace(book.to_json(), sync)
            return book

    def set_aside(self, *, wait: float = 2.0) -> Path | None:
        """Gives a damaged file another name, so that a new one can begin. None where somebody else has done so."""
        with self._locked(wait):
            try:
                self.read()
            except DamagedBook:
                pass
            else:
                return None
            for number in range(1, 1000):
                to = self.path.with_name(f"usage.damaged-{number}.json")
                with contextlib.suppress(FileExistsError):
                    give_name(self.path, to)
                    return to
            raise OSError(errno.EEXIST, "there are a thousand damaged files already", str(self.path.parent))

    def _replace(self, text: str, sync: bool) -> None:
        # A thread's own name: two may be at it where locks do not work (some network file systems).
        new = self.path.with_name(f".usage-{os.getpid()}-{threading.get_ident()}.tmp")
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                if sync:
                    os.fsync(file.fileno())
            new.replace(self.path)
        except BaseException:
            with contextlib.suppress(OSError):
                new.unlink()
            raise

    @contextlib.contextmanager
    def _locked(self, wait: float) -> Iterator[None]:
        import fcntl

        descriptor = os.open(self.path.with_name("usage.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            deadline = time.monotonic() + wait
            while True:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() >= deadline:
                        raise TimeoutError(errno.ETIMEDOUT, f"others held it for {wait:g} s", str(self.path)) from None
                    time.sleep(_LOCK_STEP)
            yield
        finally:
            os.close(descriptor)  # and with it the lock
