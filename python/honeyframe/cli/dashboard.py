"""``honeyframe dashboard``: a page in one file that connects to the broker when it is opened."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from . import options
from .access import as_utf8
from .ending import ExitCode, complain

if TYPE_CHECKING:
    from ..client import Client
    from ..frame import Table

_PANEL: Final = re.compile(r"(?:([^:@]*):([^@]+)|([^:@]+))(?:@(.+))?", re.DOTALL)


@options.with_broker(topics="optional")
def dashboard(
    access: options.Access,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="The file, .html; default: on your desktop.", show_default=False)
    ] = None,
    panel: Annotated[
        list[str] | None,
        typer.Option("--panel", metavar="[KIND:]COLUMN[@TOPICS]", help="chart (default), gauge or value; may be repeated."),
    ] = None,
    title: Annotated[str | None, typer.Option("--title", metavar="TEXT", help="The page's title; default: the broker's host.")] = None,
    seconds: Annotated[str | None, options.seconds_option("Listen for so long, and carry what came; 0: do not connect.")] = "5",
    websocket_url: Annotated[
        str | None, typer.Option("--websocket-url", metavar="URL", help="Where the broker listens for browsers: wss://host:8884/mqtt.")
    ] = None,
    event_time: Annotated[str | None, typer.Option("--event-time", metavar="COLUMN", help="What tells when it was measured.")] = None,
    window: Annotated[str, typer.Option("--window", metavar="DURATION", help="What a chart shows.")] = "10min",
    force: Annotated[bool, typer.Option("--force", help="Replace any file of that name.")] = False,
    show: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
) -> ExitCode:
    """Save a page that connects to the broker when it is opened, and shows what comes; it holds no password.

    It listens for a few seconds first: what came by then is in the file, and every number of it has a chart, unless --panel says which.
    Topics are filters or templates, by default '#'. Ctrl-C ends the listening early.
    """
    from ..templates import read_topics

    topics = list(access.topics or ["#"])
    read_topics(topics)
    settings: dict[str, Any] = {
        "topics": topics,
        "panels": [_panel(text) for text in panel] if panel else None,
        "title": None if title is None else as_utf8(title),
        "websocket_url": websocket_url,
        "event_time": None if event_time is None else as_utf8(event_time),
        "window": options.duration(window, "--window"),
        "overwrite": force,
    }
    limit = options.duration(seconds or "5")
    return _save(access, output, settings, limit, show=show)


def _save(access: options.Access, output: Path | None, settings: dict[str, Any], limit: float, *, show: bool) -> ExitCode:
    from ..dashboard import default_title, save_for
    from ..dashboard_file import choose_path
    from ..uri import read_address
    from ..web_bundle import bundle

    broker = access.resolved()
    address = read_address(broker.uri)
    # Before seconds are spent for nothing.
    choose_path(output, settings["title"] or default_title(address), overwrite=settings["overwrite"])
    bundle("dashboard.js")
    interrupted = False
    if limit > 0:
        with broker.connect() as client:
            table, interrupted = _listen(client, settings, limit)
        settings["history"] = table
        if not len(table):
            complain("note", f"nothing came on {', '.join(settings['topics'])} within {limit:g} s: the page has no history")
    made = save_for(address, output, **settings)
    typer.echo(str(made.path))
    if made.guessed:
        complain("note", f"the page connects to {made.websocket_url}, which is a guess: --websocket-url says where the broker listens")
    if show and not made.open():
        complain("note", "there is no browser to open it with")
    return ExitCode.interrupted if interrupted else ExitCode.ok


def _listen(client: Client, settings: dict[str, Any], limit: float) -> tuple[Table, bool]:
    from ..errors import HoneyframeWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", HoneyframeWarning)
        with client.stream(*settings["topics"], event_time=settings["event_time"], retained="skip") as stream:
            try:
                return stream.read(seconds=limit), False
            except KeyboardInterrupt:
                return stream.read(), True


def _panel(text: str) -> dict[str, Any]:
    from ..dashboard_panels import KINDS

    found = _PANEL.fullmatch(as_utf8(text))
    if found is None:
        raise typer.BadParameter(f"--panel {text!r} names no column: write temperature, gauge:pressure or value:speed@plant/1/telemetry")
    kind, column, plain, topics = found.groups()
    if kind is not None and kind not in KINDS:
        known = f"there are panels of kind {', '.join(KINDS)}; found {kind!r}"
        raise typer.BadParameter(f"--panel {text!r}: {known}. For a column with a colon in its name write chart:{kind}:{column}")
    return {kind or "chart": column or plain, **({} if topics is None else {"topics": topics})}
