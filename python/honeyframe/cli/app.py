"""The command ``honeyframe``: its subcommands, and how each of them ends.

Only typer is imported here; pandas and the rest wait until a subcommand needs them, so that ``--help`` answers at once.
"""

from __future__ import annotations

import sys
from typing import Annotated, NoReturn

import typer

from .demo import demo
from .ending import ExitCode, ends_well
from .read import read
from .topics import topics

app = typer.Typer(
    name="honeyframe",
    help="JSON from HiveMQ, or any MQTT broker, as a typed pandas DataFrame.",
    epilog="Exit codes: 0 done; 1 failed; 2 wrong usage; 3 no messages arrived; 130 interrupted.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # a traceback with local variables would show passwords
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(ends_well(demo))
app.command()(ends_well(read))
app.command()(ends_well(topics))


def _print_version(wanted: bool) -> None:
    if wanted:
        import honeyframe

        typer.echo(f"honeyframe {honeyframe.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    pass


def main() -> NoReturn:
    """Run the command line with ``sys.argv``; ends the process with one of :class:`ExitCode`."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")  # a topic that the locale cannot spell is no reason to stop
    try:
        app(prog_name="honeyframe")
    except KeyboardInterrupt:  # before a subcommand began, or a second one while it was ending
        sys.exit(ExitCode.interrupted)
    sys.exit(ExitCode.ok)
