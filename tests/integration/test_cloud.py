"""The safe part of the tests, against the cluster that HONEYFRAME_TEST_URI names, such as a HiveMQ Cloud one.

Needs ``MQTT_USERNAME`` and ``MQTT_PASSWORD`` with *Publish and Subscribe*. Everything happens below ``honeyframe-test/<random>``, in a
few dozen small messages; nothing retained and no session is left behind. Without the variable it runs against the tests' own HiveMQ, so
that it is known to work.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.integration.conftest import assert_balanced
from tests.waiting import wait_until

import honeyframe as hf

pytestmark = [pytest.mark.cloud, pytest.mark.timeout(90)]

# Read when the tests are collected: afterwards the surroundings are cleared.
_URI = os.environ.get("HONEYFRAME_TEST_URI", "")
_CREDENTIAL = {"username": os.environ.get("MQTT_USERNAME"), "password": os.environ.get("MQTT_PASSWORD")}

Connect = Callable[..., hf.Client]


@pytest.fixture
def cluster(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What ``hf.connect`` needs."""
    if _URI:
        return {"uri": _URI, **_CREDENTIAL}
    hivemq = request.getfixturevalue("hivemq")
    return {
        "uri": hivemq.uri("mqtts"),
        "username": "both",
        "password": "both-password",
        "ca_file": request.getfixturevalue("ca_file"),
    }


@pytest.fixture
def connect(cluster: dict[str, Any]) -> Iterator[Connect]:
    clients = []

    def dial(**options: Any) -> hf.Client:
        clients.append(hf.connect(**(cluster | options)))
        return clients[-1]

    yield dial
    for client in clients:
        with contextlib.suppress(hf.errors.HoneyframeError):
            client.close()


@pytest.fixture
def root() -> str:
    return f"honeyframe-test/{secrets.token_hex(8)}"


@pytest.mark.parametrize("protocol", ["auto", "3.1", "3.1.1", "5.0"])
def test_publish_and_read(connect: Connect, root: str, protocol: str) -> None:
    client = connect(protocol=protocol)
    stream = client.stream(f"{root}/{{line}}/telemetry", qos=2)
    for qos in (0, 1, 2):
        client.publish(f"{root}/line-{qos}/telemetry", {"n": qos, "temperature": 21.5}, qos=qos)
    df = stream.read(rows=3, seconds=20).to_pandas().sort_values("n", ignore_index=True)
    assert list(df["line"]) == ["line-0", "line-1", "line-2"]
    assert_balanced(stream)


def test_what_the_broker_announced_is_shown(connect: Connect) -> None:
    info = connect(protocol="5.0").info()
    assert info["state"] == "connected"
    assert info["protocol"] == "5.0"
    print({name: value for name, value in info.items() if name.startswith("server_")})


def test_read_mqtt_with_a_retained_message_that_is_taken_back(connect: Connect, cluster: dict[str, Any], root: str) -> None:
    client = connect()
    client.publish(f"{root}/state", {"on": True}, qos=1, retain=True)
    try:
        df = hf.read_mqtt(topics=f"{root}/#", rows=1, seconds=15, **cluster)
        assert list(df["on"]) == [True]
        assert list(df["_retain"]) == [True]
    finally:
        client.publish(f"{root}/state", b"", qos=1, retain=True)
    time.sleep(0.5)
    with pytest.warns(hf.errors.NoMessagesWarning):
        assert len(hf.read_mqtt(topics=f"{root}/#", seconds=2, **cluster)) == 0


def test_a_shared_subscription(connect: Connect, root: str) -> None:
    workers = [connect().stream(f"$share/{secrets.token_hex(4)}/{root}/#")]
    publisher = connect()
    for n in range(10):
        publisher.publish(f"{root}/{n}", {"n": n}, qos=1)
    wait_until(lambda: sum(worker.stats().received for worker in workers) == 10, 20)


def test_a_wrong_password_is_named(cluster: dict[str, Any]) -> None:
    with pytest.raises(hf.errors.PermissionDenied) as refused:
        hf.connect(**(cluster | {"password": secrets.token_hex(12)}))
    assert refused.value.hint
    assert refused.value.reason_code is not None


def test_a_wrong_host_name_gets_no_credential(cluster: dict[str, Any]) -> None:
    """The broker's address instead of its name: no certificate of a public authority names it."""
    if not _URI:
        pytest.skip("the tests' own broker has a certificate for its address")
    import socket
    from urllib.parse import urlsplit

    parts = urlsplit(_URI)
    address = socket.gethostbyname(parts.hostname or "")
    with pytest.raises(hf.errors.TLSError):
        hf.connect(**(cluster | {"uri": f"{parts.scheme}://{address}:{parts.port or 8883}"}))
