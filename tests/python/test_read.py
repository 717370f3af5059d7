"""read_mqtt: one call from an address to a DataFrame. Against a real Mosquitto."""

from __future__ import annotations

import pickle
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import honeyframe as hf
from honeyframe.errors import InvalidArgumentError, MissingColumnsWarning, NoMessagesWarning, QuarantinedWarning


@pytest.fixture
def publishing(client: hf.Client) -> Any:
    """Publishes ``{"n": number}`` every 20 ms to a topic, until the test ends."""
    stop = threading.Event()
    threads: list[threading.Thread] = []

    def start(topic: str, make: Callable[[int], Any] = lambda number: {"n": number}) -> None:
        def run() -> None:
            number = 0
            while not stop.wait(0.02):
                client.publish(topic, make(number), qos=1)
                number += 1

        threads.append(threading.Thread(target=run))
        threads[-1].start()

    yield start
    stop.set()
    for thread in threads:
        thread.join()


def test_seconds(access: dict[str, Any], publishing: Any) -> None:
    publishing("read/seconds")
    started = time.monotonic()
    frame = hf.read_mqtt(access["uri"], "read/seconds", seconds=0.8, username="both", password="both-password")
    assert 0.75 <= time.monotonic() - started < 2.5
    assert 15 <= len(frame) <= 60
    assert frame["n"].diff().dropna().eq(1).all()
    assert frame["n"].dtype == "Int64"
    counters = frame.attrs["honeyframe"]
    assert counters["received"] == counters["delivered"] == len(frame)
    assert all(isinstance(value, int) for value in counters.values())


def test_rows_ends_first(client: hf.Client, publishing: Any) -> None:
    publishing("read/rows")
    started = time.monotonic()
    frame = hf.read_mqtt(topics="read/rows", seconds=60, rows=5, client=client)
    assert len(frame) == 5
    assert time.monotonic() - started < 5
    assert not client.closed


def test_until_rows(client: hf.Client, publishing: Any) -> None:
    publishing("read/until")
    assert len(hf.read_mqtt(topics="read/until", seconds=None, rows=3, client=client)) == 3


def test_the_first_row_comes_at_once(client: hf.Client, publishing: Any) -> None:
    publishing("read/first")
    time.sleep(0.1)
    times = []
    for _ in range(3):  # a busy machine may need another try
        started = time.monotonic()
        hf.read_mqtt(topics="read/first", rows=1, client=client)
        times.append(time.monotonic() - started)
    assert min(times) < 1.0


def test_several_topics_templates_and_options(client: hf.Client, publishing: Any) -> None:
    publishing("read/a/t")
    publishing("read/b/t", lambda number: {"n": number, "extra": {"deep": number * 0.5}})
    frame = hf.read_mqtt(topics=["read/{x}/t"], seconds=0.5, client=client, columns=["extra.deep"], categories=True)
    assert set(frame["x"]) == {"a", "b"}
    assert "n" not in frame.columns
    assert frame["extra.deep"].dtype == "float64"
    assert frame["_topic"].dtype == "category"


def test_no_message(client: hf.Client) -> None:
    with pytest.warns(NoMessagesWarning, match="read/nothing/") as caught:
        frame = hf.read_mqtt(topics="read/nothing/{x}", seconds=0.2, client=client, schema={"t": "float64", "ok": "bool"})
    text = str(caught[0].message)
    assert "granted QoS 1" in text
    assert "retained" in text
    assert caught[0].filename == __file__
    assert len(frame) == 0
    assert {"t", "ok", "x", "_topic", "_recv_time", "_retain"} <= set(frame.columns)
    assert frame["ok"].dtype == "boolean"
    assert frame.attrs["honeyframe"]["received"] == 0


def test_messages_without_a_row(client: hf.Client) -> None:
    client.publish("read/broken", b"{broken", qos=1, retain=True)
    try:
        with pytest.warns(NoMessagesWarning, match="quarantined 1"):
            frame = hf.read_mqtt(topics="read/broken", seconds=0.3, client=client, payload="json")
        assert frame.attrs["honeyframe"]["quarantined"] == 1
    finally:
        client.publish("read/broken", b"", qos=1, retain=True)


def test_retained_only(client: hf.Client, publishing: Any) -> None:
    publishing("read/kept/live")
    client.publish("read/kept/old", {"n": -1}, qos=1, retain=True)
    try:
        frame = hf.read_mqtt(topics="read/kept/#", seconds=0.4, client=client, retained="only")
        assert frame["n"].tolist() == [-1]
        assert frame.attrs["honeyframe"]["retained_skipped_rows"] > 0
    finally:
        client.publish("read/kept/old", b"", qos=1, retain=True)


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"seconds": None}, "seconds, rows"),
        ({"seconds": "soon"}, "seconds"),
        ({"rows": 0}, "rows"),
        ({"topics": []}, "no topic"),
        ({"topics": "a/#/b"}, "a/#/b"),
    ],
)
def test_bad_arguments(client: hf.Client, options: dict[str, Any], fault: str) -> None:
    with pytest.raises(InvalidArgumentError, match=fault):
        hf.read_mqtt(client=client, **options)


