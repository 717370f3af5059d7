"""The quarantine as a DataFrame: what could not be read, why, and the bytes themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import pandas as pd

#: (topic, recv_time_ns, payload_index, reason, message, position, payload, retain, qos), as the core gives it.
QuarantineRow: TypeAlias = tuple[str, int, int, str, str, int, bytes, bool, int]


def quarantine_frame(rows: Sequence[QuarantineRow]) -> pd.DataFrame:
    """One row a payload, in the order in which they came.

    ================  =======================================================================
    topic             string; null where there was none
    recv_time         datetime64[ns, UTC]; null where unknown
    reason            string: a stable word
    message           string: what was found
    position          Int64: byte offset, null where unknown
    payload           Arrow-backed binary; an element is ``bytes``
    payload_index     Int64: which payload it was
    retain, qos       boolean, Int64
    ================  =======================================================================

    :func:`honeyframe.extract` takes the frame as it is.
    """
    import pyarrow as pa

    from .dtypes import to_pandas

    def column(index: int, kind: pa.DataType, missing: object = None) -> pa.Array:
        return pa.array((None if row[index] == missing else row[index] for row in rows), kind)

    return to_pandas(
        pa.table(
            {
                "topic": column(0, pa.string(), ""),
                "recv_time": column(1, pa.int64(), 0).cast(pa.timestamp("ns", tz="UTC")),
                "reason": column(3, pa.string()),
                "message": column(4, pa.string()),
                "position": column(5, pa.int64(), -1),
                "payload": column(6, pa.binary()),
                "payload_index": column(2, pa.int64()),
                "retain": column(7, pa.bool_()),
                "qos": column(8, pa.int64()),
            }
        )
    )
