"""Chromium and Jupyter for the tests of a file. What is not on the machine is skipped, or fails where it is required.

Not for a whole run: while playwright is started, its event loop counts as running in this thread, and other tests use ``asyncio.run``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.browser.chromium import BrowserUnavailable, Chromium, Record
from tests.browser.jupyter import FrontEnd, JupyterServer
from tests.conftest import missing


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    """A browser; ``new_page()`` gives pages with storage of their own."""
    try:
        browser = Chromium()
    except BrowserUnavailable as reason:
        missing(reason)
    yield browser
    browser.close()


@pytest.fixture
def page_and_record(chromium: Chromium) -> Iterator[tuple[Any, Record]]:
    opened, record = chromium.new_page()
    yield opened, record
    opened.context.close()


@pytest.fixture
def page(page_and_record: tuple[Any, Record]) -> Any:
    """An empty page, of this test alone."""
    return page_and_record[0]


@pytest.fixture
def record(page_and_record: tuple[Any, Record]) -> Record:
    """What ``page`` did."""
    return page_and_record[1]


def _server(front_end: FrontEnd) -> Iterator[JupyterServer]:
    try:
        server = JupyterServer(front_end)
    except BrowserUnavailable as reason:
        missing(reason)
    yield server
    server.close()


@pytest.fixture(scope="module")
def jupyter_lab() -> Iterator[JupyterServer]:
    yield from _server("lab")


@pytest.fixture(scope="module")
def notebook7() -> Iterator[JupyterServer]:
    yield from _server("notebook")


@pytest.fixture(params=["jupyter_lab", "notebook7"])
def jupyter(request: pytest.FixtureRequest) -> JupyterServer:
    """Each of the two."""
    found: JupyterServer = request.getfixturevalue(request.param)
    return found
