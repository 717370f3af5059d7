"""From sampled topics to the patterns of a catalog: grouped, and read with the engine to find their columns."""

from __future__ import annotations

import dataclasses
import json
import math
import re
import statistics
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from . import _core
from .catalog_pattern import TEXT, TEXT_WITHOUT_ZONE, CatalogColumn, CatalogPattern, EventTime, tells_a_unit
from .json_tree import DIALECT, JsonTree
from .options import DEFAULT_NA_VALUES, EVENT_TIME, STREAM_METADATA, extract_options
from .topic_groups import TopicGroup, group_topics
from .topic_levels import name_levels
from .topic_samples import TopicSample
from .topic_shapes import ShapeReader

_MOST_PAYLOADS: Final = 1_000  # of one pattern, spread over its topics
_MOST_UNITS: Final = 16
_MOST_TIMES: Final = 12  # columns of a pattern that are tried as event time
_EXAMPLE: Final = 2_000
_ADDED: Final = frozenset({"_misfit", "_extra", "_payload_index"})
#: Of a stream's own columns: a key of that name gets another one there (docs/frame-rules.md, section 2).
_TAKEN: Final = frozenset({EVENT_TIME, *(f"_{name}" for name in STREAM_METADATA)})
_NA: Final = frozenset(DEFAULT_NA_VALUES)

_TIME_TEXT: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d.*|\d{9,19}(?:\.\d+)?")
_TIME_NAME: Final = re.compile(r"(?:^|_)(?:t|epoch|date|utc|when)$|(?:ts|tst|time|stamp|_at|datetime|seen)$")
_PLAIN_TIME_NAMES: Final = frozenset({"ts", "tst", "time", "timestamp", "datetime", "date_time", "t"})
_UNITS: Final = {"seconds": "s", "milliseconds": "ms", "microseconds": "us", "nanoseconds": "ns"}
_YEAR_2000: Final = 946_684_800
_DAY: Final = 86_400


@dataclasses.dataclass(frozen=True, slots=True)
class _Sampled:
    """The payloads of a pattern that are looked at."""

    topics: list[str]
    payloads: list[bytes]
    times_ns: list[int]

    def extract(self, **options: Any) -> _core.Extraction:
        chosen = extract_options(metadata=["payload_index", "recv_time"] if "event_time" in options else ["payload_index"], **options)
        return _core.extract_payloads(self.payloads, chosen, topics=self.topics, receive_times_ns=self.times_ns)


def infer_patterns(samples: Mapping[str, TopicSample], seconds: float, *, named: Mapping[int, str] | None = None) -> list[CatalogPattern]:
    """The patterns of all topics, in the order of their names.

    Args:
        samples: what came, by topic.
        seconds: for how long, for rates.
        named: names that somebody has given to levels, by position.
    """
    return [
        _infer(name, template, group, [samples[topic] for topic in group.topics], seconds)
        for name, template, group in named_groups(samples, named or {})
    ]


def named_groups(samples: Mapping[str, TopicSample], named: Mapping[int, str]) -> list[tuple[str, str, TopicGroup]]:
    """Each group with its name and template; of several with one template, the one with the most topics first."""
    reader = ShapeReader()
    shapes = {topic: reader.read(sample.payloads) for topic, sample in samples.items()}
    found = []
    for group in group_topics(shapes, named=named):
        taken = {name for topic in group.topics for name in shapes[topic].names}
        given = [named.get(position) for position, level in enumerate(group.levels) if level is None]
        free = name_levels(group.levels, [group.values[position] for position in sorted(group.values)], {*taken, *filter(None, given)})
        found.append((group.template([mine or other for mine, other in zip(given, free, strict=True)]), group))
    found.sort(key=lambda one: (one[0], -len(one[1].topics), one[1].topics[0]))
    counts = Counter(template for template, _ in found)
    numbers: Counter[str] = Counter()
    whole = []
    for template, group in found:
        numbers[template] += 1
        name = template if counts[template] == 1 else f"{template} ({numbers[template]})"  # of several shapes
        whole.append((name, template, group))
    return whole


