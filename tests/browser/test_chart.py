"""Charts, live tables and the tree of topics as widgets, in JupyterLab and Notebook 7, in a real Chromium."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.brokers.mosquitto import Mosquitto
from tests.browser.chromium import Chromium, Record, screenshot
from tests.browser.jupyter import JupyterServer, NotebookPage

pytest.importorskip("anywidget")

pytestmark = pytest.mark.timeout(180)

NOTEBOOK7S_OWN = "Cannot read properties of undefined (reading 'schema')"  # of its settings, when a kernel is restarted
HOSTILE = "<img src=x onerror=alert(1)>"
PASSWORD = "both-password"

_CONNECT = """
import gc, json, math, threading, time
import honeyframe as hf
client = hf.connect("mqtt://127.0.0.1:{port}", username="both", password="both-password")
stream = client.stream("chart/{{line}}/telemetry")
stopping = threading.Event()
def publish():
    number = 0
    while not stopping.wait(0.05):
        number += 1
        for line in ("north", "south", "<img src=x onerror=alert(1)>"):
            value = {{"temperature": 20 + math.sin(number / 10 + len(line)), "on": number // 20 % 2 == 0, "number": number, "hall": "B"}}
            client.publish(f"chart/{{line}}/telemetry", value)
threading.Thread(target=publish, daemon=True).start()
chart = stream.chart([["temperature"], ["on"]], by="line", window="20s", title="Plant", height=160)
"""
_CHARTS = "'honeyframe-chart threads:', sum(thread.name == 'honeyframe-chart' for thread in threading.enumerate())"


def end_kernels(server: JupyterServer) -> None:
    """So that the next notebook waits for a kernel of its own."""
    for kernel in server.kernels():
        address = f"{server.url}/api/kernels/{kernel['id']}"
        asked = urllib.request.Request(address, method="DELETE", headers={"Authorization": f"token {server.token}"})
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(asked, timeout=10).close()


def legend(notebook: NotebookPage, cell: int) -> list[str]:
    return list(notebook.outputs(cell).locator(".hf-entry").all_inner_texts())


def pixels(notebook: NotebookPage, cell: int) -> list[str]:
    """What the canvases of a cell show."""
    found: list[str] = notebook.outputs(cell).locator("canvas").evaluate_all("all => all.map(canvas => canvas.toDataURL())")
    return found


def in_view(notebook: NotebookPage, cell: int, expression: str) -> Any:
    """Of the chart in a cell's output."""
    return notebook.outputs(cell).locator(".hf-chart").first.evaluate(f"host => host.chartView.{expression}")


def wait_for_chart(notebook: NotebookPage, cell: int) -> None:
    notebook.outputs(cell).locator(".hf-chart canvas").first.wait_for()
    notebook.wait_until(lambda: len(legend(notebook, cell)) == 6, 10.0, "three lines in each pane")


def assert_moves(notebook: NotebookPage, cell: int) -> None:
    """Its pixels change, and change again."""
    for _ in range(2):
        before = pixels(notebook, cell)
        assert len(before) == 2
        notebook.wait_until(lambda before=before: all(map(str.__ne__, before, pixels(notebook, cell))), 5.0, "new pixels in both panes")


def test_a_chart_goes_on_while_a_cell_is_busy(jupyter: JupyterServer, page: Any, record: Record, mosquitto: Mosquitto) -> None:
    cells = [_CONNECT.format(port=mosquitto.listeners.ports["tcp"]), "chart", "print('asleep')\ntime.sleep(60)", _CHARTS]
    notebook = jupyter.open(page, jupyter.write("chart.ipynb", cells))
    notebook.run(0)
    notebook.run(1)
    wait_for_chart(notebook, 1)
    notebook.start(2)
    notebook.wait_for_text(2, "asleep")
    assert_moves(notebook, 1)
    look = "host => [host.chartView.frames, performance.now() / 1000]"
    before, began = notebook.outputs(1).locator(".hf-chart").evaluate(look)
    page.wait_for_timeout(1000)
    after, ended = notebook.outputs(1).locator(".hf-chart").evaluate(look)
    rate = (after - before) / (ended - began)
    notebook.screenshot(f"chart-in-{jupyter.front_end}")
    assert notebook.number(2) is None  # still busy
    print(f"{jupyter.front_end}: {rate:.1f} frames a second while the kernel was busy")
    assert 3 <= rate <= 13

    notebook.stop()
    notebook.wait_for_text(2, "KeyboardInterrupt")
    assert_moves(notebook, 1)
    assert "1)" in notebook.run(3)

    notebook.restart()
    assert "NameError" in notebook.run(3)
    if jupyter.front_end == "lab":
        notebook.run(0)
        notebook.run(1)
        wait_for_chart(notebook, 1)
        assert_moves(notebook, 1)
    assert page.locator("img[src='x']").count() == 0
    assert [error for error in record.errors if error != NOTEBOOK7S_OWN] == []
    assert not any("anywidget" in text for kind, text in record.console if kind in ("warning", "error"))
    assert record.left_the_machine() == []
    end_kernels(jupyter)


class Opened(NamedTuple):
    notebook: NotebookPage
    page: Any
    record: Record


#: The cells of the notebook that the tests below share.
CHART, SECOND, TOLD, COUNT, UNNAMED, END, SAVE, TABLE, TREE = range(1, 10)
_CELLS = (
    "chart",
    "chart",
    "chart._channel.wholes, chart._channel._sent",
    _CHARTS,
    "stream.chart('temperature')",
    "chart.close()\nlen(chart.to_frame())",
    "chart.save('saved.html')",
    "table = stream.live_table(by='line', columns=['number', 'hall'], title='State')\ntable",
    "try:\n    client.topics('chart/#', seconds=None)\nexcept KeyboardInterrupt:\n    pass",
)


@pytest.fixture(scope="module")
def opened(jupyter_lab: JupyterServer, chromium: Chromium, mosquitto: Mosquitto) -> Iterator[Opened]:
    """A dark browser with a notebook whose chart is shown."""
    page, record = chromium.new_page(accept_downloads=True, color_scheme="dark")
    cells = [_CONNECT.format(port=mosquitto.listeners.ports["tcp"]), *_CELLS]
    notebook = jupyter_lab.open(page, jupyter_lab.write("shared.ipynb", cells))
    notebook.run(0)
    notebook.run(CHART)
    wait_for_chart(notebook, CHART)
    yield Opened(notebook, page, record)
    page.context.close()
    end_kernels(jupyter_lab)


def test_a_chart_is_zoomed_held_and_saved(opened: Opened, chromium: Chromium, tmp_path: Path) -> None:
    notebook, page, record = opened
    page.wait_for_timeout(1500)
    chart = notebook.outputs(CHART).locator(".hf-chart")
    box = chart.locator(".u-over").first.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.7, box["y"] + 30)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + 40, steps=4)
    page.mouse.up()
    seen = in_view(notebook, CHART, "seen")
    assert seen["to"] - seen["from"] == pytest.approx(4.0, rel=0.1)
    page.wait_for_timeout(200)
    assert in_view(notebook, CHART, "seen") == seen  # it stays while points come
    chart.focus()
    page.keyboard.press("ArrowLeft")
    assert in_view(notebook, CHART, "seen")["from"] == pytest.approx(seen["from"] - 0.4, abs=0.05)
    page.keyboard.press("Escape")
    assert in_view(notebook, CHART, "isLive")

    chart.get_by_role("button", name="Pause").click()
    held = pixels(notebook, CHART)
    page.wait_for_timeout(400)
    assert pixels(notebook, CHART) == held
    chart.get_by_role("button", name="Live").click()
    assert_moves(notebook, CHART)

    chart.locator(".hf-entry").first.click()  # hides a line
    chart.locator(".hf-entry[aria-pressed=false]").wait_for()
    chart.locator(".hf-entry").first.click()

    for name in ("PNG", "HTML"):
        with page.expect_download() as download:
            chart.get_by_role("button", name=name).click()
        download.value.save_as(tmp_path / f"chart.{name.lower()}")
    assert (tmp_path / "chart.png").read_bytes().startswith(b"\x89PNG")
    assert record.errors == []
    assert_page_works(chromium, tmp_path / "chart.html", "chart-saved-by-the-browser")


