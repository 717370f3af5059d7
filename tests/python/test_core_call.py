"""Arguments of a wrong type: one sentence that names the argument, and no value."""

from __future__ import annotations

import traceback
from typing import Any

import pytest

import honeyframe as hf
from honeyframe.errors import InvalidArgumentError

CANARY = "S3CRET-canary"


@pytest.mark.parametrize(
    "wrong",
    [{"client_id": 7}, {"protocol": 5}, {"insecure": "yes"}, {"receive_maximum": "many"}, {"reconnect": "x"}, {"username": 5}],
)
def test_connect_names_the_argument_and_shows_no_password(wrong: dict[str, Any]) -> None:
    (name,) = wrong
    options = {"username": "me", "password": CANARY, **wrong}
    with pytest.raises((InvalidArgumentError, hf.HoneyframeError)) as raised:
        hf.connect(f"mqtt://me:{CANARY}@127.0.0.1:1", **options)
    shown = "".join(traceback.format_exception(raised.value))
    assert CANARY not in shown
    assert "Invoked with" not in shown
    assert name in str(raised.value)


@pytest.mark.parametrize("wrong", [{"event_time": 5}, {"sep": None}, {"explode": 5}])
def test_extract_names_the_argument(wrong: dict[str, Any]) -> None:
    (name,) = wrong
    with pytest.raises(InvalidArgumentError) as raised:
        hf.extract([b"{}"], **wrong)
    assert name in str(raised.value)
    assert len(str(raised.value).splitlines()) == 1
