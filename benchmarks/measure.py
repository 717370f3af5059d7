"""Runs and what they cost: rounds in which everyone takes turns, medians, ratios, goals."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from .programs import ROOT

RUN_SECONDS = 900.0


class ContestError(RuntimeError):
    """A run that ended badly, or whose result differs from the others': nothing can be compared."""


@dataclass(frozen=True)
class Run:
    """One process's cost: user and system time of all its threads."""

    user_s: float
    system_s: float
    wall_s: float
    rows: int
    payload_bytes: int = 0
    digest: str = ""
    version: str = ""
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def cpu_s(self) -> float:
        return self.user_s + self.system_s


def run_process(command: list[str], version: str = "") -> Run:
    """A sink's process; its last line of output is the run, as JSON. ``version``: where it cannot say by itself."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=RUN_SECONDS, check=False, cwd=ROOT)
    if done.returncode != 0 or not done.stdout:
        raise ContestError(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr[-2000:]}")
    run = json.loads(done.stdout.splitlines()[-1])
    return Run(**(run | {"version": version or run.get("version", "")}))


@dataclass(frozen=True)
class Summary:
    """Microseconds of CPU for each message: the median of the rounds, their span, and what the median consists of."""

    cpu_us: float
    lowest_us: float
    highest_us: float
    user_us: float
    system_us: float
    messages_per_s: float
    version: str = ""

    @staticmethod
    def of(runs: list[Run], messages: int) -> Summary:
        cpu = [run.cpu_s / messages * 1e6 for run in runs]
        return Summary(
            cpu_us=statistics.median(cpu),
            lowest_us=min(cpu),
            highest_us=max(cpu),
            user_us=statistics.median(run.user_s for run in runs) / messages * 1e6,
            system_us=statistics.median(run.system_s for run in runs) / messages * 1e6,
            messages_per_s=messages / statistics.median(run.wall_s for run in runs),
            version=runs[0].version,
        )


@dataclass(frozen=True)
class Goal:
    """A figure that the project holds itself to."""

    figure: str
    value: float
    limit: float
    at_least: bool = True
    unit: str = "times"

    @property
    def is_met(self) -> bool:
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def __str__(self) -> str:
        sign, verdict = ("at least" if self.at_least else "at most"), ("met" if self.is_met else "MISSED")
        return f"{self.figure}: {self.value:.3g} {self.unit} (goal: {sign} {self.limit:g}; {verdict})"


@dataclass
class Contest:
    """One table: who took part, what it cost them, which goals that answers, and who was left out, why."""

    suite: str
    title: str
    summaries: dict[str, Summary]
    reference: str = "honeyframe"
    per: str = "message"
    goals: list[Goal] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    plotted: bool = True

    def ratio(self, name: str, to: str | None = None) -> float:
        """How many times as much CPU ``name`` took as ``to`` (the reference)."""
        return self.summaries[name].cpu_us / self.summaries[to or self.reference].cpu_us

    def expect_peer(self, peer: str, at_least: float) -> None:
        """The peer takes at least so many times as much as the reference."""
        if peer in self.summaries and self.reference in self.summaries:
            self.goals.append(Goal(f"{self.title}: {peer} against {self.reference}", self.ratio(peer), at_least))

    def expect_own(self, name: str, against: str, at_most: float) -> None:
        """``name`` takes at most so many times as much as ``against``."""
        if name in self.summaries and against in self.summaries:
            self.goals.append(Goal(f"{self.title}: {name} against {against}", self.ratio(name, against), at_most, at_least=False))

    def as_json(self) -> dict[str, Any]:
        ratios = {name: self.ratio(name) for name in self.summaries} if self.reference in self.summaries else {}
        goals = [asdict(goal) | {"is_met": goal.is_met} for goal in self.goals]
        return {
            "suite": self.suite,
            "title": self.title,
            "per": self.per,
            "reference": self.reference,
            "summaries": {name: asdict(summary) for name, summary in self.summaries.items()},
            "times_reference": ratios,
            "goals": goals,
            "skipped": self.skipped,
            "notes": self.notes,
            "plotted": self.plotted,
        }


def take_turns(contestants: Mapping[str, Callable[[], Run]], rounds: int) -> dict[str, list[Run]]:
    """Everyone once in each round: a machine that slows down slows them all."""
    runs: dict[str, list[Run]] = {name: [] for name in contestants}
    for number in range(rounds):
        for name, start in contestants.items():
            runs[name].append(start())
        print(f"  round {number + 1} of {rounds}", file=sys.stderr)
    return runs


def check_equal(runs: Mapping[str, list[Run]], rows: int, digest: str | None = None) -> None:
    """Every run had all rows, and, where it made a frame, the values that were sent."""
    for name, results in runs.items():
        for run in results:
            if run.rows != rows:
                raise ContestError(f"{name}: {run.rows:,} rows, of {rows:,} that were sent; nothing here can be compared")
            if digest is not None and run.digest and run.digest != digest:
                raise ContestError(f"{name}: the values of its frame differ from those that were sent; nothing here can be compared")
