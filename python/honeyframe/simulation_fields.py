"""The values of simulated messages: what a payload's table says, made into JSON text for many messages at once.

Each field is drawn as a column, with numpy: a message costs about two microseconds. The generator is numpy's RandomState, whose numbers
stay the same in every version.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np

from .simulation_config import Table

if TYPE_CHECKING:
    from .simulation_config import DeviceKind

Floats: TypeAlias = "np.ndarray[Any, np.dtype[np.float64]]"
Integers: TypeAlias = "np.ndarray[Any, np.dtype[np.int64]]"
Flags: TypeAlias = "np.ndarray[Any, np.dtype[np.bool_]]"

_DAY: Final = 86_400.0
_LARGEST: Final = 1e290  # with room for its digits to be rounded
_LARGEST_WHOLE: Final = 9.2e18  # an int64
_FORMATS: Final = ("rfc3339", "s", "ms", "us", "ns")


@dataclass(slots=True)
class Moments:
    """What is known of the messages of a block before their values are drawn."""

    rng: np.random.RandomState
    start: float  # of the simulation, seconds since 1970
    elapsed: Floats  # seconds since then
    device: Integers
    number: Integers  # the how-manieth message of its device
    round: Integers  # within the block
    rounds: int
    devices: int
    interval: float

    def __len__(self) -> int:
        return len(self.elapsed)

    def repeated(self, times: Integers) -> Moments:
        def more(column: Any) -> Any:
            return np.repeat(column, times)

        return Moments(
            self.rng, self.start, more(self.elapsed), more(self.device), more(self.number), more(self.round), self.rounds, self.devices,
            self.interval,
        )  # fmt: skip


@dataclass(slots=True)
class Texts:
    """A column of JSON texts; ``present`` is None where each message has one."""

    texts: Sequence[str]
    present: Flags | None = None


class Node(ABC):
    """Something that has a value in each message."""

    @abstractmethod
    def texts(self, at: Moments) -> Texts: ...


class Constant(Node):
    def __init__(self, value: Any) -> None:
        self.text = _dump(value)

    def texts(self, at: Moments) -> Texts:
        return Texts([self.text] * len(at))


class Object(Node):
    """Nested fields. Those that may be missing are written with their comma, around the first that never is."""

    def __init__(self, members: Mapping[str, Node]) -> None:
        self._members = [(_dump(key) + ":", node) for key, node in members.items()]

    def texts(self, at: Moments) -> Texts:
        columns = [(key, node.texts(at)) for key, node in self._members]
        anchor = next((i for i, (_, column) in enumerate(columns) if column.present is None), None)
        if anchor is None:
            return Texts(_joined(columns, len(at)))
        pattern: list[str] = []
        values: list[Sequence[str]] = []
        for i, (key, column) in enumerate(columns):
            lead, trail = ("," if i > anchor else ""), ("," if i < anchor else "")
            if column.present is None:
                pattern.append(lead + key.replace("%", "%%") + "%s" + trail)
                values.append(column.texts)
            else:
                pattern.append("%s")
                values.append(
                    [lead + key + text + trail if there else "" for text, there in zip(column.texts, column.present, strict=True)]
                )
        return Texts(list(map(("{" + "".join(pattern) + "}").__mod__, zip(*values, strict=True))))


def _joined(columns: list[tuple[str, Texts]], count: int) -> list[str]:
    rows = []
    for i in range(count):
        parts = [key + column.texts[i] for key, column in columns if column.present is None or column.present[i]]
        rows.append("{" + ",".join(parts) + "}")
    return rows


class Items(Node):
    """An array, of a fixed or a random length."""

    def __init__(self, of: Node, least: int, most: int) -> None:
        self._of, self._least, self._most = of, least, most

    def texts(self, at: Moments) -> Texts:
        is_fixed = self._least == self._most
        lengths = np.full(len(at), self._least) if is_fixed else at.rng.randint(self._least, self._most + 1, len(at))
        inner = self._of.texts(at.repeated(lengths))
        ends = np.cumsum(lengths).tolist()
        texts, begin, rows = list(inner.texts), 0, []
        for end in ends:
            rows.append("[" + ",".join(texts[begin:end]) + "]")
            begin = end
        return Texts(rows)


class Mixed(Node):
    """An array of different things."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self._nodes = nodes

    def texts(self, at: Moments) -> Texts:
        columns = [node.texts(at).texts for node in self._nodes]
        return Texts(["[" + ",".join(row) + "]" for row in zip(*columns, strict=True)])


