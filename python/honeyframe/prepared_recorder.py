"""PreparedRecorder: all of a recorder but the broker, checked and held, so that nothing is left that could refuse it once it is connected.

A broker that keeps a session sends what it has collected as soon as the session is there again. Whoever connects first, and only then finds
that another recorder is at work or that the disk is full, has taken messages that belong to a file, or has put the other recorder off the
broker. So the recording's lock, its manifest and its spool come first, and then the connection.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import os
import socket
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from .arguments import check_count, check_path
from .durations import Duration
from .durations import seconds as to_seconds
from .errors import HoneyframeError, InvalidArgumentError, SpoolInUseError
from .events import warn
from .keeping import Keeping
from .recorder_thread import RecorderThread, spooled_options
from .recording_errors import RecordingInUseError, RecordingWarning, storage_errors
from .recording_layout import SPOOL, Journal, Manifest, same_broker
from .recording_parts import check_parquet
from .recording_place import LocalPlace, Place, find_place, is_remote
from .recording_rows import TopicPattern, check_extraction, patterns_of
from .recording_writer import RecordingWriter, Rotation, RowOptions, check_compression
from .spool import holds_a_message
from .templates import overlap, read_topics, without_share

if TYPE_CHECKING:
    from .client import Client
    from .recorder import Recorder
    from .source import StreamPlan

_ID_FILE: Final = "recorder"  # in the spool's directory: whose it is


@dataclass(frozen=True, slots=True, kw_only=True)
class RecorderOptions:
    """What :meth:`honeyframe.Client.record` takes, as it was given."""

    patterns: Sequence[str] | None
    raw: bool
    rotate_rows: int
    rotate_bytes: int
    rotate_seconds: Duration
    compression: str
    spool: Any
    takeover: bool
    storage_options: Mapping[str, Any] | None
    extraction: Mapping[str, Any]
    stream_options: Mapping[str, Any]


def recorder_options(given: Mapping[str, Any]) -> RecorderOptions:
    """Of the keywords of :meth:`honeyframe.Client.record`, whose defaults are of those that are missing: its own, those of the stream that
    writes the spool, and the extraction's."""
    defaults = Keeping.record.__kwdefaults__ or {}
    known = {name: given.get(name, default) for name, default in defaults.items()}
    own = {name: known.pop(name) for name in RecorderOptions.__dataclass_fields__ if name in known}
    extraction = {name: value for name, value in given.items() if name not in defaults}
    return RecorderOptions(**own, stream_options=known, extraction=extraction)


class PreparedRecorder:
    """Has the recording and its spool for itself, until :meth:`start` gives them to a recorder, or :meth:`close`."""

    def __init__(self, writer: RecordingWriter, plan: StreamPlan, spool: Path, topics: Sequence[str], left: Sequence[str]) -> None:
        self._writer = writer
        self._plan = plan
        self._spool = spool
        self._topics = topics
        self._left = left  # filters that the kept session is subscribed to, and nobody wants any more
        self._is_held = True

    def start(self, client: Client, *, owned: bool = False) -> Recorder:
        """Subscribes, and records from then on. ``owned``: the recorder closes the client at its end."""
        from .recorder import Recorder
        from .source import open_stream

        self._is_held = False
        try:
            stream = open_stream(client, self._plan, lasting=True)  # lets go of the spool where it fails
            try:
                self._leave(client)
            except BaseException:
                stream.close()
                raise
        except BaseException:
            self._writer.close()
            raise
        thread = RecorderThread(self._spool, self._writer, stream=stream, session_ended=lambda: client.closed)
        thread.start()
        return Recorder(client, stream, thread, self._writer.place, self._topics, owned=owned)

    def _leave(self, client: Client) -> None:
        """Where the recording was taken over with other topics: the broker collects for the former ones no longer."""
        if not self._left:
            return
        named = ", ".join(self._left)
        try:
            stream = client.stream(*self._left, qos=0, retained="skip")
            stream.close(unsubscribe=True)
        except HoneyframeError as error:  # what is left is told again at the next start
            warn(f"the broker's session goes on collecting {named}, which is no longer recorded: {error.message}", RecordingWarning)
            return
        self._writer.set_manifest(replace(self._writer.manifest, subscribed=list(self._plan.filters)))
        warn(f"{named} was unsubscribed from: what the broker had kept of it for this recording is dropped", RecordingWarning)

    def close(self) -> None:
        """Lets go of what :meth:`start` has not taken. Idempotent."""
        if self._is_held:
            self._is_held = False
            self._plan.entrance.close()
            self._writer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def prepare(broker: str, path: Any, topics: Sequence[str], options: RecorderOptions, *, session: str = "") -> PreparedRecorder:
    """Everything that can be refused without a broker is refused here.

    Args:
        broker: its address, without credentials.
        session: the client id of the session that the broker keeps for this recorder; "" where it keeps none.
    """
    check_parquet()
    check_extraction(options.extraction)
    rows = RowOptions(
        patterns_of(topics, options.patterns),
        options.extraction,
        raw=options.raw,
        retained=options.stream_options["retained"],
        compression=check_compression(options.compression),
    )
    rotation = Rotation(
        check_count("rotate_rows", options.rotate_rows, 1),
        check_count("rotate_bytes", options.rotate_bytes, 1),
        to_seconds(options.rotate_seconds, "rotate_seconds"),
    )
    _check_patterns(topics, options.patterns or ())
    scratch = _scratch_of(str(path)) if is_remote(path) else None
    place = find_place(path, storage_options=options.storage_options, scratch=scratch)
    spool = check_path("spool", options.spool).absolute() if options.spool is not None else _default_spool(place, scratch)
    writer = RecordingWriter(place, rows, rotation)
    writer.open()
    try:
        return _prepared(writer, broker, topics, rows, options, spool, session)
    except BaseException:
        writer.close()
        raise


