"""``honeyframe read``: messages from any broker as a table on the terminal, or into a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import options
from .ending import ExitCode, complain

if TYPE_CHECKING:
    from .reading import Reading


def read(
    uri: options.Uri,
    topics: Annotated[
        list[str],
        typer.Argument(metavar="TOPIC", help="Topic filters, or templates: 'plant/{line}/telemetry' makes a column of the level."),
    ],
    seconds: Annotated[
        str | None, typer.Option("--seconds", "-s", help="Read for so long (2.5, 10min). Default 10; with --rows there is no limit.")
    ] = None,
    rows: Annotated[int | None, typer.Option("--rows", "-n", min=1, help="Stop at so many rows.")] = None,
    columns: Annotated[str | None, typer.Option("--columns", "-c", help="Read only these, separated by commas.")] = None,
    event_time: Annotated[str | None, typer.Option("--event-time", help="The key that holds the time of measurement.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write to this file (.parquet, .arrow, .csv, .jsonl); - is standard output.")
    ] = None,
    format_name: Annotated[
        str | None, typer.Option("--format", "-f", help="parquet, arrow, csv or jsonl, whatever the file's name")
    ] = None,
    username: options.Username = None,
    password: options.Password = None,
    password_file: options.PasswordFile = None,
    ca_file: options.CaFile = None,
    insecure: options.Insecure = False,
    protocol: options.Protocol = "auto",
) -> ExitCode:
    """Read messages as a table, and print it or write it to a file.

    Ctrl-C ends the reading, and so does the session's end; what was read by then is still printed or written. The password comes from
    --password-file, $MQTT_PASSWORD, $MQTT_PASSWORD_FILE, the keyring, or a hidden prompt.
    """
    from .output import STDOUT, choose_format

    if format_name is not None and output is None:
        output = STDOUT
    chosen = None if output is None else choose_format(output, format_name)
    access = options.connection(
        uri=uri, username=username, password=password, password_file=password_file, ca_file=ca_file, insecure=insecure, protocol=protocol
    )
    limit = options.duration(seconds) if seconds is not None else None if rows is not None else 10.0

    from ..connection import connect_hidden
    from ..options import warn_of_event_time, warn_of_missing
    from ..source import open_stream, plan_with_defaults
    from .reading import nothing_arrived, read_stream

    names = None if columns is None else [name.strip() for name in columns.split(",") if name.strip()]
    if names == []:
        raise typer.BadParameter("--columns names no column: leave it out to read all")
    plan = plan_with_defaults(topics, {"columns": names, "event_time": event_time})
    with connect_hidden({"uri": uri, "password": password}, access) as client, open_stream(client, plan) as stream:
        reading = read_stream(stream, seconds=limit, rows=rows)
        if not len(reading.table):
            if reading.exit_code is not ExitCode.ok:
                return reading.exit_code
            complain("error", nothing_arrived(stream, reading.stats, limit))
            _tell_quarantine(reading)
            return ExitCode.no_messages
    warn_of_event_time(event_time, reading.table, ".")
    warn_of_missing(names or (), reading.table.column_names, ".")
    if output is not None and chosen is not None:
        _write(reading, output, chosen)
    else:
        _print(reading)
    return reading.exit_code


def _write(reading: Reading, output: Path, format_name: str) -> None:
    from ..arguments import count_of
    from .output import STDOUT, write

    write(reading.table, output, format_name)
    if output != STDOUT:
        typer.echo(f"{count_of(len(reading.table), 'row')} in {output}", err=True)
    _tell_losses(reading)


def _print(reading: Reading) -> None:
    from . import terminal

    typer.echo(terminal.fitted(reading.table.to_pandas(), columns=terminal.width(), rows=20))
    _tell_losses(reading)


def _tell_losses(reading: Reading) -> None:
    """Every message that is not in the table, by its counter; nothing where there is none."""
    stats = reading.stats
    if stats.dropped or stats.rejected or stats.quarantined:
        complain("note", str(stats))
    _tell_quarantine(reading)


def _tell_quarantine(reading: Reading) -> None:
    if not reading.stats.quarantined:
        return
    from ..quarantine import quarantine_summary

    complain("note", quarantine_summary(reading.quarantine, reading.stats.quarantined))
