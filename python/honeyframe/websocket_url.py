"""Where a browser reaches the broker: over WebSockets, which is the only way it has."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from . import _core
from .errors import InvalidArgumentError, InvalidURIError
from .uri import Address, is_loopback

#: By the scheme of the client's address: HiveMQ's own WebSocket listeners. docs/dashboard.md tells those of other brokers.
_GUESSES: Final = {"mqtts": ("wss", 8884), "mqtt": ("ws", 8000)}
_PATH: Final = re.compile(r"/[A-Za-z0-9._~!$&'()*+=:@%/-]*")


@dataclass(frozen=True)
class WebSocketUrl:
    """An address for a browser, without user or password.

    Attributes:
        url: such as ``wss://broker.example:8884/mqtt``.
        source: what a Content-Security-Policy allows for it, as narrow as it can be said.
        guessed: it follows from nothing but the client's own address.
        plain: what goes there, a password among it, can be read on the way.
    """

    url: str
    source: str
    guessed: bool
    plain: bool


def websocket_url(given: str | None, address: Address) -> WebSocketUrl:
    """``given``, else a guess from where the client is connected.

    A client that is on WebSockets itself gives its own address. ``mqtts://host`` becomes ``wss://host:8884/mqtt``, which is right on HiveMQ
    Cloud; ``mqtt://host`` becomes ``ws://host:8000/mqtt``.

    Raises:
        InvalidURIError: it is no WebSocket address, or has a user, a password or a query: they would stand in the file.
    """
    if given is not None:
        if not isinstance(given, str):
            raise TypeError(f"websocket_url must be a str, not {type(given).__name__}")
        return _read(_core.parse_uri(given), guessed=False)
    if address.scheme in ("ws", "wss"):
        return _read(_core.parse_uri(address.display), guessed=False)
    scheme, port = _GUESSES[address.scheme]
    host = f"[{address.host}]" if ":" in address.host else address.host
    return _read(_core.parse_uri(f"{scheme}://{host}:{port}/mqtt"), guessed=not address.is_hivemq_cloud)


def _read(parts: dict[str, Any], *, guessed: bool) -> WebSocketUrl:
    scheme, path = parts["scheme"], parts["path"]
    if scheme not in ("ws", "wss"):
        raise InvalidURIError(
            f"a browser reaches a broker over WebSockets only: {parts['display']} is no wss:// or ws:// address",
            hint='For instance websocket_url="wss://broker.example:8884/mqtt".',
        )
    if parts["username"] is not None or parts["has_password"]:
        raise InvalidURIError(
            "websocket_url has a user or a password, which would stand in the file", hint="Leave them out: the page asks when it is opened."
        )
    if "?" in path or "#" in path:
        raise InvalidURIError(
            "websocket_url has a query, which may hold a token, and would stand in the file",
            hint="Leave out what follows the question mark.",
        )
    if not _PATH.fullmatch(path):
        raise InvalidURIError("websocket_url has characters in its path that no address has", hint="Write them percent-encoded.")
    host = parts["host"]
    if "%" in host:
        raise InvalidArgumentError("a browser knows no address with a zone (%); use the host's name")
    # A policy has no words for an IPv6 address: of those it allows the scheme alone.
    place, source = (f"[{host}]", f"{scheme}:") if ":" in host else (host, f"{scheme}://{host}:{parts['port']}")
    return WebSocketUrl(
        url=f"{scheme}://{place}:{parts['port']}{path}", source=source, guessed=guessed, plain=scheme == "ws" and not is_loopback(host)
    )
