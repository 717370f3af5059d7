"""How a transform of a millisecond a message scales over Dask workers that read a spool. No broker runs.

    python -m benchmarks.scaling [--messages 4000] [--workers 1 2] [--rounds 3]

The work is pure Python, so that it holds the GIL and has a core of its own; it is calibrated to the milliseconds asked for beforehand. Rounds
take turns between the numbers of workers, since a machine that others use slows down and speeds up. Prints the load beside.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any


def write_spool(path: Path, messages: int) -> None:
    from honeyframe import _core

    queue = _core.SpoolQueue(str(path))
    for number in range(messages):
        payload = json.dumps({"ts": 1_800_000_000 + number, "n": number, "temperature": 20 + number % 10})
        queue.push(f"plant/{number % 50}/telemetry", payload.encode(), receive_time_ns=time.time_ns())
    queue.close()


def burn(turns: int) -> int:
    total = 0
    for turn in range(turns):
        total = (total * 31 + turn) % 1_000_003
    return total


def calibrate(milliseconds: float) -> int:
    """Turns of :func:`burn` that take so long here, by CPU time: the best of several, so that nobody else's work makes it less."""
    turns = 10_000
    best = min(_cpu(turns) for _ in range(20))
    return round(turns * milliseconds / 1000 / best)


def _cpu(turns: int) -> float:
    begin = time.process_time()
    burn(turns)
    return time.process_time() - begin


def transform(frame: Any, turns: int) -> Any:
    return frame.assign(score=[burn(turns) + number for number in frame["n"]])[["n", "score"]]


def measure(spool: Path, workers: int, turns: int, messages: int) -> float:
    import distributed
    import pandas as pd

    import honeyframe as hf

    with (
        distributed.LocalCluster(
            n_workers=workers, threads_per_worker=1, dashboard_address="127.0.0.1:0", silence_logs=logging.CRITICAL
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        client.wait_for_workers(workers)
        meta = pd.DataFrame({"n": pd.Series([], dtype="Int64"), "score": pd.Series([], dtype="Int64")})

        def run(rows: int) -> Any:
            ddf = hf.dask.read_spool(spool, topic_template="plant/{line}/telemetry", event_time="ts", part_rows=rows)
            return ddf.map_partitions(transform, turns if rows < messages else 1, meta=meta)["score"].count().compute()

        run(messages)  # imports
        client.run(_warm)
        begin = time.perf_counter()
        count = run(max(1, messages // 40))
        seconds = time.perf_counter() - begin
        if count != messages:
            raise SystemExit(f"{count} of {messages} messages came out")
        return seconds


def _warm() -> None:
    import pandas  # noqa: F401
    import pyarrow  # noqa: F401

    import honeyframe.dask_parts  # noqa: F401


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=4000)
    parser.add_argument("--milliseconds", type=float, default=1.2)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    turns = calibrate(given.milliseconds)
    found: dict[int, list[float]] = {workers: [] for workers in given.workers}
    with tempfile.TemporaryDirectory() as folder:
        spool = Path(folder) / "spool"
        write_spool(spool, given.messages)
        for number in range(given.rounds):
            for workers in given.workers:
                load, begin = os.getloadavg()[0], time.process_time()
                seconds = measure(spool, workers, turns, given.messages)
                found[workers].append(seconds)
                own = time.process_time() - begin
                print(
                    f"round {number + 1}: {workers} workers: {seconds:.2f} s, {seconds / given.messages * 1000:.3f} ms a message"
                    f" (load average before {load:.2f}; caller {own:.2f} s of CPU)",
                    flush=True,
                )
    base = statistics.median(found[given.workers[0]])
    for workers, times in found.items():
        print(f"{workers} workers: median {statistics.median(times):.2f} s, {base / statistics.median(times):.2f} times {given.workers[0]}")


if __name__ == "__main__":
    main()
