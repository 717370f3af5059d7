"""The checker, against planted violations: each must be found, and nothing else; and a faultless history is faultless."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from tests.brokers.sessions import Ack, History, Sent, Visit
from tests.faults.history import TERMS, Evidence, Row, check, invariant


def history(qos: int = 1, version: int = 5) -> History:
    """Ten messages on one connection, acknowledged, that was then cut; the eleventh came, unheard, and again, marked, on the second."""
    made = History()
    made.visits = [Visit(0, 1, version, False, "cut"), Visit(1, 1, version, True, "disconnected")]
    made.sent = [Sent(0, n, n + 1 if qos else 0, qos, False, n) for n in range(11)]
    made.sent += [Sent(1, 10, 11 if qos else 0, qos, qos > 0, 10)]
    if qos == 1:
        made.acks = [Ack(0, "puback", n + 1, n) for n in range(10)] + [Ack(1, "puback", 11, 10)]
    if qos == 2:
        made.acks = [Ack(0, "pubrec", n + 1, n) for n in range(10)] + [Ack(1, "pubrec", 11, 10), Ack(1, "pubcomp", 11, 10)]
    return made


def stats(**given: int) -> dict[str, int]:
    return {**dict.fromkeys(("received", *TERMS, "duplicates"), 0), **given}


def evidence(qos: int = 1, version: int = 5) -> Evidence:
    rows = [Row(n, False) for n in range(11)] + ([Row(10, True)] if qos == 1 else [])
    return Evidence(
        history=history(qos, version),
        rows=rows,
        stats=stats(received=len(rows), delivered=len(rows), duplicates=sum(row.dup for row in rows)),
        session={"arrived": 13, "routed": 12, "unmatched": 0, "held": 1},
        ledger=[("connected", None, 1), ("connection_lost", "session_kept", 1)]
        + ([("duplicates", "packet_id_seen", 1)] if qos == 1 else []),
        waits={"connect": 0.1},
    )


def kinds(found: Evidence) -> set[str]:
    return {violation.kind for violation in check(found)}


@pytest.mark.parametrize("version", [4, 5])
@pytest.mark.parametrize("qos", [0, 1, 2])
def test_a_faultless_history(qos: int, version: int) -> None:
    assert check(evidence(qos, version)) == []


def without(number: int, **counted: int) -> Callable[[Evidence], Evidence]:
    """The number came, and was not handed out; ``counted`` says what became of it."""

    def plant(found: Evidence) -> Evidence:
        rows = [row for row in found.rows if row.number != number]
        marked = sum(row.dup for row in found.rows)
        ledger = [*(found.ledger or ()), *((term, "oldest", count) for term, count in counted.items())]
        totals = stats(received=len(rows) + sum(counted.values()), delivered=len(rows), duplicates=marked, **counted)
        return replace(found, rows=rows, stats=totals, ledger=ledger)

    return plant


def with_rows(*more: Row, counted: bool = True) -> Callable[[Evidence], Evidence]:
    def plant(found: Evidence) -> Evidence:
        rows = [*found.rows, *more]
        duplicates = found.stats["duplicates"] + sum(row.dup for row in more)
        if not counted:
            return replace(found, rows=rows)
        ledger = [row for row in found.ledger or () if row[0] != "duplicates"] + [("duplicates", "dup_flag", duplicates)]
        return replace(found, rows=rows, ledger=ledger, stats=stats(received=len(rows), delivered=len(rows), duplicates=duplicates))

    return plant


def with_fields(**changes: Any) -> Callable[[Evidence], Evidence]:
    return lambda found: replace(found, **changes)


def swapped(found: Evidence) -> Evidence:
    rows = list(found.rows)
    rows[2], rows[5] = rows[5], rows[2]
    return replace(found, rows=rows)


def unmarked(found: Evidence) -> Evidence:
    return replace(found, rows=[row._replace(dup=False) for row in found.rows])


def uncounted(found: Evidence) -> Evidence:
    return replace(found, stats={**found.stats, "duplicates": 0}, ledger=[row for row in found.ledger or () if row[0] != "duplicates"])


def lost_session(found: Evidence) -> Evidence:
    found.history.visits[1].session_present = False
    return found


def stats_with(**changes: int) -> Callable[[Evidence], Evidence]:
    return lambda found: replace(found, stats={**found.stats, **changes})


@pytest.mark.parametrize(
    ("qos", "plant", "kind"),
    [
        pytest.param(1, stats_with(received=13), "imbalance", id="one is received and nowhere"),
        pytest.param(1, stats_with(queued=1), "imbalance", id="one is queued and was not received"),
        pytest.param(1, with_fields(session={"arrived": 12, "routed": 11, "unmatched": 0, "held": 0}), "imbalance", id="the session's sum"),
        pytest.param(1, with_rows(Row(3, False), counted=False), "rows", id="a row too many"),
        pytest.param(1, stats_with(received=14, dropped=2), "overcounted", id="more received than sent"),
        pytest.param(1, without(4), "lost", id="acknowledged and missing"),
        pytest.param(2, without(4), "lost", id="QoS 2, taken over with PUBREC and missing"),
        pytest.param(0, without(10), "lost", id="QoS 0 on a whole connection and missing"),
        pytest.param(1, with_fields(finished=False), "stuck", id="the broker waits for an acknowledgement"),
        pytest.param(1, with_rows(Row(99, False)), "made up", id="never sent"),
        pytest.param(2, with_rows(Row(10, True)), "twice", id="QoS 2 twice in a session"),
        pytest.param(1, unmarked, "marks", id="the copy is not marked"),
        pytest.param(0, with_rows(Row(10, True)), "marks", id="marked, and QoS 0 has no marks"),
        pytest.param(1, uncounted, "duplicates", id="the copy is not counted"),
        pytest.param(1, swapped, "order", id="two rows in the wrong order"),
        pytest.param(1, with_fields(ledger=[("duplicates", "dup_flag", 3)]), "ledger", id="the ledger tells of more duplicates"),
        pytest.param(1, with_fields(ledger=[]), "ledger", id="the ledger tells of none"),
        pytest.param(1, lost_session, "gap", id="a lost session that nobody tells of"),
        pytest.param(1, with_fields(waits={"close": 10.5}), "hang", id="a step that hangs"),
    ],
)
def test_a_planted_violation_is_found(qos: int, plant: Callable[[Evidence], Evidence], kind: str) -> None:
    assert kind in kinds(plant(evidence(qos)))


@pytest.mark.parametrize("term", ["dropped", "rejected", "quarantined"])
def test_what_is_counted_is_no_loss(term: str) -> None:
    assert kinds(without(4, **{term: 1})(evidence())) == set()


def test_a_loss_beyond_what_is_counted_is_found() -> None:
    one = without(4, dropped=1)(evidence())
    assert kinds(replace(one, rows=[row for row in one.rows if row.number != 5], stats={**one.stats, "delivered": 10, "received": 11})) == {
        "lost"
    }


def test_qos_0_on_a_cut_connection_may_be_lost() -> None:
    assert kinds(without(4)(evidence(qos=0))) == set()


def test_qos_2_before_mqtt_5_is_taken_over_with_pubcomp() -> None:
    assert kinds(without(4)(evidence(qos=2, version=4))) == set()
    assert kinds(without(10)(evidence(qos=2, version=4))) == {"lost"}


def test_the_ledgers_folded_rows_count() -> None:
    found = replace(evidence(), ledger=[("overflow", "duplicates", 1)])
    assert kinds(found) == set()


def test_the_terms_are_printed() -> None:
    assert invariant(stats(received=3, delivered=2, dropped=1)) == "received 3 = delivered 2 + dropped 1"
