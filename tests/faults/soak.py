"""The soak: hours scaled to minutes. ``python -m tests.faults.soak --minutes 10 --messages 5000000``; it ends by itself.

Two processes: this one is the broker, which is killed and started again, and whose payloads change their shape every ten seconds; the
child is honeyframe, which reads batches as DataFrames and keeps account of every number. At the end: resident memory must not have grown,
the book must balance, every message must have come, and copies must be marked.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from dataclasses import dataclass
from typing import Any

from tests.brokers.faulty import FaultyBroker
from tests.brokers.sessions import Load, SessionStore
from tests.faults.child import MIB, FaultChild, facts, heard, resident_bytes, say
from tests.faults.history import TERMS, invariant

DRIFT_SECONDS = 10.0
SLOPE_BYTES = 1 * MIB  # in ten minutes
SHAPES = 7
WARM_UP = 0.25  # of the time, and two rounds of all shapes at least
WINDOW = 100
TOPICS = 500


@dataclass
class Drift:
    """Payloads whose shape changes with time: a key comes, goes, changes its type, is nested, or holds what does not fit."""

    every: float = DRIFT_SECONDS
    started: float = 0.0

    def payload(self, number: int) -> bytes:
        era = int((time.monotonic() - self.started) / self.every)
        extra = (
            b"",
            b',"humidity":%d' % (number % 100),
            b',"humidity":"N/A"',
            b',"state":{"on":true,"code":%d}' % (number % 7),
            b',"tags":["a","b%d"]' % (number % 3),
            b',"level":%d.5' % (number % 1000),
            b',"text":"%s"' % (b"y" * (number % 50)),
        )[era % SHAPES]
        return b'{"n":%d,"temperature":%d.25%s}' % (number, number % 40, extra)


def topic(number: int) -> str:
    return f"load/{number % TOPICS}"


class Consumer:
    """The child's account: one byte a number, how often it came."""

    def __init__(self, stream: Any, messages: int) -> None:
        self.stream = stream
        self.rows = 0
        self.unmarked_copies = 0
        self.copies = 0
        self.misfits = 0
        self._times = bytearray(b"\1") * messages  # written to now: what this account takes must not look like a leak
        self._times[:] = bytes(messages)

    def read(self, seconds: float) -> None:
        for batch in self.stream.batches(max_rows=20_000, max_seconds=0.25, seconds=seconds):
            df = batch.to_pandas()
            self.rows += len(df)
            times = self._times
            for number, dup in zip(df["n"].tolist(), df["_dup"].tolist(), strict=True):
                if times[number]:
                    self.copies += 1
                    self.unmarked_copies += not dup
                times[number] += 1

    def missing(self, sent: int) -> int:
        return self._times[:sent].count(0)


def child() -> None:
    import honeyframe as hf

    given = facts()
    client = hf.connect(
        given["uri"],
        client_id="soak",
        protocol="5.0",
        clean_start=False,
        session_expiry=3600,
        receive_maximum=WINDOW,
        reconnect_min_delay=0.05,
        reconnect_max_delay=0.5,
    )
    stream = client.stream("load/#", qos=1, metadata=["topic", "recv_time", "dup"])
    consumer = Consumer(stream, given["messages"])
    words: list[str] = []
    threading.Thread(target=lambda: words.append(heard()), daemon=True).start()
    said = 0.0
    while not words:
        consumer.read(0.5)
        if time.monotonic() - said >= given["every"]:
            said = time.monotonic()
            say(rss=resident_bytes(), stats=stream.stats().as_dict(), connects=client.info()["connects"])
    sent = int(words[0])
    limit = time.monotonic() + 30
    while consumer.missing(sent) and time.monotonic() < limit:
        consumer.read(0.5)
    connects = client.info()["connects"]
    client.close()
    consumer.read(0.5)
    say(
        rss=resident_bytes(),
        stats=stream.stats().as_dict(),
        connects=connects,
        rows=consumer.rows,
        missing=consumer.missing(sent),
        copies=consumer.copies,
        unmarked=consumer.unmarked_copies,
        ledger=len(stream.ledger()),
        last=True,
    )


