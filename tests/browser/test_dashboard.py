"""A saved dashboard as its user meets it: from file://, in a real Chromium, against a real HiveMQ over WebSockets and TLS."""

from __future__ import annotations

import csv
import io
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.brokers.certificates import Authority
from tests.brokers.hivemq import HiveMQ
from tests.brokers.mosquitto import Mosquitto
from tests.brokers.websocket import WebSocketFront
from tests.browser.chromium import Chromium, screenshot
from tests.browser.dashboard_page import AXE, DashboardPage, frame, ink, opened

import honeyframe as hf
from honeyframe.embedded_broker import EmbeddedBroker

PANELS: list[Any] = [
    {"chart": "temperature", "topics": "plant/{line}/telemetry", "unit": "°C", "thresholds": {"warn": 75, "alarm": 90}},
    {"gauge": "pressure", "topics": "plant/1/telemetry", "unit": "bar", "max": 10},
    {"value": "temperature", "topics": "plant/1/telemetry", "title": "Line 1", "thresholds": {"warn": 75}},
]


@pytest.fixture(scope="module")
def client(hivemq: HiveMQ, ca_file: str) -> Iterator[hf.Client]:
    with hf.connect(hivemq.uri("mqtts"), username="both", password="both-password", ca_file=ca_file) as made:
        yield made


@pytest.fixture
def save(client: hf.Client, hivemq: HiveMQ, tmp_path: Path) -> Callable[..., hf.Dashboard]:
    """Saves a dashboard for the broker of the tests."""

    def make(name: str = "plant.html", **options: Any) -> hf.Dashboard:
        return client.dashboard(tmp_path / name, **{"websocket_url": hivemq.uri("wss"), "topics": "plant/#"} | options)

    return make


def test_it_asks_connects_draws_and_talks_to_nobody_else(
    chromium: Chromium, client: hf.Client, save: Callable[..., hf.Dashboard], hivemq: HiveMQ
) -> None:
    client.publish("plant/3/telemetry", {"temperature": 99.5}, retain=True, qos=1)
    began = time.monotonic()
    dashboard = save(panels=PANELS, title="Plant north", window="1min")
    with opened(chromium, dashboard) as page:
        page.connect()
        page.wait_for_state("connected")
        client.publish("plant/1/telemetry", {"temperature": 71, "pressure": 4.2}, qos=1)
        reading = page.page.get_by_role("region", name="Line 1").locator(".reading")
        reading.filter(has_text="71").wait_for()
        assert time.monotonic() - began < 8  # alone on a machine 3: dashboard_figures.py
        before = ink(page)
        for i in range(20):
            client.publish(f"plant/{i % 2 + 1}/telemetry", {"temperature": 60 + i, "pressure": 4 + i / 10}, qos=1)
            page.page.wait_for_timeout(25)
        page.page.wait_for_timeout(400)
        assert ink(page) > before + 50
        assert page.page.get_by_role("region", name="pressure").locator(".gauge").inner_text().split("\n")[:2] == ["5.8", "bar"]
        chart = page.page.get_by_role("region", name="temperature")
        assert chart.locator(".badge").inner_text() == "alarm: 3"  # the state that the broker had kept; no point of now is drawn of it
        assert "warn" in page.page.get_by_role("region", name="Line 1").locator(".since").inner_text()
        assert page.record.hosts() == {hivemq.uri("wss").split("/")[2]}
        assert [url for url in page.record.requests if not url.startswith(("file:", "wss:"))] == []
        assert page.unexpected() == []
        screenshot(page.page, "dashboard")
        assert "Connected" in page.page.locator(".pill").inner_text()
        assert re.search(r"kB received, .* sent", page.page.locator(".meter").inner_text())
    client.publish("plant/3/telemetry", b"", retain=True, qos=1)


