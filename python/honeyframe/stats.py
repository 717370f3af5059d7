"""The book of a stream: every message it received, and what became of it."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

_TERMS: Final = ("delivered", "queued", "in_batch", "dropped", "superseded", "rejected", "quarantined", "discarded_on_close")


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamStats:
    """Counters of one stream at one moment. All are 64-bit, and never go back but for what is held (``queued``, ``in_batch``, their bytes),
    for ``sequence_missing`` when a missing number comes late, and for ``delivered`` and ``rows`` after an interrupted read, whose batches
    are in hand again.

    In messages, exact at any moment::

        received = delivered + queued + in_batch + dropped + superseded + rejected + quarantined + discarded_on_close

    A message that yields no rows counts as delivered; ``rows`` are counted apart. Also readable by name: ``stats["received"]``,
    ``dict(stats)``.

    >>> stats = StreamStats(received=3, delivered=2, queued=1)
    >>> stats.balanced, stats["queued"]
    (True, 1)
    >>> print(stats)
    received 3 = delivered 2 + queued 1
    """

    received: int = 0
    delivered: int = 0
    queued: int = 0
    in_batch: int = 0
    dropped: int = 0
    superseded: int = 0
    rejected: int = 0
    quarantined: int = 0
    discarded_on_close: int = 0
    # bytes, rows, time
    received_bytes: int = 0
    queued_bytes: int = 0
    held_bytes: int = 0
    dropped_bytes: int = 0
    superseded_bytes: int = 0
    rows: int = 0
    blocked_ns: int = 0
    spool_bytes: int = 0
    # why: these add up to `dropped` and to `rejected`
    dropped_oldest: int = 0
    dropped_newest: int = 0
    dropped_block_timeout: int = 0
    dropped_no_memory: int = 0
    dropped_no_slot: int = 0  # overflow="latest": max_topics other topics had something unread
    dropped_spool_failed: int = 0
    dropped_spool_damaged: int = 0
    rejected_topic: int = 0
    rejected_too_large: int = 0
    # among those above: messages with the DUP flag, and those of them whose packet id this stream had seen
    duplicates: int = 0
    duplicate_packet_ids: int = 0
    # of the extraction
    payloads: int = 0
    quarantine_evicted: int = 0
    empty_payloads: int = 0
    misfits: int = 0
    extras: int = 0
    numbers_from_strings: int = 0
    na_strings: int = 0
    duplicate_keys: int = 0
    bad_event_times: int = 0
    topics_not_matching_template: int = 0
    bad_property_texts: int = 0
    name_collisions: int = 0
    # of sequence=, in numbers, and in gaps, restarts, rows and publishers
    sequence_missing: int = 0
    sequence_gaps: int = 0
    sequence_repeated: int = 0
    sequence_out_of_order: int = 0
    sequence_restarts: int = 0
    sequence_unreadable: int = 0
    sequence_forgotten: int = 0
    # of the face
    retained_skipped_rows: int = 0
    decode_failed: int = 0
    breaches: int = 0  # of contract=, in rows, a row that breaks it twice counted twice
    gaps: int = 0

    @property
    def balanced(self) -> bool:
        """Whether the sum above holds. It always does: a False is a fault of honeyframe."""
        return self.received == sum(self[term] for term in _TERMS)

    def as_dict(self) -> dict[str, int]:
        """Name -> value, in the order of the fields."""
        return {name: self[name] for name in self.keys()}

    def keys(self) -> Iterator[str]:
        return iter(_NAMES)

    def __iter__(self) -> Iterator[str]:
        return self.keys()

    def __getitem__(self, name: str) -> int:
        if name not in _NAMES:
            raise KeyError(name)
        value: int = getattr(self, name)
        return value

    def __str__(self) -> str:
        terms = [f"{term.replace('_', ' ')} {self[term]:,}" for term in _TERMS if self[term] or term == "delivered"]
        return f"received {self.received:,} = {' + '.join(terms)}"

    def __repr__(self) -> str:
        shown = set(_TERMS) | {"received", "rows"}
        rest = [
            f"{name} {value:,}" for name, value in self.as_dict().items() if value and name not in shown and not name.endswith("_bytes")
        ]
        also = f" | {', '.join(rest)}" if rest else ""
        return f"<StreamStats {self} | rows {self.rows:,}{also}>"

    def _repr_html_(self) -> str:
        cells = "".join(
            f"<tr><td>{html.escape(name)}</td><td style='text-align:right'>{value:,}</td></tr>"
            for name, value in self.as_dict().items()
            if value or name in {"received", "delivered", "rows"}
        )
        return f"<div><p>{html.escape(str(self))}</p><table>{cells}</table></div>"


_NAMES: Final = tuple(field.name for field in fields(StreamStats))


def stats_from_core(counters: Mapping[str, int], extraction: Mapping[str, int], **more: int) -> StreamStats:
    """StreamStats from the core's two tables of counters. Names of later cores are left out, not an error."""
    values: dict[str, Any] = {}
    # The queue's book comes last: what both count (rows, quarantined) is exact there, under its lock.
    for table in (extraction, counters, more):
        values.update({name: value for name, value in table.items() if name in _NAMES})
    return StreamStats(**values)
