"""A contract: a saved catalog that later messages must keep to. Checked a batch at a time, column by column."""

from __future__ import annotations

import dataclasses
import json
import os
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from . import _core
from .arguments import count_of
from .catalog import Catalog, load_catalog
from .contract_check import BreachKind, Found, PatternCheck
from .errors import ContractError, ContractWarning, InvalidArgumentError
from .events import printable, warn
from .keywords import OnBreach, Path
from .ledger import MAX_ROWS, OVERFLOW, LedgerRow
from .stream import Stream

if TYPE_CHECKING:
    import pandas as pd

    from .frame import Batch
    from .stats import StreamStats

_EVENT: Final = "breach"
_EPISODE_NS: Final = 10_000_000_000
_MOST_TOLD: Final = 10_000
_MOST_TOPICS: Final = 100_000  # whose pattern is remembered
_LISTED: Final = 5

_Key: TypeAlias = tuple[str, str, str | None]  # kind, pattern, column


@dataclass(frozen=True, slots=True)
class Breach:
    """What messages of one batch broke: a kind, a pattern, a column."""

    kind: BreachKind
    pattern: str
    topic: str  # the first one
    column: str | None
    expected: str
    found: str
    count: int  # rows

    def __str__(self) -> str:
        where = f"{printable(self.topic)!r}" + (f", column {printable(self.column)!r}" if self.column is not None else "")
        rows = "" if self.count == 1 else f" ({count_of(self.count, 'row')})"
        return f"{self.kind.replace('_', ' ')}: {where}: expected {printable(self.expected)}, found {printable(self.found)}{rows}"


class Contract:
    """A catalog, and the book of what broke it. One for each stream; not thread safe: its stream guards it."""

    def __init__(self, catalog: Catalog, on_breach: OnBreach, *, levels: AbstractSet[str] = frozenset(), only: Sequence[str] | None = None):
        self.on_breach = on_breach
        self.count = 0
        self._catalog = catalog
        self._checks = {name: PatternCheck(pattern, levels, only) for name, pattern in catalog.items()}
        self._by_topic = {topic: [name] for name, pattern in catalog.items() for topic in pattern.topics}
        self._known: dict[str, list[str]] = {}
        self._episodes: dict[_Key, _Episode] = {}
        self._rows: deque[_Episode] = deque()
        self._folded = LedgerRow(OVERFLOW, 0, reason=_EVENT, count=0)
        self._folded_rows = 0
        self._told: set[_Key] = set()

    def check(self, batch: Batch) -> tuple[list[Breach], list[Breach]]:
        """What the rows of a batch break; and of these, what was not told before."""
        import pyarrow as pa

        arrow = pa.record_batch(batch)
        breaches = list(self._breaches(arrow)) if arrow.num_rows else []
        new = []
        for breach in breaches:
            self.count += breach.count
            key = (breach.kind, breach.pattern, breach.column)
            if key not in self._told and len(self._told) < _MOST_TOLD:  # when that is full, all further ones are counted alone
                self._told.add(key)
                new.append(breach)
        return breaches, new

    def _breaches(self, arrow: Any) -> Iterator[Breach]:
        import numpy as np
        import pyarrow as pa

        encoded = arrow.column("_topic").dictionary_encode()
        topics = encoded.dictionary.to_pylist()
        where = encoded.indices.fill_null(0).to_numpy(zero_copy_only=False)
        numbers = {name: number for number, name in enumerate(self._checks)}
        chosen = np.full(len(topics), -1, dtype="int64")
        for index, topic in enumerate(topics):
            fitting = self._patterns_of(topic)
            if len(fitting) > 1:  # told apart by what is in it
                fitting = [self._likeliest(fitting, arrow.filter(pa.array(where == index)), topic)]
            if fitting:
                chosen[index] = numbers[fitting[0]]
        patterns = chosen[where]
        names = list(self._checks)
        for number in np.unique(patterns).tolist():
            mask = patterns == number
            rows = arrow if mask.all() else arrow.filter(pa.array(mask))
            if number < 0:
                found: Iterable[Found] = [
                    Found("unknown_topic", None, "a topic of the catalog", "a topic that fits no pattern of it", None)
                ]
                name = ""
            else:
                name = names[number]
                found = self._checks[name].run(rows)
            for one in found:
                yield self._note(name, one, rows)

    def _patterns_of(self, topic: str | None) -> list[str]:
        if topic is None:
            return []
        names = self._by_topic.get(topic) or self._known.get(topic)
        if names is None:
            names = [name for name, pattern in self._catalog.items() if _core.topic_matches(pattern.filter, topic)]
            if len(self._known) >= _MOST_TOPICS:
                self._known.clear()
            self._known[topic] = names
        return names

    def _likeliest(self, names: list[str], rows: Any, topic: str | None) -> str:
        best = min(names, key=lambda name: len(list(self._checks[name].run(rows))))
        if topic is not None:
            self._known[topic] = [best]
        return best

    def _note(self, pattern: str, found: Found, rows: Any) -> Breach:
        """Enters what was found into the book."""
        import pyarrow.compute as pc

        concerned = rows if found.rows is None else rows.filter(found.rows)
        topics = Counter({one["values"]: one["counts"] for one in pc.value_counts(concerned.column("_topic")).to_pylist()})
        first = concerned.column("_topic")[0].as_py() or ""
        breach = Breach(found.kind, pattern, first, found.column, found.expected, found.found, concerned.num_rows)
        first_ns, last_ns = _times(concerned)
        episode = self._episodes.get((found.kind, pattern, found.column))
        if episode is None or first_ns - episode.until_ns > _EPISODE_NS:
            episode = _Episode(breach, first_ns)
            self._keep(episode)
        episode.until_ns = max(episode.until_ns, last_ns)
        episode.count += breach.count
        episode.add_topics(topics)
        return breach

    def _keep(self, episode: _Episode) -> None:
        self._episodes[episode.key] = episode
        self._rows.append(episode)
        if len(self._rows) <= MAX_ROWS:
            return
        old = self._rows.popleft()
        if self._episodes.get(old.key) is old:
            del self._episodes[old.key]
        total = self._folded
        total.time_ns = total.time_ns or old.time_ns
        total.until_ns = max(total.until_ns, old.until_ns)
        total.count += old.count
        self._folded_rows += 1

    def ledger(self) -> list[LedgerRow]:
        """The episodes, as the ledger has them."""
        kept = [episode.row() for episode in self._rows]
        folded = [dataclasses.replace(self._folded, detail=count_of(self._folded_rows, "row"))] if self._folded_rows else []
        return [*folded, *kept]


