"""``honeyframe topics``: which topics there are, as a tree that lives on a terminal, a plain table when piped, or JSON lines."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..arguments import count_of
from . import options
from .ending import ExitCode, complain

if TYPE_CHECKING:
    import pyarrow as pa

    from ..topic_tree import TopicTree
    from ..topics_seen import Watching

_FINAL_LINES = 200  # of the tree that stays on the terminal
_NAME_WIDTH = 60  # of the table's first column, at most padded to
_HEADER = ("topic", "messages", "rate", "bytes", "flags", "last payload")


@options.with_broker(topics="optional")
def topics(
    access: options.Access,
    seconds: Annotated[str | None, options.seconds_option("Look for so long (2.5, 10min). Default 10; with -C no limit.")] = None,
    count: Annotated[int | None, options.count_option("Stop after so many messages.")] = None,
    max_topics: Annotated[
        int, typer.Option("--max-topics", metavar="COUNT", min=1, help="Rows for so many topics; others are counted.")
    ] = 100_000,
    qos: options.Qos = 1,
    as_json: Annotated[bool, typer.Option("--json", help="A line of JSON for each topic.")] = False,
) -> ExitCode:
    """See which topics there are, how much comes to each, and what came last.

    Ctrl-C ends the looking; what was seen by then is still shown. Flags in the table: R retained, S fell silent, F floods.
    """
    limit = options.duration(seconds) if seconds is not None else None if count is not None else options.DEFAULT_SECONDS

    from ..topics_seen import Watching, no_place, nothing_seen, plan_watch, seen_table, tree_of

    plan = plan_watch(access.topics or "#", limit, messages=count, qos=qos, max_topics=max_topics)
    draws = not as_json and sys.stdout.isatty()
    with access.connect() as client, Watching(client, plan) as watching:
        interrupted = _watch(watching)
        tree = tree_of(watching) if draws else None
        table, account = seen_table(watching)
        if not table.num_rows:
            if interrupted:
                return ExitCode.interrupted
            complain("error", nothing_seen(watching, account))
            return ExitCode.error if watching.error else ExitCode.no_messages
        if as_json:
            _print_json(table)
        elif tree is not None:
            _print_tree(tree)
        else:
            _print_table(table)
    if account["unplaced_messages"]:
        complain("note", no_place(account).partition(":")[0] + ": give it --max-topics, or look narrower")
    if account["dropped"] or account["rejected"]:
        complain("note", f"{count_of(account['dropped'], 'message')} dropped and {account['rejected']:,} rejected before they were counted")
    if watching.error is not None:
        complain("error", str(watching.error))
        return ExitCode.error
    return ExitCode.interrupted if interrupted else ExitCode.ok


# --- on a terminal


def _console() -> Any:
    import rich.console

    from . import terminal

    return rich.console.Console(width=terminal.width(), highlight=False, markup=False, emoji=False)


def _watch(watching: Watching) -> bool:
    """Watches, and draws on a terminal: on stderr where stdout goes elsewhere."""
    import rich.console

    from ..topic_tree import TerminalView
    from ..topics_seen import watch

    if sys.stdout.isatty():
        console = _console()
    elif sys.stderr.isatty():
        console = rich.console.Console(stderr=True, highlight=False, markup=False, emoji=False)
    else:
        return watch(watching, look=None, returns=True)
    with TerminalView(console) as view:
        return watch(watching, look=view.show, returns=True)


def _print_tree(tree: TopicTree) -> None:
    from ..topic_tree import Rates, draw

    console, rates = _console(), Rates()
    rates.look(tree)
    console.print(draw(tree, console, rates, most_lines=_FINAL_LINES))


# --- piped


def _print_table(table: pa.Table) -> None:
    from .terminal import printable

    names = [printable(name).replace("\n", "\\n") for name in table.column("topic").to_pylist()]
    width = min(_NAME_WIDTH, max(map(len, (*names, _HEADER[0]))))
    typer.echo(f"{_HEADER[0]:<{width}}  {_HEADER[1]:>9}  {_HEADER[2]:>9}  {_HEADER[3]:>12}  {_HEADER[4]:<5}  {_HEADER[5]}")
    start = 0
    for batch in table.select(["messages", "rate", "bytes", "retained", "silent", "floods", "last_payload"]).to_batches(10_000):
        for name, row in zip(names[start : start + batch.num_rows], batch.to_pylist(), strict=True):
            flags = "".join(letter for letter, column in (("R", "retained"), ("S", "silent"), ("F", "floods")) if row[column])
            payload = printable(row["last_payload"]).replace("\n", "\\n")
            line = f"{name:<{width}}  {row['messages']:>9}  {row['rate']:>9.2f}  {row['bytes']:>12}  {flags:<5}  {payload}"
            typer.echo(line.rstrip())
        start += batch.num_rows


def _print_json(table: pa.Table) -> None:
    from .output import to_json

    for batch in table.to_batches(10_000):
        for row in batch.to_pylist():
            typer.echo(to_json(row))
