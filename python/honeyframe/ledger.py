"""The ledger as a DataFrame: what happened to a stream beside its messages, a row an episode, in bounded memory.

The core keeps what concerns messages (``cpp/core/ledger.h``); what happens to the session comes by its events, and is kept here.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from .arguments import count_of

if TYPE_CHECKING:
    import pandas as pd

#: (event, subject, first_ns, last_ns, occurrences, count, bytes, detail, [(topic, count)], folded), as the core gives it.
CoreRow: TypeAlias = tuple[str, str, int, int, int, int, int, str, list[tuple[str, int]], bool]

#: Of each event, here as in the core; older rows are folded into one.
MAX_ROWS: Final = 200
OVERFLOW: Final = "overflow"

_REPEATED: Final = frozenset({"retrying", "refused"})

_ABOUT_COLUMNS: Final = frozenset(
    {
        "misfit",
        "column_added",
        "column_widened",
        "max_columns",
        "name_collision",
        "event_time_unit",
        "number_from_string",
        "na_string",
    }
)
_ABOUT_BYTES: Final = frozenset({"dropped", "rejected", "duplicates", "quarantined", "misfit"})
#: How large the payloads were that a spool has lost nobody knows any more.
_UNKNOWN_BYTES: Final = ("dropped", "spool_damaged", 0)


@dataclass(slots=True)
class LedgerRow:
    """One row of the frame. Zero is no time."""

    event: str
    time_ns: int
    until_ns: int = 0
    reason: str | None = None
    topic: str | None = None
    column: str | None = None
    count: int = 1
    bytes: int | None = None
    topics: str | None = None
    detail: str | None = None


def row_from_core(row: CoreRow) -> LedgerRow:
    event, subject, first_ns, last_ns, occurrences, count, size, detail, topics, folded = row
    has_bytes = event in _ABOUT_BYTES and (event, subject, size) != _UNKNOWN_BYTES
    shown = LedgerRow(event, first_ns, last_ns, count=count, bytes=size if has_bytes else None)
    if folded:
        shown.event, shown.reason, shown.detail = OVERFLOW, event, count_of(occurrences, "row")
        return shown
    if event in _ABOUT_COLUMNS:
        shown.column = subject
    elif event.startswith("sequence_"):
        shown.topic = subject
    else:
        shown.reason = subject
    if topics:
        counts: dict[str, int] = {}
        for topic, number in topics:  # long ones are cut, and may be the same then
            counts[topic] = counts.get(topic, 0) + number
        shown.topics = json.dumps(counts, ensure_ascii=False)
    if detail and event.startswith("sequence_") and event != "sequence_gap" and occurrences > 1:
        detail += f", and {occurrences - 1:,} more"
    shown.detail = detail or None
    return shown


class SessionHistory:
    """What happened to a session, from its events in their order. Bounded; not thread safe: :class:`SessionLog` guards it."""

    def __init__(self) -> None:
        self._rows: dict[str, deque[LedgerRow]] = {}
        self._folded: dict[str, tuple[int, LedgerRow]] = {}  # by event: how many rows, and their sum
        self._lost: LedgerRow | None = None  # the loss that lasts, and what belongs to it
        self._repeating: dict[str, LedgerRow] = {}  # by event: the attempts to connect since the loss, until one succeeds
        self._gap: LedgerRow | None = None
        self._last_ns = 0  # of the last event
        self._events_lost = 0

    def note_lost(self, total: int, until_ns: int) -> None:
        """``total`` events so far were lost before anybody took them, the newest of these before ``until_ns``."""
        if total > self._events_lost:
            self._keep(LedgerRow("events_lost", self._last_ns or until_ns, until_ns, count=total - self._events_lost))
            self._events_lost = total

    def add(self, event: dict[str, Any]) -> None:
        """One of ``Session.take_events()``."""
        kind, time_ns, detail = event["kind"], event.get("time_ns", 0), event.get("detail") or None
        self._last_ns = max(self._last_ns, time_ns)
        row = LedgerRow(kind, time_ns, time_ns, detail=detail)
        if event.get("code") not in (None, "", "ok"):
            row.reason = event["code"]
            row.detail = detail or event.get("message") or None
        if self._repeats(row):
            return
        row.topic = ", ".join(event.get("subjects") or ()) or None
        self._relate(row)
        self._keep(row)

    def rows(self) -> list[LedgerRow]:
        """Copies: they may grow meanwhile."""
        folded = [replace(total, event=OVERFLOW, reason=kind, detail=count_of(rows, "row")) for kind, (rows, total) in self._folded.items()]
        return [*folded, *(replace(row) for rows in self._rows.values() for row in rows)]

    def _repeats(self, row: LedgerRow) -> bool:
        """Whether it was added to the row of its episode: all attempts, and the refusals for one reason."""
        if row.event not in _REPEATED:
            return False
        before = self._repeating.get(row.event)
        if before is None or (row.event == "refused" and before.reason != row.reason):
            self._repeating[row.event] = row
            return False
        before.count += 1
        before.until_ns, before.detail = row.time_ns, row.detail
        return True

    def _relate(self, row: LedgerRow) -> None:
        if row.event == "connection_lost":
            self._lost = row
            self._repeating.clear()
            row.reason = None  # the session's, once there is a connection again; what broke it is in the detail
        elif row.event == "connected":
            if self._lost is not None:
                self._lost.until_ns, self._lost.reason = row.time_ns, "session_kept"
            self._repeating.clear()
        elif row.event == "gap":
            row.reason = "session_lost"
            if self._lost is not None:
                row.time_ns, self._lost.reason = self._lost.time_ns, "session_lost"
            self._gap = row
        elif row.event == "resubscribed":
            row.count = int((row.detail or "").split(" ")[0]) if (row.detail or "")[:1].isdecimal() else 1
            if self._gap is not None:
                self._gap.until_ns, self._gap = row.time_ns, None

    def _keep(self, row: LedgerRow) -> None:
        rows = self._rows.setdefault(row.event, deque())
        rows.append(row)
        if len(rows) <= MAX_ROWS:
            return
        old = rows.popleft()
        count, total = self._folded.get(row.event, (0, LedgerRow(row.event, old.time_ns, count=0)))
        total.count += old.count
        total.time_ns, total.until_ns = min(total.time_ns, old.time_ns), max(total.until_ns, old.until_ns)
        self._folded[row.event] = (count + 1, total)


def ledger_frame(core: Iterable[CoreRow], others: Sequence[LedgerRow] = ()) -> pd.DataFrame:
    """Both in one frame, oldest first; :meth:`honeyframe.Stream.ledger` says what its columns are."""
    import pyarrow as pa

    from .dtypes import to_pandas

    rows = sorted([*map(row_from_core, core), *others], key=lambda row: row.time_ns)
    moment = pa.timestamp("ns", tz="UTC")

    def times(values: Iterable[int]) -> pa.Array:
        return pa.array([value or None for value in values], pa.int64()).cast(moment)

    def text(name: str) -> pa.Array:
        return pa.array([getattr(row, name) for row in rows], pa.string())

    return to_pandas(
        pa.table(
            {
                "time": times(row.time_ns for row in rows),
                "until": times(row.until_ns for row in rows),
                "event": text("event"),
                "reason": text("reason"),
                "topic": text("topic"),
                "column": text("column"),
                "count": pa.array([row.count for row in rows], pa.int64()),
                "bytes": pa.array([row.bytes for row in rows], pa.int64()),
                "topics": text("topics"),
                "detail": text("detail"),
            }
        )
    )
