"""read_mqtt: from an address and a topic filter to a DataFrame in one call."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Unpack, overload

from .arguments import check_columns, check_count
from .client import Client
from .connection import connect_hidden, hide_secrets
from .dtypes import check_dtype_backend
from .durations import Duration
from .durations import seconds as to_seconds
from .errors import InvalidArgumentError, NoMessagesWarning, QuarantinedWarning
from .events import printable, warn
from .keywords import ConnectOptions, ReadOptions, Retained, check_keywords
from .lifetime import check_process
from .options import warn_of_event_time, warn_of_missing
from .progress import Progress
from .quarantine import quarantine_list, quarantine_summary
from .source import StreamPlan, open_stream, plan_with_defaults
from .uri import is_address

if TYPE_CHECKING:
    import pandas as pd

    from .decode import Decode
    from .dtypes import DtypeBackend
    from .quarantine import QuarantineRow
    from .schema import SchemaLike
    from .split import Split, SplitPlan
    from .stats import StreamStats
    from .stream import Stream

_CONNECT_OPTIONS = frozenset(ConnectOptions.__annotations__)


@overload
def read_mqtt(
    uri: str | None = None,
    topics: str | Sequence[str] = "#",
    seconds: Duration | None = 10,
    rows: int | None = None,
    *,
    client: Client | None = None,
    qos: int = 1,
    schema: SchemaLike | None = None,
    columns: Iterable[str] | None = None,
    event_time: str | None = None,
    retained: Retained = "include",
    decode: Decode | None = None,
    categories: bool = False,
    dtype_backend: DtypeBackend | None = None,
    progress: bool | None = None,
    split: None = None,
    **options: Unpack[ReadOptions],
) -> pd.DataFrame: ...


@overload
def read_mqtt(
    uri: str | None = None,
    topics: str | Sequence[str] = "#",
    seconds: Duration | None = 10,
    rows: int | None = None,
    *,
    client: Client | None = None,
    qos: int = 1,
    schema: SchemaLike | None = None,
    columns: Iterable[str] | None = None,
    event_time: str | None = None,
    retained: Retained = "include",
    decode: Decode | None = None,
    categories: bool = False,
    dtype_backend: DtypeBackend | None = None,
    progress: bool | None = None,
    split: Split,
    **options: Unpack[ReadOptions],
) -> dict[str, pd.DataFrame]: ...


def read_mqtt(
    uri: str | None = None,
    topics: str | Sequence[str] = "#",
    seconds: Duration | None = 10,
    rows: int | None = None,
    *,
    client: Client | None = None,
    qos: int = 1,
    schema: SchemaLike | None = None,
    columns: Iterable[str] | None = None,
    event_time: str | None = None,
    retained: Retained = "include",
    decode: Decode | None = None,
    categories: bool = False,
    dtype_backend: DtypeBackend | None = None,
    progress: bool | None = None,
    split: Split | None = None,
    **options: Unpack[ReadOptions],
) -> pd.DataFrame | dict[str, pd.DataFrame]:
    """Subscribes, reads for a while, and gives a typed DataFrame. Needs no schema and no callback.

    Args:
        uri: the broker, as for :func:`connect`. Default: the environment's ``MQTT_SERVER``.
        topics: one topic filter or several; ``plant/{line}/telemetry`` makes a column of ``line``.
        seconds: how long to read, counted from the broker's SUBACK: a number, or a string as pandas reads it (``"10min"``). None: until
            ``rows``.
        rows: end as soon as so many rows came; whichever of the two ends first. A message is never cut: there may be a few more.
        client: read over this connection, and leave it open; then neither ``uri`` nor connection options are taken.
        qos, schema, columns, event_time, retained, decode: as :meth:`Client.stream`.
        categories: ``_topic`` as a category.
        dtype_backend: as in pandas.
        progress: a line that shows how it goes, on a terminal or in a notebook, and goes away by itself. False: never. True: also when
            piped.
        split: "pattern": a dict of frames, one for each pattern of topics (docs/catalog.md), each with its own columns and types; "topic":
            one for each topic. ``rows`` are messages then, and all payloads are in memory once more.
        options: all others of :func:`connect` and :meth:`Client.stream`.

    Returns:
        DataFrame: a row for each JSON object, columns as they came, ``_topic`` (string), ``_recv_time`` (UTC), ``_retain`` (boolean) among
        them. dtypes are ``boolean``, ``Int64``/``UInt64``, ``float64``, string, ``datetime64[ns, UTC]``. ``df.attrs["honeyframe"]`` is a
        dict of the stream's counters. Without a message: an empty frame with the metadata's and the schema's columns.

        ``df.attrs["honeyframe_quarantine"]`` lists the first hundred messages that could not be read: dicts with ``topic``,
        ``recv_time``, ``reason``, ``message``, ``position``, ``payload`` (the first 200 bytes, as text) and ``payload_bytes``.
        :meth:`Stream.quarantine` has them whole, to be read again.

        With ``split=``: a dict of such frames, by the pattern's or the topic's name; empty without a message.

    Warns:
        NoMessagesWarning: nothing arrived; tells what was subscribed to and what to look at.
        QuarantinedWarning: messages could not be read: how many, why, and the first one's fault.
        MissingColumnsWarning: no payload had a column that ``columns=`` names, or no row a readable time at ``event_time=``.
        ConflictWarning: values did not fit their columns; once a column, what is new in one warning. ``_misfit`` has them.

    Raises:
        What :func:`connect` and :meth:`Client.stream` raise.

    Example::

        df = hf.read_mqtt("mqtts://xyz.s1.eu.hivemq.cloud", "plant/+/telemetry", seconds=10)
    """
    given: dict[str, Any] = {"uri": uri, **options}
    secrets = hide_secrets(given, ReadOptions.__annotations__)
    uri = None
    options.clear()  # type: ignore[attr-defined]  # it is a plain dict, and its password shall not stay in this frame
    if is_address(topics):
        topics = ""  # nor that which is in this one
        raise InvalidArgumentError("an address stands where the topics belong: it comes first, read_mqtt('mqtts://...', 'plant/#')")
    check_process()
    check_keywords("read_mqtt", given, ReadOptions.__annotations__)
    if seconds is None and rows is None:
        raise InvalidArgumentError("read_mqtt needs an end: give seconds, rows, or both")
    filters = (topics,) if isinstance(topics, str) else tuple(topics) if isinstance(topics, Iterable) else ()
    duration = None if seconds is None else to_seconds(seconds, "seconds")
    if rows is not None:
        rows = check_count("rows", rows, 1)
    if not filters or not all(filters):
        raise InvalidArgumentError(f"no topic filter: topics= takes one or several, such as 'plant/#'; found {topics!r}")
    check_dtype_backend(dtype_backend)
    connection = {name: given.pop(name) for name in list(given) if name in _CONNECT_OPTIONS}
    stream_options: dict[str, Any] = {
        **given,
        "qos": qos,
        "schema": schema,
        "columns": check_columns(columns),
        "event_time": event_time,
        "retained": retained,
        "decode": decode,
    }
    parts = None
    if split is not None:
        from .split import plan_split

        parts, stream_options = plan_split(split, filters, stream_options)
    if client is None:
        plan = plan_with_defaults(filters, stream_options)
        with connect_hidden(secrets, connection) as own:
            return _read(own, plan, stream_options, duration, rows, progress, categories, dtype_backend, parts)
    superfluous = [*(name for name, secret in secrets.items() if secret is not None), *sorted(connection)]
    if superfluous:
        raise InvalidArgumentError(f"client= is a connection already: {', '.join(superfluous)} cannot be given beside it")
    if not isinstance(client, Client):
        raise TypeError(f"client must be an hf.Client, not {type(client).__name__}")
    plan = plan_with_defaults(filters, stream_options)
    return _read(client, plan, stream_options, duration, rows, progress, categories, dtype_backend, parts)


def _read(
    client: Client,
    plan: StreamPlan,
    options: dict[str, Any],
    seconds: float | None,
    rows: int | None,
    progress: bool | None,
    categories: bool,
    dtype_backend: DtypeBackend | None,
    parts: SplitPlan | None,
) -> pd.DataFrame | dict[str, pd.DataFrame]:
    with open_stream(client, plan) as stream:
        with Progress(printable(", ".join(stream.filters)), seconds=seconds, rows=rows, enabled=progress) as line:
            table = stream._read(rows, seconds, (lambda count: line.update(stream.stats(), count)) if line.active else None)
        stats = stream.stats()
        quarantine = stream._quarantine_rows()
    if not len(table):
        warn(nothing_read(stream, stats, quarantine, seconds), NoMessagesWarning)
    elif parts is None:
        tell_quarantined(stats, quarantine)
        sep = options.get("sep", ".")
        warn_of_missing(options["columns"] or (), table.column_names, sep)
        warn_of_event_time(options["event_time"], table, sep)
    if parts is not None:
        from .split import split_frames

        return split_frames(table, parts, stats, categories=categories, dtype_backend=dtype_backend)
    frame: pd.DataFrame = table.to_pandas(dtype_backend=dtype_backend, categories=categories)
    frame.attrs["honeyframe"] = stats.as_dict()
    frame.attrs["honeyframe_quarantine"] = quarantine_list(quarantine)
    return frame


def tell_quarantined(stats: StreamStats, quarantine: Sequence[QuarantineRow]) -> None:
    """Warns of what could not be read, for those whose frame has it in its attrs."""
    if stats.quarantined:
        told = quarantine_summary(quarantine, stats.quarantined)
        warn(f'{told}. The frame\'s attrs["honeyframe_quarantine"] has the first of them', QuarantinedWarning)


def nothing_read(stream: Stream, stats: StreamStats, quarantine: Sequence[QuarantineRow], seconds: float | None) -> str:
    """Why the frame is empty, as far as we can tell."""
    granted = zip(stream.filters, stream.granted_qos, strict=True)
    filters = ", ".join(f"{printable(name)!r} (granted QoS {qos})" for name, qos in granted)
    within = "" if seconds is None else f" within {seconds:g} s"
    if stats.received:
        unread = f". {quarantine_summary(quarantine, stats.quarantined)}" if stats.quarantined else ""
        return f"no row from {filters}{within}: {stats}{unread}"
    kept = ", not even a retained one" if stream.retained != "skip" else ""
    return (
        f"no message arrived on {filters}{within}{kept}. "
        "Is somebody publishing, and is the filter spelled like the topics? '#' shows all that this credential may see; seconds=60 waits"
    )
