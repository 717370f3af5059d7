"""One pattern of a catalog: which topics, what their messages hold, and how it is read. Plain data: it goes into a file and comes back."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

from . import _core
from .arguments import count_of
from .errors import InvalidCatalogError
from .options import PayloadMode

if TYPE_CHECKING:
    import pandas as pd

    from .schema import Schema

#: How event times are written, in the words of a catalog.
TEXT: Final = "text"
TEXT_WITHOUT_ZONE: Final = "text without a zone"

#: How payloads of some kinds are read; all others: "auto".
PAYLOADS: Final[dict[str, PayloadMode]] = {"binary": "raw", "text": "text", "unreadable": "text"}

_UNIT_NAME: Final = re.compile(r"(?:^|[._ ])(?:unit|units|uom|unit_of_measurement)$|_units?$|[a-z]Units?$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class CatalogColumn:
    """One column of a pattern's frame.

    Attributes:
        name, type, path: as :class:`honeyframe.Column` has them. A column of which no value was seen is string, which takes anything.
        json_types: JSON's types of the values seen, with their counts.
        null_rate: the share of rows without a value.
        required: whether every message had the key.
        examples: some values.
        units: of a column that tells a unit, all values seen.
        words: whether it is text of which no value seen had a digit, such as ``"auto"``.
    """

    name: str
    type: str
    path: str
    json_types: Mapping[str, int] = field(default_factory=dict)
    null_rate: float = 0.0
    required: bool = False
    examples: Sequence[Any] = ()
    units: Sequence[str] = ()
    words: bool = False


@dataclass(frozen=True, slots=True)
class EventTime:
    """A column that may tell when something was measured.

    Attributes:
        column, path: its name, and where it is in a payload, for ``event_time=``.
        unit: ``s ms us ns`` of an epoch, ``text`` of RFC 3339, or ``text without a zone``, which needs ``tz=``.
        lag: how many seconds before its arrival a message says that it was measured: the median.
    """

    column: str
    path: str
    unit: str
    lag: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogPattern:
    """Topics that differ only in their instance, and what their messages hold. Part of a :class:`honeyframe.Catalog`.

    Attributes:
        name: the template; numbered where messages of several shapes come under one template.
        template, filter: ``plant/{line}/telemetry``, and what it subscribes to.
        kind: ``object``, ``array``, ``value`` (bare numbers, booleans, lists), ``text``, ``binary``, ``unreadable`` (begins as JSON, and is
            none), ``empty``.
        topics: those seen.
        messages, bytes, retained: counted, of payloads; ``retained`` are messages that the broker had kept.
        qos: the highest seen, as delivered.
        rate: messages a second, without the retained ones.
        columns: of the payload, in order.
        event_times: candidates, the likeliest first.
        is_exact: whether the filter matches topics of this pattern alone.
        unreadable: messages among the samples that could not be read.
        example: the beginning of one payload.
    """

    name: str
    template: str
    filter: str
    kind: str
    topics: Sequence[str]
    messages: int
    bytes: int
    retained: int
    qos: int
    rate: float
    columns: Sequence[CatalogColumn] = ()
    event_times: Sequence[EventTime] = ()
    is_exact: bool = True
    unreadable: int = 0
    example: str = ""
    json_schema: Mapping[str, Any] = field(default_factory=dict)

    @property
    def event_time(self) -> EventTime | None:
        """The candidate to use: the likeliest of those that need no zone."""
        return next((one for one in self.event_times if one.unit != TEXT_WITHOUT_ZONE), None)

    @property
    def payload(self) -> PayloadMode:
        """How its payloads are read: ``payload=`` of a stream."""
        return PAYLOADS.get(self.kind, "auto")

    @property
    def level_names(self) -> list[str]:
        """The names of the levels that vary."""
        return _core.parse_template(self.template)[1]

    @property
    def column_names(self) -> list[str]:
        """The columns of the frame that :meth:`honeyframe.Catalog.code` reads, in order."""
        time = ["_event_time"] if self.event_time else []
        return ["_topic", "_recv_time", "_retain", *time, *self.level_names, *(column.name for column in self.columns)]

    def schema(self) -> Schema | None:
        """The payload's columns as a Schema; None where there are none."""
        from .schema import Column, Schema

        if not self.columns:
            return None
        return Schema([Column(column.name, column.type, column.path) for column in self.columns])

    def to_pandas(self) -> pd.DataFrame:
        """A row a column: ``column type null_rate required json_types event_time examples``."""
        return columns_frame([self])

    def __repr__(self) -> str:
        from .catalog_display import pattern_text

        return pattern_text(self)

    def _repr_html_(self) -> str:
        from .catalog_display import pattern_html

        return pattern_html(self)

    # --- files

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {**asdict(self), "json_schema": dict(self.json_schema)}

    @classmethod
    def from_dict(cls, values: Any) -> CatalogPattern:
        """The way back. Raises InvalidCatalogError: it is no pattern."""
        try:
            plain = {
                **values,
                "topics": _checked_list(values["topics"], str),
                "columns": [CatalogColumn(**column) for column in values.get("columns", ())],
                "event_times": [EventTime(**time) for time in values.get("event_times", ())],
            }
            pattern = cls(**plain)
            _check_types(pattern)
            pattern.schema()
            found, _ = _core.parse_template(pattern.template)
        except (TypeError, KeyError, ValueError, AttributeError) as error:
            told = str(error).partition("\n")[0].removeprefix("CatalogPattern.").removeprefix("CatalogColumn.")
            raise InvalidCatalogError(f"a pattern of the catalog is not well formed: {told}") from None
        if found != pattern.filter:
            raise InvalidCatalogError(f"the pattern {pattern.name!r} has the filter {pattern.filter!r}, which its template does not give")
        return pattern


