"""From a Python value to the bytes of an MQTT payload, and from arguments to what MQTT has beside it.

Numpy and pandas values are known by their shape, so that neither library is imported here.
"""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from .durations import Duration
from .durations import seconds as to_seconds
from .errors import InvalidArgumentError
from .keywords import Properties

Payload: TypeAlias = Any  # dict, list, tuple, str, bytes, bytearray, memoryview, float, int, bool, None; numpy and pandas values


def encode_payload(payload: Payload) -> bytes:
    """The bytes that :meth:`Client.publish` sends for ``payload``.

    ``bytes``, ``bytearray`` and ``memoryview`` are sent as they are, ``str`` as UTF-8. Everything else becomes JSON in UTF-8: dict,
    list, tuple, number, bool, None (``null``; an empty payload is ``b""``), numpy arrays and scalars, pandas Series and scalars; dates
    and times as ISO 8601; ``pandas.NA`` and ``NaT`` as ``null``.

    Raises:
        InvalidArgumentError: NaN or infinity, which JSON does not have; a lone surrogate, which UTF-8 does not have; a circular reference.
        TypeError: a type without a JSON form. The message names it.

    >>> encode_payload({"temperature": 21.5, "ok": True})
    b'{"temperature":21.5,"ok":true}'
    >>> encode_payload("on")
    b'on'
    """
    if isinstance(payload, bytes):
        return payload
    if isinstance(payload, (bytearray, memoryview)):
        return bytes(payload)
    try:
        if isinstance(payload, str):
            return payload.encode("utf-8")
        text = json.dumps(payload, default=_plain, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InvalidArgumentError(
            f"the payload holds a lone surrogate (U+{ord(error.object[error.start]):04X}), which UTF-8 cannot carry",
            hint="Pass bytes, or repair the text with text.encode('utf-8', 'replace').",
        ) from None
    except ValueError as error:
        if "Circular" in str(error):
            raise InvalidArgumentError("the payload contains itself: JSON has no circular references") from None
        if "integer string conversion" in str(error):  # Python's own limit, sys.set_int_max_str_digits
            raise InvalidArgumentError("the payload holds an integer of more digits than Python writes (4,300 by default)") from None
        raise InvalidArgumentError(
            "the payload holds NaN or infinity, which JSON does not have", hint="Send None (null) in their place, or leave the key out."
        ) from None
    except RecursionError:
        raise InvalidArgumentError("the payload is nested too deeply to be written as JSON") from None


def _plain(value: Any) -> Any:
    """One step from a value that `json` does not know to one that it does."""
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return _iso8601(value)
    kind = getattr(getattr(value, "dtype", None), "kind", "")
    if getattr(value, "shape", None) == () and hasattr(value, "item"):  # a numpy scalar
        return _numpy_scalar(value, kind)
    if hasattr(value, "tolist") and not isinstance(value, memoryview):  # an array, a Series, an Index
        return [_iso8601_text(str(item)) for item in value] if kind == "M" else value.tolist()
    if type(value).__name__ in {"NAType", "NaTType"}:
        return None
    raise TypeError(
        f"a payload cannot hold a {type(value).__module__}.{type(value).__qualname__}: JSON has no form for it. "
        "Pass dicts, lists, numbers, strings, booleans, None, dates, or bytes as they are to be sent"
    )


def _numpy_scalar(value: Any, kind: str) -> Any:
    if kind == "M":
        return _iso8601_text(str(value))
    if kind == "f":
        number = float(value)
        if not math.isfinite(number):
            return number  # refused by allow_nan=False
        return float(str(value))  # float32 0.1 is meant as 0.1
    return value.item()


def _iso8601(value: datetime.datetime | datetime.date | datetime.time) -> str | None:
    return _iso8601_text(value.isoformat())


def _iso8601_text(text: str) -> str | None:
    return None if text == "NaT" else text


def expiry_seconds(message_expiry: Duration | None) -> int | None:
    """``message_expiry=`` as MQTT has it."""
    return None if message_expiry is None else round(min(to_seconds(message_expiry, "message_expiry"), 0xFFFFFFFF))


def property_pairs(properties: Properties) -> list[tuple[str, str]]:
    """User properties as pairs: a name may come more than once."""
    if not isinstance(properties, Iterable):
        raise TypeError(f"user_properties must be a mapping or a list of pairs of str, not {type(properties).__name__}")
    pairs = list(properties.items()) if isinstance(properties, Mapping) else list(properties)
    for pair in pairs:
        if not (isinstance(pair, (tuple, list)) and len(pair) == 2 and all(isinstance(text, str) for text in pair)):
            raise InvalidArgumentError("user_properties is a mapping or a list of pairs of str", hint='For instance {"site": "Graz"}.')
    return [(name, value) for name, value in pairs]
