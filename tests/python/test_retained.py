"""clear_retained: found first, cleared when asked to. Against a real Mosquitto."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import honeyframe as hf
from honeyframe.errors import InvalidArgumentError, InvalidTopicFilterError, NoPlaceWarning


@pytest.fixture
def kept(client: hf.Client) -> Iterator[list[str]]:
    topics = ["clear/a", "clear/b/c", "clear/d"]
    for topic in topics:
        client.publish(topic, {"topic": topic}, qos=1, retain=True)
    yield topics
    for topic in topics:
        client.publish(topic, b"", qos=1, retain=True)


def test_a_dry_run_clears_nothing(client: hf.Client, kept: list[str]) -> None:
    for _ in range(2):
        frame = client.clear_retained("clear/#", seconds=0.2)
        assert list(frame["topic"]) == kept
        assert not frame["cleared"].any()
        assert frame["error"].isna().all()
        assert frame["last_payload"].iloc[0] == '{"topic":"clear/a"}'
    assert frame.dtypes.astype(str).to_dict() == {
        "topic": "string",
        "last_payload": "string",
        "last_size": "Int64",
        "qos": "Int64",
        "cleared": "boolean",
        "error": "string",
    }


def test_it_clears_what_the_filter_reaches(client: hf.Client, kept: list[str]) -> None:
    frame = client.clear_retained("clear/+", dry_run=False, seconds=0.2)
    assert list(frame["topic"]) == ["clear/a", "clear/d"]
    assert frame["cleared"].all()
    assert list(client.clear_retained("clear/#", seconds=0.2)["topic"]) == ["clear/b/c"]


def test_live_messages_are_not_retained_ones(client: hf.Client, kept: list[str]) -> None:
    import threading

    threading.Timer(0.1, lambda: client.publish("clear/live", "1", qos=1)).start()
    assert "clear/live" not in set(client.clear_retained("clear/#", seconds=0.3)["topic"])


def test_nothing_to_clear_is_an_empty_frame(client: hf.Client) -> None:
    frame = client.clear_retained("clear/nobody/#", dry_run=False, seconds=0.2)
    assert list(frame.columns) == ["topic", "last_payload", "last_size", "qos", "cleared", "error"]
    assert len(frame) == 0


def test_more_than_places(client: hf.Client, kept: list[str]) -> None:
    with pytest.warns(NoPlaceWarning, match="1 topic with 1 message"):
        assert len(client.clear_retained("clear/#", seconds=0.2, max_topics=2)) == 2


@pytest.mark.parametrize("topics", ["#", "+/a", "+", ["clear/#", "#"]])
@pytest.mark.parametrize("dry_run", [True, False])
def test_everybodys_topics_need_a_word_more(client: hf.Client, topics: Any, dry_run: bool) -> None:
    with pytest.raises(InvalidArgumentError, match="reaches everybody's topics"):
        client.clear_retained(topics, dry_run=dry_run, seconds=0)
    with pytest.raises(InvalidArgumentError, match="reaches everybody's topics"):
        client.clear_retained(topics, dry_run=dry_run, seconds=0, confirm="yes")


def test_confirmed(client: hf.Client, kept: list[str]) -> None:
    assert set(kept) <= set(client.clear_retained("#", confirm="#", seconds=0.2)["topic"])


def test_bad_arguments(client: hf.Client) -> None:
    with pytest.raises(InvalidArgumentError, match="broker's own"):
        client.clear_retained("$SYS/#")
    with pytest.raises(InvalidTopicFilterError, match="shared"):
        client.clear_retained("$share/g/clear/#")
    with pytest.raises(TypeError, match="dry_run"):
        client.clear_retained("clear/#", dry_run="no")  # type: ignore[arg-type]
