"""The ledger: what happened to a stream, in bounded rows of stated types."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from honeyframe.errors import ConflictWarning, InvalidArgumentError, MessagesDroppedWarning
from honeyframe.events import SessionLog
from honeyframe.ledger import MAX_ROWS, SessionHistory, ledger_frame, row_from_core

FedStream = Callable[..., Any]

DTYPES = {
    "time": "datetime64[ns, UTC]",
    "until": "datetime64[ns, UTC]",
    "event": "string",
    "reason": "string",
    "topic": "string",
    "column": "string",
    "count": "Int64",
    "bytes": "Int64",
    "topics": "string",
    "detail": "string",
}
SECOND = 1_000_000_000


def rows_of(ledger: pd.DataFrame, event: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ledger[ledger["event"] == event].to_dict("records")
    return found


class TestFrame:
    def test_types_whether_or_not_there_are_rows(self, fed: FedStream) -> None:
        source = fed()
        empty = source.stream.ledger()
        assert len(empty) == 0
        assert {name: str(dtype) for name, dtype in empty.dtypes.items()} == DTYPES
        source.push({"n": 1})
        source.stream.read()
        ledger = source.stream.ledger()
        assert {name: str(dtype) for name, dtype in ledger.dtypes.items()} == DTYPES
        (row,) = rows_of(ledger, "column_added")
        assert (row["column"], row["count"]) == ("n", 1)
        assert pd.isna(row["bytes"])
        assert pd.isna(row["topic"])

    def test_oldest_first_and_read_as_often_as_one_likes(self, fed: FedStream) -> None:
        source = fed(queue={"max_payload_bytes": 100})
        source.push({"n": 1}, receive_time_ns=3 * SECOND)
        source.push({"m": 1}, receive_time_ns=1 * SECOND)
        source.push({"long": "x" * 200}, receive_time_ns=2 * SECOND)
        source.stream.read()
        ledger = source.stream.ledger()
        assert ledger["event"].tolist() == ["column_added", "rejected", "column_added"]
        assert ledger["time"].is_monotonic_increasing
        pd.testing.assert_frame_equal(ledger, source.stream.ledger())

    def test_a_time_of_zero_is_none(self, fed: FedStream) -> None:
        source = fed()
        source.push(b"{", receive_time_ns=0)
        source.stream.read()
        assert source.stream.ledger()["time"].isna().tolist() == [True]

    def test_a_folded_row(self) -> None:
        row = row_from_core(("quarantined", "", 1, 2, 30, 400, 5000, "", [], True))
        assert (row.event, row.reason, row.count, row.bytes, row.detail) == ("overflow", "quarantined", 400, 5000, "30 rows")

    def test_topics_that_begin_alike_are_added_up(self, fed: FedStream) -> None:
        source = fed(queue={"max_messages": 1, "overflow": "drop_newest"})
        alike = "t" * 128
        source.push({}, topic="kept")
        for topic, times in {alike + "/1": 3, alike + "/2": 2, "other": 1}.items():
            for _ in range(times):
                source.push({}, topic=topic)
        (row,) = rows_of(source.stream.ledger(), "dropped")
        assert sorted(json.loads(row["topics"]).values()) == [1, 5]

    def test_hostile_topics_are_text(self, fed: FedStream) -> None:
        source = fed(queue={"max_messages": 1, "overflow": "drop_newest"})
        topic = '<script>alert(1)</script>"\\ä'
        source.push({}, topic=topic)
        source.push({}, topic=topic)
        (row,) = rows_of(source.stream.ledger(), "dropped")
        assert json.loads(row["topics"]) == {topic: 1}
        assert "<script>" not in source.stream.ledger().to_html()


class TestLosses:
    def test_an_episode_of_drops_is_one_row(self, fed: FedStream) -> None:
        source = fed(queue={"max_messages": 100, "overflow": "drop_newest"})
        for number in range(200):
            source.push({"n": number}, topic=f"t/{number % 2}", receive_time_ns=SECOND + number)
        source.push({"n": 0}, receive_time_ns=100 * SECOND)
        stats = source.stream.stats()
        first, second = rows_of(source.stream.ledger(), "dropped")
        assert (first["reason"], first["count"], first["bytes"]) == ("newest", 100, 100 * len('{"n": 100}'))
        assert (first["time"].value, first["until"].value) == (SECOND + 100, SECOND + 199)
        assert json.loads(first["topics"]) == {"t/0": 50, "t/1": 50}
        assert second["count"] == 1
        assert first["count"] + second["count"] == stats.dropped

    def test_latest(self, fed: FedStream) -> None:
        source = fed(queue={"max_topics": 10, "overflow": "latest"})
        for number in range(300):
            source.push({"n": number}, topic=f"t/{number % 15}")
        stats = source.stream.stats()
        assert (stats.queued, stats.superseded, stats.dropped, stats.dropped_no_slot, stats.balanced) == (10, 190, 100, 100, True)
        with pytest.warns(MessagesDroppedWarning, match="ledger"):
            frame = source.stream.read().to_pandas()
        assert frame["n"].tolist() == [number for number in range(285, 300) if number % 15 < 10]
        (row,) = rows_of(source.stream.ledger(), "dropped")
        assert (row["reason"], row["count"]) == ("no_slot", 100)
        assert set(json.loads(row["topics"])) <= {f"t/{n}" for n in range(10, 15)}

    def test_latest_behind_a_decoder(self, fed: FedStream) -> None:
        source = fed(decode=lambda payload: payload, queue={"overflow": "latest"})
        for number in range(1_000):
            source.push({"n": number}, topic=f"t/{number % 10}")
        source.stream.close()
        seen: dict[str, int] = {}
        for batch in source.stream.batches(max_seconds=0.01):
            for topic, number in zip(batch.to_pandas()["_topic"], batch.to_pandas()["n"], strict=True):
                assert seen.get(topic, -1) < number
                seen[topic] = number
        assert sorted(seen.values()) == list(range(990, 1_000))
        stats = source.stream.stats()
        assert stats.balanced
        assert (stats.received, stats.dropped, stats.delivered + stats.superseded) == (1_000, 0, 1_000)

    def test_quarantine_reasons_and_misfits(self, fed: FedStream) -> None:
        source = fed()
        source.push({"t": 1})
        for _ in range(3):
            source.push(b'{"t": ', topic="plant/2")
            source.push({"t": "hot"})
        with pytest.warns(ConflictWarning):
            source.stream.read()
        ledger = source.stream.ledger()
        (reason,) = rows_of(ledger, "quarantined")
        assert (reason["reason"], reason["count"], reason["bytes"]) == ("truncated", 3, 18)
        assert json.loads(reason["topics"]) == {"plant/2": 3}
        assert reason["detail"] == source.stream.quarantine()["message"].iloc[0]
        (misfit,) = rows_of(ledger, "misfit")
        assert (misfit["column"], misfit["count"], misfit["detail"]) == ("t", 3, '"hot"')

    def test_duplicates(self, fed: FedStream) -> None:
        source = fed()
        source.push({"n": 1}, qos=1, packet_id=4)
        source.push({"n": 1}, qos=1, packet_id=4, dup=True)
        source.push({"n": 2}, qos=1, packet_id=5, dup=True)
        seen, flag = sorted(rows_of(source.stream.ledger(), "duplicates"), key=lambda row: row["reason"], reverse=True)
        assert (seen["reason"], seen["count"]) == ("packet_id_seen", 1)
        assert (flag["reason"], flag["count"]) == ("dup_flag", 1)
        assert (source.stream.stats().duplicates, source.stream.stats().duplicate_packet_ids) == (2, 1)

    def test_all_of_a_decoded_stream(self, fed: FedStream) -> None:
        def decode(payload: bytes) -> bytes:
            if payload == b"bad":
                raise ValueError("no such thing")
            return payload

        source = fed(decode=decode, queue={"max_payload_bytes": 50})
        source.push(b"bad", receive_time_ns=2 * SECOND)
        source.push(b"bad", receive_time_ns=1 * SECOND)
        source.push(b"x" * 60)
        source.push({"n": 1}, qos=1, dup=True)
        source.stream.close()
        source.stream.read(seconds=5)
        ledger = source.stream.ledger()
        (failed,) = rows_of(ledger, "quarantined")
        assert (failed["reason"], failed["count"], failed["bytes"]) == ("decode_failed", 2, 6)
        assert (failed["time"].value, failed["until"].value) == (SECOND, 2 * SECOND)
        assert "no such thing" in failed["detail"]
        assert len(rows_of(ledger, "rejected")) == len(rows_of(ledger, "duplicates")) == 1
        stats = source.stream.stats()
        assert (stats.duplicates, stats.balanced) == (1, True)

    def test_many_columns_are_folded(self, fed: FedStream) -> None:
        source = fed()
        source.push({f"c{number}": number for number in range(MAX_ROWS + 50)})
        source.stream.read()
        ledger = source.stream.ledger()
        assert len(rows_of(ledger, "column_added")) == MAX_ROWS
        (folded,) = rows_of(ledger, "overflow")
        assert (folded["reason"], folded["count"], folded["detail"]) == ("column_added", 50, "50 rows")


class TestSequence:
    def test_gaps_repetitions_and_restarts_by_publisher(self, fed: FedStream) -> None:
        source = fed(sequence="seq", sequence_by="line", topic_template="plant/{line}/telemetry")
        for line, numbers in {"1": [0, 1, 4, 5, 5, 8, 7], "2": [*range(100), 0, 1]}.items():
            for number in numbers:
                source.push({"seq": number, "t": 1.5}, topic=f"plant/{line}/telemetry")
        source.push({"t": 1.5})
        frame = source.stream.read().to_pandas()
        assert frame["seq"].notna().sum() == 109  # stays a column
        stats = source.stream.stats()
        assert (stats.sequence_missing, stats.sequence_gaps, stats.sequence_repeated) == (3, 2, 1)
        assert (stats.sequence_out_of_order, stats.sequence_restarts, stats.sequence_unreadable) == (1, 1, 1)
        ledger = source.stream.ledger()
        (gap,) = rows_of(ledger, "sequence_gap")
        assert (gap["topic"], gap["count"], gap["detail"]) == ("1", 3, "2 to 3, 6")
        assert gap["time"] < gap["until"]
        (restart,) = rows_of(ledger, "sequence_restart")
        assert (restart["topic"], restart["count"], restart["detail"]) == ("2", 1, "99 to 0")

    def test_each_topic_is_a_publisher(self, fed: FedStream) -> None:
        source = fed(sequence="seq")
        for number in range(10):
            source.push({"seq": number}, topic="a")
            source.push({"seq": 2 * number}, topic="b")
        source.stream.read()
        assert {row["topic"] for row in rows_of(source.stream.ledger(), "sequence_gap")} == {"b"}
        assert source.stream.stats().sequence_missing == 9

    def test_needs_a_level_that_is_there(self, fed: FedStream) -> None:
        with pytest.raises(InvalidArgumentError, match="sequence_by"):
            fed(sequence_by="line")
        with pytest.raises(InvalidArgumentError, match="'line'"):
            fed(sequence="seq", sequence_by="lines", topic_template="plant/{line}/telemetry")
        with pytest.raises(InvalidArgumentError, match="sequence"):
            fed(sequence="", payload="auto")


class TestSessionHistory:
    def test_a_loss_with_its_gap(self) -> None:
        history = SessionHistory()
        for event in [
            {"kind": "connected", "time_ns": 1, "detail": "MQTT 5.0, new session"},
            {"kind": "connection_lost", "time_ns": 10, "code": "connection_lost", "message": "lost", "detail": "lost"},
            {"kind": "retrying", "time_ns": 11, "code": "connection_lost", "detail": "in 1 s"},
            {"kind": "retrying", "time_ns": 12, "code": "connection_lost", "detail": "in 2 s"},
            {"kind": "connected", "time_ns": 20, "detail": "MQTT 5.0, new session"},
            {"kind": "gap", "time_ns": 20, "detail": "the broker kept no session"},
            {"kind": "resubscribed", "time_ns": 25, "detail": "3 filters"},
        ]:
            history.add(event)
        by_event = {row.event: row for row in history.rows()}
        lost, retrying, gap = by_event["connection_lost"], by_event["retrying"], by_event["gap"]
        assert (lost.time_ns, lost.until_ns, lost.reason, lost.detail) == (10, 20, "session_lost", "lost")
        assert (retrying.count, retrying.time_ns, retrying.until_ns, retrying.detail) == (2, 11, 12, "in 2 s")
        assert (gap.time_ns, gap.until_ns, gap.reason) == (10, 25, "session_lost")
        assert by_event["resubscribed"].count == 3

    def test_a_kept_session(self) -> None:
        history = SessionHistory()
        history.add({"kind": "connection_lost", "time_ns": 10, "code": "connection_lost", "detail": "lost"})
        (lost,) = history.rows()
        assert (lost.reason, lost.until_ns) == (None, 10)  # it lasts
        history.add({"kind": "connected", "time_ns": 20, "detail": "MQTT 5.0, session present"})
        lost = next(row for row in history.rows() if row.event == "connection_lost")
        assert (lost.reason, lost.until_ns) == ("session_kept", 20)

    def test_refusals_are_a_row_an_episode_and_reason(self) -> None:
        history = SessionHistory()
        refusal = {"kind": "refused", "code": "not_authorized", "detail": "no"}
        events = [{"kind": "connection_lost", "time_ns": 10, "code": "connection_lost", "detail": "lost"}]
        events += [{**refusal, "time_ns": n} for n in range(11, 15)]
        events += [{**refusal, "time_ns": 15, "code": "quota_exceeded"}, {"kind": "connected", "time_ns": 20}]
        events += [{**refusal, "time_ns": n} for n in (30, 31)]
        for event in events:
            history.add(event)
        found = [(row.reason, row.time_ns, row.until_ns, row.count) for row in history.rows() if row.event == "refused"]
        assert found == [("not_authorized", 11, 14, 4), ("quota_exceeded", 15, 15, 1), ("not_authorized", 30, 31, 2)]

    def test_refusals_name_what_was_refused(self) -> None:
        history = SessionHistory()
        history.add({"kind": "subscribe_refused", "time_ns": 5, "code": "subscribe_denied", "detail": "no", "subjects": ["a/#", "b"]})
        (row,) = history.rows()
        assert (row.reason, row.topic, row.detail) == ("subscribe_denied", "a/#, b", "no")

    def test_is_bounded_and_loses_no_count(self) -> None:
        history = SessionHistory()
        for number in range(1_000):
            history.add({"kind": "connection_lost", "time_ns": 2 * number + 1, "detail": "lost"})
            history.add({"kind": "connected", "time_ns": 2 * number + 2, "detail": "new session"})
        frame = ledger_frame([], history.rows())
        assert len(frame) == 2 * (MAX_ROWS + 1)
        for kind in ("connected", "connection_lost"):
            folded = frame[(frame["event"] == "overflow") & (frame["reason"] == kind)].iloc[0]
            assert folded["count"] + (frame["event"] == kind).sum() == 1_000
            assert folded["detail"] == "800 rows"
        assert frame["time"].is_monotonic_increasing

    def test_lost_events_are_a_row(self) -> None:
        history = SessionHistory()
        history.add({"kind": "connected", "time_ns": 10})
        history.note_lost(3, until_ns=20)
        history.note_lost(3, until_ns=25)  # the total: no more of them
        history.add({"kind": "closed", "time_ns": 30})
        history.note_lost(7, until_ns=40)
        lost = [(row.time_ns, row.until_ns, row.count) for row in history.rows() if row.event == "events_lost"]
        assert lost == [(10, 20, 3), (30, 40, 4)]

    def test_lost_events_of_a_session_come_into_its_ledger(self) -> None:
        class Overrun:
            """A session of which nobody took the events for a while."""

            def take_events(self) -> list[dict[str, Any]]:
                return [{"kind": "retrying", "time_ns": 50}]

            def info(self) -> dict[str, Any]:
                return {"events_lost": 5}

        log = SessionLog(Overrun(), "overrun")  # type: ignore[arg-type]
        frame = ledger_frame([], log.history())
        assert frame["event"].tolist() == ["events_lost", "retrying"]
        assert frame["count"].tolist() == [5, 1]
