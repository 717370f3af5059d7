"""``client.topics`` under a topic for each message; for ``test_crowds.py``. Says the peak of RSS, the time, and what was found."""

from __future__ import annotations

import time

from tests.faults.child import Sampler, facts, resident_bytes, say

import honeyframe as hf


def main() -> None:
    given = facts()
    client = hf.connect(given["uri"], client_id="crowd", protocol="3.1.1", keepalive=60)
    base, sampler = resident_bytes(), Sampler()
    began = time.monotonic()
    frame = client.topics("load/#", seconds=given["seconds"], messages=given["messages"], max_topics=given["max_topics"], qos=0)
    seconds = time.monotonic() - began
    say(
        base=base,
        peak=sampler.peak,
        seconds=seconds,
        watched=frame.attrs["honeyframe"]["seconds"],
        account=frame.attrs["honeyframe"],
        rows=len(frame),
        distinct=int(frame["topic"].nunique()),
        messages=int(frame["messages"].sum()),
        connects=client.stats()["connects"],
        arrived=client.stats()["arrived"],
    )
    client.close()


if __name__ == "__main__":
    main()
