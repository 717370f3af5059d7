"""Stream: tables, accounts, quarantine, its end."""

from __future__ import annotations

import gc
import pickle
import signal
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
from tests.waiting import wait_until

import honeyframe as hf
from honeyframe.errors import ConflictWarning, InvalidArgumentError, MessagesDroppedWarning
from honeyframe.stream import Stream

FedStream = Callable[..., Any]


class TestRead:
    def test_with_neither_rows_nor_seconds_what_is_there(self, fed: FedStream) -> None:
        source = fed()
        source.push_rows(10)
        started = time.monotonic()
        assert len(source.stream.read()) == 10
        assert len(source.stream.read()) == 0
        assert time.monotonic() - started < 5

    def test_rows(self, fed: FedStream) -> None:
        source = fed()
        source.push_rows(10)
        assert source.stream.read(rows=4).to_pandas()["n"].tolist() == [0, 1, 2, 3]
        assert len(source.stream.read()) == 6

    def test_rows_waits_for_them(self, fed: FedStream) -> None:
        source = fed()
        threading.Timer(0.3, source.push_rows, (5,)).start()
        assert len(source.stream.read(rows=5)) == 5

    def test_seconds(self, fed: FedStream) -> None:
        source = fed()
        source.push_rows(3)
        threading.Timer(0.2, source.push_rows, (3,)).start()
        late = threading.Timer(5.0, source.push_rows, (3,))
        late.start()
        started = time.monotonic()
        assert len(source.stream.read(seconds=0.5)) == 6
        assert 0.45 <= time.monotonic() - started < 4
        late.cancel()

    def test_a_stream_that_goes_on_does_not_hold_a_read(self, fed: FedStream) -> None:
        source = fed()
        stop = threading.Event()

        def flood() -> None:
            while not stop.is_set():
                source.push_rows(200)
                time.sleep(0.001)

        thread = threading.Thread(target=flood)
        thread.start()
        started = time.monotonic()
        assert len(source.stream.read(seconds=0.3)) > 0
        elapsed = time.monotonic() - started
        stop.set()
        thread.join()
        assert elapsed < 5
        assert source.stream.stats().balanced

    def test_earlier_rows_are_cast_to_the_last_schema(self, fed: FedStream) -> None:
        source = fed()
        source.push({"a": 1})
        assert source.stream.read(rows=1).to_pandas()["a"].dtype == "Int64"
        source.push({"a": 2})
        table = source.stream.read(rows=1)
        source.push({"a": 2.5, "late": "x"})
        with pytest.warns(ConflictWarning, match="int64 -> float64"):
            later = source.stream.read(rows=1).to_pandas()
        assert later["a"].dtype == "float64"
        assert "late" in later.columns
        assert len(table) == 1

    def test_an_empty_table_has_the_columns(self, fed: FedStream) -> None:
        frame = fed(schema={"t": "float64"}, topic_template="plant/{line}/t").stream.read().to_pandas()
        assert {"t", "line", "_topic", "_recv_time", "_retain"} <= set(frame.columns)
        assert str(frame["_recv_time"].dtype) == "datetime64[ns, UTC]"

    def test_rows_must_be_positive(self, fed: FedStream) -> None:
        with pytest.raises(InvalidArgumentError, match="rows"):
            fed().stream.read(rows=0)

    def test_an_interrupted_read_loses_nothing(self, fed: FedStream) -> None:
        source = fed()
        source.push_rows(50)
        threading.Timer(0.6, signal.raise_signal, (signal.SIGINT,)).start()
        # raise_signal in a thread is delivered to the process: the main thread sees it.
        with pytest.raises(KeyboardInterrupt):
            source.stream.read(rows=60, seconds=30)
        stats = source.stream.stats()
        assert (stats.delivered, stats.balanced) == (0, True)
        assert source.stream.read(rows=50).to_pandas()["n"].tolist() == list(range(50))
        assert source.stream.stats().delivered == 50

    def test_an_interrupted_read_leaves_no_more_than_the_next_one_asks_for(self, fed: FedStream) -> None:
        source = fed()
        source.push_rows(50)
        threading.Timer(0.6, signal.raise_signal, (signal.SIGINT,)).start()
        with pytest.raises(KeyboardInterrupt):
            source.stream.read(rows=60, seconds=30)
        assert source.stream.read(rows=10).to_pandas()["n"].tolist() == list(range(10))
        assert (source.stream.stats().delivered, source.stream.stats().rows) == (10, 10)
        sizes = [batch.num_rows for batch in source.stream.batches(max_rows=15, seconds=0.1)]
        assert sizes == [15, 15, 10]
        assert source.stream.stats().delivered == 50
        assert source.stream.stats().balanced

    def test_an_interrupt_while_a_batch_is_sifted_loses_nothing(self, fed: FedStream, monkeypatch: pytest.MonkeyPatch) -> None:
        source = fed(retained="skip")
        source.push_rows(5)
        with monkeypatch.context() as patched:
            patched.setattr("honeyframe.window.sift_retained", lambda *_: signal.raise_signal(signal.SIGINT))
            with pytest.raises(KeyboardInterrupt):
                source.stream.read()
        assert source.stream.stats().delivered == 0
        assert source.stream.read().to_pandas()["n"].tolist() == list(range(5))

    def test_a_window_takes_no_misfit_away(self, fed: FedStream) -> None:
        source = fed()
        source.stream.window("1min")
        source.push({"a": 2**53 + 1})
        wait_until(lambda: len(source.stream.window("1min")) == 1)
        source.push({"a": 1.5})
        with pytest.warns(ConflictWarning, match="int64 -> float64"):
            wait_until(lambda: len(source.stream.window("1min")) == 2)
        frame = source.stream.read().to_pandas()
        assert frame["a"].isna().tolist() == [True, False]
        assert frame["_misfit"].dropna().tolist() == ['{"a":9007199254740993}']

    def test_after_close_what_was_queued_is_readable(self, fed: FedStream) -> None:
        source = fed()
        source.push_rows(10)
        source.stream.close()
        assert source.push({"n": 1}) == "closed"
        assert len(source.stream.read()) == 10


