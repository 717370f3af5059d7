"""The command behind ``python -m benchmarks``, once its environment is there: builds, runs the suites, writes what came out."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

from . import end_to_end, environments, extraction, growth, latency, memory, programs, publishing, receiving
from .measure import Contest, ContestError
from .report import Report, machine
from .setting import Setting

MODULES: dict[str, ModuleType] = {
    "end_to_end": end_to_end,
    "receiving": receiving,
    "extraction": extraction,
    "growth": growth,
    "memory": memory,
    "latency": latency,
    "publishing": publishing,
}


def run(options: argparse.Namespace) -> None:
    built = programs.build(options.build, prefix=options.prefix, rust=not options.no_rust)
    shortest, longest = map(float, options.idle_gaps.split(":"))
    setting = Setting(
        programs=built,
        environments=environments.here(pathway=options.made and not options.no_pathway),
        work=options.build / "work",
        messages=options.messages,
        rounds=options.rounds,
        idle_messages=options.idle_messages,
        idle_gaps=(shortest, longest),
        streamed_messages=options.streamed_messages,
    )
    sizes = {name: vars(options)[name] for name in ("messages", "rounds", "idle_messages", "idle_gaps", "streamed_messages")}
    report = Report([], machine(setting), sizes)
    for suite in options.suite or MODULES:
        print(f"{suite} ...", file=sys.stderr)
        started = time.monotonic()
        report.contests += run_suite(suite, setting)
        report.seconds[suite] = round(time.monotonic() - started, 1)
    write(report, options.output, setting)


def run_suite(suite: str, setting: Setting) -> list[Contest]:
    try:
        contests: list[Contest] = MODULES[suite].run(setting)
    except ContestError as error:
        raise SystemExit(f"{suite}: {error}") from error
    return contests


def write(report: Report, output: Path, setting: Setting) -> None:
    text = report.as_markdown()
    output.mkdir(parents=True, exist_ok=True)
    (output / "benchmarks.json").write_text(report.as_json())
    (output / "benchmarks.md").write_text(text)
    if reason := setting.environments.lacks(("matplotlib",)):
        print(f"no plot: {reason}", file=sys.stderr)
    else:
        names = [str(output / f"benchmarks.{kind}") for kind in ("json", "svg")]
        subprocess.run(setting.module("plot", *names), check=True, cwd=programs.ROOT)
    print(text, end="")
