"""The broker's address: where it comes from, and what may be said about it aloud."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Any, Final

from . import _core
from .credentials import Secret
from .errors import InvalidArgumentError, InvalidURIError

ADDRESS_VARIABLE = "MQTT_SERVER"

# What our own examples have in a host's name. Nothing of a user name or password: no @ may follow.
_PLACEHOLDER: Final = re.compile(r"[a-zA-Z]+://(?:.*@)?[^/?#@<]*(<[A-Za-z _-]+>)(?!.*@)")


_SCHEMES: Final = re.compile(r"(?:mqtts?|tcp|ssl|tls|wss?)://", re.IGNORECASE)


def is_address(text: object) -> bool:
    """Whether ``text`` is a broker's address, and so no topic that anybody means."""
    return isinstance(text, str) and _SCHEMES.match(text) is not None


@dataclass(frozen=True, repr=False)
class Address:
    """A broker's address, read by the core. ``full`` may hold a password, and does not print; everything else may be shown."""

    full: Secret
    scheme: str
    host: str
    port: int
    username: str | None
    has_password: bool
    display: str

    def __repr__(self) -> str:
        return f"Address({self.display!r})"

    @property
    def uses_tls(self) -> bool:
        return self.scheme in {"mqtts", "wss"}

    @property
    def is_loopback(self) -> bool:
        """Whether what is sent there stays on this machine."""
        return is_loopback(self.host)

    @property
    def is_hivemq_cloud(self) -> bool:
        return self.host == "hivemq.cloud" or self.host.endswith(".hivemq.cloud")


def is_loopback(host: str) -> bool:
    """Whether this host is this machine."""
    import ipaddress

    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.split("%", 1)[0]).is_loopback
    except ValueError:
        return False


def read_address(uri: Secret | None) -> Address:
    """The address in ``uri``, else in the environment's ``MQTT_SERVER``.

    Raises:
        InvalidArgumentError: neither is there.
        InvalidURIError: it cannot be read. The message does not show the password.
    """
    if uri is None:
        uri = Secret(os.environ.get(ADDRESS_VARIABLE, "").strip())
        if not uri.reveal():
            raise InvalidArgumentError(
                f"no broker address: connect() got no uri and the environment has no {ADDRESS_VARIABLE}",
                hint='Pass one, such as "mqtts://<cluster>.s1.eu.hivemq.cloud" (HiveMQ Cloud: console, your cluster, Overview, URL).',
            )
    if placeholder := _PLACEHOLDER.match(uri.reveal()):
        told = placeholder.group(1)
        del placeholder  # holds the whole address
        raise InvalidURIError(
            f"the address still has {told}, which stands for the name of your own cluster: put that in its place, without < and >",
            hint="HiveMQ Cloud: console, your cluster, Overview, URL.",
        )
    parts: dict[str, Any] = _core.parse_uri(uri.reveal())
    return Address(
        full=uri,
        scheme=parts["scheme"],
        host=parts["host"],
        port=parts["port"],
        username=parts["username"],
        has_password=bool(parts["has_password"]),
        display=parts["display"],
    )


def fallback_ca_file() -> str:
    """certifi's list of authorities, for machines whose own store is not found; empty where certifi is not installed."""
    try:
        import certifi
    except ImportError:  # pragma: no cover - certifi is a dependency, but a broken environment still gets TLS errors, not ImportError
        return ""
    return certifi.where()