class TestAccounts:
    def test_each_fate_has_its_counter(self, fed: FedStream) -> None:
        source = fed(queue={"max_payload_bytes": 100})
        source.push({"n": 1})
        source.push(b"{broken")
        source.push({"long": "x" * 200})
        source.push({"n": 1}, topic="a/+/b")
        assert source.stream.stats().queued == 2
        source.stream.read()
        source.push({"n": 2})
        stats = source.stream.stats()
        assert stats.balanced
        assert (stats.received, stats.delivered, stats.quarantined, stats.rejected, stats.queued) == (5, 1, 1, 2, 1)
        assert (stats.rejected_too_large, stats.rejected_topic) == (1, 1)

    def test_drops_are_counted(self, fed: FedStream) -> None:
        source = fed(queue={"max_messages": 100, "overflow": "drop_newest"})
        source.push_rows(150)
        stats = source.stream.stats()
        assert (stats.received, stats.queued, stats.dropped, stats.dropped_newest, stats.balanced) == (150, 100, 50, 50, True)
        with pytest.warns(MessagesDroppedWarning, match="50 messages"):
            assert len(source.stream.read()) == 100

    @pytest.mark.filterwarnings("ignore::honeyframe.errors.MessagesDroppedWarning")
    @pytest.mark.parametrize("overflow", ["drop_oldest", "drop_newest", "latest"])
    def test_balanced_while_threads_run(self, fed: FedStream, overflow: str) -> None:
        source = fed(queue={"max_messages": 500, "max_topics": 40, "overflow": overflow}, sequence="n")
        stop = threading.Event()

        def feed() -> None:
            number = 0
            while not stop.is_set():
                source.push({"n": number} if number % 5 else b"{broken", topic=f"t/{number % 53}")
                number += 1

        def consume() -> None:
            for _ in source.stream.batches(max_rows=50, max_seconds=0.01):
                pass

        threads = [threading.Thread(target=feed), threading.Thread(target=consume)]
        for thread in threads:
            thread.start()
        looks = 0
        began = time.monotonic()
        while looks <= 50 or time.monotonic() < began + 1:
            assert time.monotonic() < began + 60
            stats = source.stream.stats()
            assert stats.balanced, repr(stats)
            ledger = source.stream.ledger() if looks % 20 == 0 else None
            if ledger is not None:
                assert ledger.loc[ledger["event"] == "dropped", "count"].sum() >= stats.dropped
            looks += 1
        stop.set()
        threads[0].join()
        source.stream.close()
        threads[1].join()
        stats = source.stream.stats()
        assert stats.balanced
        assert stats.quarantined > 0
        assert stats.queued == stats.in_batch == 0

    def test_quarantine_is_kept_and_read_again(self, fed: FedStream) -> None:
        source = fed()
        source.push({"n": 1})
        source.push(b'{"n": tru', topic="plant/9/telemetry", receive_time_ns=1_700_000_000_000_000_000, qos=1)
        source.stream.read()
        frame = source.stream.quarantine()
        assert len(frame) == 1
        row = frame.iloc[0]
        assert (row["topic"], row["payload"], row["qos"]) == ("plant/9/telemetry", b'{"n": tru', 1)
        assert row["recv_time"] == pd.Timestamp(1_700_000_000_000_000_000, tz="UTC")
        assert row["reason"]
        assert row["message"]

    def test_an_empty_quarantine_has_its_columns(self, fed: FedStream) -> None:
        frame = fed().stream.quarantine()
        assert len(frame) == 0
        assert {"topic", "recv_time", "reason", "message", "position", "payload"} <= set(frame.columns)

    def test_a_misfit_warns_once_a_column(self, fed: FedStream, caplog: pytest.LogCaptureFixture) -> None:
        source = fed()
        source.push({"n": 1})
        source.stream.read()
        source.push({"n": "N//A"})
        with pytest.warns(ConflictWarning, match="n") as caught, caplog.at_level("INFO", "honeyframe"):
            frame = source.stream.read().to_pandas()
        assert [warning.filename for warning in caught] == [__file__]
        assert any("n" in record.message for record in caplog.records)
        assert frame["_misfit"].notna().all()
        source.push({"n": "again"})
        source.stream.read()  # filterwarnings = error: a second warning would raise