def test_who_opens_it_later_gets_the_whole_picture_once(opened: Opened) -> None:
    notebook, page, record = opened
    points = "data.lines.get('0').points.length"
    first_points = in_view(notebook, CHART, points)
    wholes = int(notebook.run(TOLD).strip("(").split(",")[0])
    assert wholes == 1
    notebook.run(SECOND)
    wait_for_chart(notebook, SECOND)
    assert in_view(notebook, SECOND, points) >= first_points  # in the same page nothing is sent anew
    assert notebook.run(TOLD).startswith("(1, ")
    assert_moves(notebook, SECOND)

    page.keyboard.press("Control+s")
    page.wait_for_timeout(500)
    page.reload()
    notebook.wait_for_kernel()
    wait_for_chart(notebook, CHART)
    assert in_view(notebook, CHART, points) >= first_points
    assert_moves(notebook, CHART)
    assert notebook.run(TOLD).startswith(("(2, ", "(3, "))  # a page that is just restored may have to ask twice
    assert record.errors == []


def test_a_chart_that_nobody_sees_or_holds_ends(opened: Opened) -> None:
    notebook = opened.notebook
    for _ in range(3):  # a cell that is run again and again
        notebook.run(UNNAMED)
        notebook.outputs(UNNAMED).locator(".hf-chart canvas").first.wait_for()
    notebook.wait_until(lambda: "2)" in notebook.run(COUNT), 15.0, "one is left, beside the one that has a name")
    assert in_view(notebook, UNNAMED, "frames") > 0


