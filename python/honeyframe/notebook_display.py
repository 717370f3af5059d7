"""Where a notebook shows a live view: its outputs, what keeps it there, and the picture for who reads the notebook when nothing runs.

A view that is shown lives on without a variable. When its last output has gone, by running the cell again, it ends with it, unless somebody
holds it: the notebook's own history of outputs (``Out``, ``_``) does not count.
"""

from __future__ import annotations

import contextlib
import gc
import sys
import time
import weakref
from typing import TYPE_CHECKING, Any, Final

from .credentials import in_notebook

if TYPE_CHECKING:
    from .live_view import LiveView

_GRACE_SECONDS: Final = 2.0  # an output that is drawn anew goes for a moment
_PICTURE_SECONDS: Final = 1.0
#: A browser says so often enough that it is there; a page in the background is slow at it. A cell that runs keeps us from hearing it.
_SILENCE_SECONDS: Final = 150.0

#: Views that are shown somewhere.
_shown: set[LiveView] = set()


class Outputs:
    """The outputs of one view."""

    def __init__(self, view: LiveView) -> None:
        self._view = weakref.ref(view)
        self._handles: list[Any] = []
        self._browsers: dict[str, int] = {}  # by their ids, how many of our views each shows
        self._alone_since: float | None = None
        self._pictured_at = 0.0
        self._heard_at = time.monotonic()
        self._in_cell = True
        self._events: list[tuple[str, Any]] = []

    def show(self, bundle: dict[str, Any]) -> None:
        """In the cell that runs."""
        import IPython.display

        display: Any = IPython.display.display
        self._handles.append(display(bundle, raw=True, display_id=True))
        self._pictured_at = time.monotonic()
        if (view := self._view()) is not None and not view.closed:
            _shown.add(view)
            self.listen()

    def renew(self) -> None:
        """The same outputs with the picture of now."""
        view = self._view()
        if view is None or not self._handles:
            return
        self._pictured_at = time.monotonic()
        bundle = view._bundle()
        for handle in self._handles:
            handle.update(bundle, raw=True)

    def note_browser(self, browser: str, views: int) -> None:
        self._browsers[browser] = views
        self._heard_at = time.monotonic()
        self._alone_since = None if views else time.monotonic()

    def look(self) -> None:
        """Now and then, on any thread: ends a view that nobody sees or holds any more."""
        view = self._view()
        if view is None or self._alone_since is None or time.monotonic() - self._alone_since < _GRACE_SECONDS:
            return
        if any(self._browsers.values()) and self.is_watched():
            return  # another page may show it; one that was loaded anew says nothing more, and falls silent
        self._alone_since = None
        _shown.discard(view)
        self._handles.clear()
        if _only_history_holds(view):
            view._stopping.set()

    def end(self) -> None:
        """The view has ended."""
        shell = _shell()
        for name, act in self._events:
            with contextlib.suppress(ValueError):
                shell.events.unregister(name, act)
        self._events.clear()
        if (view := self._view()) is not None:
            _shown.discard(view)

    def is_watched(self) -> bool:
        """Whether a browser may be there. A Jupyter server keeps what it cannot deliver, in memory, without end: a page that was closed, or
        a laptop that sleeps, must not be told ten times a second."""
        return self._in_cell or time.monotonic() - self._heard_at < _SILENCE_SECONDS

    def listen(self) -> None:
        """To the cells that run. Where there is no browser, each one that ends leaves the picture of then."""
        if self._events or (shell := _shell()) is None:
            return
        here = weakref.ref(self)

        def before_cell(*_: Any) -> None:
            if (outputs := here()) is not None:
                outputs._in_cell = True

        def after_cell(*_: Any) -> None:
            if (outputs := here()) is None:
                return
            outputs._in_cell = False
            outputs._heard_at = time.monotonic()
            if not outputs._browsers and time.monotonic() - outputs._pictured_at > _PICTURE_SECONDS:
                outputs.renew()

        self._events = [("pre_run_cell", before_cell), ("post_run_cell", after_cell)]
        for name, act in self._events:
            shell.events.register(name, act)


def _shell() -> Any:
    ipython: Any = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython is not None and in_notebook() else None


def _only_history_holds(view: LiveView) -> bool:
    shell = _shell()
    if shell is None:
        return False
    names = shell.user_ns
    for name, value in list(names.items()):  # no generator: it would hold the view itself
        if value is view and not name.startswith("_"):
            return False
    hook, last = shell.displayhook, shell.last_execution_result
    history = (
        names,
        shell.user_ns_hidden,
        names.get("Out"),
        names.get("_oh"),
        hook,
        vars(hook),
        last,
        vars(last) if last is not None else None,
    )
    return all(any(holder is known for known in history) for holder in gc.get_referrers(view))
