"""A saved dashboard, open in a page of Chromium, and what a user does there.

The page's policy forbids what playwright does to wait for a JavaScript condition; what has to be asked of the page is asked over the
debugging protocol, which stands above it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import honeyframe as hf

from .chromium import Chromium, Record

AXE = Path(__file__).resolve().parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"


@dataclass
class DashboardPage:
    """One tab."""

    page: Any
    record: Record
    debugger: Any

    def connect(self, user: str = "both", password: str | None = None, *, keep: bool = False) -> None:
        """Fills the form in and sends it; returns at once."""
        self.page.get_by_label("User name").fill(user)
        self.page.get_by_label("Password").fill(f"{user}-password" if password is None else password)
        if keep:
            self.page.get_by_label("Keep until this tab is closed").check()
        self.page.get_by_role("button", name="Connect", exact=True).click()

    def wait_for_state(self, state: str, timeout: float = 15) -> None:
        self.page.locator(f".pill[data-state={state}]").wait_for(timeout=timeout * 1000)

    @property
    def banner(self) -> Any:
        return self.page.locator(".banner")

    def publish(self, topic: str, payload: str, qos: int = 1) -> str:
        """By the page's form; what it says afterwards."""
        self.page.get_by_role("tab", name="Publish").click()
        form = self.page.locator("form.publish")
        form.get_by_label("Topic").fill(topic)
        form.get_by_label("Payload").fill(payload)
        form.get_by_label("QoS").select_option(str(qos))
        form.get_by_role("button", name="Publish").click()
        outcome = form.locator(".outcome.good, .outcome.bad")
        outcome.wait_for()
        return str(outcome.inner_text())

    def choose_topic(self, topic: str) -> None:
        """By search and click in the tree."""
        self.page.get_by_role("tab", name="Topics").click()
        self.page.get_by_label("Search topics").fill(topic)
        self.page.locator(".tree li.leaf button").first.click()

    def evaluate(self, expression: str) -> Any:
        """The value of an expression, awaited."""
        answer = self.debugger.send("Runtime.evaluate", {"expression": expression, "awaitPromise": True, "returnByValue": True})
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def heap_bytes(self) -> int:
        """Of JavaScript, after a collection."""
        self.debugger.send("HeapProfiler.collectGarbage")
        return int(self.debugger.send("Runtime.getHeapUsage")["usedSize"])

    def axe(self) -> list[str]:
        """What axe-core finds against WCAG 2.1 A and AA."""
        self.evaluate(AXE.read_text() + "; true")
        tags = json.dumps(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"])
        told = "v.id + ': ' + n.html.slice(0, 160) + ' ' + (n.any[0]?.message ?? '')"
        found = self.evaluate(f"axe.run(document, {{runOnly: {tags}}}).then(r => r.violations.flatMap(v => v.nodes.map(n => {told})))")
        return list(found)

    def unexpected(self) -> list[str]:
        """What went wrong in the page by itself; a browser's own line about a socket that failed is no fault of the page."""
        lines = [text for kind, text in self.record.console if kind in ("error", "warning")]
        return [*self.record.errors, *(text for text in lines if not re.match(r"WebSocket connection to ", text))]


@contextmanager
def opened(chromium: Chromium, dashboard: hf.Dashboard | Path, **options: Any) -> Iterator[DashboardPage]:
    """``dashboard`` from its file, in a context of its own that takes any certificate."""
    context, record = chromium.new_context(**{"ignore_https_errors": True, "accept_downloads": True} | options)
    page = context.new_page()
    page.goto(dashboard.url if isinstance(dashboard, hf.Dashboard) else dashboard.as_uri())
    try:
        yield DashboardPage(page, record, context.new_cdp_session(page))
    finally:
        context.close()


def frame(rows: int, topics: int = 1) -> pd.DataFrame:
    """``rows`` of a plant, 5 ms apart, the last one now."""
    now = pd.Timestamp.now("UTC")
    times = now - pd.to_timedelta(np.arange(rows)[::-1] * 0.005, unit="s")
    numbers = np.arange(rows)
    return pd.DataFrame(
        {
            "_topic": np.char.add(np.char.add("plant/", (numbers % topics).astype(str)), "/telemetry"),
            "_recv_time": times,
            "temperature": 70 + np.sin(numbers / 5000) * 8 + np.random.default_rng(1).normal(size=rows) / 4,
            "pressure": np.round(4 + np.cos(numbers / 900), 3),
        }
    )


def ink(page: DashboardPage, selector: str = ".u-wrap canvas") -> int:
    """How many pixels of a canvas are of some colour, not of grey: lines are, axes and grid are not."""
    return int(
        page.evaluate(
            f"""(() => {{
              const canvas = document.querySelector({json.dumps(selector)});
              const {{data}} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
              let found = 0;
              for (let i = 0; i < data.length; i += 4) {{
                const [r, g, b, a] = data.subarray(i, i + 4);
                found += a > 128 && Math.max(r, g, b) - Math.min(r, g, b) > 60;
              }}
              return found;
            }})()"""
        )
    )
