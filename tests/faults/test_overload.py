"""Catalogue P1: a consumer at a tenth of the offered rate, under each overflow policy: memory by the formula, the book to the message."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from tests.brokers.faulty import FaultyBroker
from tests.brokers.sessions import Load, SessionStore
from tests.faults.child import MIB, FaultChild
from tests.faults.history import TERMS, invariant
from tests.faults.load import amount, needs_proc

pytestmark = needs_proc

SECONDS = amount("OVERLOAD_SECONDS", 2.0)
IS_LONG = SECONDS >= 20
RATE = 20_000 if IS_LONG else 10_000
QUEUE_BYTES = (32 if IS_LONG else 2) * MIB
SLACK = 3 * MIB  # a stream's buffers and threads, whatever its queue is
TOPICS = 200

POLICIES: dict[str, dict[str, Any]] = {
    "drop_oldest": {"overflow": "drop_oldest"},
    "drop_newest": {"overflow": "drop_newest"},
    "block": {"overflow": "block", "block_timeout": 0.2},
    "latest": {"overflow": "latest"},
    "spooled": {"delivery": "spooled", "spool_max_bytes": QUEUE_BYTES},
}
# What each policy gives up messages as; "block" may get along without.
_GIVES_UP = {"drop_oldest": "dropped_oldest", "drop_newest": "dropped_newest", "latest": "superseded", "spooled": "dropped_oldest"}


def payload(number: int) -> bytes:
    return b'{"n":%d,"temperature":21.5,"text":"%s"}' % (number, b"x" * 150)


def topic(number: int) -> str:
    return f"load/{number % TOPICS}"


@pytest.mark.timeout(SECONDS + 90)
@pytest.mark.parametrize("policy", POLICIES)
def test_a_consumer_ten_times_too_slow(policy: str, tmp_path: Path) -> None:
    options = {"max_queue_bytes": QUEUE_BYTES, **POLICIES[policy]}
    if policy == "spooled":
        options["spool"] = str(tmp_path / "spool")
    store = SessionStore(Load(total=10**9, qos=0, rate=RATE, topic=topic, payload=payload), detail=False)
    with FaultyBroker(store) as broker, FaultChild("slow_consumer", uri=broker.uri(), options=options, rate=RATE, seconds=SECONDS) as child:
        base = child.line()["base"]
        time.sleep(SECONDS)
        store.halt()
        child.tell("stop")
        found = child.result()
    stats = found["stats"]
    ceiling = base + QUEUE_BYTES + 2 * found["batch_bytes"] + 2 * 512
    print(
        f"{policy}: {invariant(stats)}; sent {store.history.packets:,}; base {base / MIB:.0f}, peak {found['peak'] / MIB:.1f} MiB, "
        f"formula {ceiling / MIB:.1f} MiB, second half {found['slope'] / MIB:+.1f} MiB"
    )
    assert stats["received"] == store.history.packets
    assert stats["received"] == sum(stats[term] for term in TERMS)
    assert stats["delivered"] == found["rows"]
    assert stats["queued"] == stats["in_batch"] == 0
    if policy in _GIVES_UP:
        assert stats[_GIVES_UP[policy]] > 0, "it was never full: this shows nothing"
    assert found["peak"] - base <= 1.1 * (ceiling - base) + SLACK
    if IS_LONG:
        assert found["slope"] <= MIB * SECONDS / 120
