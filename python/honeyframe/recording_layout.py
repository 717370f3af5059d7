"""How a recording lies on the disk or in a store: the names of its files, its manifest and its journal.

    recording/
      recv_day=2026-11-26/topic_pattern=plant%2F%7Bline%7D%2Ftelemetry/00…01-00…99.1a2b3c4d.parquet
      _honeyframe/manifest.json   what is recorded here, and how; written at each start
      _honeyframe/journal.json    the last commit: everything up to its last number is in the files, nothing else is
      _honeyframe/columns.json    the columns and types known of each pattern, for the next run
      _honeyframe/stage/          files that are being written: no part of the recording
      _honeyframe/spool/          messages that are not in a file yet (docs/spooling.md)
      _honeyframe/lock            one recorder at a time

The journal is the commit. It is written, whole, when all files of a cut lie complete in the stage, and names them; they get their own
names afterwards, by whoever comes next where a crash came between.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final, Self
from urllib.parse import quote, unquote, urlsplit

from .recording_errors import NotARecordingError
from .uri import is_loopback

OWN: Final = "_honeyframe"
MANIFEST: Final = f"{OWN}/manifest.json"
JOURNAL: Final = f"{OWN}/journal.json"
DAY: Final = "recv_day"  # columns of the partitions; payloads have hardly one of that name
PATTERN: Final = "topic_pattern"
COLUMNS: Final = f"{OWN}/columns.json"
STAGE: Final = f"{OWN}/stage"
LOCK: Final = f"{OWN}/lock"
SPOOL: Final = f"{OWN}/spool"
METADATA_KEY: Final = b"honeyframe"  # of a Parquet file's metadata
FORMAT: Final = "honeyframe recording"
VERSION: Final = 1

_LONGEST_FOLDER: Final = 200  # bytes of a name; file systems take 255
DAY_NS: Final = 86_400_000_000_000
_PART: Final = re.compile(r"(?P<first>\d{20})-(?P<last>\d{20})\.(?P<tail>[0-9a-f]{8}(-\d+)?)\.parquet")
_FOLDERS: Final = re.compile(r"recv_day=(?P<day>-?\d{4,6}-\d\d-\d\d)/topic_pattern=(?P<pattern>[^/]+)/(?P<name>[^/]+)")


@dataclass(frozen=True, slots=True)
class PartName:
    """What the name of a file of the recording says.

    Attributes:
        path: below the recording.
        day: UTC, of when its messages were received.
        pattern: of topics; of a very long one its beginning and a hash, as ``folder_of`` makes it.
        first, last: the numbers of the cut that it is of: it has some of the messages from first to last.
    """

    path: str
    day: str
    pattern: str
    first: int
    last: int

    @classmethod
    def parse(cls, path: str) -> PartName | None:
        """None for what is no file of a recording."""
        folders = _FOLDERS.fullmatch(path)
        name = _PART.fullmatch(folders["name"]) if folders else None
        if folders is None or name is None:
            return None
        return cls(path, folders["day"], unquote(folders["pattern"]), int(name["first"]), int(name["last"]))


def folder_of(pattern: str) -> str:
    """A pattern of topics as one name of a folder: no topic is ever a path.

    >>> folder_of("plant/{line}/../t")
    'plant%2F%7Bline%7D%2F%2E%2E%2Ft'
    """
    name = quote(pattern, safe="").replace(".", "%2E").replace("~", "%7E")
    if len(name) <= _LONGEST_FOLDER:
        return name
    return f"{re.sub('%.?$', '', name[:_LONGEST_FOLDER])}~{_hash(pattern)}"


def part_path(day: str, pattern: str, first: int, last: int, number: int) -> str:
    """Of the ``number``-th file, from 0, of a day and pattern in the cut from ``first`` to ``last``. No two cuts have the same."""
    tail = _hash(pattern) + (f"-{number}" if number else "")
    return f"{DAY}={day}/{PATTERN}={folder_of(pattern)}/{first:020d}-{last:020d}.{tail}.parquet"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def day_of(time_ns: int) -> str:
    """The day, in UTC, of a time in nanoseconds since 1970.

    >>> day_of(1_795_651_199_999_999_999)
    '2026-11-25'
    """
    return (datetime.date(1970, 1, 1) + datetime.timedelta(days=time_ns // DAY_NS)).isoformat()


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is recorded, and how.

    Attributes:
        id: of the recording, for ever.
        broker: its address, without credentials; "" where it does not come from one.
        topics, patterns: filters or templates.
        extraction: options of :func:`honeyframe.extract` that files say.
        raw: whether every message's payload is kept.
        spool, host: where the spool is (relative to the recording where it lies in it), and on which machine.
        spool_id: of the spool, and so of the recorder.
        offset: what is added to the spool's numbers.
        left_spools: by their ids, up to which number of theirs earlier spools are in the files.
        session, subscribed: the client id of the session that the broker keeps, and the filters that it may be subscribed to.
    """

    id: str
    created: str
    broker: str = ""
    topics: Sequence[str] = ()
    patterns: Sequence[str] = ()
    extraction: Mapping[str, Any] = field(default_factory=dict)
    raw: bool = True
    retained: str = "include"
    spool: str = ""
    host: str = ""
    spool_id: str = ""
    offset: int = 0
    left_spools: Mapping[str, int] = field(default_factory=dict)
    session: str = ""
    subscribed: Sequence[str] = ()

    def to_bytes(self) -> bytes:
        return _to_bytes({"format": FORMAT, "version": VERSION, **asdict(self)})

    @classmethod
    def from_bytes(cls, content: bytes, place: str) -> Self:
        found = _from_bytes(content, place)
        names = cls.__dataclass_fields__
        return cls(**{name: value for name, value in found.items() if name in names})


