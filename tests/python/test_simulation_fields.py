"""The values of simulated messages."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from honeyframe.simulation import Simulation

START = 1_767_225_600  # 2026-01-01T00:00:00Z


def values(payload: Any, *, seconds: float = 100.0, **more: Any) -> list[Any]:
    """Of one device, a message a second, decoded."""
    import datetime

    start = datetime.datetime.fromtimestamp(START, datetime.UTC)
    simulation = Simulation({"device": [{"topic": "a/{device}", "payload": payload, "jitter": 0, **more}]}, start=start)
    return [json.loads(text) for one in simulation.take(until=seconds - 1e-9) for text in one.payloads]


def column(spec: dict[str, Any], **more: Any) -> list[Any]:
    return [row.get("x", "missing") for row in values({"x": spec, "y": 1}, **more)]


def test_numbers_have_mean_noise_and_digits() -> None:
    found = np.array(column({"kind": "number", "mean": 20, "noise": 2, "digits": 1}, seconds=4000))
    assert len(found) == 4000
    assert found.mean() == pytest.approx(20, abs=0.2)
    assert found.std() == pytest.approx(2, abs=0.15)
    assert all(value == round(value, 1) for value in found.tolist())
    assert column({"kind": "number", "mean": 7, "digits": 0}, seconds=3) == [7, 7, 7]
    assert all(isinstance(value, int) for value in column({"kind": "number", "mean": 7, "digits": 0}, seconds=3))
    assert str(column({"kind": "number", "mean": -1e-9}, seconds=1)) == "[0.0]", "nobody measures -0.0"


def test_numbers_stay_within_limits() -> None:
    found = column({"kind": "number", "mean": 0, "noise": 100, "min": -5, "max": 5}, seconds=500)
    assert min(found) == -5
    assert max(found) == 5


@pytest.mark.parametrize("digits", [0, 2, 12])
def test_numbers_beyond_all_measure_are_still_json(digits: int) -> None:
    found = column({"kind": "number", "mean": 1e300, "noise": 1e300, "digits": digits}, seconds=50)
    assert all(isinstance(value, int if digits == 0 else float) for value in found)
    assert np.isfinite(np.array(found, dtype=float)).all()


def test_days_have_a_warm_and_a_cold_end() -> None:
    found = column({"kind": "number", "mean": 20, "daily": 5, "peak": 14}, seconds=86_400, every="1h")
    assert len(found) == 24
    assert int(np.argmax(found)) in (13, 14)  # the device's own minute of the hour
    assert max(found) == pytest.approx(25, abs=0.2)
    assert min(found) == pytest.approx(15, abs=0.2)


def test_what_drifts_strays_and_does_not_jump() -> None:
    found = np.array(column({"kind": "number", "drift": 60, "digits": 6}, seconds=20_000))
    steps = np.diff(found)
    assert steps.std() == pytest.approx(1, rel=0.1), "60 in an hour are 1 in a second"
    assert np.abs(steps).max() < 6, "also from block to block"
    assert np.abs(found).max() > 20


def test_devices_differ_by_their_spread() -> None:
    found = column({"kind": "number", "mean": 20, "spread": 3}, seconds=1, count=500)
    assert np.std(found) == pytest.approx(3, rel=0.2)


def test_counters_count_each_device() -> None:
    rows = values(
        {"n": {"kind": "counter", "first": 5, "step": 2, "apart": 1000}, "d": {"kind": "level", "level": "device"}}, count=3, seconds=3000
    )
    for name in (1, 2, 3):
        assert [row["n"] for row in rows if row["d"] == name] == [5 + 1000 * (name - 1) + 2 * i for i in range(3000)]


def test_identities_are_exact_and_their_devices() -> None:
    rows = values({"id": {"kind": "id", "first": 2**53 + 1, "step": 2}, "d": {"kind": "level", "level": "device"}}, count=3, seconds=5)
    assert {(row["d"], row["id"]) for row in rows} == {(1, 2**53 + 1), (2, 2**53 + 3), (3, 2**53 + 5)}


def test_choices_follow_their_weights() -> None:
    found = column({"kind": "choice", "values": ["on", None, [1]], "weights": [7, 2, 1]}, seconds=4000)
    assert found.count("on") / 4000 == pytest.approx(0.7, abs=0.03)
    assert found.count([1]) / 4000 == pytest.approx(0.1, abs=0.03)
    flags = column({"kind": "bool", "true": 0.9}, seconds=4000)
    assert flags.count(True) / 4000 == pytest.approx(0.9, abs=0.03)


@pytest.mark.parametrize(
    ("form", "third"),
    [
        ("rfc3339", "2026-01-01T00:00:02"),
        ("s", START + 2),
        ("ms", (START + 2) * 10**3),
        ("us", (START + 2) * 10**6),
        ("ns", (START + 2) * 10**9),
    ],
)
def test_times_are_the_messages(form: str, third: Any) -> None:
    found = column({"kind": "time", "format": form}, seconds=3)[2]
    if form == "rfc3339":
        assert found.startswith(third)
        assert found.endswith("Z")
    else:
        unit = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[form]
        assert third <= found < third + unit


def test_clocks_may_be_wrong() -> None:
    found = np.array(column({"kind": "time", "format": "ms", "skew": "10min"}, seconds=1, count=400)) / 1000 - START
    assert found.std() == pytest.approx(600, rel=0.2)


def test_lists_of_fields_and_of_objects() -> None:
    rows = values({"kind": "list", "length": [0, 4], "of": {"n": {"kind": "number"}, "unit": "g"}}, seconds=300)
    assert {len(row) for row in rows} == {0, 1, 2, 3, 4}
    assert all(set(part) == {"n", "unit"} for row in rows for part in row)
    fixed = values({"v": {"kind": "list", "length": 2, "of": {"kind": "list", "length": 3, "of": 1}}}, seconds=2)
    assert fixed == [{"v": [[1, 1, 1], [1, 1, 1]]}] * 2
    assert values({"mixed": [{"kind": "level", "level": "device"}, "a", [1, {"b": 2}]]}, seconds=1) == [{"mixed": [1, "a", [1, {"b": 2}]]}]


def test_payloads_that_are_no_objects() -> None:
    assert values({"kind": "number", "mean": 5}, seconds=2) == [5.0, 5.0]
    simulation = Simulation({"device": [{"topic": "a", "payload": {"kind": "raw", "values": ["ON"]}}]})
    assert simulation.take(until=0.999)[0].payloads == [b"ON"]


def test_what_may_befall_a_field() -> None:
    assert column({"kind": "bool", "true": 1, "null": 0.5}, seconds=2000).count(None) == pytest.approx(1000, abs=120)
    assert column({"kind": "bool", "true": 1, "missing": 0.5}, seconds=2000).count("missing") == pytest.approx(1000, abs=120)
    odd = column({"kind": "number", "odd": {"share": 0.2, "values": ["N/A", -999]}}, seconds=2000)
    assert odd.count("N/A") + odd.count(-999) == pytest.approx(400, abs=90)


def test_keys_that_come_late_and_only_from_some() -> None:
    found = column({"kind": "bool", "after": "60s"}, seconds=100)
    assert [one == "missing" for one in found] == [True] * 60 + [False] * 40
    rows = values({"new": {"kind": "bool", "devices": 0.5}, "d": {"kind": "level", "level": "device"}}, count=4, seconds=5)
    assert {row["d"] for row in rows if "new" in row} == {1, 2}


@pytest.mark.parametrize("order", [["a", "b", "c"], ["b", "a", "c"], ["a", "c"], ["a"], ["b", "b%s", "a"]])
def test_missing_keys_leave_good_json(order: list[str]) -> None:
    """``a`` and ``c`` may be missing; the order of the others is the file's."""
    fields: dict[str, Any] = {name: {"kind": "bool", "missing": 0.5} if name in "ac" else 1 for name in order}
    rows = values(fields, seconds=200)
    assert {tuple(row) for row in rows} == {
        tuple(name for name in order if name not in "ac" or name in shown) for shown in ("", "a", "c", "ac") if set(shown) <= set(order)
    }
