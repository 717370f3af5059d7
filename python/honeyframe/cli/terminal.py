"""What fits a terminal: a DataFrame cut to its width, and text without control characters."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

PIPED_WIDTH = 80
MIN_WIDTH = 20
_CELL_WIDTHS = (32, 20, 12, 8)  # how long a cell may be, tried in turn until two columns fit


def width() -> int:
    """Columns to fill: the terminal's (``COLUMNS`` has the last word), 80 where there is none."""
    if not sys.stdout.isatty() and "COLUMNS" not in os.environ:
        return PIPED_WIDTH
    return max(MIN_WIDTH, shutil.get_terminal_size((PIPED_WIDTH, 24)).columns)


def printable(text: str) -> str:
    """``text`` with control characters spelled out (``\\x1b``): a topic may carry the escapes of a terminal. Line breaks stay.

    >>> printable("plant/\\x1b[31mred")
    'plant/\\\\x1b[31mred'
    """
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode("ascii") for c in text)


def cells(text: str) -> int:
    """How many columns ``text`` takes on a terminal: East Asian characters take two."""
    from rich.cells import cell_len

    return cell_len(text)


def shorten(text: str, limit: int) -> str:
    """``text`` in at most ``limit`` columns, with an ellipsis where it was cut."""
    from rich.cells import set_cell_size

    return text if cells(text) <= limit else set_cell_size(text, max(0, limit - 3)).rstrip() + "..."[: max(0, limit)]


def fitted(frame: pd.DataFrame, *, columns: int, rows: int = 10) -> str:
    """``frame`` as text of at most ``columns`` columns: as pandas prints it, with as many of its columns as fit and its shape at the end.

    ``rows`` are shown, half from the head and half from the tail.
    """
    text = ""
    for cell_width in _CELL_WIDTHS:
        for count in range(max(1, min(len(frame.columns), columns // 3)), 0, -1):
            text = _to_text(frame, rows, count, cell_width)
            if all(cells(line) <= columns for line in text.split("\n")):
                return text
            if count == 2 and cell_width != _CELL_WIDTHS[-1]:
                break  # rather narrower cells than a single column
    return "\n".join(shorten(line, columns) for line in text.split("\n"))


def _to_text(frame: pd.DataFrame, rows: int, columns: int, cell_width: int) -> str:
    import pandas as pd

    with pd.option_context("display.max_colwidth", cell_width, "display.unicode.east_asian_width", True, "display.min_rows", rows):
        return printable(frame.to_string(max_rows=rows, max_cols=columns, show_dimensions=True))
