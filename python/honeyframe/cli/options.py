"""Options that subcommands share, by the habits of mosquitto's clients and HiveMQ's mqtt-cli; ``-h`` is the host, as there.

A subcommand that talks to a broker takes one parameter for all of them::

    @options.with_broker(topics="many")
    def sub(access: options.Access, count: options.Count = None) -> ExitCode:
        with access.connect() as client:
            ...
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias, TypeVar, get_type_hints

import typer

from ..credentials import Secret
from .access import Access, as_utf8, find_place, has_password, version_of, warn_of_visible_password

__all__ = ["Access", "with_broker"]

BROKER_PANEL: Final = "Broker"
DEFAULT_SECONDS: Final = 10.0

Topics: TypeAlias = Literal["many", "one", "optional", "optional one", "none"]
R = TypeVar("R")


def hide(text: str) -> Secret:
    """Parses a secret argument: no frame of ours has it as plain text."""
    return Secret(as_utf8(text))


hide.__name__ = "str"  # what the help shows as its type


def profiles_like(incomplete: str) -> list[str]:
    """For a shell's completion."""
    from ..profiles import profile_names

    try:
        return [name for name in profile_names() if name.startswith(incomplete)]
    except ValueError:
        return []


def _broker_option(*names: str, **settings: Any) -> Any:
    return typer.Option(*names, rich_help_panel=BROKER_PANEL, show_default=False, **settings)


# --- the broker's

Host = Annotated[str | None, _broker_option("--host", "-h", metavar="HOST", help="The broker's host; localhost if only -p is given.")]
Port = Annotated[
    int | None, _broker_option("--port", "-p", metavar="PORT", min=1, max=65535, help="8883 means TLS, 8884 WebSockets over TLS.")
]
Tls = Annotated[bool | None, _broker_option("--tls/--no-tls", help="With -h: TLS, or not, whatever the port.")]
WebSockets = Annotated[bool, _broker_option("--ws", help="With -h: WebSockets.")]
Url = Annotated[
    Secret | None,
    _broker_option("--uri", "--url", "-L", metavar="URI", parser=hide, help="mqtts://host[:port][/topic]; mqtt, ws, wss."),
]
ProfileName = Annotated[
    str | None,
    _broker_option("--profile", metavar="NAME", help="A profile; default $HONEYFRAME_PROFILE.", autocompletion=profiles_like),
]
Username = Annotated[str | None, _broker_option("--username", "-u", metavar="USER", help="User name; default $MQTT_USERNAME.")]
Password = Annotated[
    Secret | None,
    _broker_option("--password", "-P", metavar="PASSWORD", parser=hide, help="Seen in the process list: rather be asked for it."),
]
PasswordFile = Annotated[
    Path | None, _broker_option("--password-file", metavar="FILE", help="Password in its first line; $MQTT_PASSWORD_FILE.")
]
ClientId = Annotated[
    str | None, _broker_option("--client-id", "-i", "--id", metavar="ID", help="Client id; default honeyframe-... at random.")
]
Protocol = Annotated[
    str | None, _broker_option("--protocol", "-V", metavar="VERSION", help="MQTT: auto, 5.0, 3.1.1, 3.1; mqttv5, mqttv311.")
]
KeepAlive = Annotated[str | None, _broker_option("--keepalive", "-k", metavar="SECONDS", help="Keepalive; default 30.")]
CaFile = Annotated[Path | None, _broker_option("--ca-file", "--cafile", metavar="PEM", help="Authorities to trust, not the system's.")]
Certificate = Annotated[Path | None, _broker_option("--cert", "--client-certificate", metavar="PEM", help="A client certificate.")]
Key = Annotated[Path | None, _broker_option("--key", "--client-key", metavar="PEM", help="The private key of --cert.")]
Insecure = Annotated[bool, _broker_option("--insecure", help="Check neither certificate nor host name.")]

# --- what a subcommand may take beside it


