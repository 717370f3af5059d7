"""Durations in seconds."""

import datetime
import math
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from honeyframe.durations import seconds
from honeyframe.errors import InvalidArgumentError


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, 0.0),
        (10, 10.0),
        (0.25, 0.25),
        (np.float64(1.5), 1.5),
        (np.int32(3), 3.0),
        ("10", 10.0),
        (" 1.5 ", 1.5),
        ("10s", 10.0),
        ("10min", 600.0),
        ("1h 30min", 5400.0),
        ("500ms", 0.5),
        ("00:01:00", 60.0),
        ("PT1M", 60.0),
        (datetime.timedelta(minutes=1), 60.0),
        (pd.Timedelta("2min"), 120.0),
        (math.inf, math.inf),
    ],
)
def test_reads(value, expected):
    assert seconds(value) == expected


@pytest.mark.parametrize("value", [-1, -0.001, math.nan, "-1s", "-5", "nan", "NaT", "", "soon", "10 parsecs", "1e400 days"])
def test_refuses_by_name(value):
    with pytest.raises(ValueError, match=r"^idle_seconds ") as raised:
        seconds(value, "idle_seconds")
    assert isinstance(raised.value, InvalidArgumentError)
    assert repr(value) in str(raised.value)


@pytest.mark.parametrize("value", [None, True, b"10s", [], object()])
def test_refuses_other_types(value):
    with pytest.raises(TypeError, match="max_seconds must be a number of seconds or a string"):
        seconds(value, "max_seconds")


def test_numbers_do_without_pandas():
    code = "import sys; from honeyframe.durations import seconds; seconds(5); seconds('5'); sys.exit('pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_number_beyond_floats_is_refused_by_name():
    with pytest.raises(InvalidArgumentError, match=r"^keepalive is too large a number"):
        seconds(10**400, "keepalive")
