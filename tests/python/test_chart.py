"""stream.chart(): a tap that goes on by itself, sends nothing twice, and ends with its stream, its close() or its last reference."""

from __future__ import annotations

import gc
import json
import re
import threading
import time
import weakref
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.waiting import wait_until

from honeyframe.chart import Chart
from honeyframe.errors import InvalidArgumentError

FedStream = Callable[..., Any]

pytest.importorskip("anywidget")


def threads() -> int:
    return sum(thread.name == "honeyframe-chart" for thread in threading.enumerate())


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Any:
    yield
    gc.collect()
    wait_until(lambda: threads() == 0)


def push(source: Any, numbers: Iterable[int], topic: str = "plant/{}/t", lines: int = 1) -> None:
    """Each in a column of pixels of its own: half a second apart, the hundredth one now."""
    for number in numbers:
        at = time.time_ns() - (100 - number) * 500_000_000
        source.push({"n": number}, topic.format(number % lines), receive_time_ns=at)


def drawn(chart: Chart) -> dict[str, list[float]]:
    frame = chart.to_frame()
    names = frame.drop(columns=["time", "value"]).agg(" · ".join, axis=1) if len(frame) else []
    return {name: part.tolist() for name, part in frame["value"].groupby(list(names))} if len(frame) else {}


class Front:
    """A browser's side: what it was sent, and what it knows by that."""

    def __init__(self, chart: Chart) -> None:
        self.sent: list[tuple[dict[str, Any], list[Any]]] = []
        self.lines: list[dict[str, Any]] = []
        self.points: dict[int, list[tuple[float, float]]] = {}
        self.widget = chart.widget
        self.channel = chart._channel
        self.widget.send = self._hear

    def _hear(self, content: dict[str, Any], buffers: list[Any]) -> None:
        json.dumps(content)
        self.sent.append((content, buffers))
        if content["kind"] == "whole":
            self.lines, self.points = [], {}
        self.lines += content.get("lines", [])
        if buffers:
            lines, x, y = (np.frombuffer(part, kind) for part, kind in zip(buffers, ("<i4", "<f8", "<f8"), strict=True))
            for number, at, value in zip(lines.tolist(), x.tolist(), y.tolist(), strict=True):
                self.points.setdefault(number, []).append((at, value))

    def hello(self, browser: str = "later") -> None:
        self.widget._handle_custom_msg({"kind": "hello", "id": browser}, [])

    @property
    def values(self) -> dict[str, list[float]]:
        return {self.lines[number]["label"]: [y for _, y in found] for number, found in self.points.items()}


def test_it_follows_the_stream_and_takes_nothing_from_batches(fed: FedStream) -> None:
    source = fed(topic_template="plant/{line}/t")
    chart = source.stream.chart("n", by="line")
    push(source, range(10), lines=2)
    wait_until(lambda: len(chart.to_frame()) == 10)
    assert drawn(chart) == {"0 · n": [0, 2, 4, 6, 8], "1 · n": [1, 3, 5, 7, 9]}
    assert len(source.stream.read()) == 10
    assert source.stream.stats().delivered == 10
    frame = chart.to_frame()
    assert list(frame.columns) == ["line", "column", "time", "value"]
    assert str(frame["time"].dtype) == "datetime64[ns, UTC]"
    assert abs(frame["time"].max() - pd.Timestamp.now("UTC")) < pd.Timedelta("60s")
    chart.close()


def test_nothing_is_sent_twice_and_who_comes_later_gets_the_whole_once(fed: FedStream) -> None:
    source = fed()
    chart = source.stream.chart("n")
    push(source, range(5))
    wait_until(lambda: len(chart.to_frame()) == 5)
    front = Front(chart)
    front.hello("first")
    assert front.values == {"n": [0, 1, 2, 3, 4]}
    for start in range(5, 55, 5):
        push(source, range(start, start + 5))
        time.sleep(0.03)
    wait_until(lambda: len(chart.to_frame()) == 55)
    wait_until(lambda: len(front.points[0]) >= 55)
    time.sleep(0.3)
    assert front.values == {"n": list(range(55))}
    kinds = [content["kind"] for content, _ in front.sent]
    assert kinds.count("whole") == 1
    frames = [content for content, _ in front.sent if content["kind"] == "frame"]
    numbers = [content["number"] for content in frames]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))

    front.hello("second")
    content, _ = front.sent[-1]
    assert (content["kind"], content["to"], content["number"]) == ("whole", "second", numbers[-1])
    assert front.values == {"n": list(range(55))}
    chart.close()
    assert front.sent[-1][0]["kind"] == "end"
    front.hello("third")  # also after the end
    assert front.values == {"n": list(range(55))}


