"""How fast a recorder is without a network: a spool that was written beforehand goes into Parquet. Informational.

    python -m benchmarks.recording [MESSAGES] [--no-raw] [--topics N] [--patterns N]

Prints messages a second, processor time a message, bytes a message in the files, and the most memory that the recording process had. The
spool is written by another process, so that its memory is not counted. What is committed is read again and let go, as beside a stream that
writes the spool.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import resource
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any, cast

_PAYLOAD_BYTES = 230


def payloads(count: int) -> list[bytes]:
    """Of eight columns and 230 bytes, as in the other benchmarks."""
    dice = random.Random(7)
    found = []
    for number in range(count):
        row = {
            "ts": 1_795_651_200_000 + number,
            "device": f"device-{number % 1000:04d}",
            "temperature": round(dice.gauss(21, 3), 3),
            "humidity": round(dice.uniform(20, 80), 2),
            "pressure": round(dice.gauss(1013, 4), 2),
            "count": number,
            "running": number % 7 > 0,
            "location": {"lat": round(dice.uniform(47, 49), 6), "lon": round(dice.uniform(9, 16), 6)},
            "note": "",
        }
        room = _PAYLOAD_BYTES - len(json.dumps(row))
        row["note"] = ("steady as she goes, nothing to report " * 4)[:room]
        found.append(json.dumps(row).encode())
    return found


def write_spool(path: str, messages: int, topics: int) -> None:
    from honeyframe import _core

    queue = _core.SpoolQueue(path, spool_max_bytes=1 << 36, overflow="drop_newest")
    made = payloads(20_000)
    now = time.time_ns()
    for number in range(messages):
        queue.push(f"plant/{number % topics}/telemetry", made[number % len(made)], receive_time_ns=now + number * 10_000, qos=1)
    queue.close()


class SpoolHolder:
    """What a recorder's thread asks of the stream that writes the spool, to which nothing more comes."""

    def __init__(self, spool: str) -> None:
        from honeyframe import _core

        self._queue = _core.SpoolQueue(spool, from_=0, spool_max_bytes=1 << 36)
        self._reader = _core.StreamReader(self._queue, _core.ExtractOptions(payload="raw", metadata=["spool_seq"]))

    def _tell_all(self, *, idle: bool) -> None:
        pass

    def close(self) -> None:
        self._queue.close()


def record(spool: str, path: str, raw: bool, patterns: int) -> None:
    from honeyframe.recorder_thread import RecorderThread
    from honeyframe.recording_place import LocalPlace
    from honeyframe.recording_rows import patterns_of
    from honeyframe.recording_writer import RecordingWriter, Rotation, RowOptions

    topics = [f"plant/{number}/telemetry" for number in range(patterns - 1)] + ["plant/{line}/telemetry"]
    writer = RecordingWriter(LocalPlace(Path(path)), RowOptions(patterns_of(topics, None), {}, raw=raw), Rotation())
    writer.open()
    writer.begin(writer.manifest)
    holder = SpoolHolder(spool)
    thread = RecorderThread(Path(spool), writer, stream=cast(Any, holder))
    began, used = time.monotonic(), time.process_time()
    thread.start()
    while thread.counts().recorded + thread.counts().uncommitted < writer_target(spool):
        time.sleep(0.01)
    thread.stop()
    thread.join()
    seconds, cpu = time.monotonic() - began, time.process_time() - used
    if thread.error:
        raise thread.error
    counts = thread.counts()
    if (let_go := holder._reader.counters()["delivered"]) != counts.recorded:
        raise SystemExit(f"{let_go:,} of {counts.recorded:,} messages were let go: that is not what a recorder does")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    speed = f"{counts.recorded / seconds:,.0f} a second, {cpu / counts.recorded * 1e6:.2f} us of processor time a message"
    size = f"{counts.files} files, {counts.bytes / counts.recorded:.1f} bytes a message"
    print(f"{counts.recorded:,} messages in {seconds:.2f} s: {speed}; {size}; {peak:,.0f} MiB at most")


def writer_target(spool: str) -> int:
    return int((Path(spool).parent / "messages").read_text())


def run(target: Any, *arguments: Any) -> None:
    process = multiprocessing.get_context("spawn").Process(target=target, args=arguments)
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit(process.exitcode)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("messages", type=int, nargs="?", default=1_000_000)
    parser.add_argument("--no-raw", action="store_true")
    parser.add_argument("--topics", type=int, default=1_000)
    parser.add_argument("--patterns", type=int, default=1)
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="recording-"))
    try:
        (folder / "messages").write_text(str(given.messages))
        run(write_spool, str(folder / "spool"), given.messages, given.topics)
        run(record, str(folder / "spool"), str(folder / "recording"), not given.no_raw, given.patterns)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
