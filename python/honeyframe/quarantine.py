"""The quarantine as a DataFrame: what could not be read, why, and the bytes themselves."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from .arguments import count_of
from .events import printable

if TYPE_CHECKING:
    import pandas as pd

#: (topic, recv_time_ns, payload_index, reason, message, position, payload, retain, qos), as the core gives it.
QuarantineRow: TypeAlias = tuple[str, int, int, str, str, int, bytes, bool, int]

_LISTED: Final = 100
_LISTED_BYTES: Final = 200
_SHOWN: Final = 200  # characters of a topic or message in a sentence


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


def quarantine_list(rows: Sequence[QuarantineRow]) -> list[dict[str, Any]]:
    """The first hundred rows as what JSON knows, for ``DataFrame.attrs``, which pandas compares with ``==`` and writes into Parquet files.

    ``recv_time`` is text in ISO 8601, ``payload`` the first 200 bytes as text, with ``\\xNN`` for what is not UTF-8.
    """
    return [
        {
            "topic": topic,
            "recv_time": None if not time_ns else datetime.datetime.fromtimestamp(time_ns / 1e9, datetime.UTC).isoformat(),
            "reason": reason,
            "message": message,
            "position": None if position < 0 else position,
            "payload": payload[:_LISTED_BYTES].decode("utf-8", "backslashreplace"),
            "payload_bytes": len(payload),
        }
        for topic, time_ns, _, reason, message, position, payload, _, _ in rows[:_LISTED]
    ]


def quarantine_summary(rows: Sequence[QuarantineRow], total: int) -> str:
    """One sentence: how many messages, for which reasons, and the first of them. ``total`` counts those no longer kept as well.

    >>> quarantine_summary([("plant/1", 0, 0, "not_json", "byte 1 begins no value", 0, b"{x", False, 0)], 1)
    "1 message could not be read (1 not_json). The first: 'plant/1': byte 1 begins no value"
    """
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in Counter(row[3] for row in rows).most_common())
    kept = "" if len(rows) >= total else f", of the {len(rows):,} kept"
    text = f"{count_of(total, 'message')} could not be read"
    if not rows:
        return text
    topic, message = (printable(text)[:_SHOWN] for text in (rows[0][0], rows[0][4]))
    return f"{text} ({reasons}{kept}). The first: {topic!r}: {message}"
