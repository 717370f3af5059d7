"""Messages as rows: every message has one, in the columns of its own pattern."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.python.recorded import DAY, NOON, SpoolFile, close_all, files_of, record, rows_of, spool_with

import honeyframe as hf
from honeyframe.recording_rows import MAX_PATTERNS, check_extraction, patterns_of


@pytest.fixture(autouse=True)
def _closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(os, "fsync", lambda _: None)  # a process that ends does not need it
    yield
    close_all()


def recorded(tmp_path: Path, messages: list[tuple[str, bytes]], topics: list[str], **options: Any) -> list[dict[str, Any]]:
    record(spool_with(tmp_path / "spool", messages), tmp_path / "recording", topics, **options)
    return rows_of(tmp_path / "recording")


def test_every_message_has_a_row_and_its_payload(tmp_path: Path) -> None:
    payloads = [b'{"a":1}', b"{bad", b"[]", b'[{"a":2},{"a":3}]', b"", b"\xff", b"5", b'{"a":null}']
    rows = recorded(tmp_path, [("t/1", payload) for payload in payloads], ["t/{id}"])
    assert {row["id"] for row in rows} == {"1"}
    assert [row["_spool_seq"] for row in rows] == [1, 2, 3, 4, 4, 5, 6, 7, 8]
    assert [row["_payload"] for row in rows if row["_payload"] is not None] == payloads
    assert [row["a"] for row in rows] == [1, None, None, 2, 3, None, None, None, None]
    assert [row["_unreadable"] is not None for row in rows] == [number in (2, 6) for number in (1, 2, 3, 4, 4, 5, 6, 7, 8)]
    assert rows[1]["_unreadable"].startswith("invalid_key: ")
    assert {row["_topic"] for row in rows} == {"t/1"}
    assert rows[7]["value"] == 5


def test_payloads_are_kept_of_what_cannot_be_read_alone(tmp_path: Path) -> None:
    rows = recorded(tmp_path, [("t", b'{"a":1}'), ("t", b"{bad"), ("t", b"")], ["t"], raw=False)
    assert [row["_payload"] for row in rows] == [None, b"{bad", None]


def test_each_pattern_has_columns_and_types_of_its_own(tmp_path: Path) -> None:
    messages = [("a/1", b'{"v":1}'), ("b/1", b'{"v":"text"}'), ("a/2", b'{"v":2}'), ("c", b'{"w":true}')]
    recorded(tmp_path, messages, ["#"], patterns=["a/{id}", "b/+"])
    found = {file.parent.name: rows for file in files_of(tmp_path / "recording") for rows in [pq_rows(file)]}
    assert [row["v"] for row in found["topic_pattern=a%2F%7Bid%7D"]] == [1, 2]
    assert [row["id"] for row in found["topic_pattern=a%2F%7Bid%7D"]] == ["1", "2"]
    assert [row["v"] for row in found["topic_pattern=b%2F%2B"]] == ["text"]
    assert [row["w"] for row in found["topic_pattern=%23"]] == [True]
    assert "v" not in found["topic_pattern=%23"][0]


def pq_rows(file: Path) -> list[dict[str, Any]]:
    import pyarrow.parquet as pq

    rows: list[dict[str, Any]] = pq.read_table(file, partitioning=None).to_pylist()
    return rows


def test_the_first_pattern_that_matches_takes_a_topic(tmp_path: Path) -> None:
    recorded(tmp_path, [("a/1", b"{}"), ("a/2", b"{}")], ["a/1", "a/+"])
    assert [file.parent.name for file in files_of(tmp_path / "recording")] == ["topic_pattern=a%2F%2B", "topic_pattern=a%2F1"]


def test_a_value_that_does_not_fit_later_does_not_change_the_column(tmp_path: Path) -> None:
    """One "N/A" in a batch of its own: types are those of the whole stream of a pattern."""
    spool = SpoolFile(tmp_path / "spool")
    spool.push("t", b'{"v":21.5}')
    spool.close()
    writer = record(tmp_path / "spool", tmp_path / "recording", ["t"])
    assert writer.journal.messages == 1
    from tests.python.recorded import writer_of

    from honeyframe import _core
    from honeyframe.recording_rows import READ_ROWS, SPOOL_METADATA

    again = SpoolFile(tmp_path / "spool")
    for payload in (b'{"v":1.5}', b'{"v":"N/A"}', b'{"v":"closed"}'):
        again.push("t", payload)
    again.close()
    writer = writer_of(tmp_path / "recording", ["t"])
    source = hf.open_spool(tmp_path / "spool", writer.next_spool_number, payload="raw", metadata=SPOOL_METADATA)
    for batch in source.batches(max_rows=1):
        writer.write(batch.to_arrow())
    assert READ_ROWS > 1
    assert writer.commit()
    writer.close()
    rows = rows_of(tmp_path / "recording")
    assert [row["v"] for row in rows] == [21.5, 1.5, None, None]
    assert rows[3]["_misfit"] == '{"v":"closed"}'
    assert _core.__version__


def test_days_are_those_of_utc_and_a_clock_may_step(tmp_path: Path) -> None:
    spool = SpoolFile(tmp_path / "spool")
    midnight = NOON + DAY // 2
    for time_ns in (midnight - 1, midnight, midnight - 2, midnight + 1, -1):
        spool.push("t", b"{}", time_ns=time_ns)
    spool.close()
    record(tmp_path / "spool", tmp_path / "recording", ["t"])
    days = {file.parent.parent.name: [row["_spool_seq"] for row in pq_rows(file)] for file in files_of(tmp_path / "recording")}
    assert days == {"recv_day=1969-12-31": [5], "recv_day=2026-11-26": [1, 3], "recv_day=2026-11-27": [2, 4]}


def test_what_a_payload_has_under_our_names_is_kept(tmp_path: Path) -> None:
    (row,) = recorded(tmp_path, [("t", b'{"_payload":1,"_topic":2,"_unreadable":3,"_spool_seq":4}')], ["t"])
    assert (row["/_payload"], row["/_topic"], row["/_unreadable"], row["/_spool_seq"]) == (1, 2, 3, 4)
    assert (row["_topic"], row["_spool_seq"], row["_unreadable"]) == ("t", 1, None)


def test_metadata_and_properties(tmp_path: Path) -> None:
    messages = [("t", b"{}")]
    options = {"qos": 2, "retain": True, "dup": True, "user_properties": [("a", "b")], "content_type": "json", "response_topic": "r"}
    record(spool_with(tmp_path / "spool", messages, **options), tmp_path / "recording", ["t"])
    (row,) = rows_of(tmp_path / "recording")
    assert (row["_qos"], row["_retain"], row["_dup"]) == (2, True, True)
    assert (row["_user_properties"], row["_content_type"], row["_response_topic"]) == ('[["a","b"]]', "json", "r")


@pytest.mark.parametrize(("retained", "numbers"), [("include", [1, 2]), ("skip", [2]), ("only", [1])])
def test_retained(tmp_path: Path, retained: str, numbers: list[int]) -> None:
    spool = SpoolFile(tmp_path / "spool")
    spool.push("t", b"{}", retain=True)
    spool.push("t", b"{}")
    spool.close()
    writer = record(tmp_path / "spool", tmp_path / "recording", ["t"], retained=retained)
    assert [row["_spool_seq"] for row in rows_of(tmp_path / "recording")] == numbers
    assert writer.journal.last == 2


def test_extraction_options_hold(tmp_path: Path) -> None:
    payload = b'{"ts":1795651200,"r":[{"x":1},{"x":2}],"skip":1}'
    rows = recorded(tmp_path, [("t", payload)], ["t"], extraction={"explode": "r", "event_time": "ts", "columns": ["r.x"]})
    assert [row["r.x"] for row in rows] == [1, 2]
    assert "skip" not in rows[0]
    assert [row["_payload"] for row in rows] == [payload, None]


def test_text_alone(tmp_path: Path) -> None:
    rows = recorded(tmp_path, [("t/1", b'{"a":1}'), ("t/2", b"\xff")], ["t/{id}"], extraction={"payload": "raw"})
    assert [row["_payload"] for row in rows] == [b'{"a":1}', b"\xff"]
    assert [row["id"] for row in rows] == ["1", "2"]
    assert "value_raw" not in rows[0]


@pytest.mark.parametrize("name", ["metadata", "topic_template", "sequence", "max_quarantine_messages"])
def test_options_that_a_recording_does_not_take(name: str) -> None:
    with pytest.raises(hf.errors.InvalidArgumentError, match=f"{name}= is not taken"):
        check_extraction({name: 1})


def test_an_error_in_a_payload_must_not_end_it() -> None:
    with pytest.raises(hf.errors.InvalidArgumentError, match="would end the recording"):
        check_extraction({"on_conflict": "raise"})
    with pytest.raises(TypeError):
        check_extraction({"colums": ["a"]})


def test_large_payloads_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("honeyframe.recording_rows._PIECE_BYTES", 3_000)
    monkeypatch.setattr("honeyframe.recording_rows._QUARANTINE_BYTES", 1)
    monkeypatch.setattr("honeyframe.recording_rows._LEAST_QUARANTINE", 2_000)
    payloads = [b"{bad" + b"x" * 900] * 20 + [b"[]", b"{bad" + b"x" * 9_000] + [b'{"a":1}']
    rows = recorded(tmp_path, [("t", payload) for payload in payloads], ["t"])
    assert [row["_payload"] for row in rows] == payloads
    assert rows[-1]["a"] == 1
    unreadable = [row["_unreadable"] for row in rows]
    assert unreadable[:20] == [unreadable[0]] * 20
    assert unreadable[0].startswith("invalid_key")
    assert "the reason had no room" in unreadable[21] or unreadable[21].startswith("invalid_key")
    assert unreadable[22] is None


def test_a_topic_that_no_pattern_matches_lies_beside_one_named_other(tmp_path: Path) -> None:
    recorded(tmp_path, [("other", b'{"a":1}'), ("x", b'{"b":1}')], ["other"])
    assert len(files_of(tmp_path / "recording")) == 2
    assert [row["_topic"] for row in rows_of(tmp_path / "recording")] == ["other", "x"]


def test_patterns_are_bounded() -> None:
    assert [one.filter for one in patterns_of(["$share/g/plant/{line}/t"], ["a/+"])] == ["a/+", "plant/+/t"]
    with pytest.raises(hf.errors.InvalidArgumentError, match="1,001 patterns"):
        patterns_of([f"t/{number}" for number in range(MAX_PATTERNS + 1)], None)


@pytest.mark.parametrize(
    "options",
    [
        {"payload": "json"},
        {"payload": "text"},
        {"payload": "raw"},
        {"on_conflict": "quarantine"},
        {"on_conflict": "widen"},
        {"explode": "r"},
        {"schema": {"a": "int64"}},
        {"schema": {"a": "int64"}, "on_conflict": "quarantine"},
        {"columns": ["a"]},
        {"event_time": "ts"},
        {"max_columns": 1},
        {"max_depth": 1},
        {"strict": False},
    ],
)
def test_every_message_has_a_row_whatever_the_options(tmp_path: Path, options: dict[str, Any]) -> None:
    payloads = [
        b'{"a":1,"r":[{"x":1},{"x":2}]}',
        b"{bad",
        b"[]",
        b"",
        b'{"a":"x","ts":"then"}',
        b'{"n":{"n":{"n":1}}}',
        b"\xff",
        b"5",
        b'{"r":[]}',
    ]
    rows = recorded(tmp_path, [("t/1", payload) for payload in payloads * 3], ["t/{id}"], extraction=options)
    assert sorted({row["_spool_seq"] for row in rows}) == list(range(1, 28))
    assert [row["_payload"] for row in rows if row["_payload"] is not None] == payloads * 3
    assert {row["id"] for row in rows} == {"1"}
    for row in rows:
        assert row["_topic"] == "t/1"
