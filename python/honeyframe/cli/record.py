"""``honeyframe record``: what a broker sends, into Parquet, for as long as one likes."""

from __future__ import annotations

import hashlib
import os
import socket
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
    from ..prepared_recorder import RecorderOptions, prepare
    from ..uri import read_address

    limit = None if seconds is None else options.duration(seconds)
    kept = options.duration(keep_session, "--keep-session")
    chosen = RecorderOptions(
        patterns=patterns or None,
        raw=not no_raw,
        rotate_rows=rotate_rows,
        rotate_seconds=options.duration(rotate, "--rotate"),
        spool=spool,
        takeover=takeover,
        extraction={} if event_time is None else {"event_time": event_time},
        stream_options={"qos": qos, "retained": options.retained(no_retained, retained_only), "spool_max_bytes": spool_max},
    )
    access = access.resolved()
    session: dict[str, Any] = {"clean_start": False, "session_expiry": kept} if kept > 0 else {}
    if kept > 0 and "client_id" not in access.options:
        session["client_id"] = client_id_of(output)
    client_id = {**access.options, **session}["client_id"] if kept > 0 else ""
    broker = read_address(access.uri).display
    # Whatever can be refused is refused before there is a connection: it takes what the broker has kept.
    with prepare(broker, output, access.topics, chosen, session=client_id) as prepared, access.connect(**session) as client:
        recorder = prepared.start(client)
        granted = ", ".join(f"{name} (QoS {level})" for name, level in zip(recorder.filters, recorder.granted_qos, strict=True))
        complain("note", f"recording {granted} to {recorder.path}")
        return _wait(recorder, limit)


def _wait(recorder: Recorder, seconds: float | None) -> ExitCode:
    code = ExitCode.ok
    try:
        recorder.wait(seconds)
    except KeyboardInterrupt:
        code = ExitCode.interrupted
    finally:
        stats = recorder.stats()
        if recorder.recording:
            stats = recorder.stop()
        typer.echo(str(stats), err=True)
    return code


def client_id_of(path: str) -> str:
    """The same for each run on this machine with this path."""
    place = path if "://" in path else os.fspath(Path(path).absolute())
    return f"honeyframe-record-{hashlib.sha256(f'{socket.gethostname()}:{place}'.encode()).hexdigest()[:12]}"