def test_a_click_on_a_value_makes_a_panel_of_it(chromium: Chromium, client: hf.Client, save: Callable[..., hf.Dashboard]) -> None:
    with opened(chromium, save()) as page:
        page.connect()
        page.wait_for_state("connected")
        assert "No panels yet" in page.page.locator("main").inner_text()
        for line in (1, 2):
            client.publish(f"plant/{line}/telemetry", {"location": {"lat": 47.07}, "serial": 9007199254740993}, qos=1)
        page.page.locator(".suggestion", has_text="location.latplant/{level2}/telemetry, 2 topics").wait_for()
        page.choose_topic("plant/1/telemetry")
        assert "9007199254740993" in page.page.locator(".json").inner_text()
        page.page.locator(".detail").get_by_label("of", exact=True).select_option("plant/{level2}/telemetry")
        page.page.get_by_label("A click on a number adds a").select_option("value")
        page.page.get_by_title("Show location.lat in a panel").click()
        client.publish("plant/2/telemetry", {"location": {"lat": 48.2}}, qos=1)
        panel = page.page.get_by_role("region", name="location.lat")
        panel.locator(".reading").filter(has_text="48.2").wait_for()
        panel.get_by_role("button", name="Edit").click()
        dialog = page.page.get_by_role("dialog")
        dialog.get_by_label("Thresholds").fill("warn > nine")
        dialog.get_by_role("button", name="Apply").click()
        assert "is no threshold" in dialog.inner_text()
        dialog.get_by_label("Thresholds").fill("alarm > 48")
        dialog.get_by_label("Title").fill("Latitude")
        dialog.get_by_role("button", name="Apply").click()
        panel = page.page.get_by_role("region", name="Latitude")
        assert panel.locator("[data-level=alarm] .reading").inner_text() == "48.2"  # what has come is there
        panel.get_by_role("button", name="Edit").click()
        dialog.get_by_label("Topics").fill("office/{room}/climate")
        dialog.get_by_role("button", name="Apply").click()
        page.page.get_by_text("Subscribed", exact=True).click()
        page.page.locator(".chips li.good", has_text="office/+/climate").wait_for()
        client.publish("office/7/climate", {"location": {"lat": 46.5}}, qos=1)
        panel.locator(".reading", has_text="46.5").wait_for()
        assert page.unexpected() == []


def test_a_wrong_password_is_told_and_asked_for_again(chromium: Chromium, save: Callable[..., hf.Dashboard]) -> None:
    with opened(chromium, save()) as page:
        page.connect("both", "wrong")
        page.wait_for_state("refused")
        assert "refused the connection: not authorized (135)." in page.banner.inner_text()
        assert "Check user name and password" in page.banner.inner_text()
        page.connect()
        page.wait_for_state("connected")
        assert not page.banner.is_visible()


def test_what_a_credential_may_not_do_is_told(chromium: Chromium, save: Callable[..., hf.Dashboard]) -> None:
    with opened(chromium, save(topics=["#", "plant/#"])) as page:
        page.page.get_by_text("Subscribed", exact=True).click()
        page.page.get_by_label("Subscribe to").fill("plant/#")
        page.page.get_by_role("button", name="Add", exact=True).click()
        page.connect("plant")
        page.wait_for_state("connected")
        page.banner.filter(has_text="refused the subscription to #: not authorized (135)").wait_for()
        page.page.locator(".chips li.bad", has_text="#").wait_for()
        page.page.locator(".chips li.good", has_text="plant/#").wait_for()
        assert page.publish("plant/1/set", "1").endswith("Confirmed by the broker.")
    with opened(chromium, save("second.html", topics="plant/#")) as page:
        page.connect("sub")
        page.wait_for_state("connected")
        told = page.publish("plant/1/set", "1")
        assert "refused the message to plant/1/set: not authorized (135)" in told
        assert "may not publish there" in told
        page.wait_for_state("connected")  # HiveMQ hangs up after such a message: the page comes back


def test_mosquitto_without_tls(chromium: Chromium, mosquitto: Mosquitto, tmp_path: Path) -> None:
    with hf.connect(mosquitto.uri("mqtt", "127.0.0.1"), username="both", password="both-password") as client:
        url = mosquitto.uri("ws", "127.0.0.1")
        dashboard = client.dashboard(
            tmp_path / "d.html", panels=[{"value": "value", "topics": "plant/n"}], topics="plant/#", websocket_url=url
        )
        with opened(chromium, dashboard) as page:
            page.connect()
            page.wait_for_state("connected")
            client.publish("plant/n", 42, qos=1)
            page.page.locator(".reading", has_text="42").wait_for()
            assert page.unexpected() == []


def test_a_broker_that_speaks_only_mqtt_3(chromium: Chromium, tmp_path: Path) -> None:
    pytest.importorskip("amqtt")
    with EmbeddedBroker() as broker, hf.connect(broker.uri) as client, WebSocketFront(int(broker.uri.rsplit(":", 1)[1])) as front:
        panels = [{"value": "value", "topics": "plant/n"}]
        dashboard = client.dashboard(tmp_path / "d.html", panels=panels, topics="plant/#", websocket_url=front.uri())
        with opened(chromium, dashboard) as page:
            page.page.get_by_role("button", name="Connect", exact=True).click()
            page.wait_for_state("connected")
            assert "MQTT 3.1.1" in page.page.locator(".pill").inner_text()
            assert page.publish("plant/n", "42").endswith("Confirmed by the broker.")
            page.page.locator(".reading", has_text="42").wait_for()