class Faulty(Node):
    """A field with what may befall it: null, another value, missing; only in some devices, or from some time on."""

    def __init__(self, inner: Node, table: Table, kind: DeviceKind) -> None:
        self._inner = inner
        self._null = table.share("null")
        self._missing = table.share("missing")
        self._after = table.duration("after", 0.0)
        share = table.share("devices", 1.0)
        odd = table.take("odd", None)
        self._odd_share, self._odd = 0.0, np.array([], dtype=object)
        if odd is not None:
            inside = Table(odd, f"{table.place}: odd")
            self._odd_share = inside.share("share", 0.01)
            values = inside.take("values", ["N/A"])
            if not isinstance(values, list) or not values:
                inside.fail("values", f"it is a list of what comes instead; found {values!r}")
            self._odd = np.array([_dump(value) for value in values], dtype=object)
            inside.end()
        count = len(kind.topics)
        # The first of them, rather than random ones: which these are can be told from the file.
        self._some = None if share == 1.0 else np.arange(count) < round(share * count)

    @property
    def may_be_missing(self) -> bool:
        return bool(self._missing or self._after or self._some is not None)

    @property
    def is_needed(self) -> bool:
        return bool(self._null or self._odd_share) or self.may_be_missing

    def texts(self, at: Moments) -> Texts:
        inner = self._inner.texts(at)
        texts: Any = inner.texts
        if self._odd_share or self._null:
            texts = np.array(texts, dtype=object)
            if self._odd_share:
                hit = at.rng.random_sample(len(at)) < self._odd_share
                texts[hit] = self._odd[at.rng.randint(0, len(self._odd), int(hit.sum()))]
            if self._null:
                texts[at.rng.random_sample(len(at)) < self._null] = "null"
            texts = texts.tolist()
        present = inner.present
        for flags in self._presence(at):
            present = flags if present is None else present & flags
        return Texts(texts, present)

    def _presence(self, at: Moments) -> list[Flags]:
        found: list[Flags] = []
        if self._missing:
            found.append(at.rng.random_sample(len(at)) >= self._missing)
        if self._after:
            found.append(at.elapsed >= self._after)
        if self._some is not None:
            found.append(self._some[at.device])
        return found


class Number(Node):
    """``mean`` with a device's own offset, a daily cycle, a random walk and noise, within limits."""

    def __init__(self, table: Table, kind: DeviceKind, rng: np.random.RandomState) -> None:
        self._mean = table.number("mean", 0.0)
        self._noise = table.number("noise", 0.0, least=0)
        self._drift = table.number("drift", 0.0, least=0)  # how far it strays in an hour
        self._daily = table.number("daily", 0.0)
        self._peak = table.number("peak", 14.0, least=0, most=24)  # hour of the day, UTC
        spread = table.number("spread", 0.0, least=0)
        self._digits = table.integer("digits", 2, least=0, most=12)
        self._least = table.number("min", -_LARGEST, least=-_LARGEST, most=_LARGEST)
        self._most = table.number("max", _LARGEST, least=-_LARGEST, most=_LARGEST)
        if self._least > self._most:
            table.fail("min", f"it is above max: {self._least:g} and {self._most:g}")
        count = len(kind.topics)
        self._own = self._mean + spread * rng.standard_normal(count)
        self._walk = np.zeros(count)

    def values(self, at: Moments) -> Floats:
        values: Floats = self._own[at.device]
        if self._daily:
            hour = (at.start + at.elapsed) % _DAY / 3600.0
            values = values + self._daily * np.cos((hour - self._peak) * (2 * np.pi / 24))
        if self._drift:
            steps = at.rng.standard_normal((at.rounds, at.devices)) * (self._drift * np.sqrt(at.interval / 3600.0))
            walk = self._walk + np.cumsum(steps, axis=0)
            self._walk = walk[-1]
            values = values + walk[at.round, at.device]
        if self._noise:
            values = values + self._noise * at.rng.standard_normal(len(at))
        return np.clip(values, self._least, self._most)

    def texts(self, at: Moments) -> Texts:
        rounded = np.round(self.values(at), self._digits)
        if self._digits == 0:
            return Texts(list(map(str, np.clip(rounded, -_LARGEST_WHOLE, _LARGEST_WHOLE).astype(np.int64).tolist())))
        return Texts(list(map(repr, (rounded + 0.0).tolist())))  # + 0.0: no -0.0