def tells_a_unit(name: str) -> bool:
    """
    >>> [tells_a_unit(name) for name in ("unit", "TempUnit", "Body.Data.PAC.Unit", "units_sold", "community")]
    [True, True, True, False, False]
    """
    return _UNIT_NAME.search(name) is not None


def describe_kind(pattern: CatalogPattern) -> str:
    """What the messages hold, in a few words."""
    many = count_of(len(pattern.columns), "column")
    return {
        "object": f"objects, {many}",
        "array": f"arrays of objects, {many}",
        "value": "bare values",
        "text": "text",
        "binary": "binary: needs decode=",
        "unreadable": "not JSON, read as text",
        "empty": "nothing: empty payloads",
    }[pattern.kind]


_COLUMNS_TABLE: Final = {
    **dict.fromkeys(("pattern", "column", "type"), "string"),
    "null_rate": "float64",
    "required": "bool",
    **dict.fromkeys(("json_types", "event_time", "examples"), "string"),
}


def columns_frame(patterns: Sequence[CatalogPattern]) -> pd.DataFrame:
    """The columns of all ``patterns``, a row each."""
    from .dtypes import frame_of

    rows = [
        {
            "pattern": pattern.name,
            "column": column.name,
            "type": column.type,
            "null_rate": column.null_rate,
            "required": column.required,
            "json_types": ", ".join(f"{kind} {count:,}" for kind, count in column.json_types.items()),
            "event_time": next((time.unit for time in pattern.event_times if time.column == column.name), ""),
            "examples": ", ".join(map(str, column.examples)),
        }
        for pattern in patterns
        for column in pattern.columns
    ]
    frame = frame_of(rows, _COLUMNS_TABLE)
    return frame.drop(columns="pattern") if len(patterns) == 1 else frame


#: What a catalog says a pattern's payloads are.
_KINDS: Final = frozenset({"object", "array", "value", "text", "binary", "unreadable", "empty"})


_TIME_UNITS: Final = frozenset({"s", "ms", "us", "ns", TEXT, TEXT_WITHOUT_ZONE})
_COUNTS: Final = ("messages", "bytes", "retained", "qos", "unreadable")


def _check_types(pattern: CatalogPattern) -> None:
    """Raises TypeError or ValueError for what a file may have, and a catalog cannot."""
    _check_fields(pattern, str, "name", "template", "filter", "kind", "example")
    _check_fields(pattern, int, *_COUNTS)
    _check_fields(pattern, (int, float), "rate")
    _check_fields(pattern, bool, "is_exact")
    _check_fields(pattern, dict, "json_schema")
    if pattern.kind not in _KINDS:
        raise ValueError(f"there is no kind {pattern.kind!r}")
    for name in _COUNTS:
        if not 0 <= getattr(pattern, name) < 2**63:
            raise ValueError(f"{name} is no count")
    for column in pattern.columns:
        _check_fields(column, str, "name", "type", "path")
        _check_fields(column, (int, float), "null_rate")
        _check_fields(column, bool, "required", "words")
        _check_fields(column, dict, "json_types")
        _checked_list(list(column.json_types.values()), int)
        _checked_list(column.units, str)
        _checked_list(column.examples, object)
    for time in pattern.event_times:
        _check_fields(time, str, "column", "path", "unit")
        _check_fields(time, (int, float), "lag")
        if time.unit not in _TIME_UNITS:
            raise ValueError(f"event times have no unit {time.unit!r}")


def _check_fields(found: object, kind: type | tuple[type, ...], *names: str) -> None:
    for name in names:
        value = getattr(found, name)
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise TypeError(f"{name} is of type {type(value).__name__}")


def _checked_list(values: Any, kind: type) -> list[Any]:
    if not isinstance(values, list) or not all(isinstance(value, kind) for value in values):
        raise TypeError(f"expected a list of {kind.__name__}")
    return values
