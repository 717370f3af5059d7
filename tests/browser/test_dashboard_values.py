"""What a saved dashboard makes of single values: from file://, in a real Chromium, against the embedded broker. A few seconds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from tests.browser.chromium import Chromium, screenshot
from tests.browser.dashboard_page import DashboardPage, ink, opened

import honeyframe as hf
from honeyframe.embedded_broker import EmbeddedBroker

pytest.importorskip("amqtt")


@pytest.fixture(scope="module")
def broker() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker(websocket=True) as made:
        yield made


@pytest.fixture
def client(broker: EmbeddedBroker) -> Iterator[hf.Client]:
    with hf.connect(broker.uri) as made:
        yield made


@pytest.fixture
def save(client: hf.Client, broker: EmbeddedBroker, tmp_path: Path) -> Callable[..., hf.Dashboard]:
    def make(**options: Any) -> hf.Dashboard:
        return client.dashboard(tmp_path / "d.html", **{"websocket_url": broker.websocket_url, "topics": "plant/#"} | options)

    return make


def connect(page: DashboardPage, client: hf.Client) -> None:
    """And waits until it hears what is published."""
    page.page.get_by_role("button", name="Connect", exact=True).click()
    page.wait_for_state("connected")
    page.page.get_by_text("Subscribed", exact=True).click()
    page.page.locator(".chips .good").first.wait_for()
    page.page.get_by_text("Subscribed", exact=True).click()


def test_a_panel_made_by_a_click_shows_the_one_point_there_is(
    chromium: Chromium, client: hf.Client, save: Callable[..., hf.Dashboard]
) -> None:
    with opened(chromium, save()) as page:
        connect(page, client)
        client.publish("plant/1/t", {"t": 21.5, "a.b": 1, "a": {"b": 2}}, qos=1)
        page.page.locator(".tree .leaf").first.wait_for()
        page.choose_topic("plant/1/t")
        assert page.page.locator(".json .pick").all_inner_texts() == ["21.5", "1"]  # of two that are called a.b the one that is drawn
        page.page.locator(".json .pick").first.click()
        page.page.locator(".hf-value", has_text="21.5").wait_for()
        page.page.wait_for_timeout(400)
        assert 8 < ink(page) < 60  # a dot
        assert page.page.locator(".tree .leaf .rate").inner_text() == "–"
        assert page.unexpected() == []


def test_a_password_alone_is_not_sent(chromium: Chromium, save: Callable[..., hf.Dashboard]) -> None:
    with opened(chromium, save()) as page:
        page.page.get_by_label("Password").fill("secret")
        page.page.get_by_role("button", name="Connect", exact=True).click()
        page.page.get_by_role("alert").filter(has_text="A password needs a user name").wait_for()
        assert page.evaluate("document.activeElement.name") == "user"
        assert page.page.get_by_label("Password").input_value() == "secret"
        assert not [url for url in page.record.requests if url.startswith("ws")]


def test_switches_gauges_and_long_legends(chromium: Chromium, client: hf.Client, save: Callable[..., hf.Dashboard]) -> None:
    times = pd.Timestamp.now("UTC") - pd.to_timedelta([90.0, 89.0, 88.0, 87.0], unit="s")
    history = pd.DataFrame({"_topic": "plant/1/t", "_recv_time": times, "on": [True, False, True, True], "p": [1.0, 2.0, 1.0, 2.0]})
    panels: list[Any] = [
        {"value": "on", "topics": "plant/1/t", "title": "Pump"},
        {"chart": "on", "topics": "plant/1/t", "title": "Pump over time"},
        {"gauge": "p", "topics": "plant/1/t", "unit": "hPa", "title": "Pressure"},
        {"chart": "n", "topics": "plant/{n}/n", "title": "Many", "thresholds": {"warn": 5}},
    ]
    with opened(chromium, save(panels=panels, history=history)) as page:
        connect(page, client)
        for n in range(40):
            client.publish(f"plant/{n}/n", {"n": n}, qos=0)
        for value in (False, True):
            client.publish("plant/1/t", {"on": value, "p": -1008.3}, qos=1)
        page.page.get_by_role("region", name="Pressure").locator(".reading", has_text="-1008.3").wait_for()
        pump = page.page.get_by_role("region", name="Pump", exact=True)
        pump.locator(".reading", has_text="true").wait_for()
        path = str(pump.locator(".trend path").get_attribute("d"))
        assert (path.count("M"), path.count("L")) == (2, 0)  # broken where nothing was heard, and nowhere slanted
        assert page.page.get_by_role("region", name="Pump over time").locator(".hf-value").inner_text() == "true"
        text = page.evaluate(
            "(() => { const r = document.createRange(); r.selectNodeContents(document.querySelector('.gauge .reading'));"
            " return r.getBoundingClientRect().width / document.querySelector('.gauge svg').getBoundingClientRect().width; })()"
        )
        assert text < 66 / 104  # of the ring's inside
        colours = "['.gauge .bar', '.limit.warn'].map(one => getComputedStyle(document.querySelector(one) ?? document.body).stroke)"
        assert len(set(page.evaluate(colours))) == 2
        legend = "document.querySelector('[aria-label^=Many] .hf-legend')"
        assert page.evaluate(
            f"[{legend}.scrollHeight > {legend}.clientHeight, {legend}.clientHeight % {legend}.children[0].offsetHeight]"
        ) == [True, 0]
        screenshot(page.page, "dashboard values")
        assert page.unexpected() == []
