"""How a subcommand ends: one clear sentence on stderr and an exit code; a traceback only where it was asked for."""

from __future__ import annotations

import contextlib
import enum
import functools
import logging
import os
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from typing import ParamSpec, TextIO

import typer

P = ParamSpec("P")

TRACEBACK_VARIABLE = "HONEYFRAME_TRACEBACK"  # set it to see where an error came from
STANDARD_OUTPUT = "standard output"  # by this name it is in errors

# What a session tells that no exception or warning tells as well.
_TOLD_BY_LOG = frozenset({"connection_lost", "retrying", "resubscribed", "refused", "taken_over", "subscribe_refused"})


# What messages of the library call an argument, and the command line an option.
_AS_OPTIONS = {'protocol="5.0"': "-V 5.0", "overwrite=True": "--force"}


class ExitCode(enum.IntEnum):
    """What the shell gets."""

    ok = 0  # also when whoever reads our output has seen enough
    error = 1
    usage = 2
    no_messages = 3
    interrupted = 130  # 128 + SIGINT, as shells have it


def ends_well(command: Callable[P, ExitCode]) -> Callable[P, None]:
    """``command`` with every way of ending made an exit code, and warnings made lines on stderr."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        with _told_on_stderr():
            code = _run(functools.partial(command, *args, **kwargs))
        raise typer.Exit(int(code))

    return run


def _run(command: Callable[[], ExitCode]) -> ExitCode:
    try:
        code = command()
        sys.stdout.flush()  # here, where a closed pipe can still be answered
        return code
    except KeyboardInterrupt:
        return ExitCode.interrupted
    except BrokenPipeError:
        _let_go_of_output()
        return ExitCode.ok
    except (typer.Exit, typer.Abort, typer.BadParameter):
        raise
    except Exception as error:
        return report(error)


def _let_go_of_output() -> None:
    """What it has not taken is not tried again: the interpreter would complain when it does so at its end."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _of_output(error: Exception) -> Exception:
    """The error of standard output, where that takes nothing any more; else ``error``."""
    try:
        sys.stdout.flush()
    except OSError as broken:
        broken.filename = STANDARD_OUTPUT
        _let_go_of_output()
        return broken
    return error


def usage_error(error: Exception) -> ExitCode:
    """What the parser of the command line did not understand, as a sentence. Anything else is raised again."""
    tell = getattr(error, "format_message", None)
    if tell is None:
        raise error
    context = getattr(error, "ctx", None)
    place = context.command_path if context is not None else "honeyframe"
    if type(error).__name__ == "NoArgsIsHelpError" and context is not None:
        typer.echo(context.get_help())
        return ExitCode.usage
    told = tell().removeprefix("Invalid value: ")
    meant = "-h takes the broker's host; help is " if told.startswith("Option '-h'") else ""
    complain("error", f"{told}\n  hint: {meant}{place} --help")
    return ExitCode.usage


def report(error: Exception) -> ExitCode:
    """An error as a sentence, below its traceback where that is asked for."""
    from ..errors import HoneyframeError, InvalidArgumentError

    error = _of_output(error)
    if os.environ.get(TRACEBACK_VARIABLE):
        complain("traceback", "".join(traceback.format_exception(error)).rstrip())
    if isinstance(error, HoneyframeError):
        complain("error", _as_options(str(error)))
        return ExitCode.usage if isinstance(error, InvalidArgumentError) else ExitCode.error
    if isinstance(error, ModuleNotFoundError):
        complain("error", str(error))
    elif isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        complain("error", place + _as_options(str(error.strerror or error)))
    else:
        complain("error", f"unexpected {type(error).__name__}: {error}\n  hint: set {TRACEBACK_VARIABLE}=1 to see where")
    return ExitCode.error


def _as_options(text: str) -> str:
    for argument, option in _AS_OPTIONS.items():
        text = text.replace(argument, option)
    return text


def complain(kind: str, text: str) -> None:
    """``kind: text`` on stderr, in colour on a terminal. Control characters are spelled out: topics and brokers' words end up here."""
    from ..errors import without_credentials
    from .terminal import printable, wants_colour

    colour = None if wants_colour() else False  # None: on a terminal
    with contextlib.suppress(BrokenPipeError):
        head = typer.style(f"{kind}: ", fg="red" if kind == "error" else "yellow")
        typer.echo(head + printable(without_credentials(text)), err=True, color=colour)  # in one piece: other threads tell as well


@contextlib.contextmanager
def _told_on_stderr() -> Iterator[None]:
    """Warnings as one line each, and a session's troubles as they happen."""

    def show(
        message: Warning | str, category: type[Warning], filename: str, lineno: int, file: TextIO | None = None, line: str | None = None
    ) -> None:
        from ..errors import HoneyframeWarning

        if issubclass(category, HoneyframeWarning):
            complain("warning", str(message))

    handler = _EventHandler()
    logger = logging.getLogger("honeyframe")
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        warnings.showwarning = show
        logger.addHandler(handler)
        try:
            yield
        finally:
            logger.removeHandler(handler)


class _EventHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        if getattr(record, "honeyframe_event", "") in _TOLD_BY_LOG and record.levelno >= logging.WARNING:
            complain("note", record.getMessage())
