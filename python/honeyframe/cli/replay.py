"""``honeyframe replay``: a recording published again."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ..credentials import Secret
from . import options
from .ending import ExitCode, complain


@options.with_broker(topics="optional")
def replay(
    access: options.Access,
    recording: Annotated[
        Secret, typer.Argument(metavar="RECORDING", help="The recording: a directory, or s3://bucket/path.", parser=options.hide)
    ],
    speed: Annotated[str, typer.Option("--speed", metavar="NUMBER", help='So much faster; "max": as fast as the broker takes it.')] = "1",
    rewrite: Annotated[
        list[str] | None,
        typer.Option("--rewrite", metavar="TO", help="Other topics: 'replay/{topic}', or OLD=NEW beginnings; may be repeated."),
    ] = None,
    start: Annotated[str | None, typer.Option("--start", metavar="TIME", help="From then on: '2026-11-26 13:00', in UTC.")] = None,
    end: Annotated[str | None, typer.Option("--end", metavar="TIME", help="Up to then.")] = None,
    qos: Annotated[int | None, typer.Option("--qos", "-q", metavar="QOS", min=0, max=2, help="Default: as it was received.")] = None,
    no_retain: Annotated[bool, typer.Option("--no-retain", help="Publish nothing as retained.")] = False,
    max_gap: Annotated[str | None, typer.Option("--max-gap", metavar="SECONDS", help="Shorten longer pauses to this.")] = None,
    allow_loop: Annotated[bool, typer.Option("--allow-loop", help="Also to topics that are being recorded to RECORDING.")] = False,
) -> ExitCode:
    """Publish a recording again: the same payloads, in the same order, at the same distances in time.

    A TOPIC behind the broker chooses messages by the topics as recorded. It is published once, never in a circle.
    """
    how: dict[str, Any] = {"speed": speed_of(speed), "rewrite": rewrite_of(rewrite or []), "start": start, "end": end, "qos": qos}
    how |= {"topics": list(access.topics) or None, "retain": False if no_retain else "recorded", "allow_loop": allow_loop}
    how |= {"max_gap": None if max_gap is None else options.duration(max_gap, "--max-gap")}

    from ..recording import open as open_recording
    from ..replaying import replay as publish

    opened = open_recording(recording.reveal())
    with access.connect() as client:
        try:
            result = publish(opened, client, **how)
        except KeyboardInterrupt as stopped:
            for note in getattr(stopped, "__notes__", ()):
                complain("note", note)
            return ExitCode.interrupted
        except Exception as error:
            for note in getattr(error, "__notes__", ()):
                complain("note", note)
            raise
    typer.echo(str(result), err=True)
    return ExitCode.ok if result.published else ExitCode.no_messages


def speed_of(text: str) -> Any:
    if text.strip().lower() in ("max", "inf"):
        return "max"
    try:
        return float(text)
    except ValueError:
        raise typer.BadParameter(f'--speed is a number above 0, such as 60, or "max"; found {text!r}') from None


def rewrite_of(texts: list[str]) -> Any:
    """One template, or pairs of beginnings."""
    if not texts:
        return None
    if len(texts) == 1 and "{topic}" in texts[0]:
        return texts[0]
    pairs = dict(text.split("=", 1) for text in texts if "=" in text)
    if len(pairs) < len(texts):
        raise typer.BadParameter(f"--rewrite is one 'replay/{{topic}}', or OLD=NEW for each beginning; found {', '.join(texts)}")
    return pairs