def _check_patterns(topics: Sequence[str], patterns: Sequence[str]) -> None:
    filters = [TopicPattern.of(topic).filter for topic in topics]
    for pattern in patterns:
        own = TopicPattern.of(pattern).filter
        if not any(overlap(own.split("/"), one.split("/")) for one in filters):
            raise InvalidArgumentError(f"the pattern {pattern!r} has no topic of what is recorded: {', '.join(topics)}")


def _prepared(
    writer: RecordingWriter, broker: str, topics: Sequence[str], rows: RowOptions, options: RecorderOptions, spool: Path, session: str
) -> PreparedRecorder:
    before = writer.manifest
    spool_id = _spool_id(spool)
    writer.check_owner(broker=broker, spool_id=spool_id, takeover=options.takeover)
    filters = read_topics(topics).filters
    left = left_filters(before, broker, session, filters)
    if left and not options.takeover:
        raise _left_error(writer.place.shown, left)
    manifest = replace(
        before,
        broker=broker,
        topics=list(topics),
        patterns=[one.name for one in rows.patterns],
        extraction=portable(rows.extraction),
        raw=rows.raw,
        retained=rows.retained,
        spool=_relative(spool, writer.place),
        host=socket.gethostname(),
        spool_id=spool_id,
        session=session,
        subscribed=[*filters, *left] if session else [],
        left_spools=_left_spools(before, writer.journal),
    )
    manifest = replace(manifest, offset=_offset(writer.journal, manifest))
    begin = max(1, writer.journal.last - manifest.offset + 1)
    plan = _plan(topics, spool, begin, options.stream_options)
    try:
        assert plan.spool is not None
        if plan.spool.first_sequence < begin:  # its numbers have begun anew
            manifest = replace(manifest, offset=writer.journal.last)
        if before.spool_id:
            _tell_stranded(writer.place, before, manifest)
        writer.begin(manifest)
    except BaseException:
        plan.entrance.close()
        raise
    return PreparedRecorder(writer, plan, spool, topics, left)


def _plan(topics: Sequence[str], spool: Path, begin: int, stream_options: Mapping[str, Any]) -> StreamPlan:
    from .source import plan_with_defaults

    try:
        return plan_with_defaults(topics, spooled_options(**stream_options, spool=spool, spool_from=begin))
    except SpoolInUseError as error:
        raise RecordingInUseError(
            f"the spool {spool} is still being written: {error.message}",
            hint="Where the broker keeps the session, a recorder that was stopped goes on spooling for the next run, until its client is "
            "closed: client.close(), connect again, and record. Another recording needs a spool of its own.",
        ) from None


# --- which session


