"""A chart as one file: what comes from outside is data in it, and it may load nothing."""

from __future__ import annotations

import base64
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from honeyframe import chart_page
from honeyframe.chart_page import page
from honeyframe.chart_points import Points
from honeyframe.chart_rows import Line

HOSTILE = "</script><script>alert(1)</script><!-- <img src=x onerror=alert(1)>"


class Elements(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    @property
    def tags(self) -> list[str]:
        return [tag for tag, _ in self.found]


def made(name: str = "a", title: str = "Plant") -> str:
    config = {"window": 60.0, "panes": [{"label": name}], "height": 240, "title": title}
    lines = [Line(name, name, name, 0, "float64", (name,)), Line("b", "b", "b", 0, "bool", ("b",))]
    points = Points(np.array([0, 0, 1], np.int32), np.array([1.5, 2.5, 3.5]), np.array([10.0, np.nan, 1.0]))
    return page(config, lines, points, 60.0, {"ahead": 10, "notes": [HOSTILE]})


def data_of(text: str) -> dict[str, object]:
    found = re.search(r'<script type="application/json"[^>]*>(.*?)</script>', text, re.DOTALL)
    assert found is not None
    loaded: dict[str, object] = json.loads(found.group(1))
    return loaded


def test_it_holds_its_points() -> None:
    data = data_of(made())
    assert data["now"] == 60.0
    first, second = data["lines"]  # type: ignore[misc]
    assert np.frombuffer(base64.b64decode(first["x"]), "<f8").tolist() == [1.5, 2.5]
    assert np.isnan(np.frombuffer(base64.b64decode(first["y"]), "<f8")[1])
    assert (second["name"], second["step"]) == ("1", True)
    assert data["status"] == {"ahead": 10, "notes": [HOSTILE]}  # what a reader must know goes with it


def test_it_may_load_nothing_and_runs_only_its_own_code() -> None:
    text = made()
    (policy,) = [attributes["content"] for tag, attributes in Elements(text).found if "http-equiv" in attributes]
    assert policy is not None
    assert policy.startswith("default-src 'none'; script-src 'nonce-")
    assert "unsafe" not in policy
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", text)
    assert text != made()  # a nonce is used once


@pytest.mark.parametrize("tag", ["script", "img", "style"])
def test_names_and_titles_are_data(tag: str) -> None:
    text = made(HOSTILE, HOSTILE)
    assert Elements(text).tags.count(tag) == Elements(made()).tags.count(tag)
    assert data_of(text)["lines"][0]["label"] == HOSTILE  # type: ignore[index]


def test_code_that_names_a_script_does_not_end_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chart_page, "bundle", lambda name: 'x = "</SCRIPT><!--"' if name.endswith("js") else "a{}</style>")
    assert Elements(made()).tags.count("script") == 2
    assert Elements(made()).tags.count("style") == 1
