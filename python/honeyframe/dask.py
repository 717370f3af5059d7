"""hf.dask: reading on many machines. Each worker of a Dask cluster holds one session on a shared subscription, and writes a spool.

What comes out are Dask DataFrames whose partitions are ranges of those spools: they can be read again, by any worker, when one is lost. The
words for it are in docs/scale.md. Needs the extra ``dask``; ``import honeyframe`` does not import it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from .arguments import check_count, check_path
from .durations import Duration
from .durations import seconds as to_seconds
from .errors import InvalidArgumentError, NoMessagesWarning, SpoolError
from .events import warn

try:
    import dask.dataframe as dd
    import distributed
except ImportError as error:  # pragma: no cover - the tests have it
    raise ImportError("hf.dask needs Dask: pip install 'honeyframe[dask]'") from error

from .dask_directory import open_directory, read_ingest, seats_in, what_to_open
from .dask_parts import Part, joined, parts_of_spool
from .dask_setting import Setting, check_extraction, current_client, without_secrets
from .dask_stream import DaskRecorder, DaskStream, frame_of, warn_of_ends

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

__all__ = ["Account", "DaskRecorder", "DaskStream", "read_mqtt", "read_spool", "record", "stream"]

_PART_ROWS: Final = 50_000


class Account:
    """What all workers together did: ``stats``, a row a seat, and ``ledger``, as :meth:`Stream.ledger` with ``seat`` and ``worker``."""

    def __init__(self, stats: pd.DataFrame, ledger: pd.DataFrame) -> None:
        self.stats = stats
        self.ledger = ledger

    def __repr__(self) -> str:
        return f"<honeyframe.dask.Account of {len(self.stats)} seats: {int(self.stats['spooled'].sum()):,} messages>"


def read_mqtt(
    uri: str | None = None,
    topics: str | Sequence[str] = "#",
    seconds: Duration | None = 10,
    rows: int | None = None,
    *,
    client: distributed.Client | None = None,
    directory: Any = None,
    sessions: int | None = None,
    group: str | None = None,
    part_rows: int = _PART_ROWS,
    **options: Any,
) -> dd.DataFrame:
    """Reads for a while with all workers of a Dask cluster, and gives a Dask DataFrame.

    Each worker has one session on ``$share/<group>/<filter>``: the broker deals the messages out among them. To a shared subscription it
    sends no retained ones.

    Args:
        uri, topics, seconds, rows: as :func:`honeyframe.read_mqtt`; ``rows`` are messages here, and may be some more.
        client: of Dask; by default the one that is current.
        directory: where the workers write their spools, on a file system that all of them and the caller share. By default a temporary one,
            for a cluster of this machine, which goes after the frame and what is made of it here: keep one while futures of it compute.
        sessions: how many workers hold a session; by default all. More than the broker's plan allows are refused.
        group: of the shared subscription; by default one of this call's own.
        part_rows: messages of a partition, at most.
        options: of :func:`connect` and :meth:`Client.stream`, but no password: it does not travel through Dask. Workers find it where they
            run, by ``MQTT_PASSWORD``, ``password_file=``, ``profile=`` or the keyring.

    Returns:
        dask.dataframe.DataFrame: columns as those of :func:`honeyframe.read_mqtt`, and ``_spool_seq``, ``_dup`` and ``_seat``. Its
        ``honeyframe`` has ``stats`` and ``ledger``, of all workers, each a DataFrame.

    Raises:
        InvalidArgumentError: no worker, more sessions than the plan has, or a password. And what a worker's :func:`connect` and
        :meth:`Client.stream` raise.

    Example::

        with distributed.Client(n_workers=4):
            ddf = hf.dask.read_mqtt("mqtts://xyz.s1.eu.hivemq.cloud", "plant/{line}/telemetry", seconds=60, username="me")
            ddf.groupby("line")["temperature"].mean().compute()
    """
    given: dict[str, Any] = {"uri": uri, **options}
    uri = None
    options.clear()
    secret_uri, plain = without_secrets("hf.dask.read_mqtt", given)
    if seconds is None and rows is None:
        raise InvalidArgumentError("read_mqtt needs an end: give seconds, rows, or both")
    duration = None if seconds is None else to_seconds(seconds, "seconds")
    most = None if rows is None else check_count("rows", rows, 1)
    check_count("part_rows", part_rows, 1)
    place, keeper = open_directory(directory, "stream")
    setting = Setting(client, secret_uri, topics, place, sessions, group, plain, session_expiry="10min")
    ingest = setting.ingest
    with place:
        try:
            ingest.start(end_sessions=True)
            end = None if duration is None else time.monotonic() + duration
            parts: list[Part] = []
            while (end is None or time.monotonic() < end) and (most is None or ingest.messages < most):
                left = 0.2 if end is None else min(0.2, max(0.0, end - time.monotonic()))
                parts += ingest.parts(part_rows, wait=left)
                time.sleep(min(left, 0.02))
        finally:
            untold = ingest.close(end_sessions=True)
        parts += ingest.parts(part_rows, all_of_it=True)
        for part in parts:
            ingest.finish(part)  # another run in this directory does not read them again
        ingest.save()
    warn_of_ends(untold, "the frame's honeyframe.ledger")
    frame = frame_of(setting.dask, joined(parts, part_rows), setting.extraction, keeper)
    frame.honeyframe = Account(ingest.stats(), ingest.ledger())
    if not parts:
        warn(f"no message arrived on {', '.join(setting.filters)} within {duration} s on {len(ingest.stats())} sessions", NoMessagesWarning)
    return frame


def read_spool(path: Any, *, client: distributed.Client | None = None, part_rows: int = _PART_ROWS, **extraction: Any) -> dd.DataFrame:
    """A spool, or a directory of :func:`stream` with those of its seats, as a Dask DataFrame. No broker is asked.

    Args:
        path: on a file system that the caller and all workers share.
        client: of Dask; by default the one that is current, else Dask's own scheduler of this process.
        part_rows: messages of a partition, at most.
        extraction: as :func:`honeyframe.open_spool`: ``schema``, ``columns``, ``event_time``, …. A spool has the topics alone: what
            ``{line}`` named in ``topics`` of :func:`stream` is named here by ``topic_template="plant/{line}/telemetry"``.

    Raises:
        SpoolError: there is no spool, or it cannot be read.

    Warns:
        NoMessagesWarning: it is empty.

    Example::

        ddf = hf.dask.read_spool("spool", event_time="ts", topic_template="plant/{line}/telemetry")
        ddf.groupby("line")["temperature"].mean().compute()
    """
    place = check_path("path", path).absolute()
    check_count("part_rows", part_rows, 1)
    options = check_extraction("hf.dask.read_spool", extraction)
    spools = _spools_in(place)
    dask_client = client if client is not None else current_client()
    if dask_client is None or not spools:
        parts = [part for spool, seat in spools for part in parts_of_spool(spool, part_rows, seat)]
    else:
        found = dask_client.map(parts_of_spool, *zip(*((spool, part_rows, seat) for spool, seat in spools), strict=True), pure=False)
        parts = [part for some in dask_client.gather(found) for part in some]
    frame = frame_of(dask_client, parts, options)
    if not parts:
        warn(f"no message is in {place}", NoMessagesWarning)
    return frame


def _spools_in(place: Path) -> list[tuple[str, int]]:
    """With their seats. A seat that nobody has taken yet has none."""
    spools = [(str(one), number) for number, one in (seats_in(place) or {0: place}).items() if any(one.glob("*.hfspool"))]
    if not spools and read_ingest(place).get("kind") != "stream":
        what, hint = what_to_open(place) or ("", "path= is a spool, or a directory of hf.dask.stream with those of its seats.")
        raise SpoolError(f"there is no spool at {place}" + (f": it is a directory {what}" if what else ""), hint=hint)
    return spools


def stream(
    uri: str | None = None,
    topics: str | Sequence[str] = "#",
    directory: Any = None,
    *,
    client: distributed.Client | None = None,
    sessions: int | None = None,
    group: str | None = None,
    part_rows: int = 10_000,
    session_expiry: Duration = "1h",
    end_sessions: bool = False,
    **options: Any,
) -> DaskStream:
    """Reads with all workers of a Dask cluster until it is closed: each message is in a worker's spool before it is acknowledged.

    A worker that comes gets a session; the session and the spool of one that is gone are taken by another. With the same ``directory`` the
    next run goes on behind what was done with.

    Args:
        uri, topics, client, sessions, group, options: as :func:`read_mqtt`.
        directory: where the spools are, on a file system that the caller and all workers share.
        part_rows: messages of a part, at most.
        session_expiry: for how long the broker keeps what it has for a worker that is gone, or for the next run.
        end_sessions: :meth:`DaskStream.close` ends the sessions as well.

    Raises:
        SpoolInUseError: another caller is at it. InvalidArgumentError: it has recordings or other files. And what :func:`read_mqtt` raises.

    Example::

        with hf.dask.stream(uri, "plant/{line}/telemetry", "/shared/spools", event_time="ts") as stream:
            for result in stream.map(features):
                ...
    """
    given: dict[str, Any] = {"uri": uri, **options}
    uri = None
    options.clear()
    secret_uri, plain = without_secrets("hf.dask.stream", given)
    if directory is None:
        raise InvalidArgumentError("stream needs a directory for its spools, on a file system that all workers share: directory=…")
    check_count("part_rows", part_rows, 1)
    place, _ = open_directory(directory, "stream")
    setting = Setting(client, secret_uri, topics, place, sessions, group, plain, session_expiry=session_expiry)
    return DaskStream(setting, part_rows, end_sessions)


def record(
    uri: str | None = None,
    topics: str | Sequence[str] = "#",
    path: Any = None,
    *,
    client: distributed.Client | None = None,
    sessions: int | None = None,
    group: str | None = None,
    session_expiry: Duration = "1h",
    end_sessions: bool = False,
    **options: Any,
) -> DaskRecorder:
    """Records with all workers of a Dask cluster until it is closed: each to a recording of its own, ``path/seat-0`` and so on.

    Of each the promises of :meth:`Client.record` hold. The recording of a worker that is gone is gone on with by another. A message that a
    lost worker had written and not acknowledged comes to another one again, and is in its recording, too.

    Args:
        uri, topics, client, sessions, group, session_expiry, end_sessions: as :func:`stream`.
        path: on a file system that the caller and all workers share.
        options: of :meth:`Client.record` and :func:`connect`, but no secret.

    Raises:
        RecordingInUseError: another caller has the directory. NotARecordingError: it is something else. And what :func:`read_mqtt` raises.

    Example::

        with hf.dask.record(uri, "plant/{line}/telemetry", "/shared/recording") as recorder:
            time.sleep(3600)
        frames = [hf.open(place).to_pandas() for place in recorder.paths]
    """
    given: dict[str, Any] = {"uri": uri, **options}
    uri = None
    options.clear()
    secret_uri, plain = without_secrets("hf.dask.record", given, records=True)
    if path is None or "://" in str(path):
        raise InvalidArgumentError("record needs a path on a file system that all workers share: path=…")
    place, _ = open_directory(path, "record")
    setting = Setting(client, secret_uri, topics, place, sessions, group, plain, session_expiry=session_expiry)
    return DaskRecorder(setting, end_sessions)
