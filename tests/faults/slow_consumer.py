"""A consumer that takes a tenth of what is offered, until it is told to stop; then it reads the rest. For ``test_overload.py``.

Says ``base`` (RSS, after a warm-up), then the peak, the batches' size and the book.
"""

from __future__ import annotations

import threading
import time

from tests.faults.child import Sampler, facts, heard, resident_bytes, say

import honeyframe as hf

_ROWS = 1_000  # a batch


def main() -> None:
    given = facts()
    client = hf.connect(given["uri"], client_id="slow", protocol="3.1.1")
    hf.extract([b'{"n":1,"temperature":21.5,"text":"warm"}'] * 1000).to_pandas()
    stop = threading.Event()
    threading.Thread(target=lambda: (heard(), stop.set()), daemon=True).start()
    base, sampler = resident_bytes(), Sampler()
    stream = client.stream("load/#", qos=0, **given["options"])
    say(base=base)
    rows, batch_bytes, slope = consume(stream, given["rate"] / 10, stop, given["seconds"])
    peak = sampler.peak
    received = -1
    while stream.stats().received != received:  # what was on its way
        received = stream.stats().received
        time.sleep(0.2)
        rows += rest(stream)
    rows += rest(stream)
    stats = stream.stats().as_dict()
    client.close()
    say(peak=peak, slope=slope, batch_bytes=batch_bytes, rows=rows, stats=stats)


def consume(stream: hf.Stream, rate: float, stop: threading.Event, seconds: float) -> tuple[int, int, int]:
    """Rows, the largest batch, and by how much RSS has grown in the second half of the time."""
    import pyarrow as pa

    started, rows, batch_bytes, half = time.monotonic(), 0, 0, 0
    for batch in stream.batches(max_rows=_ROWS, max_seconds=0.05, yield_empty=True):
        rows += batch.num_rows
        batch_bytes = max(batch_bytes, pa.record_batch(batch).nbytes)
        if not half and time.monotonic() - started > seconds / 2:
            half = resident_bytes()
        if stop.wait(max(0.0, started + rows / rate - time.monotonic())):
            break
    return rows, batch_bytes, resident_bytes() - half


def rest(stream: hf.Stream) -> int:
    rows = 0
    while (more := stream.read(rows=50_000, seconds=0.1).num_rows) > 0:
        rows += more
    return rows


if __name__ == "__main__":
    main()
