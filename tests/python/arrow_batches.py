"""Batches of known content, for the tests of everything that takes one."""

from typing import Any

import pyarrow as pa

import honeyframe as hf

#: One column of every type, and three rows: a value, a null, a value at the type's edge.
EVERY_TYPE: dict[str, pa.Array] = {
    "_topic": pa.array(["plant/1", None, "plant/2"]),
    "flag": pa.array([True, None, False]),
    "count": pa.array([2**53 + 1, None, -(2**63)], pa.int64()),
    "serial": pa.array([2**64 - 1, None, 0], pa.uint64()),
    "temp": pa.array([21.5, None, -0.0], pa.float64()),
    "name": pa.array(["Ümläut", None, ""]),
    "time": pa.array([1, None, 2**62], pa.int64()).cast(pa.timestamp("ns", tz="UTC")),
    "raw": pa.array([b"\x00\xff", None, b""], pa.binary()),
    "values": pa.array([[1.5, None], None, []], pa.list_(pa.float64())),
    "unseen": pa.nulls(3),
}


def batch(columns: dict[str, Any], *, num_messages: int = 0) -> hf.Batch:
    """A Batch of these columns: pyarrow arrays, or lists of which pyarrow makes some."""
    return hf.Batch.from_arrow(pa.RecordBatch.from_pydict(columns), num_messages=num_messages)
