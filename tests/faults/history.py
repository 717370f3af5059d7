"""The checker: a broker's history against what came out of a stream, and what the stream says of itself.

It proves the invariant (received = delivered + queued + in_batch + dropped + superseded + rejected + quarantined + discarded_on_close),
and that nothing is missing, doubled, unmarked or made up. It knows nothing of honeyframe but the shape of what it is given.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tests.brokers.sessions import History, Sent

TERMS = ("delivered", "queued", "in_batch", "dropped", "superseded", "rejected", "quarantined", "discarded_on_close")
_GIVEN_UP = ("dropped", "superseded", "rejected", "quarantined", "discarded_on_close", "queued", "in_batch")
_LEDGER_SUMS = ("dropped", "rejected", "quarantined", "duplicates")
LONGEST_WAIT = 10.0


class Row(NamedTuple):
    number: int
    dup: bool


class Violation(NamedTuple):
    kind: str
    text: str


@dataclass(kw_only=True)
class Evidence:
    """``ledger``: the stream's, as (event, reason, count). ``waits``: step -> how long it took, in seconds. ``finished``: whether the
    broker got rid of everything. What is None was not looked at."""

    history: History
    rows: Sequence[Row]
    stats: Mapping[str, int]
    session: Mapping[str, int] | None = None
    ledger: Sequence[tuple[str, str | None, int]] | None = None
    waits: Mapping[str, float] = field(default_factory=dict)
    finished: bool = True


def invariant(stats: Mapping[str, int]) -> str:
    """Its terms, to be printed."""
    terms = " + ".join(f"{term} {stats[term]:,}" for term in TERMS if stats[term] or term == "delivered")
    return f"received {stats['received']:,} = {terms}"


def check(evidence: Evidence) -> list[Violation]:
    """Everything that is wrong; an empty list proves the cell."""
    found: list[Violation] = []
    for part in (_balance, _missing, _made_up, _twice, _marks, _order, _ledger, _time):
        found += part(evidence)
    return found


def _balance(evidence: Evidence) -> Iterable[Violation]:
    stats = evidence.stats
    if stats["received"] != sum(stats[term] for term in TERMS):
        yield Violation("imbalance", invariant(stats))
    if len(evidence.rows) != stats["delivered"]:
        yield Violation("rows", f"{len(evidence.rows):,} rows came out, {stats['delivered']:,} messages are called delivered")
    if stats["received"] > len(evidence.history.sent):
        yield Violation("overcounted", f"{stats['received']:,} received, {len(evidence.history.sent):,} sent")
    session = evidence.session
    if session is not None and session["arrived"] != session["routed"] + session["unmatched"] + session["held"]:
        yield Violation("imbalance", f"the session's: {dict(session)}")


def _missing(evidence: Evidence) -> Iterable[Violation]:
    """What was acknowledged, or went out on a whole connection, is delivered, or one of those that are counted as given up."""
    missing = evidence.history.owed() - {row.number for row in evidence.rows}
    given_up = sum(evidence.stats[term] for term in _GIVEN_UP) + (evidence.session or {}).get("unmatched", 0)
    if len(missing) > given_up:
        yield Violation("lost", f"{len(missing)} missing, {given_up} accounted for: {_some(missing)}")
    if not evidence.finished:
        yield Violation("stuck", "the broker still has messages that were not acknowledged, or not asked for")


def _made_up(evidence: Evidence) -> Iterable[Violation]:
    sent = Counter(one.number for one in evidence.history.sent)
    came = Counter(row.number for row in evidence.rows)
    if made_up := [number for number, count in came.items() if count > sent[number]]:
        yield Violation("made up", f"delivered more often than sent: {_some(made_up)}")


def _twice(evidence: Evidence) -> Iterable[Violation]:
    """QoS 2: once a transaction. A number has more of them where the broker began a new session, or sent it under two ids."""
    transactions: dict[int, set[int]] = {}
    for one in evidence.history.sent:
        if one.qos == 2:
            transactions.setdefault(one.number, set()).add(one.transaction)
    others = {one.number for one in evidence.history.sent if one.qos != 2}
    came = Counter(row.number for row in evidence.rows)
    if twice := [number for number, ids in transactions.items() if came[number] > len(ids) and number not in others]:
        yield Violation("twice", f"QoS 2, delivered more often than once a session: {_some(twice)}")


def _marks(evidence: Evidence) -> Iterable[Violation]:
    """A row has ``_dup`` if, and only if, such a packet was sent; copies beyond the first of a packet sent once are marked, and counted."""
    sent = Counter((one.number, one.dup) for one in evidence.history.sent)
    came = Counter(evidence.rows)
    wrong = [tuple(row) for row, count in came.items() if count > sent[row.number, row.dup]]
    if wrong:
        yield Violation("marks", f"rows whose _dup no packet had: {_some(wrong)}")
    marked = sum(row.dup for row in evidence.rows)
    if marked > evidence.stats["duplicates"]:
        yield Violation("duplicates", f"{marked} rows have _dup, {evidence.stats['duplicates']} are counted")


def _order(evidence: Evidence) -> Iterable[Violation]:
    """QoS 0 and 1: rows come in the order of the packets. (QoS 2 before MQTT 5 is delivered with PUBREL.)"""
    sent = evidence.history.sent
    if any(one.qos == 2 for one in sent):
        return
    if (at := _first_not_in_order(evidence.rows, sent)) is not None:
        yield Violation("order", f"row {at}, {tuple(evidence.rows[at])}, is out of order")


def _first_not_in_order(rows: Sequence[Row], sent: Sequence[Sent]) -> int | None:
    packets = iter(sent)
    for at, row in enumerate(rows):
        if not any(one.number == row.number and one.dup == row.dup for one in packets):
            return at
    return None


def _ledger(evidence: Evidence) -> Iterable[Violation]:
    """The ledger's sums are the counters; a gap is told if, and only if, the broker said that it has no session."""
    if evidence.ledger is None:
        return
    sums: Counter[str] = Counter()
    for event, reason, count in evidence.ledger:
        sums[reason if event == "overflow" and reason else event] += count
    for event in _LEDGER_SUMS:
        if sums[event] != evidence.stats[event]:
            yield Violation("ledger", f"{event}: {sums[event]} in the ledger, {evidence.stats[event]} in the counters")
    answers = [visit.session_present for visit in evidence.history.visits if visit.session_present is not None]
    gaps = sum(not present for present in answers[1:])
    if sums["gap"] != gaps:
        yield Violation("gap", f"{sums['gap']} gaps told, {gaps} sessions lost")


def _time(evidence: Evidence) -> Iterable[Violation]:
    for step, seconds in evidence.waits.items():
        if seconds > LONGEST_WAIT:
            yield Violation("hang", f"{step} took {seconds:.1f} s")


def _some(values: Iterable[Any]) -> str:
    ordered = sorted(values)
    return ", ".join(map(str, ordered[:8])) + (f" and {len(ordered) - 8} more" if len(ordered) > 8 else "")