def test_the_end_is_told_and_the_picture_stays(opened: Opened) -> None:
    notebook, _, record = opened
    drawn = int(notebook.run(END))
    status = notebook.outputs(CHART).locator(".hf-status").first
    notebook.wait_until(lambda: "ended" in status.inner_text(), 5.0, "the end is told")
    wait_for_chart(notebook, CHART)
    lines = "[...host.chartView.data.lines.values()]"
    chart = notebook.outputs(CHART).locator(".hf-chart").first
    in_browser = chart.evaluate(f"host => {lines}.reduce((sum, line) => sum + line.points.length, 0)")
    assert in_browser >= drawn  # the kernel forgets what is older than the window, the browser a little later
    assert record.errors == []


def test_the_page_that_python_saves(opened: Opened, chromium: Chromium, jupyter_lab: JupyterServer) -> None:
    opened.notebook.run(SAVE)
    assert_page_works(chromium, jupyter_lab.directory / "saved.html", "chart-saved-by-python")


def test_a_live_table_and_a_tree_of_topics(opened: Opened) -> None:
    notebook, page, record = opened
    notebook.run(TABLE)
    rows = notebook.outputs(TABLE).locator(".hf-table tbody tr")
    notebook.wait_until(lambda: rows.count() == 3, 10.0, "three rows")
    assert rows.nth(0).locator("th").inner_text() == HOSTILE
    number = rows.nth(1).locator("td").first
    before = int(number.inner_text())
    notebook.wait_until(lambda: int(number.inner_text()) > before + 5, 5.0, "the table goes on")
    lit = "cells => [...new Set(cells.map(cell => cell.cellIndex))]"
    notebook.wait_until(lambda: rows.locator(".hf-fresh").evaluate_all(lit) == [1], 5.0, "what stays as it is does not stand out")
    background = "table => getComputedStyle(table).backgroundColor"
    light = notebook.outputs(TABLE).locator(".hf-table").evaluate(background)
    page.evaluate("document.body.dataset.jpThemeLight = 'false'")
    notebook.wait_until(
        lambda: notebook.outputs(TABLE).locator(".hf-table").evaluate(background) != light, 5.0, "it gets dark with the page"
    )
    page.evaluate("document.body.dataset.jpThemeLight = 'true'")

    notebook.start(TREE)
    branch = notebook.outputs(TREE).locator(".hf-tree details").first
    branch.wait_for()
    assert branch.evaluate("branch => branch.open")
    branch.locator("summary").first.click()
    told = branch.locator("summary small").first.inner_text()
    notebook.wait_until(lambda: branch.locator("summary small").first.inner_text() != told, 5.0, "the tree is drawn anew")
    assert not branch.evaluate("branch => branch.open")  # what was folded by hand stays so
    notebook.screenshot("table-and-tree")
    notebook.stop()
    notebook.wait_until(lambda: notebook.number(TREE) is not None, 5.0, "the tree ends")
    assert page.locator("img[src='x']").count() == 0
    assert record.errors == []


def assert_page_works(chromium: Chromium, path: Path, name: str) -> None:
    """A saved chart shows itself from a file, alone."""
    text = path.read_text()
    assert PASSWORD not in text
    assert len(text) < 1_000_000
    page, record = chromium.new_page()
    page.goto(path.as_uri())
    page.locator(".hf-chart canvas").first.wait_for()
    page.wait_for_timeout(300)
    screenshot(page, name)
    assert page.locator(".hf-entry").count() == 6
    assert page.locator("img").count() == 0
    assert [address for address in record.requests if not address.startswith(("file:", "data:", "blob:"))] == []
    assert record.errors == []
    assert record.console_errors() == []
    inked = page.locator("canvas").first.evaluate(
        "canvas => new Set(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data).size"
    )
    assert inked > 20
    page.context.close()
