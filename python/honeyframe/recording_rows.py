"""From a spool's messages to the rows of a recording: by day and topic pattern, each pattern with columns and types of its own.

Every message has at least one row: what cannot be read, or gives no rows, has one with its payload and the reason. So the numbers in the
files are those of the spool, each of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from . import _core
from .errors import InvalidArgumentError
from .keywords import check_keywords
from .options import Metadata, extract_options
from .recording_columns import KnownColumns, example_payload
from .recording_layout import DAY_NS, day_of
from .templates import read_topics, without_share

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

OTHER: Final = "other"  # the pattern of topics that no pattern matches
MAX_PATTERNS: Final = 1_000
READ_ROWS: Final = 25_000

#: Columns of every file, before and behind those of the payloads.
HEAD: Final[tuple[Metadata, ...]] = ("topic", "recv_time", "retain", "qos", "dup", "spool_seq")
TAIL: Final[tuple[Metadata, ...]] = ("user_properties", "content_type", "response_topic")
NUMBER: Final = "_spool_seq"
UNREADABLE: Final = "_unreadable"
PAYLOAD: Final = "_payload"
SPOOL_METADATA: Final[tuple[Metadata, ...]] = (*HEAD, *TAIL)

_REPLACED: Final = frozenset(f"_{name}" for name in (*HEAD[1:], *TAIL, "payload_index"))
_NOT_HERE: Final = {
    "metadata": "a recording has all of them",
    "topic_template": "give patterns=, templates among them",
    "sequence": "follow a publisher's numbers with client.stream",
    "sequence_by": "follow a publisher's numbers with client.stream",
    "max_quarantine_messages": "what cannot be read is in the recording",
    "max_quarantine_bytes": "what cannot be read is in the recording",
}
_KNOWN_TOPICS: Final = 200_000
_QUARANTINE: Final = READ_ROWS + 1
_QUARANTINE_BYTES: Final = 33_554_432  # of what was not read lately, of all patterns
_LEAST_QUARANTINE: Final = 262_144
_FORGOTTEN: Final = "unreadable, or without rows: the reason had no room"
_PIECE_BYTES: Final = 8_388_608
_NO_LIMIT: Final = 1 << 40


@dataclass(frozen=True, slots=True)
class TopicPattern:
    """Topics whose messages lie in one partition."""

    name: str
    filter: str
    template: str | None

    @classmethod
    def of(cls, topic: str) -> TopicPattern:
        name = without_share(topic)
        found = read_topics([name])
        return cls(name, found.filters[0], found.template)


def level_names(template: str | None) -> list[str]:
    return [] if template is None else list(_core.parse_template(template)[1])


def patterns_of(topics: Sequence[str], patterns: Sequence[str] | None) -> list[TopicPattern]:
    """The patterns, the first that matches a topic being its own: those asked for, then the filters subscribed to."""
    names = list(dict.fromkeys([*(patterns or ()), *map(without_share, topics)]))
    if len(names) > MAX_PATTERNS:
        raise InvalidArgumentError(f"{len(names):,} patterns: at most {MAX_PATTERNS:,}, as each has files of its own")
    return [TopicPattern.of(name) for name in names]


def check_extraction(extraction: Mapping[str, Any]) -> None:
    """Raises for options that a recording cannot have, or that are wrong."""
    for name, why in _NOT_HERE.items():
        if name in extraction:
            raise InvalidArgumentError(f"{name}= is not taken by a recording: {why}")
    check_keywords("record", extraction, extract_options.__kwdefaults__ or ())
    if extraction.get("on_conflict") == "raise":
        raise InvalidArgumentError('on_conflict="raise" would end the recording; "keep", "widen" or "quarantine" do not')
    extract_options(**extraction)


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one pattern and day, as extracted: ``cells`` of the core, and beside them the columns that the core does not fill here."""

    pattern: int
    day: str
    cells: _core.RecordBatch
    beside: Mapping[str, pa.Array]
    messages: int
    unreadable: int

    @property
    def num_rows(self) -> int:
        return self.cells.num_rows

    @property
    def nbytes(self) -> int:
        beside: int = sum(column.nbytes for column in self.beside.values())
        return self.cells.nbytes + beside


