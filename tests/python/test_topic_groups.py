"""Which topics are one pattern: the rules of docs/catalog.md, one by one, and topics made by chance."""

import json
import random
import time
from typing import Any

import pytest

from honeyframe import _core
from honeyframe.catalog_inference import named_groups
from honeyframe.topic_groups import MAX_LEVELS, TopicGroup, group_topics
from honeyframe.topic_levels import Look, look_of, name_levels
from honeyframe.topic_samples import TopicSample
from honeyframe.topic_shapes import Shape, ShapeReader

CLIMATE = {"temperature": 21.5, "humidity": 40, "battery": 97}
LAMP = {"state": "ON", "brightness": 120, "color_temp": 340}


def samples(payloads: dict[str, Any]) -> dict[str, TopicSample]:
    found = {}
    for topic, payload in payloads.items():
        found[topic] = TopicSample(topic, messages=1)
        found[topic].keep(payload if isinstance(payload, bytes) else json.dumps(payload).encode(), time.time_ns())
    return found


def patterns(payloads: dict[str, Any], **named: str) -> list[str]:
    positions = {int(position[1:]): name for position, name in named.items()}
    return [name for name, _, _ in named_groups(samples(payloads), positions)]


@pytest.mark.parametrize(
    ("level", "look"),
    [
        *((level, Look.id) for level in ("7", "0x00158d0001a2b3c4", "a8032abe54dc", "AA:BB:CC:DD:EE:FF", "shelly1-AABBCC", "my-app@ttn")),
        *((level, Look.id) for level in ("52f14cd4-c6f1-4fbd-8f87-4025e1d49242", "tasmota_4F2A1B", "SN20394857", "!a1b2c3d4", "192.0.2.7")),
        *((level, Look.numbered) for level in ("line1", "dev0", "switch:0", "zone 12", "sensor-3")),
        *((level, Look.word) for level in ("north", "facade", "decade", "living_room", "温度", "x")),
        *((level, Look.keyword) for level in ("SENSOR", "state", "v3", "spBv1.0", "")),
        *((level, Look.id) for level in ("a{b", "{x}", "nul\0")),  # no template could spell them
    ],
)
def test_looks(level: str, look: Look) -> None:
    assert look_of(level) is look


