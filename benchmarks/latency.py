"""Suite: from the broker's write to the row in ``async for``: after silences, and at 10,000 messages a second.

The source notes when it writes each message, the child when its row is there: CLOCK_MONOTONIC, the same machine.
"""

from __future__ import annotations

import argparse
import array
import asyncio
import json
import os
import time
from pathlib import Path
from typing import Any

from .measure import Contest, run_process
from .payloads import COLUMNS, TOPIC_FILTER, typical_load
from .setting import Setting

RATE = 10_000
SECONDS = 5


def run(setting: Setting) -> list[Contest]:
    if reason := setting.absent("honeyframe"):
        return [Contest("latency", "Latency", {}, skipped={"honeyframe": reason})]
    return [after_silence(setting), at_a_rate(setting)]


def after_silence(setting: Setting) -> Contest:
    messages, (shortest, longest) = setting.idle_messages, setting.idle_gaps
    late = measure(setting, messages, gaps=setting.idle_gaps)
    contest = Contest("latency", "Broker to async for, idle", {}, plotted=False)
    contest.notes.append(
        f"{messages} messages after {shortest:g} to {longest:g} s of silence each, max_seconds=0: median {late[len(late) // 2]:.2f} ms, "
        f"p95 {percentile(late, 95):.2f} ms, p99 {percentile(late, 99):.2f} ms, longest {late[-1]:.2f} ms."
    )
    return contest


def at_a_rate(setting: Setting) -> Contest:
    messages = min(RATE * SECONDS, setting.messages)
    late = measure(setting, messages, rate=RATE, record="one")
    contest = Contest("latency", f"Broker to async for, {RATE:,}/s", {}, plotted=False)
    contest.notes.append(
        f"{messages:,} messages, a record and a write each, max_seconds=0: median {late[len(late) // 2]:.2f} ms, "
        f"p95 {percentile(late, 95):.2f} ms, p99 {percentile(late, 99):.2f} ms, longest {late[-1]:.2f} ms."
    )
    return contest


def measure(setting: Setting, messages: int, **pace: Any) -> list[float]:
    """Milliseconds, sorted."""
    warm_up = 2 if "gaps" in pace else min(1000, messages)  # the gaps hold for the warm-up, too
    with setting.source(typical_load(max(messages, 1000)), messages=messages, warm_up=warm_up, **pace) as source:
        arrivals = setting.work / "arrivals"
        words = ["--port", source.tls_port, "--authority", source.authority, "--core", setting.sink_core, "--arrivals", arrivals]
        run_process(setting.module("latency", *words, "--warm-up", warm_up, "--messages", messages))
        written = read_times(source.times, messages)
    received = read_times(arrivals, messages)
    return sorted((there - sent) / 1e6 for sent, there in zip(written, received, strict=True))


def read_times(path: Path, messages: int) -> array.array[int]:
    """The source may still be writing its own when the sink has its last row."""
    deadline = time.monotonic() + 10
    while True:
        times = array.array("q", path.read_bytes()) if path.exists() else array.array("q")
        if len(times) == messages:
            return times
        if time.monotonic() > deadline:
            raise RuntimeError(f"{path.name}: {len(times)} times of {messages}")
        time.sleep(0.05)


def percentile(ordered: list[float], share: int) -> float:
    return ordered[min(len(ordered) * share // 100, len(ordered) - 1)]


# The child -------------------------------------------------------------------------------------------------------------------------------


async def receive(client: Any, messages: int) -> array.array[int]:
    arrivals: array.array[int] = array.array("q")
    async with client.stream(TOPIC_FILTER, qos=0, columns=COLUMNS, overflow="block") as stream:
        async for batch in stream.batches(max_seconds=0, rows=messages):
            arrivals.extend([time.monotonic_ns()] * batch.num_rows)
    return arrivals


def main() -> None:
    import honeyframe as hf

    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--authority", required=True)
    parser.add_argument("--warm-up", type=int, required=True)
    parser.add_argument("--messages", type=int, required=True)
    parser.add_argument("--arrivals", type=Path, required=True)
    parser.add_argument("--core", type=int, default=-1)
    options = parser.parse_args()
    if options.core >= 0:
        os.sched_setaffinity(0, {options.core})
    client = hf.connect(f"mqtts://127.0.0.1:{options.port}", ca_file=options.authority, protocol="3.1.1")
    asyncio.run(receive(client, options.warm_up))
    arrivals = asyncio.run(receive(client, options.messages))
    options.arrivals.write_bytes(arrivals.tobytes())
    print(json.dumps({"user_s": 0.0, "system_s": 0.0, "wall_s": 0.0, "rows": len(arrivals)}), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
