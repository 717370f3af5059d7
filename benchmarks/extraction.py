"""Suite: JSON to eight columns, one thread, no network: ``hf.extract`` beside polars, pyarrow, duckdb, msgspec, orjson, json_normalize."""

from __future__ import annotations

from .extractors import EXTRACTORS
from .measure import Contest, Summary, check_equal, run_process, take_turns
from .payloads import Load, all_read, digest, expected_frame, half_unread
from .setting import Setting

FLOOR = "floor: simdjson loop"
CORE = "honeyframe, C++ core"
LEAST = {"polars": 4.0, "pyarrow.json": 4.0, "orjson + DataFrame": 12.0}


def run(setting: Setting) -> list[Contest]:
    loads = [Load("all-read", setting.messages, all_read), Load("half-unread", setting.messages, half_unread)]
    return [compete(setting, load, share) for load, share in zip(loads, ("0%", "50%"), strict=True)]


def compete(setting: Setting, load: Load, share: str) -> Contest:
    path = load.write(setting.work)
    skipped = {name: reason for name, it in EXTRACTORS.items() if (reason := setting.environments.lacks(it.modules))}
    contestants = {}
    for name in EXTRACTORS:
        if name not in skipped:
            command = setting.module("extractors", "--name", name, "--load", path, "--core", setting.sink_core)
            contestants[name] = lambda command=command: run_process(command)
    for name, program in {CORE: "extract_honeyframe", FLOOR: "extract_floor"}.items():
        command = [str(setting.programs[program]), "--load", str(path), "--core", str(setting.sink_core)]
        contestants[name] = lambda command=command: run_process(command)
    runs = take_turns(contestants, setting.rounds)
    check_equal(runs, load.messages, digest(expected_frame(load.messages)))
    contest = Contest(
        suite="extraction",
        title=f"Extraction, {share} of the keys unread",
        summaries={name: Summary.of(results, load.messages) for name, results in runs.items()},
        skipped=skipped,
    )
    # Bytes in memory to columns in memory, both in C++; the way through Python is in the table.
    contest.expect_own(CORE, FLOOR, 1.15)
    for peer, least in LEAST.items():
        contest.expect_peer(peer, least)
    size = runs[FLOOR][0].payload_bytes / load.messages
    contest.notes.append(f"Payloads of {size:.0f} bytes; the floor reads {size / contest.summaries[FLOOR].cpu_us / 1000:.2f} GB/s.")
    return contest
