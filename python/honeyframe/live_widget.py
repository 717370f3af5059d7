"""The widget of charts, tables and trees in a notebook: what it is told goes to the browser, and the browser's questions come back.

Everything here needs the extra ``notebook``; nothing else imports this file before a front end is to show something.

The messages are ours, not traits: a trait's state is kept and sent anew to whoever opens the page. Each message has a number, so that a
browser knows what it missed; who opens later asks once (``hello``) and gets the whole, which the others pass over.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol, TypeAlias

from .errors import MissingExtraError
from .web_bundle import bundle

try:
    import anywidget
    import traitlets
except ImportError as error:
    raise MissingExtraError(
        f"charts in a notebook need the package anywidget ({error})", hint="pip install 'honeyframe[notebook]', then restart the kernel"
    ) from error

Buffers: TypeAlias = Sequence[Any]
#: What there is by now, as a message and its buffers.
Whole: TypeAlias = Callable[[], tuple[dict[str, Any], Buffers]]


_ANSWER_SECONDS: Final = 1.0


class Audience(Protocol):
    """The browsers that show a widget."""

    def note_browser(self, browser: str, views: int) -> None: ...
    def is_watched(self) -> bool: ...


class LiveWidget(anywidget.AnyWidget):
    """What the browser sees of one chart, table or tree.

    Sending works from any thread: ipykernel's session hands each message to its IOPub thread.
    """

    _esm = bundle("widget.js")
    _css = bundle("widget.css")
    kind = traitlets.Unicode().tag(sync=True)
    config = traitlets.Dict().tag(sync=True)


class Channel:
    """One widget and its numbered messages. Any thread.

    Args:
        whole: asked for what there is, whenever somebody opens a view that has nothing. Called under ``lock``.
        audience: told of each browser's id, and how many views it shows; where it has nobody any more nothing is sent, until somebody asks.
        lock: held while something is sent, so that the whole and what follows it are in order.
    """

    def __init__(self, kind: str, config: dict[str, Any], whole: Whole, audience: Audience | None, lock: threading.RLock) -> None:
        self._lock = lock
        self._whole = whole
        self._audience = audience
        self._answered: dict[str, float] = {}
        self._sent = 0
        self.wholes = 0
        self.widget = LiveWidget(kind=kind, config=config)
        here = weakref.ref(self)  # widgets are kept for ever by ipywidgets: not us with them

        def on_message(_: Any, content: Any, __: Any) -> None:
            channel = here()
            if channel is not None and isinstance(content, dict):
                channel._hear(content)

        self.widget.on_msg(on_message)
        self._tell_whole("")

    def send(self, content: dict[str, Any], buffers: Buffers = ()) -> None:
        """To every browser that has this widget."""
        with self._lock:
            self._sent += 1  # also where it is not: who comes back sees that it missed something, and asks
            if self._audience is None or self._audience.is_watched():
                self._send({**content, "number": self._sent}, buffers)

    def close(self) -> None:
        self.widget.close()

    def _hear(self, content: dict[str, Any]) -> None:
        kind, browser, views = content.get("kind"), content.get("id"), content.get("views")
        if not isinstance(browser, str):
            return
        if kind == "hello":
            self._answer(browser)
        elif kind == "views" and isinstance(views, int) and self._audience is not None:
            self._audience.note_browser(browser, views)

    def _answer(self, browser: str) -> None:
        """A browser asks again while a cell keeps us busy; then all its questions are heard at once."""
        with self._lock:  # each browser may be heard on a thread of its own
            now = time.monotonic()
            self._answered = {who: when for who, when in self._answered.items() if now - when < _ANSWER_SECONDS}
            if browser not in self._answered:
                self._tell_whole(browser)
                self._answered[browser] = time.monotonic()

    def _tell_whole(self, to: str) -> None:
        with self._lock:
            content, buffers = self._whole()
            self.wholes += 1
            self._send({**content, "kind": "whole", "to": to, "number": self._sent}, buffers)

    def _send(self, content: dict[str, Any], buffers: Buffers) -> None:
        try:
            self.widget.send(content, list(buffers))
        except Exception:  # the kernel is on its way out, and its sockets are closed
            if self.widget.comm is not None and not _is_going():
                raise
        if self.widget.comm is not None:
            # ipykernel 7.4 gives a comm's answers to the subshell that was last heard of when something was sent. From a thread like ours
            # that may be one which a page has taken with it, and then no browser is heard any more: each is to be heard where it asks.
            self.widget.comm.__dict__.pop("_reply_subshell_id", None)


def _is_going() -> bool:
    from .lifetime import is_ending

    return is_ending() or not threading.main_thread().is_alive()
