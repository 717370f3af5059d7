"""The quarantine as a DataFrame."""

from honeyframe.quarantine import quarantine_frame

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