class RowMaker:
    """Makes rows of batches of a spool, read with :data:`SPOOL_METADATA` and ``payload="raw"``. Not thread-safe."""

    def __init__(
        self,
        patterns: Sequence[TopicPattern],
        extraction: Mapping[str, Any],
        *,
        raw: bool,
        retained: str = "include",
        known: KnownColumns | None = None,
    ) -> None:
        self._patterns = patterns
        self._extraction = dict(extraction)
        self._raw = raw
        self._retained = retained
        self._known = dict(known or {})
        self._quarantine_bytes = max(_LEAST_QUARANTINE, _QUARANTINE_BYTES // (len(patterns) + 1))
        self._ids: dict[str, int] = {}
        self._extractors: dict[int, _Extractor] = {}

    def name(self, pattern: int) -> str:
        return self._patterns[pattern].name if pattern < len(self._patterns) else OTHER

    def columns(self) -> dict[str, list[tuple[str, str]]]:
        """Names and types that are known of each pattern by now."""
        seen = {self.name(pattern): one.columns() for pattern, one in self._extractors.items()}
        return {name: list(columns) for name, columns in {**self._known, **seen}.items()}

    def rows(self, batch: pa.RecordBatch) -> Iterator[Rows]:
        """Of each day and pattern in it. The numbers of the messages rise in each."""
        import pyarrow.compute as pc

        if self._retained != "include":
            flag = batch.column("_retain")
            batch = batch.filter(flag if self._retained == "only" else pc.invert(flag))
        for day, of_day in _by_day(batch):
            for pattern, of_pattern in self._by_pattern(of_day):
                for part in _pieces(of_pattern, min(_PIECE_BYTES, self._quarantine_bytes // 2)):
                    yield from self._extractor(pattern).rows(part, pattern, day)

    def _by_pattern(self, batch: pa.RecordBatch) -> Iterator[tuple[int, pa.RecordBatch]]:
        import pyarrow as pa
        import pyarrow.compute as pc

        topics = batch.column("_topic").dictionary_encode()
        ids = [self._id(topic) for topic in topics.dictionary.to_pylist()]
        present = sorted(set(ids))
        if len(present) <= 1:
            if present:
                yield present[0], batch
            return
        of_rows = pa.array(ids, pa.int32()).take(topics.indices)
        for pattern in present:
            yield pattern, batch.filter(pc.equal(of_rows, pattern))

    def _id(self, topic: str) -> int:
        found = self._ids.get(topic)
        if found is None:
            if len(self._ids) >= _KNOWN_TOPICS:
                self._ids.clear()
            for number, pattern in enumerate(self._patterns):
                if _core.topic_matches(pattern.filter, topic):
                    found = number
                    break
            else:
                found = len(self._patterns)
            self._ids[topic] = found
        return found

    def _extractor(self, pattern: int) -> _Extractor:
        found = self._extractors.get(pattern)
        if found is None:
            template = self._patterns[pattern].template if pattern < len(self._patterns) else None
            known = self._known.get(self.name(pattern), ())
            found = self._extractors[pattern] = _Extractor(
                self._extraction,
                template,
                raw=self._raw,
                known=known,
                quarantine_bytes=self._quarantine_bytes,
            )
        return found


def _by_day(batch: pa.RecordBatch) -> Iterator[tuple[str, pa.RecordBatch]]:
    import numpy as np
    import pyarrow as pa

    if batch.num_rows == 0:
        return
    times = batch.column("_recv_time").cast(pa.int64()).to_numpy(zero_copy_only=False)
    days = times // DAY_NS
    if days.min() == days.max():
        yield day_of(int(times[0])), batch
        return
    for day in np.unique(days):
        yield day_of(int(day) * DAY_NS), batch.filter(pa.array(days == day))


def _pieces(batch: pa.RecordBatch, size: int) -> Iterator[pa.RecordBatch]:
    """Of some megabytes: what of them cannot be read is in the extractor's memory for a moment."""
    step = -(-batch.num_rows // max(1, batch.nbytes // size))
    for begin in range(0, batch.num_rows, step):
        yield batch.slice(begin, step)


class _Extractor:
    """Of one pattern: a stream's extraction, whose columns and types grow over all its messages."""

    def __init__(
        self,
        extraction: Mapping[str, Any],
        template: str | None,
        *,
        raw: bool,
        known: Sequence[tuple[str, str]] = (),
        quarantine_bytes: int = _QUARANTINE_BYTES,
    ) -> None:
        self._queue = _core.Queue(
            max_messages=_NO_LIMIT, max_bytes=_NO_LIMIT, max_payload_bytes=268_435_455, overflow="drop_newest", keep_properties=False
        )
        options = extract_options(
            **extraction,
            topic_template=template,
            metadata=[*SPOOL_METADATA, "payload_index"],
            max_quarantine_messages=_QUARANTINE,
            max_quarantine_bytes=quarantine_bytes,
        )
        self._reader = _core.StreamReader(self._queue, options)
        self._raw = raw
        self._pushed = 0
        self._unreadable = 0
        self._forgotten = 0  # of the last batch: reasons that had no room, of payloads of many megabytes
        if extraction.get("payload", "auto") in ("auto", "json") and not extraction.get("schema") and not extraction.get("explode"):
            self._push(["example"], [example_payload(known, sep=extraction.get("sep", "."), besides=level_names(template))])
            while self._reader.next(1 << 30, 0.0, 0.0) is not None:
                pass

    def columns(self) -> list[tuple[str, str]]:
        return [(name, kind) for name, kind in self._reader.schema().fields() if not name.startswith("_") and kind != "null"]

    def rows(self, batch: pa.RecordBatch, pattern: int, day: str) -> Iterator[Rows]:
        import numpy as np
        import pyarrow as pa

        payloads = batch.column("value_raw") if "value_raw" in batch.schema.names else pa.nulls(batch.num_rows, pa.binary())
        payloads = payloads.fill_null(b"")
        base, count = self._pushed, batch.num_rows
        places = self._push(batch.column("_topic").to_pylist(), payloads.to_pylist())
        found = []
        while (cells := self._reader.next(1 << 30, 0.0, 0.0)) is not None:
            found.append(cells)
        self._reader.take_events()
        tables = [pa.record_batch(cells) for cells in found]
        numbers = [places[table.column("_payload_index").to_numpy(zero_copy_only=False) - base] for table in tables]
        reasons = {int(places[number]): why for number, why in self._reasons(base).items()}
        every = np.arange(count)
        whole = len(numbers) == 1 and np.array_equal(numbers[0], every)
        missing = np.setdiff1d(every, np.concatenate(numbers)) if numbers and not whole else every[:0] if whole else every
        if len(missing):
            if self._forgotten:
                reasons = {int(number): _FORGOTTEN for number in missing} | reasons
            topics = batch.column("_topic").take(pa.array(missing))
            of_rows = np.concatenate([*numbers, missing])
            found = [_in_order([*tables, self._topics_alone(topics)], of_rows)]
            numbers = [np.sort(of_rows, kind="stable")]
        unreadable = len(reasons)
        for cells, of_rows in zip(found, numbers, strict=True):
            firsts = np.diff(of_rows, prepend=-1) != 0
            beside = self._beside(batch, payloads, of_rows, firsts, reasons)
            yield Rows(pattern, day, cells, beside, int(np.count_nonzero(firsts)), unreadable)
            unreadable = 0  # counted

    def _push(self, topics: Sequence[str], payloads: Sequence[bytes]) -> np.ndarray[Any, Any]:
        """Where in them each message is that the extractor got: all of them, as the spool has taken them by the same rules."""
        import numpy as np

        push = self._queue.push
        taken = [push(topic, payload) == "stored" for topic, payload in zip(topics, payloads, strict=True)]
        places = np.arange(len(taken)) if all(taken) else np.flatnonzero(taken)
        self._pushed += len(places)
        return places

    def _topics_alone(self, topics: pa.Array) -> pa.RecordBatch:
        """Rows without cells, but for the topic and its levels: as an empty message has them."""
        import pyarrow as pa

        self._push(topics.to_pylist(), [b""] * len(topics))
        found = []
        while (cells := self._reader.next(1 << 30, 0.0, 0.0)) is not None:
            found.append(pa.Table.from_batches([pa.record_batch(cells)]))
        made = pa.concat_tables(found, promote_options="permissive").combine_chunks().to_batches() if found else []
        return made[0] if made and made[0].num_rows == len(topics) else pa.record_batch({"_topic": topics})

    def _reasons(self, base: int) -> dict[int, str]:
        """What could not be read of this batch, and why."""
        quarantined = self._reader.counters()["quarantined"]
        if quarantined == self._unreadable:
            self._forgotten = 0
            return {}
        count = quarantined - self._unreadable
        self._unreadable = quarantined
        found = {entry[2] - base: f"{entry[3]}: {entry[4]}" for entry in self._reader.quarantine() if entry[2] >= base}
        self._forgotten = count - len(found)
        return found

    def _beside(
        self,
        batch: pa.RecordBatch,
        payloads: pa.Array,
        of_rows: np.ndarray[Any, Any],
        firsts: np.ndarray[Any, Any],
        reasons: dict[int, str],
    ) -> dict[str, pa.Array]:
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        as_it_is = len(of_rows) == batch.num_rows and bool(firsts.all())
        places = None if as_it_is else pa.array(of_rows)
        columns = {
            f"_{name}": batch.column(f"_{name}") if places is None else batch.column(f"_{name}").take(places)
            for name in SPOOL_METADATA
            if name != "topic"
        }
        why = [reasons.get(int(number)) for number in of_rows] if reasons else None
        columns[UNREADABLE] = pa.nulls(len(of_rows), pa.string()) if why is None else pa.array(why, pa.string())
        kept = firsts if self._raw else np.zeros(len(firsts), bool) if why is None else np.array([one is not None for one in why]) & firsts
        if places is not None:
            payloads = payloads.take(places)
        columns[PAYLOAD] = payloads if kept.all() else pc.if_else(pa.array(kept), payloads, pa.scalar(None, pa.binary()))
        return columns


def _in_order(tables: Sequence[pa.RecordBatch], of_rows: np.ndarray[Any, Any]) -> _core.RecordBatch:
    """Their rows by the messages ``of_rows`` that they are of."""
    import numpy as np
    import pyarrow as pa

    from .frame import Batch

    table = pa.concat_tables([pa.Table.from_batches([one]) for one in tables], promote_options="permissive")
    taken = table.take(pa.array(np.argsort(of_rows, kind="stable"))).combine_chunks()
    return Batch.from_arrow(taken.to_batches()[0])._batch


def arranged(cells: pa.Table, beside: Mapping[str, pa.ChunkedArray]) -> pa.Table:
    """The columns of a file, in order; those of which no value was ever seen have no type, and stay out."""
    import pyarrow as pa

    columns: dict[str, Any] = {"_topic": cells.column("_topic")}
    columns |= {f"_{name}": beside[f"_{name}"] for name in HEAD[1:]}
    for name in cells.column_names:
        if name not in _REPLACED and name not in columns and name != "value_raw" and not pa.types.is_null(cells.schema.field(name).type):
            columns[f"/{name}" if name in (PAYLOAD, UNREADABLE) else name] = cells.column(name)
    columns |= {f"_{name}": beside[f"_{name}"] for name in TAIL}
    columns |= {UNREADABLE: beside[UNREADABLE], PAYLOAD: beside[PAYLOAD]}
    return pa.table(columns)
