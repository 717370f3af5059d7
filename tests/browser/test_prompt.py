"""The password prompt as people meet it: 02_hivemq_cloud in JupyterLab, against HiveMQ over TLS, with nothing but an address."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from scripts import run_notebooks
from tests.brokers.hivemq import HiveMQ
from tests.browser.chromium import Record
from tests.browser.jupyter import JupyterServer

nbformat = pytest.importorskip("nbformat")

pytestmark = pytest.mark.timeout(180)

NOTEBOOK = run_notebooks.NOTEBOOKS / f"{run_notebooks.CLOUD}.ipynb"


@pytest.fixture
def environment(hivemq: HiveMQ, ca_file: str) -> Iterator[dict[str, str]]:
    with run_notebooks.cloud_environment(hivemq, ca_file) as environment:
        yield environment


def test_it_asks_hidden_and_keeps_nothing(page: Any, record: Record, environment: dict[str, str]) -> None:
    password = environment.pop("MQTT_PASSWORD")
    user = environment.pop("MQTT_USERNAME")
    # As for a cluster, whose name alone makes it ask for a user: here that is in the code.
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    address, connect, publish, *_ = [number for number, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
    notebook.cells[connect].source = notebook.cells[connect].source.replace("connect(uri)", f"connect(uri, username={user!r})")
    server = JupyterServer("lab", environment=environment)
    try:
        (server.directory / NOTEBOOK.name).write_text(nbformat.writes(notebook))
        opened = server.open(page, NOTEBOOK.name)
        opened.run(address)
        opened.start(connect)
        prompt = opened.cell(connect).locator("input.jp-Stdin-input")
        prompt.wait_for()
        assert prompt.get_attribute("type") == "password"
        assert f"Password for {user}@localhost" in opened.text(connect)
        opened.screenshot("password-prompt-in-jupyterlab")
        prompt.fill(password)
        prompt.press("Enter")
        opened.wait_until(lambda: opened.number(connect) is not None, 20.0, "connected")
        assert "connected, MQTT 5.0" in opened.text(connect)
        opened.run(publish)
        assert "21.5" in opened.text(publish)

        page.keyboard.press("Control+s")
        file = server.directory / NOTEBOOK.name
        client_id = opened.text(connect).split()[-1]  # another one than in the outputs that it came with
        opened.wait_until(lambda: client_id in file.read_text(), 10.0, "the notebook is saved")
        assert password not in file.read_text()
        assert password not in page.content()
        assert password not in server.log()
        assert record.left_the_machine() == []
    finally:
        server.close()
