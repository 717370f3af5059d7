"""``honeyframe demo``: from nothing to a DataFrame, with a broker and a plant of its own, or from any broker."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

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


@options.with_broker(topics="optional", words=False, required=False, environment=False)
def demo(
    access: options.Access,
    seconds: options.Seconds = "5",
    rows: options.Count = None,
    rate: Annotated[
        float, typer.Option("--rate", metavar="NUMBER", min=1.0, max=1000.0, help="Messages a second of the simulated plant.")
    ] = 50.0,
    simulate: Annotated[bool, typer.Option("--simulate", help="With a broker of yours: publish the plant there, under plant/.")] = False,
) -> ExitCode:
    """See JSON messages become a typed DataFrame.

    Without a broker (--uri, -h, --profile) it starts a small one on this machine and a simulated plant that publishes to it, and ends both
    again. Of a broker it reads every topic, or those of -t, and publishes nothing there.
    """
    own = access.uri is None and "profile" not in access.options  # whatever the environment says
    limit = options.duration(seconds or "5")
    if own:
        _tell_of_no_use(access, simulate)
    from ..arguments import count_of
    from ..errors import ConflictWarning
    from ..source import open_stream, plan_with_defaults
    from .reading import nothing_arrived, read_stream

    warnings.simplefilter("ignore", ConflictWarning)  # shown below, with the value
    simulated = own or simulate
    wanted = list(access.topics) or [PLANT if simulated else "#"]
    plan = plan_with_defaults(wanted, {"event_time": "ts" if simulated else None})
    with _own_broker(access) if own else access.connect() as client, _plant(client, rate) if simulated else contextlib.nullcontext():
        address = client.uri
        if own:
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
    _show_next_steps("mqtts://<cluster>.s1.eu.hivemq.cloud" if own else address, wanted, foreign=not own)
    return ExitCode.ok


def _tell_of_no_use(access: options.Access, simulate: bool) -> None:
    """Of options that say how to reach a broker, where none was named."""
    flags = {"client_certificate": "--cert", "client_key": "--key"}
    given = [flags.get(name, f"--{name.replace('_', '-')}") for name in access.options if name != "protocol"]
    given += ["--password"] if access.password is not None else []
    if given:
        complain("note", f"{', '.join(given)}: of no use without --uri, which names the broker they are for")
    if simulate:
        complain("note", "--simulate: of no use without --uri; the broker of our own has the simulated plant in any case")


@contextlib.contextmanager
def _own_broker(access: options.Access) -> Iterator[Client]:
    """A client of an embedded broker."""
    import honeyframe as hf

    from ..embedded_broker import EmbeddedBroker

    # A name and a password of no worth: the user's own, from the environment, are for another broker.
    with (
        EmbeddedBroker() as broker,
        hf.connect(broker.uri, username="demo", password="demo", protocol=access.options.get("protocol")) as client,
    ):
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
