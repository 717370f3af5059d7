"""read_mqtt(split=…): one frame for each pattern, or each topic, each with its own columns and types."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from . import _core
from .catalog_inference import named_groups
from .catalog_pattern import PAYLOADS
from .errors import InvalidArgumentError, QuarantinedWarning
from .events import StreamLog, warn
from .frame import Table
from .options import EVENT_TIME, STREAM_METADATA, extract_options, warn_of_missing
from .quarantine import QuarantineRow, quarantine_list, quarantine_summary
from .templates import read_topics
from .topic_samples import RAW_OPTIONS, TopicSample, raw_payloads

if TYPE_CHECKING:
    import pandas as pd

    from .dtypes import DtypeBackend
    from .stats import StreamStats

Split: TypeAlias = Literal["pattern", "topic"]

_SAMPLES: Final = 20  # of a topic, for its shape
_METADATA: Final = frozenset({"topic", "recv_time", "retain", "qos", "payload_index"})
_OF_EXTRACTION: Final = frozenset(extract_options.__kwdefaults__ or ())


@dataclass(frozen=True, slots=True)
class SplitPlan:
    """How what was read is taken apart, and how each part is extracted."""

    split: Split
    template: str | None
    extraction: dict[str, Any]


def plan_split(split: object, topics: Sequence[str], options: dict[str, Any]) -> tuple[SplitPlan, dict[str, Any]]:
    """The plan, and the options of the stream, which reads payloads as they are. Checked before anything is connected."""
    if split not in ("pattern", "topic"):
        raise InvalidArgumentError(f"split is 'pattern' or 'topic'; found {split!r}")
    for name in ("sequence", "sequence_by", "contract"):
        if options.get(name) is not None:
            raise InvalidArgumentError(f"{name}= follows a stream in its order: it cannot be given beside split=")
    extraction = {name: value for name, value in options.items() if name in _OF_EXTRACTION and value is not None}
    for one in extraction.get("metadata", ()):
        if one not in _METADATA:
            raise InvalidArgumentError(f"split= has these metadata: {', '.join(sorted(_METADATA))}; not {one!r}")
    template = read_topics(topics, topic_template=extraction.pop("topic_template", None)).template
    extraction.setdefault("metadata", list(STREAM_METADATA))
    extract_options(**extraction, topic_template=template)
    rest = {name: value for name, value in options.items() if name not in _OF_EXTRACTION}
    return SplitPlan("topic" if split == "topic" else "pattern", template, extraction), {**rest, **RAW_OPTIONS}


@dataclass(frozen=True, slots=True)
class _Part:
    """The messages of one frame: their places among all."""

    name: str
    template: str | None
    payload: str | None  # how they are read, where that is not as asked for
    places: list[int]


class Messages:
    """What a stream of raw payloads has read, in its order."""

    def __init__(self, table: Table) -> None:
        import pyarrow as pa

        arrow = pa.table(table)
        self.topics: list[str] = [topic or "" for topic in arrow.column("_topic").to_pylist()]
        self.payloads: list[bytes] = [payload or b"" for payload in raw_payloads(arrow).to_pylist()]
        self.times_ns: list[int] = [moment or 0 for moment in arrow.column("_recv_time").cast(pa.int64()).to_pylist()]
        self.retain: list[bool] = [bool(flag) for flag in arrow.column("_retain").to_pylist()]
        self.qos: list[int] = [level or 0 for level in arrow.column("_qos").to_pylist()]

    def extract(self, part: _Part, extraction: dict[str, Any]) -> _core.Extraction:
        options = dict(extraction)
        if part.payload is not None and options.get("payload", "auto") == "auto":
            options = {name: value for name, value in options.items() if name in ("metadata", "max_quarantine_messages")}
            options["payload"] = part.payload
        if part.template is not None and "{" in part.template:
            options["topic_template"] = part.template
        return _core.extract_payloads(
            [self.payloads[place] for place in part.places],
            extract_options(**options),
            topics=[self.topics[place] for place in part.places],
            receive_times_ns=[self.times_ns[place] for place in part.places],
            retain=[self.retain[place] for place in part.places],
            qos=[self.qos[place] for place in part.places],
        )


def split_frames(
    table: Table, plan: SplitPlan, stats: StreamStats, *, categories: bool, dtype_backend: DtypeBackend | None
) -> dict[str, pd.DataFrame]:
    """A frame for each pattern or topic, by its name, in the order of names."""
    if not len(table):
        return {}
    messages = Messages(table)
    parts = _by_topic(messages, plan.template) if plan.split == "topic" else _by_pattern(messages, plan.template)
    frames: dict[str, pd.DataFrame] = {}
    quarantined: list[QuarantineRow] = []
    events: list[tuple[str, str, str]] = []
    for part in parts:
        extraction = messages.extract(part, plan.extraction)
        frame: pd.DataFrame = Table(extraction.batches, extraction.schema).to_pandas(dtype_backend=dtype_backend, categories=categories)
        frame.attrs["honeyframe"] = {**stats.as_dict(), **extraction.counters}
        frame.attrs["honeyframe_quarantine"] = quarantine_list(extraction.quarantine)
        frames[part.name] = frame
        quarantined += extraction.quarantine
        events += extraction.events
    StreamLog(logging.getLogger("honeyframe")).tell(events)
    _warn(frames, plan.extraction, quarantined)
    return frames


def _warn(frames: dict[str, pd.DataFrame], extraction: dict[str, Any], quarantined: list[QuarantineRow]) -> None:
    if quarantined:
        told = quarantine_summary(quarantined, len(quarantined))
        warn(f'{told}. Each frame\'s attrs["honeyframe_quarantine"] has its first ones', QuarantinedWarning)
    columns = {str(name) for frame in frames.values() for name in frame.columns}
    path = extraction.get("event_time")
    if path is not None and not any(EVENT_TIME in frame and frame[EVENT_TIME].notna().any() for frame in frames.values()):
        warn_of_missing([path], (), extraction.get("sep", "."))
    warn_of_missing(extraction.get("columns") or (), columns, extraction.get("sep", "."))


def _by_topic(messages: Messages, template: str | None) -> list[_Part]:
    places: dict[str, list[int]] = {}
    for place, topic in enumerate(messages.topics):
        places.setdefault(topic, []).append(place)
    return [_Part(topic, template, None, found) for topic, found in sorted(places.items())]


def _by_pattern(messages: Messages, template: str | None) -> list[_Part]:
    from .catalog import named_positions

    samples: dict[str, TopicSample] = {}
    places: dict[str, list[int]] = {}
    for place, topic in enumerate(messages.topics):
        places.setdefault(topic, []).append(place)
        sample = samples.setdefault(topic, TopicSample(topic))
        if len(sample.payloads) < _SAMPLES:
            sample.keep(messages.payloads[place], messages.times_ns[place])
    return [
        _Part(name, own, PAYLOADS.get(group.shape.kind), sorted(place for topic in group.topics for place in places[topic]))
        for name, own, group in named_groups(samples, named_positions(template))
    ]
