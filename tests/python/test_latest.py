"""Client.latest: the state now, a row a topic. Against a real Mosquitto."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

import honeyframe as hf
from honeyframe.errors import InvalidTopicFilterError, MessagesDroppedWarning, NoMessagesWarning, QuarantinedWarning


@pytest.fixture
def kept(client: hf.Client) -> Iterator[None]:
    for line in range(3):
        client.publish(f"state/{line}/status", {"line_number": line, "ok": True, "at": "2026-01-01T00:00:00Z"}, qos=1, retain=True)
    yield
    for line in range(3):
        client.publish(f"state/{line}/status", b"", qos=1, retain=True)


def test_a_row_a_topic(client: hf.Client, kept: None) -> None:
    def update() -> None:
        for number in range(5):
            client.publish("state/1/status", {"line_number": 1, "ok": False, "n": number}, qos=1)
        client.publish("state/9/status", {"line_number": 9}, qos=1)

    threading.Timer(0.3, update).start()
    frame = client.latest("state/{line}/status", seconds=1.0)
    assert list(frame["_topic"]) == ["state/0/status", "state/1/status", "state/2/status", "state/9/status"]
    assert list(frame["line"]) == ["0", "1", "2", "9"]
    assert list(frame["_retain"]) == [True, False, True, False]
    assert list(frame["ok"].iloc[:3]) == [True, False, True]
    assert frame["n"].iloc[1] == 4
    assert str(frame["line_number"].dtype) == "Int64"
    assert frame.attrs["honeyframe"]["superseded"] == 5
    assert frame.attrs["honeyframe"]["delivered"] == 4


def test_schema_columns_and_event_time(client: hf.Client, kept: None) -> None:
    frame = client.latest("state/+/status", 0.25, columns=["ok"], event_time="at", metadata=["topic"])
    assert list(frame.columns) == ["_topic", "_event_time", "ok"]
    assert frame["_event_time"].notna().all()


def test_a_list_gives_all_its_rows(client: hf.Client) -> None:
    threading.Timer(0.1, lambda: client.publish("state/list", [{"a": 1}, {"a": 2}], qos=1)).start()
    assert list(client.latest("state/list", 0.4)["a"]) == [1, 2]


def test_nothing_there_warns(client: hf.Client) -> None:
    began = time.monotonic()
    with pytest.warns(NoMessagesWarning, match="'state/nobody'"):
        frame = client.latest("state/nobody", 0.2)
    assert time.monotonic() - began < 2
    assert list(frame.columns) == ["_topic", "_recv_time", "_retain"]


def test_more_topics_than_slots(client: hf.Client, kept: None) -> None:
    with pytest.warns(MessagesDroppedWarning, match="1 message dropped"):
        frame = client.latest("state/#", 0.25, max_topics=2)
    assert len(frame) == 2
    assert frame.attrs["honeyframe"]["dropped_no_slot"] == 1


def test_what_cannot_be_read(client: hf.Client, kept: None) -> None:
    threading.Timer(0.1, lambda: client.publish("state/0/status", b"{oops", qos=1)).start()
    with pytest.warns(QuarantinedWarning, match="1 message could not be read"):
        frame = client.latest("state/+/status", 0.4)
    assert list(frame["_topic"]) == ["state/1/status", "state/2/status"]
    assert frame.attrs["honeyframe_quarantine"][0]["topic"] == "state/0/status"


def test_bad_arguments(client: hf.Client) -> None:
    for topics, options, error in (
        ("a#", {}, InvalidTopicFilterError),
        ("$share/g/a", {}, InvalidTopicFilterError),
        ("a", {"overflow": "block"}, TypeError),
        ("a", {"colums": ["x"]}, TypeError),
        ("a", {"seconds": -1}, ValueError),
    ):
        with pytest.raises(error):
            client.latest(topics, **{"seconds": 0.1, **options})  # type: ignore[arg-type]


def test_a_session_that_ends_is_an_error(access: dict[str, Any]) -> None:
    client = hf.connect(**access)
    threading.Timer(0.2, client.close).start()
    began = time.monotonic()
    with pytest.warns(NoMessagesWarning):
        client.latest("state/nobody", 10)
    assert time.monotonic() - began < 3
