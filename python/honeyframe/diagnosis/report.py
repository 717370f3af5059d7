"""What a doctor's visit comes to: a row a step, and the report of them all."""

from __future__ import annotations

import dataclasses
import itertools
import json
import textwrap
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from ..display import escaped
from ..events import printable

if TYPE_CHECKING:
    import pandas as pd

Verdict: TypeAlias = Literal["ok", "warn", "fail", "skipped"]

_WIDTH: Final = 100
_MIN_TEXT: Final = 24  # columns left for text, however narrow the terminal
_COLOURS: Final[dict[str, str]] = {"ok": "#1a7f37", "warn": "#9a6700", "fail": "#cf222e", "skipped": "#6e7781"}


@dataclass(frozen=True)
class DoctorRow:
    """One step: what was tried, what came back, and what to do about it."""

    step: str
    verdict: Verdict
    tried: str
    answer: str
    advice: str = ""
    #: A stable name for what was found, such as ``"certificate_expired"``: the headings of docs/doctor.md. Empty where all is well.
    cause: str = ""
    seconds: float = 0.0
    #: The same in numbers and lists, for machines: the certificates, the limits of CONNACK, …
    details: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Name -> value, in the order of the fields."""
        return {one.name: getattr(self, one.name) for one in dataclasses.fields(self)}


class DoctorReport:
    """What :func:`honeyframe.doctor` found: its ``rows``, in the order in which a connection comes about."""

    def __init__(self, uri: str, rows: tuple[DoctorRow, ...], *, started: str, seconds: float) -> None:
        self.uri = uri  # without credentials
        self.rows = rows
        self.started = started
        self.seconds = seconds

    @property
    def ok(self) -> bool:
        """Nothing failed, and the broker accepted the connection. Warnings do not count."""
        accepted = any(row.step == "CONNECT" and row.verdict in ("ok", "warn") for row in self.rows)
        return accepted and not any(row.verdict == "fail" for row in self.rows)

    @property
    def causes(self) -> tuple[str, ...]:
        """What is wrong, by its stable names: the failures first, then the warnings."""
        ordered = sorted(
            (row for row in self.rows if row.cause), key=lambda row: ("fail", "warn").index(row.verdict) if row.verdict != "skipped" else 2
        )
        return tuple(dict.fromkeys(row.cause for row in ordered))

    def __getitem__(self, step: str) -> DoctorRow:
        """The first row of a step, such as ``report["TLS"]``."""
        for row in self.rows:
            if row.step == step:
                return row
        raise KeyError(step)

    def __iter__(self) -> Iterator[DoctorRow]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def to_pandas(self) -> pd.DataFrame:
        """A row a step: ``step verdict tried answer advice cause seconds``."""
        import pandas as pd

        columns = ["step", "verdict", "tried", "answer", "advice", "cause", "seconds"]
        frame = pd.DataFrame([[getattr(row, name) for name in columns] for row in self.rows], columns=columns)
        frame["verdict"] = pd.Categorical(frame["verdict"], categories=["ok", "warn", "fail", "skipped"])
        return frame

    def as_dict(self) -> dict[str, Any]:
        """All of it, as :meth:`to_json` writes it."""
        return {
            "ok": self.ok,
            "uri": self.uri,
            "causes": list(self.causes),
            "started": self.started,
            "seconds": self.seconds,
            "rows": [row.as_dict() for row in self.rows],
        }

    def to_json(self, *, indent: int | None = None) -> str:
        """One JSON object: ``ok uri causes started seconds rows``."""
        return json.dumps(self.as_dict(), indent=indent)

    def summary(self) -> str:
        """One sentence: how it went, and where it failed first."""
        counts = {verdict: sum(row.verdict == verdict for row in self.rows) for verdict in ("ok", "warn", "fail", "skipped")}
        told = ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)
        first = next((row for row in self.rows if row.verdict == "fail"), None)
        ending = f": {first.step} failed" if first is not None else ": all is well" if self.ok else ""
        return f"{told} in {self.seconds:.1f} s{ending}"

    def text(self, width: int = _WIDTH, style: Callable[[str, Verdict], str] | None = None) -> str:
        """The report as a table of at most ``width`` columns; ``style`` colours the verdicts."""
        steps = max(len("step"), *(_columns(row.step) for row in self.rows))
        steps = min(steps, max(8, width // 3))
        room = max(_MIN_TEXT, width - steps - len("skipped") - 4)
        lines = [f"honeyframe doctor {self.uri}", f"{'step'.ljust(steps)}  verdict  what came back"]
        for row in _folded(self.rows):
            verdict = row.verdict.ljust(len("skipped"))
            shown = style(verdict, row.verdict) if style is not None else verdict
            label, *rest = _wrapped(row.step, steps)
            pieces = _wrapped(row.answer, room)
            if row.advice and row.verdict != "ok":
                pieces += _wrapped(f"-> {row.advice}", room, indent="   ")
            first, *more = pieces
            lines.append(f"{_padded(label, steps)}  {shown}  {first}".rstrip())
            margin = max(len(rest), len(more))
            rest, more = [*rest, *[""] * (margin - len(rest))], [*more, *[""] * (margin - len(more))]
            lines += [f"{_padded(left, steps)}  {' ' * len('skipped')}  {right}".rstrip() for left, right in zip(rest, more, strict=True)]
        return "\n".join([*lines, self.summary()])

    def __repr__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        def cell(text: str, extra: str = "") -> str:
            return f"<td style='text-align:left;vertical-align:top;white-space:normal{extra}'>{escaped(text)}</td>"

        body = "".join(
            "<tr>"
            + cell(row.step)
            + cell(row.verdict, f";color:{_COLOURS[row.verdict]};font-weight:bold")
            + cell(row.tried)
            + cell(row.answer)
            + cell(row.advice)
            + "</tr>"
            for row in self.rows
        )
        head = "".join(f"<th style='text-align:left'>{name}</th>" for name in ("step", "verdict", "tried", "what came back", "what to do"))
        return (
            f"<div class='honeyframe'><p><b>honeyframe doctor {escaped(self.uri)}</b></p><table><thead><tr>{head}</tr></thead>"
            f"<tbody>{body}</tbody></table><p>{escaped(self.summary())}</p></div>"
        )


def _folded(rows: tuple[DoctorRow, ...]) -> Iterator[DoctorRow]:
    """Steps that were all skipped for one reason are one line."""
    for (verdict, answer), same in itertools.groupby(rows, key=lambda row: (row.verdict, row.answer)):
        group = list(same)
        if verdict == "skipped" and len(group) > 2:
            yield dataclasses.replace(group[0], step=f"{group[0].step} to {group[-1].step}", answer=answer)
        else:
            yield from group


def clean_row(row: DoctorRow, hide: Callable[[str], str]) -> DoctorRow:
    """``row`` without control characters and, by ``hide``, without secrets in what came from outside.

    Our own words stay as they are: a password may be one of them, and a gap would tell it.
    """
    return dataclasses.replace(
        row,
        step=printable(row.step),
        tried=printable(row.tried),
        answer=_clean(row.answer, hide),
        advice=printable(row.advice),
        details=_clean(row.details, hide),
    )


def _clean(value: Any, hide: Callable[[str], str]) -> Any:
    """However deep it is."""
    if isinstance(value, str):
        return hide(printable(value))
    if isinstance(value, Mapping):
        return {name: _clean(item, hide) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_clean(item, hide) for item in value]
    return value


def _columns(text: str) -> int:
    """How many columns of a terminal: East Asian characters take two."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _padded(text: str, columns: int) -> str:
    return text + " " * max(0, columns - _columns(text))


def _wrapped(text: str, columns: int, indent: str = "") -> list[str]:
    # Wide characters are rare here: where there are any, half as many fit.
    room = columns if _columns(text) == len(text) else columns // 2
    return textwrap.wrap(text, max(room, 8), subsequent_indent=indent, break_on_hyphens=False) or [""]