def test_a_certificate_that_is_not_trusted(chromium: Chromium, save: Callable[..., hf.Dashboard], hivemq: HiveMQ) -> None:
    with opened(chromium, save(), ignore_https_errors=False) as page:
        page.connect()
        page.wait_for_state("waiting")
        place = hivemq.uri("wss").split("/")[2]
        assert f"open https://{place}/ in a new tab" in page.banner.inner_text()
        assert "Next attempt in" in page.banner.inner_text()


def test_it_comes_back_when_the_broker_does(chromium: Chromium, authority: Authority, tmp_path: Path) -> None:
    broker = HiveMQ(authority)
    try:
        with hf.connect(broker.uri("mqtt"), username="both", password="both-password") as own:
            dashboard = own.dashboard(tmp_path / "d.html", websocket_url=broker.uri("wss"), panels=["n"], topics="plant/n")
        with opened(chromium, dashboard) as page:
            page.connect()
            page.wait_for_state("connected")
            broker.kill()
            page.wait_for_state("waiting")
            assert page.banner.is_visible()
            broker.start()
            page.evaluate(
                "document.querySelector('.banner button').click()"
            )  # Try now; else it does so by itself, in half a minute at most
            page.wait_for_state("connected", timeout=40)
            assert page.publish("plant/n", '{"n": 7}').endswith("Confirmed by the broker.")
            page.page.get_by_role("region", name="n", exact=True).locator(".hf-value").filter(has_text="7").wait_for()
            assert not page.banner.is_visible()
    finally:
        broker.close()


def test_credentials_are_kept_for_the_tab_and_no_longer(chromium: Chromium, save: Callable[..., hf.Dashboard]) -> None:
    dashboard = save()
    with opened(chromium, dashboard) as page:
        page.connect(keep=True)
        page.wait_for_state("connected")
        page.page.reload()
        page.wait_for_state("connected")
        other = page.page.context.new_page()
        other.goto(dashboard.url)
        other.get_by_label("User name").wait_for()  # another tab asks
        page.page.get_by_role("button", name="Disconnect").click()
        page.page.reload()
        page.page.get_by_label("User name").wait_for()


def test_a_copy_carries_layout_and_points_and_no_credential(
    chromium: Chromium, client: hf.Client, save: Callable[..., hf.Dashboard], tmp_path: Path
) -> None:
    dashboard = save(title="=Plant & <north>", panels=["temperature"], topics="plant/{line}/telemetry")
    with opened(chromium, dashboard) as page:
        page.connect(keep=True)
        page.wait_for_state("connected")
        for i in range(5):
            client.publish("plant/=1/telemetry", {"temperature": 20.5 + i}, qos=1)
        page.page.locator(".hf-value").filter(has_text="24.5").wait_for()
        page.page.get_by_role("button", name="Dark theme").click()
        page.page.get_by_text("Save", exact=True).click()
        with page.page.expect_download() as download:
            page.page.get_by_role("button", name="This layout as a file").click()
        copy = tmp_path / "copy.html"
        download.value.save_as(copy)
        page.page.get_by_text("Save", exact=True).click()
        with page.page.expect_download() as download:
            page.page.get_by_role("button", name="Data as CSV").click()
        rows = list(csv.reader(io.StringIO(Path(download.value.path()).read_text())))
    assert rows[1][2:4] == ["'=1", "plant/=1/telemetry"]  # a line called "=1" is no formula
    assert [row[5] for row in rows[1:]] == ["20.5", "21.5", "22.5", "23.5", "24.5"]
    text = copy.read_text()
    assert "both-password" not in text
    # The same page, byte for byte, but for who wrote it, the settings and the history.
    variable = r'content="honeyframe dashboard, by \w+"|id="honeyframe-(settings|history)">[^<]*'
    assert re.sub(variable, "", text) == re.sub(variable, "", dashboard.path.read_text())
    with pytest.raises(FileExistsError):  # the user's work is not replaced
        client.dashboard(copy)
    with opened(chromium, copy) as page:
        page.page.locator(".hf-value").filter(has_text="24.5").wait_for()
        assert page.evaluate("document.documentElement.dataset.theme") == "dark"
        assert page.unexpected() == []


def test_a_damaged_file_says_so(chromium: Chromium, save: Callable[..., hf.Dashboard]) -> None:
    whole = save(history=frame(100)).path
    text = whole.read_text()
    damaged = {
        '"format":1': ('"format":9', ".fatal", "format 9"),
        'id="honeyframe-history">H4sI': ('id="honeyframe-history">AAAA', ".notice", "history in this file cannot be read"),
    }
    for old, (new, place, told) in damaged.items():
        assert old in text
        whole.write_text(text.replace(old, new, 1))
        with opened(chromium, whole) as page:
            page.page.locator(place, has_text=told).wait_for()


