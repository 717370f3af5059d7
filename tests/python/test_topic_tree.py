"""Trees of topics in HTML and on a terminal: what they show, that they fit, and that hostile topics stay text."""

from __future__ import annotations

import io
from collections.abc import Sequence
from html.parser import HTMLParser
from typing import Any

import pytest
import rich.console

from honeyframe import _core
from honeyframe.topic_tree import Rates, TopicTree, TreePage, choose_view, draw

HOSTILE = (
    "<script>alert(1)</script>",
    "a/<img src=x onerror=alert(1)>/b",
    "\x1b[31mred\x1b[0m/\x07",
    "[bold red]markup[/]",
    "x/\u202edrowssap/\u200b",
    "$math$/\u6e29\u5ea6/\u20ac",
    "'\"&amp;/`",
    "a\nb/\r\nc",
)


def tree(messages: Sequence[tuple[str, bytes]], *, most: int = 500, watched: float = 10.0) -> TopicTree:
    queue = _core.Queue()
    watch = _core.TopicWatch(queue)
    for topic, payload in messages:
        assert queue.push(topic, payload) == "stored"
    watch.close()
    assert watch.wait_end(10)
    return TopicTree(watch.tree(most, 0), watch.totals(), watched, None, ["#"])


def drawn(shown: TopicTree, *, width: int = 80, lines: int = 40, encoding: str = "utf-8") -> list[str]:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding, newline="\n")  # strict: what it cannot spell is an error
    console = rich.console.Console(file=file, width=width, force_terminal=True, color_system=None, markup=False, emoji=False)
    rates = Rates()
    rates.look(shown)
    console.print(draw(shown, console, rates, most_lines=lines))
    file.flush()
    return raw.getvalue().decode(encoding).splitlines()


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)
        assert not any(name.startswith("on") for name, _ in attrs)
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def parsed(page: str) -> _Tags:
    tags = _Tags()
    tags.feed(page)
    tags.close()
    assert tags.open == []
    return tags


def test_html_has_levels_that_fold() -> None:
    page = TreePage().html(tree([("plant/1/t", b"21.5"), ("plant/2/t", b"22"), ("site", b"on")]))
    tags = parsed(page)
    assert tags.tags.count("details") == 3
    assert page.count("<details style='margin-left:1em' open>") == 3
    assert "2 topics" in tags.text
    assert "21.5" in tags.text
    assert "3 topics" in tags.text


def test_html_folds_what_is_too_much_and_keeps_open_what_was() -> None:
    few = [(f"a/{number}", b"1") for number in range(20)]
    many = few + [(f"b/{number}", b"1") for number in range(100)]
    page = TreePage()
    assert page.html(tree(few)).count(" open>") == 1
    html = page.html(tree(many))
    assert html.count("<details") == 2
    assert html.count(" open>") == 1  # a stays, b does not fit


def test_a_topic_of_very_many_levels_is_drawn_as_those_above_it() -> None:
    shown = tree([("/" * 4_000, b"x"), ("a", b"x")])
    assert len(shown.nodes) == 25
    page = parsed(TreePage().html(shown))
    assert page.tags.count("details") == 24
    assert "1 topic more" in page.text
    assert any("1 topic more" in line for line in drawn(shown))


def test_html_tells_what_it_does_not_show() -> None:
    shown = tree([(f"a/{number}", b"1") for number in range(50)] + [("a/7", b"2"), ("b", b"1"), ("b", b"1")], most=2)
    text = parsed(TreePage().html(shown)).text
    assert "49 topics more" in text
    assert shown.hidden == 49


def test_hostile_topics_stay_text() -> None:
    page = TreePage().html(tree([(topic, topic.encode()) for topic in HOSTILE]))
    tags = parsed(page)
    assert set(tags.tags) == {"div", "p", "b", "details", "summary", "code", "small"}
    assert not any(ord(c) < 32 for c in page)
    assert "$" not in page
    assert "\u202e" not in page


@pytest.mark.parametrize("width", [20, 40, 80, 200])
@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
def test_a_terminal_of_any_width_and_encoding(width: int, encoding: str) -> None:
    shown = tree([(topic, topic.encode() * 5) for topic in HOSTILE] + [("deep/" * 12 + "end", b"{}")])
    lines = drawn(shown, width=width, encoding=encoding)
    joined = "\n".join(lines)
    assert "\x1b" not in joined.replace("\x1b[0m", "")
    assert "\x07" not in joined
    if width >= 40:
        from rich.cells import cell_len

        shallow = [line for line in lines if "deep" not in line]
        assert max(map(cell_len, shallow)) <= width
        assert "markup" in joined or width < 80


def test_a_terminal_shows_the_busiest_and_counts_the_rest() -> None:
    shown = tree([(f"a/{number}", b"1") for number in range(100)] + [("b/loud", b"1")] * 50)
    lines = drawn(shown, lines=10)
    assert len(lines) <= 10
    assert "loud" in "\n".join(lines)
    assert "topics more" in lines[-1]


def test_rates_are_of_the_time_since_the_last_look() -> None:
    rates = Rates()
    first = tree([("a", b"1")] * 10, watched=10.0)
    rates.look(first)
    assert rates.of(first.nodes[0], first) == "1.0/s"
    second = tree([("a", b"1")] * 110, watched=12.0)
    rates.look(second)
    assert rates.of(second.nodes[0], second) == "50/s"


def test_no_view_without_somebody_who_looks() -> None:
    for live in (None, True, False):  # pytest's stderr is no terminal
        with choose_view(live) as view:
            assert view is None
