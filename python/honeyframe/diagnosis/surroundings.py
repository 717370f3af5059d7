"""What can be known to be wrong before a socket exists: the address, the environment, the credential."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from ..credentials import (
    PASSWORD_FILE_VARIABLE,
    PASSWORD_VARIABLE,
    USERNAME_VARIABLE,
    Credentials,
    Secret,
    _environment_is_meant_for,
    find_credentials,
)
from ..errors import InvalidArgumentError, InvalidURIError
from ..uri import ADDRESS_VARIABLE, Address, read_address
from .causes import advise
from .report import DoctorRow, Verdict

#: The ports that everybody knows, and the scheme that is spoken there.
USUAL_PORTS: Final = {1883: "mqtt", 8883: "mqtts", 8884: "wss", 9001: "ws", 443: "wss", 80: "ws"}
_WEB_PAGE: Final = re.compile(r"https?://", re.IGNORECASE)
_WEB_PORTS: Final = (80, 443, 9001)
_PROXIES: Final = ("http_proxy", "https_proxy", "all_proxy")


def address_row(uri: Secret | None) -> tuple[DoctorRow, Address | None]:
    """The address, read, and the mistakes that can be seen in it."""
    tried = "read the address" if uri is not None else f"read the address from the environment's {ADDRESS_VARIABLE}"
    text = uri.reveal() if uri is not None else os.environ.get(ADDRESS_VARIABLE, "")
    try:
        address = read_address(uri)
    except (InvalidURIError, InvalidArgumentError) as error:
        cause, advice = _why_unreadable(text, error)
        return DoctorRow("address", "fail", tried, error.message, advice, cause), None
    faults = _suspicious(address)
    parts = f"{address.display}: {_spoken(address.scheme)}, host {address.host}, port {address.port}"
    if not faults:
        return DoctorRow("address", "ok", tried, parts, details=_parts(address)), address
    causes, said, advices = zip(*faults, strict=True)
    row = DoctorRow("address", "warn", tried, f"{parts}; {'; '.join(said)}", "; ".join(advices), causes[0], details=_parts(address))
    return row, address


def _parts(address: Address) -> dict[str, object]:
    return {"scheme": address.scheme, "host": address.host, "port": address.port, "password_inside": address.has_password}


def _spoken(scheme: str) -> str:
    return {
        "mqtt": "MQTT without TLS",
        "mqtts": "MQTT over TLS",
        "ws": "MQTT over WebSockets, without TLS",
        "wss": "MQTT over WebSockets and TLS",
    }[scheme]


def _why_unreadable(text: str, error: InvalidArgumentError) -> tuple[str, str]:
    stripped = text.strip()
    if not stripped:
        return "address_missing", advise("address_missing")
    if _WEB_PAGE.match(stripped):
        host = _host_of(stripped)
        if host.startswith("console."):
            return "address_is_the_console", advise("address_is_the_console")
        return "address_is_a_web_page", advise("address_is_a_web_page", better=f"mqtts://{host or '<host>'}")
    if stripped != text or any(c.isspace() for c in stripped) or stripped[:1] in "'\"":
        return "address_has_blanks", advise("address_has_blanks")
    wrong_port = "hivemq.cloud" in stripped.lower() and "://" in stripped and "HiveMQ Cloud" in error.message
    cause = "address_wrong_port" if wrong_port else "address_unreadable"
    return cause, error.hint or advise("address_unreadable")


def _host_of(text: str) -> str:
    """The host alone, as far as it can be shown: behind an @ there is no password any more."""
    try:
        host = urlsplit(text).hostname or ""
    except ValueError:
        return ""
    return host if re.fullmatch(r"[a-z0-9.-]+", host) else ""


def _suspicious(address: Address) -> list[tuple[str, str, str]]:
    """(cause, what is seen, what to do)."""
    faults = []
    host = f"[{address.host}]" if ":" in address.host else address.host
    usual = USUAL_PORTS.get(address.port)
    fits = usual in (None, address.scheme) or (address.port in _WEB_PORTS and address.scheme in ("ws", "wss"))
    if not fits and usual is not None:
        better = f"{usual}://{host}:{address.port}{'/mqtt' if usual in ('ws', 'wss') else ''}"
        seen = f"port {address.port} is mostly {_spoken(usual)}, not {_spoken(address.scheme)}"
        faults.append(("address_wrong_port", seen, advise("address_wrong_port", better=better)))
    if address.scheme in ("ws", "wss") and address.display.endswith(f":{address.port}/"):
        better = f"{address.scheme}://{host}:{address.port}/mqtt"
        faults.append(("websocket_path_missing", "its path is /", advise("websocket_path_missing", better=better)))
    if address.has_password:
        faults.append(("password_in_address", "the password is written in it", advise("password_in_address")))
    return faults


def environment_row(address: Address | None, *, http_proxy: bool) -> DoctorRow:
    """Which variables take effect, and which do not, though one might think so."""
    tried = "look at the variables of proxies, credentials and certificates"
    told = [*_mqtt_variables(address), *_certificate_variables(address)]
    cause, advice, verdict = "", "", "ok"
    proxies = _proxies()
    if proxies:
        shown = ", ".join(f"{name}={place}" for name, place in proxies.items())
        if http_proxy:
            told.append(f"{shown} (not looked at: http_proxy= is given)")
        else:
            told.append(f"{shown}: not used, MQTT goes past proxies unless asked")
            verdict, cause = "warn", "proxy_in_environment"
            advice = advise(cause)
    if os.environ.get("MQTT_C_CLIENT_TRACE"):
        told.append("MQTT_C_CLIENT_TRACE is set: Paho writes topics and payloads to it, where it is the system's")
        verdict, cause = "warn", cause or "paho_trace"
        advice = "; ".join(filter(None, (advice, advise("paho_trace"))))
    found: Verdict = "warn" if verdict == "warn" else "ok"
    return DoctorRow("environment", found, tried, "; ".join(told) or "none is set", advice, cause, details={"proxies": proxies})


def _proxies() -> dict[str, str]:
    """Name -> host and port, without the credential that may be in it."""
    found = {}
    for name in _PROXIES:
        for spelled in (name, name.upper()):
            value = os.environ.get(spelled)
            if value:
                found[spelled] = _place_of(value)
    return found


def _place_of(proxy: str) -> str:
    try:
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        host, port = parts.hostname, parts.port
    except ValueError:
        return "(not readable)"
    return f"{host}:{port}" if host and port else host or "(not readable)"


def _mqtt_variables(address: Address | None) -> list[str]:
    told = []
    server = os.environ.get(ADDRESS_VARIABLE, "").strip()
    if server:
        told.append(f"{ADDRESS_VARIABLE} is set")
    named = [name for name in (USERNAME_VARIABLE, PASSWORD_VARIABLE, PASSWORD_FILE_VARIABLE) if os.environ.get(name)]
    if named:
        meant = address is None or _environment_is_meant_for(address)
        told.append(
            f"{', '.join(named)} set"
            + ("" if meant else f", but meant for the broker in {ADDRESS_VARIABLE}, and not sent to {address.host if address else ''}")
        )
    return told


def _certificate_variables(address: Address | None) -> list[str]:
    if address is not None and not address.uses_tls:
        return []
    return [f"{name} takes the place of the system's authorities" for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if os.environ.get(name)]


@dataclass(frozen=True)
class FoundCredential:
    """What goes into CONNECT, and all that may be said about it."""

    username: str | None
    password: Secret | None  # None as well where the address has it
    has_password: bool
    row: DoctorRow


def credential_row(
    address: Address, *, username: str | None, password: Secret | None, password_file: str | os.PathLike[str] | None
) -> FoundCredential:
    """Where user name and password come from, and what looks wrong about them. Asks for them as ``connect`` would."""
    tried = "find user name and password: arguments, address, environment, keyring, prompt"
    try:
        found = find_credentials(address, username=username, password=password, password_file=password_file)
    except InvalidArgumentError as error:
        cause = "password_file_unreadable"
        row = DoctorRow("credential", "fail", tried, error.message, advise(cause), cause)
        return FoundCredential(None, None, has_password=False, row=row)
    user = found.username if found.username is not None else address.username
    faults = _credential_faults(address, found, user)
    has_password = found.password is not None or address.has_password
    said = "anonymous: neither user name nor password"
    if user is not None or has_password:
        source = {"argument": "the argument", "uri": "the address"}.get(found.source, found.source)
        said = f"user name {user!r}, " if user is not None else "no user name, "
        said += f"password from {source}" if has_password else "no password"
    details = {"username": user, "source": found.source, "has_password": has_password}
    if not faults:
        row = DoctorRow("credential", "ok", tried, said, details=details)
    else:
        causes, seen, advices = zip(*faults, strict=True)
        row = DoctorRow("credential", "warn", tried, "; ".join([said, *seen]), "; ".join(advices), causes[0], details=details)
    return FoundCredential(user, found.password, has_password=has_password, row=row)


def _credential_faults(address: Address, found: Credentials, user: str | None) -> list[tuple[str, str, str]]:
    faults = []
    blank = found.password is not None and found.password.reveal() != found.password.reveal().strip()
    if blank or (user is not None and user != user.strip()):
        what = "the password" if blank else "the user name"
        faults.append(("credential_has_blanks", f"{what} begins or ends with a blank or line break"))
    if address.is_hivemq_cloud and user is None:
        faults.append(("credential_missing", "HiveMQ Cloud takes no anonymous clients"))
    elif address.is_hivemq_cloud and user is not None and "@" in user:
        faults.append(("credential_is_console_login", "the user name looks like an e-mail address"))
    if user is None and found.password is not None:
        faults.append(("username_missing", "there is a password without a user name"))
    return [(cause, seen, advise(cause)) for cause, seen in faults]
