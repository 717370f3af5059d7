"""What a plan allows, where it is written, and what a month comes to."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

import honeyframe as hf
from honeyframe.traffic_plan import Plan, find_plan, month_end, month_of, plans_file, project, read_plan

CLOUD = "abc123.s1.eu.hivemq.cloud"
GB = 10**9


@pytest.fixture
def plans(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    path = plans_file()
    path.parent.mkdir()
    return path


@pytest.mark.parametrize(
    ("text", "plan"),
    [
        ("10GB", Plan(10 * GB)),
        ("1.5 TB, 1000", Plan(1_500 * GB, 1000)),
        ("10GiB", Plan(10 * 2**30)),
        ("500 mb,5", Plan(500_000_000, 5)),
        ("2000000", Plan(2_000_000)),
        ("none", None),
        (" Unlimited ", None),
    ],
)
def test_plans_are_read(text: str, plan: Plan | None) -> None:
    assert read_plan(text) == plan


@pytest.mark.parametrize("text", ["", "ten", "-1GB", "10 parsecs", "10GB, many", "10GB, -1", "1e999GB", "10GB 100", "1.2.3GB", "9" * 400])
def test_what_is_no_plan_is_named(text: str) -> None:
    with pytest.raises(hf.errors.InvalidArgumentError, match="plan has"):
        read_plan(text)


def test_only_hivemqs_cloud_has_a_plan_by_itself() -> None:
    assert find_plan(CLOUD) == Plan(10 * GB, 100)
    assert find_plan("broker.example") is None
    assert find_plan("nothivemq.cloud.example") is None
    assert find_plan("localhost", Plan(1), loopback=True) is None, "loopback is never warned of"


def test_argument_comes_before_environment_before_file(plans: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plans.write_text('["*"]\ntraffic = "1GB"\n["*.s1.eu.hivemq.cloud"]\ntraffic = "2GB"\n')
    assert find_plan("broker.example") == Plan(GB)
    assert find_plan(CLOUD) == Plan(2 * GB), "the longer pattern knows more"
    plans.write_text(plans.read_text() + f'["{CLOUD}"]\ntraffic = "none"\nconnections = 7\n')
    assert find_plan(CLOUD) == Plan(None, 7), "its own name knows most"
    monkeypatch.setenv("HONEYFRAME_PLAN", "3GB, 30")
    assert find_plan(CLOUD) == find_plan("broker.example") == Plan(3 * GB, 30)
    assert find_plan(CLOUD, Plan(4)) == Plan(4)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("traffic =", "is not TOML"),
        ('traffic = "1GB"', "must be a table"),
        ('["a"]\ntrafic = "1GB"', "has 'trafic'; it takes traffic and connections"),
        ('["a"]\ntraffic = "lots"', "has 'lots' where the bytes"),
        ('["a"]\nconnections = -1', "has connections = -1"),
        ('["a"]\nconnections = true', "has connections = True"),
    ],
)
def test_a_file_that_is_wrong_is_named(plans: Path, text: str, told: str) -> None:
    plans.write_text(text)
    with pytest.raises(hf.errors.InvalidArgumentError) as caught:
        find_plan(CLOUD)
    assert told in str(caught.value)
    assert str(plans) in str(caught.value)


def test_a_file_that_cannot_be_read_is_named(plans: Path) -> None:
    plans.mkdir()
    with pytest.raises(hf.errors.InvalidArgumentError, match=r"plans\.toml cannot be read"):
        find_plan(CLOUD)


def at(day: int, hour: int = 0, minute: int = 0) -> datetime.datetime:
    return datetime.datetime(2026, 11, day, hour, minute, tzinfo=datetime.UTC)


def test_months_end_in_utc() -> None:
    assert month_of(at(30, 23)) == "2026-11"
    assert month_end("2026-11") == datetime.datetime(2026, 12, 1, tzinfo=datetime.UTC)
    assert month_end("2026-12") == datetime.datetime(2027, 1, 1, tzinfo=datetime.UTC)


def test_a_pace_is_trusted_for_a_day_an_hour() -> None:
    assert project(GB, "2026-11", at(1), at(16)) == 2 * GB
    assert project(GB, "2026-11", at(10), at(10, 1)) == 25 * GB, "an hour's pace says nothing of the rest of a month"
    assert project(GB, "2026-11", at(30, 23), at(30, 23, 30)) == 2 * GB, "of which half an hour is left"


def test_the_first_minutes_say_nothing() -> None:
    assert project(GB, "2026-11", at(1), at(1, 0, 9)) is None
    assert project(GB, "2026-11", at(1), at(1, 0, 10)) is not None
    assert project(GB, "2026-10", at(1), at(1, 0, 1)) == GB, "a month that is over comes to what it was"
