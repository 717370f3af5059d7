"""From keywords to ``_core.ExtractOptions``: one translation for ``extract``, ``stream`` and ``read_mqtt``."""

from __future__ import annotations

import datetime
import functools
import itertools
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final, Literal, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from . import _core
from .arguments import check_columns, check_count, check_strings
from .core_call import core_call
from .errors import InvalidArgumentError, MissingColumnsWarning
from .events import printable, warn
from .schema import Schema, SchemaLike

if TYPE_CHECKING:
    from .frame import Table

OnConflict: TypeAlias = Literal["keep", "widen", "raise", "quarantine"]
PayloadMode: TypeAlias = Literal["auto", "json", "text", "raw"]
TimeUnit: TypeAlias = Literal["auto", "s", "ms", "us", "ns"]
Metadata: TypeAlias = Literal[
    "topic", "recv_time", "retain", "qos", "dup", "payload_index", "spool_seq", "user_properties", "content_type", "response_topic"
]

#: Strings that are null in a numeric column: those of ``pandas.read_csv`` (the empty one too), and what Home Assistant's entities say.
DEFAULT_NA_VALUES: Final = (
    "",
    "#N/A",
    "#N/A N/A",
    "#NA",
    "-1.#IND",
    "-1.#QNAN",
    "-NaN",
    "-nan",
    "1.#IND",
    "1.#QNAN",
    "<NA>",
    "N/A",
    "NA",
    "NULL",
    "NaN",
    "None",
    "n/a",
    "nan",
    "null",
    "unavailable",
    "unknown",
)

EVENT_TIME: Final = "_event_time"
STREAM_METADATA: Final[tuple[Metadata, ...]] = ("topic", "recv_time", "retain")


def extract_options(
    *,
    schema: SchemaLike | None = None,
    columns: Iterable[str] | None = None,
    on_conflict: OnConflict = "keep",
    payload: PayloadMode = "auto",
    strict: bool = True,
    sep: str = ".",
    explode: str | None = None,
    max_columns: int = 1024,
    max_depth: int = 64,
    na_values: Iterable[str] | None = None,
    keep_default_na: bool = True,
    event_time: str | None = None,
    event_time_unit: TimeUnit = "auto",
    tz: str | datetime.tzinfo | None = None,
    sequence: str | None = None,
    sequence_by: str | None = None,
    topic_template: str | None = None,
    metadata: Iterable[Metadata] = STREAM_METADATA,
    max_quarantine_messages: int = 10_000,
    max_quarantine_bytes: int = 16 << 20,
) -> _core.ExtractOptions:
    """The options of extraction, checked at once.

    Args:
        schema: what :class:`honeyframe.Schema` takes; fixes columns and types. None: both are inferred.
        columns: with inference: read these alone (names as they come out), and skip the rest in C++.
        on_conflict: what becomes of a value that does not fit its column: ``"keep"`` (in ``_misfit``), ``"widen"`` (the column becomes
            string), ``"raise"``, ``"quarantine"``.
        payload: ``"auto"`` (objects become columns; numbers, booleans and text land in ``value``, ``value_bool``, ``value_text``),
            ``"json"`` (nothing else is accepted), ``"text"``, ``"raw"``.
        strict: check every scalar to the end of the payload, read or not.
        sep: stands between the keys of nested objects in a column's name.
        explode: path of an array of which each element becomes a row.
        max_columns: later columns go to ``_extra`` as JSON text.
        max_depth: deeper payloads are quarantined.
        na_values: further strings that are null in a numeric column; see ``DEFAULT_NA_VALUES``.
        keep_default_na: whether ``DEFAULT_NA_VALUES`` hold as well, as in ``pandas.read_csv``.
        event_time: path of the time of measurement; adds ``_event_time`` (UTC).
        event_time_unit: of numbers there: ``"s" "ms" "us" "ns"``, or ``"auto"``: decided once, by the first of 1e8 or more.
        tz: the zone of times that name none, as ``"Europe/Berlin"`` or a tzinfo: in ``event_time`` and in a schema's timestamp columns.
            None: such a time cannot be read there; it is null, and counted.
        sequence: path of a number that each publisher counts up from message to message: missing, repeated and out-of-order numbers and
            restarts are counted in ``stats()`` and listed in ``ledger()``. Retained messages are left out of it.
        sequence_by: the level of the template that names the publisher. None: each topic is a publisher.
        topic_template: ``"plant/{line}/telemetry"``: the levels named become columns.
        metadata: which of ``topic recv_time retain qos dup payload_index spool_seq user_properties content_type response_topic`` become
            columns, each named with a leading underscore.
        max_quarantine_messages, max_quarantine_bytes: how much of what cannot be read is kept.

    Raises:
        InvalidArgumentError: an option out of range, or options that contradict each other. InvalidSchemaError and
            InvalidTopicTemplateError are among these.
        TypeError: a value of another type.
    """
    fixed = None if schema is None else Schema(schema)
    if tz is not None and event_time is None and not (fixed and any(column.type == "timestamp" for column in fixed)):
        raise InvalidArgumentError("tz= is the zone of event_time= and of a schema's timestamp columns, and neither is there")
    if event_time_unit != "auto" and event_time is None:
        raise InvalidArgumentError("event_time_unit= is the unit of event_time=, which is missing")
    if sequence_by is not None and sequence is None:
        raise InvalidArgumentError("sequence_by= names the publishers whose sequence= is followed, which is missing")
    if schema is not None and columns is not None:
        raise InvalidArgumentError(
            "schema= fixes the columns, columns= chooses among those inferred: pass one of them",
        )
    wanted = check_columns(columns)
    given = {
        "max_columns": max_columns,
        "max_depth": max_depth,
        "max_quarantine_messages": max_quarantine_messages,
        "max_quarantine_bytes": max_quarantine_bytes,
    }
    for name, value in given.items():
        check_count(name, value)
    na_strings = check_strings("na_values", na_values)
    return core_call(
        _core.ExtractOptions,
        schema=None if fixed is None else fixed._to_core(),
        columns=wanted or [],
        on_conflict=on_conflict,
        payload=payload,
        strict=strict,
        sep=sep,
        explode=explode or "",
        na_values=[*DEFAULT_NA_VALUES, *na_strings] if keep_default_na else na_strings,
        event_time=event_time,
        event_time_unit=event_time_unit,
        sequence=sequence,
        sequence_by=sequence_by or "",
        zone=() if tz is None else zone_table(tz),
        topic_template=topic_template,
        metadata=check_strings("metadata", metadata),
        **given,
    )


