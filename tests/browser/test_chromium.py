"""The browser of the tests, checked by itself: what goes wrong in a page, or leaves the machine, is recorded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.browser import chromium as chromium_module
from tests.browser.chromium import BrowserUnavailable, Record, find, screenshot

_PAGE = """<!doctype html><title>t</title><script>
console.warn("a warning");
setTimeout(() => { throw new Error("nobody catches this"); });
fetch("https://elsewhere.invalid/script.js").catch(() => {});
try { new WebSocket("wss://elsewhere.invalid/mqtt"); } catch {}
</script>"""


def test_what_a_page_does_is_recorded(page: Any, record: Record, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(_PAGE)
    page.goto((tmp_path / "page.html").as_uri())
    page.wait_for_timeout(300)
    assert ("warning", "a warning") in record.console
    assert any("nobody catches this" in error for error in record.errors)
    assert sorted(record.left_the_machine()) == ["https://elsewhere.invalid/script.js", "wss://elsewhere.invalid/mqtt"]
    assert record.hosts() == {"elsewhere.invalid"}
    assert any(url.startswith("file:") for url in record.requests)


def test_a_screenshot_is_kept(page: Any) -> None:
    page.set_content("<p>hello</p>")
    path = screenshot(page, "chromium itself/1")
    assert path.name == "chromium_itself_1.png"
    assert path.read_bytes().startswith(b"\x89PNG")
    path.unlink()


def test_without_a_browser_the_way_to_get_one_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chromium_module.shutil, "which", lambda name: None)
    with pytest.raises(BrowserUnavailable, match="apt-get install chromium"):
        find()
