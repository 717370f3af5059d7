"""honeyframe where people use it: cells run in JupyterLab and Notebook 7, in a real Chromium, and the buttons of the toolbar work."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from tests.brokers.client import Storm
from tests.brokers.mosquitto import Mosquitto
from tests.brokers.proxies import Relay
from tests.browser.chromium import Record
from tests.browser.jupyter import JupyterServer

nbformat = pytest.importorskip("nbformat")

pytestmark = pytest.mark.timeout(180)

QUICKSTART = Path(__file__).resolve().parents[2] / "notebooks" / "01_quickstart.ipynb"
STOP_SECONDS = 1.0
DISCONNECT = 0xE0

_CONNECT = """
import time
import honeyframe as hf
client = hf.connect("mqtt://127.0.0.1:{port}", username="both", password="both-password", client_id="notebook")
stream = client.stream("storm")
stream.read(rows=10, seconds=5).num_rows
"""
_READ = """
print("reading")
try:
    stream.read(seconds=60)
except KeyboardInterrupt:
    print("stopped at", time.time())
    raise
"""
_AFTERWARDS = "stream.read(rows=10, seconds=5).num_rows, stream.stats().balanced"


def test_the_quickstart_begins(jupyter_lab: JupyterServer, page: Any, record: Record) -> None:
    pytest.importorskip("amqtt")
    kinds = [cell.cell_type for cell in nbformat.read(QUICKSTART, as_version=4).cells]
    first, second, third = [number for number, kind in enumerate(kinds) if kind == "code"][:3]
    notebook = jupyter_lab.open(page, jupyter_lab.add(QUICKSTART))
    notebook.run(first)
    assert "mqtt://127.0.0.1" in notebook.text(first)
    notebook.run(second)
    assert notebook.outputs(second).locator("table.dataframe tbody tr").count() > 10
    assert "location.hall" in notebook.text(second)
    assert "datetime64[ns, UTC]" in notebook.run(third)
    notebook.screenshot("quickstart-in-jupyterlab")
    assert record.errors == []
    assert record.left_the_machine() == []


def test_a_busy_read_is_stopped_and_the_kernel_restarted(jupyter: JupyterServer, page: Any, mosquitto: Mosquitto) -> None:
    with Storm(mosquitto.listeners.ports["tcp"], "storm", rate=5000), Relay(mosquitto.listeners.ports["tcp"]) as relay:
        notebook = jupyter.open(page, jupyter.write("stop.ipynb", [_CONNECT.format(port=relay.port), _READ, _AFTERWARDS]))
        assert notebook.run(0) == "10"

        notebook.start(1)
        notebook.wait_for_text(1, "reading")
        page.wait_for_timeout(300)
        clicked = time.time()
        notebook.stop()
        notebook.wait_for_text(1, "KeyboardInterrupt")
        seen = time.time() - clicked
        stopped = float(notebook.text(1).split("stopped at ")[1].split()[0]) - clicked
        print(f"{jupyter.front_end}: stopped {stopped:.3f} s after the click, seen after {seen:.3f} s")
        assert stopped < STOP_SECONDS
        notebook.screenshot(f"stopped-in-{jupyter.front_end}")
        assert notebook.run(2) == "(10, True)"  # the stream goes on, and nothing went missing

        notebook.restart()
        assert relay.connections == 1
        left = bytes(relay.sent_by_client[0][-4:])
        assert DISCONNECT in left, left  # said good-bye, so that no last will goes out
        assert "NameError" in notebook.run(2)  # a new kernel indeed
        assert notebook.run(0) == "10"  # the same client id, and nobody is put out
        assert notebook.run(2) == "(10, True)"
        assert relay.connections == 2


_CONNECT_ONLY = """
import honeyframe as hf
client = hf.connect("mqtt://127.0.0.1:{port}", username="both", password="both-password")
client.publish("tree/house/kitchen", {{"t": 21.5}}, retain=True, qos=1)
client.publish("tree/<img src=x onerror='window.pwned=1'>", "<script>window.pwned=1</script>", retain=True, qos=1)
"""
_CLEAR = "client.clear_retained('tree/#', dry_run=False)['cleared'].all()"
_LOOK = """
topics = client.topics("tree/#", seconds=3)
print(len(topics), "topics")
"""


def test_the_topic_tree_lives_and_is_harmless(jupyter: JupyterServer, page: Any, record: Record, mosquitto: Mosquitto) -> None:
    port = mosquitto.listeners.ports["tcp"]
    with Storm(port, "tree/storm", rate=50):
        notebook = jupyter.open(page, jupyter.write("tree.ipynb", [_CONNECT_ONLY.format(port=port), _LOOK, _CLEAR]))
        notebook.run(0)
        notebook.start(1)
        notebook.wait_for_text(1, "storm")
        assert notebook.number(1) is None  # still looking
        first = notebook.text(1)
        notebook.wait_until(lambda: notebook.text(1) != first, 5.0, "the tree is drawn anew")
        notebook.wait_for_text(1, "3 topics")
        assert "kitchen" in notebook.text(1)
        assert "<img src=x" in notebook.text(1)  # as text
        notebook.screenshot(f"topic-tree-in-{jupyter.front_end}")
        notebook.run(2)
    assert page.evaluate("window.pwned") is None
    assert notebook.outputs(1).locator("img").count() == 0
    assert record.left_the_machine() == []
