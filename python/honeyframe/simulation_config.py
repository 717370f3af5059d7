"""What is to be simulated, as a TOML file or a mapping says it: read, checked, and every mistake named by its key."""

from __future__ import annotations

import datetime
import difflib
import itertools
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, Final, NoReturn, TypeAlias

from .durations import seconds as to_seconds
from .errors import InvalidArgumentError

#: What stands for a simulation: a file, a mapping of its content, or the name of a bundled one.
ConfigLike: TypeAlias = "str | os.PathLike[str] | Mapping[str, Any] | SimulationConfig"

BUNDLED: Final = "plant"
BAD_KINDS: Final = ("truncated", "not_utf8", "empty", "text", "nan", "two")
_MAX_DEVICES: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Episodes:
    """Gaps or bursts of a device: how often, on average, and how long."""

    every: float
    lasts: float
    times: int = 1  # of bursts: so many messages for one


@dataclass(frozen=True, slots=True)
class BadPayloads:
    share: float
    kinds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DeviceKind:
    """One ``[[device]]``: devices of a kind, which differ by the levels of their topic."""

    name: str
    place: str  # how errors call it
    topic: str
    topics: tuple[str, ...]  # one a device
    levels: Mapping[str, tuple[Any, ...]]  # level -> its value for each device
    payload: Any  # as it stands in the file; simulation_fields reads it
    interval: float
    jitter: float = 0.0
    qos: int = 0
    retain: bool = False
    at_start: bool = False
    gaps: Episodes | None = None
    bursts: Episodes | None = None
    bad: BadPayloads | None = None

    @property
    def rate(self) -> float:
        """Messages a second of all its devices, but for gaps and bursts."""
        return len(self.topics) / self.interval


@dataclass(frozen=True, slots=True)
class SimulationConfig:
    """A whole simulation. Made by :func:`read_config`."""

    name: str
    devices: tuple[DeviceKind, ...]
    seed: int = 7
    start: datetime.datetime | None = None
    text: str = field(default="", repr=False)

    @property
    def rate(self) -> float:
        """Messages a second, but for those that are sent at the start, gaps and bursts."""
        return sum(device.rate for device in self.devices)

    @property
    def device_count(self) -> int:
        return sum(len(device.topics) for device in self.devices)


def bundled(name: str = BUNDLED) -> str:
    """The TOML of a simulation that comes with honeyframe."""
    return (resources.files("honeyframe") / "plants" / f"{name}.toml").read_text(encoding="utf-8")


def read_config(config: ConfigLike) -> SimulationConfig:
    """A simulation from a TOML file, a mapping with the same content, or the name of a bundled one (``"plant"``).

    Raises:
        InvalidArgumentError: what is wrong, and at which key.
        OSError: the file cannot be read.
    """
    if isinstance(config, SimulationConfig):
        return config
    if isinstance(config, Mapping):
        return _read(config, "the configuration")
    if config == BUNDLED:
        return _parse(bundled(), f"{BUNDLED} (bundled)")
    path = Path(config)
    try:
        text = path.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise InvalidArgumentError(f"{path} is not UTF-8, as TOML is: {error}") from None
    return _parse(text, str(path))


def _parse(text: str, name: str) -> SimulationConfig:
    import tomllib

    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidArgumentError(f"{name} is not TOML: {error}") from None
    return _read(content, name)


def _read(content: Mapping[str, Any], name: str) -> SimulationConfig:
    table = Table(content, name)
    devices = content.get("device")
    if not isinstance(devices, list) or not devices:
        table.fail("device", "it needs at least one [[device]]")
    kinds = tuple(_device(entry, number, name) for number, entry in enumerate(devices, 1))
    start = table.take("start", None)
    if start is not None and (not isinstance(start, datetime.datetime) or start.tzinfo is None):
        table.fail("start", f"it must be a time with a zone, such as 2026-01-01T00:00:00Z; found {start!r}")
    seed = table.integer("seed", 7, least=0)
    table.take("device", None)
    table.end()
    return SimulationConfig(name, kinds, seed, None if start is None else start.astimezone(datetime.UTC))


