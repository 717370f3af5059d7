"""04_live_charts as a person runs it: the chart lives in JupyterLab while a cell is busy, and the saved dashboard connects by itself."""

from __future__ import annotations

from typing import Any

import pytest
from scripts import run_notebooks
from tests.browser.chromium import Chromium, Record, screenshot
from tests.browser.jupyter import JupyterServer, NotebookPage

nbformat = pytest.importorskip("nbformat")
pytest.importorskip("amqtt")
pytest.importorskip("anywidget")

pytestmark = pytest.mark.timeout(180)

NOTEBOOK = run_notebooks.NOTEBOOKS / "04_live_charts.ipynb"


@pytest.fixture(scope="module")
def cells() -> dict[str, int]:
    """Where the cells are, by their ids."""
    return {cell.id: number for number, cell in enumerate(nbformat.read(NOTEBOOK, as_version=4).cells)}


@pytest.fixture
def notebook(jupyter_lab: JupyterServer, page: Any) -> NotebookPage:
    return jupyter_lab.open(page, jupyter_lab.add(NOTEBOOK))


def pixels(notebook: NotebookPage, cell: int) -> list[str]:
    found: list[str] = notebook.outputs(cell).locator("canvas").evaluate_all("all => all.map(canvas => canvas.toDataURL())")
    return found


def test_it_lives(notebook: NotebookPage, record: Record, cells: dict[str, int], chromium: Chromium, jupyter_lab: JupyterServer) -> None:
    for name in ("begin", "chart"):
        notebook.run(cells[name])
    notebook.outputs(cells["chart"]).locator("canvas").first.wait_for()
    notebook.start(cells["busy"])
    notebook.wait_until(lambda: pixels(notebook, cells["chart"]), 5.0, "panes")
    for _ in range(2):
        before = pixels(notebook, cells["chart"])
        notebook.wait_until(lambda before=before: pixels(notebook, cells["chart"]) != before, 5.0, "the chart goes on")
    assert notebook.number(cells["busy"]) is None
    notebook.page.wait_for_timeout(3500)  # more to be seen
    notebook.outputs(cells["chart"]).scroll_into_view_if_needed()
    notebook.screenshot("live-charts-in-jupyterlab")
    notebook.wait_until(lambda: notebook.number(cells["busy"]) is not None, 20.0, "the busy cell ends")
    for name in ("gap", "frame", "table", "tree", "dashboard"):
        notebook.run(cells[name])
    assert notebook.outputs(cells["table"]).locator("td").count() > 3

    dashboard, watched = chromium.new_page(viewport={"width": 1280, "height": 860})
    dashboard.goto((jupyter_lab.directory / "plant.html").as_uri())
    dashboard.get_by_role("button", name="Connect").first.click()
    dashboard.get_by_text("Connected to 127.0.0.1").wait_for()
    dashboard.wait_for_timeout(4000)
    screenshot(dashboard, "dashboard")
    assert len(watched.hosts()) == 1  # the broker
    assert watched.left_the_machine() == []
    assert watched.errors == []
    dashboard.context.close()
    notebook.run(cells["end"])
    assert record.errors == []
    assert record.left_the_machine() == []
