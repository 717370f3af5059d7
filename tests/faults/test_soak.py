"""Catalogue K1, tiny: seconds for hours. ``scripts/soak.sh`` is the long form."""

from __future__ import annotations

import pytest
from tests.faults.load import needs_proc
from tests.faults.soak import MIB, complaints, slope, soak


@needs_proc
@pytest.mark.timeout(90)
def test_a_soak_of_six_seconds() -> None:
    """The slope of so short a time says nothing; all else must hold."""
    found, problems = soak(minutes=0.1, messages=20_000, kills=5, every=0.5, drift=0.8)
    assert problems + complaints(found | {"slope": 0.0}) == []
    assert found["sent"] > 10_000
    assert found["ledger"] > 5


def test_the_slope_is_that_of_ten_minutes() -> None:
    assert slope([(0.0, 10 * MIB), (60.0, 11 * MIB), (120.0, 12 * MIB)]) == pytest.approx(10 * MIB)
    assert slope([(0.0, MIB), (10.0, MIB), (20.0, MIB)]) == 0.0
    assert slope([(0.0, MIB), (10.0, 2 * MIB)]) is None


WRONG: list[dict[str, object]] = [
    {"missing": 1},
    {"unmarked": 1},
    {"copies": 501},
    {"rows": 9},
    {"connects": 4},
    {"slope": 2.0 * MIB},
    {"slope": None},
    {"stats": {"received": 11}},
]


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_is_said(wrong: dict[str, object]) -> None:
    stats = dict.fromkeys(("queued", "in_batch", "dropped", "superseded", "rejected", "quarantined", "discarded_on_close"), 0)
    good = {"missing": 0, "unmarked": 0, "copies": 500, "rows": 10, "connects": 6, "kills": 5, "slope": 0.0}
    good["stats"] = {**stats, "received": 10, "delivered": 10}
    assert complaints(good) == []
    if "stats" in wrong:
        wrong = {"stats": {**good["stats"], **wrong["stats"]}}
    assert len(complaints({**good, **wrong})) == 1
