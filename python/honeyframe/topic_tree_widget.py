"""The tree of topics as a widget: it is drawn anew each second, and what somebody has folded or unfolded by hand stays so."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from .arguments import count_of
from .events import printable

if TYPE_CHECKING:
    from .live_widget import Buffers
    from .topic_tree import Node, TopicTree, TreePage


class WidgetView:
    """A display of its own in the cell's output. It stays there, with the last tree; who reads the notebook elsewhere finds it as HTML."""

    def __init__(self, page: TreePage) -> None:
        import IPython.display

        from .live_widget import Channel

        display: Any = IPython.display.display
        self._page = page
        self._state: dict[str, Any] = {}
        self._last: TopicTree | None = None
        self._channel = Channel("tree", {}, self._whole, None, threading.RLock())
        self._handle = display(self._bundle(""), raw=True, display_id=True)

    def show(self, tree: TopicTree) -> None:
        self._page.look(tree)
        nodes = [row for root in tree.roots for row in self._rows(root, tree, 0)]
        self._state = {"summary": printable(tree.summary()), "nodes": nodes, "hidden": _more(tree.hidden)}
        self._channel.send({"kind": "state", **self._state})
        self._last = tree

    def end(self) -> None:
        """The last tree stays: in the widget's own state, for a page that is loaded again, and as HTML, for a notebook that is saved."""
        if self._last is None:
            return
        self._channel.widget.config = self._state
        self._handle.update(self._bundle(self._page.html(self._last)), raw=True)

    def _rows(self, node: Node, tree: TopicTree, depth: int) -> list[list[Any]]:
        told, flags, value, is_open = self._page.told(node, tree)
        below = [row for child in node.children for row in self._rows(child, tree, depth + 1)]
        more = _more(node.hidden - sum(child.hidden for child in node.children))
        return [[depth, node.path, printable(node.name), told, flags, value, is_open, more], *below]

    def _whole(self) -> tuple[dict[str, Any], Buffers]:
        return self._state, ()

    def _bundle(self, html: str) -> dict[str, Any]:
        view = {"version_major": 2, "version_minor": 0, "model_id": self._channel.widget.model_id}
        return {"application/vnd.jupyter.widget-view+json": view, "text/html": html, "text/plain": self._state.get("summary", "")}


def _more(topics: int) -> str:
    return f"… {count_of(topics, 'topic')} more" if topics > 0 else ""
