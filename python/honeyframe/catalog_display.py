"""Catalogs as text and as HTML. Everything that comes from outside is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from .arguments import count_of
from .catalog_pattern import TEXT, TEXT_WITHOUT_ZONE, CatalogColumn, CatalogPattern, EventTime
from .display import escaped
from .events import printable

if TYPE_CHECKING:
    from .catalog import Catalog

_WIDTH: Final = 120
_MOST_ROWS: Final = 60
_RIGHT: Final = frozenset({"topics", "msg", "msg/s", "bytes", "kept", "QoS", "nulls"})


def catalog_text(catalog: Catalog, width: int = _WIDTH) -> str:
    """A line for the whole, a table with a row a pattern."""
    rows = [_pattern_row(pattern) for pattern in catalog.values()]
    return "\n".join([*_wrapped(f"<{_summary(catalog)}>", width), *_table(["pattern", *_COUNTS, "holds"], rows, width)])


def catalog_html(catalog: Catalog) -> str:
    """The same for a notebook."""
    return _html_table(_summary(catalog), ["pattern", *_COUNTS, "holds"], [_pattern_row(pattern) for pattern in catalog.values()])


def pattern_text(pattern: CatalogPattern, width: int = _WIDTH) -> str:
    """A line for the pattern, a table with a row a column."""
    head = ["column", "type", "nulls", "JSON", "note", "examples"]
    return "\n".join([*_wrapped(f"<{_pattern_summary(pattern)}>", width), *_table(head, _column_rows(pattern), width)])


def pattern_html(pattern: CatalogPattern) -> str:
    """The same for a notebook."""
    return _html_table(_pattern_summary(pattern), ["column", "type", "nulls", "JSON", "note", "examples"], _column_rows(pattern))


#: What goes first where there is no room.
_GO_FIRST: Final = ("QoS", "kept", "bytes", "msg", "JSON", "note", "nulls", "msg/s", "topics", "type")
_COUNTS: Final = ["topics", "msg", "msg/s", "bytes", "kept", "QoS"]


def _summary(catalog: Catalog) -> str:
    topics, messages = sum(len(one.topics) for one in catalog.values()), sum(one.messages for one in catalog.values())
    more = f"; {count_of(catalog.other_messages, 'message')} on topics beyond max_topics left out" if catalog.other_messages else ""
    return (
        f"Catalog of {printable(', '.join(catalog.filters)) or '#'} at {catalog.uri}: {count_of(len(catalog), 'pattern')}, "
        f"{count_of(topics, 'topic')}, {count_of(messages, 'message')} in {catalog.seconds:g} s{more}"
    )


def _pattern_summary(pattern: CatalogPattern) -> str:
    filter_ = f"filter {printable(pattern.filter)}" + ("" if pattern.is_exact else ", which matches others too")
    unread = f", {count_of(pattern.unreadable, 'unreadable sample')}" if pattern.unreadable else ""
    return (
        f"CatalogPattern {printable(pattern.name)}: {filter_}; {pattern.kind}, {count_of(len(pattern.topics), 'topic')}, "
        f"{count_of(pattern.messages, 'message')} ({pattern.rate:.3g}/s, {pattern.retained:,} retained), QoS {pattern.qos}{unread}"
    )


def _pattern_row(pattern: CatalogPattern) -> list[str]:
    size = pattern.bytes / max(1, pattern.messages)
    kept = "all" if pattern.retained == pattern.messages else f"{pattern.retained:,}" if pattern.retained else ""
    counts = [
        f"{len(pattern.topics):,}",
        f"{pattern.messages:,}",
        f"{pattern.rate:.3g}" if pattern.rate else "",
        f"{size:,.0f}",
        kept,
        str(pattern.qos),
    ]
    return [pattern.name, *counts, _holds(pattern)]


def _holds(pattern: CatalogPattern) -> str:
    """The columns, the time first."""
    if pattern.kind in ("binary", "text", "unreadable", "empty"):
        words = {"binary": "binary", "text": "text", "unreadable": "not JSON; text", "empty": "empty payloads"}
        example = f": {pattern.example[:40]}" if pattern.kind == "text" else ""
        return words[pattern.kind] + example
    time = pattern.event_times[0] if pattern.event_times else None
    names = [f"{time.column} ({_time(time)})"] if time else []
    names += [f"{column.name} {column.type}" for column in pattern.columns if time is None or column.name != time.column]
    return ("[...] " if pattern.kind == "array" else "") + ", ".join(names)


def _column_rows(pattern: CatalogPattern) -> list[list[str]]:
    times = {time.column: time for time in pattern.event_times}
    return [
        [
            column.name,
            column.type,
            f"{column.null_rate:.0%}" if column.null_rate else "",
            ", ".join(column.json_types),
            _note(column, times.get(column.name)),
            ", ".join(map(str, column.examples)),
        ]
        for column in pattern.columns
    ]


def _note(column: CatalogColumn, time: EventTime | None) -> str:
    parts = [] if column.required else ["optional"]
    if time is not None:
        parts.append(_time(time))
    return ", ".join(parts)


def _time(time: EventTime) -> str:
    words = {TEXT: "time", TEXT_WITHOUT_ZONE: "time without a zone"}
    return words.get(time.unit, f"time in {time.unit}")


# --- tables


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """Lines of at most ``width``: the first column may take half of it, the last what is left. Where that is little, counts go."""
    if not rows:
        return []
    shown = [[printable(cell) for cell in row] for row in rows[:_MOST_ROWS]]
    keep = list(range(len(head)))
    for name in (None, *_GO_FIRST):
        keep = [i for i in keep if head[i] != name]
        widths = [max(_cells(text) for text in (head[i], *(row[i] for row in shown))) for i in keep]
        widths[0] = min(widths[0], max(12, width // 2))
        room = width - sum(widths[:-1]) - 2 * (len(keep) - 1)
        if room >= min(widths[-1], width // 4):
            break
    widths[-1] = max(4, min(widths[-1], room))
    lines = [_line([line[i] for i in keep], widths, [head[i] in _RIGHT for i in keep]) for line in (head, *shown)]
    more = len(rows) - len(shown)
    return [*lines, *([f"... and {more:,} more: to_pandas() has them all"] if more else [])]


def _line(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    parts = []
    for cell, size, is_right in zip(cells, widths, right, strict=True):
        cut = _cut(cell, size)
        space = " " * (size - _cells(cut))
        parts.append(space + cut if is_right else cut + space)
    return "  ".join(parts).rstrip()


def _cells(text: str) -> int:
    from rich.cells import cell_len

    return cell_len(text)


def _cut(text: str, size: int) -> str:
    from rich.cells import set_cell_size

    return text if _cells(text) <= size else set_cell_size(text, max(0, size - 3)).rstrip() + "..."


def _wrapped(text: str, width: int) -> list[str]:
    import textwrap

    return textwrap.wrap(text, max(20, width), break_on_hyphens=False) or [""]


def _html_table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    def cell(text: str, name: str, tag: str = "td") -> str:
        side = "right" if name in _RIGHT else "left"
        short = text if len(text) <= 300 else text[:300] + "..."
        return f"<{tag} style='text-align:{side}'>{escaped(short)}</{tag}>"

    top = "".join(cell(name, name, "th") for name in head)
    body = "".join("<tr>" + "".join(map(cell, row, head)) + "</tr>" for row in rows[:_MOST_ROWS])
    more = f"<p>... and {len(rows) - _MOST_ROWS:,} more</p>" if len(rows) > _MOST_ROWS else ""
    return f"<div class='honeyframe'><p><b>{escaped(title)}</b></p><table><tr>{top}</tr>{body}</table>{more}</div>"
