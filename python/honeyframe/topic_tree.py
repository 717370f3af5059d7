"""Topics as a tree of levels, drawn anew while they are watched: in a notebook's cell or on a terminal.

Topics and payloads come from anybody: in HTML they are escaped, on a terminal their control characters are spelled out.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

from .arguments import count_of
from .credentials import in_notebook
from .display import escaped
from .errors import MissingBundleError, MissingExtraError
from .events import printable

if TYPE_CHECKING:
    import rich.console
    import rich.tree

    from .topic_tree_widget import WidgetView

#: (path, depth, is_topic, topics, shown, messages, live, bytes, last_ns, retained, silent, payload_size, last_payload), from the core.
TreeRow: TypeAlias = tuple[str, int, bool, int, int, int, int, int, int, bool, bool, int, str]

MOST_TOPICS: Final = 500  # of a tree; what a screen shows of it is less
_OPEN_LINES: Final = 60  # in a notebook, so many lines are not folded away
_ONE_LINE: Final = "white-space:nowrap;overflow:hidden;text-overflow:ellipsis"
_SHOWN_PAYLOAD: Final = 80  # characters in a notebook
_LEAST_LABEL: Final = 12  # columns of a terminal


@dataclass
class Node:
    """A level of topics, or a topic, or both."""

    name: str
    path: str
    is_topic: bool
    topics: int
    shown: int
    messages: int
    live: int  # of the messages: those that were not retained
    bytes: int
    retained: bool
    silent: bool
    payload_size: int
    last_payload: str
    children: list[Node] = field(default_factory=list)

    @property
    def hidden(self) -> int:
        """Topics below that are not in the tree."""
        return self.topics - self.shown


class TopicTree:
    """What is known at one moment.

    Args:
        rows: as the core gives them.
        totals: of all topics, shown or not.
        watched: seconds since the first.
        left: seconds that it goes on; None: until Ctrl-C, or it has ended.
        filters: what is watched.
    """

    def __init__(self, rows: Sequence[TreeRow], totals: dict[str, int], watched: float, left: float | None, filters: Sequence[str]) -> None:
        self.totals = totals
        self.watched = watched
        self.left = left
        self.filters = filters
        self.roots: list[Node] = []
        self.nodes: list[Node] = []
        above: list[Node] = []
        for path, depth, is_topic, topics, shown, messages, live, size, _, retained, silent, payload_size, last_payload in rows:
            name = path.rsplit("/", 1)[-1] if depth else path
            node = Node(name, path, is_topic, topics, shown, messages, live, size, retained, silent, payload_size, last_payload)
            del above[depth:]
            (above[-1].children if above else self.roots).append(node)
            above.append(node)
            self.nodes.append(node)

    @property
    def hidden(self) -> int:
        """Topics of which the tree shows nothing but their sums."""
        return self.totals["topics"] - sum(root.shown for root in self.roots)

    def summary(self) -> str:
        """One line about all of it."""
        parts = [
            ", ".join(map(printable, self.filters)),
            count_of(self.totals["topics"], "topic"),
            count_of(self.totals["messages"], "message"),
            _size(self.totals["bytes"]),
        ]
        if self.totals["unplaced_messages"]:
            parts.append(f"{self.totals['unplaced_messages']:,} messages found no place")
        if self.left is not None:
            parts.append(f"{self.left:.0f} s left")
        return " · ".join(parts)


class Rates:
    """Messages a second of each node, retained ones not counted: since the last tree, or in the mean where there was none."""

    def __init__(self) -> None:
        self._messages: dict[str, int] = {}
        self._watched = 0.0
        self._rates: dict[str, float] = {}

    def look(self, tree: TopicTree) -> None:
        span = tree.watched - self._watched
        if span > 0.2 or not self._rates:  # else too little has happened since
            span = max(span, 1e-3)
            self._rates = {node.path: (node.live - self._messages.get(node.path, 0)) / span for node in tree.nodes}
            self._messages = {node.path: node.live for node in tree.nodes}
            self._watched = tree.watched

    def of(self, node: Node, tree: TopicTree) -> str:
        rate = self._rates.get(node.path)
        if rate is None:
            rate = node.live / max(tree.watched, 1e-3)
        return f"{rate:,.0f}/s" if rate >= 10 else f"{rate:.1f}/s"


class View(Protocol):
    """Where a tree is drawn."""

    def show(self, tree: TopicTree) -> None: ...


@contextlib.contextmanager
def choose_view(live: bool | None) -> Iterator[View | None]:
    """Where ``live`` wants it: None is in notebooks only; True also on a terminal's stderr, which is as it was afterwards."""
    if live is not False and in_notebook():
        notebook = _notebook_view()
        try:
            yield notebook
        finally:
            notebook.end()
    elif live and sys.stderr is not None and sys.stderr.isatty():
        import rich.console

        with TerminalView(rich.console.Console(stderr=True)) as view:
            yield view
    else:
        yield None


