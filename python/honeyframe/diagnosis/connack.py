"""CONNECT and what the broker answers: its yes with all limits, or its no and why."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from .. import _core
from ..errors import ConnectTimeoutError, HoneyframeError, PacketRefusedError, WebSocketInUseError
from ..events import error_from_event
from .causes import advise
from .port import spoken
from .refusals import refusal
from .report import DoctorRow
from .visit import Visit

_SECONDS: Final = 3.0
_SETTLE: Final = 0.3  # a broker that ends it at once does so within
_SMALL_PACKET: Final = 16_384
_VERSIONS: Final = {"auto": "MQTT 5, else 3.1.1", "5.0": "MQTT 5", "3.1.1": "MQTT 3.1.1", "3.1": "MQTT 3.1"}


@dataclass
class Connected:
    """An attempt: the session, where the broker said yes and did not take it back."""

    session: _core.Session | None = None
    info: dict[str, Any] = field(default_factory=dict)
    error: HoneyframeError | None = None
    events: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0
    accepted: bool = False  # though it may have ended again at once

    def close(self) -> None:
        if self.session is not None:
            with contextlib.suppress(HoneyframeError):
                self.session.close(timeout=1.0)


def open_session(visit: Visit, *, protocol: str | None = None, seconds: float = _SECONDS, settle: float = _SETTLE) -> Connected:
    """One CONNECT, with the credential; waits whether the broker ends it again at once."""
    result = Connected()
    begin = time.monotonic()
    try:
        session = result.session = _core.Session(visit.full_options(protocol=protocol, connect_timeout=visit.limit(seconds)))
        session.connect()
        result.seconds = time.monotonic() - begin
        result.accepted = True
        result.error = ended(session, settle)
        result.info = session.info()
    except HoneyframeError as error:
        result.error = error
        result.seconds = time.monotonic() - begin
    except BaseException:  # Ctrl-C
        result.close()
        raise
    if result.session is not None:
        result.events = result.session.take_events()
    if result.error is not None:
        result.close()
        result.session = None
    return result


@contextlib.contextmanager
def session_of(visit: Visit, **options: Any) -> Iterator[Connected]:
    """As :func:`open_session`, closed at the end."""
    connected = open_session(visit, **options)
    try:
        yield connected
    finally:
        connected.close()


def ended(session: _core.Session, wait: float = 0.0) -> HoneyframeError | None:
    """Why a session has ended, or does so within ``wait`` seconds; None while it lasts."""
    until = time.monotonic() + wait
    while (info := session.info())["state"] != "closed":
        if time.monotonic() >= until:
            return None
        time.sleep(0.02)
    return error_from_event(info.get("last_error") or {}) or HoneyframeError("the session has ended")


# --- the rows


def connect_rows(visit: Visit, connected: Connected) -> list[DoctorRow]:
    """CONNECT and the limits."""
    tried = f"CONNECT with {_VERSIONS.get(visit.protocol, visit.protocol)}, {_who(visit)}, no last will, no session kept"
    if connected.error is None:
        return [_accepted(connected, tried), limits_row(connected.info)]
    cause, said, advice = _why(visit, connected)
    details = {"reason_code": connected.error.reason_code, "error": connected.error.code}
    row = DoctorRow("CONNECT", "fail", tried, said, advice, cause, connected.seconds, details)
    return [row, DoctorRow("limits", "skipped", "read CONNACK's properties", "there is no connection")]


def _who(visit: Visit) -> str:
    return "anonymous" if visit.credential.username is None else f"as {visit.credential.username}"


def _accepted(connected: Connected, tried: str) -> DoctorRow:
    info = connected.info
    said = f"accepted in {connected.seconds * 1000:.0f} ms: MQTT {info['protocol']}, client id {info['client_id']}"
    details = {name: info[name] for name in ("protocol", "client_id", "session_present")}
    fallback = next((event["detail"] for event in connected.events if event["kind"] == "protocol_fallback"), "")
    if not fallback:
        return DoctorRow("CONNECT", "ok", tried, said, seconds=connected.seconds, details=details)
    said += f" (not with MQTT 5: {fallback.partition(';')[0]})"
    return DoctorRow("CONNECT", "warn", tried, said, advise("protocol_fallback"), "protocol_fallback", connected.seconds, details)


def _why(visit: Visit, connected: Connected) -> tuple[str, str, str]:
    """(cause, what came back, what to do)."""
    error = connected.error
    assert error is not None
    said = _told(error, visit)
    if connected.accepted:
        cause = "session_taken_over" if error.reason_code == 0x8E else "disconnected_at_once"
        hint = "" if error.reason_code == 0x8E or not error.hint else f"{error.hint}; "
        return cause, f"accepted, and at once ended again: {said}", hint + advise(cause)
    if isinstance(error, WebSocketInUseError):
        return "websocket_in_use", said, advise("websocket_in_use")
    if error.reason_code is not None:
        return _refused(visit, error, said)
    heard = spoken(visit)
    if isinstance(error, PacketRefusedError) and heard and not heard.is_mqtt:
        said = "what came back is no answer to CONNECT"
    if heard.is_tls and not visit.address.uses_tls:
        return (
            "plain_on_tls_port",
            f"{said}; the port speaks TLS",
            advise("plain_on_tls_port", better=heard.uri(visit) if heard.scheme else "TLS"),
        )
    if heard.scheme in ("ws", "wss") and heard.scheme != visit.address.scheme:
        return "websocket_port", said, advise("websocket_port", words=heard.words, better=heard.uri(visit))
    if heard and not heard.scheme:
        return "no_mqtt", f"{said}; the port speaks {heard.words}", advise("no_mqtt")
    if isinstance(error, ConnectTimeoutError):
        cause = "connack_missing"
    else:
        cause = "no_mqtt" if isinstance(error, PacketRefusedError) else "closed_without_connack"
    return cause, said, advise(cause)


def _told(error: HoneyframeError, visit: Visit) -> str:
    text = error.message.removeprefix(f"{visit.address.display}: ").removeprefix("the broker refused the connection: ")
    return f"{text}: {error.reason_string}" if error.reason_string else text


def _refused(visit: Visit, error: HoneyframeError, said: str) -> tuple[str, str, str]:
    cause, advice = refusal(visit, error)
    if error.reason_code in (4, 5):
        return _asked_again(visit, cause, said, advice)
    if cause == "unsupported_version" and visit.protocol == "5.0":
        with session_of(visit, protocol="3.1.1", settle=0.0) as other:
            said += "; MQTT 3.1.1 is accepted" if other.accepted else ""
    return cause, said, advice


def _asked_again(visit: Visit, cause: str, said: str, advice: str) -> tuple[str, str, str]:
    """MQTT 3 has one code for many reasons: MQTT 5 tells them apart."""
    with session_of(visit, protocol="5.0", settle=0.0) as other:
        if other.accepted:
            return "refused_on_mqtt_3", f"{said}; asked again with MQTT 5: accepted", advise("refused_on_mqtt_3")
        if other.error is None or other.error.reason_code is None or other.error.reason_code < 0x80:
            return cause, said, advice
        said = f"{said}; asked again with MQTT 5: {_told(other.error, visit)}"
        cause, advice = refusal(visit, other.error)
        return cause, said, advice


def limits_row(info: dict[str, Any]) -> DoctorRow:
    """What CONNACK's properties allow."""
    tried = "read CONNACK's properties"
    if info["protocol"] != "5.0":
        return DoctorRow("limits", "skipped", tried, f"MQTT {info['protocol']} has none")
    names = {
        "server_receive_maximum": "receive maximum",
        "server_maximum_packet_size": "maximum packet size",
        "server_maximum_qos": "maximum QoS",
        "server_session_expiry": "session expiry",
        "server_keepalive": "keep alive",
        "server_topic_alias_maximum": "topic aliases",
        "server_retain_available": "retained messages",
        "server_wildcard_available": "wildcards",
        "server_shared_available": "shared subscriptions",
        "server_subscription_identifiers_available": "subscription identifiers",
    }
    details = {words.replace(" ", "_").lower(): info[name] for name, words in names.items()}
    said = ", ".join(f"{words} {_limit(info[name], name)}" for name, words in names.items())
    size = info["server_maximum_packet_size"]
    restrictions = "; ".join(_restrictions(info))
    if size is not None and size < _SMALL_PACKET:
        advice = "; ".join(filter(None, (advise("packet_size_small", size=f"{size:,}"), restrictions)))
        return DoctorRow("limits", "warn", tried, said, advice, "packet_size_small", details=details)
    if restrictions:
        return DoctorRow(
            "limits", "warn", tried, said, advise("broker_restricts", restrictions=restrictions), "broker_restricts", details=details
        )
    return DoctorRow("limits", "ok", tried, said, details=details)


def _limit(value: Any, name: str) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        default = {"server_receive_maximum": "65535", "server_maximum_qos": "2", "server_topic_alias_maximum": "0"}
        return default.get(name, "as asked" if name in ("server_session_expiry", "server_keepalive") else "unlimited")
    unit = {"server_maximum_packet_size": " bytes", "server_session_expiry": " s", "server_keepalive": " s"}.get(name, "")
    return f"{value:,}{unit}"


def _restrictions(info: dict[str, Any]) -> list[str]:
    faults = []
    if info["server_maximum_qos"] is not None and info["server_maximum_qos"] < 1:
        faults.append("the broker takes QoS 0 only: use qos=0, and expect losses")
    if info["server_retain_available"] is False:
        faults.append("the broker keeps no retained messages: use retain=False")
    if info["server_wildcard_available"] is False:
        faults.append("the broker allows no wildcards: subscribe to exact topics")
    if info["server_shared_available"] is False:
        faults.append("the broker has no shared subscriptions: leave $share/ out")
    return faults
