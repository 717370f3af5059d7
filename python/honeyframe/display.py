"""HTML of clients and streams in a notebook. Everything that comes from outside is escaped."""

from __future__ import annotations

import html
from collections.abc import Iterable


def card(title: str, rows: Iterable[tuple[str, object]], footer: str = "") -> str:
    """A small table with a title."""
    cells = "".join(
        f"<tr><td style='text-align:left'>{_text(name)}</td><td style='text-align:left'>{_text(value)}</td></tr>"
        for name, value in rows
        if value not in ("", None)
    )
    end = f"<p>{_text(footer)}</p>" if footer else ""
    return f"<div class='honeyframe'><p><b>{_text(title)}</b></p><table>{cells}</table>{end}</div>"


def _text(value: object) -> str:
    # A "$" would start a formula in some notebooks: its entity does not.
    return html.escape(str(value)).replace("$", "&#36;")
