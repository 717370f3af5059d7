"""What is known of a pattern's columns from one run to the next, so that types do not begin anew: one "N/A" as the first value after a
restart must not turn a temperature into text.

An extractor learns types from payloads alone; so what is known is told to it as a payload, whose row is thrown away.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

from .recording_layout import COLUMNS
from .recording_place import Place

#: Of each pattern: names and types, as the core spells them.
KnownColumns: TypeAlias = Mapping[str, Sequence[tuple[str, str]]]

_EXAMPLES: Final[dict[str, Any]] = {"bool": True, "int64": 1, "uint64": 2**64 - 1, "float64": 0.5, "string": "x"}


def read_columns(place: Place) -> dict[str, list[tuple[str, str]]]:
    """As they were last written; nothing where they are not there, or damaged: they can be learned again."""
    content = place.read(COLUMNS)
    if content is None:
        return {}
    try:
        return {str(pattern): [(str(name), str(kind)) for name, kind in columns] for pattern, columns in json.loads(content).items()}
    except (ValueError, TypeError, AttributeError):
        return {}


def columns_to_bytes(columns: KnownColumns) -> bytes:
    return json.dumps(columns, indent=1).encode()


def example_payload(columns: Sequence[tuple[str, str]], *, sep: str, besides: Sequence[str] = ()) -> bytes:
    """A payload of which an extractor learns these columns; ``besides`` are levels of topics, which are none of a payload's.

    >>> example_payload([("a", "int64"), ("n.x", "list<float64>"), ("_misfit", "string")], sep=".")
    b'{"a": 1, "n": {"x": [0.5]}}'
    """
    payload: dict[str, Any] = {}
    for name, kind in columns:
        example = _example(kind)
        # Left out are our own, and names that another column had taken.
        if example is not None and not name.startswith(("_", "/")) and name not in besides:
            _put(payload, name.split(sep), example)
    return json.dumps(payload).encode()


def _example(kind: str) -> Any:
    if kind.startswith("list<"):
        item = _EXAMPLES.get(kind[5:-1])
        return [] if item is None else [item]
    return _EXAMPLES.get(kind)


def _put(payload: dict[str, Any], path: Sequence[str], value: Any) -> None:
    """Where nothing else is in its way: no extractor has a column and another below it."""
    place = payload
    for key in path[:-1]:
        below = place.setdefault(key, {})
        if not isinstance(below, dict):
            return
        place = below
    place.setdefault(path[-1], value)
