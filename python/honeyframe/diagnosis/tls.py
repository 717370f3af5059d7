"""The TLS step: what the handshake came to, whose certificate it is, and what a failed one means."""

from __future__ import annotations

import time
from typing import Any, Final

from .. import _core
from ..errors import HoneyframeError, TLSCertificateExpiredError, TLSError, TLSHostNameError, TLSNotSpokenError, TLSUntrustedError
from .causes import advise
from .clock import how_long, when
from .port import speaks_tls, spoken, uri_with
from .report import DoctorRow
from .visit import Visit

_HELLO_SECONDS: Final = 2.0
_SOON: Final = 14 * 86_400.0
_SELF_SIGNED: Final = 18  # X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT


def tls_row(visit: Visit, probed: dict[str, Any], unchecked: HoneyframeError | None) -> DoctorRow:
    """Of an address with TLS. ``unchecked``: what a check would have refused, had insecure=True not switched it off."""
    facts, error = probed["tls"], probed["error"]
    sni = f"SNI {facts['server_name']}" if facts["server_name"] else "no SNI, for the host is an address"
    trusting = "checking nothing" if visit.insecure else f"trusting {facts['trust_source'] or 'nobody yet'}"
    tried = f"shake hands with TLS 1.2 or newer, {sni}, {trusting}"
    seconds, details = probed["tls_seconds"], dict(facts)
    if probed["step"] == "tls" and error is not None:
        cause, advice = _fault(visit, probed, error)
        return DoctorRow("TLS", "fail", tried, unaddressed(visit, error.message), advice, cause, seconds, details)
    said, cause = _handshake_words(facts), ""
    left = facts["chain"][0]["not_after"] - time.time() if facts["chain"] else float("inf")
    if visit.insecure:
        cause = "insecure"
        refused = f"it would be refused: {unaddressed(visit, unchecked.message)}" if unchecked is not None else "it would pass"
        said += f"; not checked, for insecure=True; checked, {refused}"
    elif left < _SOON:
        cause = "certificate_expires_soon"
    elif not facts["server_name"]:
        cause, said = "no_sni", f"{said}; no SNI was sent"
    return DoctorRow("TLS", "warn" if cause else "ok", tried, said, advise(cause) if cause else "", cause, seconds, details)


def _handshake_words(facts: dict[str, Any]) -> str:
    words = f"{facts['version']}, {facts['cipher']}, ALPN {facts['alpn'] or 'none'}"
    if not facts["chain"]:
        return words
    own = facts["chain"][0]
    left = own["not_after"] - time.time()
    end = f"valid until {when(own['not_after'])}, {how_long(left)} left" if left > 0 else f"expired {how_long(-left)} ago"
    sent = f"{len(facts['chain'])} certificate{'s' if len(facts['chain']) > 1 else ''} sent"
    return f"{words}; certificate for {own['names']}, signed by {own['issuer']}, {own['key']}, {end}; {sent}"


def unaddressed(visit: Visit, message: str) -> str:
    """The core's message without the address before it, which stands above the table."""
    return message.removeprefix(f"{visit.address.display}: ")


def _fault(visit: Visit, probed: dict[str, Any], error: HoneyframeError) -> tuple[str, str]:
    cause = _certificate_fault(error)
    if not cause and (isinstance(error, TLSNotSpokenError) or not speaks_tls(probed)) and probed["tls"]["trust_source"]:
        heard = spoken(visit)
        if heard and not heard.is_tls:
            if heard.scheme:
                return "tls_on_plain_port", advise("tls_on_plain_port", words=heard.words, better=heard.uri(visit))
            return "no_mqtt", f"the port speaks {heard.words}: {advise('no_mqtt')}"
        if isinstance(error, TimeoutError) and not heard:
            cause = "port_silent"
    if not cause:
        cause = _handshake_fault(visit, probed["tls"], error)
    return cause, advise(cause)


def _certificate_fault(error: HoneyframeError) -> str:
    if isinstance(error, TLSCertificateExpiredError):
        return "certificate_not_yet_valid" if "not yet valid" in error.message else "certificate_expired"
    if isinstance(error, TLSHostNameError):
        return "certificate_for_another_host"
    if isinstance(error, TLSUntrustedError):
        if error.native_code == _SELF_SIGNED:
            return "certificate_self_signed"
        return "certificate_weak" if "too weak" in error.message else "certificate_unknown_authority"
    return ""


def _handshake_fault(visit: Visit, facts: dict[str, Any], error: HoneyframeError) -> str:
    if "no TLS version" in error.message:
        return "tls_too_old"
    if facts["certificate_wanted"]:
        return "client_certificate_refused" if visit.tls.get("client_certificate") else "client_certificate_wanted"
    return "tls_failed" if isinstance(error, (TLSError, OSError)) else "options_refused"


def no_tls_row(visit: Visit) -> DoctorRow:
    """Of an address without TLS: is that what the port speaks? Asked before any credential goes out."""
    scheme = "wss" if visit.address.scheme == "ws" else "mqtts"
    tried = "greet the port with TLS, though the address has none"
    better = uri_with(visit, scheme)
    probed = _core.probe(visit.bare_options(scheme=scheme), timeout=visit.limit(_HELLO_SECONDS))
    if speaks_tls(probed):
        chain = probed["tls"]["chain"]
        whose = f" (certificate for {chain[0]['names']})" if chain else ""
        advice = advise("plain_on_tls_port", better=better)
        return DoctorRow("TLS", "fail", tried, f"the port speaks TLS{whose}", advice, "plain_on_tls_port", details=dict(probed["tls"]))
    if visit.credential.has_password and not visit.address.is_loopback:
        return DoctorRow("TLS", "warn", tried, "none: the password goes out unencrypted", advise("no_tls", better=f"{scheme}://"), "no_tls")
    return DoctorRow("TLS", "ok", tried, "none, as the address says")
