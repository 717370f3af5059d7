"""``honeyframe simulate``: devices that are not there, published to any broker."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..arguments import count_of
from ..credentials import Secret
from . import options, terminal
from .ending import ExitCode, complain

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..simulating import SimulationResult, Simulator
    from ..simulation import Simulation

_SHOWN_KINDS = 12


@options.with_broker(topics="none", required=False)
def simulate(
    access: options.Access,
    plant: Annotated[
        Secret | None,
        typer.Argument(metavar="PLANT.TOML", help='What to simulate; default "plant", which comes with honeyframe.', parser=options.hide),
    ] = None,
    seconds: Annotated[str | None, options.seconds_option("Publish for so long (2.5, 10min); default: until Ctrl-C.")] = None,
    messages: Annotated[int | None, options.count_option("Publish at most so many messages.", "--messages", least=0)] = None,
    rate: Annotated[
        float | None, typer.Option("--rate", metavar="NUMBER", help="Messages a second of all devices, instead of the file's.")
    ] = None,
    speed: Annotated[
        str, typer.Option("--speed", metavar="NUMBER", help='How much faster time goes: 60, or "max": as fast as the broker takes it.')
    ] = "1",
    seed: Annotated[
        int | None, typer.Option("--seed", metavar="NUMBER", min=0, help="Another seed, other values; the same seed, the same messages.")
    ] = None,
    clear: Annotated[bool, typer.Option("--clear-retained", help="At the end take the retained states back from the broker.")] = False,
    show: Annotated[bool, typer.Option("--print", help="Print the messages, topic and payload, instead of publishing them.")] = False,
    example: Annotated[bool, typer.Option("--example", help="Print the TOML of the bundled plant, to begin with, and leave.")] = False,
) -> ExitCode:
    """Publish simulated devices: drift, daily cycles, gaps, bursts, broken payloads."""
    from ..durations import seconds as to_seconds
    from ..simulation_config import BUNDLED, bundled, read_config

    if example:
        typer.echo(bundled(), nl=False)
        return ExitCode.ok
    if plant is not None and access.uri is None and "://" in plant.reveal():
        access, plant = dataclasses.replace(access, uri=plant), None
    config = read_config(_path_of(plant) if plant is not None else BUNDLED)
    limit = None if seconds is None else to_seconds(seconds, "--seconds")
    faster = _speed(speed)
    if rate is not None and not 0 < rate < math.inf:
        raise typer.BadParameter(f"--rate must be more than 0 messages a second; found {rate:g}")
    how: dict[str, Any] = {"rate": rate, "speed": faster, "seed": seed}
    if show:
        from ..simulating import Simulator

        printer = Simulator(config, _Printer(), **how)
        return _run(printer, limit, messages, lambda _: sys.stdout.flush())  # whoever reads it wants each when it is due
    from ..simulating import Simulator

    with access.connect() as client:
        simulator = Simulator(config, client, **how)
        try:
            _describe(simulator.simulation, client.uri, faster, limit)
            with _progress() as progress:
                code = _run(simulator, limit, messages, progress)
        except KeyboardInterrupt:  # before the first message
            code = ExitCode.interrupted
        result = simulator.result()
        typer.echo(str(result))
        _tell_of_retained(simulator, clear, code)
        if result.lost:
            complain("note", f"{count_of(result.lost, 'message')} lost with the connection")
    return code


def _path_of(plant: Secret) -> str:
    name = plant.reveal()
    if "://" in name:
        raise typer.BadParameter("the file comes first, then the broker's address: honeyframe simulate plant.toml mqtts://…")
    if not Path(name).exists() and name != "plant":
        raise typer.BadParameter(f"there is no file {name!r}; honeyframe simulate --example > {name} makes one to begin with")
    return name


def _speed(text: str) -> float:
    if text.strip().lower() in {"max", "inf"}:
        return math.inf
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed < math.inf:
        raise typer.BadParameter(f'--speed is a number above 0, such as 60, or "max"; found {text!r}')
    return speed


class _Printer:
    """In a client's place: a line a message, topic and payload."""

    closed = True

    def publish(self, topic: str, payload: bytes, *, qos: int = 0, retain: bool = False) -> None:
        sys.stdout.write(f"{terminal.printable(topic)} {terminal.printable(payload.decode(errors='backslashreplace'))}\n")


def _run(
    simulator: Simulator, seconds: float | None, messages: int | None, progress: Callable[[SimulationResult], None] | None
) -> ExitCode:
    try:
        simulator.run(seconds=seconds, messages=messages, progress=progress)
    except KeyboardInterrupt:
        return ExitCode.interrupted
    return ExitCode.ok


def _describe(simulation: Simulation, uri: str, speed: float, seconds: float | None) -> None:
    config, width = simulation.config, terminal.width()
    devices = f"{config.device_count:,} device{'' if config.device_count == 1 else 's'}"
    pace = "as fast as the broker takes them" if math.isinf(speed) else f"{simulation.rate * speed:,.4g} messages a second"
    faster = "" if speed == 1 or math.isinf(speed) else f", time {speed:g} times faster"
    lines = [f"{config.name}: {devices}, {pace}{faster}, seed {simulation.seed}"]
    share = simulation.rate / config.rate
    for kind in config.devices[:_SHOWN_KINDS]:
        what = f"{len(kind.topics):,} x {1 / (kind.interval / share):.3g} a second" + (", retained" if kind.retain else "")
        lines.append(f"  {kind.topic}  {what}")
    if len(config.devices) > _SHOWN_KINDS:
        lines.append(f"  … and {len(config.devices) - _SHOWN_KINDS} kinds more")
    ends = f"for {seconds:g} s; Ctrl-C ends it sooner" if seconds is not None else "until Ctrl-C"
    lines.append(f"Publishing to {uri} {ends}.")
    for line in lines:
        typer.echo(terminal.shorten(terminal.printable(line), width) if sys.stdout.isatty() else terminal.printable(line))


@contextlib.contextmanager
def _progress() -> Any:
    """A line that tells how it goes, on a terminal; None elsewhere."""
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield None
        return
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    with Live(console=Console(stderr=True), transient=True, auto_refresh=False, redirect_stdout=False, redirect_stderr=False) as live:
        yield lambda result: live.update(Text(f"{result}", overflow="ellipsis", no_wrap=True), refresh=True)


def _tell_of_retained(simulator: Simulator, clear: bool, code: ExitCode) -> None:
    topics = sum(len(kind.topics) for kind in simulator.simulation.config.devices if kind.retain)
    if not topics:
        return
    if clear:
        cleared = simulator.clear_retained()
        typer.echo(f"{cleared:,} retained state{'' if cleared == 1 else 's'} taken back from the broker")
    else:
        typer.echo(f"{topics:,} retained state{' stays' if topics == 1 else 's stay'} with the broker; --clear-retained takes them back")
