"""What the steps share: the address, the time that is left, and options for the core, with the credential and without."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from typing import Any, Final

from .. import _core
from ..core_call import core_call
from ..credentials import Secret
from ..uri import Address, fallback_ca_file
from .surroundings import FoundCredential

#: A whole visit, name servers and all.
WHOLE_SECONDS: Final = 9.0


@dataclass
class Visit:
    """One run of the doctor."""

    address: Address
    credential: FoundCredential
    tls: dict[str, Any]  # ca_file, client_certificate, …, as the core takes them; ``insecure`` is beside it
    insecure: bool
    key_password: Secret | None
    http_proxy: Secret | None
    protocol: str
    client_id: str
    deadline: float
    token: str = field(default_factory=lambda: secrets.token_hex(8))

    def left(self) -> float:
        """Seconds of the whole."""
        return max(0.0, self.deadline - time.monotonic())

    def limit(self, seconds: float) -> float:
        """``seconds``, or what is left of the whole."""
        return max(0.05, min(seconds, self.left()))

    def bare_options(self, *, scheme: str | None = None, insecure: bool | None = None) -> _core.ConnectOptions:
        """Without user name and password, for probes; with ``scheme``, and the path /mqtt, in place of the address's own."""
        if scheme is None:
            uri = _without_user(self.address)
        else:
            host = f"[{self.address.host}]" if ":" in self.address.host else self.address.host
            uri = f"{scheme}://{host}:{self.address.port}{'/mqtt' if scheme in ('ws', 'wss') else ''}"
        return self._options(uri, insecure=self.insecure if insecure is None else insecure, foreign=scheme is not None)

    def full_options(self, *, protocol: str | None = None, connect_timeout: float) -> _core.ConnectOptions:
        """With the credential. No last will, no session that the broker would keep, no connection that is made again."""
        password = self.credential.password
        return self._options(
            self.address.full.reveal(),
            insecure=self.insecure,
            username=self.credential.username,
            password=None if password is None else password.reveal(),
            protocol=protocol or self.protocol,
            client_id=self.client_id or f"hf-doctor-{secrets.token_hex(6)}",  # MQTT 3.1 allows 23 characters
            connect_timeout=connect_timeout,
            keepalive=15,
            reconnect=False,
        )

    def _options(self, uri: str, *, insecure: bool, foreign: bool = False, **more: Any) -> _core.ConnectOptions:
        tls: dict[str, Any] = {**self.tls, "insecure": insecure, "fallback_ca_file": fallback_ca_file()}
        if self.key_password is not None:
            tls["client_key_password"] = self.key_password.reveal()
        if foreign and not uri.startswith(("mqtts:", "wss:")):
            tls = {}  # options that the user's own address may have, but not this one
        proxy = "" if self.http_proxy is None else self.http_proxy.reveal()
        return core_call(_core.ConnectOptions, uri, http_proxy=proxy, **tls, **more)


def _without_user(address: Address) -> str:
    """The address as it was given, path and query included, without what stands before the @."""
    scheme, _, rest = address.full.reveal().partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"
