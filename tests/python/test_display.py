"""HTML in a notebook."""

from __future__ import annotations

import pytest

from honeyframe.display import card, escaped


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "'&<>", "$x^2$"])
def test_everything_is_escaped(text: str) -> None:
    html = card(text, [(text, text)], text)
    assert text not in html
    assert "<script" not in html
    assert "<img" not in html
    assert "$" not in html


def test_control_characters_are_spelled_out() -> None:
    assert escaped("\x1b[31m<b>\u202e") == r"\x1b[31m&lt;b&gt;\u202e"


def test_empty_values_are_left_out() -> None:
    html = card("title", [("a", ""), ("b", None), ("c", 0)])
    assert html.count("<tr>") == 1