def slope(samples: list[tuple[float, int]]) -> float | None:
    """Bytes in ten minutes, by least squares. None: too little was seen to say so."""
    if len(samples) < 3:
        return None
    middle = sum(at for at, _ in samples) / len(samples)
    mean = sum(rss for _, rss in samples) / len(samples)
    spread = sum((at - middle) ** 2 for at, _ in samples)
    return 600 * sum((at - middle) * (rss - mean) for at, rss in samples) / spread


def soak(minutes: float, messages: int, kills: int, every: float, drift: float = DRIFT_SECONDS) -> tuple[dict[str, Any], list[str]]:
    """What the child said last, with the slope of its memory; and what is wrong."""
    seconds = minutes * 60
    shape = Drift(drift, time.monotonic())
    store = SessionStore(
        Load(total=messages, qos=1, rate=messages / seconds, topic=topic, payload=shape.payload), window=WINDOW, detail=False
    )
    started, samples, problems, done = time.monotonic(), [], [], 0
    with FaultyBroker(store) as broker, FaultChild("soak", uri=broker.uri(), messages=messages, every=every) as reader:
        while time.monotonic() - started < seconds + 60 and store.offered() < messages:
            due = started + (done + 1) * seconds / (kills + 1)
            if done < kills and time.monotonic() >= due:
                broker.kill()
                broker.start()
                done += 1
            found = reader.line(every * 5 + 30)
            at = time.monotonic() - started
            if at > max(WARM_UP * seconds, 2 * SHAPES * drift):
                samples.append((at, found["rss"]))
            print(f"{at:6.0f} s  {found['rss'] / MIB:6.1f} MiB  {found['connects']} connects  {invariant(found['stats'])}", flush=True)
            if found["stats"]["received"] != sum(found["stats"][term] for term in TERMS):
                problems.append(f"the book does not balance: {invariant(found['stats'])}")
        store.halt()
        broker.wait_finished(30)
        sent = max(session.next_number for session in store.sessions.values())
        reader.tell(str(sent))
        while not (found := reader.line(90)).get("last"):
            pass
        reader.ended()
    return found | {"slope": slope(samples), "kills": done, "sent": sent}, problems


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--messages", type=int, default=5_000_000)
    parser.add_argument("--kills", type=int, default=100)
    options = parser.parse_args()
    found, problems = soak(options.minutes, options.messages, options.kills, every=min(5.0, options.minutes * 60 / 20))
    problems += complaints(found)
    grown = "not looked at" if found["slope"] is None else f"{found['slope'] / MIB:+.2f} MiB in ten minutes"
    print(f"{found['sent']:,} messages, {found['kills']} reconnects, {found['copies']} copies, of them not marked: {found['unmarked']}")
    print(f"RSS {found['rss'] / MIB:.1f} MiB, after the warm-up {grown}\n{invariant(found['stats'])}")
    for problem in problems:
        print("WRONG:", problem)
    return int(bool(problems))


def complaints(found: dict[str, Any]) -> list[str]:
    stats = found["stats"]
    wrong = {
        f"{found['missing']} messages are missing": found["missing"],
        f"{found['unmarked']} copies are not marked": found["unmarked"],
        f"more copies than were in flight: {found['copies']}": found["copies"] > found["kills"] * WINDOW,
        f"the book does not balance: {invariant(stats)}": stats["received"] != sum(stats[term] for term in TERMS),
        f"{found['rows']} rows, {stats['delivered']} delivered": found["rows"] != stats["delivered"],
        f"only {found['connects']} connections": found["connects"] < found["kills"],
        f"memory grows by {(found['slope'] or 0.0) / MIB:.2f} MiB in ten minutes": (found["slope"] or 0.0) > SLOPE_BYTES,
        "too short: memory was not looked at after the warm-up": found["slope"] is None,
    }
    return [text for text, is_wrong in wrong.items() if is_wrong]


if __name__ == "__main__":
    if len(sys.argv) == 2 and sys.argv[1].startswith("{"):
        child()
    else:
        sys.exit(main())
