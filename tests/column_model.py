"""Section 3 of docs/frame-rules.md in plain Python: which values a column takes, and what it becomes by them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from tests.json_model import NUMBER, Value, number_of
from tests.time_model import TimeModel

_NUMERIC: Final = ("int64", "uint64", "float64")
_INTEGERS: Final = {"int64": range(-(2**63), 2**63), "uint64": range(2**64)}


@dataclass(frozen=True)
class AsText:
    """A value of the open batch that became its JSON text: any text that reads back as ``value`` will do."""

    value: Any


@dataclass
class Effects:
    """What fitting a value did beside it."""

    na_strings: int = 0
    numbers_from_strings: int = 0
    lost: list[tuple[int, int]] = field(default_factory=list)  # row, integer


def is_exact(number: int) -> bool:
    return abs(number) < 10**309 and int(float(number)) == number


class ColumnModel:
    """``path`` is None where a schema, or the frame itself, has made it."""

    def __init__(self, name: str, kind: str, path: tuple[str, ...] | None, time: TimeModel) -> None:
        self.name = name
        self.type = kind
        self.path = path
        self.fixed = path is None
        self.time = time
        self.values: list[Any] = []
        self.any_negative = False  # in all batches
        self.only_na = False  # text so far, all of it in na_values, and all in the open batch
        self.handed_out = False

    def copy(self) -> ColumnModel:
        other = ColumnModel(self.name, self.type, self.path, TimeModel(self.time.unit, utc=self.time.utc))
        other.values = list(self.values)
        other.any_negative, other.only_na, other.handed_out = self.any_negative, self.only_na, self.handed_out
        return other

    def pad(self, rows: int) -> None:
        self.values += [None] * (rows - len(self.values))

    def finish(self, rows: int) -> list[Any]:
        self.pad(rows)
        values, self.values = self.values, []
        self.only_na, self.handed_out = False, True
        return values

    def fit(self, value: Value, row: int, na_values: frozenset[str], lenient: bool, effects: Effects) -> bool:
        """Appends, or says that it does not fit. ``lenient``: on_conflict="keep"."""
        self.pad(row)
        if len(self.values) > row:
            return False  # another path to this column came first
        if self.type == "null":
            return self._first(value, na_values, lenient, effects)
        if self.only_na:
            if value.kind == "string":
                self.only_na = value.python in na_values
            elif value.kind in ("integer", "fraction", "bool") or (value.kind == "list" and value.holds_scalars):
                effects.na_strings += sum(one is not None for one in self.values)
                self.type, self.values, self.only_na = "null", [None] * row, False
                return self._first(value, na_values, lenient, effects)
            else:
                self.only_na = False
        if self.type.startswith("list<"):
            if value.holds_scalars:
                return self._list(value, na_values, lenient, effects)
            if value.kind == "list" and self.type == "list<null>" and not self.fixed:
                self.become_text()
                return self._append("string", value)
            if value.kind == "object" and self.type == "list<null>" and not self.fixed:
                self.become_text()
                return self._append("string", value)
        elif self._append(self.type, value):
            return True
        if value.kind in ("string", "text"):
            return self._string(value, na_values, lenient, effects)
        return self.type in _NUMERIC and value.kind in ("integer", "fraction") and self._number(value, lenient, effects)

    def become_text(self) -> None:
        if self.type != "string":
            self.values = [None if value is None else AsText(value) for value in self.values]
        self.type, self.only_na = "string", False

    def append_text(self, value: Value, row: int) -> None:
        """on_conflict="widen": the column becomes text and takes anything."""
        self.become_text()
        self.pad(row)
        self._append("string", value)

    # --- One value ----------------------------------------------------------------------------------------------------

    def exactly(self, kind: str, value: Value) -> tuple[bool, Any]:
        """Whether ``value``, exactly, is one of this type, and which."""
        found = value.python
        if kind == "bool":
            return value.kind == "bool", found
        if kind in _INTEGERS:
            whole = value.kind == "fraction" and self.fixed and found == int(found)  # 21.0 where a schema says int64
            return (value.kind == "integer" or whole) and int(found) in _INTEGERS[kind], int(found) if whole else found
        if kind == "float64":
            if value.kind == "integer":
                return is_exact(found), float(found) if is_exact(found) else None
            return value.kind == "fraction", found
        if kind == "string":
            return value.kind != "bytes", found if value.kind in ("string", "text") else value.raw
        if kind == "timestamp":
            time = self.time.read(value)
            return time is not None, time
        if kind == "binary":
            return value.kind in ("string", "text", "bytes"), found.encode() if isinstance(found, str) else found
        return False, None

    def _append(self, kind: str, value: Value) -> bool:
        fits, found = self.exactly(kind, value)
        if fits:
            self.values.append(found)
            self.any_negative |= kind == "int64" and found < 0
        return fits

    def _first(self, value: Value, na_values: frozenset[str], lenient: bool, effects: Effects) -> bool:
        if value.kind == "huge" or (value.kind == "integer" and not -(2**63) <= value.python < 2**64):
            return False
        if value.holds_scalars:
            self.type = "list<null>"
            if self._list(value, na_values, lenient, effects):
                return True
        self.type = {"bool": "bool", "fraction": "float64", "bytes": "binary"}.get(value.kind, "string")
        if value.kind == "integer":
            self.type = "int64" if value.python < 2**63 else "uint64"
        self.only_na = value.kind == "string" and value.python in na_values
        return self._append(self.type, value)

    def _number(self, value: Value, lenient: bool, effects: Effects) -> bool:
        if self._append(self.type, value):
            return True
        if self.fixed:
            return False
        if self.type == "int64" and value.kind == "integer" and 2**63 <= value.python < 2**64 and not self.any_negative:
            self.type = "uint64"
        elif self.type in _INTEGERS and value.kind == "fraction" and (lenient or all(n is None or is_exact(n) for n in self.values)):
            for row, number in enumerate(self.values):
                if number is not None:
                    self.values[row] = float(number) if is_exact(number) else None
                    effects.lost += [] if is_exact(number) else [(row, number)]
            self.type = "float64"
        else:
            return False
        return self._append(self.type, value)

    def _string(self, value: Value, na_values: frozenset[str], lenient: bool, effects: Effects) -> bool:
        if value.python in na_values:
            self.values.append(None)
            effects.na_strings += 1
            return True
        number = number_in(value)
        if number is None or not lenient or self.type not in _NUMERIC or not self._number(number, lenient, effects):
            return False
        effects.numbers_from_strings += 1
        return True

    # --- Lists --------------------------------------------------------------------------------------------------------

    def _list(self, value: Value, na_values: frozenset[str], lenient: bool, effects: Effects) -> bool:
        now = self.type[5:-1]
        item = now if self.fixed or now == "string" else self._item_type(now, value)
        if item is None:
            return False
        before = [number for values in self.values if values for number in values if number is not None]
        if item == "float64" and now in _INTEGERS and not all(map(is_exact, before)):
            return False
        tried = Effects()
        found: list[Any] = []
        for element in value.items:
            fits, one = (True, None) if element.kind == "null" else self.exactly(item, element)
            if not fits and element.kind == "string" and element.python in na_values:
                fits, one, tried.na_strings = True, None, tried.na_strings + 1
            elif not fits and element.kind == "string" and lenient and item in _NUMERIC:
                number = number_in(element)
                fits, one = self.exactly(item, number) if number else (False, None)
                tried.numbers_from_strings += 1
            if not fits:
                return False
            found.append(one)
        if item != now and item == "float64":
            self.values = [values and [number if number is None else float(number) for number in values] for values in self.values]
        self.type = f"list<{item}>"
        self.values.append(found)
        self.any_negative |= item == "int64" and any(one is not None and one < 0 for one in found)
        effects.na_strings += tried.na_strings
        effects.numbers_from_strings += tried.numbers_from_strings
        return True

    def _item_type(self, now: str, value: Value) -> str | None:
        """What the items' type becomes by the new list; None where no one type holds them."""
        items = [item for item in value.items if item.kind != "null"]
        kinds = {item.kind for item in items}
        if not kinds:
            return now
        if kinds == {"string"}:
            return "string" if now == "null" else now
        if kinds <= {"bool", "string"}:
            return "bool" if now in ("null", "bool") else None
        integers = [item.python for item in items if item.kind == "integer"]
        if not integers and "fraction" not in kinds:
            return None  # 1e400 alone
        if now == "float64":
            return now
        wide = any(not -(2**63) <= number < 2**64 for number in integers)
        if "fraction" in kinds or wide:
            item = "float64"
        elif any(number >= 2**63 for number in integers):
            if self.any_negative or any(number < 0 for number in integers):
                return None
            item = "uint64"
        else:
            item = "int64"
        if now == "null":
            return item
        order = {"int64": 0, "uint64": 1, "float64": 2}
        return None if now not in order else item if order[item] > order[now] else now


def number_in(value: Value) -> Value | None:
    """A string that is exactly a JSON number, written without escapes."""
    if value.kind != "string" or value.escaped or not NUMBER.fullmatch(value.python):
        return None
    number = number_of(value.python)
    return None if number.kind == "huge" else number
