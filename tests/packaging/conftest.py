"""What the packaging tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.brokers.certificates import Authority
from tests.brokers.mosquitto import Mosquitto


@pytest.fixture(scope="session")
def mosquitto_uri(authority: Authority) -> Iterator[str]:
    """The address of a Mosquitto that lets everyone in."""
    broker = Mosquitto(authority, allow_anonymous=True)
    yield broker.uri("mqtt", host="127.0.0.1")
    broker.close()
