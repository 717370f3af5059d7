"""The dashboard's figures, alone on a machine: ``python -m tests.browser.dashboard_figures [--seconds 60]``.

Time from ``client.dashboard(...)`` to the first live point, first paint, 100,000 rows of history, and a load of 1,000 messages a second
over WebSockets and TLS with the heap of the page every few seconds.
"""

from __future__ import annotations

import argparse
import multiprocessing
import re
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.brokers.certificates import Authority
from tests.brokers.hivemq import HiveMQ
from tests.browser.chromium import Chromium
from tests.browser.dashboard_page import DashboardPage, frame, opened

import honeyframe as hf

PANELS: list[Any] = [
    {"chart": "temperature", "topics": "plant/{line}/telemetry", "thresholds": {"warn": 75}},
    {"chart": "pressure", "topics": "plant/{line}/telemetry"},
    {"gauge": "pressure", "topics": "plant/0/telemetry"},
    {"value": ["temperature", "pressure"], "topics": "plant/{line}/telemetry"},
]


def load(uri: str, rate: int, seconds: float) -> None:
    """``rate`` messages a second on 20 topics, in a process of its own."""
    with hf.connect(uri, username="both", password="both-password") as client:
        began, sent = time.monotonic(), 0
        while (now := time.monotonic() - began) < seconds:
            while sent < now * rate:
                client.publish(
                    f"plant/{sent % 20}/telemetry",
                    {"temperature": 70 + sent % 100 / 10, "pressure": 4 + sent % 7, "n": sent, "state": "running"},
                )
                sent += 1
            time.sleep(0.005)
        time.sleep(1)
    print(f"  sent {sent:,} messages")


def first_paint(page: DashboardPage) -> float:
    while (found := page.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime")) is None:
        page.page.wait_for_timeout(20)
    return float(found) / 1000


def messages(page: DashboardPage) -> int:
    found = re.match(r"([\d,]+) message", page.page.locator(".meter").inner_text())
    return int(found[1].replace(",", "")) if found else 0


def to_first_point(chromium: Chromium, client: hf.Client, broker: HiveMQ, folder: Path) -> None:
    began = time.monotonic()
    dashboard = client.dashboard(folder / "first.html", panels=PANELS, topics="plant/#", websocket_url=broker.uri("wss"))
    saved = time.monotonic()
    with opened(chromium, dashboard) as page:
        page.connect()
        page.wait_for_state("connected")
        client.publish("plant/0/telemetry", {"temperature": 71.5, "pressure": 4}, qos=1)
        page.page.locator(".hf-value").filter(has_text="71.5").wait_for()
        print(f"client.dashboard() {saved - began:.2f} s; to the first live point {time.monotonic() - began:.2f} s (goal 3)")
        print(f"first paint {first_paint(page):.2f} s (goal 1); file {dashboard.nbytes / 1000:,.0f} kB (goal 600)")


def with_history(chromium: Chromium, client: hf.Client, broker: HiveMQ, folder: Path) -> None:
    began = time.monotonic()
    dashboard = client.dashboard(
        folder / "history.html", panels=PANELS, history=frame(100_000, topics=20), topics="plant/#", websocket_url=broker.uri("wss")
    )
    print(f"100,000 rows of history: saved in {time.monotonic() - began:.2f} s, file {dashboard.nbytes / 1e6:.1f} MB")
    began = time.monotonic()
    with opened(chromium, dashboard) as page:
        page.page.locator(".notice", has_text="100,000 rows").wait_for()
        page.page.locator(".hf-value").first.wait_for()
        print(f"  drawn {time.monotonic() - began:.2f} s after the tab was opened (goal 3), first paint {first_paint(page):.2f} s")


def under_load(chromium: Chromium, client: hf.Client, broker: HiveMQ, folder: Path, seconds: float, rate: int) -> None:
    dashboard = client.dashboard(folder / "load.html", panels=PANELS, topics="plant/#", websocket_url=broker.uri("wss"), window="1min")
    with opened(chromium, dashboard) as page:
        page.connect()
        page.wait_for_state("connected")
        before = page.debugger.send("Performance.enable") and {}
        sender = multiprocessing.get_context("spawn").Process(target=load, args=(broker.uri("mqtt", "127.0.0.1"), rate, seconds))
        began = time.monotonic()
        sender.start()
        while sender.is_alive():
            page.page.wait_for_timeout(5000)
            metrics = {one["name"]: one["value"] for one in page.debugger.send("Performance.getMetrics")["metrics"]}
            busy = metrics["TaskDuration"] - before.get("TaskDuration", 0)
            heap = page.heap_bytes() / 1e6
            print(f"  {time.monotonic() - began:5.1f} s: {messages(page):7,} messages, heap {heap:5.1f} MB, main thread busy {busy:.1f} s")
            before = metrics
        sender.join()
        page.page.wait_for_timeout(1000)
        print(f"  received {messages(page):,} messages; {page.page.locator('.pill').inner_text()}; faults: {page.unexpected()}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="of the load")
    parser.add_argument("--rate", type=int, default=1000, help="messages a second")
    given = parser.parse_args()
    authority = Authority.create()
    broker, chromium = HiveMQ(authority), Chromium()
    try:
        with (
            tempfile.TemporaryDirectory() as folder,
            hf.connect(broker.uri("mqtt", "127.0.0.1"), username="both", password="both-password") as client,
        ):
            to_first_point(chromium, client, broker, Path(folder))
            with_history(chromium, client, broker, Path(folder))
            under_load(chromium, client, broker, Path(folder), given.seconds, given.rate)
    finally:
        chromium.close()
        broker.close()


if __name__ == "__main__":
    main()
