"""Streams that are fed by hand, as the receive thread feeds them, and a broker for what needs one."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.brokers.mosquitto import Mosquitto

import honeyframe as hf
from honeyframe import _core
from honeyframe.source import make_reader
from honeyframe.stream import Stream


class Fed:
    """A stream without a broker: ``push`` is what the receive thread does."""

    def __init__(self, *, retained: Any = "include", decode: Any = None, queue: dict[str, Any] | None = None, **extraction: Any) -> None:
        reader, self.queue, decoder = make_reader(queue or {}, extraction, decode)
        if decoder:
            decoder.start()
        self.stream = Stream(reader, retained=retained, decoder=decoder)

    def push(self, payload: Any, topic: str = "plant/1/telemetry", **flags: Any) -> str:
        data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        return self.queue.push(topic, data, **{"receive_time_ns": time.time_ns(), **flags})

    def push_rows(self, count: int, start: int = 0) -> None:
        for number in range(start, start + count):
            self.push({"n": number})


@pytest.fixture
def fed() -> Iterator[Callable[..., Fed]]:
    """Makes streams fed by hand; they are closed at the end."""
    made: list[Fed] = []

    def make(**options: Any) -> Fed:
        made.append(Fed(**options))
        return made[-1]

    yield make
    for one in made:
        one.stream.close()


@pytest.fixture
def access(mosquitto: Mosquitto) -> dict[str, Any]:
    """How to connect to Mosquitto as a user who may do everything."""
    return {"uri": mosquitto.uri("mqtt", "127.0.0.1"), "username": "both", "password": "both-password"}


@pytest.fixture
def client(access: dict[str, Any]) -> Iterator[hf.Client]:
    with hf.connect(**access) as made:
        yield made


@pytest.fixture(autouse=True)
def no_credentials_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sends, or depends on, what the machine's user has set."""
    for name in ("MQTT_SERVER", "MQTT_USERNAME", "MQTT_PASSWORD", "MQTT_PASSWORD_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("honeyframe.credentials._from_keyring", lambda user, host: None)


assert _core  # the compiled part must be there: these tests have no stand-in for it
