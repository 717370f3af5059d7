"""How a transform of a millisecond a message scales over Dask workers that read a spool. No broker runs.

    python -m benchmarks.scaling [--messages 5000] [--workers 1 2] [--rounds 5]

The work is pure Python, so that it holds the GIL and has a core of its own; it is calibrated to the milliseconds asked for beforehand.
Rounds take turns between the numbers of workers, since a machine that others use slows down and speeds up; the best ones are those that the
others disturbed least. Prints the load beside.
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


class Workers:
    """A cluster of some workers, one thread each, that stays for all rounds."""

    def __init__(self, spool: Path, number: int, turns: int, messages: int) -> None:
        import distributed

        self.number = number
        self._spool, self._turns, self._messages = spool, turns, messages
        self._cluster = distributed.LocalCluster(
            n_workers=number, threads_per_worker=1, dashboard_address="127.0.0.1:0", silence_logs=logging.CRITICAL
        )
        self.client = distributed.Client(self._cluster, set_as_default=False)
        self.client.wait_for_workers(number)
        self.client.run(_warm)
        self.seconds(turns=1)

    def seconds(self, turns: int | None = None) -> float:
        import pandas as pd

        import honeyframe as hf

        meta = pd.DataFrame({"n": pd.Series([], dtype="Int64"), "score": pd.Series([], dtype="Int64")})
        options = {"topic_template": "plant/{line}/telemetry", "event_time": "ts", "part_rows": max(1, self._messages // 20)}
        begin = time.perf_counter()
        ddf = hf.dask.read_spool(self._spool, client=self.client, **options)
        graph = ddf.map_partitions(transform, turns or self._turns, meta=meta)["score"].count()
        count = self.client.compute(graph).result()
        seconds = time.perf_counter() - begin
        if count != self._messages:
            raise SystemExit(f"{count} of {self._messages} messages came out")
        return seconds

    def close(self) -> None:
        self.client.close()
        self._cluster.close()


def _warm() -> None:
    import pandas  # noqa: F401
    import pyarrow  # noqa: F401

    import honeyframe.dask_parts  # noqa: F401


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=5000)
    parser.add_argument("--milliseconds", type=float, default=1.2)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    turns = calibrate(given.milliseconds)
    found: dict[int, list[float]] = {workers: [] for workers in given.workers}
    with tempfile.TemporaryDirectory() as folder:
        spool = Path(folder) / "spool"
        write_spool(spool, given.messages)
        all_of_them = [Workers(spool, workers, turns, given.messages) for workers in given.workers]
        for number in range(given.rounds):
            load = os.getloadavg()[0]
            for workers in all_of_them:
                found[workers.number].append(workers.seconds())
            told = ", ".join(f"{workers}: {times[-1]:.2f} s" for workers, times in found.items())
            print(f"round {number + 1}: {told} (load average {load:.1f})", flush=True)
        for workers in all_of_them:
            workers.close()
    first = found[given.workers[0]]
    for workers, times in found.items():
        middle, best = statistics.median(times), min(times)
        ratios = f"{statistics.median(first) / middle:.2f} and {min(first) / best:.2f} times {given.workers[0]}"
        print(f"{workers} workers: median {middle:.2f} s, best {best:.2f} s: {ratios}; {best / given.messages * 1000:.2f} ms a message")


if __name__ == "__main__":
    main()
