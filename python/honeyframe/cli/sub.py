"""``honeyframe sub``: messages as they come, as mosquitto's lines, JSON lines, CSV, or a table of typed columns."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import select
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from . import options, terminal
from .ending import ExitCode, complain
from .output import standard_output

if TYPE_CHECKING:
    from ..frame import Batch
    from ..stream import Stream

_AGE: Final = 0.05  # how long a message waits for others to go with it
_CSV_AGE: Final = 1.0  # of the first rows, whose columns are the header
_BATCH_ROWS: Final = 20_000
_PLAIN: Final = re.compile(r"[^\x20-\x7e\n]")


@options.with_broker(topics="many")
def sub(
    access: options.Access,
    count: Annotated[int | None, options.count_option("End after so many messages (rows, if typed).")] = None,
    seconds: Annotated[str | None, options.seconds_option("End after so long: 2.5, 10min.")] = None,
    idle: Annotated[str | None, typer.Option("--exit-after", metavar="SECONDS", help="End when no message has come for so long.")] = None,
    qos: options.Qos = 1,
    no_retained: options.NoRetained = False,
    retained_only: options.RetainedOnly = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="The topic in front of each payload.")] = False,
    format_text: Annotated[
        str | None, typer.Option("--format", "-F", metavar="FORMAT", help="As mosquitto's: %t %p %q %r %l %x %I %U %j %J ...")
    ] = None,
    no_newline: Annotated[bool, typer.Option("--no-newline", "-N", help="No newline behind a payload.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="A line of JSON each: topic, time, qos, retain, payload.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Typed columns, as `read` has them, as CSV.")] = False,
    as_table: Annotated[bool, typer.Option("--table", help="Typed columns as a table that goes on.")] = False,
    columns: options.Columns = None,
    event_time: Annotated[str | None, typer.Option("--event-time", metavar="KEY", help="Typed: the key that holds the time.")] = None,
) -> ExitCode:
    """Print messages as they come, a payload a line.

    It ends with Ctrl-C, or as -C, -W and --exit-after say. A topic may be a template, whose levels are columns of --csv and --table. On a
    terminal control characters are spelled out; piped, bytes are as they came.
    """
    shape = _shape(
        typed={"--csv": as_csv, "--table": as_table},
        raw={"-F": format_text is not None, "--json": as_json, "-v": verbose},
        columns=columns,
        event_time=event_time,
    )
    limit = None if seconds is None else options.duration(seconds)
    idle_seconds = None if idle is None else options.duration(idle, "--exit-after")
    retained = options.retained(no_retained, retained_only)
    if shape in ("--csv", "--table"):
        printer, extraction, age = _typed(shape, options.column_names(columns) or [], event_time)
    else:
        printer, extraction, age = _raw(shape, format_text, newline=not no_newline), {}, _AGE
        extraction = {"payload": "raw", "metadata": printer.metadata}

    from ..client import longest_block
    from ..durations import seconds as to_seconds
    from ..errors import MessagesDroppedWarning
    from ..source import open_stream, plan_with_defaults

    warnings.simplefilter("ignore", MessagesDroppedWarning)  # told at the end, with all counters
    # A burst is let in as fast as it is written: the broker waits, as it does for mosquitto_sub.
    broker = access.resolved()
    patience = longest_block(to_seconds(broker.options.get("keepalive", 30.0), "keepalive"))
    how = {"qos": qos, "retained": retained, "overflow": "block", "block_timeout": patience, **extraction}
    plan = plan_with_defaults(access.topics, how)
    with broker.connect() as client, open_stream(client, plan) as stream:
        return _print(stream, printer, count=count, seconds=limit, idle_seconds=idle_seconds, age=age)


def _shape(*, typed: dict[str, bool], raw: dict[str, bool], columns: str | None, event_time: str | None) -> str:
    """The flag that says how messages are shown; empty where none does."""
    given = [name for name, is_there in {**typed, **raw}.items() if is_there]
    if len(given) > 1:
        raise typer.BadParameter(f"{' and '.join(given)} each say how messages are shown: one of them will do")
    shape = given[0] if given else ""
    if shape in typed:
        return shape
    for name, value in {"--columns": columns, "--event-time": event_time}.items():
        if value is not None:
            raise typer.BadParameter(f"{name} goes with --csv and --table; `honeyframe read` writes JSON lines of columns")
    return shape


@dataclass(frozen=True)
class _Printer:
    """Prints a batch of rows of a stream with these metadata."""

    show: Callable[[Batch], None]
    metadata: tuple[str, ...] = ()


def _raw(shape: str, format_text: str | None, *, newline: bool) -> _Printer:
    from . import lines

    if shape == "--json":
        made = lines.JSON_LINES
    else:
        chosen = format_text if format_text is not None else lines.VERBOSE_FORMAT if shape == "-v" else lines.PAYLOAD_FORMAT
        made = lines.compile_format(chosen, newline=newline)
    return _Printer(lambda batch: _write(made.block(batch.to_arrow())), made.metadata)


def _typed(shape: str, columns: list[str], event_time: str | None) -> tuple[_Printer, dict[str, Any], float]:
    from .rolling import CsvRows, TableRows

    extraction = {"columns": columns or None, "event_time": event_time}
    if shape == "--csv":
        rows = CsvRows(columns)
        return _Printer(lambda batch: _write(rows.block(batch.to_arrow()))), extraction, _AGE if columns else _CSV_AGE
    table = TableRows(terminal.width())
    return _Printer(lambda batch: typer.echo(table.text(batch.to_arrow()), nl=False)), extraction, _AGE


def _write(block: memoryview) -> None:
    """Bytes as they are, or, on a terminal, what of them can be shown there."""
    if sys.stdout.isatty():
        text = bytes(block).decode("utf-8", "backslashreplace")
        sys.stdout.write(_PLAIN.sub(lambda match: terminal.printable(match.group()), text))
        sys.stdout.flush()
    else:
        with standard_output() as file:
            file.write(block)


def _print(
    stream: Stream, printer: _Printer, *, count: int | None, seconds: float | None, idle_seconds: float | None, age: float
) -> ExitCode:
    shown = 0
    try:
        for batch in _batches(stream, count=count, seconds=seconds, idle_seconds=idle_seconds, age=age):
            if batch.num_rows:
                printer.show(batch)
                shown += batch.num_rows
    finally:
        _tell_losses(stream)
    if not shown:
        from .reading import nothing_arrived

        complain("error", nothing_arrived(stream, stream.stats(), seconds))
        return ExitCode.no_messages
    if count is not None and shown < count:
        complain("error", f"{shown:,} of {count:,} came" + ("" if seconds is None else f" within {seconds:g} s"))
        return ExitCode.no_messages
    return ExitCode.ok


def _batches(stream: Stream, *, count: int | None, seconds: float | None, idle_seconds: float | None, age: float) -> Iterator[Batch]:
    """As the stream has them, until whoever reads our output has gone."""
    found = stream.batches(max_rows=_BATCH_ROWS, max_seconds=age, yield_empty=True, seconds=seconds, rows=count, idle_seconds=idle_seconds)
    reader = _Reader()
    for batch in found:
        reader.check()
        yield batch


class _Reader:
    """Whoever reads our output: of a pipe that nobody reads any more a write would tell, which may be long in coming."""

    def __init__(self) -> None:
        self._poll = select.poll()
        with contextlib.suppress(OSError):  # no file of the system's: nobody can leave
            self._poll.register(sys.stdout.fileno(), 0)  # errors alone

    def check(self) -> None:
        """Raises BrokenPipeError when it has gone."""
        if any(event & (select.POLLERR | select.POLLHUP) for _, event in self._poll.poll(0)):
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


def _tell_losses(stream: Stream) -> None:
    stats = stream.stats()
    if stats.dropped or stats.rejected or stats.quarantined:
        complain("note", str(stats))
