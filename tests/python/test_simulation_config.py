"""What a simulation's file may say, and what is said of one that is wrong."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest

import honeyframe as hf
from honeyframe.simulation_config import bundled, read_config


def device(**more: Any) -> dict[str, Any]:
    return {"topic": "room/temperature", "payload": {"t": {"kind": "number"}}, **more}


def config(*devices: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"device": list(devices) or [device()], **more}


def test_the_bundled_plant_is_good() -> None:
    plant = read_config("plant")
    assert plant.name == "plant (bundled)"
    assert plant.device_count == 12
    assert plant.rate == pytest.approx(50, abs=0.1), "as many as the demo's plant"
    assert [kind.topic for kind in plant.devices if kind.retain] == ["plant/{line}/status"]


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(bundled())
    assert read_config(path).devices == read_config(str(path)).devices != ()
    with pytest.raises(FileNotFoundError):
        read_config(tmp_path / "nothing.toml")


def test_levels_make_devices() -> None:
    found = read_config(config(device(topic="site/{site}/line/{line}/{device}", levels={"site": ["graz", "linz"], "line": 3}, count=2)))
    (kind,) = found.devices
    assert len(kind.topics) == 12
    assert kind.topics[0] == "site/graz/line/1/1"
    assert kind.topics[-1] == "site/linz/line/3/2"
    assert kind.levels["site"][6] == "linz"
    assert kind.rate == 12


def test_times_are_utc() -> None:
    start = datetime.datetime(2026, 1, 1, 1, tzinfo=datetime.timezone(datetime.timedelta(hours=1)))
    assert read_config(config(start=start)).start == datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({}, "device: it needs at least one [[device]]"),
        ({"device": {"topic": "a"}}, "device: it needs at least one [[device]]"),
        (config(sed=7), "sed: nothing is known by this name; did you mean seed?"),
        (config(seed=-1), "seed: it must be a whole number of at least 0; found -1"),
        (config(start="now"), "start: it must be a time with a zone"),
        (config(start=datetime.datetime(2026, 1, 1)), "start: it must be a time with a zone"),
        (config("thermometer"), "device 1 must be a table; found 'thermometer'"),  # type: ignore[arg-type]
        (config({"payload": {}}), "device 1: topic: it is missing"),
        (config({"topic": 5}), "device 1: topic: it must be text in quotes; found 5"),
        (config({"name": "fan", "topic": "a"}), "device fan: payload: it is missing"),
        (config(device(topic="a/+/b")), "topic: it is published to, so it has no wildcards"),
        (config(device(topic="a/b{c}")), "topic: a placeholder is a whole level"),
        (config(device(topic="a/{line}")), "levels: line: it is missing"),
        (config(device(topic="a/{line}", levels={"line": 0})), "levels: line: found 0"),
        (config(device(topic="a/{line}", levels={"line": ["a/b"]})), "levels: line: 'a/b' cannot be a level"),
        (config(device(levels={"line": 3})), "levels: line: nothing is known by this name"),
        (config(device(topic="a/{b}/{c}", levels={"b": 10_000, "c": 1_000})), "these are 10,000,000 devices"),
        (config(device(topic="a/{b}", levels={"b": 10**18})), "levels: b: these are 1,000,000,000,000,000,000 devices"),
        (config(device(topic="a/{device}", count=10**9)), "count: these are 1,000,000,000 devices, and a simulation has at most 1,000,000"),
        (config(device(count=2)), "count: its devices need topics of their own"),
        (config(device(rate=0)), "rate: it must be more than 0"),
        (config(device(rate="fast")), "rate: it must be a number; found 'fast'"),
        (config(device(rate=1, every="1s")), "rate: every says the same"),
        (config(device(every="0s")), "every: it must be longer than nothing"),
        (config(device(every="soon")), "every: "),
        (config(device(qos=3)), "qos: it must be a whole number from 0 to 2; found 3"),
        (config(device(retain="yes")), "retain: it must be true or false"),
        (config(device(jitter=2)), "jitter: it must be a number from 0 to 1; found 2"),
        (config(device(gaps={"every": "1min"})), "gaps: lasts: it is missing"),
        (config(device(gaps={"every": "1s", "lasts": "2s"})), "gaps: lasts: it must be shorter than every"),
        (config(device(bursts={"every": "1h", "lasts": "1s", "times": 1})), "bursts: times: it must be a whole number from 2"),
        (config(device(bad={"share": 2})), "bad: share: it must be a number from 0 to 1"),
        (config(device(bad={"kinds": ["worst"]})), "bad: kinds: it is a list of some of truncated"),
        (config(device(payload={})), "payload: payload: it is empty"),
        (config(device(payload={"t": {"kind": "nubmer"}})), "payload.t: kind: 'nubmer' is none of number"),
        (config(device(payload={"t": {"kind": "nubmer"}})), "did you mean number?"),
        (config(device(payload={"t": {"kind": "number", "men": 5}})), "payload.t: men: nothing is known by this name; did you mean mean?"),
        (config(device(payload={"a": {"b": {"kind": "number", "noise": -1}}})), "payload.a.b: noise: it must be a number of at least 0"),
        (config(device(payload={"t": {"kind": "number", "min": 5, "max": 1}})), "payload.t: min: it is above max"),
        (config(device(payload={"t": {"kind": "number", "mean": float("nan")}})), "payload.t: mean: it must be a number"),
        (config(device(payload={"t": {"kind": "level", "level": "line"}})), "payload.t: level: the topic 'room/temperature' has no {line}"),
        (config(device(payload={"t": {"kind": "choice"}})), "payload.t: values: it is a list"),
        (config(device(payload={"t": {"kind": "choice", "values": [1, 2], "weights": [1]}})), "weights: it is a list of 2 numbers"),
        (config(device(payload={"t": {"kind": "time", "format": "iso"}})), "payload.t: format: it is one of rfc3339"),
        (config(device(payload={"t": {"kind": "list"}})), "payload.t: of: it is missing"),
        (config(device(payload={"t": {"kind": "list", "length": [3, 1], "of": 1}})), "payload.t: length: it is a whole number"),
        (config(device(payload={"t": {"kind": "list", "of": {"kind": "bool", "missing": 0.1}}})), "an element of a list cannot be missing"),
        (config(device(payload={"t": {"kind": "id", "first": 2**63 - 1}})), "payload.t: first: the last device's number is beyond 64 bits"),
        (config(device(payload={"t": datetime.datetime(2026, 1, 1)})), "payload.t: value: JSON has nothing for"),
        (config(device(payload={"t": float("inf")})), "payload.t: value: JSON has nothing for inf"),
        (config(device(payload={"kind": "number", "missing": 0.5})), "payload: kind: null, missing"),
        (config(device(payload={"t": {"kind": "bool", "odd": {"values": []}}})), "payload.t: odd: values: it is a list"),
    ],
)
def test_a_mistake_is_named_by_its_key(content: dict[str, Any], told: str) -> None:
    with pytest.raises(hf.errors.InvalidArgumentError) as caught:
        read_config(content)
    assert told in caught.value.message
    assert "\n" not in caught.value.message, "one sentence"


@pytest.mark.parametrize(("content", "told"), [(b"seed = ", "is not TOML"), (b"\xff\xfe", "is not UTF-8")])
def test_a_file_that_is_no_toml_is_named(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_bytes(content)
    with pytest.raises(hf.errors.InvalidArgumentError, match=told) as caught:
        read_config(path)
    assert str(path) in str(caught.value)


def test_the_page_shows_a_file_that_works(tmp_path: Path) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "simulator.md").read_text(encoding="utf-8")
    path = tmp_path / "page.toml"
    path.write_text(page.split("```toml\n")[1].split("```")[0], encoding="utf-8")
    assert read_config(path).device_count == 20
