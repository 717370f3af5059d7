"""Client.topics: the topics of a broker as a frame. Fed by hand where time matters, else against a real Mosquitto."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

import honeyframe as hf
from honeyframe import topic_tree, topics_seen
from honeyframe.errors import InvalidArgumentError, InvalidTopicFilterError, NoMessagesWarning, NoPlaceWarning
from honeyframe.topics_seen import Watching, plan_watch, seen_frame

SECOND = 1_000_000_000
DTYPES = {
    "topic": "string",
    "messages": "Int64",
    "rate": "float64",
    "bytes": "Int64",
    "share": "float64",
    "floods": "boolean",
    "last_payload": "string",
    "last_size": "Int64",
    "retained": "boolean",
    "qos": "Int64",
    "max_qos": "Int64",
    "first_seen": "datetime64[ns, UTC]",
    "last_seen": "datetime64[ns, UTC]",
    "json": "boolean",
    "cadence": "float64",
    "longest_gap": "float64",
    "silent": "boolean",
}


class FedWatching:
    """A watching without a broker: ``push`` is what the receive thread does."""

    def __init__(self, **limits: Any) -> None:
        session = SimpleNamespace(unsubscribe=lambda *_, **__: None)
        client: Any = SimpleNamespace(_session=session, _subscribe=lambda *_, **__: (1, [1]), closed=False, _longest_block=5.0)
        self.watching = Watching(client, plan_watch("#", 1, **limits))
        self.push = self.watching._queue.push

    def frame(self, seconds: float = 10.0) -> pd.DataFrame:
        self.watching.close()
        self.watching.seconds = seconds
        return seen_frame(self.watching)


def row(frame: pd.DataFrame, topic: str) -> Any:
    found = frame[frame["topic"] == topic]
    assert len(found) == 1
    return found.iloc[0]


def test_dtypes_and_order_are_always_the_same() -> None:
    fed = FedWatching()
    fed.push("b", b"1")
    fed.push("a/x", b"")
    fed.push("a", b"{}")
    frame = fed.frame()
    assert frame.dtypes.astype(str).to_dict() == DTYPES
    assert list(frame["topic"]) == ["a", "a/x", "b"]
    with pytest.warns(NoMessagesWarning, match="no message arrived on '#'"):
        empty = FedWatching().frame()
    assert empty.dtypes.astype(str).to_dict() == DTYPES
    assert len(empty) == 0
    assert empty.attrs["honeyframe"]["topics"] == 0


def test_what_a_row_says() -> None:
    fed = FedWatching()
    now = time.time_ns()
    fed.push("t", b'{"a": 1}', receive_time_ns=now - 9 * SECOND, retain=True, qos=2)
    for second in (5, 4, 3, 2):
        fed.push("t", b"[1]", receive_time_ns=now - second * SECOND, qos=1)
    fed.push("text", b"\xffon", receive_time_ns=now)
    fed.push("empty", b"", receive_time_ns=now)
    frame = fed.frame(seconds=8.0)
    found = row(frame, "t")
    assert (found["messages"], found["bytes"], found["last_payload"], found["last_size"]) == (5, 20, "[1]", 3)
    assert (found["retained"], found["qos"], found["max_qos"], found["json"]) == (True, 1, 2, True)
    assert found["rate"] == 0.5  # four, in eight seconds: what was retained was sent before
    assert found["share"] == pytest.approx(20 / 23)
    assert found["first_seen"] == pd.Timestamp(now - 9 * SECOND, tz="UTC")
    assert found["last_seen"] == pd.Timestamp(now - 2 * SECOND, tz="UTC")
    assert (found["cadence"], found["longest_gap"], found["silent"]) == (1.0, 1.0, False)
    text = row(frame, "text")
    assert (text["last_payload"], text["last_size"], text["json"]) == ("\\xffon", 3, False)
    assert pd.isna(row(frame, "empty")["json"])
    assert pd.isna(text["silent"])


def test_who_fell_silent() -> None:
    fed = FedWatching()
    now = time.time_ns()
    for second in range(60, 20, -2):
        fed.push("silent", b"1", receive_time_ns=now - second * SECOND)
    for second in range(60, 0, -2):
        fed.push("speaks", b"1", receive_time_ns=now - second * SECOND)
    fed.push("once", b"1", receive_time_ns=now - 60 * SECOND)
    frame = fed.frame()
    assert list(frame[frame["silent"].fillna(False)]["topic"]) == ["silent"]
    assert pd.isna(row(frame, "once")["silent"])


@pytest.mark.parametrize(
    ("counts", "floods"),
    [
        ({"loud": 1_000, "a": 5, "b": 6}, ["loud"]),
        ({"loud": 1_000, "a": 5}, ["loud"]),
        ({"loud": 1_000}, ["loud"]),
        ({"a": 500, "b": 510, "c": 490}, []),
        ({"a": 5, "b": 1}, []),
        ({f"t/{number}": 20 for number in range(30)}, []),
    ],
)
def test_who_floods(counts: dict[str, int], floods: list[str]) -> None:
    fed = FedWatching()
    for number in range(20):
        fed.push(f"kept/{number}", b"1", retain=True)
    for topic, count in counts.items():
        for _ in range(count):
            fed.push(topic, b"12345")
    frame = fed.frame()
    assert list(frame[frame["floods"]]["topic"]) == floods
    assert frame["share"].sum() == pytest.approx(1.0)


def test_what_finds_no_place_is_counted_and_told() -> None:
    fed = FedWatching(max_topics=3)
    for number in range(10):
        for _ in range(2):
            fed.push(f"t/{number}", b"12")
    with pytest.warns(NoPlaceWarning, match="7 topics with 14 messages found no place beside the 3"):
        frame = fed.frame()
    account = frame.attrs["honeyframe"]
    assert len(frame) == 3
    assert (account["topics"], account["messages"], account["bytes"]) == (3, 20, 40)
    assert (account["unplaced_topics"], account["unplaced_messages"], account["unplaced_bytes"]) == (7, 14, 28)
    assert frame["share"].sum() == pytest.approx(6 / 20)
    frame.to_parquet  # noqa: B018 - attrs must be what pandas can write
    assert isinstance(pd.concat([frame, frame]), pd.DataFrame)


def test_payloads_are_cut() -> None:
    fed = FedWatching(max_payload_bytes=4)
    fed.push("t", "ab\u00e9\u00e9".encode())
    found = row(fed.frame(), "t")
    assert (found["last_payload"], found["last_size"]) == ("ab\u00e9", 6)


@pytest.mark.parametrize(
    ("arguments", "error", "told"),
    [
        ({"topics": "a#"}, InvalidTopicFilterError, "wildcard"),
        ({"topics": "$share/g/a"}, InvalidTopicFilterError, "shared subscription"),
        ({"topics": []}, InvalidTopicFilterError, "no topic filter"),
        ({"seconds": -1}, InvalidArgumentError, "seconds"),
        ({"seconds": "soon"}, InvalidArgumentError, "seconds"),
        ({"qos": 3}, InvalidArgumentError, "qos"),
        ({"max_topics": 0}, InvalidArgumentError, "max_topics"),
        ({"max_bytes": 1}, InvalidArgumentError, "max_bytes"),
        ({"max_payload_bytes": -1}, InvalidArgumentError, "max_payload_bytes"),
        ({"messages": 0}, InvalidArgumentError, "messages"),
        ({"max_topics": 1.5}, TypeError, "max_topics"),
        ({"topics": 5}, TypeError, "topics must be a str"),
        ({"topics": b"a"}, TypeError, "topics must be a str"),
    ],
)
def test_bad_arguments_are_named_before_anything_is_sent(arguments: dict[str, Any], error: type[Exception], told: str) -> None:
    options = {"topics": "#", "seconds": 1, **arguments}
    with pytest.raises(error, match=told):
        plan_watch(options.pop("topics"), options.pop("seconds"), **options)


# --- against a broker


@pytest.fixture
def talking(client: hf.Client) -> Iterator[None]:
    """``talk/a`` each 20 ms, ``talk/b`` each 100 ms; ``talk/kept`` is retained."""
    stop = threading.Event()
    client.publish("talk/kept", {"kept": True}, qos=1, retain=True)

    def run() -> None:
        number = 0
        while not stop.wait(0.02):
            client.publish("talk/a", {"n": number})
            if number % 5 == 0:
                client.publish("talk/b", "text", qos=1)
            number += 1

    thread = threading.Thread(target=run)
    thread.start()
    yield
    stop.set()
    thread.join()
    client.publish("talk/kept", b"", qos=1, retain=True)


def test_topics_of_a_broker(client: hf.Client, talking: None) -> None:
    began = time.monotonic()
    frame = client.topics("talk/#", seconds=1.0)
    assert 0.95 <= time.monotonic() - began < 2.5
    assert list(frame["topic"]) == ["talk/a", "talk/b", "talk/kept"]
    a, b, kept = frame.itertuples(index=False)
    assert 15 <= a.messages <= 60
    assert a.rate == pytest.approx(a.messages / frame.attrs["honeyframe"]["seconds"])
    assert (a.json, b.json, kept.json) == (True, False, True)
    assert (a.max_qos, b.max_qos) == (0, 1)
    assert (kept.messages, kept.retained, kept.rate, kept.last_payload) == (1, True, 0.0, '{"kept":true}')
    assert a.cadence == pytest.approx(0.02, abs=0.02)
    assert frame.attrs["honeyframe"]["filters"] == ["talk/#"]
    assert client.info()["streams"] == 0


def test_so_many_messages_end_it(client: hf.Client, talking: None) -> None:
    began = time.monotonic()
    frame = client.topics(["talk/a", "talk/{letter}"], seconds=None, messages=10)
    assert frame["messages"].sum() == 10
    assert time.monotonic() - began < 5


def test_nothing_there_warns(client: hf.Client) -> None:
    with pytest.warns(NoMessagesWarning, match=r"'nobody/here/#' \(granted QoS 1\) within 0.1 s"):
        frame = client.topics("nobody/here/#", seconds=0.1)
    assert frame.dtypes.astype(str).to_dict() == DTYPES


def test_a_client_that_is_closed_meanwhile(access: dict[str, Any]) -> None:
    client = hf.connect(**access)
    client.publish("closing/kept", b"1", qos=1, retain=True)
    threading.Timer(0.3, client.close).start()
    began = time.monotonic()
    frame = client.topics("closing/#", seconds=20)
    assert time.monotonic() - began < 5
    assert list(frame["topic"]) == ["closing/kept"]
    assert "closed" in frame.attrs["honeyframe"]["error"]
    with hf.connect(**access) as other:
        other.publish("closing/kept", b"", qos=1, retain=True)


def test_a_view_that_fails_does_not_cost_the_frame(
    client: hf.Client, talking: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Failing:
        shows = 0

        def show(self, tree: object) -> None:
            self.shows += 1
            raise RecursionError("too deep")

    view = Failing()
    monkeypatch.setattr(topic_tree, "choose_view", lambda _: nullcontext(view))
    monkeypatch.setattr(topics_seen, "_STEP_SECONDS", 0.05)
    frame = client.topics("talk/#", seconds=0.5, live=True)
    assert {"talk/a", "talk/b"} <= set(frame["topic"])
    assert view.shows == 2  # once meanwhile, once at the end
    assert "could not be drawn: RecursionError: too deep" in caplog.text


def test_ctrl_c_ends_it_and_a_live_view_returns_what_is_there(client: hf.Client, talking: None, monkeypatch: pytest.MonkeyPatch) -> None:
    wait = Watching.wait

    def interrupted(self: Watching, seconds: float | None, look: Any = None) -> None:
        wait(self, 0.3, look)
        raise KeyboardInterrupt

    monkeypatch.setattr(topics_seen.Watching, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        client.topics("talk/#", seconds=20)
    frame = client.topics("talk/#", seconds=None)
    assert {"talk/a", "talk/b"} <= set(frame["topic"])