def left_filters(before: Manifest, broker: str, session: str, filters: Sequence[str]) -> list[str]:
    """Filters that this session is subscribed to from an earlier run, and of which ``filters`` do not have all topics."""
    if not session or before.session != session or not same_broker(before.broker, broker):
        return []
    wanted = [without_share(one) for one in filters]
    return [one for one in before.subscribed if not any(covers(other, without_share(one)) for other in wanted)]


def covers(one: str, other: str) -> bool:
    """Whether the filter ``one`` matches all that ``other`` does.

    >>> covers("plant/#", "plant/+/t"), covers("plant/+/t", "plant/#"), covers("+/t", "+/t"), covers("#", "$SYS/#")
    (True, False, True, False)
    """
    mine, others = one.split("/"), other.split("/")
    if others[0].startswith("$") and mine[0] in ("#", "+"):
        return False
    for place, level in enumerate(mine):
        if level == "#":
            return True
        if place >= len(others) or others[place] == "#" or (level != "+" and level != others[place]):
            return False
    return len(mine) == len(others)


def _left_error(place: str, left: Sequence[str]) -> RecordingInUseError:
    named = ", ".join(left)
    return RecordingInUseError(
        f"{place} was recorded with {named}, for which the broker may have kept messages: without {named} they would be lost",
        hint="Record these topics as well, or choose another path; takeover=True (--takeover) drops them, and unsubscribes.",
    )


# --- which spool


def _scratch_of(address: str) -> Path:
    from .directories import data_directory

    return data_directory() / "recordings" / hashlib.sha256(address.rstrip("/").encode()).hexdigest()[:16]


def _default_spool(place: Place, scratch: Path | None) -> Path:
    if isinstance(place, LocalPlace):
        return place.path / SPOOL
    assert scratch is not None
    return scratch / "spool"


def _spool_id(spool: Path) -> str:
    """Of the spool at this path; a new one where there is none."""
    file = spool / _ID_FILE
    with storage_errors("make", str(spool)):
        spool.parent.mkdir(parents=True, exist_ok=True)
        spool.mkdir(mode=0o700, exist_ok=True)
        try:
            return file.read_text().strip()
        except FileNotFoundError:
            made = uuid.uuid4().hex
            file.write_text(made)
            return made


def _left_spools(before: Manifest, journal: Journal) -> dict[str, int]:
    """Of each spool that was used, the number up to which it is in the files: for whoever comes back to it."""
    return {**before.left_spools, **({journal.spool_id: journal.last - journal.offset} if journal.spool_id else {})}


def _offset(journal: Journal, manifest: Manifest) -> int:
    if journal.spool_id in ("", manifest.spool_id):
        return journal.offset
    return journal.last - manifest.left_spools.get(manifest.spool_id, 0)


def _tell_stranded(place: Place, before: Manifest, manifest: Manifest) -> None:
    """Where the spool that is left, if it is here, has messages that are in no file."""
    if before.host != manifest.host or before.spool == manifest.spool:
        return
    left = place.path / before.spool if isinstance(place, LocalPlace) else Path(before.spool)
    if holds_a_message(left, manifest.left_spools.get(before.spool_id, 0) + 1):
        warn(
            f"{place.shown}: the spool {left} has messages that are in no file yet, and stay there: go on with that one, "
            "and they are written; with another they are when you come back to it",
            RecordingWarning,
        )


def _relative(spool: Path, place: Place) -> str:
    if isinstance(place, LocalPlace):
        with contextlib.suppress(ValueError):
            return os.fspath(spool.relative_to(place.path))
    return os.fspath(spool)


# --- how


def portable(extraction: Mapping[str, Any]) -> dict[str, Any]:
    """Options of the extraction as JSON has them, for whoever follows the recording."""
    from .schema import Schema

    plain: dict[str, Any] = {}
    for name, value in extraction.items():
        if name == "schema" and value is not None:
            plain[name] = {column.name: [column.path, column.type] for column in Schema(value)}
        elif isinstance(value, datetime.tzinfo):
            key = getattr(value, "key", None)
            if key is None:
                raise InvalidArgumentError(f'tz= of a recording is the name of a zone, such as "Europe/Berlin"; found {value!r}')
            plain[name] = key
        elif value is None or isinstance(value, (str, bool, int, float)):
            plain[name] = value
        else:
            plain[name] = [str(one) for one in value]
    return plain