def test_where_nobody_listens_any_more_nothing_is_sent_until_somebody_comes_back(fed: FedStream, monkeypatch: pytest.MonkeyPatch) -> None:
    source = fed()
    chart = source.stream.chart("n")
    front = Front(chart)
    front.hello("first")
    push(source, range(3))
    wait_until(lambda: front.values == {"n": [0, 1, 2]})
    chart._outputs._in_cell = False
    chart._outputs._heard_at -= 1000.0
    time.sleep(0.3)
    sent = len(front.sent)
    push(source, range(3, 6))
    wait_until(lambda: len(chart.to_frame()) == 6)
    time.sleep(0.3)
    assert len(front.sent) == sent
    before = front.sent[-1][0]["number"]
    front.widget._handle_custom_msg({"kind": "views", "id": "first", "views": 1}, [])
    push(source, [6])
    wait_until(lambda: len(front.sent) > sent)
    assert front.sent[-1][0]["number"] > before + 1  # by that it sees that it has missed something
    front.hello("first again")
    front.hello("first again")  # asked twice, answered once
    assert front.values == {"n": list(range(7))}
    chart.close()


def test_at_most_ten_frames_a_second_and_none_where_nothing_comes(fed: FedStream) -> None:
    source = fed()
    chart = source.stream.chart("n")
    front = Front(chart)
    until = time.monotonic() + 1.5
    while time.monotonic() < until:
        source.push_rows(10)
        time.sleep(0.005)
    sent = len(front.sent)
    assert 4 <= sent <= 17
    time.sleep(1.5)  # the last points, and one more of the counters
    quiet = len(front.sent)
    assert quiet - sent <= 4
    time.sleep(1.2)
    assert len(front.sent) == quiet
    chart.close()


def test_much_in_little_time_is_thinned_out_and_no_peak_is_lost(fed: FedStream) -> None:
    source = fed()
    chart = source.stream.chart("n", window="10min")
    front = Front(chart)
    for number in range(20_000):
        source.push({"n": 1e9 if number == 7_777 else -5 if number == 12_345 else number % 100})
    wait_until(lambda: chart._reader.counts.rows == 20_000)
    wait_until(lambda: max(front.values["n"]) == 1e9 and min(front.values["n"]) == -5)
    assert sum(len(found) for found in front.points.values()) < 2_000
    assert {1e9, -5.0} <= set(chart.to_frame()["value"])
    assert chart._missed_rows == 0
    chart.close()


def test_a_lost_connection_is_a_gap(fed: FedStream, monkeypatch: pytest.MonkeyPatch) -> None:
    source = fed()
    gaps = 0
    monkeypatch.setattr(source.stream, "_gaps", lambda: gaps)
    chart = source.stream.chart("n", gap=False)
    push(source, range(2))
    wait_until(lambda: len(chart.to_frame()) == 2)
    gaps = 1
    time.sleep(0.25)
    push(source, range(2, 4))
    wait_until(lambda: len(chart.to_frame()) == 5)
    values = chart.to_frame()["value"].tolist()
    assert values[:2] + values[3:] == [0, 1, 2, 3]
    assert np.isnan(values[2])
    chart.close()


def test_it_goes_on_while_python_sleeps_and_sees_all_after_the_interpreter_was_held(fed: FedStream) -> None:
    source = fed()
    chart = source.stream.chart("n")
    for number in range(3):
        push(source, [number])
        time.sleep(0.5)  # as a cell would
        assert len(chart.to_frame()) == number + 1
    source.push_rows(1000, 10)
    sum(range(20_000_000))
    source.push({"n": -1})
    wait_until(lambda: chart._reader.counts.rows == 1004)
    chart.close()


