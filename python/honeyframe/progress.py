"""The line that tells how a read is going: on a terminal or in a notebook; it goes away by itself."""

from __future__ import annotations

import html
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, Protocol, Self

from .arguments import count_of
from .credentials import in_notebook
from .stats import StreamStats

_SHOW_AFTER: Final = 0.4  # a read that is over at once shows nothing
_EVERY: Final = 0.2


class _Surface(Protocol):
    def show(self, text: str) -> None: ...
    def clear(self) -> None: ...


class _Terminal:
    """One line on stderr, taken back at the end."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.live import Live

        self._live = Live(console=Console(stderr=True), transient=True, auto_refresh=False, redirect_stdout=False, redirect_stderr=False)
        self._live.start()

    def show(self, text: str) -> None:
        from rich.text import Text

        self._live.update(Text(text, overflow="ellipsis", no_wrap=True), refresh=True)

    def clear(self) -> None:
        self._live.stop()


class _Notebook:
    """A display of its own in the cell's output, emptied at the end."""

    def __init__(self) -> None:
        import IPython.display

        shown: Any = IPython.display
        self._html = shown.HTML
        self._handle = shown.display(self._html(""), display_id=True)

    def show(self, text: str) -> None:
        self._handle.update(self._html(f"<code>{html.escape(text)}</code>"))

    def clear(self) -> None:
        self._handle.update(self._html(""))


class Progress:
    """Messages, rows, seconds left, losses. ``enabled=None`` shows it on a terminal and in a notebook, not when piped."""

    def __init__(self, what: str, *, seconds: float | None, rows: int | None, enabled: bool | None = None) -> None:
        self._what = what
        self._seconds = seconds
        self._rows = rows
        self._kind = self._choose(enabled)
        self._started = time.monotonic()
        self._shown = self._started + _SHOW_AFTER - _EVERY
        self._surface: _Surface | None = None

    @staticmethod
    def _choose(enabled: bool | None) -> type[_Terminal] | type[_Notebook] | None:
        if enabled is False:
            return None
        if in_notebook():
            return _Notebook
        return _Terminal if enabled or (sys.stderr is not None and sys.stderr.isatty()) else None

    @property
    def active(self) -> bool:
        return self._kind is not None

    def update(self, stats: StreamStats, rows: int) -> None:
        """Shows the state of things, at most five times a second."""
        self.show(lambda now: self._line(stats, rows, now))

    def show(self, line: Callable[[float], str]) -> None:
        """Shows ``line(now)``, which is asked for at most five times a second."""
        now = time.monotonic()
        if self._kind is None or now < self._shown + _EVERY:
            return
        self._shown = now
        if self._surface is None:
            self._surface = self._kind()
        self._surface.show(line(now))

    def _line(self, stats: StreamStats, rows: int, now: float) -> str:
        parts = [
            f"{self._what}: {count_of(stats.received, 'message')}",
            f"{rows:,} of {count_of(self._rows, 'row')}" if self._rows else count_of(rows, "row"),
        ]
        if self._seconds is not None:
            parts.append(f"{max(0.0, self._seconds - (now - self._started)):.0f} s left")
        parts += [f"{getattr(stats, name):,} {name}" for name in ("dropped", "rejected", "quarantined", "gaps") if getattr(stats, name)]
        return ", ".join(parts)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._surface is not None:
            self._surface.clear()
            self._surface = None
