"""The result as Markdown, which is also what is printed, and as JSON; plot.py draws it."""

from __future__ import annotations

import contextlib
import json
import os
import platform
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .measure import Contest, Summary
from .setting import Setting

HEADER = [
    "| | CPU, us a {per} | of it user | system | lowest to highest | {per}s/s | times {reference} |",
    "|---|---:|---:|---:|---:|---:|---:|",
]


@dataclass
class Report:
    contests: list[Contest]
    machine: dict[str, Any]
    settings: dict[str, Any]
    seconds: dict[str, float] = field(default_factory=dict)  # that each suite took

    def as_json(self) -> str:
        contests = [contest.as_json() for contest in self.contests]
        result = {"settings": self.settings, "machine": self.machine, "seconds": self.seconds, "contests": contests}
        return json.dumps(result, indent=1) + "\n"

    def as_markdown(self) -> str:
        settings = self.settings
        lines = [
            "# Benchmarks",
            "",
            "CPU time of the subscribing process, user and system, on one core, the source on another; "
            f"{settings['messages']:,} messages of about 228 bytes where nothing else is said, median of {settings['rounds']} rounds. "
            "Every frame had the rows and values that were sent.",
        ]
        for contest in self.contests:
            lines += ["", *table(contest)]
        lines += ["", "## Goals", ""]
        lines += [f"- {goal}" for contest in self.contests for goal in contest.goals] or ["None in these suites."]
        return "\n".join([*lines, "", *self.footer()]) + "\n"

    def footer(self) -> list[str]:
        versions = sorted({part for contest in self.contests for s in contest.summaries.values() for part in s.version.split(", ") if part})
        facts = self.machine
        took = ", ".join(f"{suite} {seconds:.0f} s" for suite, seconds in self.seconds.items())
        return [
            f"{facts['cpu']}, {facts['cores']} cores (sink on core {facts['sink_core']}, source on core {facts['source_core']}); "
            f"{facts['system']}; Python {facts['python']}; {facts['date']}.",
            "",
            f"Versions: {', '.join(versions)}." if versions else "",
            "",
            f"Time taken: {took}; {sum(self.seconds.values()):.0f} s in all.",
        ]


def table(contest: Contest) -> list[str]:
    lines = [f"## {contest.title}", ""]
    if contest.summaries:
        reference = contest.reference if contest.reference in contest.summaries else next(iter(contest.summaries))
        lines += [line.format(per=contest.per, reference=reference) for line in HEADER]
        for name, summary in contest.summaries.items():
            lines.append(row(name, summary, contest.ratio(name, reference)))
        lines.append("")
    lines += [f"- {note}" for note in contest.notes]
    lines += [f"- Left out: {name}: {reason}." for name, reason in contest.skipped.items()]
    return lines if lines[-1] else lines[:-1]


def row(name: str, summary: Summary, ratio: float) -> str:
    return (
        f"| {name} | {summary.cpu_us:.3f} | {summary.user_us:.3f} | {summary.system_us:.3f} "
        f"| {summary.lowest_us:.3f} to {summary.highest_us:.3f} | {summary.messages_per_s:,.0f} | {ratio:.2f} |"
    )


def machine(setting: Setting) -> dict[str, Any]:
    model = platform.processor() or platform.machine()
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "sink_core": setting.cores[0],
        "source_core": setting.cores[1],
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "date": datetime.now(UTC).date().isoformat(),
    }
