"""``honeyframe doctor``: why a connection fails, and what a credential may do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ..credentials import Secret
from . import options
from .ending import ExitCode

if TYPE_CHECKING:
    from ..diagnosis import Verdict

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red", "skipped": "bright_black"}


@options.with_broker(topics="optional")
def doctor(
    access: options.Access,
    allowed: Annotated[str, typer.Option("--access", help="What must be allowed: both, subscribe (publishes nothing), publish.")] = "both",
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")] = False,
    http_proxy: Annotated[Secret | None, typer.Option("--http-proxy", help="Go through http://host:port.", parser=options.hide)] = None,
) -> ExitCode:
    """Find out why a connection fails, and what a credential may do.

    Checks address, name, port, certificate, WebSocket path, credential, limits and permissions, with what to do about each. One small
    message is published to each topic; nothing is retained. Exit code 0: all is well; 1: something failed.
    """
    from ..diagnosis import doctor_hidden
    from ..diagnosis.checkup import defaults
    from . import terminal

    found = access.resolved()
    chosen = defaults() | found.options | {"access": allowed}
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
