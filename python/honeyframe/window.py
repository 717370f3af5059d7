"""From batches to the frames that Stream hands out: the rolling window, and rows without their retained ones."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from . import _core
from .errors import InvalidArgumentError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from .dtypes import DtypeBackend
    from .frame import Batch

EVENT_TIME = "_event_time"
RECEIVE_TIME = "_recv_time"
RETAIN = "_retain"


def window_frame(
    batches: Sequence[_core.RecordBatch],
    schema: _core.ArrowSchemaHolder,
    seconds: float,
    *,
    by: Literal["auto", "event_time", "recv_time"] = "auto",
    retained: str = "include",
    dtype_backend: DtypeBackend | None = None,
    now_ns: int | None = None,
) -> pd.DataFrame:
    """The rows of ``batches`` that are younger than ``seconds``."""
    from .dtypes import to_pandas
    from .frame import Table

    if by not in ("auto", "event_time", "recv_time"):
        raise InvalidArgumentError(f"by must be 'auto', 'event_time' or 'recv_time'; found {by!r}")
    import pyarrow as pa

    table = pa.table(Table(batches, schema))
    now = time.time_ns() if now_ns is None else now_ns
    mask = _younger(table, now - int(seconds * 1e9), by)
    if mask is not None:
        table = table.filter(mask)
    if retained != "include" and RETAIN in table.column_names:
        table = table.filter(_wanted(table.column(RETAIN), retained))
    return to_pandas(table, dtype_backend=dtype_backend)


def _younger(table: pa.Table, cut_ns: int, by: str) -> Any:
    """A mask of the rows at or after ``cut_ns``; None where no row tells its time."""
    import pyarrow as pa
    import pyarrow.compute as pc

    wanted = {"auto": (EVENT_TIME, RECEIVE_TIME), "event_time": (EVENT_TIME,), "recv_time": (RECEIVE_TIME,)}[by]
    clocks = [table.column(name) for name in wanted if name in table.column_names]
    if not clocks:
        return None
    clock = clocks[0] if len(clocks) == 1 else pc.coalesce(*clocks)
    return pc.fill_null(pc.greater_equal(clock, pa.scalar(cut_ns, clock.type)), False)


def _wanted(flags: Any, retained: str) -> Any:
    import pyarrow.compute as pc

    flags = pc.fill_null(flags, False)
    return flags if retained == "only" else pc.invert(flags)


def sift_retained(batch: Batch, retained: str) -> tuple[Batch, int]:
    """``batch`` with the retained rows alone ("only") or without them ("skip"), and how many rows that left out."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from .frame import Batch

    arrow = pa.record_batch(batch)
    if RETAIN not in arrow.schema.names:
        return batch, 0
    mask = _wanted(arrow.column(RETAIN), retained)
    kept = pc.sum(mask).as_py() or 0
    if kept == arrow.num_rows:
        return batch, 0
    return Batch.from_arrow(arrow.filter(mask), num_messages=batch.num_messages), arrow.num_rows - kept