class Table:
    """A table of the file, read key by key: what nobody asked for is a mistake, and every mistake has its place."""

    def __init__(self, content: Any, place: str) -> None:
        self.place = place
        if not isinstance(content, Mapping):
            raise InvalidArgumentError(f"{place} must be a table; found {content!r}")
        self._content = dict(content)
        self._asked: list[str] = []

    def __contains__(self, key: str) -> bool:
        return key in self._content

    def fail(self, key: str, why: str) -> NoReturn:
        raise InvalidArgumentError(f"{self.place}: {key}: {why}")

    def take(self, key: str, default: Any) -> Any:
        self._asked.append(key)
        return self._content.get(key, default)

    def number(self, key: str, default: float, *, least: float = -math.inf, most: float = math.inf) -> float:
        value = self.take(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or not least <= value <= most:
            limits = f"from {least:g} to {most:g}" if math.isfinite(most) else f"of at least {least:g}" if math.isfinite(least) else ""
            self.fail(key, f"it must be a number {limits}".rstrip() + f"; found {value!r}")
        return float(value)

    def integer(self, key: str, default: int, *, least: int, most: int | None = None) -> int:
        value = self.take(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or value < least or (most is not None and value > most):
            limits = f"from {least} to {most}" if most is not None else f"of at least {least}"
            self.fail(key, f"it must be a whole number {limits}; found {value!r}")
        return value

    def share(self, key: str, default: float = 0.0) -> float:
        return self.number(key, default, least=0, most=1)

    def flag(self, key: str, default: bool) -> bool:
        value = self.take(key, default)
        if not isinstance(value, bool):
            self.fail(key, f"it must be true or false; found {value!r}")
        return value

    def text(self, key: str, default: str | None = None) -> str:
        value = self.take(key, default)
        if not isinstance(value, str) or not value:
            self.fail(key, "it is missing" if value is None else f"it must be text in quotes; found {value!r}")
        return value

    def duration(self, key: str, default: Any = None) -> float:
        value = self.take(key, default)
        if value is None:
            self.fail(key, 'it is missing: a duration, such as "10s"')
        try:
            return to_seconds(value, key)
        except (InvalidArgumentError, TypeError) as error:
            self.fail(key, str(error).splitlines()[0])

    def positive_duration(self, key: str, default: Any = None) -> float:
        value = self.duration(key, default)
        if not 0 < value < math.inf:
            self.fail(key, f"it must be longer than nothing; found {value:g} s")
        return value

    def end(self) -> None:
        for key in self._content:
            if key not in self._asked:
                near = difflib.get_close_matches(str(key), self._asked, n=1)
                meant = f"; did you mean {near[0]}?" if near else f"; it takes {', '.join(sorted(set(self._asked)))}"
                self.fail(str(key), f"nothing is known by this name{meant}")


def _device(entry: Any, number: int, name: str) -> DeviceKind:
    called = entry.get("name") if isinstance(entry, Mapping) and isinstance(entry.get("name"), str) else None
    table = Table(entry, f"{name}: device {called or number}")
    topic = table.text("topic")
    table.take("name", None)
    levels = _levels(table, topic)
    topics = _topics(table, topic, levels)
    if "payload" not in table:
        table.fail("payload", 'it is missing: a table of fields, such as [device.payload] and below it temperature = { kind = "number" }')
    retain = table.flag("retain", False)
    made = DeviceKind(
        name=called or topic,
        place=table.place,
        topic=topic,
        topics=topics,
        levels=levels,
        payload=table.take("payload", None),
        interval=_interval(table, retain),
        jitter=table.share("jitter", 0.1),
        qos=table.integer("qos", 0, least=0, most=2),
        retain=retain,
        at_start=table.flag("at_start", retain),
        gaps=_episodes(table, "gaps"),
        bursts=_episodes(table, "bursts"),
        bad=_bad(table),
    )
    table.end()
    from .simulation_fields import make_payload

    make_payload(made)  # for its mistakes
    return made


def _interval(table: Table, retain: bool) -> float:
    if "rate" in table and "every" in table:
        table.fail("rate", 'every says the same: one of them will do, rate = 0.5 or every = "2s"')
    if "rate" in table:
        rate = table.number("rate", 1.0)
        if rate <= 0:
            table.fail("rate", f"it must be more than 0 messages a second, of each device; found {rate:g}")
        return 1.0 / rate
    return table.positive_duration("every", "10min" if retain else "1s")


def _levels(table: Table, topic: str) -> dict[str, tuple[Any, ...]]:
    """Of each level its values, one a device: all combinations, the last level first to change."""
    given = Table(table.take("levels", {}), f"{table.place}: levels")
    wanted = [part[1:-1] for part in topic.split("/") if part.startswith("{") and part.endswith("}")]
    values: dict[str, Sequence[Any]] = {}
    for name in wanted:
        if name == "device":
            continue
        value = given.take(name, None)
        if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
            _check_devices(table, f"levels: {name}", value)
            values[name] = range(1, value + 1)
        elif isinstance(value, list) and value and all(isinstance(one, str | int) and not isinstance(one, bool) for one in value):
            values[name] = value
        else:
            why = "it is missing" if value is None else f"found {value!r}"
            given.fail(name, f'{why}: how many there are, or their names in a list, such as 3 or ["north", "south"]')
    given.end()
    count = table.integer("count", 1, least=1)
    if "device" in wanted:
        _check_devices(table, "count", count)
        values["device"] = range(1, count + 1)
    elif count > 1:
        table.fail("count", "its devices need topics of their own: put {device} into topic, or use levels")
    _check_devices(table, "levels", math.prod(len(one) for one in values.values()))
    rows = list(itertools.product(*values.values()))
    return {name: tuple(row[i] for row in rows) for i, name in enumerate(values)}


def _check_devices(table: Table, key: str, count: int) -> None:
    if count > _MAX_DEVICES:
        table.fail(key, f"these are {count:,} devices, and a simulation has at most {_MAX_DEVICES:,}")


def _topics(table: Table, topic: str, levels: Mapping[str, tuple[Any, ...]]) -> tuple[str, ...]:
    if any(sign in topic for sign in "+#\0"):
        table.fail("topic", f"it is published to, so it has no wildcards; found {topic!r}")
    parts = topic.split("/")
    for part in parts:
        if ("{" in part or "}" in part) and not (part.startswith("{") and part.endswith("}") and part[1:-1].isidentifier()):
            table.fail("topic", f"a placeholder is a whole level, such as plant/{{line}}/telemetry; found {part!r}")
    count = len(next(iter(levels.values()))) if levels else 1
    made: Iterable[str] = ("/".join(str(levels[part[1:-1]][i]) if part.startswith("{") else part for part in parts) for i in range(count))
    topics = tuple(made)
    for name, values in levels.items():
        for value in values:
            if str(value) == "" or any(sign in str(value) for sign in "/+#\0"):
                table.fail(f"levels: {name}", f"{value!r} cannot be a level of a topic")
    return topics


def _episodes(table: Table, key: str) -> Episodes | None:
    given = table.take(key, None)
    if given is None:
        return None
    inner = Table(given, f"{table.place}: {key}")
    every, lasts = inner.positive_duration("every"), inner.positive_duration("lasts")
    times = inner.integer("times", 10, least=2, most=10_000) if key == "bursts" else 1
    inner.end()
    if lasts >= every:
        inner.fail("lasts", f"it must be shorter than every; found {lasts:g} s of {every:g} s")
    return Episodes(every, lasts, times)


def _bad(table: Table) -> BadPayloads | None:
    given = table.take("bad", None)
    if given is None:
        return None
    inner = Table(given, f"{table.place}: bad")
    share = inner.share("share", 0.001)
    kinds = inner.take("kinds", list(BAD_KINDS))
    if not isinstance(kinds, list) or not kinds or any(kind not in BAD_KINDS for kind in kinds):
        inner.fail("kinds", f"it is a list of some of {', '.join(BAD_KINDS)}; found {kinds!r}")
    inner.end()
    return BadPayloads(share, tuple(kinds))
