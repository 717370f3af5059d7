"""What JSON values of one kind have in common: their types, keys and examples; written down as JSON Schema 2020-12."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

_MOST_KEYS: Final = 1_024  # of one object; the others are allowed, and not listed
_MOST_DEPTH: Final = 64
_EXAMPLES: Final = 3
_LONG: Final = 80  # characters of an example
_DATE_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)")


class JsonTree:
    """Values that stood at one place, and the places below it."""

    __slots__ = ("count", "examples", "items", "properties", "times", "types")

    def __init__(self) -> None:
        self.count = 0
        self.types: Counter[str] = Counter()
        self.times = 0  # of the strings, those that are RFC 3339 with a zone
        self.properties: dict[str, JsonTree] = {}
        self.items: JsonTree | None = None
        self.examples: list[Any] = []

    def add(self, value: Any, depth: int = 0) -> None:
        """Takes in a value as Python's ``json`` has it."""
        self.count += 1
        kind = json_type(value)
        self.types[kind] += 1
        if depth >= _MOST_DEPTH:
            return
        if kind == "object":
            for key, item in value.items():
                below = self.properties.get(key)
                if below is None and len(self.properties) < _MOST_KEYS:
                    below = self.properties[key] = JsonTree()
                if below is not None:
                    below.add(item, depth + 1)
        elif kind == "array":
            self.items = self.items or JsonTree()
            for item in value:
                self.items.add(item, depth + 1)
        if kind == "string" and _DATE_TIME.fullmatch(value):
            self.times += 1
        if kind not in ("null", "object") and len(self.examples) < _EXAMPLES:
            self._keep(value, kind)

    def _keep(self, value: Any, kind: str) -> None:
        """As an example, where it is short enough, and JSON: Python reads 1e400 as infinity."""
        short = value[:_LONG] if isinstance(value, str) else value
        if kind == "array" and len(str(value)) > _LONG:
            return
        if not (kind == "number" and math.isinf(value)) and short not in self.examples:
            self.examples.append(short)

    def columns(self, sep: str = ".", prefix: str | None = None, pointer: str = "") -> Iterator[tuple[str, str, JsonTree]]:
        """Name, JSON Pointer and tree of whatever is not only an object, as extraction flattens it."""
        for key, below in self.properties.items():
            spelled = key.replace("\0", "\\u0000")  # as the engine does
            name = spelled if prefix is None else f"{prefix}{sep}{spelled}"
            place = f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}"
            if set(below.types) - {"object"} or not below.properties:
                yield name, place, below
            yield from below.columns(sep, name, place)

    def schema(self) -> dict[str, Any]:
        """The schema that all these values fulfil. Keys that were always there are required; others are allowed."""
        kinds = sorted(self.types)
        if "integer" in kinds and "number" in kinds:
            kinds.remove("integer")
        result: dict[str, Any] = {}
        if kinds:
            result["type"] = kinds[0] if len(kinds) == 1 else kinds
        if self.times and self.times == self.types["string"]:
            result["format"] = "date-time"
        if self.properties:
            result["properties"] = {key: below.schema() for key, below in self.properties.items()}
            required = [key for key, below in self.properties.items() if below.count == self.types["object"]]
            if required:
                result["required"] = required
        if self.items is not None and self.items.count:
            result["items"] = self.items.schema()
        if self.examples:
            result["examples"] = list(self.examples)
        return result


def json_type(value: Any) -> str:
    """As JSON Schema calls it; a number without a fraction is an integer where it is written without one.

    >>> [json_type(value) for value in (1, 1.0, True, None, "x", [], {})]
    ['integer', 'number', 'boolean', 'null', 'string', 'array', 'object']
    """
    if isinstance(value, bool):
        return "boolean"
    if value is None:
        return "null"
    names = {int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return names[type(value)]
