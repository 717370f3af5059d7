"""One sink of sinks.py in a process of its own: ``python -m benchmarks.subscriber --sink honeyframe --port N ...``.

Connects, warms up, measures one run: CPU of this process alone, all its threads, from just before SUBSCRIBE until the DataFrame is there.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import time
from typing import Any

from . import sinks
from .payloads import digest
from .versions import versions


def main() -> None:
    options = parse()
    if options.core >= 0:
        os.sched_setaffinity(0, {options.core})
    sink = sinks.SINKS[options.sink](options.port, options.authority, options.qos)
    sink.connect()
    sink.run(options.warm_up)
    result = count_objects(sink, options.rows) if options.objects else measure(sink, options.rows)
    # A sink's threads need not end well: nothing after this counts.
    print(json.dumps(result | {"version": versions(sink.packages)}), flush=True)
    os._exit(0)


def measure(sink: sinks.Sink, rows: int) -> dict[str, Any]:
    before, started = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    frame = sink.run(rows)
    after, ended = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    return {
        "user_s": after.ru_utime - before.ru_utime,
        "system_s": after.ru_stime - before.ru_stime,
        "wall_s": ended - started,
        "rows": len(frame),
        "digest": digest(frame),
    }


def count_objects(sink: sinks.Sink, rows: int) -> dict[str, Any]:
    """Objects allocated from the socket to the record batches, by honeyframe: they must not grow with the messages."""
    from . import allocations

    assert isinstance(sink, sinks.Honeyframe)
    objects = None
    with contextlib.suppress(allocations.NoCompilerError):
        with allocations.counting():
            pass  # built and installed: not part of the count
        with allocations.counting() as count:
            rows = len(sink.read(rows))
        objects = count.allocations
    return {"user_s": 0.0, "system_s": 0.0, "wall_s": 0.0, "rows": rows, "extra": {"objects": objects}}


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--sink", required=True, choices=sinks.SINKS)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--authority", default="")
    parser.add_argument("--qos", type=int, default=0)
    parser.add_argument("--warm-up", type=int, required=True)
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--core", type=int, default=-1)
    parser.add_argument("--objects", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
