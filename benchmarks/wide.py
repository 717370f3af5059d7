"""Extraction of every column of a load file with ``hf.extract``: ``python -m benchmarks.wide --load FILE``. Rows are counted in values."""

from __future__ import annotations

import argparse
import json
import os
import resource
import time
from pathlib import Path

import honeyframe as hf

from .payloads import read


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--load", type=Path, required=True)
    parser.add_argument("--core", type=int, default=-1)
    options = parser.parse_args()
    if options.core >= 0:
        os.sched_setaffinity(0, {options.core})
    payloads = read(options.load)
    hf.extract(payloads[: max(len(payloads) // 10, 1)]).to_pandas()
    before, started = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    frame = hf.extract(payloads).to_pandas()
    after, ended = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    names = list(json.loads(payloads[0]))
    last = json.loads(payloads[-1])
    assert frame.iloc[-1][names].tolist() == list(last.values()), "the last row differs from the last payload"
    run = {
        "user_s": after.ru_utime - before.ru_utime,
        "system_s": after.ru_stime - before.ru_stime,
        "wall_s": ended - started,
        "rows": int(frame[names].notna().to_numpy().sum()),
    }
    print(json.dumps(run))


if __name__ == "__main__":
    main()