def warn_of_missing(wanted: Sequence[str], found: Iterable[str], sep: str) -> None:
    """Warns of names in ``columns=`` for which no payload had a value: misspelled, as a rule."""
    found = list(found)
    missing = [name for name in wanted if not any(one == name or one.startswith(name + sep) for one in found)]
    if missing:
        warn(
            f"no payload had {', '.join(map(printable, map(repr, missing)))}, which columns= asks for. Names are those of the frame, "
            f"nested ones joined by {sep!r}; without columns= all are shown",
            MissingColumnsWarning,
        )


def warn_of_event_time(path: str | None, table: Table, sep: str) -> None:
    """Warns where no row had a time at ``path``: misspelled, as a rule, or not readable as a time."""
    if path is None or not len(table):
        return
    import pyarrow as pa

    arrow = pa.table(table)
    if EVENT_TIME not in arrow.column_names or arrow.column(EVENT_TIME).null_count < arrow.num_rows:
        return
    warn(
        f"no row has an {EVENT_TIME}: where event_time={printable(repr(path))} points, no payload had a value that can be read as a time. "
        f"It is a key, nested ones joined by {sep!r}; event_time_unit= tells what numbers count, tz= the zone of times that name none",
        MissingColumnsWarning,
    )


# --- Zones ------------------------------------------------------------------------------------------------------------

_EPOCH: Final = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_DAY: Final = 86_400
# The years that nanoseconds in an int64 hold; outside the middle, where no zone changes twice in a month, in longer steps.
_FIRST, _DENSE, _SPARSE, _LAST = ((datetime.datetime(year, 1, 1, tzinfo=datetime.UTC) - _EPOCH).days for year in (1677, 1970, 2101, 2263))


def zone_table(tz: str | datetime.tzinfo) -> list[tuple[int, int]]:
    """A zone's UTC offsets from 1677 to 2262: ``(utc_seconds, offset_seconds)``, from then on, in order of time.

    >>> len(zone_table("UTC"))
    1
    """
    if isinstance(tz, str):
        return list(_named_zone_table(tz))
    if isinstance(tz, datetime.tzinfo):
        return _sample(tz)
    raise TypeError(f"tz must be the name of a zone or a tzinfo, not {type(tz).__name__}")


@functools.lru_cache(maxsize=64)
def _named_zone_table(name: str) -> tuple[tuple[int, int], ...]:
    try:
        return tuple(_sample(ZoneInfo(name)))
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: a name that is a directory of the database
        raise InvalidArgumentError(
            f"no such time zone: {name!r}",
            hint='Names are those of the IANA database, such as "Europe/Berlin"; without one on this machine, pip install tzdata.',
        ) from None


def _sample(zone: datetime.tzinfo) -> list[tuple[int, int]]:
    """No tzinfo tells its transitions: the offset is read once a day, and where it changed, the second is found by halving."""
    days = [*range(_FIRST, _DENSE, 7), *range(_DENSE, _SPARSE), *range(_SPARSE, _LAST, 7)]
    table = [(days[0] * _DAY, _offset(zone, days[0] * _DAY))]
    for before, day in itertools.pairwise(days):
        early, late = before * _DAY, day * _DAY
        offset = _offset(zone, late)
        if offset == table[-1][1]:
            continue
        while late - early > 1:
            middle = (early + late) // 2
            if _offset(zone, middle) == table[-1][1]:
                early = middle
            else:
                late = middle
        table.append((late, offset))
    return table


def _offset(zone: datetime.tzinfo, utc_seconds: int) -> int:
    local = (_EPOCH + datetime.timedelta(seconds=utc_seconds)).astimezone(zone)
    offset = local.utcoffset()
    if offset is None:
        raise InvalidArgumentError(f"tz {zone!r} has no UTC offset")
    return round(offset.total_seconds())
