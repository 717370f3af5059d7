"""HTML of clients and streams in a notebook. Everything that comes from outside is escaped."""

from __future__ import annotations

import html
from collections.abc import Iterable

from .events import printable


def card(title: str, rows: Iterable[tuple[str, object]], footer: str = "") -> str:
    """A small table with a title."""
    cells = "".join(
        f"<tr><td style='text-align:left'>{escaped(name)}</td><td style='text-align:left'>{escaped(str(value))}</td></tr>"
        for name, value in rows
        if value not in ("", None)
    )
    end = f"<p>{escaped(footer)}</p>" if footer else ""
    return f"<div class='honeyframe'><p><b>{escaped(title)}</b></p><table>{cells}</table>{end}</div>"


def escaped(text: str) -> str:
    """As HTML shows it, control characters spelled out. A "$" would start a formula in some notebooks: its entity does not."""
    return html.escape(printable(text)).replace("$", "&#36;")
