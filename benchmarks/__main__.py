"""Everything, side by side in one run, into a table and a plot:

    python -m benchmarks                                     # all suites, five rounds
    python -m benchmarks --suite extraction --rounds 3       # one of them
    python -m benchmarks --messages 20000 --rounds 1 --idle-messages 10 --streamed-messages 200000    # a quick look

Makes its programs and Python environments below build/benchmarks, writes benchmarks/results. Informational: a missed goal does not fail it.
README.md says how to read what comes out.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

from . import end_to_end, environments, extraction, growth, latency, memory, programs, publishing, receiving
from .measure import Contest, ContestError
from .report import Report, machine
from .setting import Setting

SUITES = {
    "end_to_end": end_to_end,
    "receiving": receiving,
    "extraction": extraction,
    "growth": growth,
    "memory": memory,
    "latency": latency,
    "publishing": publishing,
}


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--suite", action="append", choices=SUITES, help="only this one; may be given several times")
    parser.add_argument("--messages", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--idle-messages", type=int, default=300, help="of the latency suite")
    parser.add_argument("--idle-gaps", default="0.2:1.5", help="seconds of silence before each of them, from:to")
    parser.add_argument("--streamed-messages", type=int, default=10_000_000, help="of the memory suite")
    parser.add_argument(
        "--here", action="store_true", help="use this interpreter and what is installed in it, instead of environments made for it"
    )
    parser.add_argument(
        "--prefix", type=Path, help="an installed honeyframe, for the C++ programs; else the core is built from the sources"
    )
    parser.add_argument("--build", type=Path, default=programs.BUILD, help="where programs, load files and certificates go")
    parser.add_argument("--no-rust", action="store_true")
    parser.add_argument("--no-pathway", action="store_true")
    parser.add_argument("--output", type=Path, default=programs.HERE / "results")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    options = parse(arguments)
    built = programs.build(options.build, prefix=options.prefix, rust=not options.no_rust)
    shortest, longest = map(float, options.idle_gaps.split(":"))
    setting = Setting(
        programs=built,
        environments=environments.here() if options.here else environments.make(pathway=not options.no_pathway),
        work=options.build / "work",
        messages=options.messages,
        rounds=options.rounds,
        idle_messages=options.idle_messages,
        idle_gaps=(shortest, longest),
        streamed_messages=options.streamed_messages,
    )
    sizes = {name: vars(options)[name] for name in ("messages", "rounds", "idle_messages", "idle_gaps", "streamed_messages")}
    report = Report([], machine(setting), sizes)
    for suite in options.suite or SUITES:
        print(f"{suite} ...", file=sys.stderr)
        started = time.monotonic()
        report.contests += run_suite(suite, setting)
        report.seconds[suite] = round(time.monotonic() - started, 1)
    write(report, options.output, setting)


def run_suite(suite: str, setting: Setting) -> list[Contest]:
    try:
        contests: list[Contest] = SUITES[suite].run(setting)
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


if __name__ == "__main__":
    main()
