"""What a broker's no to CONNECT means."""

from __future__ import annotations

import ipaddress
from typing import Final

from ..errors import HoneyframeError
from .causes import advise
from .visit import Visit

#: Reason codes of MQTT 5 -> causes.
_CAUSES: Final = {
    0x81: "refused_protocol",
    0x82: "refused_protocol",
    0x84: "unsupported_version",
    0x85: "client_id_refused",
    0x88: "server_unavailable",
    0x89: "server_busy",
    0x8A: "banned",
    0x8B: "server_unavailable",
    0x8C: "authentication_method",
    0x8E: "session_taken_over",
    0x95: "packet_too_large",
    0x97: "quota",
    0x98: "server_unavailable",
    0x9C: "server_moved",
    0x9D: "server_moved",
    0x9F: "rate",
}
#: Return codes of MQTT 3 -> those of MQTT 5.
_OLD: Final = {1: 0x84, 2: 0x85, 3: 0x88, 4: 0x86, 5: 0x87}


def refusal(visit: Visit, error: HoneyframeError) -> tuple[str, str]:
    """(cause, advice) for a CONNECT that the broker answered with a no."""
    code = error.reason_code or 0
    code = _OLD.get(code, code)
    if code in (0x86, 0x87):
        return _credential(visit)
    cause = _CAUSES.get(code, "refused_unspecified")
    return cause, advise(cause)


def _credential(visit: Visit) -> tuple[str, str]:
    user = visit.credential.username
    if not visit.credential.has_password:
        return "credential_missing", advise("credential_missing")
    if visit.address.uses_tls and is_ip(visit.address.host):
        return "no_sni", f"{advise('no_sni')}. If the broker is another: {advise('credential_refused')}"
    if user is not None and "@" in user and visit.address.is_hivemq_cloud:
        return "credential_is_console_login", advise("credential_is_console_login")
    return "credential_refused", advise("credential_refused")


def is_ip(host: str) -> bool:
    """Whether it is an address, which carries no SNI."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
