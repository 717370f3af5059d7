"""``honeyframe pub``: one message, lines of standard input, or the rows of a file."""

from __future__ import annotations

import heapq
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from . import options
from .ending import ExitCode, complain

if TYPE_CHECKING:
    from ..publishing import PublishResult
    from .row_files import Rows

_SHOWN_REFUSED: Final = 10


@options.with_broker(topics="optional one")
def pub(
    access: options.Access,
    message: Annotated[str | None, typer.Option("--message", "-m", metavar="TEXT", help="Publish this text.")] = None,
    file: Annotated[Path | None, typer.Option("--file", "-f", metavar="FILE", help="A file's bytes; - is stdin.")] = None,
    lines: Annotated[bool, typer.Option("--lines", "-l", help="A message for each line of stdin, as it comes.")] = False,
    nothing: Annotated[bool, typer.Option("--null", "-n", help="An empty message; with -r it clears the retained one.")] = False,
    source: Annotated[
        Path | None, typer.Option("--from", metavar="FILE", help="A JSON object for each row of a .csv, .parquet, .arrow, .jsonl.")
    ] = None,
    topic_column: Annotated[
        str | None, typer.Option("--topic-column", metavar="NAME", help="--from: the column that holds whole topics.")
    ] = None,
    columns: Annotated[str | None, typer.Option("--columns", "-c", metavar="A,B", help="--from: send only these.")] = None,
    qos: options.Qos = 1,
    retain: Annotated[bool, typer.Option("--retain", "-r", help="The broker keeps it for those who come later.")] = False,
    repeat: Annotated[int, typer.Option("--repeat", metavar="COUNT", min=1, help="Publish it so many times.")] = 1,
    rate: Annotated[float | None, typer.Option("--rate", metavar="NUMBER", help="Messages a second, at most.")] = None,
    ack_timeout: Annotated[
        str, typer.Option("--ack-timeout", metavar="SECONDS", help="Wait so long for the broker's next acknowledgement.")
    ] = "10",
) -> ExitCode:
    """Publish a message, lines, or the rows of a file.

    With --from the topic may be a template: in 'plant/{line}/set' the row's value stands for {line}. What was not published is told by its
    row, and the exit code is 1. With QoS 1 and 2 it waits until the broker has acknowledged all; with QoS 0 a refusal may go unseen.
    """
    _check(
        {"-m": message is not None, "-f": file is not None, "-l": lines, "-n": nothing, "--from": source is not None},
        of_rows=topic_column is not None or columns is not None,
        repeat=repeat,
        rate=rate,
    )
    topic = _topic(access.topics, topic_column)
    levels = _levels(topic, is_template=source is not None)
    limit = options.duration(ack_timeout, "--ack-timeout")
    if source is None and not lines:
        payload = _payload(message, file)
        if repeat == 1:
            with access.connect() as client:
                client.publish(topic or "", payload, qos=qos, retain=retain, timeout=limit)
            return ExitCode.ok
        from .row_files import Repeated

        rows: Rows = Repeated(payload, repeat)
    else:
        from .row_files import Lines, open_rows

        rows = Lines() if source is None else open_rows(source, [topic_column] if topic_column is not None else levels)
    how: dict[str, Any] = {"topic": topic, "topic_column": topic_column, "qos": qos, "retain": retain, "timeout": limit}
    how |= {"columns": options.column_names(columns)} if source is not None else {"payload_column": "payload"}
    return _publish(access, rows, rate, how)


def _check(given: dict[str, bool], *, of_rows: bool, repeat: int, rate: float | None) -> None:
    """What no option can say alone."""
    chosen = [name for name, is_there in given.items() if is_there]
    if not chosen:
        raise typer.BadParameter("nothing to publish: -m TEXT, -f FILE, -l, -n or --from FILE")
    if len(chosen) > 1:
        raise typer.BadParameter(f"{' and '.join(chosen)} each say what to publish: one of them will do")
    if of_rows and chosen != ["--from"]:
        raise typer.BadParameter("--topic-column and --columns go with --from")
    if repeat > 1 and chosen[0] in ("-l", "--from"):
        raise typer.BadParameter("--repeat goes with -m, -f and -n")
    if rate is not None and not 0 < rate < math.inf:
        raise typer.BadParameter(f"--rate is a number above zero; found {rate:g}")


def _topic(topics: tuple[str, ...], topic_column: str | None) -> str | None:
    if topic_column is not None:
        if topics:
            raise typer.BadParameter("a topic and --topic-column are both given: one of them will do")
        return None
    if not topics:
        raise typer.BadParameter("no TOPIC: name one behind the broker or with -t")
    return topics[0]


def _levels(topic: str | None, *, is_template: bool) -> list[str]:
    """The names of a template's levels. Raises InvalidTopicError or InvalidTopicTemplateError before anything is opened."""
    from .. import _core

    if topic is None:
        return []
    if is_template and "{" in topic:
        return list(_core.parse_template(topic)[1])
    _core.validate_topic_name(topic)
    return []


def _payload(message: str | None, file: Path | None) -> bytes:
    if message is not None:
        return os.fsencode(message)
    if file is None:
        return b""
    from .row_files import MAX_PAYLOAD, STDIN

    with open(0 if file == STDIN else file, "rb", closefd=file != STDIN) as opened:
        data = opened.read(MAX_PAYLOAD + 1)
    if len(data) > MAX_PAYLOAD:
        raise typer.BadParameter(f"{file} is larger than a message of MQTT may be ({MAX_PAYLOAD:,} bytes)")
    return data


def _publish(access: options.Access, rows: Rows, rate: float | None, how: dict[str, Any]) -> ExitCode:
    from ..progress import Progress
    from .row_files import paced

    with access.connect() as client, Progress("publishing", seconds=None, rows=None) as progress:

        def tick(sent: int) -> None:
            of = f" of {rows.count:,}" if rows.count is not None else ""
            progress.show(lambda now: f"publishing: {sent:,}{of} {rows.noun}s")

        try:
            result = client.publish_many(paced(rows.items(), rate, tick), on_error="collect", **how)
        except KeyboardInterrupt as stopped:
            for note in getattr(stopped, "__notes__", ()):
                complain("note", note)
            return ExitCode.interrupted
    return _told(result, rows)


def _told(result: PublishResult, rows: Rows) -> ExitCode:
    """How it went, on stderr; each row that was not published by where it stands."""
    from ..arguments import count_of

    faults = heapq.nsmallest(_SHOWN_REFUSED, _faults(result, rows))
    total = rows.unreadable_count + len(result._refusals)
    for place, why in faults:
        complain("error", f"{rows.name(place)}: {why}")
    if total > _SHOWN_REFUSED:
        complain("error", f"... and {total - _SHOWN_REFUSED:,} more")
    if result.error is not None:
        complain("error", str(result.error))
    failed = total + len(result._not_sent)
    sent = f"{count_of(result.published, rows.noun)} published in {result.seconds:.1f} s"
    typer.echo(sent + (f", {failed:,} not" if failed else ""), err=True)
    return ExitCode.ok if result.ok and not rows.unreadable_count else ExitCode.error


def _faults(result: PublishResult, rows: Rows) -> Iterator[tuple[int, str]]:
    yield from rows.unreadable
    for row, topic, outcome, _, _, told in result._refusals:
        yield rows.place(row), f"{topic}: {told}" if topic else f"{outcome}: {told}"
