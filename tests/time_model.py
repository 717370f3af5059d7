"""Section 5 of docs/frame-rules.md in plain Python: texts and numbers as nanoseconds since 1970."""

from __future__ import annotations

import datetime
import math
import re
from fractions import Fraction
from typing import Final

from tests.json_model import NUMBER, Value, number_of

_RFC3339: Final = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})(\.[0-9]+)?(?:([Zz])|([+-])([0-9]{2})(?::?([0-9]{2}))?)?"
)
_EPOCH: Final = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_PLACES: Final = {"s": 9, "ms": 6, "us": 3, "ns": 0}


class TimeModel:
    """Of one column: its unit may be decided by what it reads."""

    def __init__(self, unit: str = "auto", *, utc: bool = False) -> None:
        self.unit = unit
        self.utc = utc  # tz="UTC": times without a zone are that

    def read(self, value: Value) -> int | None:
        """None where it is no time."""
        if value.kind in ("string", "text"):
            return self._text(value.python.strip(" "))
        return self._number(value) if value.kind in ("integer", "fraction") else None

    def _text(self, text: str) -> int | None:
        if NUMBER.fullmatch(text):
            return self._number(number_of(text))
        found = _RFC3339.fullmatch(text)
        if not found:
            return None
        year, month, day, hour, minute, second = (int(group) for group in found.groups()[:6])
        fraction, zulu, sign, hours, minutes = found.groups()[6:]
        offset = (int(hours) * 60 + int(minutes or 0)) * 60 if sign else 0
        if hour > 23 or minute > 59 or second > 60 or int(hours or 0) > 23 or int(minutes or 0) > 59:
            return None
        if not zulu and not sign and not self.utc:
            return None
        try:
            date = datetime.datetime(year, month, day, tzinfo=datetime.UTC)
        except ValueError:
            return None
        seconds = (date - _EPOCH).days * 86_400 + hour * 3600 + minute * 60 + second - (-offset if sign == "-" else offset)
        return _in_range(seconds * 10**9 + int((fraction or ".")[1:10].ljust(9, "0")))

    def _number(self, number: Value) -> int | None:
        if number.kind == "huge" or (number.kind == "integer" and not -(2**63) <= number.python < 2**64):
            return None
        size = abs(float(number.python))
        decides = self.unit == "auto" and size >= 1e8
        unit = ("s" if size < 1e11 else "ms" if size < 1e14 else "us" if size < 1e17 else "ns") if decides else self.unit
        places = _PLACES.get(unit, 9)
        if set(number.raw) & set("eE"):
            product = number.python * 10.0**places
            nanoseconds = _in_range(int(product + math.copysign(0.5, product))) if abs(product) < 2.0**65 else None
        else:
            nanoseconds = _in_range(math.trunc(Fraction(number.raw) * 10**places))
        if decides and nanoseconds is not None:
            self.unit = unit
        return nanoseconds


def _in_range(nanoseconds: int) -> int | None:
    return nanoseconds if -(2**63) <= nanoseconds < 2**63 else None
