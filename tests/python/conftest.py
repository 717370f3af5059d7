"""Streams that are fed by hand, as the receive thread feeds them, and a broker for what needs one."""

from __future__ import annotations

import json
import sys
import time
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.brokers.mosquitto import Mosquitto
from tests.python.command_line import Shell

import honeyframe as hf
from honeyframe import _core
from honeyframe.credentials import _from_keyring
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


@pytest.fixture(scope="session")
def no_profiles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of configuration with nothing in it."""
    return tmp_path_factory.mktemp("configuration")


@pytest.fixture(autouse=True)
def no_credentials_from_outside(monkeypatch: pytest.MonkeyPatch, no_profiles: Path) -> None:
    """No test sends, or depends on, what the machine's user has set."""
    for name in ("MQTT_SERVER", "MQTT_USERNAME", "MQTT_PASSWORD", "MQTT_PASSWORD_FILE", "HONEYFRAME_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(no_profiles))
    monkeypatch.setattr("honeyframe.credentials._from_keyring", lambda user, host: None)


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Shell:
    """Runs commands in this process."""
    return Shell(monkeypatch, capfd)


@pytest.fixture
def no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user whom the system does not know, and who has said nothing."""

    def unknown(_: int) -> None:
        raise KeyError

    monkeypatch.setattr("pwd.getpwuid", unknown)
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def profiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the profiles of this test are; not made yet."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "config" / "honeyframe" / "profiles"


class FakeKeyring(types.ModuleType):
    """The library's functions, on a dict."""

    def __init__(self) -> None:
        super().__init__("keyring")
        self.kept: dict[tuple[str, str], str] = {}
        self.broken = False

    def set_password(self, service: str, user: str, password: str) -> None:
        if self.broken:
            raise RuntimeError(f"locked, and {password} is in this text")
        self.kept[service, user] = password

    def get_password(self, service: str, user: str) -> str | None:
        return self.kept.get((service, user))

    def delete_password(self, service: str, user: str) -> None:
        del self.kept[service, user]


@pytest.fixture
def keyring(monkeypatch: pytest.MonkeyPatch, no_credentials_from_outside: None) -> FakeKeyring:
    """A keyring of this test."""
    made = FakeKeyring()
    monkeypatch.setitem(sys.modules, "keyring", made)
    monkeypatch.setattr("honeyframe.credentials._from_keyring", _from_keyring)
    return made


assert _core  # the compiled part must be there: these tests have no stand-in for it