# --- in a notebook


def _notebook_view() -> WidgetView | NotebookView:
    """A widget where there can be one: it leaves folded what somebody has folded."""
    try:
        from .topic_tree_widget import WidgetView

        return WidgetView(TreePage())
    except (MissingExtraError, MissingBundleError):
        return NotebookView()


class NotebookView:
    """A display of its own in the cell's output, as HTML. It stays there, with the last tree."""

    def __init__(self) -> None:
        import IPython.display

        shown: Any = IPython.display
        self._html = shown.HTML
        self._page = TreePage()
        self._handle = shown.display(self._html(""), display_id=True)

    def show(self, tree: TopicTree) -> None:
        self._handle.update(self._html(self._page.html(tree)))

    def end(self) -> None:
        pass


class TreePage:
    """A tree as HTML, whatever is in it escaped: nodes are folded and unfolded by the browser, without a script.

    Each drawing replaces the one before, so what somebody has folded or unfolded by hand holds until the next. What we have unfolded once
    stays so.
    """

    def __init__(self) -> None:
        self._open: set[str] = set()
        self._rates = Rates()

    def look(self, tree: TopicTree) -> None:
        """Before a tree is drawn."""
        self._rates.look(tree)
        self._unfold(tree)

    def told(self, node: Node, tree: TopicTree) -> tuple[str, list[str], str, bool]:
        """Of a node: how much came, flags, the last payload, whether it is unfolded."""
        told = f"{self._rates.of(node, tree)} · {count_of(node.messages, 'message')} · {_size(node.bytes)}"
        if not node.children and not node.hidden:
            return told, _flags(node), _payload(node), False
        return f"{count_of(node.topics, 'topic')} · {told}", _flags(node), _payload(node) if node.is_topic else "", node.path in self._open

    def html(self, tree: TopicTree) -> str:
        self.look(tree)
        parts = [f"<div class='honeyframe'><p><b>{escaped(tree.summary())}</b></p>"]
        for root in tree.roots:
            self._write(root, tree, parts)
        parts.append(_more(tree.hidden))
        return "".join(parts) + "</div>"

    def _unfold(self, tree: TopicTree) -> None:
        """Level by level, while there are few lines."""
        lines = len(tree.roots)
        level = tree.roots
        while level:
            below: list[Node] = []
            for node in level:
                if node.children and (node.path in self._open or lines + len(node.children) <= _OPEN_LINES):
                    self._open.add(node.path)
                    lines += len(node.children)
                    below += node.children
            level = below

    def _write(self, node: Node, tree: TopicTree, parts: list[str]) -> None:
        told, flags, payload, is_open = self.told(node, tree)
        marks = "".join(f" <small><b>{flag}</b></small>" for flag in flags)
        value = f"{marks} <code>{escaped(payload)}</code>" if node.is_topic or not node.children else ""
        if not node.children and not node.hidden:
            parts.append(f"<div style='margin-left:2.2em;{_ONE_LINE}'>{_label(node)} <small>{escaped(told)}</small>{value}</div>")
            return
        opened = " open" if is_open else ""
        parts.append(f"<details style='margin-left:1em'{opened}>")
        parts.append(f"<summary style='{_ONE_LINE}'>{_label(node)} <small>{escaped(told)}</small>{value}</summary>")
        for child in node.children:
            self._write(child, tree, parts)
        parts.append(_more(node.hidden - sum(child.hidden for child in node.children)))
        parts.append("</details>")


def _label(node: Node) -> str:
    return f"<code>{escaped(node.name) or '&nbsp;'}</code>"


def _flags(node: Node) -> list[str]:
    return [word for word, is_so in (("retained", node.retained), ("silent", node.silent)) if is_so]


