"""``honeyframe demo``: from nothing to a DataFrame, with a broker and a plant of its own, or from any broker."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..credentials import Secret
from . import options, terminal
from .ending import ExitCode, complain

if TYPE_CHECKING:
    import pandas as pd

    from ..client import Client
    from ..stream import Stream
    from .reading import Reading

PLANT = "plant/{line}/{kind}"
_SHOWN_QUARANTINED = 3
_TELLING = ["line", "temperature", "pressure", "humidity", "running", "location.hall", "location.bay"]


def demo(
    uri: Annotated[
        Secret | None, typer.Option("--uri", help="Read from this broker instead. Nothing is published there.", parser=options.hide)
    ] = None,
    topics: Annotated[
        list[str] | None, typer.Option("--topic", "-t", help="Topic filter or template; with --uri the default is '#', every topic.")
    ] = None,
    seconds: Annotated[str, typer.Option("--seconds", "-s", help="Read for so long.")] = "5",
    rows: Annotated[int | None, typer.Option("--rows", "-n", min=1, help="Stop at so many rows.")] = None,
    rate: Annotated[float, typer.Option("--rate", min=1.0, max=1000.0, help="Messages a second of the simulated plant.")] = 50.0,
    simulate: Annotated[bool, typer.Option("--simulate", help="With --uri: publish the simulated plant there, under plant/.")] = False,
    username: options.Username = None,
    password: options.Password = None,
    password_file: options.PasswordFile = None,
    ca_file: options.CaFile = None,
    insecure: options.Insecure = False,
    protocol: options.Protocol = "auto",
) -> ExitCode:
    """See JSON messages become a typed DataFrame.

    Without --uri it starts a small broker on this machine and a simulated plant that publishes to it, and ends both again.
    """
    access = options.connection(
        uri=uri, username=username, password=password, password_file=password_file, ca_file=ca_file, insecure=insecure, protocol=protocol
    )
    limit = options.duration(seconds)
    if uri is None:
        given = {"--username": username, "--password": password, "--password-file": password_file, "--ca-file": ca_file}
        _tell_of_no_use([*(name for name, value in given.items() if value is not None), *["--insecure"][: int(insecure)]], simulate)
    from ..arguments import count_of
    from ..errors import ConflictWarning
    from ..source import open_stream, plan_with_defaults
    from .reading import nothing_arrived, read_stream

    warnings.simplefilter("ignore", ConflictWarning)  # shown below, with the value
    simulated = uri is None or simulate
    wanted = topics or [PLANT if simulated else "#"]
    plan = plan_with_defaults(wanted, {"event_time": "ts" if simulated else None})
    with _broker(uri, password, access) as client, _plant(client, rate) if simulated else contextlib.nullcontext():
        address = client.uri
        if uri is None:
            typer.echo(f"A broker of our own and a simulated plant, {rate:g} messages a second.")
        _heading(f"Reading {' and '.join(wanted)} from {address} for {limit:g} s" + (f", or {count_of(rows, 'row')}" if rows else ""))
        with open_stream(client, plan) as stream:
            reading = read_stream(stream, seconds=limit, rows=rows)
            if reading.interrupted or (reading.error and not len(reading.table)):
                return reading.exit_code
            if not len(reading.table):
                complain("error", nothing_arrived(stream, reading.stats, limit))
                return ExitCode.no_messages
            _show(reading, stream)
            if reading.error:
                return reading.exit_code
    _show_next_steps(address if uri else "mqtts://<cluster>.s1.eu.hivemq.cloud", wanted, foreign=uri is not None)
    return ExitCode.ok


def _tell_of_no_use(given: list[str], simulate: bool) -> None:
    """Of options that say how to reach a broker, where none was named."""
    if given:
        complain("note", f"{', '.join(given)}: of no use without --uri, which names the broker they are for")
    if simulate:
        complain("note", "--simulate: of no use without --uri; the broker of our own has the simulated plant in any case")


@contextlib.contextmanager
def _broker(uri: Secret | None, password: Secret | None, access: dict[str, Any]) -> Iterator[Client]:
    """A client of the broker at ``uri``, or of an embedded one."""
    if uri is not None:
        from ..connection import connect_hidden

        with connect_hidden({"uri": uri, "password": password}, access) as client:
            yield client
        return
    import honeyframe as hf

    from ..embedded_broker import EmbeddedBroker

    # A name and a password of no worth: the user's own, from the environment, are for another broker.
    with EmbeddedBroker() as broker, hf.connect(broker.uri, username="demo", password="demo", protocol=access["protocol"]) as client:
        yield client


@contextlib.contextmanager
def _plant(client: Client, rate: float) -> Iterator[None]:
    from ..simulator import PlantSimulator

    with PlantSimulator(client, rate=rate) as plant:
        try:
            yield
        finally:
            plant.close()
            with contextlib.suppress(Exception):  # somebody else's broker is left as it was found; an embedded one goes anyway
                plant.clear_retained()
    if plant.error is not None:
        complain("note", f"the simulated plant stopped early: {plant.error}")


def _show(reading: Reading, stream: Stream) -> None:
    width = terminal.width()
    frame = reading.table.to_pandas()
    typer.echo(terminal.fitted(frame, columns=width, rows=8))
    if "kind" in frame.columns and (frame["kind"] == "telemetry").any():
        _show_telemetry(frame, width)
    _heading("Its dtypes")
    for name, dtype in zip(frame.columns, frame.dtypes, strict=True):
        typer.echo(terminal.shorten(f"{terminal.printable(str(name)).replace(chr(10), ' '):<22} {dtype}", width))
    _heading("Every message is accounted for")
    typer.echo(str(reading.stats))
    _show_odd_values(frame, reading)
    _show_quarantine(stream.quarantine(), width)


def _show_telemetry(frame: pd.DataFrame, width: int) -> None:
    """The plant's most telling part, without the columns that would push the measurements off the screen."""
    _heading("The telemetry among it")
    telemetry = frame.loc[frame["kind"] == "telemetry", [name for name in _TELLING if name in frame.columns]]
    typer.echo(terminal.fitted(telemetry, columns=width, rows=6))


