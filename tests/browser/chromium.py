"""The system's Chromium, headless, driven by playwright's sync API: every request, page error and console line is recorded.

playwright's own browsers are not used. Nothing but this machine can be reached: other names do not resolve, and are recorded all the same.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

SCREENSHOTS = Path(__file__).resolve().parents[2] / "build" / "screenshots"
_PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_ARGUMENTS = [
    "--no-proxy-server",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
    "--disable-dev-shm-usage",  # /dev/shm is 64 MB in a container
    "--force-color-profile=srgb",
]


class BrowserUnavailable(Exception):
    """What a test in the browser needs is not on this machine; the message says what, and how to get it."""


@dataclass
class Record:
    """What the pages of one context did, in order."""

    requests: list[str] = field(default_factory=list)
    """Addresses, those of WebSockets (``ws:``, ``wss:``) among them."""
    errors: list[str] = field(default_factory=list)
    """Exceptions that nobody caught."""
    console: list[tuple[str, str]] = field(default_factory=list)
    """("error", "warning", "log", …; the text)."""

    def console_errors(self) -> list[str]:
        return [text for kind, text in self.console if kind == "error"]

    def hosts(self) -> set[str]:
        """host:port of all that was asked for over the network; ``file:``, ``data:`` and ``blob:`` are none."""
        return {parts.netloc for parts in map(urlsplit, self.requests) if parts.scheme in ("http", "https", "ws", "wss")}

    def left_the_machine(self) -> list[str]:
        """Requests to anywhere else than loopback: there must be none."""
        network = [url for url in self.requests if urlsplit(url).scheme not in ("file", "data", "blob", "about")]
        return [url for url in network if urlsplit(url).hostname not in _LOOPBACK]


class Chromium:
    """One browser process. Make it in the thread that uses it, outside of any event loop, and close it there.

    While it is open, playwright's event loop counts as running in this thread: ``asyncio.run`` is refused until ``close``.
    """

    def __init__(self, *, arguments: tuple[str, ...] = ()) -> None:
        program = find()
        try:
            from playwright.sync_api import sync_playwright
        except ModuleNotFoundError:
            raise BrowserUnavailable("playwright not found: pip install playwright (it is in the extra dev)") from None
        self._home = tempfile.mkdtemp(prefix="chromium-")
        self._playwright = sync_playwright().start()
        try:
            self.browser = self._playwright.chromium.launch(
                executable_path=program,
                args=[*_ARGUMENTS, *arguments],
                chromium_sandbox=os.geteuid() != 0,  # as root there is none
                env={**os.environ, "HOME": self._home, "XDG_CONFIG_HOME": self._home, "XDG_CACHE_HOME": self._home},
            )
        except BaseException:
            self._playwright.stop()
            shutil.rmtree(self._home, ignore_errors=True)
            raise

    def new_context(self, **options: Any) -> tuple[Any, Record]:
        """A context of its own (no cookies, no storage), and the record of all its pages.

        Options are playwright's: ``color_scheme="dark"``, ``viewport={"width": 390, "height": 844}``,
        ``ignore_https_errors=True``, ``accept_downloads=True``.
        """
        context = self.browser.new_context(
            **{"viewport": {"width": 1280, "height": 900}, "locale": "en-GB", "timezone_id": "UTC"} | options
        )
        context.set_default_timeout(20_000)
        record = Record()
        context.on("request", lambda request: record.requests.append(request.url))
        context.on("page", lambda page: _watch(page, record))
        return context, record

    def new_page(self, **options: Any) -> tuple[Any, Record]:
        """A page in a context of its own. ``page.context.close()`` ends both."""
        context, record = self.new_context(**options)
        return context.new_page(), record

    def close(self) -> None:
        try:
            self.browser.close()
        finally:
            self._playwright.stop()
            shutil.rmtree(self._home, ignore_errors=True)


def find() -> str:
    """The program. Raises BrowserUnavailable."""
    for name in _PROGRAMS:
        if program := shutil.which(name):
            return program
    raise BrowserUnavailable("Chromium not found: apt-get install chromium")


def screenshot(page: Any, name: str) -> Path:
    """What the page shows now, kept in build/screenshots as ``name``.png."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    path = SCREENSHOTS / f"{re.sub(r'[^A-Za-z0-9_.-]+', '_', name)}.png"
    page.screenshot(path=path)
    return path


def _watch(page: Any, record: Record) -> None:
    page.on("pageerror", lambda error: record.errors.append(str(error)))
    page.on("console", lambda message: record.console.append((message.type, message.text)))
    page.on("websocket", lambda socket: record.requests.append(socket.url))