def _payload(node: Node) -> str:
    cut = len(node.last_payload) > _SHOWN_PAYLOAD or node.payload_size > len(node.last_payload.encode())
    return node.last_payload[:_SHOWN_PAYLOAD] + ("…" if cut else "")


def _more(topics: int) -> str:
    return f"<div style='margin-left:2.2em'><small>… {count_of(topics, 'topic')} more</small></div>" if topics > 0 else ""


# --- on a terminal


class TerminalView:
    """A tree that is drawn over and over in the same place, and taken away at the end."""

    def __init__(self, console: rich.console.Console) -> None:
        from rich.live import Live

        self._console = console
        self._rates = Rates()
        self._live = Live(console=console, transient=True, auto_refresh=False, redirect_stdout=False, redirect_stderr=False)

    def show(self, tree: TopicTree) -> None:
        lines = max(4, shutil.get_terminal_size((80, 24)).lines - 3)
        self._rates.look(tree)
        self._live.update(draw(tree, self._console, self._rates, most_lines=lines), refresh=True)

    def __enter__(self) -> TerminalView:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()


def draw(tree: TopicTree, console: rich.console.Console, rates: Rates, *, most_lines: int) -> rich.tree.Tree:
    """The tree in at most so many lines, each of which fits the console: level by level, as many as there is room for."""
    from rich.text import Text
    from rich.tree import Tree

    shown = _visible(tree, most_lines - 2)
    dot = "·" if _is_unicode(console) else "-"
    drawn = Tree(Text(_fitted(tree.summary().replace("·", dot), console, 0), style="bold"), guide_style="dim")

    def add(to: Tree, nodes: Sequence[Node], depth: int) -> None:
        for node in nodes:
            if id(node) not in shown:
                continue
            below = to.add(_line(node, tree, console, rates, depth))
            add(below, node.children, depth + 1)

    add(drawn, tree.roots, 1)
    missing = tree.totals["topics"] - sum(1 for node in tree.nodes if node.is_topic and id(node) in shown)
    if missing > 0:
        drawn.add(Text(_fitted(f"... {count_of(missing, 'topic')} more, below these or beside them", console, 1), style="dim"))
    return drawn


def _visible(tree: TopicTree, most: int) -> set[int]:
    """The nodes that are shown: level by level, the busiest first."""
    shown: set[int] = set()
    level = tree.roots
    while level and len(shown) < most:
        taken = sorted(level, key=lambda node: -node.messages)[: most - len(shown)]
        shown.update(map(id, taken))
        level = [child for node in taken for child in node.children]
    return shown


def _line(node: Node, tree: TopicTree, console: rich.console.Console, rates: Rates, depth: int) -> Any:
    from rich.text import Text

    told = f" {rates.of(node, tree)} {node.messages:,}"
    if not node.is_topic or node.topics > 1:
        told = f"/ {count_of(node.topics, 'topic')}{told}"
    flags = "".join(f" {word}" for word in _flags(node))
    value = f" {printable(node.last_payload)}" if node.is_topic and node.topics == 1 else ""
    room = max(_LEAST_LABEL, console.width - 4 * depth)
    name = _cut(printable(node.name), max(room // 2, room - len(told) - len(flags)), console)
    text = Text(name, style="cyan" if node.is_topic else "bold cyan")
    text.append(told, style="dim").append(flags, style="yellow").append(value)
    return Text(_fitted(text.plain, console, depth), spans=text.spans, no_wrap=True, overflow="crop")


def _fitted(text: str, console: rich.console.Console, depth: int) -> str:
    return _cut(text, max(_LEAST_LABEL, console.width - 4 * depth), console)


def _cut(text: str, columns: int, console: rich.console.Console) -> str:
    """``text`` as the console can spell it, in so many columns."""
    from rich.cells import cell_len, set_cell_size

    if not _is_unicode(console):
        text = text.encode("ascii", "backslashreplace").decode("ascii")
    return text if cell_len(text) <= columns else set_cell_size(text, max(0, columns - 3)).rstrip() + "..."


def _is_unicode(console: rich.console.Console) -> bool:
    return console.encoding.lower().startswith("utf")


def _size(size: float) -> str:
    """
    >>> _size(999), _size(2_500_000)
    ('999 B', '2.5 MB')
    """
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1_000 or unit == "GB":
            break
        size /= 1_000
    return f"{size:,.0f} {unit}" if unit == "B" else f"{size:,.1f} {unit}"
