"""What ``panels=`` may hold, and the panels that are made of a frame when it says nothing."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from . import _core
from .arguments import check_number
from .durations import seconds as to_seconds
from .errors import InvalidArgumentError, InvalidTopicFilterError
from .templates import read_topics

KINDS: Final = ("chart", "gauge", "value")
LEVELS: Final = ("good", "warn", "alarm")
MOST_PANELS: Final = 60
_KEYS: Final = ("kind", "y", "topics", "by", "x", "title", "unit", "min", "max", "thresholds", "window", *KINDS)
_HINT: Final = 'For instance "temperature", or {"gauge": "pressure", "topics": "plant/1/telemetry", "max": 10}.'


def read_panels(panels: Any, *, topics: str, event_time: str | None) -> list[dict[str, Any]]:
    """``panels=`` as the page's settings have them. ``topics``: of those that name none.

    Raises:
        InvalidArgumentError: a panel that is none; the message says which and why.
    """
    if isinstance(panels, (str, Mapping)):
        panels = [panels]
    if not isinstance(panels, Iterable):
        raise TypeError(f"panels must be a list of columns or dicts, not {type(panels).__name__}")
    given = list(panels)
    if len(given) > MOST_PANELS:
        raise InvalidArgumentError(f"a dashboard has {MOST_PANELS} panels at most; found {len(given)}")
    return [_read(panel, f"panels[{i}]", topics, event_time) for i, panel in enumerate(given)]


def panel(
    kind: str, y: Sequence[str], topics: str, *, title: str = "", x: str | None = None, by: Sequence[str] | None = None
) -> dict[str, Any]:
    """One with nothing special."""
    plain: dict[str, Any] = dict.fromkeys(("min", "max", "window"))
    return {
        "kind": kind,
        "title": title or ", ".join(y),
        "topics": topics,
        "y": list(y),
        "by": by,
        "x": x,
        "unit": "",
        "thresholds": [],
    } | plain


def _read(given: Any, place: str, topics: str, event_time: str | None) -> dict[str, Any]:
    if isinstance(given, str):
        given = {"chart": given}
    if not isinstance(given, Mapping):
        raise TypeError(f"{place} must be a column's name or a dict, not {type(given).__name__}")
    for key in given:
        if key not in _KEYS:
            near = difflib.get_close_matches(str(key), _KEYS, n=1)
            raise InvalidArgumentError(
                f"{place} has {key!r}, which no panel has" + (f"; did you mean {near[0]!r}?" if near else ""), hint=_HINT
            )
    kind, y = _kind_of(given, place)
    where = _topics_of(given.get("topics", topics), place)
    made = panel(kind, y, where, title=_text(given, "title", place), x=given.get("x", event_time), by=_by_of(given, where, place))
    if made["x"] is not None and not isinstance(made["x"], str):
        raise TypeError(f"{place}: x must be a column's name, not {type(made['x']).__name__}")
    made["unit"] = _text(given, "unit", place)
    for name in ("min", "max"):
        if given.get(name) is not None:
            made[name] = _finite(given[name], f"{place}: {name}")
    if made["min"] is not None and made["max"] is not None and made["min"] >= made["max"]:
        raise InvalidArgumentError(f"{place}: min must be below max; found {made['min']:g} and {made['max']:g}")
    made["thresholds"] = _thresholds(given.get("thresholds", ()), place)
    if given.get("window") is not None:
        made["window"] = window_seconds(given["window"], f"{place}: window")
    return made


def _kind_of(given: Mapping[str, Any], place: str) -> tuple[str, list[str]]:
    short = [kind for kind in KINDS if kind in given]
    if len(short) > 1 or (short and ("y" in given or "kind" in given)):
        raise InvalidArgumentError(f"{place} says twice what it shows: {', '.join(key for key in given if key in (*KINDS, 'kind', 'y'))}")
    kind = short[0] if short else given.get("kind", "chart")
    if kind not in KINDS:
        raise InvalidArgumentError(f"{place}: there are panels of kind {', '.join(KINDS)}; found {kind!r}")
    y = given[kind] if short else given.get("y")
    columns = [y] if isinstance(y, str) else list(y) if isinstance(y, Iterable) else []
    if not columns or not all(isinstance(column, str) and column for column in columns):
        raise InvalidArgumentError(f"{place} names no column to show", hint=_HINT)
    return kind, columns


def _topics_of(given: Any, place: str) -> str:
    if not isinstance(given, str):
        raise TypeError(f"{place}: topics must be one filter or template (str), not {type(given).__name__}")
    try:
        refuse_shared(read_topics([given]).filters)
    except InvalidArgumentError as error:
        raise InvalidArgumentError(f"{place}: {error.message}", hint=error.hint) from None
    return given


def refuse_shared(filters: Iterable[str]) -> None:
    """A page subscribes to what it shows, and only looks."""
    for found in filters:
        if found.startswith("$share/"):
            raise InvalidTopicFilterError(f"a page that looks at {found!r} would take messages away from the others of its group")


def _by_of(given: Mapping[str, Any], topics: str, place: str) -> list[str] | None:
    by = given.get("by")
    if by is None:
        return None
    names = [by] if isinstance(by, str) else list(by)
    known = [*_core.parse_template(topics)[1], "_topic"]
    for name in names:
        if name not in known:
            raise InvalidArgumentError(
                f"{place}: by={name!r} is no level of {topics!r}",
                hint=f"It has {', '.join(map(repr, known))}. A template names levels: plant/{{line}}/telemetry.",
            )
    return names


def _text(given: Mapping[str, Any], name: str, place: str) -> str:
    text = given.get(name) or ""
    if not isinstance(text, str):
        raise TypeError(f"{place}: {name} must be a str, not {type(text).__name__}")
    return text


def _finite(value: Any, name: str) -> float:
    number = check_number(name, value)
    if not math.isfinite(number):
        raise InvalidArgumentError(f"{name} must be a finite number; found {number}")
    return number


def window_seconds(value: Any, name: str) -> float:
    """A chart's window: a second to ten years."""
    seconds = to_seconds(value, name)
    if not 1 <= seconds <= 315_360_000:
        raise InvalidArgumentError(f"{name} must be from a second to ten years; found {value!r}")
    return seconds


def _thresholds(given: Any, place: str) -> list[dict[str, Any]]:
    """``[{"above": 70, "level": "warn"}]``, or short: ``{"warn": 70, "alarm": 90}``, each from that value upward."""
    if isinstance(given, Mapping):
        given = [{"above": value, "level": level} for level, value in given.items()]
    found = []
    for one in given:
        if not isinstance(one, Mapping) or one.get("level") not in LEVELS or ("above" in one) == ("below" in one) or len(one) != 2:
            raise InvalidArgumentError(
                f"{place}: a threshold has a level ({', '.join(LEVELS)}), and either above or below; found {one!r}",
                hint='For instance thresholds={"warn": 70, "alarm": 90} or [{"below": 5, "level": "alarm"}].',
            )
        side = "above" if "above" in one else "below"
        found.append({side: _finite(one[side], f"{place}: {side}"), "level": one["level"]})
    return found
