"""Setting: everything a suite is told: programs, environments, sizes, cores."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import sinks
from .environments import Environments
from .measure import Run, run_process
from .payloads import Load
from .programs import Programs
from .source import Source


def two_cores() -> tuple[int | None, int | None]:
    """A core for the sink and one for the source, where there are two."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    return (cores[0], cores[1]) if len(cores) > 1 else (None, None)


@dataclass(frozen=True)
class Setting:
    programs: Programs
    environments: Environments
    work: Path
    messages: int = 200_000
    rounds: int = 5
    idle_messages: int = 300
    idle_gaps: tuple[float, float] = (0.2, 1.5)
    streamed_messages: int = 10_000_000
    cores: tuple[int | None, int | None] = field(default_factory=two_cores)

    @property
    def warm_up(self) -> int:
        return max(self.messages // 10, 100)

    @property
    def sink_core(self) -> int:
        """-1: anywhere."""
        return -1 if self.cores[0] is None else self.cores[0]

    def source(self, load: Load, messages: int | None = None, **options: Any) -> Source:
        """A source for ``messages`` (all of the load) after a warm-up of a tenth of that."""
        count = messages or load.messages
        warm_up = options.pop("warm_up", max(count // 10, 1))
        return Source(self.programs, self.work, load, warm_up=warm_up, messages=count, core=self.cores[1], **options)

    def module(self, name: str, *words: object, python: Path | None = None) -> list[str]:
        return [str(python or self.environments.main), "-m", f"benchmarks.{name}", *map(str, words)]

    def subscriber(self, name: str, source: Source, messages: int, *, tls: bool = True, rows: int = 1, qos: int = 0) -> Callable[[], Run]:
        """A sink of sinks.py; ``rows`` of each message."""
        words = [
            "--sink",
            name,
            "--warm-up",
            max(messages // 10, 1) * rows,
            "--rows",
            messages * rows,
            "--qos",
            qos,
            "--core",
            self.sink_core,
        ]
        words += ["--port", source.tls_port, "--authority", source.authority] if tls else ["--port", source.tcp_port]
        command = self.module("subscriber", *words)
        return lambda: run_process(command)

    def receiver(self, name: str, source: Source, messages: int, *words: object, tls: bool = True) -> Callable[[], Run]:
        """A program that receives. rumqttc's takes its arguments by position."""
        port, authority = (source.tls_port, str(source.authority)) if tls else (source.tcp_port, "")
        warm_up = max(messages // 10, 1)
        command = [str(self.programs[name])]
        if name == "receive_rumqttc":
            command += [str(port), authority or "-", str(warm_up), str(messages), str(self.sink_core)]
        else:
            command += ["--port", str(port), "--warm-up", str(warm_up), "--messages", str(messages), "--core", str(self.sink_core)]
            command += ["--authority", authority] if tls else []
        command += map(str, words)
        version = self.programs.rumqttc_version if name == "receive_rumqttc" else ""
        return lambda: run_process(command, version)

    def absent(self, name: str) -> str:
        """Why a sink or program cannot take part; empty when it can."""
        if name in sinks.SINKS:
            return self.environments.lacks(sinks.SINKS[name].modules)
        if name == "pathway":
            return "" if self.environments.pathway else self.environments.missing.get("pathway", "not installed")
        return "" if self.programs.path(name) else self.programs.missing.get(name, "it was not built")
