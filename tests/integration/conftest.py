"""What the integration tests share. They use honeyframe's public face alone."""

from __future__ import annotations

import contextlib
import itertools
import os
import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import pytest
from tests.brokers.hivemq import HiveMQ
from tests.brokers.mosquitto import Mosquitto

import honeyframe as hf

Broker = HiveMQ | Mosquitto

# As the protocol's own version byte -> as honeyframe spells it.
VERSIONS = {3: "3.1", 4: "3.1.1", 5: "5.0"}

_topics = itertools.count(1)


class Dial(Protocol):
    """Connects with a user of the test brokers; what it opened is closed at the test's end."""

    def __call__(self, uri: str, *, user: str | None = "both", version: int | None = None, **options: Any) -> hf.Client: ...


@pytest.fixture(autouse=True)
def _no_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither address nor credentials nor proxies of whoever runs the tests."""
    for name in list(os.environ):
        if name.startswith("MQTT_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture
def dial(ca_file: str) -> Iterator[Dial]:
    clients: list[hf.Client] = []

    def connect(uri: str, *, user: str | None = "both", version: int | None = None, **options: Any) -> hf.Client:
        if user is not None:
            options = {"username": user, "password": f"{user}-password"} | options
        if version is not None:
            options["protocol"] = VERSIONS[version]
        if uri.startswith(("mqtts:", "wss:")):
            options = {"ca_file": ca_file} | options
        client = hf.connect(uri, **options)
        clients.append(client)
        return client

    yield connect
    for client in clients:
        with contextlib.suppress(hf.errors.HoneyframeError):
            client.close()


@pytest.fixture
def topic() -> str:
    """A topic of this test alone."""
    return f"test/{os.getpid()}/{next(_topics)}"


def wait_until(condition: Callable[[], Any], seconds: float = 10.0, what: str = "") -> Any:
    """The condition's first true value; fails after ``seconds``."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, f"not within {seconds} s: {what or condition}"
        time.sleep(0.01)
    return value


def assert_balanced(stream: hf.Stream) -> None:
    """Promise 1, at this moment."""
    stats = stream.stats()
    assert stats.balanced, repr(stats)
