"""What an Aligner does, row by row and slowly: the model against which it is tested."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

SECOND = 1_000_000_000


@dataclass
class AlignModel:
    """Times and durations are whole nanoseconds. ``cells[(bucket, series, field)]`` are the values in the order of their times."""

    every: int
    how: str
    lateness: int
    ahead: int
    max_series: int = 10_000
    seen: int | None = None
    out_until: int | None = None  # buckets below are out
    series: list[str] = field(default_factory=list)
    cells: dict[tuple[int, str, str], list[tuple[int, int, Any]]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("taken", "late", "ahead", "untimed", "unkeyed", "overflow"), 0))
    arrived: int = 0

    def add(self, row: dict[str, Any]) -> None:
        self.counts[self._judge(row)] += 1

    def _judge(self, row: dict[str, Any]) -> str:
        time = row["event"] if row["event"] is not None else row["received"]
        key = row["series"]
        known = key is None or key in self.series or len(self.series) < self.max_series
        if key is not None and known and key not in self.series:
            self.series.append(key)  # it has a name now, whatever becomes of the row
        if time is None:
            return "untimed"
        if time > row["received"] + self.ahead:
            return "ahead"
        bucket = time // self.every
        limit = None if self.seen is None else (self.seen - self.lateness) // self.every
        moves_to = min(time, row["received"])
        self.seen = moves_to if self.seen is None else max(self.seen, moves_to)
        if limit is not None and bucket < limit:
            return "late"
        if key is None:
            return "unkeyed"
        if not known:
            return "overflow"
        self.arrived += 1
        for name, value in row["values"].items():
            if value is not None:
                self.cells.setdefault((bucket, key, name), []).append((time, self.arrived, value))
        return "taken"

    def table(self) -> dict[tuple[int, str, str], Any]:
        """Each cell's value."""
        return {place: _aggregate(self.how, [value for _, _, value in sorted(found)]) for place, found in self.cells.items()}


def _aggregate(how: str, values: list[Any]) -> Any:
    if how in ("last", "first"):
        return values[-1 if how == "last" else 0]
    if how == "count":
        return len(values)
    return {
        "mean": lambda: sum(values) / len(values),
        "sum": lambda: float(sum(values)),
        "min": lambda: min(values),
        "max": lambda: max(values),
    }[how]()


def cells_of(frames: Iterable[Any]) -> dict[tuple[int, str, str], Any]:
    """The same of wide frames: what is not null in them, by the bucket's time."""
    found: dict[tuple[int, str, str], Any] = {}
    for frame in frames:
        for series, name in frame.columns:
            column = frame[(series, name)].dropna()
            for time, value in zip(column.index.as_unit("ns").asi8.tolist(), column.tolist(), strict=True):
                place = time, series, name
                assert place not in found, f"{place} came out twice"
                found[place] = value
    return found
