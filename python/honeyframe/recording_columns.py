"""What is known of a pattern's columns from one run to the next, so that types do not begin anew: one "N/A" as the first value after a
restart must not turn a temperature into text.

An extractor learns types from payloads alone; so what is known is told to it as payloads, whose rows are thrown away.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

from .recording_errors import NotARecordingError
from .recording_layout import COLUMNS
from .recording_place import Place

#: Of each pattern: names and types, as the core spells them.
KnownColumns: TypeAlias = Mapping[str, Sequence[tuple[str, str]]]

_EXAMPLES: Final[dict[str, Any]] = {"bool": True, "int64": 1, "uint64": 2**64 - 1, "float64": 0.5, "string": "x"}
_MOST_PAYLOADS: Final = 8


def read_columns(place: Place) -> dict[str, list[tuple[str, str]]]:
    """As they were last written; nothing where they are not there, or damaged: they can be learned again."""
    content = place.read(COLUMNS)
    if content is None:
        return {}
    try:
        return {str(pattern): [(str(name), str(kind)) for name, kind in columns] for pattern, columns in json.loads(content).items()}
    except (ValueError, TypeError, AttributeError, NotARecordingError):
        return {}


def columns_to_bytes(columns: KnownColumns) -> bytes:
    return json.dumps(columns, indent=1).encode()


def example_payloads(columns: Sequence[tuple[str, str]], *, sep: str, besides: Sequence[str] = ()) -> list[bytes]:
    """Payloads of which an extractor learns these columns; ``besides`` are levels of topics, which are none of a payload's.

    >>> example_payloads([("a", "int64"), ("n.x", "list<float64>"), ("a.b", "string"), ("_misfit", "string")], sep=".")
    [b'{"a": 1, "n": {"x": [0.5]}}', b'{"a": {"b": "x"}}']
    """
    made: list[dict[str, Any]] = []
    for name, kind in columns:
        example = _example(kind)
        if example is None or name.startswith(("_", "/")) or name in besides:
            continue  # our own; or a name that another column had taken
        path = name.split(sep)
        if not any(_put(payload, path, example) for payload in made) and len(made) < _MOST_PAYLOADS:
            made.append({})
            _put(made[-1], path, example)
    return [json.dumps(payload).encode() for payload in made]


def _example(kind: str) -> Any:
    if kind.startswith("list<"):
        item = _EXAMPLES.get(kind[5:-1])
        return [] if item is None else [item]
    return _EXAMPLES.get(kind)


def _put(payload: dict[str, Any], path: Sequence[str], value: Any) -> bool:
    """Where nothing else is in its way."""
    place = payload
    for key in path[:-1]:
        place = place.setdefault(key, {}) if key not in place or isinstance(place[key], dict) else {}
    if path[-1] in place or not _is_at(payload, path[:-1], place):
        return False
    place[path[-1]] = value
    return True


def _is_at(payload: dict[str, Any], path: Sequence[str], place: dict[str, Any]) -> bool:
    found: Any = payload
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
    return found is place
