"""Durations: seconds as numbers, or strings as pandas reads them."""

from __future__ import annotations

import datetime
import math
from typing import Final, SupportsFloat, TypeAlias

from .errors import InvalidArgumentError

#: What every argument that is a duration accepts.
Duration: TypeAlias = SupportsFloat | str | datetime.timedelta

_HINT: Final = 'Pass seconds as a number, or a string such as "500ms", "10s" or "10min".'


def seconds(value: Duration, argument: str = "duration") -> float:
    """A duration in seconds.

    Args:
        value: a number of seconds (also of numpy); a string as ``pandas.Timedelta`` reads it (``"10min"``, ``"1h 30min"``), where a
            number alone is seconds; a ``timedelta``.
        argument: the name that an error gives it.

    Returns:
        float: zero, positive, or infinity.

    Raises:
        InvalidArgumentError: (a ``ValueError``) negative, NaN, or nothing that can be read.
        TypeError: neither number, string nor timedelta.

    >>> seconds("10min"), seconds(0.5)
    (600.0, 0.5)
    """
    if isinstance(value, str):
        result = _from_text(value, argument)
    elif isinstance(value, datetime.timedelta):  # pandas.Timedelta too
        result = value.total_seconds()
    elif isinstance(value, bool) or not isinstance(value, SupportsFloat):
        raise TypeError(f"{argument} must be a number of seconds or a string, not {type(value).__name__}")
    else:
        try:
            result = float(value)
        except OverflowError:
            raise InvalidArgumentError(f"{argument} is too large a number of seconds", hint=_HINT) from None
    if math.isnan(result) or result < 0:
        raise InvalidArgumentError(f"{argument} must be zero or more; found {value!r}", hint=_HINT)
    return result


def _from_text(text: str, argument: str) -> float:
    if not text.strip():
        raise InvalidArgumentError(f"{argument} is no duration, but an empty string: {text!r}", hint=_HINT)
    try:
        return float(text)
    except ValueError:
        pass
    import pandas as pd

    try:
        return float(pd.Timedelta(text).total_seconds())  # of NaT: NaN, refused by the caller
    except (ValueError, OverflowError):
        raise InvalidArgumentError(f"{argument} is no duration: {text!r}", hint=_HINT) from None
