"""read_mqtt(split=…): a frame for each pattern or topic, each with its own columns and types."""

import json
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest

import honeyframe as hf
from honeyframe.errors import InvalidArgumentError, NoMessagesWarning, QuarantinedWarning

MESSAGES: dict[str, Any] = {
    "split/1/telemetry": {"ts": 1_772_352_000_000, "v": 1.5},
    "split/2/telemetry": {"ts": 1_772_352_001_000, "v": 2.5, "note": "x"},
    "split/1/state": b"ON",
    "split/2/state": b"OFF",
    "split/1/image": b"\xff\xd8\xff",
    "split/1/rows": [{"a": 1}, {"a": 2}],
}


@pytest.fixture(scope="module")
def kept(mosquitto: Any) -> Iterator[hf.Client]:
    """A client of a broker that keeps one message of each topic."""
    with hf.connect(mosquitto.uri("mqtt", "127.0.0.1"), username="both", password="both-password") as client:
        for topic, payload in MESSAGES.items():
            client.publish(topic, payload, retain=True, qos=1)
        yield client
        for topic in MESSAGES:
            client.publish(topic, b"", retain=True, qos=1)


def read(client: hf.Client, topics: Any = "split/#", **options: Any) -> dict[str, pd.DataFrame]:
    return hf.read_mqtt(client=client, topics=topics, seconds=0.3, **{"split": "pattern", **options})


def test_each_pattern_has_its_own_columns_and_types(kept: hf.Client) -> None:
    frames = read(kept)
    assert sorted(frames) == ["split/{split}/image", "split/{split}/rows", "split/{split}/state", "split/{split}/telemetry"]
    telemetry = frames["split/{split}/telemetry"]
    assert list(telemetry.columns) == ["_topic", "_recv_time", "_retain", "split", "ts", "v", "note"]
    assert telemetry.dtypes[["ts", "v"]].astype(str).tolist() == ["Int64", "float64"]
    assert sorted(telemetry["split"]) == ["1", "2"]
    assert telemetry["_retain"].all()
    assert sorted(frames["split/{split}/state"]["value_text"]) == ["OFF", "ON"]
    assert frames["split/{split}/image"]["value_raw"].tolist() == [b"\xff\xd8\xff"]
    assert frames["split/{split}/rows"]["a"].tolist() == [1, 2]
    assert telemetry.attrs["honeyframe"]["received"] == 6


def test_options_of_the_extraction_hold_for_each(kept: hf.Client) -> None:
    frames = read(kept, "split/{line}/telemetry", event_time="ts", columns=["v"], metadata=["qos", "payload_index"])
    [(name, frame)] = frames.items()
    assert name == "split/{line}/telemetry"
    assert set(frame.columns) == {"_event_time", "line", "_qos", "_payload_index", "v"}
    assert frame["_event_time"].min() == pd.Timestamp("2026-03-01T08:00:00Z")
    assert frame["_qos"].tolist() == [1, 1]


def test_by_topic(kept: hf.Client) -> None:
    frames = read(kept, ["split/+/telemetry", "split/+/state"], split="topic")
    assert list(frames) == ["split/1/state", "split/1/telemetry", "split/2/state", "split/2/telemetry"]
    assert "note" not in frames["split/1/telemetry"]
    assert str(frames["split/1/telemetry"]["ts"].dtype) == "Int64"
    named = read(kept, "split/{line}/telemetry", split="topic")
    assert named["split/2/telemetry"]["line"].tolist() == ["2"]


def test_what_cannot_be_read_is_told(kept: hf.Client) -> None:
    kept.publish("broken/1", b'{"a": 1,', retain=True, qos=1)
    kept.publish("broken/2", {"a": 1}, retain=True, qos=1)
    try:
        with pytest.warns(QuarantinedWarning, match="1 message could not be read"):
            frames = read(kept, "broken/+", split="topic")
        assert frames["broken/1"].attrs["honeyframe_quarantine"][0]["reason"] == "truncated"
        by_pattern = read(kept, "broken/+")
        assert {name: list(frame.columns)[-1] for name, frame in by_pattern.items()} == {
            "broken/{broken} (1)": "value_text",
            "broken/{broken} (2)": "a",
        }
    finally:
        for topic in ("broken/1", "broken/2"):
            kept.publish(topic, b"", retain=True, qos=1)


def test_nothing_is_an_empty_dict(kept: hf.Client) -> None:
    with pytest.warns(NoMessagesWarning):
        assert read(kept, "nobody/+") == {}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"split": "line"}, "split is 'pattern' or 'topic'"),
        ({"sequence": "seq"}, "sequence= follows a stream"),
        ({"metadata": ["user_properties"]}, "not 'user_properties'"),
        ({"contract": "x.json"}, "contract="),
        ({"max_depth": -1}, "max_depth"),
    ],
)
def test_bad_options_are_refused_before_anything_is_connected(options: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidArgumentError, match=told):
        hf.read_mqtt("mqtt://127.0.0.1:1", "#", **{"split": "pattern", **options})


def test_the_frame_of_a_pattern_is_what_json_gives(kept: hf.Client) -> None:
    frame = read(kept)["split/{split}/telemetry"].set_index("_topic")
    for topic, payload in MESSAGES.items():
        if topic.endswith("telemetry"):
            row = json.loads(frame.loc[topic, ["ts", "v", "note"]].dropna().to_json())
            assert row == payload