class _Episode:
    """One thing that is broken again and again, without ten seconds between."""

    __slots__ = ("breach", "count", "key", "time_ns", "topics", "until_ns")

    def __init__(self, breach: Breach, time_ns: int) -> None:
        self.breach = breach
        self.key = (breach.kind, breach.pattern, breach.column)
        self.time_ns = self.until_ns = time_ns
        self.count = 0
        self.topics: Counter[str] = Counter()

    def add_topics(self, topics: Mapping[str, int]) -> None:
        self.topics.update(topics)
        if len(self.topics) > 1_000:
            self.topics = Counter(dict(self.topics.most_common(500)))

    def row(self) -> LedgerRow:
        breach = self.breach
        return LedgerRow(
            _EVENT,
            self.time_ns,
            self.until_ns,
            reason=breach.kind,
            topic=breach.topic,
            column=breach.column,
            count=self.count,
            topics=json.dumps(dict(self.topics.most_common(_LISTED)), ensure_ascii=False),
            detail=f"expected {breach.expected}, found {breach.found}",
        )


def _times(arrow: Any) -> tuple[int, int]:
    import pyarrow as pa
    import pyarrow.compute as pc

    if "_recv_time" not in arrow.schema.names:
        now = time.time_ns()
        return now, now
    found = pc.min_max(arrow.column("_recv_time").cast(pa.int64())).as_py()
    return found["min"] or time.time_ns(), found["max"] or time.time_ns()


