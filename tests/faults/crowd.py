"""Reads a load to its end as fast as it can, or only lets it come; for ``test_crowds.py``. Says the peak of RSS and the book."""

from __future__ import annotations

import time

from tests.faults.child import Sampler, facts, resident_bytes, say

import honeyframe as hf

_ROWS = 10_000  # a batch


def main() -> None:
    import pyarrow as pa

    given = facts()
    client = hf.connect(given["uri"], client_id="crowd", protocol="3.1.1", keepalive=60)
    hf.extract([b'{"n":1}'] * 1000).to_pandas()
    base, sampler = resident_bytes(), Sampler()
    stream = client.stream("load/#", qos=0, **given["options"])
    rows, batch_bytes, topics = 0, 0, 0
    while stream.stats().received < given["messages"]:
        if not given["topics"]:
            time.sleep(0.05)
            continue
        for batch in stream.batches(max_rows=_ROWS, max_seconds=0.1, seconds=0.5):
            table = pa.record_batch(batch)
            rows += table.num_rows
            batch_bytes = max(batch_bytes, table.nbytes)
            topics += len(table.column("_topic").unique())
    rest = stream.read(seconds=0.2).num_rows if given["topics"] else 0
    time.sleep(0.2)
    end, stats = resident_bytes(), stream.stats().as_dict()
    refused = client.stats()["refused_packets"]
    client.close()
    say(
        refused_packets=refused,
        base=base,
        peak=sampler.peak,
        end=end,
        batch_bytes=batch_bytes,
        rows=rows + rest,
        topics=topics + rest,
        stats=stats,
    )


if __name__ == "__main__":
    main()
