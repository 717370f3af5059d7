"""What a saved notebook keeps of a chart: run without a browser, it has a picture, and text for who has no pictures."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from honeyframe import notebook_display

pytest.importorskip("anywidget")
nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

_STREAM = """
import gc, json, threading, time
from honeyframe import _core
from honeyframe.stream import Stream
def fed():
    queue = _core.Queue()
    return queue, Stream(_core.StreamReader(queue, _core.ExtractOptions()))
queue, stream = fed()
def charts():
    gc.collect()
    time.sleep(0.4)
    return sum(thread.name == "honeyframe-chart" for thread in threading.enumerate())
chart = stream.chart("n", title="<b>")
"""
_PUSH = """
for number in range(20):
    queue.push("t", b'{"n": %d}' % number, receive_time_ns=time.time_ns() - (20 - number) * 10**9)
time.sleep(1.3)
"""
_CELLS = [
    _STREAM,
    "chart",  # nothing has come: no picture yet
    _PUSH,  # run without a browser: the output above has one at the end of this cell
    "stream.live_table()",
    "time.sleep(0.6); charts()",
    "chart.close(); del chart; Out.clear(); _ = __ = ___ = None; charts()",
    "queue, stream = fed(); display(stream.chart('n')); charts()",  # held by being shown
    "stream.close(); charts()",
]


@pytest.fixture(scope="module")
def cells() -> Any:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in _CELLS])
    nbclient.NotebookClient(notebook, timeout=60).execute()
    return notebook.cells


def bundle(cell: Any) -> dict[str, Any]:
    (output,) = [output for output in cell.outputs if output.output_type == "display_data"]
    return dict(output.data)


def result(cell: Any) -> str:
    return str(cell.outputs[-1].data["text/plain"])


def test_a_chart_that_was_shown_before_anything_came_has_a_picture(cells: Any) -> None:
    found = bundle(cells[1])
    assert set(found) == {"text/plain", "image/png", "application/vnd.jupyter.widget-view+json"}
    assert found["text/plain"].startswith("<honeyframe.Chart of n: 1 line")
    assert "19  at " in found["text/plain"]


def test_a_table_is_html(cells: Any) -> None:
    assert "text/html" in bundle(cells[3])


def test_threads_end_with_what_is_shown(cells: Any) -> None:
    assert result(cells[4]) == "1"
    assert result(cells[5]) == "0"
    assert result(cells[6]) == "1"
    assert result(cells[7]) == "0"


def test_a_page_that_was_loaded_anew_keeps_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page before says no more of itself, not even that it shows nothing."""

    class View:
        _stopping = threading.Event()

    view, clock = View(), [time.monotonic()]
    monkeypatch.setattr(notebook_display, "_only_history_holds", lambda _: True)
    monkeypatch.setattr(notebook_display.time, "monotonic", lambda: clock[0])
    outputs = notebook_display.Outputs(view)  # type: ignore[arg-type]
    outputs._in_cell = False
    outputs.note_browser("before", 1)
    outputs.note_browser("now", 1)
    outputs.note_browser("now", 0)  # the cell was run again
    clock[0] += 10
    outputs.look()
    assert not view._stopping.is_set()  # the other page may show it
    clock[0] += 200
    outputs.look()
    assert view._stopping.is_set()