class ContractStream(Stream):
    """A stream whose batches are held against a contract as they are handed out. Windows are not checked."""

    def __init__(self, reader: _core.StreamReader, *, contract: Contract, **options: Any) -> None:
        super().__init__(reader, **options)
        self._contract = contract
        self._cleared_rows = 0  # at the head of what is in hand: checked before

    def stats(self) -> StreamStats:
        """As :meth:`Stream.stats`, with ``breaches``."""
        return dataclasses.replace(super().stats(), breaches=self._contract.count)

    def ledger(self) -> pd.DataFrame:
        """As :meth:`Stream.ledger`, with a row ``breach`` for each episode of what breaks the contract; its reason is the kind."""
        from .ledger import ledger_frame

        with self._lock:
            more = self._contract.ledger()
        rows = self._reader.ledger()
        if self._decoder:
            rows = self._decoder.whole_ledger(rows)
        return ledger_frame(rows, [*(self._subscription.client._log.history() if self._subscription else ()), *more])

    def _pop(self, max_rows: int) -> Batch | None:
        batch = super()._pop(max_rows)
        if batch is None:
            return None
        with self._lock:
            if self._cleared_rows > 0:
                self._cleared_rows = max(0, self._cleared_rows - batch.num_rows)
                return batch
            breaches, new = self._contract.check(batch)
        try:
            self._tell_breaches(breaches, new)
        except BaseException:  # a warning that was made an error among them
            self._put_back([batch])
            raise
        return batch

    def _put_back(self, batches: list[Batch]) -> None:
        super()._put_back(batches)
        with self._lock:
            self._cleared_rows += sum(batch.num_rows for batch in batches)

    def _tell_breaches(self, breaches: list[Breach], new: list[Breach]) -> None:
        for breach in new:  # INFO: what deserves attention is a warning, or an error, too
            self._log.logger.info("contract: %s", breach, extra={"honeyframe_event": "breach"})
        shown = breaches if self._contract.on_breach == "raise" else new
        if not shown:
            return
        more = len(shown) - _LISTED
        told = "; ".join(map(str, shown[:_LISTED])) + (f"; and {more:,} more" if more > 0 else "")
        if self._contract.on_breach == "warn":
            warn(f"the contract is broken: {told}. stream.ledger() has them all", ContractWarning)
            return
        error = ContractError(
            f"the contract is broken: {told}",
            hint="The next step hands the batch out all the same. Is it right, make the catalog anew; or on_breach='warn'.",
            subjects=list(dict.fromkeys(breach.topic for breach in breaches)),
        )
        error.breaches = tuple(breaches)
        raise error


def make_contract(given: Catalog | Path | None, on_breach: OnBreach, extraction: Mapping[str, Any], levels: Iterable[str]) -> Contract:
    """The contract of a stream with these options.

    Raises:
        OSError, InvalidCatalogError: the file of a saved catalog cannot be read.
        InvalidArgumentError: the catalog is empty, or the stream does not have what is to be checked.
    """
    if on_breach not in ("warn", "raise"):
        raise InvalidArgumentError(f"on_breach is 'warn' or 'raise'; found {on_breach!r}")
    if given is None:
        raise InvalidArgumentError("on_breach= says what becomes of a broken contract=, which is missing")
    if not isinstance(given, (Catalog, str, os.PathLike)):
        raise TypeError(f"contract must be an hf.Catalog or the path of a saved one, not {type(given).__name__}")
    catalog = given if isinstance(given, Catalog) else load_catalog(given)
    if not catalog:
        raise InvalidArgumentError("the contract is a catalog without a pattern: every message would break it")
    fixed = {"payload": "auto", "sep": ".", "explode": None}
    for name, value in fixed.items():
        if extraction.get(name, value) != value:
            raise InvalidArgumentError(f"contract= needs the columns that a catalog has: {name}= cannot be given beside it")
    if "topic" not in (extraction.get("metadata") or ("topic",)):
        raise InvalidArgumentError("contract= finds a message's pattern by its topic: metadata= must have 'topic'")
    only = extraction.get("columns")
    if extraction.get("schema") is not None:
        from .schema import Schema

        only = Schema(extraction["schema"]).names
    return Contract(catalog, on_breach, levels=frozenset(levels), only=None if only is None else list(only))