@dataclass(frozen=True, slots=True)
class JournalPart:
    """A file of the last commit: its name in the stage, and its own."""

    staged: str
    path: str
    rows: int
    size: int


@dataclass(frozen=True, slots=True)
class Journal:
    """The last commit, and sums over all of them.

    Attributes:
        first, last: the numbers of its messages; up to ``last`` everything is in the files. 0: nothing was committed.
        spool_id, offset: of the spool they come from; the spool's own number is ``last - offset``.
        messages, rows, files, size: of all commits; bytes.
        time: when it was made.
    """

    first: int = 0
    last: int = 0
    spool_id: str = ""
    offset: int = 0
    messages: int = 0
    rows: int = 0
    files: int = 0
    size: int = 0
    cuts: int = 0
    time: str = ""
    parts: Sequence[JournalPart] = ()

    def to_bytes(self) -> bytes:
        return _to_bytes({"format": FORMAT, "version": VERSION, **asdict(self)})

    @classmethod
    def from_bytes(cls, content: bytes, place: str) -> Self:
        found = _from_bytes(content, place)
        names = cls.__dataclass_fields__
        journal = cls(**{name: value for name, value in found.items() if name in names})
        try:
            return replace(journal, parts=[JournalPart(**part) for part in found.get("parts", ())])
        except TypeError:
            raise _damaged(place) from None


def _to_bytes(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, indent=1, ensure_ascii=True).encode()


def _from_bytes(content: bytes, place: str) -> dict[str, Any]:
    try:
        found = json.loads(content)
        if not isinstance(found, dict) or found["format"] != FORMAT:
            raise ValueError
        version = int(found["version"])
    except (ValueError, KeyError, TypeError):
        raise _damaged(place) from None
    if version > VERSION:
        raise NotARecordingError(
            f"{place} is of version {version}, and this honeyframe knows {VERSION}", hint="Upgrade honeyframe to read it."
        )
    return found


def _damaged(place: str) -> NotARecordingError:
    way_out = (
        "Restore it, or delete it: then the names of the files say how far they go."
        if place.endswith(JOURNAL)
        else "Restore it from a backup, or record to another path. The Parquet files are readable all the same, by any of their readers."
    )
    return NotARecordingError(f"{place} is damaged, or of something else: it does not read as a honeyframe recording's", hint=way_out)


def same_host(one: str, other: str) -> bool:
    """By the hosts of two addresses: of one broker, perhaps by another of its ports; "" is none. This machine has several names."""
    return bool(one and other) and _host(one) == _host(other)


def same_broker(one: str, other: str) -> bool:
    """By host and port: another port may be another broker."""
    return same_host(one, other) and urlsplit(one).port == urlsplit(other).port


def _host(address: str) -> str:
    host = urlsplit(address).hostname or ""
    return "localhost" if is_loopback(host) else host


def now_text() -> str:
    """The time, in UTC."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
