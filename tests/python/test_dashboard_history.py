"""honeyframe.dashboard_history: a frame's rows, as the page reads them; web/test/dashboard/history.test.ts is the other side."""

from __future__ import annotations

import base64
import gzip
import json
import struct
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import honeyframe as hf
from honeyframe import dashboard_history
from honeyframe.dashboard_history import History, read_history
from honeyframe.errors import HoneyframeWarning, InvalidArgumentError, MissingColumnsWarning

START = 1_795_672_800


def read(given: Any, *, topics: tuple[str, ...] = ("#",), event_time: str | None = None, window: float = 600) -> History:
    return read_history(given, topics=topics, event_time=event_time, window=window)


def decoded(history: History) -> list[tuple[str, list[float], dict[str, list[float]]]]:
    """By the format's description, not by the code that writes it."""
    data = gzip.decompress(base64.b64decode(history.encoded()))
    assert data[:4] == b"HFH1"
    (length,) = struct.unpack("<I", data[4:8])
    head = json.loads(data[8 : 8 + length])
    numbers = iter(np.frombuffer(data, "<f8", offset=-(-(8 + length) // 8) * 8).tolist())
    found = []
    for table in head["tables"]:
        x, *columns = ([next(numbers) for _ in range(table["rows"])] for _ in range(1 + len(table["columns"])))
        found.append((table["topic"], x, dict(zip(table["columns"], columns, strict=True))))
    assert next(numbers, None) is None
    return found


def frame(rows: int = 4, **columns: Any) -> pd.DataFrame:
    times = pd.to_datetime(START + np.arange(rows)[::-1], unit="s", utc=True)  # the newest first
    return pd.DataFrame({"_topic": [f"plant/{i % 2}/t" for i in range(rows)], "_recv_time": times, **columns})


def test_a_table_a_topic_oldest_first() -> None:
    history = read(frame(t=[3.0, 2.0, np.nan, 0.0], on=pd.array([True, None, False, True], "boolean"), big=[2**60, 1, 2, 3]))
    assert history.rows == 4
    (zero, zero_x, zero_columns), (one, one_x, one_columns) = decoded(history)
    assert (zero, zero_x, one, one_x) == ("plant/0/t", [START + 1, START + 3], "plant/1/t", [START, START + 2])
    assert zero_columns["on"] == [0.0, 1.0]
    assert str(zero_columns["t"]) == "[nan, 3.0]"
    assert one_columns["t"] == [0.0, 2.0]
    assert zero_columns["big"] == [2.0, 2.0**60]


def test_what_is_left_out() -> None:
    history = read(
        frame(t=[1, 2, 3, 4], _qos=[0, 0, 0, 0], text=["a"] * 4, line=[1, 2, 1, 2], never=[None] * 4), topics=("plant/{line}/t",)
    )
    assert {name for table in history.tables for name in table.columns} == {"t"}
    kept = read(frame(t=[1, 2, 3, 4], _retain=pd.array([True, False, None, False], "boolean")))
    assert kept.rows == 3  # what the broker had kept was not measured when it came


def test_times() -> None:
    events = frame(t=[1, 2, 3, 4], ts=[START - 100] * 4, _event_time=pd.to_datetime([START - 50] * 4, unit="s", utc=True))
    assert read(events).tables[0].x.max() == START + 3
    assert read(events, event_time="ts").tables[0].x.max() == START - 50
    assert read(events.drop(columns="_event_time"), event_time="ts").tables[0].x.max() == START - 100
    for epochs in ([(START - 100) * 1000] * 4, ["2026-11-26T05:58:20Z"] * 4):
        assert read(events.drop(columns="_event_time").assign(ts=epochs), event_time="ts").tables[0].x.max() == START - 100
    indexed = events.set_index("_recv_time").drop(columns=["_event_time", "ts"])
    assert read(indexed).tables[0].x.max() == START + 3
    with pytest.raises(InvalidArgumentError, match="no times"):
        read(pd.DataFrame({"_topic": ["a"], "t": [1]}))
    with pytest.raises(InvalidArgumentError, match="'ts'"):
        read(frame(ts=["soon"] * 4, t=[1, 2, 3, 4]), event_time="ts")


def test_a_row_without_a_time_of_its_own_stands_where_it_arrived() -> None:
    mixed = frame(
        t=[1, 2, 3, 4],
        _topic="a",
        _event_time=pd.to_datetime([START - 50, None, None, START - 49], unit="s", utc=True),
        _retain=[False, False, True, True],
    )
    ((_, x, columns),) = decoded(read(mixed, event_time="ts"))
    assert (x, columns["t"]) == ([START - 50, START - 49, START + 2], [1.0, 4.0, 2.0])
    with pytest.warns(MissingColumnsWarning, match="'ts'"):
        ((_, x, columns),) = decoded(read(mixed.assign(_event_time=pd.NaT), event_time="ts"))
    assert (x, columns["t"]) == ([START + 2, START + 3], [2.0, 1.0])  # what the broker had kept was not measured when it came
    ((_, x, _),) = decoded(read(mixed.assign(_recv_time=mixed["_recv_time"].where(mixed["t"] != 1))))
    assert x == [START - 50, START + 2]


def test_a_clock_that_is_ahead_is_not_believed() -> None:
    ahead = pd.to_datetime([START + 3.0 + 1.5, START + 2.0 + 30, None, START - 9.0], unit="s", utc=True)
    ((_, x, columns),) = decoded(read(frame(t=[1, 2, 3, 4], _topic="a", _event_time=ahead), event_time="ts"))
    assert (x, columns["t"]) == ([START - 9, START + 1, START + 2, START + 4.5], [4.0, 3.0, 2.0, 1.0])


def test_switches_are_told_from_numbers() -> None:
    history = read(frame(t=[1, 0, 1, 0], on=[True, False, True, True], off=pd.array([None, False, True, None], "boolean")))
    assert [set(table.switches) for table in history.tables] == [{"on", "off"}, {"on", "off"}]
    head = gzip.decompress(base64.b64decode(history.encoded()))
    assert b'"columns":["t","on","off"],"switches":["on","off"]' in head
    assert b"switches" not in gzip.decompress(base64.b64decode(read(frame(t=[1, 0, 1, 0])).encoded()))


def test_topics() -> None:
    bare = frame(t=[1, 2, 3, 4], line=["a", "b", "a", "b"]).drop(columns="_topic")
    assert [table.topic for table in read(bare, topics=("plant/{line}/t",)).tables] == ["plant/a/t", "plant/b/t"]
    assert [table.topic for table in read(bare, topics=("plant/1/t",)).tables] == ["plant/1/t"]
    for topics in [("plant/+/t",), ("plant/{room}/t",), ("a", "b")]:
        with pytest.raises(InvalidArgumentError, match="_topic"):
            read(bare, topics=topics)


def test_any_frame_will_do() -> None:
    whole = frame(t=[1.0, 2.0, 3.0, 4.0])
    expected = decoded(read(whole))
    table = hf.extract([b'{"t": 1}'])
    for other in (pl.from_pandas(whole), whole.astype({"_topic": "category"}), whole.convert_dtypes(dtype_backend="pyarrow")):
        assert decoded(read(other)) == expected
    assert read(whole.head(0)).encoded() == read(None).encoded() == ""
    with pytest.raises(InvalidArgumentError, match="no times"):
        read(table)
    for wrong in (5, "x", [1], {"t": 1}):
        with pytest.raises(TypeError, match="history"):
            read(wrong)


def test_too_much_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dashboard_history, "MOST_ROWS", 3)
    with pytest.warns(HoneyframeWarning, match="newest 3"):
        assert read(frame(t=[1, 2, 3, 4])).rows == 3
    wide = frame(**{f"c{i}": [1, 2, 3, 4] for i in range(70)})
    monkeypatch.setattr(dashboard_history, "MOST_ROWS", 100)
    with pytest.warns(HoneyframeWarning, match="64"):
        history = read_history(wide, topics=("#",), event_time=None, window=1, wanted=["c69"])
    assert "c69" in history.tables[0].columns


def test_hostile_topics_and_infinite_values() -> None:
    history = read(frame(t=[np.inf, 1.0, -np.inf, 2.0]).assign(_topic='</script>"\u2028'))
    ((topic, _, columns),) = decoded(history)
    assert topic == '</script>"\u2028'
    assert [value for value in columns["t"] if value == value] == [2.0, 1.0]
