"""Charts, live tables and the tree of topics as widgets, in JupyterLab and Notebook 7, in a real Chromium."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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
            value = {{"temperature": 20 + math.sin(number / 10 + len(line)), "on": number // 20 % 2 == 0, "number": number}}
            client.publish(f"chart/{{line}}/telemetry", value)
threading.Thread(target=publish, daemon=True).start()
chart = stream.chart([["temperature"], ["on"]], by="line", window="20s", title="Plant", height=160)
"""
_CHARTS = "'honeyframe-chart threads:', sum(thread.name == 'honeyframe-chart' for thread in threading.enumerate())"


@pytest.fixture(autouse=True)
def _own_kernels(request: pytest.FixtureRequest) -> Iterator[None]:
    """Each test leaves its server without a kernel: the next one waits for its own."""
    yield
    for name in ("jupyter_lab", "notebook7"):
        server: JupyterServer | None = request.node.funcargs.get(name)
        if request.node.funcargs.get("jupyter") is not None:
            server = request.node.funcargs["jupyter"]
        if server is None:
            continue
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
    drawn = in_view(notebook, 1, "frames")
    page.wait_for_timeout(1000)
    frames = in_view(notebook, 1, "frames") - drawn
    notebook.screenshot(f"chart-in-{jupyter.front_end}")
    assert notebook.number(2) is None  # still busy
    print(f"{jupyter.front_end}: {frames} frames in a second while the kernel was busy")
    assert 4 <= frames <= 12

    notebook.stop()
    notebook.wait_for_text(2, "KeyboardInterrupt")
    assert_moves(notebook, 1)
    assert "1)" in notebook.run(3)
    assert page.locator("img[src='x']").count() == 0

    notebook.restart()
    assert "NameError" in notebook.run(3)
    notebook.run(0)
    notebook.run(1)
    wait_for_chart(notebook, 1)
    assert_moves(notebook, 1)
    assert [error for error in record.errors if error != NOTEBOOK7S_OWN] == []
    assert not any("anywidget" in text for kind, text in record.console if kind in ("warning", "error"))
    assert record.left_the_machine() == []


def test_who_opens_it_later_gets_the_whole_picture_once(
    jupyter_lab: JupyterServer, page: Any, record: Record, mosquitto: Mosquitto
) -> None:
    told = "chart._channel.wholes, chart._channel._sent"
    cells = [
        _CONNECT.format(port=mosquitto.listeners.ports["tcp"]),
        "chart",
        "chart",
        told,
        "chart.close()\nlen(chart.to_frame())",
        _CHARTS,
    ]
    notebook = jupyter_lab.open(page, jupyter_lab.write("later.ipynb", cells))
    notebook.run(0)
    notebook.run(1)
    wait_for_chart(notebook, 1)
    page.wait_for_timeout(1500)
    points = "data.lines.get('0').points.length"
    first_points = in_view(notebook, 1, points)
    notebook.run(2)
    wait_for_chart(notebook, 2)
    assert in_view(notebook, 2, points) >= first_points  # in the same page nothing is sent anew
    assert notebook.run(3).startswith("(1, ")
    assert_moves(notebook, 2)

    page.keyboard.press("Control+s")
    page.wait_for_timeout(500)
    page.reload()
    notebook.wait_for_kernel()
    wait_for_chart(notebook, 1)
    assert in_view(notebook, 1, points) >= first_points
    assert_moves(notebook, 1)
    assert notebook.run(3).startswith("(2, ")

    drawn = int(notebook.run(4))
    notebook.wait_until(lambda: "ended" in notebook.outputs(1).locator(".hf-status").first.inner_text(), 5.0, "the end is told")
    wait_for_chart(notebook, 1)
    lines = "[...host.chartView.data.lines.values()]"
    in_browser = (
        notebook.outputs(1).locator(".hf-chart").first.evaluate(f"host => {lines}.reduce((sum, line) => sum + line.points.length, 0)")
    )
    assert in_browser >= drawn  # the kernel forgets what is older than the window, the browser a little later
    assert "0)" in notebook.run(5)
    assert record.errors == []


