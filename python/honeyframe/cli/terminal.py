"""What fits a terminal: a DataFrame cut to its width, and text without control characters."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING, Any

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


def wants_colour() -> bool:
    """Whether a terminal may get escapes at all: no-color.org, and terminals that know none."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


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
        text, shown = _widest(frame, columns, rows, cell_width)
        if shown >= min(2, len(frame.columns)):
            return text
    return "\n".join(shorten(line, columns) for line in text.split("\n"))


def _widest(frame: pd.DataFrame, columns: int, rows: int, cell_width: int) -> tuple[str, int]:
    """The text with the most of the frame's columns that fits, and how many those are; 0 where not even one fits."""
    fits, too_many = 0, min(len(frame.columns), columns // 3) + 1  # a column takes at least three: two of space, one of text
    best = _to_text(frame, rows, 1, cell_width)
    while fits + 1 < too_many:
        count = (fits + too_many) // 2
        text = _to_text(frame, rows, count, cell_width)
        if all(cells(line) <= columns for line in text.split("\n")):
            best, fits = text, count
        else:
            too_many = count
    return best, fits


def _to_text(frame: pd.DataFrame, rows: int, columns: int, cell_width: int) -> str:
    import pandas as pd

    times = [str(name) for name, dtype in frame.dtypes.items() if isinstance(dtype, pd.DatetimeTZDtype)]
    with pd.option_context("display.unicode.east_asian_width", True, "display.min_rows", rows):
        text = frame.to_string(
            max_rows=rows,
            max_cols=columns,
            max_colwidth=cell_width,
            show_dimensions=True,
            formatters=dict.fromkeys(times, _milliseconds),
        )
    return "\n".join(line.rstrip() for line in printable(text).split("\n"))


def _milliseconds(moment: Any) -> str:
    """Nine digits and a zone would leave no room for anything else; the dtype says that it is UTC."""
    return "NaT" if moment is None or moment != moment else moment.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
