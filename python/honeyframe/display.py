"""HTML of clients and streams in a notebook. Everything that comes from outside is escaped."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from .events import printable

if TYPE_CHECKING:
    from .stream import Stream


def card(title: str, rows: Iterable[tuple[str, object]], footer: str = "") -> str:
    """A small table with a title."""
    cells = "".join(
        f"<tr><td style='text-align:left'>{escaped(name)}</td><td style='text-align:left'>{escaped(str(value))}</td></tr>"
        for name, value in rows
        if value not in ("", None)
    )
    end = f"<p>{escaped(footer)}</p>" if footer else ""
    return f"<div class='honeyframe'><p><b>{escaped(title)}</b></p><table>{cells}</table>{end}</div>"


def stream_card(stream: Stream) -> str:
    """A stream, and every counter that is not zero."""
    stats = stream.stats()
    rows = [("filters", ", ".join(stream.filters)), ("granted QoS", ", ".join(map(str, stream.granted_qos)))]
    rows += [(name, f"{stats[name]:,}") for name in stats if stats[name]]
    return card(f"Stream, {'closed' if stream.closed else 'open'}", rows, str(stats))


def table_html(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Texts as a table."""
    head = "".join(f"<th style='text-align:left'>{escaped(name)}</th>" for name in columns)
    body = "".join("<tr>" + "".join(f"<td style='text-align:left'>{escaped(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    above = f"<p><b>{escaped(title)}</b></p>" if title else ""
    return f"<div class='honeyframe'>{above}<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def escaped(text: str) -> str:
    """As HTML shows it, control characters spelled out. A "$" would start a formula in some notebooks: its entity does not."""
    return html.escape(printable(text)).replace("$", "&#36;")
