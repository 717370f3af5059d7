"""The command ``honeyframe``: its subcommands, and how each of them ends.

Only typer is imported here; pandas and the rest wait until a subcommand needs them, so that ``--help`` answers at once.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated, NoReturn

import typer

from .catalog import catalog
from .dashboard import dashboard
from .demo import demo
from .doctor import doctor
from .ending import ExitCode, ends_well, report, usage_error
from .help import App
from .profile import profile
from .pub import pub
from .read import read
from .record import record
from .replay import replay
from .simulate import simulate
from .sub import sub
from .terminal import wants_colour
from .topics import topics
from .usage import usage_app

app = App(
    name="honeyframe",
    help="JSON from HiveMQ, or any MQTT broker, as a typed pandas DataFrame.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # a traceback with local variables would show passwords
)
app.command()(ends_well(catalog))
app.command()(ends_well(dashboard))
app.command()(ends_well(demo))
app.command()(ends_well(doctor))
app.command()(ends_well(read))
app.command()(ends_well(record))
app.command()(ends_well(replay))
app.command()(ends_well(sub))
app.command()(ends_well(pub))
app.add_typer(profile)
app.command()(ends_well(simulate))
app.add_typer(usage_app, name="usage")
app.command()(ends_well(topics))


def _print_version(wanted: bool) -> None:
    if wanted:
        import honeyframe

        typer.echo(f"honeyframe {honeyframe.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    if not wants_colour():
        context.color = False


def main() -> NoReturn:
    """Run the command line with ``sys.argv``; ends the process with one of :class:`ExitCode`."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by the shell, >&-: a socket must not get its number
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w"))
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")  # a topic that the locale cannot spell is no reason to stop
    try:
        code = app(prog_name="honeyframe", standalone_mode=False)
    except KeyboardInterrupt:  # before a subcommand began, or a second one while it was ending
        sys.exit(ExitCode.interrupted)
    except typer.Abort:  # Ctrl-C, or the end of the input, at a question
        sys.exit(ExitCode.interrupted)
    except OSError as error:  # of --install-completion
        sys.exit(report(error))
    except Exception as error:
        sys.exit(usage_error(error))
    sys.exit(code or ExitCode.ok)
