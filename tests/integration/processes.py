"""A Python process of its own: for what a test cannot do to itself, such as being interrupted, or ending."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self


class Child:
    """Runs ``code``. Lines that it prints are read with ``line()``; it is killed when the ``with`` block is left."""

    def __init__(self, code: str) -> None:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("MQTT_")}
        environment |= {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONUNBUFFERED": "1"}
        self._folder = tempfile.TemporaryDirectory(prefix="honeyframe-test-")
        program = Path(self._folder.name) / "program.py"  # a file, so that multiprocessing's children find it
        program.write_text(textwrap.dedent(code))
        self._process = subprocess.Popen(
            [sys.executable, str(program)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            restore_signals=True,
        )
        self._lines: queue.Queue[str] = queue.Queue()
        self._errors: list[str] = []
        for target in (self._read_lines, self._read_errors):
            threading.Thread(target=target, daemon=True).start()

    def line(self, seconds: float = 20.0) -> str:
        """The next line that it printed."""
        try:
            return self._lines.get(timeout=seconds)
        except queue.Empty:
            raise AssertionError(f"printed nothing within {seconds} s; stderr:\n{self.errors()}") from None

    def expect(self, text: str) -> None:
        line = self.line()
        assert line == text, f"{text!r} expected, {line!r} printed; stderr:\n{self.errors()}"

    def expect_error(self, text: str, seconds: float = 20.0) -> None:
        """Waits until ``text`` is in what it wrote to stderr."""
        deadline = time.monotonic() + seconds
        while text not in "".join(self._errors):
            assert time.monotonic() < deadline, f"{text!r} expected; stderr:\n{self.errors()}"
            time.sleep(0.02)

    def interrupt(self) -> float:
        """As Ctrl-C, or a notebook's stop button; the moment on CLOCK_MONOTONIC, which all processes share."""
        moment = time.monotonic()
        self._process.send_signal(signal.SIGINT)
        return moment

    def wait(self, seconds: float) -> int:
        """Its exit code; fails when it does not end in time."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.send_signal(signal.SIGABRT)
            time.sleep(0.2)
            raise AssertionError(f"still running after {seconds} s; stderr:\n{self.errors()}") from None

    def errors(self) -> str:
        time.sleep(0.1)
        return "".join(self._errors)[-4000:]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._folder.cleanup()

    def _read_lines(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                self._lines.put(line.rstrip("\n"))

    def _read_errors(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as lines:
            self._errors.extend(lines)