class Counter(Node):
    """Counts its device's messages up: a sequence number, or a meter."""

    def __init__(self, table: Table, kind: DeviceKind) -> None:
        self._first = table.integer("first", 0, least=-(2**63), most=2**63 - 1)
        self._step = table.integer("step", 1, least=-(2**31), most=2**31)
        self._apart = table.integer("apart", 0, least=0, most=2**53)  # between the first of one device and of the next

    def texts(self, at: Moments) -> Texts:
        values = self._first + self._step * at.number + self._apart * at.device
        return Texts(list(map(str, values.tolist())))


class Identity(Node):
    """A device's own number."""

    def __init__(self, table: Table, kind: DeviceKind) -> None:
        first = table.integer("first", 1, least=-(2**63), most=2**63 - 1)
        step = table.integer("step", 1, least=-(2**31), most=2**31)
        self._texts = [str(first + step * i) for i in range(len(kind.topics))]
        if first + step * len(kind.topics) >= 2**63:
            table.fail("first", "the last device's number is beyond 64 bits")

    def texts(self, at: Moments) -> Texts:
        own = self._texts
        return Texts([own[i] for i in at.device.tolist()])


class Level(Node):
    """The value of a level of the topic."""

    def __init__(self, table: Table, kind: DeviceKind) -> None:
        name = table.text("level")
        if name not in kind.levels:
            known = ", ".join(kind.levels) or "none"
            table.fail("level", f"the topic {kind.topic!r} has no {{{name}}}; it has {known}")
        self._texts = [_dump(value) for value in kind.levels[name]]

    def texts(self, at: Moments) -> Texts:
        own = self._texts
        return Texts([own[i] for i in at.device.tolist()])


class Choice(Node):
    """One of several values, by their weights."""

    def __init__(self, table: Table, kind: DeviceKind) -> None:
        values = table.take("values", None)
        if not isinstance(values, list) or not values:
            table.fail("values", "it is a list of what may come" + ("" if values is None else f"; found {values!r}"))
        weights = table.take("weights", [1] * len(values))
        good = isinstance(weights, list) and len(weights) == len(values)
        if not good or any(isinstance(one, bool) or not isinstance(one, int | float) or one < 0 for one in weights) or not sum(weights):
            table.fail("weights", f"it is a list of {len(values)} numbers, one for each of values; found {weights!r}")
        self.options = values
        self._edges = np.cumsum(np.array(weights, dtype=float) / sum(weights))
        self._texts = [_dump(value) for value in values]

    def indexes(self, at: Moments) -> list[int]:
        drawn = np.searchsorted(self._edges, at.rng.random_sample(len(at)), side="right")
        found: list[int] = np.minimum(drawn, len(self.options) - 1).tolist()
        return found

    def texts(self, at: Moments) -> Texts:
        own = self._texts
        return Texts([own[i] for i in self.indexes(at)])


class Raw(Choice):
    """As Choice, without JSON around it: what a whole payload may be."""

    def __init__(self, table: Table, kind: DeviceKind) -> None:
        super().__init__(table, kind)
        self._texts = [value if isinstance(value, str) else _dump(value) for value in self.options]


class Flag(Node):
    def __init__(self, table: Table, kind: DeviceKind) -> None:
        self._true = table.share("true", 0.5)

    def texts(self, at: Moments) -> Texts:
        return Texts(["true" if drawn else "false" for drawn in (at.rng.random_sample(len(at)) < self._true).tolist()])