def _infer(name: str, template: str, group: TopicGroup, samples: Sequence[TopicSample], seconds: float) -> CatalogPattern:
    sampled = _choose(samples)
    kind = group.shape.kind
    tree, columns, times, unreadable = JsonTree(), list[CatalogColumn](), list[EventTime](), 0
    if kind in ("binary", "text", "unreadable"):
        columns = [_plain_column(sampled, binary=kind == "binary")]
        schema = _plain_schema(columns[0])
    else:
        extraction = sampled.extract()
        unreadable = len(extraction.quarantine)
        _grow(tree, sampled, {row[2] for row in extraction.quarantine})
        rows = tree.items if kind == "array" and tree.items is not None else tree
        columns = _columns(extraction, rows, sampled)
        times = _event_times(sampled, columns)
        schema = tree.schema()
    messages, retained = sum(one.messages for one in samples), sum(one.retained for one in samples)
    return CatalogPattern(
        name=name,
        template=template,
        filter=group.filter,
        kind=kind,
        topics=sorted(group.topics),
        messages=messages,
        bytes=sum(one.size for one in samples),
        retained=retained,
        qos=max((one.qos for one in samples), default=0),
        rate=round((messages - retained) / seconds, 3) if seconds > 0 else 0.0,
        columns=columns,
        event_times=times,
        is_exact=group.is_exact,
        unreadable=unreadable,
        example=_example(sampled.payloads),
        json_schema={"$schema": DIALECT, "title": name, **schema},
    )


def _choose(samples: Sequence[TopicSample]) -> _Sampled:
    """Some payloads of each topic, as many of all as the limit allows, in the order in which they came."""
    chosen: list[tuple[int, str, bytes]] = []
    depth = max((len(sample.payloads) for sample in samples), default=0)
    for index in range(depth):
        for sample in samples:
            if index < len(sample.payloads) and len(chosen) < _MOST_PAYLOADS:
                chosen.append((sample.times_ns[index], sample.topic, sample.payloads[index]))
    chosen.sort(key=lambda one: one[0])
    return _Sampled([one[1] for one in chosen], [one[2] for one in chosen], [one[0] for one in chosen])


def _example(payloads: Sequence[bytes]) -> str:
    first = next((payload for payload in payloads if payload), b"")
    return first[:_EXAMPLE].decode("utf-8", "backslashreplace")


# --- columns


def _plain_column(sampled: _Sampled, *, binary: bool) -> CatalogColumn:
    filled = [payload for payload in sampled.payloads if payload]
    texts = [payload[:80].decode("utf-8", "backslashreplace") for payload in filled]
    return CatalogColumn(
        name="value_raw" if binary else "value_text",
        type="binary" if binary else "string",
        path="value_raw" if binary else "value_text",
        json_types={},
        null_rate=round(1 - len(filled) / max(1, len(sampled.payloads)), 4),
        required=len(filled) == len(sampled.payloads),
        examples=list(dict.fromkeys(texts))[:3],
    )


def _plain_schema(column: CatalogColumn) -> dict[str, Any]:
    if column.type == "binary":
        return {"type": "string", "contentEncoding": "base64", "description": "bytes that are no JSON; here in Base64"}
    return {"type": "string", "contentMediaType": "text/plain", "description": "text that is no JSON", "examples": list(column.examples)}


def _grow(tree: JsonTree, sampled: _Sampled, unreadable: set[int]) -> None:
    for index, payload in enumerate(sampled.payloads):
        if index in unreadable or not payload:
            continue
        text = payload.decode("utf-8-sig")
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):  # a text beside numbers, such as `unavailable`
            value = text
        tree.add(value)


def _columns(extraction: _core.Extraction, rows: JsonTree, sampled: _Sampled) -> list[CatalogColumn]:
    import pyarrow as pa

    from .frame import Table

    table = pa.table(Table(extraction.batches, extraction.schema))
    known = {name: (pointer, tree) for name, pointer, tree in reversed(list(rows.columns()))}
    bare = not rows.properties
    columns = []
    for name, kind in extraction.schema.fields():
        if name in _ADDED:
            continue
        values = table.column(name)
        if name == "value_text" and all(text is None or text in _NA for text in values.to_pylist()):
            continue  # "unavailable" beside numbers
        pointer, tree = known.get(name, ("", rows if bare else JsonTree()))
        filled = values.drop_null()
        column_type = "string" if kind in ("null", "list<null>") else kind
        columns.append(
            CatalogColumn(
                name=name,
                type=column_type,
                path=name,
                json_types=dict(sorted(tree.types.items())),
                null_rate=round(values.null_count / max(1, len(values)), 4),
                required=_is_required(tree, rows, name, values.null_count),
                examples=list(tree.examples) or list(dict.fromkeys(map(str, filled.slice(0, 50).to_pylist())))[:3],
                units=_units(name, kind, values),
                words=kind == "string" and len(filled) > 0 and not any(map(_has_digit, filled.to_pylist())),
            )
        )
        if name in _TAKEN:
            columns[-1] = dataclasses.replace(columns[-1], name=f"/{name}", path=f"/{name}")
        elif pointer and _needs_pointer(name, pointer):
            columns[-1] = dataclasses.replace(columns[-1], path=pointer)
    return columns


