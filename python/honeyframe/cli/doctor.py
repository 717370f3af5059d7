"""``honeyframe doctor``: why a connection fails, and what a credential may do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ..credentials import Secret
from . import options
from .access import has_password, warn_of_visible_password
from .ending import ExitCode, complain

if TYPE_CHECKING:
    from ..diagnosis import Verdict

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red", "skipped": "bright_black"}


@options.with_broker(topics="optional")
def doctor(
    access: options.Access,
    allowed: Annotated[
        str, typer.Option("--access", metavar="WHAT", help="What must be allowed: both, subscribe (publishes nothing), publish.")
    ] = "both",
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")] = False,
    http_proxy: Annotated[
        Secret | None,
        typer.Option("--http-proxy", metavar="URI", parser=options.hide, help="Go through this HTTP proxy: http://host:port."),
    ] = None,
) -> ExitCode:
    """Find out why a connection fails, and what a credential may do.

    Checks address, name, port, certificate, WebSocket path, credential, limits and permissions, with what to do about each. One small
    message is published to each topic; nothing is retained. Exit code 0: all is well; 1: something failed.
    """
    if has_password(http_proxy):
        warn_of_visible_password("in Python hf.doctor(..., http_proxy=...) keeps it out of both")
    from ..diagnosis import doctor_hidden
    from ..diagnosis.checkup import defaults
    from . import terminal

    found = access.resolved()
    usual = defaults()
    if "keepalive" in found.options:
        complain("note", "the doctor is there for a few seconds: the keepalive of -k or the profile is not tried")
    chosen = usual | {name: value for name, value in found.options.items() if name in usual} | {"access": allowed}
    if found.topics:
        chosen["topics"] = list(found.topics)
    report = doctor_hidden({**found.secrets, "http_proxy": http_proxy}, chosen)
    if json:
        typer.echo(report.to_json())
    else:
        typer.echo(report.text(width=terminal.width(), style=_coloured))
    return ExitCode.ok if report.ok else ExitCode.error


def _coloured(text: str, verdict: Verdict) -> str:
    return typer.style(text, fg=_COLOURS[verdict])
