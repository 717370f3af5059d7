"""honeyframe in a process of its own, whose memory, descriptors and end can be looked at: ``python -m tests.faults.<module> JSON``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[2]
MIB = 1 << 20


class FaultChild:
    """Its lines are JSON. ``tell()`` writes a word to its standard input; ``result()`` is its last line, once it has ended well."""

    def __init__(self, module: str, *, environment: dict[str, str] | None = None, **facts: Any) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-X", "faulthandler", "-W", "ignore", "-m", f"tests.faults.{module}", json.dumps(facts)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **(environment or {})},
        )

    def line(self, seconds: float = 30.0) -> dict[str, Any]:
        """The next line. A child that says nothing for so long is ended with a traceback of all its threads."""
        assert self._process.stdout is not None
        watch = threading.Timer(seconds, self._process.send_signal, [6])
        watch.start()
        try:
            text = self._process.stdout.readline()
        finally:
            watch.cancel()
        if not text:
            _, errors = self._process.communicate()
            raise AssertionError(f"the process ended with {self._process.returncode}:\n{errors[-4000:]}")
        found: dict[str, Any] = json.loads(text)
        return found

    def tell(self, word: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(word + "\n")
        self._process.stdin.flush()

    def result(self, seconds: float = 60.0) -> dict[str, Any]:
        found = self.line(seconds)
        self.ended()
        return found

    def ended(self) -> None:
        """That it ends, and well."""
        try:
            _, errors = self._process.communicate(timeout=15)
        except subprocess.TimeoutExpired:
            self._process.send_signal(6)
            _, errors = self._process.communicate()
        assert self._process.returncode == 0, f"the process ended with {self._process.returncode}:\n{errors[-4000:]}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.communicate()


class Sampler(threading.Thread):
    """Looks at this process's RSS every 10 ms."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peak = resident_bytes()
        self.start()

    def run(self) -> None:
        while True:
            self.peak = max(self.peak, resident_bytes())
            threading.Event().wait(0.01)


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def facts() -> dict[str, Any]:
    """What the test has given."""
    found: dict[str, Any] = json.loads(sys.argv[1])
    return found


def say(**found: Any) -> None:
    print(json.dumps(found), flush=True)


def heard() -> str:
    """The next word of the test's; waits for it."""
    return sys.stdin.readline().strip()