def _is_required(tree: JsonTree, rows: JsonTree, name: str, nulls: int) -> bool:
    """Whether every row had it. Of a nested key, every row must have had the objects around it."""
    if tree is rows:
        return nulls == 0
    return tree.count > 0 and tree.count == rows.count


def _needs_pointer(name: str, pointer: str) -> bool:
    """Whether the name, taken as a path, leads elsewhere: it begins with a slash, or keys have dots or are empty."""
    return "" in name.split(".") or name.startswith("/") or pointer != "/" + name.replace("~", "~0").replace("/", "~1").replace(".", "/")


def _has_digit(text: str) -> bool:
    return any(map(str.isdigit, text))


def _units(name: str, kind: str, values: Any) -> list[str]:
    if kind != "string" or not tells_a_unit(name):
        return []
    found = sorted({text for text in values.to_pylist() if text is not None})
    return found if len(found) <= _MOST_UNITS else []


# --- event times


def _event_times(sampled: _Sampled, columns: Sequence[CatalogColumn]) -> list[EventTime]:
    """Columns that the engine can read as times, the likeliest first."""
    found = []
    for column in list(_possible_times(columns))[:_MOST_TIMES]:
        for tz in (None, "UTC") if column.type == "string" else (None,):
            time = _try_time(sampled, column, tz)
            if time is not None:
                found.append(time)
                break
    return sorted(found, key=_unlikelihood)


def _possible_times(columns: Sequence[CatalogColumn]) -> Iterator[CatalogColumn]:
    for column in columns:
        example = column.examples[0] if column.examples else None
        is_text = column.type == "string" and isinstance(example, str) and _TIME_TEXT.fullmatch(example)
        is_number = column.type in ("int64", "uint64", "float64") and isinstance(example, (int, float)) and 1e8 <= example < 4e18
        if is_text or is_number:
            yield column


def _try_time(sampled: _Sampled, column: CatalogColumn, tz: str | None) -> EventTime | None:
    import pyarrow as pa

    extraction = sampled.extract(event_time=column.path, tz=tz)
    lags = []
    rows = 0
    for batch in extraction.batches:
        arrow = pa.record_batch(batch)
        rows += arrow.num_rows
        for time, received in zip(
            arrow.column(EVENT_TIME).cast(pa.int64()).to_pylist(), arrow.column("_recv_time").cast(pa.int64()).to_pylist(), strict=True
        ):
            if time is not None and time / 1e9 >= _YEAR_2000 and time <= received + _DAY * 1e9:
                lags.append((received - time) / 1e9)
    filled = rows * (1 - column.null_rate)
    if not lags or len(lags) < 0.9 * filled:
        return None
    lag = statistics.median(lags)
    is_epoch = extraction_unit(extraction)
    if is_epoch and column.type != "string" and not _TIME_NAME.search(_last_key(column.name)) and abs(lag) > _DAY:
        return None  # a number like any other
    unit = is_epoch or (TEXT if tz is None else TEXT_WITHOUT_ZONE)
    return EventTime(column.name, column.path, unit, round(lag, 3))


def extraction_unit(extraction: _core.Extraction) -> str:
    """``s ms us ns``, or empty where no number was read as a time."""
    return next((_UNITS.get(detail, "") for kind, _, detail in extraction.events if kind == "event_time_unit"), "")


def _last_key(name: str) -> str:
    return name.rpartition(".")[2].lower()


def _unlikelihood(time: EventTime) -> tuple[bool, bool, int, float]:
    lag = abs(time.lag)
    return (
        time.unit == TEXT_WITHOUT_ZONE,
        _last_key(time.column) not in _PLAIN_TIME_NAMES,
        time.column.count("."),
        math.floor(math.log2(1 + lag)),
    )
