"""Typed rows as they come: CSV whose header stands, and a table on the terminal."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from . import terminal
from .ending import complain

if TYPE_CHECKING:
    import pyarrow as pa

_WIDEST: Final = 32
_LEAST: Final = 5  # of a column that is shown at all
_TIME: Final = len("12:34:56.789")


class CsvRows:
    """Rows as CSV under the header of the first ones; what comes later in other columns is told, once a column."""

    def __init__(self, columns: Sequence[str]) -> None:
        self._wanted = columns
        self._names: list[str] = []
        self._told: set[str] = set()

    def block(self, batch: pa.RecordBatch) -> memoryview:
        """The rows as text; with the header before the first ones."""
        import pyarrow as pa

        from .output import write_csv

        is_first = not self._names
        if is_first:
            missing = [name for name in self._wanted if not _is_in(name, batch.schema.names)]
            self._names = [*batch.schema.names, *missing]
        late = [name for name in batch.schema.names if name not in self._names and name not in self._told]
        if late:
            self._told.update(late)
            complain(
                "note", f"not in this CSV, whose header was written before they came: {', '.join(late)}; --columns names all from the start"
            )
        columns = [batch.column(name) if name in batch.schema.names else pa.nulls(batch.num_rows, pa.string()) for name in self._names]
        text = io.BytesIO()
        write_csv(pa.table(columns, names=self._names), text, header=is_first)
        return text.getbuffer()


def _is_in(name: str, names: Sequence[str]) -> bool:
    return any(one == name or one.startswith(f"{name}.") for one in names)


class TableRows:
    """Rows as a table that goes on: a header when it begins, when columns come, and when a value needs more room."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._names: list[str] = []
        self._widths: list[int] = []
        self._hidden = 0

    def text(self, batch: pa.RecordBatch) -> str:
        """The rows, each in a line of at most the terminal's width."""
        names = [name for name in batch.schema.names if batch.column(name).null_count < batch.num_rows or name in self._names]
        cells = {name: [_cell(value) for value in batch.column(name).to_pylist()] for name in names}
        lines = []
        if not set(names) <= set(self._names) or self._is_cramped(cells):
            lines = self._begin([*self._names, *(name for name in names if name not in self._names)], cells)
        blank = [""] * batch.num_rows
        shown = [cells.get(name, blank) for name in self._names[: len(self._widths)]]
        lines += [self._line(row) for row in zip(*shown, strict=True)]
        return "".join(f"{line}\n" for line in lines)

    def _is_cramped(self, cells: dict[str, list[str]]) -> bool:
        """Whether a value is longer than its column, and the column not yet as wide as any may be."""
        return any(
            width < _WIDEST and max(map(terminal.cells, cells.get(name, ())), default=0) > width
            for name, width in zip(self._names, self._widths[:-1], strict=False)
        )

    def _begin(self, names: list[str], cells: dict[str, list[str]]) -> list[str]:
        before = dict(zip(self._names, self._widths, strict=False))
        self._names, self._widths, left = names, [], self._width
        for name in names:
            needed = max(before.get(name, 0), terminal.cells(name), max(map(terminal.cells, cells.get(name, ())), default=0))
            if left < _LEAST and self._widths:
                break
            self._widths.append(min(needed, _WIDEST, left))
            left -= self._widths[-1] + 2
        hidden = len(names) - len(self._widths)
        header = [self._line([terminal.printable(name).replace("\n", "\\n") for name in names[: len(self._widths)]])]
        if hidden and hidden != self._hidden:
            complain("note", f"{hidden} more column(s) than fit; --columns chooses")
        self._hidden = hidden
        return header

    def _line(self, row: Sequence[str]) -> str:
        parts = []
        for text, width in zip(row, self._widths, strict=True):
            short = terminal.shorten(text, width)
            parts.append(short + " " * (width - terminal.cells(short)))
        return "  ".join(parts).rstrip()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if hasattr(value, "strftime"):
        return str(value.strftime("%H:%M:%S.%f")[:_TIME])
    return terminal.printable(str(value)).replace("\n", "\\n")
