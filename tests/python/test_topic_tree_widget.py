"""The tree of topics as a widget: what it is told, and what stays of it."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from honeyframe import topic_tree
from honeyframe.topic_tree import TopicTree, TreePage

pytest.importorskip("anywidget")
display = pytest.importorskip("IPython.display")

from honeyframe.topic_tree_widget import WidgetView  # noqa: E402

TOTALS = {"topics": 5, "messages": 12, "bytes": 100, "unplaced_messages": 0}


def tree(messages: int = 12, name: str = "<b>") -> TopicTree:
    return TopicTree(
        [
            ("plant", 0, False, 4, 1, messages, messages, 100, 0, False, False, 0, ""),
            (f"plant/{name}", 1, True, 1, 1, messages, messages, 100, 0, True, False, 5, "<i>21</i>"),
        ],
        TOTALS,
        1.0,
        None,
        ["#"],
    )


class Handle:
    def __init__(self) -> None:
        self.bundles: list[dict[str, Any]] = []

    def update(self, bundle: dict[str, Any], *, raw: bool) -> None:
        self.bundles.append(bundle)


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Handle:
    handle = Handle()

    def show(bundle: Any, *, raw: bool = False, display_id: bool) -> Handle:
        handle.bundles.append(bundle)
        return handle

    monkeypatch.setattr(display, "display", show)
    return handle


def test_each_tree_is_told_whole_and_the_last_one_stays(shown: Handle) -> None:
    view = WidgetView(TreePage())
    sent: list[dict[str, Any]] = []
    view._channel.widget.send = lambda content, buffers: sent.append(json.loads(json.dumps(content)))
    view.show(tree())
    view.show(tree(20))
    assert [content["kind"] for content in sent] == ["state", "state"]
    assert [content["number"] for content in sent] == [1, 2]
    root, leaf = sent[-1]["nodes"]
    assert root[:3] == [0, "plant", "plant"]
    assert (root[6], root[7]) == (True, "… 3 topics more")
    assert leaf[2] == "<b>"
    assert leaf[4:6] == [["retained"], "<i>21</i>"]
    assert sent[-1]["hidden"] == "… 4 topics more"

    view.end()
    assert view._channel.widget.config["nodes"] == [root, leaf]  # for a page that is loaded again
    html = shown.bundles[-1]["text/html"]  # for a notebook that is saved
    assert "&lt;b&gt;" in html
    assert "<i>" not in html
    view._channel.close()


def test_a_view_that_was_never_drawn_ends(shown: Handle) -> None:
    view = WidgetView(TreePage())
    view.end()
    view._channel.close()


def test_without_anywidget_it_is_html(shown: Handle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topic_tree, "in_notebook", lambda: True)
    monkeypatch.delitem(sys.modules, "honeyframe.topic_tree_widget")
    monkeypatch.delitem(sys.modules, "honeyframe.live_widget")
    monkeypatch.setitem(sys.modules, "anywidget", None)
    with topic_tree.choose_view(None) as view:
        assert isinstance(view, topic_tree.NotebookView)
