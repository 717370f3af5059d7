"""``honeyframe usage``: what our sessions used of a broker's plan, and the sessions that still count; ``usage end`` ends one."""

from __future__ import annotations

import functools
import sys
from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..credentials import Secret
from . import options, terminal
from .access import has_password, warn_of_visible_password
from .ending import ExitCode, complain, ends_well
from .help import App

if TYPE_CHECKING:
    import pandas as pd

_BAR = 30

usage_app = App()


@usage_app.callback(invoke_without_command=True)
def usage(
    context: typer.Context,
    broker: Annotated[
        Secret | None,
        typer.Option("--broker", metavar="BROKER", help="Only this broker: a host name, or an address.", parser=options.hide),
    ] = None,
    sessions: Annotated[bool, typer.Option("--sessions", help="List the sessions that brokers keep for us, and that count.")] = False,
    every: Annotated[bool, typer.Option("--all", help="Every month that is known, not only this one.")] = False,
    plan: Annotated[
        str | None, typer.Option("--plan", metavar="PLAN", help='"50GB", "50GB, 500" (connections), "none"; default $HONEYFRAME_PLAN.')
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
) -> None:
    """What our own sessions used of a broker's plan this month.

    Only those of honeyframe on this machine, as this user: other clients of the broker are invisible here.
    "honeyframe usage end CLIENT_ID" ends a session that a broker still keeps.
    """
    if context.invoked_subcommand is None:
        ends_well(functools.partial(_show, broker, sessions, every, plan, json))()


@options.with_broker(topics="none", required=False)
def _end(
    access: options.Access,
    session: Annotated[str, typer.Argument(metavar="CLIENT_ID", help="As usage --sessions lists it.")],
    force: Annotated[bool, typer.Option("--force", help="Also where a process of ours is connected with it now.")] = False,
) -> ExitCode:
    """End a session that a broker keeps for us: what is queued for it is gone, and it counts no longer."""
    found = access.resolved()
    given = {name: value for name, value in found.options.items() if name not in ("protocol", "client_id")}  # the session's own
    from ..traffic_usage import end_hidden

    known = end_hidden(session, found.secrets, given, force=force)
    where = f" at {known.broker}" if known is not None else ""
    typer.echo(terminal.printable(f"Ended: the session of {session!r}{where}."))
    return ExitCode.ok


usage_app.command("end")(ends_well(_end))


def _show(broker: Secret | None, sessions: bool, every: bool, plan: str | None, json: bool) -> ExitCode:
    if has_password(broker):
        warn_of_visible_password("the name of the host alone will do here")
    from ..traffic_book import utc_now
    from ..traffic_meter import SWITCH_VARIABLE, is_on
    from ..traffic_plan import month_of
    from ..traffic_usage import NOTE, host_of, read_book, sessions_frame, usage_frame

    book, now = read_book(), utc_now()
    host = None if broker is None else host_of(broker)
    frame = usage_frame(book, host, plan, now)
    month = month_of(now)
    if not every:
        frame = frame[frame["month"] == month]
    kept = sessions_frame(book, host, now)
    if json:
        _print_json(frame, kept, NOTE)
        return ExitCode.ok
    if not is_on():
        complain("note", f"{SWITCH_VARIABLE} switches the meter off: nothing is being added")
    if sessions:
        _print_sessions(kept)
    else:
        _print_usage(frame, kept, month)
    _remark(NOTE)
    return ExitCode.ok


def _remark(text: str) -> None:
    """What is not of the table: where that is piped on, it stays on stderr."""
    if sys.stdout.isatty():
        typer.echo(f"\n{text}")
    else:
        complain("note", text)


def _print_json(frame: pd.DataFrame, kept: pd.DataFrame, note: str) -> None:
    import json

    def records(table: pd.DataFrame) -> Any:
        return json.loads(table.to_json(orient="records", date_format="iso", date_unit="s"))

    typer.echo(json.dumps({"note": note, "usage": records(frame), "sessions": records(kept)}, indent=2, ensure_ascii=False))


def _print_usage(frame: pd.DataFrame, kept: pd.DataFrame, month: str) -> None:
    if not len(frame):
        typer.echo(f"Nothing in {month}: no session of ours was connected.")
        return
    if sys.stdout.isatty():
        for row in frame.to_dict("records"):
            _print_card(row, month)
    else:
        _print_table(frame)
    counting = int((~kept["connected"]).sum()) if len(kept) else 0
    if counting:
        are = "1 session without a connection still counts" if counting == 1 else f"{counting} sessions without a connection still count"
        _remark(f"{are}: honeyframe usage --sessions lists them")


def _known(value: Any) -> bool:
    return value is not None and value == value and str(value) != "<NA>"


def _print_card(row: Mapping[Hashable, Any], month: str) -> None:
    from ..traffic_meter import size_text

    width = terminal.width()
    title = str(row["broker"]) + ("" if row["month"] == month else f"  {row['month']}")
    typer.secho(terminal.shorten(terminal.printable(title), width), bold=True)
    used = size_text(row["wire_bytes"])
    if _known(row["plan_bytes"]):
        share = float(row["share"])
        colour = "red" if share >= 1 else "yellow" if _over(row) else "green"
        typer.secho(f"  {_bar(share, min(_BAR, width - 12))} {share:.0%}", fg=colour)
        used += f" of {size_text(row['plan_bytes'])}"
    lines = [
        used + (", estimated" if row["estimated_bytes"] else ""),
        f"{size_text(row['projected_bytes'])} by the month's end at this pace" if _projects(row) else "",
        _both_ways("wire", row),
        _both_ways("mqtt", row),
        f"connected {row['connects']:,} time{'' if row['connects'] == 1 else 's'}",
        _sessions(row),
    ]
    for line in filter(None, lines):
        typer.echo(terminal.shorten(f"  {line}", width))


def _both_ways(layer: str, row: Mapping[Hashable, Any]) -> str:
    from ..traffic_meter import size_text

    return f"{layer}  in {size_text(row[f'{layer}_bytes_in'])}, out {size_text(row[f'{layer}_bytes_out'])}"


def _over(row: Mapping[Hashable, Any]) -> bool:
    return _known(row["plan_bytes"]) and _known(row["projected_bytes"]) and row["projected_bytes"] >= row["plan_bytes"]


def _projects(row: Mapping[Hashable, Any]) -> bool:
    return _known(row["projected_bytes"]) and _known(row["sessions"])


def _sessions(row: Mapping[Hashable, Any]) -> str:
    limit = f" of {row['plan_connections']:,}" if _known(row["plan_connections"]) else ""
    now = f"{row['sessions']:,}{limit} now, " if _known(row["sessions"]) else ""
    return f"sessions: {now}at most {row['most_sessions']:,}"


def _bar(share: float, width: int) -> str:
    full, empty = "█", "░"
    try:
        (full + empty).encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        full, empty = "#", "-"
    filled = min(width, round(share * width))
    return full * filled + empty * (width - filled)


def _print_table(frame: pd.DataFrame) -> None:
    from ..traffic_meter import size_text

    head = ["month", "broker", "mqtt in", "mqtt out", "wire in", "wire out", "projected", "plan", "share", "max sessions"]
    rows = [head]
    for row in frame.to_dict("records"):
        sizes = [size_text(row[name]) for name in ("mqtt_bytes_in", "mqtt_bytes_out", "wire_bytes_in", "wire_bytes_out")]
        projected = size_text(row["projected_bytes"]) if _projects(row) else "-"
        has_plan = _known(row["plan_bytes"])
        plan, share = (size_text(row["plan_bytes"]), f"{float(row['share']):.0%}") if has_plan else ("-", "-")
        rows.append([row["month"], terminal.printable(row["broker"]), *sizes, projected, plan, share, str(row["most_sessions"])])
    _print_columns(rows)


def _print_sessions(kept: pd.DataFrame) -> None:
    if not len(kept):
        typer.echo("No broker keeps a session of ours that we know of.")
        return
    rows = [["broker", "client id", "MQTT", "expires", "last connected"]]
    for row in kept.to_dict("records"):
        if row["connected"]:
            expires = "connected now"
        elif _known(row["expires"]):
            expires = row["expires"].strftime("%Y-%m-%d %H:%M UTC")
        else:
            expires = "never" if _known(row["expiry_seconds"]) else "unknown"
        last = row["last_connected"].strftime("%Y-%m-%d %H:%M UTC")
        rows.append([terminal.printable(str(text)) for text in (row["broker"], row["client_id"], row["protocol"], expires, last)])
    _print_columns(rows)
    _remark("honeyframe usage end CLIENT_ID ends one.")


def _print_columns(rows: list[list[str]]) -> None:
    """As a table; where a terminal is too narrow for it, a line a cell."""
    widths = [max(terminal.cells(row[i]) for row in rows) for i in range(len(rows[0]))]
    width = terminal.width()
    if sys.stdout.isatty() and sum(widths) + 2 * len(widths) > width:
        for row in rows[1:]:
            typer.secho(terminal.shorten(row[0], width), bold=True)
            for name, text in zip(rows[0][1:], row[1:], strict=True):
                typer.echo(terminal.shorten(f"  {name}: {text}", width))
        return
    for row in rows:
        cells = [text + " " * (wide - terminal.cells(text)) for text, wide in zip(row, widths, strict=True)]
        typer.echo("  ".join(cells).rstrip())
