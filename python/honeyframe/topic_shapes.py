"""What the messages of a topic are made of, as far as two topics can be told apart by it."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from . import _core
from .options import DEFAULT_NA_VALUES, extract_options

Kind: TypeAlias = Literal["object", "array", "value", "text", "binary", "unreadable", "empty"]

#: What is enough for two topics to be of one shape: of the keys of both, as a share of all keys.
_SAME: Final = 0.75
_SAME_IF_CONTAINED: Final = 0.5  # the keys of one are all among the other's: some are optional
_ALIKE: Final = 0.9  # the same for topics that differ in a plain word
_ALIKE_IF_CONTAINED: Final = 0.66
_MOST_LEADERS: Final = 500  # shapes to which a new one is compared; beyond, only equal ones are one
_NUMBERS: Final = frozenset({"int64", "uint64", "float64"})
_NA: Final = frozenset(DEFAULT_NA_VALUES)


@dataclass(frozen=True, slots=True)
class Shape:
    """The kind of a topic's payloads and, of objects, their columns with a rough type each: ``number bool string list``, "" for any."""

    kind: Kind
    columns: frozenset[tuple[str, str]] = frozenset()
    names: frozenset[str] = field(default=frozenset(), compare=False)

    @property
    def is_rich(self) -> bool:
        """Whether its keys tell what it is. A bare value, or ``{"value": 21.5}``, is told by its topic alone."""
        return self.kind in ("object", "array") and len(self.names) > 1

    def is_same(self, other: Shape, *, strictly: bool = False) -> bool:
        """Whether the messages of both may stand in one frame. ``strictly``: of topics that differ in a plain word."""
        if "empty" in (self.kind, other.kind):
            return True
        if self.kind != other.kind:
            return False
        if self.columns == other.columns:
            return True
        common = self.names & other.names
        if self.kind in ("object", "array") and not common:
            return False
        if not _types_agree(self.columns, other.columns):
            return False
        share = len(common) / max(1, len(self.names | other.names))
        contained = len(common) == min(len(self.names), len(other.names))
        if strictly:
            return share >= (_ALIKE_IF_CONTAINED if contained else _ALIKE)
        return share >= (_SAME_IF_CONTAINED if contained else _SAME)


def _types_agree(one: Iterable[tuple[str, str]], other: Iterable[tuple[str, str]]) -> bool:
    known = dict(one)
    return all(not known.get(name) or not rough or known[name] == rough for name, rough in other)


class ShapeReader:
    """Finds shapes with the engine, so that a catalog and a stream agree on what a payload is."""

    def __init__(self) -> None:
        self._options = extract_options(metadata=["payload_index"])

    def read(self, payloads: Sequence[bytes]) -> Shape:
        filled = [payload for payload in payloads if payload]
        if not filled:
            return Shape("empty")
        begins = {begin_of(payload) for payload in filled}
        extraction = _core.extract_payloads(filled, self._options)
        if len(extraction.quarantine) == len(filled):
            binary = all(row[3] == "invalid_utf8" for row in extraction.quarantine)
            return Shape("binary" if binary and not begins & {"{", "["} else "unreadable")
        columns: dict[str, str] = {}
        for name, kind in extraction.schema.fields():
            if name not in ("_payload_index", "_misfit", "_extra"):
                columns[name] = _rough(kind, name, extraction)
        if begins == {"["} and set(columns) != {"value_list"}:
            return Shape("array", frozenset(columns.items()), frozenset(columns))
        if "{" in begins:
            return Shape("object", frozenset(columns.items()), frozenset(columns))
        if columns.get("value_text"):
            return Shape("text")
        known = {name: rough for name, rough in columns.items() if name != "value_text"}
        return Shape("value" if known else "empty", frozenset(known.items()), frozenset(known))


def begin_of(payload: bytes) -> str:
    """``{``, ``[``, or empty for anything else."""
    first = payload.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    return first.decode("ascii") if first in (b"{", b"[") else ""


def _rough(kind: str, name: str, extraction: _core.Extraction) -> str:
    if kind in _NUMBERS:
        return "number"
    if kind.startswith("list"):
        return "" if kind == "list<null>" else "list"
    if kind != "string":
        return "" if kind == "null" else kind
    return "" if all(text in _NA for text in _texts(name, extraction)) else "string"


def _texts(name: str, extraction: _core.Extraction) -> Iterable[str]:
    import pyarrow as pa

    for batch in extraction.batches:
        arrow = pa.record_batch(batch)
        if name in arrow.schema.names:
            yield from (text for text in arrow.column(name).to_pylist() if text is not None)


class ShapeSet:
    """Shapes sorted into families, each told by a number. Which one a shape comes to depends on the order: the most common first."""

    def __init__(self) -> None:
        self._known: dict[Hashable, int] = {}
        self._leaders: list[Shape] = []

    def family(self, shape: Shape) -> int:
        key = (shape.kind, shape.columns)
        found = self._known.get(key)
        if found is None:
            near = (number for number, leader in enumerate(self._leaders[:_MOST_LEADERS]) if leader.is_same(shape))
            found = next(near, len(self._leaders))
            if found == len(self._leaders):
                self._leaders.append(shape)
            self._known[key] = found
        return found