class Time(Node):
    """When the message is from, by its device's clock."""

    def __init__(self, table: Table, kind: DeviceKind, rng: np.random.RandomState) -> None:
        self._format = table.text("format", "rfc3339")
        if self._format not in _FORMATS:
            table.fail("format", f"it is one of {', '.join(_FORMATS)}; found {self._format!r}")
        skew = table.duration("skew", 0.0)  # how wrong the devices' clocks are
        self._wrong = skew * rng.standard_normal(len(kind.topics))

    def texts(self, at: Moments) -> Texts:
        # Milliseconds, as whole numbers: seconds since 1970 as float64 are good to less than one.
        start_ms = round(at.start * 1000)
        moved = at.elapsed + self._wrong[at.device]
        if self._format == "rfc3339":
            times = (start_ms + np.floor(moved * 1000).astype(np.int64)).astype("datetime64[ms]")
            return Texts([f'"{text}Z"' for text in np.datetime_as_string(times, unit="ms").tolist()])
        unit = {"s": 1, "ms": 1000, "us": 10**6, "ns": 10**9}[self._format]
        begin = start_ms // 1000 if unit == 1 else start_ms * (unit // 1000)
        return Texts(list(map(str, (begin + np.floor(moved * unit).astype(np.int64)).tolist())))


_KINDS: Final[Mapping[str, Callable[[Table, Any, np.random.RandomState], Node]]] = {
    "number": Number,
    "counter": lambda table, kind, _: Counter(table, kind),
    "id": lambda table, kind, _: Identity(table, kind),
    "level": lambda table, kind, _: Level(table, kind),
    "choice": lambda table, kind, _: Choice(table, kind),
    "bool": lambda table, kind, _: Flag(table, kind),
    "time": Time,
}


def make_payload(kind: DeviceKind, rng: np.random.RandomState | None = None) -> Node:
    """The tree of a device's payload. Raises InvalidArgumentError with the key that is wrong."""
    rng = np.random.RandomState(0) if rng is None else rng
    place = f"{kind.place}: payload"
    if isinstance(kind.payload, Mapping) and kind.payload.get("kind") == "raw":
        table = Table(kind.payload, place)
        table.take("kind", None)
        raw = Raw(table, kind)
        table.end()
        return raw
    node = _node(kind.payload, place, kind, rng)
    if isinstance(node, Faulty):
        Table({}, place).fail("kind", "null, missing, after, devices and odd are for fields inside of a payload")
    return node


def _node(value: Any, place: str, kind: DeviceKind, rng: np.random.RandomState) -> Node:
    if isinstance(value, Mapping) and "kind" in value:
        return _field(value, place, kind, rng)
    if isinstance(value, Mapping):
        if not value:
            Table({}, place).fail("payload", "it is empty")
        return Object({key: _node(one, f"{place}.{key}", kind, rng) for key, one in value.items()})
    if isinstance(value, list) and any(isinstance(one, Mapping | list) for one in value):
        return Mixed([_element(one, f"{place}[{i}]", kind, rng) for i, one in enumerate(value)])
    try:
        return Constant(value)
    except (TypeError, ValueError):
        Table({}, place).fail("value", f"JSON has nothing for {value!r}")


def _field(value: Mapping[str, Any], place: str, kind: DeviceKind, rng: np.random.RandomState) -> Node:
    table = Table(value, place)
    name = table.text("kind")
    if name == "list":
        return _items(table, kind, rng)
    if name not in _KINDS:
        import difflib

        known = [*_KINDS, "list"]
        near = difflib.get_close_matches(name, known, n=1)
        table.fail("kind", f"{name!r} is none of {', '.join(known)}" + (f"; did you mean {near[0]}?" if near else ""))
    inner = _KINDS[name](table, kind, rng)
    faulty = Faulty(inner, table, kind)
    table.end()
    return faulty if faulty.is_needed else inner


def _items(table: Table, kind: DeviceKind, rng: np.random.RandomState) -> Node:
    length = table.take("length", 3)
    limits = length if isinstance(length, list) else [length, length]
    whole = len(limits) == 2 and all(isinstance(one, int) and not isinstance(one, bool) for one in limits)
    if not whole or not 0 <= limits[0] <= limits[1] <= 10_000:
        table.fail("length", f"it is a whole number, or the least and the most in a list, of at most 10000; found {length!r}")
    of = table.take("of", None)
    if of is None:
        table.fail("of", "it is missing: what the list has, a field or a table of fields")
    node = _element(of, f"{table.place}.of", kind, rng)
    table.end()
    return Items(node, limits[0], limits[1])


def _element(value: Any, place: str, kind: DeviceKind, rng: np.random.RandomState) -> Node:
    node = _node(value, place, kind, rng)
    if isinstance(node, Faulty) and node.may_be_missing:
        Table({}, place).fail("missing", "an element of a list cannot be missing, by missing, after or devices; it can be null")
    return node


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
