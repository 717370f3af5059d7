"""``honeyframe read``: messages from any broker as a table on the terminal, or into a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import options
from .ending import ExitCode, complain

if TYPE_CHECKING:
    from .reading import Reading


@options.with_broker(topics="many")
def read(
    access: options.Access,
    seconds: Annotated[str | None, options.seconds_option("Read for so long (2.5, 10min). Default 10; with -C no limit.")] = None,
    rows: options.Count = None,
    columns: options.Columns = None,
    event_time: Annotated[
        str | None, typer.Option("--event-time", metavar="KEY", help="The key that holds the time of measurement.")
    ] = None,
    qos: options.Qos = 1,
    no_retained: options.NoRetained = False,
    retained_only: options.RetainedOnly = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write a .parquet, .arrow, .csv or .jsonl file; - is stdout.")
    ] = None,
    format_name: Annotated[
        str | None, typer.Option("--format", "-F", "-f", metavar="FORMAT", help="parquet, arrow, csv, jsonl, whatever the name.")
    ] = None,
) -> ExitCode:
    """Read messages as a table of typed columns, and print it or write it to a file.

    A topic may be a template: 'plant/{line}/telemetry' makes a column of the level. Ctrl-C ends the reading, and so does the session's end;
    what was read by then is still printed or written.
    """
    from .output import STDOUT, choose_format

    if format_name is not None and output is None:
        output = STDOUT
    chosen = None if output is None else choose_format(output, format_name)
    limit = options.duration(seconds) if seconds is not None else None if rows is not None else options.DEFAULT_SECONDS
    names = options.column_names(columns)
    retained = options.retained(no_retained, retained_only)

    from ..options import warn_of_event_time, warn_of_missing
    from ..source import open_stream, plan_with_defaults
    from .reading import nothing_arrived, read_stream

    plan = plan_with_defaults(access.topics, {"columns": names, "event_time": event_time, "qos": qos, "retained": retained})
    with access.connect() as client, open_stream(client, plan) as stream:
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