def test_history_is_there_at_once_and_goes_on_live(chromium: Chromium, client: hf.Client, save: Callable[..., hf.Dashboard]) -> None:
    dashboard = save(topics="plant/{line}/telemetry", history=frame(100_000), window="10min")
    assert dashboard.history_rows == 100_000
    began = time.monotonic()
    with opened(chromium, dashboard) as page:
        page.page.locator(".notice", has_text="100,000 rows of history").wait_for()
        page.page.locator(".hf-value").nth(1).wait_for()
        assert time.monotonic() - began < 8  # alone on a machine 3: dashboard_figures.py
        assert page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime") < 3000
        page.page.wait_for_timeout(300)
        drawn = ink(page)
        assert drawn > 500
        page.connect()
        page.wait_for_state("connected")
        client.publish("plant/0/telemetry", {"temperature": 71.25, "pressure": 4.5}, qos=1)
        page.page.locator(".hf-value").filter(has_text="71.25").wait_for()
        assert ink(page) > drawn * 0.8  # what was there is there
        screenshot(page.page, "dashboard history")


def test_odd_messages_are_shown_and_told(chromium: Chromium, client: hf.Client, save: Callable[..., hf.Dashboard]) -> None:
    panels = [{"chart": "n", "topics": "plant/{device}/n", "x": "ts", "title": "Clocks"}]
    with opened(chromium, save(panels=panels)) as page:
        page.connect()
        page.wait_for_state("connected")
        client.publish("plant/future/n", {"n": 1, "ts": "2199-01-01T00:00:00Z"}, qos=1)
        for device in range(1000):
            client.publish(f"plant/{device}/n", {"n": device, "ts": time.time()})
        client.publish("plant/large", b'{"blob": "' + b"x" * 1_000_000 + b'"}', qos=1)
        client.publish("plant/binary", b"\xff\xfe\x00\x01", qos=1)
        client.publish("plant/text", "no JSON <b>at all</b>", qos=1)
        panel = page.page.get_by_role("region", name="Clocks")
        panel.get_by_text("40 lines are shown; 961 more lines found no place").wait_for()
        assert "1 point of a clock that is ahead, drawn at the time of arrival." in panel.inner_text()
        page.page.get_by_role("tab", name="Messages").click()
        page.page.get_by_label("Search messages").fill("plant/large")
        page.page.locator(".log button").first.click()
        assert "Shortened: the beginning of 1.0 MB" in page.page.locator(".json").inner_text()
        page.choose_topic("plant/binary")
        assert "ff fe 00 01" in page.page.locator(".json").inner_text()
        page.choose_topic("plant/text")
        assert page.page.locator(".json").inner_text() == "no JSON <b>at all</b>"
        page.page.get_by_role("button", name="Pause").first.click()
        client.publish("plant/text", "later", qos=1)
        page.page.get_by_role("button", name="Go on (1 came)").click()
        page.page.locator(".json", has_text="later").wait_for()
        assert page.unexpected() == []


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not there: npm ci in web/")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_anybody_can_use_it(chromium: Chromium, client: hf.Client, save: Callable[..., hf.Dashboard], scheme: str) -> None:
    dashboard = save(panels=PANELS, history=frame(500), title="Plant north")
    with opened(chromium, dashboard, color_scheme=scheme, viewport={"width": 390, "height": 844}) as page:
        page.connect("both", "wrong")
        page.wait_for_state("refused")
        assert page.axe() == []
        page.connect()
        page.wait_for_state("connected")
        client.publish("plant/1/telemetry", {"temperature": 80, "pressure": 9, "text": "x" * 300}, qos=1)
        page.page.locator(".tree li.leaf").first.wait_for()
        page.choose_topic("plant/1/telemetry")
        for tab in ("Publish", "Messages", "Topics"):
            page.page.get_by_role("tab", name=tab).click()
            assert page.axe() == []
            assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
        page.page.get_by_role("button", name="Edit Line 1").click()
        assert page.axe() == []
        page.page.keyboard.press("Escape")
        screenshot(page.page, f"dashboard phone {scheme}")
        assert reached_by_tab(page) == 0


def reached_by_tab(page: DashboardPage) -> int:
    """How many visible controls the Tab key does not come to."""
    page.evaluate("document.activeElement.blur(); window.reached = new Set(); 0")
    for _ in range(120):
        page.page.keyboard.press("Tab")
        at = "document.activeElement"  # behind the last one it is the document, and then the first
        if page.evaluate(f"{at} !== document.body && reached.size === reached.add({at}).size"):
            break
    left = page.evaluate(
        "[...document.querySelectorAll('button, input, select, textarea, summary')].filter(e => e.checkVisibility() && !reached.has(e) && "
        "!(e.getAttribute('role') === 'tab' && e.tabIndex === -1)).length"
    )
    return int(left)
