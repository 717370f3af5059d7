"""Fixtures that several folders share: the brokers, one of each for a whole run."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # tests.brokers, also where pytest is called by its own name

from tests.brokers.certificates import Authority
from tests.brokers.hivemq import HiveMQ
from tests.brokers.mosquitto import Mosquitto
from tests.brokers.ports import BrokerUnavailable
from tests.brokers.prepare import required


def missing(reason: Exception) -> NoReturn:
    """What a test needs is not on this machine: it is skipped, or fails where it is required."""
    if required():
        pytest.fail(str(reason), pytrace=False)
    pytest.skip(str(reason))


@pytest.fixture(scope="session", autouse=True)
def _data_directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test writes to the user's own data: sessions are metered into a directory of the run, in child processes too."""
    before = {name: os.environ.get(name) for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "HONEYFRAME_PLAN", "HONEYFRAME_USAGE")}
    os.environ["XDG_DATA_HOME"] = str(tmp_path_factory.mktemp("data"))
    os.environ["XDG_CONFIG_HOME"] = str(tmp_path_factory.mktemp("config"))
    for name in ("HONEYFRAME_PLAN", "HONEYFRAME_USAGE"):
        os.environ.pop(name, None)
    yield
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


@pytest.fixture(scope="session")
def authority() -> Authority:
    """Who signed the brokers' certificates."""
    return Authority.create()


@pytest.fixture(scope="session")
def ca_file(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What a client needs to trust the brokers."""
    return str(authority.write(tmp_path_factory.mktemp("authority") / "ca.crt"))


@pytest.fixture(scope="session")
def hivemq(authority: Authority) -> Iterator[HiveMQ]:
    """HiveMQ Community Edition with the users of tests.brokers.hivemq.USERS. Do not stop it: start one of your own for that."""
    try:
        broker = HiveMQ(authority)
    except BrokerUnavailable as reason:
        missing(reason)
    yield broker
    broker.close()


@pytest.fixture(scope="session")
def mosquitto(authority: Authority) -> Iterator[Mosquitto]:
    """Mosquitto with the users of tests.brokers.mosquitto.USERS. Do not stop it: start one of your own for that."""
    try:
        broker = Mosquitto(authority)
    except BrokerUnavailable as reason:
        missing(reason)
    yield broker
    broker.close()


@pytest.fixture(params=["hivemq", "mosquitto"])
def broker(request: pytest.FixtureRequest) -> HiveMQ | Mosquitto:
    """Each of the two."""
    found: HiveMQ | Mosquitto = request.getfixturevalue(request.param)
    return found