def test_a_chart_is_zoomed_held_and_saved(jupyter_lab: JupyterServer, chromium: Chromium, mosquitto: Mosquitto, tmp_path: Path) -> None:
    page, record = chromium.new_page(accept_downloads=True, color_scheme="dark")
    notebook = jupyter_lab.open(page, jupyter_lab.write("hands.ipynb", [_CONNECT.format(port=mosquitto.listeners.ports["tcp"]), "chart"]))
    notebook.run(0)
    notebook.run(1)
    wait_for_chart(notebook, 1)
    page.wait_for_timeout(2000)
    chart = notebook.outputs(1).locator(".hf-chart")

    over = chart.locator(".u-over").first
    box = over.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.7, box["y"] + 30)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + 40, steps=4)
    page.mouse.up()
    seen = in_view(notebook, 1, "seen")
    assert seen["to"] - seen["from"] == pytest.approx(4.0, rel=0.1)
    page.wait_for_timeout(300)
    assert in_view(notebook, 1, "seen") == seen  # it stays while points come
    chart.focus()
    page.keyboard.press("ArrowLeft")
    moved = in_view(notebook, 1, "seen")
    assert moved["from"] == pytest.approx(seen["from"] - 0.4, abs=0.05)
    page.keyboard.press("Escape")
    assert in_view(notebook, 1, "isLive")

    chart.get_by_role("button", name="Pause").click()
    held = pixels(notebook, 1)
    page.wait_for_timeout(500)
    assert pixels(notebook, 1) == held
    chart.get_by_role("button", name="Live").click()
    assert_moves(notebook, 1)

    chart.locator(".hf-entry").first.click()  # hides a line
    assert chart.locator(".hf-entry[aria-pressed=false]").count() == 1

    with page.expect_download() as download:
        chart.get_by_role("button", name="PNG").click()
    download.value.save_as(tmp_path / "chart.png")
    assert (tmp_path / "chart.png").read_bytes().startswith(b"\x89PNG")
    with page.expect_download() as download:
        chart.get_by_role("button", name="HTML").click()
    download.value.save_as(tmp_path / "chart.html")
    assert record.errors == []
    page.context.close()
    assert_page_works(chromium, tmp_path / "chart.html", "chart-saved-by-the-browser")


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


def test_a_chart_that_nobody_sees_or_holds_ends(jupyter_lab: JupyterServer, page: Any, mosquitto: Mosquitto) -> None:
    setup = _CONNECT.format(port=mosquitto.listeners.ports["tcp"]) + "\ndel chart"
    notebook = jupyter_lab.open(page, jupyter_lab.write("garbage.ipynb", [setup, "stream.chart('temperature')", _CHARTS]))
    notebook.run(0)
    for _ in range(3):  # a cell that is run again and again
        notebook.run(1)
        notebook.outputs(1).locator(".hf-chart canvas").first.wait_for()
    notebook.wait_until(lambda: "1)" in notebook.run(2), 15.0, "one chart is left")
    page.wait_for_timeout(500)
    assert in_view(notebook, 1, "frames") > 0


_TREE = """
try:
    client.topics("chart/#", seconds=None)
except KeyboardInterrupt:
    pass
"""


def test_a_live_table_and_a_tree_of_topics(jupyter_lab: JupyterServer, page: Any, record: Record, mosquitto: Mosquitto) -> None:
    table = "table = stream.live_table(by='line', columns=['number', 'on'], title='State')\ntable"
    cells = [_CONNECT.format(port=mosquitto.listeners.ports["tcp"]), table, _TREE]
    notebook = jupyter_lab.open(page, jupyter_lab.write("table.ipynb", cells))
    notebook.run(0)
    notebook.run(1)
    rows = notebook.outputs(1).locator(".hf-table tbody tr")
    notebook.wait_until(lambda: rows.count() == 3, 10.0, "three rows")
    assert rows.nth(0).locator("th").inner_text() == HOSTILE
    number = rows.nth(1).locator("td").first
    before = int(number.inner_text())
    notebook.wait_until(lambda: int(number.inner_text()) > before + 5, 5.0, "the table goes on")

    notebook.start(2)
    tree = notebook.outputs(2).locator(".hf-tree")
    branch = tree.locator("details").first
    branch.wait_for()
    assert branch.evaluate("branch => branch.open")
    branch.locator("summary").first.click()
    told = branch.locator("summary small").first.inner_text()
    notebook.wait_until(lambda: branch.locator("summary small").first.inner_text() != told, 5.0, "the tree is drawn anew")
    assert not branch.evaluate("branch => branch.open")  # what was folded by hand stays so
    notebook.screenshot("table-and-tree")
    notebook.stop()
    notebook.wait_until(lambda: notebook.number(2) is not None, 5.0, "the tree ends")
    assert page.locator("img[src='x']").count() == 0
    assert record.errors == []
