"""What all tests of faults need: the surroundings of nobody in particular, for them and for their processes."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(autouse=True)
def _no_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither address nor credentials nor proxies of whoever runs the tests."""
    for name in list(os.environ):
        if name.startswith("MQTT_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
