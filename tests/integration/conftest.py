"""What the integration tests share. They use honeyframe's public face alone."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal, Protocol, TypeVar

import pytest
from tests.brokers.hivemq import HiveMQ
from tests.brokers.mosquitto import Mosquitto

import honeyframe as hf

Broker = HiveMQ | Mosquitto

# As the protocol's own version byte -> as honeyframe spells it.
VERSIONS: dict[int, Literal["3.1", "3.1.1", "5.0"]] = {3: "3.1", 4: "3.1.1", 5: "5.0"}

_topics = itertools.count(1)


T = TypeVar("T")


class Pooled(Protocol):
    def __call__(self, broker: Broker, version: int, user: str = "both", number: int = 0) -> hf.Client: ...


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


@pytest.fixture(scope="module")
def _pool() -> Iterator[dict[tuple[str, str, int, int], hf.Client]]:
    clients: dict[tuple[str, str, int, int], hf.Client] = {}
    yield clients
    for client in clients.values():
        client.close()


@pytest.fixture
def pooled(_pool: dict[tuple[str, str, int, int], hf.Client]) -> Pooled:
    """Clients over plain TCP that stay connected from test to test of a module: for tests that are not about connecting."""

    def find(broker: Broker, version: int, user: str = "both", number: int = 0) -> hf.Client:
        key = (broker.uri(), user, version, number)
        if key not in _pool:
            _pool[key] = hf.connect(broker.uri(), username=user, password=f"{user}-password", protocol=VERSIONS[version])
        return _pool[key]

    return find


def in_parallel(cases: Iterable[T], run: Callable[[T], object]) -> None:
    """Runs all cases at once, since most of each is waiting; what failed is raised together, with its case."""

    def one(case: T) -> Exception | None:
        try:
            run(case)
        except (Exception, pytest.fail.Exception) as error:
            error.add_note(f"case: {case}")
            return error if isinstance(error, Exception) else AssertionError(f"{case}: {error}")
        return None

    with ThreadPoolExecutor(max_workers=20) as workers:
        failures = [error for error in workers.map(one, list(cases)) if error is not None]
    if failures:
        raise ExceptionGroup("cases that failed", failures)


def assert_balanced(stream: hf.Stream) -> None:
    """Promise 1, at this moment."""
    stats = stream.stats()
    assert stats.balanced, repr(stats)