class TestTheEnd:
    def test_by_close(self, fed: FedStream) -> None:
        source = fed()
        chart = source.stream.chart("n")
        push(source, range(3))
        wait_until(lambda: len(chart.to_frame()) == 3)
        chart.close()
        chart.close()
        assert chart.closed
        assert threads() == 0
        source.push_rows(3)
        assert len(source.stream.read(rows=6, seconds=10)) == 6  # the stream goes on, without a pump
        assert len(chart.to_frame()) == 3

    def test_with_the_stream_after_its_last_row(self, fed: FedStream) -> None:
        source = fed()
        chart = source.stream.chart("n")
        source.push_rows(100)
        source.stream.close()
        wait_until(lambda: chart.closed)
        assert chart._reader.counts.rows == 100
        assert "ended" in repr(chart)

    def test_with_its_last_reference(self, fed: FedStream) -> None:
        source = fed()
        chart = source.stream.chart("n")
        widget = chart.widget
        gone = weakref.ref(chart)
        del chart
        gc.collect()
        assert gone() is None
        wait_until(lambda: threads() == 0)
        assert widget.comm is None  # ipywidgets keeps it no longer either

    def test_it_keeps_its_stream(self, fed: FedStream) -> None:
        source = fed()
        chart = source.stream.chart("n")
        stream = weakref.ref(source.stream)
        source.stream = None
        gc.collect()
        push(source, range(3))
        wait_until(lambda: len(chart.to_frame()) == 3)
        assert not chart.closed
        chart.close()
        source.stream = stream()

    def test_as_a_context(self, fed: FedStream) -> None:
        with fed().stream.chart("n") as chart:
            assert not chart.closed
        assert chart.closed


def test_memory_is_bounded(fed: FedStream) -> None:
    source = fed()
    chart = source.stream.chart("n", by="_topic", window=1)
    for step in range(15):
        for number in range(2_000):
            source.push({"n": number * step}, f"plant/{number % 4}/t")
        time.sleep(0.05)
        with chart._lock:
            kept = len(chart._points._settled) + sum(map(len, chart._points._frames))
        assert kept <= 4 * 2 * 2_001 + 64 * 2_000
    wait_until(lambda: chart._reader.counts.rows == 30_000)
    assert len(chart.to_frame()) <= 4 * 2 * 2_001
    chart.close()


def test_a_thousand_lines(fed: FedStream) -> None:
    source = fed()
    chart = source.stream.chart("n", by="_topic", max_series=50)
    for number in range(1_000):
        source.push({"n": number}, f"plant/{number}/t")
    wait_until(lambda: chart._reader.counts.rows == 1_000)
    text = repr(chart)
    assert "50 lines" in text
    assert "950 more lines not drawn: max_series=50" in text
    assert "and 30 more" in text
    assert text.endswith("max_series=50")  # said once
    assert "950 more lines not drawn: max_series=50" in chart._status()["notes"]
    chart.close()


def test_what_is_known_to_be_wrong_is_an_error_and_what_shows_later_a_note(fed: FedStream) -> None:
    source = fed()
    source.push({"n": 1, "state": "on"})
    source.stream.read()
    with pytest.raises(InvalidArgumentError, match="'state' is string"):
        source.stream.chart("state")
    source = fed()
    chart = source.stream.chart(["state", "n", "nothing"], by="site")
    source.push({"n": 1, "state": "on"})
    wait_until(lambda: len(chart.to_frame()) == 1)
    notes = chart._status()["notes"]
    assert "the column 'state' is string, and a chart draws numbers and booleans" in notes
    assert "no row has a column 'nothing' so far" in notes
    assert "no row has a column 'site' so far" in notes
    assert chart._face()[1]["panes"] == [{"label": "n, nothing"}]  # of what may be drawn
    assert chart._status()["panes"] == ["n, nothing"]  # for a page that was opened before
    chart.close()


def test_what_a_reader_must_know_is_in_the_saved_page_too(fed: FedStream) -> None:
    source = fed()
    chart = source.stream.chart(["n", "state"], by="_topic", max_series=1)
    for number in range(3):
        source.push({"n": 1, "state": "on"}, f"plant/{number}")
    source.push({"n": 1}, receive_time_ns=time.time_ns() - 3600 * 10**9)
    wait_until(lambda: chart._reader.counts.rows == 4)
    page, text = chart._page(), repr(chart)
    for note in ("2 more lines not drawn: max_series=1", "the column 'state' is string"):
        assert note in page
        assert note in text
    assert '"late":1' in page.replace(": ", ":")
    assert "1 older than the window" in text
    chart.close()


def test_colours_that_change_are_told(fed: FedStream) -> None:
    source = fed()
    chart = source.stream.chart("n", by="_topic")
    front = Front(chart)
    front.hello()
    source.push({"n": 1}, "b")
    wait_until(lambda: [(line["label"], line["colour"]) for line in front.lines] == [("b", 0)])
    source.push({"n": 1}, "a")
    wait_until(lambda: [(line["label"], line["colour"]) for line in front.lines] == [("b", 0), ("b", 1), ("a", 0)])
    source.push({"n": 1}, "a")
    time.sleep(0.3)
    assert len(front.lines) == 3  # and once
    chart.close()


