"""Suite: resident memory: under a consumer ten times too slow, against a formula; and over a long stream, which must be flat.

    RSS <= base + the queue's max_bytes + batch bytes x (open + ready) + 2 x the largest packet

``base`` is the process after a warm-up stream. The topics' dictionary counts within max_bytes, and the kernel's receive buffer is not RSS.
"""

from __future__ import annotations

import argparse
import json
import os
import threading
import time
from pathlib import Path
from typing import Any

from . import payloads
from .measure import Contest, Goal, run_process
from .payloads import COLUMNS, TOPIC_FILTER
from .setting import Setting

MIB = 1 << 20
QUEUE_BYTES = 64 * MIB
OFFERED = 50_000  # messages a second
SLOWNESS = 10
THROTTLED_ROWS = 5_000  # a batch
OPEN_AND_READY = 2
STREAMED_ROWS = 50_000
FLAT_BYTES = 16 * MIB


def run(setting: Setting) -> list[Contest]:
    if reason := setting.absent("honeyframe"):
        return [Contest("memory", "Memory", {}, skipped={"honeyframe": reason})]
    return [throttled(setting), streamed(setting)]


def throttled(setting: Setting) -> Contest:
    """Long enough for the queue to fill several times over, if the run is of full size."""
    messages, load = setting.messages * 5, payloads.typical_load(setting.messages)
    with setting.source(load, messages=messages, rate=OFFERED, warm_up=setting.warm_up) as source:
        found = _child(setting, source, "throttled", messages)
    largest = 64 + max(map(len, payloads.read(load.write(setting.work))))  # topic and header, roundly
    ceiling = found["base"] + QUEUE_BYTES + OPEN_AND_READY * found["batch_bytes"] + 2 * largest
    contest = Contest("memory", "A consumer ten times too slow", {}, plotted=False)
    contest.notes.append(
        f"{messages:,} messages offered at {OFFERED:,}/s, {found['delivered']:,} delivered, {found['dropped']:,} dropped and counted; "
        f"queue full: {'yes' if found['dropped'] else 'no'}. Base {found['base'] / MIB:.0f} MiB, peak {found['peak'] / MIB:.0f} MiB, "
        f"batches of {found['batch_bytes'] / MIB:.1f} MiB; the formula allows {ceiling / MIB:.0f} MiB."
    )
    contest.goals.append(
        Goal("RSS under a slow consumer, of what the formula allows", 100 * found["peak"] / ceiling, 100, at_least=False, unit="%")
    )
    return contest


def streamed(setting: Setting) -> Contest:
    messages = setting.streamed_messages
    with setting.source(payloads.typical_load(setting.messages), messages=messages, warm_up=setting.warm_up) as source:
        found = _child(setting, source, "streamed", messages)
    contest = Contest("memory", "A long stream in batches", {}, plotted=False)
    contest.notes.append(
        f"{messages:,} messages in batches of {STREAMED_ROWS:,} rows as DataFrames, {found['delivered']:,} delivered: from "
        f"{found['lowest'] / MIB:.0f} to {found['peak'] / MIB:.0f} MiB after the first tenth."
    )
    contest.goals.append(
        Goal(
            f"RSS over {messages:,} messages, growth", (found["peak"] - found["early"]) / MIB, FLAT_BYTES / MIB, at_least=False, unit="MiB"
        )
    )
    return contest


def _child(setting: Setting, source: Any, mode: str, messages: int) -> dict[str, Any]:
    words = ["--mode", mode, "--port", source.tls_port, "--authority", source.authority, "--core", setting.sink_core]
    command = setting.module("memory", *words, "--warm-up", setting.warm_up, "--messages", messages)
    return run_process(command).extra


# The child: honeyframe in a process of its own --------------------------------------------------------------------------------------------


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Sampler(threading.Thread):
    """Looks at the process's RSS every 10 ms."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.lowest = self.peak = resident_bytes()
        self.done = threading.Event()

    def run(self) -> None:
        while not self.done.wait(0.01):
            now = resident_bytes()
            self.lowest, self.peak = min(self.lowest, now), max(self.peak, now)


def consume_slowly(client: Any, messages: int) -> dict[str, Any]:
    """A batch, then a pause, so that a tenth of what is offered is read."""
    base, sampler = resident_bytes(), Sampler()
    sampler.start()
    delivered = batch_bytes = 0
    with client.stream(TOPIC_FILTER, qos=0, columns=COLUMNS, max_queue_bytes=QUEUE_BYTES) as stream:
        started = time.monotonic()
        while stream.stats().received < messages and time.monotonic() - started < 2 * messages / OFFERED + 30:
            for batch in stream.batches(max_rows=THROTTLED_ROWS, rows=THROTTLED_ROWS, seconds=1):
                delivered += batch.num_rows
                batch_bytes = max(batch_bytes, _bytes_of(batch))
            due = started + delivered * SLOWNESS / OFFERED
            time.sleep(max(0.0, due - time.monotonic()))
        stats = stream.stats()
    sampler.done.set()
    facts = {"base": base, "peak": sampler.peak, "batch_bytes": batch_bytes}
    return facts | {"delivered": stats.delivered, "dropped": stats.dropped}


def consume_all(client: Any, messages: int) -> dict[str, Any]:
    delivered, sampler, early = 0, None, 0
    with client.stream(TOPIC_FILTER, qos=0, columns=COLUMNS, overflow="block") as stream:
        for batch in stream.batches(max_rows=STREAMED_ROWS, rows=messages, idle_seconds=20):
            delivered += len(batch.to_pandas())
            if sampler is None and delivered >= messages // 10:
                early, sampler = resident_bytes(), Sampler()
                sampler.start()
    assert sampler is not None, "the stream ended within its first tenth"
    sampler.done.set()
    return {"early": early, "lowest": sampler.lowest, "peak": sampler.peak, "delivered": delivered}


def _bytes_of(batch: Any) -> int:
    """Its Arrow buffers."""
    import pyarrow as pa

    return int(pa.record_batch(batch).nbytes)


def main() -> None:
    import honeyframe as hf

    parser = argparse.ArgumentParser()
    parser.add_argument("--mode", choices=["throttled", "streamed"], required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--authority", required=True)
    parser.add_argument("--warm-up", type=int, required=True)
    parser.add_argument("--messages", type=int, required=True)
    parser.add_argument("--core", type=int, default=-1)
    options = parser.parse_args()
    if options.core >= 0:
        os.sched_setaffinity(0, {options.core})
    client = hf.connect(f"mqtts://127.0.0.1:{options.port}", ca_file=options.authority, protocol="3.1.1")
    with client.stream(TOPIC_FILTER, qos=0, columns=COLUMNS, overflow="block") as stream:
        len(stream.read(rows=options.warm_up, seconds=120).to_pandas())
    extra = (consume_slowly if options.mode == "throttled" else consume_all)(client, options.messages)
    print(json.dumps({"user_s": 0.0, "system_s": 0.0, "wall_s": 0.0, "rows": extra["delivered"], "extra": extra}), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
