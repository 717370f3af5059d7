"""The cells of one protocol version and QoS, in a process of their own: ``python -m tests.faults.cells VERSION QOS SCRIPT…``

All at once, since most of each is waiting. A line of JSON tells that a cell begins, another how it ended: what a crash interrupts, and
what hangs, is therefore known by name.
"""

from __future__ import annotations

import faulthandler
import json
import sys
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.brokers.fault_scripts import SCRIPTS
from tests.brokers.faulty import FaultyBroker
from tests.brokers.sessions import Load, SessionStore
from tests.faults.history import Evidence, check, invariant
from tests.faults.witness import Witness

MESSAGES = 60
_AT_ONCE = 16
_lock = threading.Lock()


def run_cell(name: str, version: int, qos: int) -> dict[str, Any]:
    script = SCRIPTS[name]
    store = SessionStore(Load(total=MESSAGES, qos=qos))
    with FaultyBroker(store, *script.plan) as broker:
        witness = Witness(broker, version=version, client_id=f"{name}-{qos}", **script.options)
        if witness.open(qos=qos):
            if not script.breaks_twice:
                witness.publish("set/speed", qos, timeout=2.0)
            witness.read()
        witness.close()
        # What lean Paho is not shown, it says nothing about: the next connection is asked again.
        guarded = witness.client is not None and witness.client.stats()["refused_packets"] > 0
        evidence = witness.evidence() if witness.stream is not None else None
        unused = broker.unused()
    expected = {} if guarded else script.expected(version, qos)
    problems = refusal_problems(expected, witness.refusals, broke=len(store.history.visits) != 1 or "read" in witness.refusals)
    problems += [f"{fault} did not happen" for fault in unused]
    if evidence is not None:
        evidence.finished |= "read" in witness.refusals  # the session is over, and what the broker still has stays there
        problems += [f"{kind}: {text}" for kind, text in check(evidence)]
    return {"problems": problems, "terms": terms(evidence), "waits": {k: round(v, 2) for k, v in witness.waits.items()}}


def refusal_problems(expected: dict[str, str], refusals: dict[str, str], *, broke: bool) -> list[str]:
    """Where the connection ``broke``, what is published at that moment may end in an error; by name, and in time."""
    return [
        f"{step}: {refusals.get(step, 'no error')}, where {expected.get(step, 'none')} was expected"
        for step in sorted({*expected, *refusals})
        if refusals.get(step) != expected.get(step) and not (step == "publish" and broke and step not in expected)
    ]


def terms(evidence: Evidence | None) -> str:
    return invariant(evidence.stats) if evidence is not None else "no stream"


def say(**facts: Any) -> None:
    with _lock:
        print(json.dumps(facts), flush=True)


def run_and_say(name: str, version: int, qos: int) -> None:
    say(cell=name, state="begins")
    started = time.monotonic()
    try:
        result = run_cell(name, version, qos)
    except Exception as error:  # of the harness: a problem like any other
        result = {"problems": [f"{type(error).__name__}: {error}"]}
    say(cell=name, state="ends", seconds=round(time.monotonic() - started, 2), **result)


def main() -> None:
    faulthandler.enable()
    warnings.simplefilter("ignore")  # expected here; the counters are what is looked at
    version, qos, *names = sys.argv[1:]
    with ThreadPoolExecutor(_AT_ONCE) as workers:
        for name in names:
            workers.submit(run_and_say, name, int(version), int(qos))


if __name__ == "__main__":
    main()
