"""What a port speaks, where it does not speak what the address says; and what other ports of the host answer."""

from __future__ import annotations

import struct
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from .. import _core
from ..errors import HoneyframeError, TLSCertificateExpiredError, TLSHostNameError, TLSUntrustedError
from .visit import Visit

_SCHEMES: Final = ("mqtt", "mqtts", "ws", "wss")
_SECONDS: Final = 2.0
_CERTIFICATE_ERRORS: Final = (TLSCertificateExpiredError, TLSHostNameError, TLSUntrustedError)
_NEIGHBOURS: Final = (8883, 8884, 1883, 9001)


@dataclass(frozen=True)
class Spoken:
    """What was heard. ``scheme`` is the one that an address should have, where the port speaks MQTT at all."""

    scheme: str = ""
    words: str = ""
    is_tls: bool = False
    is_http: bool = False

    is_mqtt: bool = False  # without WebSockets

    def __bool__(self) -> bool:
        return bool(self.words)

    def uri(self, visit: Visit) -> str:
        """The address as it should be."""
        return uri_with(visit, self.scheme)


def uri_with(visit: Visit, scheme: str) -> str:
    """The address with another scheme, for people."""
    host = f"[{visit.address.host}]" if ":" in visit.address.host else visit.address.host
    return f"{scheme}://{host}:{visit.address.port}{'/mqtt' if scheme in ('ws', 'wss') else ''}"


def anonymous_connect(token: str) -> bytes:
    """A CONNECT of MQTT 3.1.1 without user name and password: whoever speaks MQTT answers it with CONNACK, yes or no."""
    name = f"honeyframe-{token}"[:23].encode()
    body = b"\x00\x04MQTT\x04\x02" + struct.pack("!HH", 10, len(name)) + name
    return b"\x10" + bytes([len(body)]) + body


def spoken(visit: Visit) -> Spoken:
    """Greets the port in all four ways at once, without the credential."""

    ways: dict[str, _core.ConnectOptions] = {}
    heard: dict[str, dict[str, Any]] = {}
    for scheme in _SCHEMES:
        try:
            ways[scheme] = visit.bare_options(scheme=scheme)
        except HoneyframeError as error:  # HiveMQ Cloud's address does not go with every scheme
            heard[scheme] = {"error": error, "step": "name", "answer": b"", "http_line": "", "tls": {"chain": [], "version": ""}}
    probed = _core.probe_all(list(ways.values()), timeout=visit.limit(_SECONDS), greeting=anonymous_connect(visit.token))
    return _understood(heard | dict(zip(ways, probed, strict=True)))


def _understood(heard: dict[str, dict[str, Any]]) -> Spoken:
    for scheme, words in (("mqtt", "MQTT without TLS"), ("mqtts", "MQTT over TLS")):
        if _is_connack(heard[scheme]["answer"]):
            return Spoken(scheme, words, is_tls=scheme == "mqtts", is_mqtt=True)
    for scheme, words in (("wss", "WebSockets over TLS"), ("ws", "WebSockets without TLS")):
        if heard[scheme]["error"] is None:
            return Spoken(scheme, words, is_tls=scheme == "wss", is_http=True)
    tls = heard["mqtts"]
    if speaks_tls(tls):
        http = heard["mqtts"]["answer"].startswith(b"HTTP/") or heard["wss"]["http_line"].startswith("HTTP/")
        return Spoken("" if http else "mqtts", "HTTP over TLS, as a web server does" if http else "TLS", is_tls=True, is_http=http)
    first = heard["mqtt"]["answer"]
    if first.startswith(b"HTTP/") or heard["ws"]["http_line"].startswith("HTTP/"):
        return Spoken("", "HTTP, as a web server or proxy does", is_http=True)
    if first.startswith(b"SSH-"):
        return Spoken("", "SSH")
    if first:
        return Spoken("", f"something else: {first[:24]!r}")
    return Spoken()


def _is_connack(answer: bytes) -> bool:
    return len(answer) >= 4 and answer[0] == 0x20 and answer[1] in (2, 3)


def speaks_tls(probed: dict[str, Any]) -> bool:
    """Whether a TLS handshake got as far as a certificate, good or bad."""
    return bool(probed["tls"]["version"] or probed["tls"]["chain"]) or isinstance(probed["error"], _CERTIFICATE_ERRORS)


def answering_neighbours(visit: Visit) -> list[int]:
    """Which of the usual ports of the host take a TCP connection."""
    host = f"[{visit.address.host}]" if ":" in visit.address.host else visit.address.host
    ways: dict[int, _core.ConnectOptions] = {}
    for port in _NEIGHBOURS:
        scheme = "wss" if port == 8884 else "mqtts"  # what HiveMQ Cloud's addresses are let through with
        with suppress(HoneyframeError):
            ways[port] = _core.ConnectOptions(f"{scheme}://{host}:{port}")
    ways.pop(visit.address.port, None)
    probed = _core.probe_all(list(ways.values()), timeout=visit.limit(1.0))
    return [port for port, one in zip(ways, probed, strict=True) if one["step"] not in ("name", "tcp")]