def _show_odd_values(frame: pd.DataFrame, reading: Reading) -> None:
    stats = reading.stats
    if stats.na_strings:
        typer.echo(f'{stats.na_strings:,} value(s) such as "N/A" were read as null')
    if stats.misfits and "_misfit" in frame.columns:
        first = frame["_misfit"].dropna()
        example = terminal.shorten(terminal.printable(str(first.iloc[0])), 60) if len(first) else ""
        typer.echo(f"{stats.misfits:,} value(s) did not fit their column and were kept in _misfit: {example}")


def _show_quarantine(quarantine: pd.DataFrame, width: int) -> None:
    for row in quarantine.head(_SHOWN_QUARANTINED).itertuples(index=False):
        typer.echo(terminal.shorten(terminal.printable(f"quarantined: {row.topic}: {row.reason}: {row.message}"), max(width, 60)))
    if len(quarantine) > _SHOWN_QUARANTINED:
        typer.echo(f"... and {len(quarantine) - _SHOWN_QUARANTINED:,} more in quarantine")


def _show_next_steps(uri: str, topics: list[str], *, foreign: bool) -> None:
    _heading("The same in Python" if foreign else "The same in Python, with a broker of yours")
    typer.echo("import honeyframe as hf")
    typer.echo(f"df = hf.read_mqtt({uri!r}, {topics[0]!r}, seconds=10)")
    if not foreign:
        _heading("Or on the command line")
        typer.echo(f"honeyframe demo --uri {uri}")
        typer.echo(f"honeyframe read {uri} 'plant/#' --output plant.parquet")


def _heading(text: str) -> None:
    typer.secho(f"\n{terminal.printable(text)}", bold=True)
