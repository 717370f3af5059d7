"""A real Mosquitto, with a configuration of its own, on loopback, on free ports. Nothing is kept on disk after it."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from . import certificates
from .ports import BrokerUnavailable, Listeners, free_ports, wait_for_port


def prepare() -> str:
    """The program. Raises BrokerUnavailable."""
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/opt/homebrew/sbin")
    if program is None:
        raise BrokerUnavailable("mosquitto not found: apt-get install mosquitto")
    return program


@dataclass(frozen=True)
class User:
    """``acl``: lines of mosquitto.conf's ACL file for this user."""

    username: str
    password: str
    acl: tuple[str, ...] = ("topic readwrite #", "topic read $SYS/#")


USERS = (
    User("both", "both-password"),
    User("pub", "pub-password", ("topic write #",)),
    User("sub", "sub-password", ("topic read #",)),
    User("plant", "plant-password", ("topic readwrite plant/#",)),
)


class Mosquitto:
    """One broker. ``stop()`` and ``start()`` again keep the ports, and with ``persistent=True`` sessions, their queues and retained
    messages: Mosquitto writes them when it is stopped. ``kill()`` loses them all the same. Ends with ``close()``."""

    def __init__(
        self,
        authority: certificates.Authority,
        *,
        users: Sequence[User] = USERS,
        allow_anonymous: bool = False,
        persistent: bool = False,
        settings: Sequence[str] = (),
    ) -> None:
        self._program = prepare()
        self._home = Path(tempfile.mkdtemp(prefix="mosquitto-"))
        self._certificate, self._key = authority.server().write(self._home)
        self._allow_anonymous = allow_anonymous
        self._persistent = persistent
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self.listeners = Listeners()
        (self._home / "passwords").write_text("".join(f"{user.username}:{_hash(user.password)}\n" for user in users))
        (self._home / "acl").write_text("".join(f"user {u.username}\n" + "".join(f"{line}\n" for line in u.acl) for u in users))
        for secret in ("passwords", "acl"):
            (self._home / secret).chmod(0o600)
        self.start()

    def uri(self, transport: str = "mqtt", host: str = "localhost") -> str:
        return self.listeners.uri(transport, host)

    def start(self) -> None:
        names = ("tcp", "tls", "ws", "wss")
        for _ in range(5):  # another process may take a port between our choice and the broker's bind
            ports = self.listeners.ports or dict(zip(names, free_ports(len(names)), strict=True))
            (self._home / "mosquitto.conf").write_text(self._config(ports))
            with (self._home / "log.txt").open("ab") as log:
                self._process = subprocess.Popen(
                    [*_die_with_parent(), self._program, "-c", str(self._home / "mosquitto.conf")],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                )
            if self._accepts(ports):
                self.listeners = Listeners(ports)
                return
            self.stop()
        raise RuntimeError(f"mosquitto did not start:\n{self.log()}")

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self._home, ignore_errors=True)

    def log(self) -> str:
        return (self._home / "log.txt").read_text(errors="replace")

    def _accepts(self, ports: dict[str, int]) -> bool:
        assert self._process is not None
        return all(self._process.poll() is None and wait_for_port(port) for port in ports.values())

    def _config(self, ports: dict[str, int]) -> str:
        lines = [
            f"persistence {str(self._persistent).lower()}",
            *([f"persistence_location {self._home}/"] if self._persistent else []),
            "log_dest stdout",
            "log_type error",
            "log_type warning",
            "log_type notice",
            "log_timestamp_format %H:%M:%S",
            f"allow_anonymous {str(self._allow_anonymous).lower()}",
            f"password_file {self._home}/passwords",
            *([] if self._allow_anonymous else [f"acl_file {self._home}/acl"]),
            *self._settings,
        ]
        if os.geteuid() == 0:
            lines.append("user root")  # else it changes to a user that may not read our files
        for name, port in ports.items():
            lines += [f"listener {port} 127.0.0.1", "protocol websockets" if name.startswith("ws") else "protocol mqtt"]
            if name in ("tls", "wss"):
                lines += [f"certfile {self._certificate}", f"keyfile {self._key}"]
        return "\n".join(lines) + "\n"


def _die_with_parent() -> list[str]:
    """Linux: the broker ends with the tests, however these end."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL"] if setpriv else []


def _hash(password: str) -> str:
    """As mosquitto_passwd writes it: PBKDF2 with SHA-512."""
    rounds, salt = 101, os.urandom(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, rounds)
    return f"$7${rounds}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"
