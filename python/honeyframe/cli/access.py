"""Which broker a subcommand means, as whom, and which topics: from the words and options of a command line to ``connect``."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import typer

from ..credentials import Secret
from .ending import complain

if TYPE_CHECKING:
    from ..client import Client

_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_HOST: Final = re.compile(r"[A-Za-z0-9._-]+|\[?[0-9A-Fa-f:.]+(?:%[A-Za-z0-9._-]+)?\]?")
_BARE_CLOUD: Final = re.compile(r"[A-Za-z0-9.-]+\.hivemq\.cloud(?::\d+)?")
_USER_INFO_WITH_PASSWORD: Final = re.compile(r"[a-zA-Z]+://[^/?#@]*:[^/?#]*@")
_TLS_PORT: Final = 8883
_WSS_PORT: Final = 8884

# As mosquitto and HiveMQ's mqtt-cli spell MQTT's versions, and as connect does.
_VERSIONS: Final = {
    **dict.fromkeys(("auto",), "auto"),
    **dict.fromkeys(("5", "5.0", "mqttv5"), "5.0"),
    **dict.fromkeys(("3", "311", "3.1.1", "mqttv311"), "3.1.1"),
    **dict.fromkeys(("31", "3.1", "mqttv31"), "3.1"),
}


def as_utf8(text: str) -> str:
    """A word of the command line as it was typed, where the locale is not UTF-8: MQTT is."""
    try:
        return os.fsencode(text).decode()
    except UnicodeError:
        return text


def is_address(text: str) -> bool:
    """Whether a word names a broker by itself: with a scheme, or as HiveMQ Cloud's console shows it."""
    return bool(_SCHEME.match(text) or _BARE_CLOUD.fullmatch(text))


@dataclass(frozen=True)
class Place:
    """Where a command line says the broker is; of ``uri`` and ``profile`` at most one."""

    uri: Secret | None
    profile: str | None
    topics: tuple[str, ...]


@dataclass(frozen=True)
class Access:
    """A broker, as whom, and the topics. Holds no connection."""

    uri: Secret | None
    password: Secret | None = field(default=None, repr=False)
    options: dict[str, Any] = field(default_factory=dict)
    topics: tuple[str, ...] = ()

    @property
    def is_given(self) -> bool:
        """Whether the command line, or the environment, names a broker at all."""
        from ..uri import ADDRESS_VARIABLE

        return self.uri is not None or "profile" in self.options or bool(os.environ.get(ADDRESS_VARIABLE, "").strip())

    @property
    def secrets(self) -> dict[str, Secret | None]:
        """As ``connect_hidden`` takes them."""
        return {"uri": self.uri, "password": self.password}

    def resolved(self) -> Access:
        """With what its profile says in its place, for those who do not connect themselves."""
        name = self.options.get("profile")
        if name is None:
            return self
        from ..profiles import with_profile

        given = {key: value for key, value in self.options.items() if key != "profile"}
        secrets, completed = with_profile(name, self.secrets, given)
        return Access(secrets["uri"], secrets["password"], completed, self.topics)

    def connect(self, **more: Any) -> Client:
        """A client that is connected; ``more`` are further options of ``connect``."""
        from ..connection import connect_hidden

        return connect_hidden(self.secrets, {**self.options, **more})


def find_place(
    words: Sequence[Secret],
    *,
    topics: Sequence[str] = (),
    url: Secret | None = None,
    host: str | None = None,
    port: int | None = None,
    tls: bool | None = None,
    websockets: bool = False,
    profile: str | None = None,
    from_environment: bool = True,
) -> Place:
    """The broker and the topics among ``words`` and options.

    Options name the broker, and then every word is a topic; else a word that is an address, or the first word, where it is a profile's
    name; else the environment's HONEYFRAME_PROFILE or MQTT_SERVER.
    """
    if any(map(is_address, topics)):
        raise typer.BadParameter("-t takes a topic; found an address, which goes in front of the topics, or after -L")
    named = {"-L": url is not None, "-h": host is not None or port is not None, "--profile": profile is not None}
    given = [name for name, is_there in named.items() if is_there]
    if len(given) > 1:
        raise typer.BadParameter(f"{' and '.join(given)} each name a broker: one of them will do")
    if (tls is not None or websockets) and not named["-h"]:
        raise typer.BadParameter("--tls and --ws go with -h and -p; an address says it by its scheme: mqtts://, wss://")
    rest = [word.reveal() for word in words]
    if given:
        _refuse_second(rest, given[0])
        if url is not None:
            return _at_url(url, (*rest, *topics))
        uri = None if profile is not None else Secret(address_of(host or "localhost", port, tls=tls, websockets=websockets))
        return Place(uri, profile, (*rest, *topics))
    for number, word in enumerate(rest):
        if _SCHEME.match(word):  # it cannot be a topic that anybody means, wherever it stands
            others = [*rest[:number], *rest[number + 1 :]]
            _refuse_second(others, "one")
            return _at_url(words[number], (*others, *topics))
    return _by_name(rest, tuple(topics), from_environment=from_environment)