def test_columns_that_never_come_are_told(client: hf.Client, publishing: Any) -> None:
    publishing("read/columns")
    with pytest.warns(MissingColumnsWarning, match=r"no payload had 'm', 'n\.deep', which"):
        frame = hf.read_mqtt(topics="read/columns", rows=3, client=client, columns=["n", "m", "n.deep"])
    assert "n" in frame
    assert "m" not in frame


def test_a_client_and_an_address_are_one_too_many(client: hf.Client) -> None:
    with pytest.raises(InvalidArgumentError, match="uri, password"):
        hf.read_mqtt("mqtt://127.0.0.1", client=client, password="x")


def test_unknown_options(client: hf.Client) -> None:
    with pytest.raises(TypeError, match=r"read_mqtt\(\) got an unexpected keyword argument 'no_such_option'$"):
        hf.read_mqtt(topics="a", client=client, no_such_option=1)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"stream\(\).*'on_conflct'; did you mean 'on_conflict'\?"):
        client.stream("a", on_conflct="keep")


@pytest.mark.parametrize(
    "wrong",
    [
        {"dtype_backend": "x"},
        {"retained": "onyl"},
        {"topics": ""},
        {"topics": []},
        {"topics": 5},
        {"topics": "a/#/b"},
        {"topics": "{a"},
        {"rows": 1.5},
        {"rows": 0},
        {"qos": 3},
        {"qos": 1.0},
        {"no_local": "x"},
        {"overflow": "x"},
        {"decode": 5},
        {"max_queue_messages": 0},
        {"max_queue_bytes": -1},
        {"max_payload_bytes": 0},
        {"max_topics": "x"},
        {"block_timeout": "x"},
        {"timeout": ""},
        {"columns": []},
        {"columns": 5},
        {"metadata": 5},
        {"na_values": 5},
        {"event_time": 5},
        {"topic_template": "{"},
        {"sep": None},
    ],
    ids=str,
)
def test_what_cannot_work_is_said_before_connecting(wrong: dict[str, Any]) -> None:
    with pytest.raises((InvalidArgumentError, TypeError)) as raised:
        hf.read_mqtt("mqtt://127.0.0.1:9", **{"topics": "a", "seconds": 1, **wrong})
    (name,) = wrong
    told = str(raised.value)
    assert name.removesuffix("s").replace("_", " ") in told.replace("_", " ")
    assert "127.0.0.1" not in told
    assert "an argument" not in told


def test_what_is_no_client_is_told() -> None:
    with pytest.raises(TypeError, match=r"client must be an hf\.Client, not int"):
        hf.read_mqtt(client=5)  # type: ignore[arg-type]


class TestQuarantine:
    @pytest.fixture
    def broken(self, client: hf.Client) -> Iterator[str]:
        """A topic filter with two broken messages, and one good message."""
        messages = {"read/q/1": b'{"n": 1}', "read/q/2": b'{"n": ', "read/q/3": b"\xff\xfe" * 300}
        for topic, payload in messages.items():
            client.publish(topic, payload, qos=1, retain=True)
        yield "read/q/#"
        for topic in messages:
            client.publish(topic, b"", qos=1, retain=True)

    def test_is_told_and_stays_reachable(self, client: hf.Client, broken: str, tmp_path: Path) -> None:
        with pytest.warns(QuarantinedWarning, match=r"2 messages could not be read \(1 \w+, 1 \w+\)\. The first: 'read/q/2': ") as caught:
            frame = hf.read_mqtt(topics=broken, seconds=0.4, client=client)
        assert caught[0].filename == __file__
        first, second = frame.attrs["honeyframe_quarantine"]
        assert (first["topic"], first["payload"], first["payload_bytes"]) == ("read/q/2", '{"n": ', 6)
        assert first["reason"]
        assert first["message"]
        assert (len(second["payload"]), second["payload_bytes"]) == (200 * len(r"\xff"), 600)
        self.survives_what_pandas_does_with_attrs(frame, tmp_path)

    @staticmethod
    def survives_what_pandas_does_with_attrs(frame: pd.DataFrame, tmp_path: Path) -> None:
        assert pd.concat([frame, frame]).attrs == frame.attrs
        assert pickle.loads(pickle.dumps(frame)).attrs == frame.attrs
        frame.to_parquet(tmp_path / "frame.parquet")
        assert pd.read_parquet(tmp_path / "frame.parquet").attrs == frame.attrs

    def test_is_told_where_there_is_nothing_else(self, client: hf.Client) -> None:
        client.publish("read/q/alone", b"{broken", qos=1, retain=True)
        try:
            with pytest.warns(NoMessagesWarning, match="The first: 'read/q/alone': "):
                frame = hf.read_mqtt(topics="read/q/alone", seconds=0.3, client=client)
            assert len(frame.attrs["honeyframe_quarantine"]) == 1
        finally:
            client.publish("read/q/alone", b"", qos=1, retain=True)

    def test_is_silent_where_there_is_none(self, client: hf.Client, publishing: Any) -> None:
        publishing("read/q/none")
        assert hf.read_mqtt(topics="read/q/none", rows=2, client=client).attrs["honeyframe_quarantine"] == []


def test_an_event_time_that_is_nowhere_is_told(client: hf.Client, publishing: Any) -> None:
    publishing("read/event")
    with pytest.warns(MissingColumnsWarning, match=r"event_time='at\.time' points"):
        frame = hf.read_mqtt(topics="read/event", rows=2, client=client, event_time="at.time")
    assert frame["_event_time"].isna().all()
