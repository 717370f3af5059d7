"""Payloads: every kind of value that a notebook holds, as the bytes that are sent."""

from __future__ import annotations

import datetime
import decimal
import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from honeyframe.errors import InvalidArgumentError
from honeyframe.payload import encode_payload


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"temperature": 21.5}, b'{"temperature":21.5}'),
        ([1, "two", None, True], b'[1,"two",null,true]'),
        ((1, 2), b"[1,2]"),
        (21.5, b"21.5"),
        (2**64, b"18446744073709551616"),
        (True, b"true"),
        (None, b"null"),
        ("on", b"on"),
        ("Größe °C 🐝", "Größe °C 🐝".encode()),
        ({"unit": "°C"}, '{"unit":"°C"}'.encode()),
        (b"\x00\xff", b"\x00\xff"),
        (bytearray(b"ab"), b"ab"),
        (memoryview(b"abcdef")[::2], b"ace"),
        (b"", b""),
    ],
)
def test_plain_values(value: object, expected: bytes) -> None:
    assert encode_payload(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.int64(2**62 + 1), 2**62 + 1),
        (np.uint64(2**64 - 1), 2**64 - 1),
        (np.float64(0.1), 0.1),
        (np.float32(0.1), 0.1),
        (np.bool_(True), True),
        (np.str_("text"), "text"),
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        (np.array(["2026-01-02T03:04:05.123456789", "NaT"], dtype="datetime64[ns]"), ["2026-01-02T03:04:05.123456789", None]),
        (np.datetime64("2026-01-02T03:04:05.123456789"), "2026-01-02T03:04:05.123456789"),
        (pd.Series([1, 2], dtype="Int64"), [1, 2]),
        (pd.Timestamp("2026-01-02T03:04:05.123456789Z"), "2026-01-02T03:04:05.123456789+00:00"),
        (pd.NA, None),
        (pd.NaT, None),
        (datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC), "2026-01-02T03:04:05+00:00"),
        (datetime.date(2026, 1, 2), "2026-01-02"),
        (datetime.time(3, 4), "03:04:00"),
    ],
)
def test_values_of_numpy_pandas_and_dates(value: object, expected: object) -> None:
    data = json.loads(encode_payload({"value": value}))
    assert data == {"value": expected}


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        {"a": [1, -float("inf")]},
        np.float64("nan"),
        {"a": np.float32("nan")},
        {"a": np.array([1.0, np.nan])},
        {"a": pd.Series([1.0, None])},
    ],
)
def test_nan_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="NaN or infinity"):
        encode_payload(value)


def test_a_lone_surrogate_is_refused_by_name() -> None:
    with pytest.raises(InvalidArgumentError, match=r"U\+D800"):
        encode_payload("\ud800")
    with pytest.raises(InvalidArgumentError, match=r"U\+DC00"):
        encode_payload({"key": "\udc00"})


def test_a_payload_that_contains_itself() -> None:
    payload: dict[str, Any] = {}
    payload["self"] = payload
    with pytest.raises(InvalidArgumentError, match="contains itself"):
        encode_payload(payload)


def test_a_payload_that_is_too_deep() -> None:
    payload: list[Any] = []
    for _ in range(200_000):
        payload = [payload]
    with pytest.raises(InvalidArgumentError, match="too deep"):
        encode_payload(payload)


@pytest.mark.parametrize("value", [object(), {1, 2}, decimal.Decimal("1.1"), {"a": 1j}, {"a": b"bytes"}, pd.DataFrame({"a": [1]})])
def test_what_has_no_json_form_is_named(value: object) -> None:
    with pytest.raises(TypeError, match=r"JSON has no form|must be str"):
        encode_payload(value)


def test_an_integer_of_too_many_digits_is_not_called_nan() -> None:
    with pytest.raises(InvalidArgumentError, match="more digits"):
        encode_payload({"n": 10**5000})