def test_the_repr_has_the_last_values(fed: FedStream) -> None:
    source = fed()
    chart = source.stream.chart(["n", "on"], by="_topic")
    assert "0 lines, running" in repr(chart)
    source.push({"n": 2**60 + 1, "on": True}, "a/\x1b[31m")
    source.push(b'{"n":')
    wait_until(lambda: "True" in repr(chart) and "1 quarantined" in repr(chart), 3.0)
    text = repr(chart)
    assert str(2**60 + 1) in text
    assert "\x1b" not in text
    assert chart._bundle()["text/plain"] == text
    chart.close()


def test_dropped_messages_show_in_the_corner(fed: FedStream) -> None:
    source = fed(queue={"max_messages": 10})
    chart = source.stream.chart("n")
    source.push_rows(500)
    wait_until(lambda: chart._status()["dropped"] > 0)
    status = chart._status()
    assert status["unread"]  # the chart had them, and nobody calls batches()
    chart.close()


def test_it_is_saved(fed: FedStream, tmp_path: Path) -> None:
    source = fed()
    chart = source.stream.chart([["n"], ["on"]], by="_topic", title="<Plant>")
    source.push({"n": 1, "on": True}, "<script>alert(1)</script>")
    source.push({"n": 2, "on": False}, "$x$")
    wait_until(lambda: len(chart.to_frame()) == 4)
    for name, begins in (("c.png", b"\x89PNG"), ("c.svg", b"<?xml"), ("c.pdf", b"%PDF"), ("c.html", b"<!doctype html>")):
        assert chart.save(tmp_path / name).read_bytes().startswith(begins)
    with pytest.raises(InvalidArgumentError, match=r"\.png, \.svg, \.pdf or \.html; found 'c\.gif'"):
        chart.savefig(tmp_path / "c.gif")
    with pytest.raises(FileNotFoundError, match=r"there is no such directory: '[^']*nowhere'$"):
        chart.save(tmp_path / "nowhere" / "c.png")
    with pytest.raises(InvalidArgumentError, match=r"path must name a file; found the directory '[^']*new\.png/'"):
        chart.save(f"{tmp_path}/new.png/")
    assert not (tmp_path / "new.png").exists()
    chart.close()
    assert chart.save(tmp_path / "c.png").stat().st_size > 1_000


def test_skipped_retained_messages_stay_out(fed: FedStream) -> None:
    source = fed(retained="skip", event_time="ts")
    chart = source.stream.chart("n")
    source.push({"n": 1, "ts": time.time()}, retain=True)
    source.push({"n": 2, "ts": time.time()})
    wait_until(lambda: len(chart.to_frame()) == 1)
    assert chart.to_frame()["value"].tolist() == [2]
    chart.close()


def test_a_line_for_each_list(fed: FedStream) -> None:
    source = fed()
    chart = source.stream.chart("n", by="tags")
    source.push({"n": 1, "tags": ["a", "b"]})
    source.push({"n": 2, "tags": ["c"]})
    wait_until(lambda: len(chart.to_frame()) == 2)
    assert sorted(chart.to_frame()["tags"]) == ['["a", "b"]', '["c"]']
    chart.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_fault_of_ours_is_told_and_ends_it(fed: FedStream, monkeypatch: pytest.MonkeyPatch) -> None:
    source = fed()
    chart = source.stream.chart("n")

    def fail(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(chart._reader, "read", fail)
    source.push({"n": 1})
    wait_until(lambda: chart.closed)
    assert "ended" in repr(chart)
    chart.close()


def test_the_examples_of_the_documentation_run(fed: FedStream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "charts.md").read_text()
    examples = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(examples) == 3
    monkeypatch.chdir(tmp_path)
    source = fed(topic_template="plant/{line}/telemetry")
    source.push({"temperature": 21.5, "pressure": 1013}, "plant/1/telemetry")
    names = {"stream": source.stream}
    for example in examples:
        if "hf.connect" in example:
            compile(example, "docs/charts.md", "exec")
        else:
            for line in example.splitlines():
                exec(line, names)  # noqa: S102  # our own
                if line.startswith("chart ="):
                    wait_until(lambda: len(names["chart"].to_frame()) == 2)
    assert (tmp_path / "plant.html").exists()
    assert len(names["chart"].to_frame()) == 2