class TestRetained:
    @pytest.mark.parametrize(("retained", "expected"), [("include", [1, 2, 3]), ("skip", [1, 3]), ("only", [2])])
    def test_by_the_flag(self, fed: FedStream, retained: str, expected: list[int]) -> None:
        source = fed(retained=retained)
        for number in (1, 2, 3):
            source.push({"n": number}, retain=number == 2)
        assert source.stream.read().to_pandas()["n"].tolist() == expected
        stats = source.stream.stats()
        assert stats.retained_skipped_rows == 3 - len(expected)
        assert stats.balanced


class TestEnd:
    def test_close_is_idempotent_and_a_context_manager(self, fed: FedStream) -> None:
        source = fed()
        with source.stream as stream:
            assert not stream.closed
        assert source.stream.closed
        source.stream.close()

    def test_the_last_reference_closes(self) -> None:
        from honeyframe.source import make_reader

        reader, queue, _ = make_reader({}, {})
        stream = Stream(reader)
        queue.push("a", b"1")
        gone = weakref.ref(stream)
        del stream
        gc.collect()
        assert gone() is None
        assert queue.push("a", b"1") == "closed"
        counters = queue.counters()
        assert (counters["received"], counters["discarded_on_close"]) == (1, 1)

    def test_bounds_of_reading_are_named(self, fed: FedStream) -> None:
        stream = fed().stream
        for value in (1.5, "x", 0):
            with pytest.raises((TypeError, InvalidArgumentError), match=r"^rows must be"):
                stream.read(rows=value)  # type: ignore[arg-type]
            with pytest.raises((TypeError, InvalidArgumentError), match=r"^max_rows must be"):
                stream.batches(max_rows=value)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match=r"^max_rows must be an int, not NoneType"):
            stream.batches(max_rows=None)  # type: ignore[arg-type]
        for duration in (float("inf"), 1e300, 0):
            with pytest.raises(InvalidArgumentError, match="a window needs a duration"):
                stream.window(duration)

    def test_no_pickles(self, fed: FedStream) -> None:
        with pytest.raises(TypeError, match=r"cannot be pickled.*read"):
            pickle.dumps(fed().stream)

    def test_faces(self, fed: FedStream) -> None:
        source = fed()
        source.push_rows(2)
        assert "received 2" in repr(source.stream)
        assert "open" in repr(source.stream)
        assert "<table>" in source.stream._repr_html_()
        source.stream.close()
        assert "closed" in repr(source.stream)


def test_a_failing_read_with_on_conflict_raise_keeps_the_rest(fed: FedStream) -> None:
    source = fed(on_conflict="raise", schema={"n": "int64"})
    source.push({"n": 1})
    source.push({"n": "x"})
    source.push({"n": 3})
    with pytest.raises(hf.errors.DoesNotFitError):
        source.stream.read()
    table = source.stream.read()
    assert set(table.to_pandas()["n"].tolist()) <= {1, 3}
    assert source.stream.stats().balanced
