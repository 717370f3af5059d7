"""``honeyframe catalog``: what there is on a broker, by pattern; as a table, as code, as JSON Schema, or into a file."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import options
from .ending import ExitCode, complain

if TYPE_CHECKING:
    from ..catalog import Catalog


@options.with_broker(topics="optional")
def catalog(
    access: options.Access,
    seconds: Annotated[str | None, options.seconds_option("Listen for so long: 2.5, 10min.")] = "10",
    pattern: Annotated[str | None, typer.Option("--pattern", metavar="NAME", help="Show only the pattern of this name.")] = None,
    code: Annotated[bool, typer.Option("--code", help="Print Python code that reads it.")] = False,
    json_schema: Annotated[bool, typer.Option("--json-schema", help="Print JSON Schema 2020-12.")] = False,
    save: Annotated[Path | None, typer.Option("--save", metavar="FILE", help="Save it to a file, to check streams against it.")] = None,
    max_topics: Annotated[int, typer.Option("--max-topics", metavar="COUNT", min=1, help="Look at so many topics at most.")] = 10_000,
) -> ExitCode:
    """Listen for a while, and tell what there is: topics grouped into patterns, with columns and types.

    Topics are filters, by default '#', or templates, which give levels their names. Ctrl-C ends the listening early; what came by then is
    shown.
    """
    if code and json_schema:
        raise typer.BadParameter("--code and --json-schema both write to standard output: one of them at a time")
    limit = options.duration(seconds or "10")
    _check_target(save)
    from ..catalog import read_catalog
    from ..errors import NoMessagesWarning
    from ..templates import read_topics

    read_topics(access.topics or ["#"])
    interrupted: list[bool] = []
    with access.connect() as client, warnings.catch_warnings():
        warnings.simplefilter("ignore", NoMessagesWarning)
        found = read_catalog(
            client,
            access.topics,
            limit,
            max_topics=max_topics,
            samples=20,
            qos=1,
            retained="include",
            progress=None,
            on_interrupt=lambda: interrupted.append(True),
        )
    if not found:
        told = f"{', '.join(found.filters)} within {found.seconds:g} s"
        hint = "publish something while this runs, wait longer (-W 60), or look wider ('#' is every topic)"
        complain("error", f"no message arrived on {told}, not even a retained one\n  hint: {hint}")
        return ExitCode.interrupted if interrupted else ExitCode.no_messages
    if save is not None:  # first: a pipe that ends early must not cost the file
        found.save(save)
        complain("note", f"{len(found):,} pattern{'' if len(found) == 1 else 's'} in {save}")
    _print(found, pattern, code=code, json_schema=json_schema)
    return ExitCode.interrupted if interrupted else ExitCode.ok


def _check_target(save: Path | None) -> None:
    """Before ten seconds are spent on what cannot be written."""
    if save is None:
        return
    if save.is_dir():
        raise typer.BadParameter(f"--save {save}: that is a directory")
    if not save.parent.is_dir():
        raise typer.BadParameter(f"--save {save}: there is no directory {save.parent}")


def _print(found: Catalog, pattern: str | None, *, code: bool, json_schema: bool) -> None:
    from ..catalog_display import catalog_text, pattern_text
    from . import terminal

    if code:
        typer.echo(found.code(pattern), nl=False)
    elif json_schema:
        schemas = {name: found.json_schema(name) for name in found}
        typer.echo(json.dumps(schemas if pattern is None else found.json_schema(pattern), ensure_ascii=False, indent=2))
    elif pattern is not None:
        typer.echo(pattern_text(found._find(pattern), terminal.width()))
    else:
        typer.echo(catalog_text(found, terminal.width()))