def _by_name(rest: list[str], topics: tuple[str, ...], *, from_environment: bool) -> Place:
    from ..profiles import PROFILE_VARIABLE, has_profile, profile_names
    from ..uri import ADDRESS_VARIABLE

    if rest and has_profile(rest[0]):
        return Place(None, rest[0], (*rest[1:], *topics))
    if rest and _BARE_CLOUD.fullmatch(rest[0]):  # as the console shows it
        host, _, port = rest[0].partition(":")
        return Place(Secret(address_of(host, int(port) if port else None)), None, (*rest[1:], *topics))
    profile = os.environ.get(PROFILE_VARIABLE, "").strip()
    if profile and from_environment:
        return Place(None, profile, (*rest, *topics))
    if os.environ.get(ADDRESS_VARIABLE, "").strip():
        return Place(None, None, (*rest, *topics))
    if rest:
        known = profile_names()
        near = difflib.get_close_matches(rest[0], known, n=1)
        there = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}" if known else "there are none"
        word = "the first word" if "@" in rest[0] else repr(rest[0])  # which may be a password
        raise typer.BadParameter(
            f"which broker? {word} is neither an address (mqtts://...) nor a profile ({there}). "
            f"Name one first, or with -h, -L, --profile, {PROFILE_VARIABLE} or {ADDRESS_VARIABLE}"
        )
    return Place(None, None, topics)


def _refuse_second(rest: Sequence[str], first: str) -> None:
    for word in rest:
        if _SCHEME.match(word):
            raise typer.BadParameter(f"two addresses of brokers, {first} and {'another' if first == 'one' else 'one'}: one of them will do")


def _at_url(url: Secret, topics: tuple[str, ...]) -> Place:
    """An address that may have a topic behind it, as mosquitto's -L; with WebSockets what is behind it is their path."""
    text = url.reveal()
    scheme = _SCHEME.match(text)
    if scheme is None or scheme.group(1).lower() in ("ws", "wss"):
        return Place(url, None, topics)
    authority, slash, topic = text[scheme.end() :].partition("/")
    if "@" in topic:  # an unescaped slash in a password: no part of it is taken for a topic, which would be shown
        return Place(url, None, topics)
    address = url if not slash else Secret(text[: scheme.end()] + authority)
    return Place(address, None, (*((topic,) if topic else ()), *topics))


def address_of(host: str, port: int | None, *, tls: bool | None = None, websockets: bool = False) -> str:
    """The address that -h, -p, --tls and --ws mean: port 8883 is TLS, 8884 WebSockets over TLS, HiveMQ Cloud always TLS.

    >>> address_of("localhost", None), address_of("x.s1.eu.hivemq.cloud", None), address_of("::1", 8884)
    ('mqtt://localhost', 'mqtts://x.s1.eu.hivemq.cloud', 'wss://[::1]:8884')
    """
    if not _HOST.fullmatch(host):
        raise typer.BadParameter("-h takes the name of a host alone; an address with a scheme goes after -L")
    if tls is None and not websockets and port == _WSS_PORT:
        tls = websockets = True
    if tls is None:
        tls = port in (_TLS_PORT, _WSS_PORT) or host.endswith(".hivemq.cloud")
    scheme = ("wss" if tls else "ws") if websockets else ("mqtts" if tls else "mqtt")
    name = f"[{host}]" if ":" in host and not host.startswith("[") else host
    return f"{scheme}://{name}" + ("" if port is None else f":{port}")


def version_of(text: str) -> str:
    """``-V`` as connect has it."""
    if text not in _VERSIONS:
        raise typer.BadParameter(f"--protocol is auto, 5.0, 3.1.1 or 3.1 (or mqttv5, mqttv311, mqttv31); found {text!r}")
    return _VERSIONS[text]


def has_password(address: Secret | None) -> bool:
    """Whether a word of the command line is an address with a password in it."""
    return address is not None and _USER_INFO_WITH_PASSWORD.match(address.reveal()) is not None


def warn_of_visible_password(instead: str) -> None:
    """Tells of a password that others on this machine can read from the process list, and what to do instead."""
    complain("warning", f"a password on the command line can be seen in the process list and stays in the shell's history;\n  {instead}")
