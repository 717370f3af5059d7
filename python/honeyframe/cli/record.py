"""``honeyframe record``: what a broker sends, into Parquet, for as long as one likes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import options
from .ending import ExitCode, complain

if TYPE_CHECKING:
    from ..recorder import Recorder


@options.with_broker(topics="many")
def record(
    access: options.Access,
    output: Annotated[str, typer.Option("--output", "-o", metavar="PATH", help="A directory, or s3://bucket/path and the like.")],
    seconds: Annotated[str | None, options.seconds_option("Record for so long (2.5, 10min).")] = None,
    patterns: Annotated[list[str] | None, typer.Option("--pattern", metavar="TOPIC", help="A finer partition; may be repeated.")] = None,
    event_time: Annotated[
        str | None, typer.Option("--event-time", metavar="KEY", help="The key that holds the time of measurement.")
    ] = None,
    qos: options.Qos = 1,
    no_retained: options.NoRetained = False,
    retained_only: options.RetainedOnly = False,
    no_raw: Annotated[bool, typer.Option("--no-raw", help="Do not keep payloads: no replay.")] = False,
    rotate: Annotated[str, typer.Option("--rotate", metavar="SECONDS", help="New files after so long.")] = "10min",
    rotate_rows: Annotated[int, typer.Option("--rotate-rows", metavar="COUNT", min=1, help="New files after so many rows.")] = 1_000_000,
    keep_session: Annotated[
        str, typer.Option("--keep-session", metavar="SECONDS", help="The broker collects for so long while no recorder runs; 0: not.")
    ] = "1d",
    spool: Annotated[Path | None, typer.Option("--spool", metavar="DIRECTORY", help="Where messages wait; default in PATH.")] = None,
    spool_max: Annotated[int, typer.Option("--spool-max-bytes", metavar="BYTES", min=1 << 20, help="Of the spool.")] = 1 << 30,
    takeover: Annotated[bool, typer.Option("--takeover", help="Go on with another broker's, machine's or topics.")] = False,
) -> ExitCode:
    """Record to Parquet: each message exactly once in the files, also when it is killed; the next run goes on.

    The session has a client id made of this machine's name and PATH, unless -i says another, and the broker keeps it. Ctrl-C and SIGTERM
    end it cleanly.
    """
    from ..prepared_recorder import recorder_options
    from ..recording_session import open_recorder

    limit = None if seconds is None else options.duration(seconds)
    kept = options.duration(keep_session, "--keep-session")
    how: dict[str, Any] = {"patterns": patterns or None, "qos": qos, "raw": not no_raw, "takeover": takeover, "rotate_rows": rotate_rows}
    how |= {"rotate_seconds": options.duration(rotate, "--rotate"), "retained": options.retained(no_retained, retained_only)}
    how |= {"spool": spool, "spool_max_bytes": spool_max} | ({"event_time": event_time} if event_time is not None else {})
    connection = {**access.options, "clean_start": kept <= 0, "session_expiry": kept}
    recorder = open_recorder(access.secrets, connection, output, access.topics, recorder_options(how))
    granted = ", ".join(f"{name} (QoS {level})" for name, level in zip(recorder.filters, recorder.granted_qos, strict=True))
    return _wait(recorder, f"recording {granted} to {recorder.path}", limit)


def _wait(recorder: Recorder, told: str, seconds: float | None) -> ExitCode:
    from ..recorder import terminated_by

    code = ExitCode.ok
    try:
        with terminated_by(recorder._thread):  # from the word that it records on
            complain("note", told)
            recorder.wait(seconds)
    except KeyboardInterrupt:
        code = ExitCode.interrupted
    finally:
        stats = recorder.stop()
        typer.echo(str(stats), err=True)
    return code
