"""Pathway over TCP to the same DataFrame, in a process and an environment of its own: ``python -m benchmarks.pathway_sink --port N ...``.

Its engine reads, parses and hands each row to Python, which is the way out that its documentation has for a program of one's own. It
subscribes once, when the engine starts; the source sends the warm-up, is silent for some seconds, and sends what is measured. The meter
starts in the silence.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import resource
import threading
from time import perf_counter
from typing import Any

import pandas as pd
import pathway as pw

from .payloads import COLUMNS, TOPIC_FILTER, digest


class Reading(pw.Schema):
    seq: int
    device_id: int
    ts: str
    temperature: float
    pressure: float
    running: bool
    hall: str
    bay: int


class Rows:
    """Collects; the last row ends the process."""

    def __init__(self, warm_up: int, wanted: int) -> None:
        self.warm_up, self.wanted = warm_up, wanted
        self.rows: list[tuple[Any, ...]] = []
        self.before = resource.getrusage(resource.RUSAGE_SELF)
        self.started = perf_counter()

    def on_change(self, key: Any, row: dict[str, Any], time: int, is_addition: bool) -> None:
        self.rows.append(
            (
                row["seq"],
                row["device_id"],
                row["ts"],
                row["temperature"],
                row["pressure"],
                row["running"],
                row["hall"],
                row["bay"],
            )
        )
        if len(self.rows) == self.warm_up:
            # In the source's silence: the engine is done with the warm-up a second from now.
            threading.Timer(1.0, self.start_meter).start()
        elif len(self.rows) == self.warm_up + 1:
            self.started = perf_counter()
        elif len(self.rows) == self.warm_up + self.wanted:
            self.finish()

    def start_meter(self) -> None:
        self.before = resource.getrusage(resource.RUSAGE_SELF)

    def finish(self) -> None:
        frame = pd.DataFrame(self.rows[self.warm_up :], columns=COLUMNS)
        after, ended = resource.getrusage(resource.RUSAGE_SELF), perf_counter()
        result = {
            "user_s": after.ru_utime - self.before.ru_utime,
            "system_s": after.ru_stime - self.before.ru_stime,
            "wall_s": ended - self.started,
            "rows": len(frame),
            # Its engine promises no order within a commit.
            "digest": digest(frame.sort_values("seq", ignore_index=True)),
            "version": f"pathway {importlib.metadata.version('pathway')}",
        }
        print(json.dumps(result), flush=True)
        os._exit(0)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--warm-up", type=int, required=True)
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--core", type=int, default=-1)
    options = parser.parse_args()
    if options.core >= 0:
        os.sched_setaffinity(0, {options.core})
    table = pw.io.mqtt.read(
        f"mqtt://127.0.0.1:{options.port}/?client_id=benchmark",
        TOPIC_FILTER,
        qos=0,
        schema=Reading,
        format="json",
        json_field_paths={"hall": "/location/hall", "bay": "/location/bay"},
        autocommit_duration_ms=100,
    )
    pw.io.subscribe(table, on_change=Rows(options.warm_up, options.rows).on_change)
    pw.run(monitoring_level=pw.MonitoringLevel.NONE)


if __name__ == "__main__":
    main()
