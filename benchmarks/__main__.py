"""Everything, side by side in one run, into a table and a plot:

    python -m benchmarks                                     # all suites, five rounds
    python -m benchmarks --suite extraction --rounds 3       # one of them
    python -m benchmarks --messages 20000 --rounds 1 --idle-messages 10 --streamed-messages 400000    # a quick look

Makes its programs and Python environments below build/benchmarks, writes benchmarks/results. Informational: a missed goal does not fail it.
README.md says how to read what comes out.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from . import environments, programs

SUITES = ("end_to_end", "receiving", "extraction", "growth", "memory", "latency", "publishing")


def parse(arguments: list[str]) -> argparse.Namespace:
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
    parser.add_argument("--made", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> None:
    options = parse(arguments)
    if not (options.here or options.made):
        # Nothing but the standard library so far: what the rest needs is in the environment that is made here.
        python = str(environments.make(pathway=not options.no_pathway))
        os.execv(python, [python, "-m", "benchmarks", *arguments, "--made"])
    from .command import run

    run(options)


if __name__ == "__main__":
    main(sys.argv[1:])