@pytest.mark.parametrize(
    ("payloads", "expected"),
    [
        pytest.param({f"plant/{n}/telemetry": CLIMATE for n in range(3)}, ["plant/{plant}/telemetry"], id="ids"),
        pytest.param({"plant/7/telemetry": CLIMATE}, ["plant/{plant}/telemetry"], id="one id alone"),
        pytest.param({f"plant/line{n}/telemetry": CLIMATE for n in (1, 2)}, ["plant/{line}/telemetry"], id="numbered words"),
        pytest.param({f"p/dev{n}/telemetry": CLIMATE for n in (7, 999, 1000)}, ["p/{dev}/telemetry"], id="numbers of any length"),
        pytest.param({"p/dev1/a": CLIMATE, "p/dev2/b": LAMP}, ["p/{dev}/a", "p/{dev}/b"], id="numbered words with nothing in common"),
        pytest.param({f"plant/{w}/telemetry": CLIMATE for w in ("north", "south")}, ["plant/{plant}/telemetry"], id="words, one shape"),
        pytest.param(
            {"plant/north/telemetry": CLIMATE, "plant/south/telemetry": LAMP},
            ["plant/north/telemetry", "plant/south/telemetry"],
            id="words, other shapes",
        ),
        pytest.param({"z/0x00158d0001": CLIMATE, "z/0x00158d0002": LAMP}, ["z/{z} (1)", "z/{z} (2)"], id="ids, other shapes"),
        pytest.param({"plant/1/a": CLIMATE, "plant/1/b": LAMP}, ["plant/{plant}/a", "plant/{plant}/b"], id="kinds behind an id"),
        pytest.param({"home/temperature": 21.5, "home/humidity": 40}, ["home/humidity", "home/temperature"], id="bare values keep names"),
        pytest.param(
            {f"h/{room}/{what}": 1.5 for room in ("kitchen", "bath") for what in ("temperature", "humidity")},
            ["h/{h}/humidity", "h/{h}/temperature"],
            id="rooms",
        ),
        pytest.param(
            {f"{room}/{what}": 1.5 for room in ("kitchen", "bath") for what in ("t", "h")}, ["{device}/h", "{device}/t"], id="root"
        ),
        pytest.param({"kitchen/t": 1.5, "bath/t": 2.5}, ["bath/t", "kitchen/t"], id="a root of one bare value each is left"),
        pytest.param({f"s/temp{n}": 20 + n for n in (1, 2)}, ["s/{temp}"], id="numbered leaves"),
        pytest.param({"a/1/x": {"v": 1}, "a/2/x": {"v": "text"}}, ["a/{a}/x (1)", "a/{a}/x (2)"], id="another type is another shape"),
        pytest.param({"a/1/x": {"v": 1.5}, "a/2/x": {"v": 3}, "a/3/x": {"v": None}, "a/4/x": {"v": "N/A"}}, ["a/{a}/x"], id="N/A and null"),
        pytest.param({"a/1/x": CLIMATE, "a/2/x": {**CLIMATE, "voltage": 3000}}, ["a/{a}/x"], id="an optional key"),
        pytest.param({"a/1/x": CLIMATE, "a/2/x": b""}, ["a/{a}/x"], id="a cleared topic goes to the others"),
        pytest.param({"a/1/x": b"\xff\xfe", "a/2/x": b"\xff\x00"}, ["a/{a}/x"], id="binary"),
        pytest.param(
            {f"cache/k{'abcdefghij'[n % 10]}{'klmnopqrst'[n // 10]}": n for n in range(70)}, ["cache/{cache}"], id="seventy words"
        ),
        pytest.param({f"a/{n}/line/{n}": CLIMATE for n in range(2)}, ["a/{a}/line/{line}"], id="two ids"),
        pytest.param(
            {f"m/{d}/holding/{r}": 17 for d in ("inverter", "meter") for r in (1, 2)}, ["m/{m}/holding/{holding}"], id="words, then ids"
        ),
        pytest.param({f"a/{n}/{n}": CLIMATE for n in range(2)}, ["a/{a}/{number}"], id="ids side by side"),
        pytest.param({"x/1": {"x": 1, "number": 2, "y": 3}}, ["x/{x_id}"], id="a key of the payload keeps its name"),
        pytest.param({"/a/1": CLIMATE}, ["/a/{a}"], id="a slash in front"),
        pytest.param({"a/{b}/c": CLIMATE}, ["a/{a}/c"], id="braces"),
        pytest.param({"Größe/1/x": CLIMATE}, ["Größe/{number}/x"], id="names are ASCII"),
        pytest.param({"z/0x00158d0001": LAMP, "z/hall_lamp": LAMP}, ["z/{z}"], id="a name among ids"),
        pytest.param({"z/0x00158d0001": LAMP, "z/bridge": LAMP}, ["z/bridge", "z/{z}"], id="a keyword among ids"),
    ],
)
def test_rules(payloads: dict[str, Any], expected: list[str]) -> None:
    assert sorted(patterns(payloads)) == sorted(expected)


def test_a_name_that_was_given_is_taken() -> None:
    assert patterns({"plant/north/telemetry": CLIMATE}, p1="line") == ["plant/{line}/telemetry"]
    assert patterns({"a/1/b/2": CLIMATE}, p3="a") == ["a/{a_id}/b/{a}"]


def test_a_filter_that_others_match_is_told() -> None:
    found = {name: group.is_exact for name, _, group in named_groups(samples({"z/1": CLIMATE, "z/bridge": LAMP, "z/1/set": LAMP}), {})}
    assert found == {"z/bridge": True, "z/{z}": False, "z/{z}/set": True}