def count_option(text: str, *more: str, least: int = 1) -> Any:
    """How much a subcommand does, in its own words and by the same flags everywhere."""
    return typer.Option("--count", "--rows", *more, "-C", "-n", metavar="COUNT", min=least, help=text)


def seconds_option(text: str) -> Any:
    """How long a subcommand goes on, in its own words and by the same flags everywhere."""
    return typer.Option("--seconds", "--timeout", "-W", "-s", metavar="SECONDS", help=text)


Qos = Annotated[int, typer.Option("--qos", "-q", metavar="QOS", min=0, max=2, help="Quality of service.")]
Count = Annotated[int | None, count_option("Stop at so many rows.")]
Seconds = Annotated[str | None, seconds_option("Read for so long: 2.5, 10min.")]
Columns = Annotated[str | None, typer.Option("--columns", "-c", metavar="A,B", help="Read only these keys.")]
NoRetained = Annotated[bool, typer.Option("--no-retained", "-R", help="Leave retained messages out.")]
RetainedOnly = Annotated[bool, typer.Option("--retained-only", help="Only retained messages.")]


def _topic_option(topics: Topics) -> Any:
    text = "The topic, or a template." if "one" in topics else "A topic filter or template; may be repeated."
    return typer.Option("--topic", "-t", metavar="TOPIC", help=text, show_default=False)


_BROKER: Final[dict[str, tuple[Any, Any]]] = {
    "host": (Host, None),
    "port": (Port, None),
    "tls": (Tls, None),
    "websockets": (WebSockets, False),
    "url": (Url, None),
    "profile": (ProfileName, None),
    "username": (Username, None),
    "password": (Password, None),
    "password_file": (PasswordFile, None),
    "client_id": (ClientId, None),
    "protocol": (Protocol, None),
    "keepalive": (KeepAlive, None),
    "ca_file": (CaFile, None),
    "certificate": (Certificate, None),
    "key": (Key, None),
    "insecure": (Insecure, False),
}


def with_broker(
    topics: Topics = "many", *, words: bool = True, required: bool = True, environment: bool = True
) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """Gives a subcommand the options of a broker; its parameter ``access: Access`` is what they come to.

    Args:
        topics: how many topics it takes: "many" at least one, "optional" any number, "one" exactly one, "optional one" at most one, "none"
            not even ``-t``.
        words: whether ``[BROKER] [TOPIC]...`` may also be given without a flag.
        required: whether there must be a broker at all.
        environment: whether HONEYFRAME_PROFILE may name it.
    """

    def decorate(command: Callable[..., R]) -> Callable[..., R]:
        @functools.wraps(command)
        def run(**given: Any) -> R:
            return command(access=_access(given, topics, required=required, environment=environment), **given)

        del run.__dict__["__wrapped__"]  # its signature is another
        parameters, hints = inspect.signature(command).parameters, get_type_hints(command, include_extras=True)
        own = {name: (hints[name], parameter.default) for name, parameter in parameters.items() if name != "access"}
        if taken_twice := own.keys() & {"words", "topic", *_BROKER}:
            raise TypeError(f"{command.__name__}: {', '.join(sorted(taken_twice))} are the broker's parameters")
        taken = {name: found for name, found in own.items() if _is_argument(found[0])}
        if words:  # behind words of its own
            taken["words"] = (_words(topics), None)
        taken |= own
        if topics != "none":
            taken["topic"] = (Annotated[list[str] | None, _topic_option(topics)], None)
        taken |= _BROKER
        kind = inspect.Parameter.KEYWORD_ONLY
        run.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [inspect.Parameter(name, kind, default=default, annotation=hint) for name, (hint, default) in taken.items()]
        )
        run.__annotations__ = {name: hint for name, (hint, _) in taken.items()}
        return run

    return decorate


def _is_argument(hint: Any) -> bool:
    return any(isinstance(one, typer.models.ArgumentInfo) for one in getattr(hint, "__metadata__", ()))


