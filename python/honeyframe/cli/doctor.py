"""``honeyframe doctor``: why a connection fails, and what a credential may do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..credentials import Secret
from . import options
from .ending import ExitCode

if TYPE_CHECKING:
    from ..diagnosis import Verdict

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red", "skipped": "bright_black"}


def doctor(
    uri: Annotated[
        Secret | None,
        typer.Argument(metavar="URI", help="Such as mqtts://xyz.s1.eu.hivemq.cloud; default $MQTT_SERVER.", parser=options.hide),
    ] = None,
    topics: Annotated[
        list[str] | None, typer.Option("--topic", "-t", help="Try this topic, or filter; may be given often. Default test/topic.")
    ] = None,
    access: Annotated[str, typer.Option("--access", help="What must be allowed: both, subscribe (publishes nothing), publish.")] = "both",
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")] = False,
    client_id: Annotated[
        str, typer.Option("--client-id", "-i", help="Your program's, to see whether another has it. Default: random.")
    ] = "",
    http_proxy: Annotated[Secret | None, typer.Option("--http-proxy", help="Go through http://host:port.", parser=options.hide)] = None,
    username: options.Username = None,
    password: options.Password = None,
    password_file: options.PasswordFile = None,
    ca_file: options.CaFile = None,
    client_certificate: Annotated[Path | None, typer.Option("--client-certificate", help="Client certificate (PEM).")] = None,
    client_key: Annotated[Path | None, typer.Option("--client-key", help="Its key (PEM).")] = None,
    insecure: options.Insecure = False,
    protocol: options.Protocol = "auto",
) -> ExitCode:
    """Find out why a connection fails, and what a credential may do.

    Checks address, name, port, certificate, WebSocket path, credential, limits and permissions, with what to do about each. One small
    message is published to each topic; nothing is retained. Exit code 0: all is well; 1: something failed.
    """
    given: dict[str, Any] = options.connection(
        uri=uri, username=username, password=password, password_file=password_file, ca_file=ca_file, insecure=insecure, protocol=protocol
    )
    from ..diagnosis import doctor_hidden
    from ..diagnosis.checkup import defaults
    from . import terminal

    chosen = defaults() | given | {"access": access, "client_id": client_id}
    chosen |= {"client_certificate": client_certificate, "client_key": client_key}
    if topics:
        chosen["topics"] = topics
    report = doctor_hidden({"uri": uri, "password": password, "http_proxy": http_proxy}, chosen)
    if json:
        typer.echo(report.to_json())
    else:
        typer.echo(report.text(width=terminal.width(), style=_coloured))
    return ExitCode.ok if report.ok else ExitCode.error


def _coloured(text: str, verdict: Verdict) -> str:
    return typer.style(text, fg=_COLOURS[verdict])
