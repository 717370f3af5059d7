"""The line that tells how a read is going."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import textwrap
import time
from typing import Any

import pytest

from honeyframe import progress as module
from honeyframe.progress import Progress
from honeyframe.stats import StreamStats


class Surface:
    shown: list[str]
    cleared: int

    def __init__(self) -> None:
        type(self).shown = []
        type(self).cleared = 0

    def show(self, text: str) -> None:
        self.shown.append(text)

    def clear(self) -> None:
        type(self).cleared += 1


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SHOW_AFTER", 0.0)
    monkeypatch.setattr(module, "_EVERY", 0.0)
    monkeypatch.setattr(Progress, "_choose", staticmethod(lambda enabled: Surface))


def test_tells_messages_rows_time_and_losses(at_once: None) -> None:
    with Progress("a/#", seconds=10, rows=500) as line:
        line.update(StreamStats(received=1_234, dropped=5, quarantined=2), 300)
    (text,) = Surface.shown
    assert text == "a/#: 1,234 messages, 300 of 500 rows, 10 s left, 5 dropped, 2 quarantined"
    assert Surface.cleared == 1


def test_goes_away_when_interrupted(at_once: None) -> None:
    def read() -> None:
        with Progress("a", seconds=None, rows=None) as line:
            line.update(StreamStats(), 0)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read()
    assert Surface.cleared == 1


def test_a_short_read_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Progress, "_choose", staticmethod(lambda enabled: pytest.fail))
    with Progress("a", seconds=1, rows=None) as line:
        line.update(StreamStats(), 0)


def test_at_most_five_times_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SHOW_AFTER", 0.0)
    monkeypatch.setattr(Progress, "_choose", staticmethod(lambda enabled: Surface))
    with Progress("a", seconds=None, rows=None) as line:
        until = time.monotonic() + 0.5
        while time.monotonic() < until:
            line.update(StreamStats(), 0)
            time.sleep(0.005)
    assert 2 <= len(Surface.shown) <= 4


def test_not_when_piped() -> None:
    assert not Progress("a", seconds=1, rows=None).active or sys.stderr.isatty()
    assert not Progress("a", seconds=1, rows=None, enabled=False).active
    assert Progress("a", seconds=1, rows=None, enabled=True).active


def test_a_terminal_gets_a_line_that_goes_away() -> None:
    code = textwrap.dedent("""
        import time
        from honeyframe.progress import Progress
        from honeyframe.stats import StreamStats
        with Progress("plant/#", seconds=5, rows=None) as line:
            for number in range(12):
                line.update(StreamStats(received=number), number)
                time.sleep(0.1)
        print("result")
    """)
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=theirs, env={**os.environ, "TERM": "xterm", "COLUMNS": "80"}
    )
    os.close(theirs)
    terminal = b""
    while True:
        try:
            data = os.read(ours, 4096)
        except OSError:  # the other end is closed
            break
        if not data:
            break
        terminal += data
    os.close(ours)
    output, _ = process.communicate(timeout=30)
    assert output == b"result\n"
    assert b"plant/#:" in terminal
    assert b"s left" in terminal
    assert terminal.rstrip().endswith((b"\x1b[2K", b"\x1b[?25h"))  # the line is erased, the cursor is back
    assert b"\x1b[2K" in terminal.rsplit(b"s left", 1)[1]


def test_a_notebook_gets_a_display_that_empties_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    import IPython.display

    updates: list[str] = []

    class Handle:
        def update(self, shown: Any) -> None:
            updates.append(shown.data)

    monkeypatch.setattr(IPython.display, "display", lambda *args, **kwargs: Handle())
    monkeypatch.setattr(module, "in_notebook", lambda: True)
    monkeypatch.setattr(module, "_SHOW_AFTER", 0.0)
    with Progress("<b>", seconds=None, rows=None) as line:
        time.sleep(0.01)
        line.update(StreamStats(received=1), 0)
    assert "&lt;b&gt;: 1 message," in updates[0]
    assert updates[-1] == ""
