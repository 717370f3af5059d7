"""Where the broker's address comes from, and what is said about it."""

from __future__ import annotations

import pytest

from honeyframe.credentials import Secret
from honeyframe.errors import InvalidArgumentError, InvalidURIError
from honeyframe.uri import fallback_ca_file, read_address


def test_an_address_never_shows_its_password() -> None:
    address = read_address(Secret("mqtts://ann:canary-7@broker.example:8883"))
    assert (address.scheme, address.host, address.port, address.username, address.has_password) == (
        "mqtts",
        "broker.example",
        8883,
        "ann",
        True,
    )
    assert "canary-7" not in repr(address) + str(address) + address.display
    assert address.full.reveal().count("canary-7") == 1


def test_the_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MQTT_SERVER", " mqtt://broker.example ")
    assert read_address(None).host == "broker.example"


def test_no_address_at_all() -> None:
    with pytest.raises(InvalidArgumentError, match="MQTT_SERVER") as caught:
        read_address(None)
    assert "hivemq.cloud" in caught.value.hint


def test_a_bad_address_is_named_without_its_password() -> None:
    with pytest.raises(InvalidURIError) as caught:
        read_address(Secret("mqtts://ann:canary-7@broker example:port"))
    assert "canary-7" not in str(caught.value)


@pytest.mark.parametrize(
    ("uri", "loopback"),
    [
        ("mqtt://localhost", True),
        ("mqtt://127.0.0.1", True),
        ("mqtt://127.8.9.10", True),
        ("mqtt://[::1]", True),
        ("mqtt://test.localhost", True),
        ("mqtt://localhost.example", False),
        ("mqtt://192.168.1.1", False),
        ("mqtt://127.0.0.1.example", False),
    ],
)
def test_loopback(uri: str, loopback: bool) -> None:
    assert read_address(Secret(uri)).is_loopback is loopback


@pytest.mark.parametrize(("host", "cloud"), [("x.s1.eu.hivemq.cloud", True), ("hivemq.cloud.example", False), ("nothivemq.cloud", False)])
def test_hivemq_cloud(host: str, cloud: bool) -> None:
    assert read_address(Secret(f"mqtts://{host}")).is_hivemq_cloud is cloud


def test_certifi_is_found() -> None:
    assert fallback_ca_file().endswith(".pem")


@pytest.mark.parametrize("before", ["", "ann:canary-7@", "ann:<canary-7>@", "ann:<canary>@x@"])
def test_the_examples_placeholder_is_named(before: str) -> None:
    with pytest.raises(InvalidURIError, match=r"still has <cluster>") as caught:
        read_address(Secret(f"mqtts://{before}<cluster>.s1.eu.hivemq.cloud"))
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("password", ["<canary>", "a<canary>"])
def test_a_password_in_angle_brackets_is_none(password: str) -> None:
    assert read_address(Secret(f"mqtts://ann:{password}@broker.example")).host == "broker.example"


def test_an_unreadable_address_does_not_take_its_password_for_the_placeholder() -> None:
    with pytest.raises(InvalidURIError) as caught:
        read_address(Secret("mqtts://ann:<canary>/x@broker.example"))
    assert "<canary>" not in str(caught.value)
