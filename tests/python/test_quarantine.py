"""The quarantine as a DataFrame, as a list, and as a sentence."""

import json

from honeyframe.quarantine import quarantine_frame, quarantine_list, quarantine_summary

DTYPES = {
    "topic": "string",
    "recv_time": "datetime64[ns, UTC]",
    "reason": "string",
    "message": "string",
    "position": "Int64",
    "payload": "binary[pyarrow]",
    "payload_index": "Int64",
    "retain": "boolean",
    "qos": "Int64",
}


def test_has_a_row_a_payload():
    frame = quarantine_frame(
        [
            ("plant/1", 1_500_000_000_000_000_001, 7, "truncated", "ends in a string", 12, b'{"a": "', True, 1),
            ("", 0, 8, "invalid_utf8", "byte 0xFF", -1, b"\xff\x00", False, 0),
        ]
    )
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == DTYPES
    first, second = frame.to_dict("records")
    assert first["topic"] == "plant/1"
    assert first["recv_time"].value == 1_500_000_000_000_000_001
    assert (first["reason"], first["message"], first["position"]) == ("truncated", "ends in a string", 12)
    assert (first["payload"], first["payload_index"], first["retain"], first["qos"]) == (b'{"a": "', 7, True, 1)
    assert frame.loc[1].isna().to_dict() == {name: name in ("topic", "recv_time", "position") for name in DTYPES}
    assert second["payload"] == b"\xff\x00"


def test_has_the_same_dtypes_when_empty():
    frame = quarantine_frame([])
    assert len(frame) == 0
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == DTYPES


def rows(count):
    return [(f"plant/{i}", 0, i, "not_json" if i % 3 else "truncated", "m" * 500, -1, b"x" * 1000, False, 0) for i in range(count)]


def test_the_list_is_bounded_and_json():
    listed = quarantine_list(rows(250))
    assert len(listed) == 100
    assert json.loads(json.dumps(listed)) == listed
    assert {len(entry["payload"]) for entry in listed} == {200}
    assert {entry["payload_bytes"] for entry in listed} == {1000}
    assert listed[0]["recv_time"] is None
    assert quarantine_list([("a", 1_500_000_000_000_000_000, 0, "r", "m", 3, b"", False, 0)])[0]["recv_time"] == "2017-07-14T02:40:00+00:00"


def test_the_summary_counts_by_reason_and_shows_the_first():
    text = quarantine_summary(rows(6), 6)
    assert text.startswith("6 messages could not be read (4 not_json, 2 truncated). The first: 'plant/0': mmm")
    assert len(text) < 400
    assert "of the 6 kept" in quarantine_summary(rows(6), 9)
    assert quarantine_summary([], 2) == "2 messages could not be read"
    assert "\x1b" not in quarantine_summary([("a\x1b[31m", 0, 0, "r", "b\x1b", 0, b"", False, 0)], 1)
