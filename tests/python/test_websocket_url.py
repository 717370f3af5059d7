"""honeyframe.websocket_url: where a browser reaches the broker, and that no credential is in it."""

from __future__ import annotations

import pytest

from honeyframe.credentials import Secret
from honeyframe.errors import InvalidURIError
from honeyframe.uri import read_address
from honeyframe.websocket_url import WebSocketUrl, websocket_url


def url_for(uri: str, given: str | None = None) -> WebSocketUrl:
    return websocket_url(given, read_address(Secret(uri)))


@pytest.mark.parametrize(
    ("uri", "url", "source", "guessed", "plain"),
    [
        ("mqtts://x.s1.eu.hivemq.cloud", "wss://x.s1.eu.hivemq.cloud:8884/mqtt", "wss://x.s1.eu.hivemq.cloud:8884", False, False),
        ("mqtts://h:1234", "wss://h:8884/mqtt", "wss://h:8884", True, False),
        ("mqtt://me:pw@h", "ws://h:8000/mqtt", "ws://h:8000", True, True),
        ("mqtt://127.0.0.1", "ws://127.0.0.1:8000/mqtt", "ws://127.0.0.1:8000", True, False),
        ("wss://me:pw@h:9443/a/b", "wss://h:9443/a/b", "wss://h:9443", False, False),
        ("mqtts://[2001:db8::1]", "wss://[2001:db8::1]:8884/mqtt", "wss:", True, False),
    ],
)
def test_from_the_clients_address(uri: str, url: str, source: str, guessed: bool, plain: bool) -> None:
    assert url_for(uri) == WebSocketUrl(url, source, guessed, plain)


def test_given() -> None:
    assert url_for("mqtt://h", "wss://other:443/x") == WebSocketUrl("wss://other:443/x", "wss://other:443", False, False)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("mqtts://h", "WebSockets only"),
        ("https://h", "scheme"),
        ("wss://me@h/mqtt", "user or a password"),
        ("wss://me:s3cret@h/mqtt", "user or a password"),
        ("wss://h/mqtt?token=s3cret", "query"),
        ("wss://h/a;b'\"<x>", "path"),
        ("wss://h/\u00fc", "path"),
        ("wss://", "host"),
    ],
)
def test_what_must_not_stand_in_a_file_is_refused_and_not_shown(given: str, told: str) -> None:
    with pytest.raises(InvalidURIError, match=told) as caught:
        url_for("mqtts://h", given)
    assert "s3cret" not in str(caught.value)