def _words(topics: Topics) -> Any:
    metavar = "[BROKER]" + ("" if topics == "none" else " [TOPIC]" if "one" in topics else " [TOPIC]...")
    text = "An address (mqtts://...) or a profile's name" + ("" if topics == "none" else "; then topics")
    argument = typer.Argument(metavar=metavar, help=text + ".", parser=hide, show_default=False, autocompletion=profiles_like, hidden=True)
    return Annotated[list[Secret] | None, argument]


def _access(given: dict[str, Any], topics: Topics, *, required: bool, environment: bool) -> Access:
    """What the options of a broker in ``given`` come to; takes them out."""
    found = {name: given.pop(name) for name in _BROKER}
    place = find_place(
        given.pop("words", None) or (),
        topics=[as_utf8(topic) for topic in given.pop("topic", None) or ()],
        profile=found.pop("profile"),
        from_environment=environment,
        **{name: found.pop(name) for name in ("url", "host", "port", "tls", "websockets")},
    )
    access = access_of(place.uri, topics=place.topics, profile=place.profile, **found)
    if required and not access.is_given:
        raise typer.BadParameter("which broker? Name an address (mqtts://...) or a profile first, or one with -h, -L or --profile")
    _check_topics(place.topics, topics)
    return access


def _check_topics(found: tuple[str, ...], wanted: Topics) -> None:
    if wanted in ("many", "one") and not found:
        raise typer.BadParameter("no TOPIC: name one, such as 'plant/#', behind the broker or with -t")
    if (wanted == "none" and found) or ("one" in wanted.split() and len(found) > 1):
        raise typer.BadParameter(f"{'no topic' if wanted == 'none' else 'one topic'} is taken here; found {', '.join(found)}")


def access_of(
    uri: Secret | None,
    *,
    topics: tuple[str, ...] = (),
    profile: str | None = None,
    username: str | None = None,
    password: Secret | None = None,
    password_file: Path | None = None,
    client_id: str | None = None,
    protocol: str | None = None,
    keepalive: str | None = None,
    ca_file: Path | None = None,
    certificate: Path | None = None,
    key: Path | None = None,
    insecure: bool = False,
) -> Access:
    """The options of ``honeyframe.connect``; what was not given is left to its defaults, or to the profile."""
    if password is not None and password_file is not None:
        raise typer.BadParameter("--password and --password-file are both given: one of them will do")
    if password is not None or has_password(uri):
        warn_of_visible_password("leave it out to be asked for it, or use --password-file or MQTT_PASSWORD")
    texts = {"profile": profile, "username": username, "client_id": client_id}
    given: dict[str, Any] = {name: None if text is None else as_utf8(text) for name, text in texts.items()}
    given |= {"keepalive": None if keepalive is None else duration(keepalive, "--keepalive")}
    given |= {"protocol": None if protocol is None else version_of(protocol)}
    paths = {"password_file": password_file, "ca_file": ca_file, "client_certificate": certificate, "client_key": key}
    given |= {name: None if path is None else str(path) for name, path in paths.items()}
    chosen = {name: value for name, value in given.items() if value is not None}
    return Access(uri, password, chosen | ({"insecure": True} if insecure else {}), topics)


def duration(text: str, name: str = "--seconds") -> float:
    """``--seconds`` in seconds: a number, or as pandas reads it ("10min")."""
    from ..durations import seconds

    return seconds(text, name)


def column_names(text: str | None) -> list[str] | None:
    """``--columns``; None where all are wanted."""
    if text is None:
        return None
    names = [name.strip() for name in as_utf8(text).split(",") if name.strip()]
    if not names:
        raise typer.BadParameter("--columns names no column: leave it out to read all")
    return names


def retained(none: bool, only: bool) -> Literal["include", "skip", "only"]:
    """``-R`` and ``--retained-only`` as a stream has it."""
    if none and only:
        raise typer.BadParameter("-R and --retained-only leave nothing to read")
    return "skip" if none else "only" if only else "include"
