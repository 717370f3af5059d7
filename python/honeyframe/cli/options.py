"""Options that several subcommands share, and what they mean to ``connect``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from ..credentials import Secret
from .ending import complain


def hide(text: str) -> Secret:
    """Parses a secret argument: no frame of ours has it as plain text."""
    return Secret(text)


hide.__name__ = "str"  # what the help shows as its type

Uri = Annotated[Secret, typer.Argument(metavar="URI", help="Such as mqtts://xyz.s1.eu.hivemq.cloud", parser=hide)]
Username = Annotated[str | None, typer.Option("--username", "-u", help="User name; default $MQTT_USERNAME.")]
Password = Annotated[
    Secret | None,
    typer.Option("--password", "-P", help="Password. Others can see it in the process list: rather leave it out to be asked.", parser=hide),
]
PasswordFile = Annotated[
    Path | None, typer.Option("--password-file", help="File with the password in its first line; default $MQTT_PASSWORD_FILE.")
]
CaFile = Annotated[Path | None, typer.Option("--ca-file", help="Certificate authorities (PEM) to trust instead of the system's.")]
Insecure = Annotated[bool, typer.Option("--insecure", help="Check neither certificate nor host name.")]
Protocol = Annotated[str, typer.Option("--protocol", help="MQTT version: auto, 5.0, 3.1.1 or 3.1.")]

_USER_INFO_WITH_PASSWORD = re.compile(r"[a-zA-Z]+://[^/?#@]*:[^/?#]*@")


def connection(
    *,
    uri: Secret | None,
    username: str | None,
    password: Secret | None,
    password_file: Path | None,
    ca_file: Path | None,
    insecure: bool,
    protocol: str,
) -> dict[str, Any]:
    """The options of ``honeyframe.connect`` but for its secrets; what was not given is left to its defaults."""
    if password is not None and password_file is not None:
        raise typer.BadParameter("--password and --password-file are both given: one of them will do")
    if password is not None or (uri is not None and _USER_INFO_WITH_PASSWORD.match(uri.reveal())):
        complain(
            "warning",
            "a password on the command line can be seen in the process list and stays in the shell's history;\n"
            "  leave it out to be asked for it, or use --password-file or MQTT_PASSWORD",
        )
    given: dict[str, Any] = {"username": username, "password_file": password_file, "ca_file": ca_file}
    chosen = {name: str(value) for name, value in given.items() if value is not None}
    return chosen | ({"insecure": True} if insecure else {}) | {"protocol": protocol}


def duration(text: str) -> float:
    """``--seconds`` in seconds: a number, or as pandas reads it ("10min")."""
    from ..durations import seconds

    return seconds(text, "--seconds")
