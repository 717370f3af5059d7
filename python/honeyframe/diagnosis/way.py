"""The way to the broker below MQTT: name, TCP, TLS, WebSocket. No byte of a credential is sent here."""

from __future__ import annotations

import errno
import socket
from dataclasses import dataclass, field
from typing import Any, Final

from .. import _core
from ..errors import (
    ConnectRefusedError,
    DNSError,
    HoneyframeError,
    ProxyError,
    TLSCertificateExpiredError,
    TLSHostNameError,
    TLSUntrustedError,
)
from .causes import advise
from .clock import clock_row
from .port import answering_neighbours, spoken
from .refusals import is_ip
from .report import DoctorRow
from .tls import no_tls_row, tls_row, unaddressed
from .visit import Visit

_SECONDS: Final = 3.5
_UNCHECKED: Final = (TLSUntrustedError, TLSHostNameError, TLSCertificateExpiredError)
_UNREACHABLE: Final = (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN, errno.EHOSTDOWN)
_NO_CONNECTION: Final = "there is no connection"


@dataclass
class Way:
    """The rows of it, and whether it is free."""

    rows: list[DoctorRow] = field(default_factory=list)
    blocked: str = ""  # why CONNECT is not to be tried; empty: the way is free
    tcp_seconds: float = 0.0


def go(visit: Visit) -> Way:
    """All steps below MQTT."""
    way = Way()
    probed = _core.probe(visit.bare_options(insecure=False), timeout=visit.limit(_SECONDS))
    unchecked: HoneyframeError | None = None
    if visit.insecure and isinstance(probed["error"], _UNCHECKED):
        unchecked = probed["error"]
        probed = _core.probe(visit.bare_options(insecure=True), timeout=visit.limit(_SECONDS))
    way.tcp_seconds = probed["tcp_seconds"]
    way.rows += [_dns(visit, probed), _tcp(visit, probed)]
    if probed["error"] is not None and probed["step"] not in ("tls", "websocket", "greeting"):
        way.blocked = _NO_CONNECTION
        way.rows += [DoctorRow(step, "skipped", "nothing", _NO_CONNECTION) for step in ("TLS", "clock", "WebSocket")]
        return way
    tls = tls_row(visit, probed, unchecked) if visit.address.uses_tls else no_tls_row(visit)
    websocket = _websocket(visit, probed, tls_failed=tls.verdict == "fail")
    way.rows += [tls, clock_row(probed, uses_tls=visit.address.uses_tls), websocket]
    if tls.verdict == "fail":
        way.blocked = (
            "TLS failed: no credential goes out" if visit.address.uses_tls else "the port wants TLS: no credential goes out without"
        )
    elif websocket.verdict == "fail":
        way.blocked = "there is no WebSocket"
    return way


# --- DNS and TCP


def _dns(visit: Visit, probed: dict[str, Any]) -> DoctorRow:
    host = visit.address.host
    tried = f"look up {host}" if visit.http_proxy is None else "look up the proxy"
    seconds, error = probed["name_seconds"], probed["error"]
    if probed["step"] == "name" and error is not None:
        silent = not isinstance(error, DNSError) or "no name server answered" in error.message or error.native_code == socket.EAI_AGAIN
        cause = "dns_no_answer" if silent else "dns_unknown_host"
        return DoctorRow("DNS", "fail", tried, error.message, advise(cause), cause, seconds)
    if visit.http_proxy is None and is_ip(host):
        return DoctorRow("DNS", "ok", tried, "an address, no name: nothing to look up")
    addresses = probed["addresses"]
    return DoctorRow("DNS", "ok", tried, ", ".join(addresses[:6]), seconds=seconds, details={"addresses": addresses})


def _tcp(visit: Visit, probed: dict[str, Any]) -> DoctorRow:
    port = visit.address.port
    tried = f"connect to {visit.address.host}:{port}" + ("" if visit.http_proxy is None else " through the proxy")
    error, seconds = probed["error"], probed["tcp_seconds"]
    if probed["step"] == "name" and error is not None:
        return DoctorRow("TCP", "skipped", tried, "the host has no address")
    if probed["step"] not in ("tcp", "proxy") or error is None:
        said = f"connected to {probed['address']} in {seconds * 1000:.0f} ms"
        return DoctorRow("TCP", "ok", tried, said, seconds=seconds, details={"address": probed["address"]})
    if isinstance(error, ProxyError):
        return DoctorRow("TCP", "fail", tried, error.message, advise("proxy_failed", port=port), "proxy_failed", seconds)
    if isinstance(error, ConnectRefusedError):
        cause = "port_refused"
    else:
        cause = "host_unreachable" if error.native_code in _UNREACHABLE else "port_silent"
    answering = answering_neighbours(visit) if visit.http_proxy is None and cause != "host_unreachable" else []
    others = f"; of its other usual ports these answer: {', '.join(map(str, answering))}" if answering else ""
    details = {"answering_ports": answering, "errno": error.native_code}
    return DoctorRow("TCP", "fail", tried, error.message + others, advise(cause, port=port), cause, seconds, details)


# --- WebSocket


def _websocket(visit: Visit, probed: dict[str, Any], *, tls_failed: bool) -> DoctorRow:
    step = "WebSocket"
    if visit.address.scheme not in ("ws", "wss"):
        return DoctorRow(step, "skipped", "nothing", f"the address is {visit.address.scheme}://, no WebSocket's")
    path = visit.address.display.split("://", 1)[-1].partition("/")[2]
    tried = f"GET /{path}, upgrade to a WebSocket, subprotocol mqtt"
    if tls_failed:
        return DoctorRow(step, "skipped", tried, "TLS failed")
    error, seconds = probed["error"], probed["websocket_seconds"]
    details = {name: probed[name] for name in ("http_line", "http_server", "http_date", "subprotocol")}
    if error is None:
        said = f"{probed['http_line']}, subprotocol {probed['subprotocol'] or 'not named'}"
        cause = "" if probed["subprotocol"] in ("mqtt", "") else "websocket_subprotocol"
        return DoctorRow(step, "warn" if cause else "ok", tried, said, advise(cause) if cause else "", cause, seconds, details)
    heard = spoken(visit)
    if heard.is_mqtt:
        cause, advice = "websocket_on_mqtt_port", advise("websocket_on_mqtt_port", words=heard.words, better=heard.uri(visit))
    else:
        answers = f"; there it answers: {heard.uri(visit)}" if heard.scheme in ("ws", "wss") else ""
        cause, advice = "websocket_path", advise("websocket_path", better=answers)
    return DoctorRow(step, "fail", tried, unaddressed(visit, error.message), advice, cause, seconds, details)
