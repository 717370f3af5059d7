"""Addresses of a running broker, and the choice of free ports."""

from __future__ import annotations

import contextlib
import socket
import time
from dataclasses import dataclass, field

TRANSPORTS = ("mqtt", "mqtts", "ws", "wss")
_SCHEMES = {"tcp": "mqtt", "tls": "mqtts", "ws": "ws", "wss": "wss"}


class BrokerUnavailable(Exception):
    """What the broker needs is not on this machine; the message says what, and how to get it."""


@dataclass(frozen=True)
class Listeners:
    """The ports of one broker: "tcp", "tls", "ws" and "wss"."""

    ports: dict[str, int] = field(default_factory=dict)

    def uri(self, transport: str = "mqtt", host: str = "localhost") -> str:
        """``transport`` is a scheme: mqtt, mqtts, ws or wss."""
        name = next(name for name, scheme in _SCHEMES.items() if scheme == transport)
        return f"{transport}://{host}:{self.ports[name]}" + ("/mqtt" if transport.startswith("ws") else "")


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now. Held open together while they are chosen, so that they differ."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for s in sockets:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(("127.0.0.1", 0))
        return [s.getsockname()[1] for s in sockets]


def wait_for_port(port: int, seconds: float = 10.0) -> bool:
    """True as soon as something accepts on ``port``."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1.0):
            return True
        time.sleep(0.02)
    return False
