"""What a chart is to be: its panes, its clock, what makes a line of its own. Checked when it is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from .arguments import check_count, check_names
from .durations import Duration
from .durations import seconds as to_seconds
from .errors import InvalidArgumentError

#: One column; several in one pane; or a list for each pane.
Columns: TypeAlias = str | Sequence[str | Sequence[str]]

TOPIC: Final = "_topic"

_LEAST_WINDOW: Final = 1.0
_MOST_WINDOW: Final = 31 * 86_400.0
_MOST_SERIES: Final = 1_000
_MOST_PANES: Final = 20
#: Of so many columns of pixels each keeps its least and its greatest value: more than a wide screen has.
PIXEL_COLUMNS: Final = 2_000


@dataclass(frozen=True)
class ChartPlan:
    """Arguments of :meth:`honeyframe.Stream.chart` that hold."""

    panes: tuple[tuple[str, ...], ...]
    x: str
    by: tuple[str, ...]
    window: float
    gap: float | None  # seconds; None: a multiple of the usual interval; infinity: never
    max_series: int
    height: int
    title: str

    @property
    def columns(self) -> tuple[str, ...]:
        """What is drawn, each once, in order."""
        return tuple(dict.fromkeys(name for pane in self.panes for name in pane))

    @property
    def column_width(self) -> float:
        """Seconds of one column of pixels."""
        return self.window / PIXEL_COLUMNS

    def pane_of(self, column: str) -> int:
        """The first pane that shows it."""
        return next(i for i, pane in enumerate(self.panes) if column in pane)


def plan_chart(
    y: Columns,
    x: str,
    by: str | Iterable[str] | None,
    window: Duration,
    *,
    gap: Duration | bool | None,
    max_series: int,
    height: int,
    title: str,
    filters: Sequence[str],
    schema: Sequence[tuple[str, str]],
) -> ChartPlan:
    """Raises what is wrong with the arguments, as far as the columns are known by now."""
    panes = _panes(y)
    span = to_seconds(window, "window")
    if not _LEAST_WINDOW <= span <= _MOST_WINDOW:
        raise InvalidArgumentError(f"window must be from 1 s to 31 days; found {window!r}")
    if not isinstance(x, str):
        raise TypeError(f"x must be a column's name, not {type(x).__name__}")
    plan = ChartPlan(
        panes=panes,
        x=x,
        by=_by(by, filters),
        window=span,
        gap=_gap(gap),
        max_series=check_count("max_series", max_series, 1, _MOST_SERIES),
        height=check_count("height", height, 80, 4_000),
        title=_title(title),
    )
    kinds = dict(schema)
    for name in plan.columns:
        if (fault := fault_of_y(name, kinds.get(name))) is not None:
            raise InvalidArgumentError(fault)
    if (fault := fault_of_x(x, kinds.get(x))) is not None:
        raise InvalidArgumentError(fault)
    return plan


def fault_of_y(name: str, kind: str | None) -> str | None:
    """Why a column of this type cannot be drawn; None where it can, or where its type is not known yet."""
    if kind in (None, "null", "bool", "int64", "uint64", "float64"):
        return None
    return f"the column {name!r} is {kind}, and a chart draws numbers and booleans"


def fault_of_x(name: str, kind: str | None) -> str | None:
    """Why a column of this type is no clock; None where it is one."""
    if kind in (None, "null", "timestamp"):
        return None
    return f"x={name!r} is {kind}, and a chart's x is a time: _event_time (a stream's event_time= makes it) or _recv_time"


def _panes(y: Columns) -> tuple[tuple[str, ...], ...]:
    wanted: list[Any]
    if isinstance(y, str):
        wanted = [[y]]
    elif isinstance(y, Iterable) and not isinstance(y, (bytes, dict)):
        wanted = list(y)
        if all(isinstance(name, str) for name in wanted):
            wanted = [wanted]
    else:
        raise TypeError(f"y must be a column's name, or a list of them, not {type(y).__name__}")
    panes: list[tuple[str, ...]] = []
    for pane in wanted:
        names = [pane] if isinstance(pane, str) else list(pane) if isinstance(pane, (list, tuple)) else [pane]
        for name in names:
            if not isinstance(name, str):
                raise TypeError(f"y must be names of columns, or lists of them; found {type(name).__name__} in it")
        if not names:
            raise InvalidArgumentError(
                "y has nothing to draw", hint='Pass y="temperature", y=["a", "b"], or a list for each pane: y=[["a", "b"], ["c"]].'
            )
        panes.append(tuple(dict.fromkeys(names)))
    flat = [name for pane in panes for name in pane]
    for name in flat:
        if flat.count(name) > 1:
            raise InvalidArgumentError(f"y names the column {name!r} in two panes")
    if not panes or len(panes) > _MOST_PANES:
        raise InvalidArgumentError(f"y must have from 1 to {_MOST_PANES} panes; found {len(panes)}")
    return tuple(panes)


def _by(by: str | Iterable[str] | None, filters: Sequence[str]) -> tuple[str, ...]:
    if by is None:  # topics that would go zigzag in one line
        return (TOPIC,) if len(filters) > 1 or any(level in "+#" for f in filters for level in f.split("/") if level) else ()
    return check_names("by", by)


def _gap(gap: Duration | bool | None) -> float | None:
    if gap is None or gap is True:
        return None
    if gap is False:
        return float("inf")
    span = to_seconds(gap, "gap")
    if span <= 0:
        raise InvalidArgumentError(f"gap must be above zero; found {gap!r}", hint="gap=False draws the line through.")
    return span


def _title(title: str) -> str:
    if not isinstance(title, str):
        raise TypeError(f"title must be a str, not {type(title).__name__}")
    return title