def test_what_is_very_deep_is_one_level() -> None:
    deep = {f"a/{n}/" + "/".join("xy" for _ in range(length)): CLIMATE for n, length in ((1, 40), (2, 9_000))}
    [(name, template, group)] = named_groups(samples(deep), {})
    assert name == template
    assert template.endswith("...}")
    assert template.count("/") == MAX_LEVELS - 1
    assert all(_core.topic_matches(group.filter, topic) for topic in deep)


def test_every_topic_is_in_one_pattern_that_matches_it() -> None:
    random.seed(7)
    levels = ["a", "b", "state", "SENSOR", "7", "12", "line1", "line2", "0x00158d0001", "x{y", "", "temperature", "é", "AA-BBCCDD", "v3"]
    for _ in range(150):
        topics = {"/".join(random.choices(levels, k=random.randint(1, 5))) for _ in range(random.randint(1, 30))} - {""}
        shapes = random.choices([CLIMATE, LAMP, 1, "text", {"value": 1}, [CLIMATE], b"\xff", b"", b"{x", True], k=len(topics))
        given = dict(zip(sorted(topics), shapes, strict=True))
        found = named_groups(samples(given), {})
        assert sorted(topic for _, _, group in found for topic in group.topics) == sorted(topics)
        assert len({name for name, _, _ in found}) == len(found)
        for _, template, group in found:
            filter_, names = _core.parse_template(template)
            assert filter_ == group.filter
            assert len(set(names)) == len(names)
            others = [topic for _, _, other in found if other is not group for topic in other.topics]
            assert all(_core.topic_matches(filter_, topic) for topic in group.topics)
            assert group.is_exact == (not any(_core.topic_matches(filter_, topic) for topic in others)), (template, given)


def test_the_order_of_arrival_changes_nothing() -> None:
    given: dict[str, Any] = {
        f"p/{word}/{n}/{kind}": CLIMATE if n else LAMP for word in ("x", "y", "z") for n in (0, 1) for kind in ("a", "b")
    }
    expected = patterns(given)
    for seed in range(20):
        items = list(given.items())
        random.Random(seed).shuffle(items)
        assert patterns(dict(items)) == expected


def test_many_topics_do_not_take_long() -> None:
    sensor = Shape("object", frozenset({("t", "number"), ("h", "number")}), frozenset({"t", "h"}))
    words = [f"{a}{b}{c}" for a in "bcdfghjklm" for b in "aeiou" for c in "pqrsvwxyz"]
    started = time.perf_counter()
    groups: list[TopicGroup] = group_topics({f"site/{word}/{n}/telemetry": sensor for word in words for n in range(20)})
    assert [group.filter for group in groups] == ["site/+/+/telemetry"]
    assert time.perf_counter() - started < 5


def test_names_are_valid_and_unique() -> None:
    assert name_levels([None, None, None], [["x"], ["y"], ["z"]], set()) == ["device", "level2", "level3"]
    assert name_levels(["owntracks", None, None], [["ada"], ["phone"]], {"user", "user_id"}) == ["user_2", "device"]
    assert name_levels(["log", None, None], [["2026-03-01"], ["BTtoMQTT"]], set()) == ["date", "level3"]
    assert name_levels(["BTtoMQTT", None, None, None], [["7"], ["8"], ["9"]], set()) == ["number", "number_2", "number_3"]
    assert name_levels(["devices", None], [["0x00158d0001"]], set()) == ["device"]
    assert name_levels(["Zählerstände", None], [["7"]], set()) == ["number"]


def test_shapes_are_the_engines() -> None:
    read = ShapeReader().read
    assert read([b'{"a": 1}', b'{"a": "N/A", "b": [1]}']).columns == {("a", "number"), ("b", "list")}
    assert [read([payload]).kind for payload in (b"", b"21.5", b"ON", b'"ON"', b"[1,2]", b'[{"a":1}]', b"{x", b"\xff", b"unavailable")] == [
        *("empty", "value", "text", "text", "value", "array", "unreadable", "binary", "empty"),
    ]
