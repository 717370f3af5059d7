"""stream.live_table(): the newest row of each topic; only what has changed is sent."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from tests.waiting import wait_until

from honeyframe.errors import InvalidArgumentError
from honeyframe.live_table import LiveTable, text_of

FedStream = Callable[..., Any]

pytest.importorskip("anywidget")


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Any:
    yield
    gc.collect()
    wait_until(lambda: not any(thread.name == "honeyframe-table" for thread in threading.enumerate()))


def state(table: LiveTable) -> dict[str, list[str]]:
    """By the first column, the texts of the others."""
    told = table._whole()[0]
    return {texts[0]: texts[1:] for _, texts in told["rows"]}


def test_the_newest_row_of_each_topic(fed: FedStream) -> None:
    source = fed()
    table = source.stream.live_table(columns=["n", "late"])
    for number in range(100):
        source.push({"n": number}, f"plant/{number % 3}")
    source.push({"n": 7, "late": "<b>"}, "plant/1", retain=True)
    wait_until(lambda: state(table) == {"plant/0": ["99", ""], "plant/1": ["7", "<b>"], "plant/2": ["98", ""]})
    assert len(source.stream.read()) == 101  # a tap
    frame = table.to_frame()
    assert sorted(frame["n"]) == [7, 98, 99]
    assert str(frame["n"].dtype) == "Int64"
    text = repr(table)
    assert "3 rows, running" in text
    assert "plant/1  7   <b>" in text
    html = table._bundle()["text/html"]
    assert "&lt;b&gt;" in html
    assert "<b>" not in html
    table.close()
    assert "ended" in repr(table)


def test_only_what_has_changed_is_sent(fed: FedStream) -> None:
    source = fed()
    table = source.stream.live_table(columns=["n"])
    sent: list[dict[str, Any]] = []
    table.widget.send = lambda content, buffers: sent.append(content)
    for topic in "abc":
        source.push({"n": 1}, topic)
    wait_until(lambda: sum(len(content.get("rows", ())) for content in sent) == 3)
    source.push({"n": 2}, "b")
    wait_until(lambda: sum(len(content.get("rows", ())) for content in sent) == 4)
    assert [rows for content in sent if (rows := content["rows"])][-1] == [[1, ["b", "2"]]]
    table.widget._handle_custom_msg({"kind": "hello", "id": "later"}, [])
    assert (sent[-1]["to"], len(sent[-1]["rows"])) == ("later", 3)
    table.close()


def test_several_keys_and_all_columns(fed: FedStream) -> None:
    source = fed(topic_template="plant/{line}/{cell}")
    table = source.stream.live_table(by=["line", "cell"])
    source.push({"a": True}, "plant/x/1")
    source.push({"b": 1.5}, "plant/x/2")
    source.push({"a": False}, "plant/x/1")
    wait_until(lambda: len(table.to_frame()) == 2)
    told = table._whole()[0]
    assert told["columns"][:2] == ["line", "cell"]
    assert {"_topic", "_recv_time", "a", "b"} <= set(told["columns"])
    rows = {tuple(texts[:2]): dict(zip(told["columns"], texts, strict=True)) for _, texts in told["rows"]}
    assert rows["x", "1"]["a"] == "false"
    assert rows["x", "2"]["b"] == "1.5"
    table.close()


def test_beyond_max_rows_it_says_so(fed: FedStream) -> None:
    source = fed()
    table = source.stream.live_table(max_rows=10)
    for number in range(30):
        source.push({"n": number}, f"plant/{number}")
    wait_until(lambda: "20 more rows not shown: max_rows=10" in repr(table))
    assert len(table.to_frame()) == 10
    table.close()


def test_a_column_that_no_row_has_is_told(fed: FedStream) -> None:
    source = fed()
    table = source.stream.live_table(by=["nope", "line"], columns=["n", "temprature"])
    assert "no row" not in repr(table)  # of none it cannot be known
    source.push({"n": 1})
    told = [f"no row has a column {name!r} so far" for name in ("nope", "line", "temprature")]
    wait_until(lambda: table._status()["notes"] == told)
    assert told[0] in repr(table)
    source.push({"n": 1, "line": "a"})
    wait_until(lambda: table._status()["notes"] == [told[0], told[2]])
    table.close()


def test_an_empty_table(fed: FedStream) -> None:
    with fed().stream.live_table() as table:
        assert "0 rows" in repr(table)
        assert len(table.to_frame()) == 0


@pytest.mark.parametrize("arguments", [{"by": 3}, {"by": [3]}, {"columns": 3}, {"max_rows": 1.5}])
def test_wrong_types(fed: FedStream, arguments: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        fed().stream.live_table(**arguments)


def test_wrong_values(fed: FedStream) -> None:
    with pytest.raises(InvalidArgumentError, match="max_rows"):
        fed().stream.live_table(max_rows=0)


def test_long_texts_are_cut() -> None:
    assert text_of("x" * 1000) == "x" * 200 + "…"
    assert text_of(b"\xff" * 1000).startswith("\\xff")


def test_a_first_batch_of_nothing_but_skipped_retained_messages(fed: FedStream) -> None:
    source = fed(retained="skip")
    table = source.stream.live_table(columns=["n"])
    source.push({"n": 1}, "plant/1", retain=True)
    time.sleep(0.6)  # a batch of its own
    source.push({"n": 2}, "plant/2")
    wait_until(lambda: state(table) == {"plant/2": ["2"]})
    table.close()


def test_a_row_for_each_list(fed: FedStream) -> None:
    source = fed()
    table = source.stream.live_table(by="tags", columns=["n"])
    for number in range(4):
        source.push({"n": number, "tags": ["a", number % 2]})
    wait_until(lambda: sorted(texts[-1] for texts in state(table).values()) == ["2", "3"])
    table.close()
