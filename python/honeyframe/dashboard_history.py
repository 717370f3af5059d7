"""What a dashboard's file carries of the past: rows of a frame, a table a topic, as doubles, gzipped, in base64.

``web/src/dashboard/history.ts`` reads it, and writes the same when the page saves a copy of itself.
"""

from __future__ import annotations

import base64
import gzip
import json
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from . import _core
from .arguments import count_of
from .errors import HoneyframeWarning, InvalidArgumentError, MissingColumnsWarning
from .events import warn

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

MOST_ROWS: Final = 1_000_000
MOST_COLUMNS: Final = 64
_MARK: Final = b"HFH1"
_EVENT_TIME: Final = "_event_time"
_CLOCKS: Final = ("_recv_time", _EVENT_TIME)
_AHEAD: Final = 2.0  # seconds by which a clock may be ahead of ours, as in the page and in charts
_EPOCH: Final = 1e9  # seconds since 1970 that no measured value is likely to be


@dataclass(frozen=True)
class TopicTable:
    """The rows of one topic, oldest first; times in seconds since 1970, NaN where a row has no value."""

    topic: str
    x: np.ndarray[Any, Any]
    columns: dict[str, np.ndarray[Any, Any]]
    switches: tuple[str, ...] = ()
    """Of ``columns`` those that are true and false, as 1 and 0."""


@dataclass(frozen=True)
class History:
    """The tables, and in all so many rows."""

    tables: list[TopicTable]

    @property
    def rows(self) -> int:
        return sum(len(table.x) for table in self.tables)

    def columns_of(self, topic_filter: str) -> list[str]:
        """Columns to be drawn of the topics that a filter matches, in the order of the frame."""
        found: dict[str, None] = {}
        for table in self.tables:
            if _core.topic_matches(topic_filter, table.topic):
                found.update(dict.fromkeys(name for name, values in table.columns.items() if not _is_epoch(values)))
        return list(found)

    def encoded(self) -> str:
        """As the page reads it; empty where there is nothing."""
        if not self.tables:
            return ""
        head = {"tables": [_head_of(table) for table in self.tables]}
        text = json.dumps(head, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        parts = [_MARK, struct.pack("<I", len(text)), text, b"\0" * (-(8 + len(text)) % 8)]
        parts += [values.astype("<f8").tobytes() for table in self.tables for values in (table.x, *table.columns.values())]
        return base64.b64encode(gzip.compress(b"".join(parts), compresslevel=5, mtime=0)).decode()


def _head_of(table: TopicTable) -> dict[str, Any]:
    switches = {"switches": table.switches} if table.switches else {}
    return {"topic": table.topic, "rows": len(table.x), "columns": list(table.columns), **switches}


NO_HISTORY: Final = History([])


def read_history(given: Any, *, topics: Sequence[str], event_time: str | None, window: float, wanted: Sequence[str] = ()) -> History:
    """``history=`` as tables.

    Args:
        topics: the dashboard's filters and templates, for a frame without ``_topic``.
        event_time: the column of the time, where it is not that of arrival.
        window: of a stream, in seconds.
        wanted: columns that panels show, which go first where there are too many.

    Raises:
        InvalidArgumentError: it has no time, or nothing that says whose rows they are.
        TypeError: it is no frame.
    """
    if given is None:
        return NO_HISTORY
    frame = _as_frame(given, window)
    if event_time is None:  # what the broker had kept arrived then, and was measured nobody knows when
        frame = frame[~_retained(frame)]
    if not len(frame):
        return NO_HISTORY
    seconds, names = _times(frame, event_time), _topics(frame, topics)
    levels = {level for topic in topics for level in _core.parse_template(topic)[1]}
    values = _numbers(frame, leave_out={*levels, event_time}, wanted=wanted)
    return _tables(seconds, names, values, _switches(frame, values))


def _as_frame(given: Any, window: float) -> pd.DataFrame:
    import pandas as pd

    from .stream import Stream

    if isinstance(given, Stream):
        spans = given._taps  # a window that fills already has something to show
        if not spans:
            warn(
                "the dashboard has no history: the stream's window() was not open before, and holds what comes from now on. "
                'Call stream.window("10min") once when the stream begins, or pass a frame, for instance stream.read(seconds=5)',
                HoneyframeWarning,
            )
        return given.window(window if window in spans or not spans else max(spans))
    if isinstance(given, pd.DataFrame):
        return given
    if hasattr(given, "to_pandas"):
        frame = given.to_pandas()
        if isinstance(frame, pd.DataFrame):
            return frame
    if hasattr(given, "__arrow_c_stream__") or hasattr(given, "__arrow_c_array__"):
        import pyarrow as pa

        made: pd.DataFrame = pa.table(given).to_pandas()
        return made
    raise TypeError(f"history must be a frame (pandas, hf.Table, hf.Batch, Arrow) or a stream, not {type(given).__name__}")


def _retained(frame: pd.DataFrame) -> np.ndarray[Any, Any]:
    """Which rows the broker had kept."""
    import numpy as np

    return frame["_retain"].eq(True).fillna(False).to_numpy(dtype=bool) if "_retain" in frame.columns else np.zeros(len(frame), dtype=bool)


def _times(frame: pd.DataFrame, event_time: str | None) -> np.ndarray[Any, Any]:
    import numpy as np
    import pandas as pd

    own = (_EVENT_TIME, event_time) if event_time is not None else ()
    clocks = [name for name in dict.fromkeys((*own, *_CLOCKS)) if name in frame.columns and frame[name].notna().any()]
    if clocks:
        measured = next((name for name in clocks if name in own), None)
        if measured is None and event_time is not None:
            warn(f"no row of the history has a time at event_time={event_time!r}: they stand where they arrived", MissingColumnsWarning)
        found = np.full(len(frame), np.nan) if measured is None else _seconds(frame[measured], measured)
        came = ~_retained(frame)  # without a time of its own, or with one that is ahead, a row stands where it arrived, as in the page
        if measured is not None and "_recv_time" in clocks:
            found[came & (found > _seconds(frame["_recv_time"], "_recv_time") + _AHEAD)] = np.nan
        for name in (name for name in _CLOCKS if name in clocks and name != measured):
            found = np.where(np.isnan(found) & came, _seconds(frame[name], name), found)
        return found
    if isinstance(frame.index, pd.DatetimeIndex):
        return _seconds(frame.index.to_series(), "the index")
    raise InvalidArgumentError(
        "history has no times: no column _recv_time or _event_time, and no index of times",
        hint="Frames of read_mqtt, streams and windows have them; event_time= names another column.",
    )


def _seconds(times: pd.Series[Any], name: str) -> np.ndarray[Any, Any]:
    import numpy as np
    import pandas as pd

    if pd.api.types.is_numeric_dtype(times.dtype):
        found = times.to_numpy(dtype="float64", na_value=np.nan)
        size = np.nanmax(np.abs(found)) if np.isfinite(found).any() else 0.0
        return found / (1 if size < 1e11 else 1e3 if size < 1e14 else 1e6 if size < 1e17 else 1e9)
    try:
        stamps = pd.DatetimeIndex(
            pd.to_datetime(times, utc=True, format=None if pd.api.types.is_datetime64_any_dtype(times) else "ISO8601")
        )
    except (ValueError, TypeError):
        raise InvalidArgumentError(f"history has no times in {name!r}", hint="Times, RFC 3339, or epochs.") from None
    nanoseconds = stamps.as_unit("ns").asi8
    return np.where(stamps.isna(), np.nan, nanoseconds / 1e9)


def _topics(frame: pd.DataFrame, topics: Sequence[str]) -> np.ndarray[Any, Any]:
    import numpy as np

    if "_topic" in frame.columns:
        return frame["_topic"].astype("object").where(frame["_topic"].notna(), "").to_numpy()
    if len(topics) == 1:
        (topic,) = topics
        topic_filter, levels = _core.parse_template(topic)
        if "+" not in topic_filter and "#" not in topic_filter:
            return np.full(len(frame), topic, dtype=object)
        if levels and topic_filter.count("+") == len(levels) and "#" not in topic_filter and set(levels) <= set(frame.columns):
            parts = [frame[level[1:-1]].astype(str).to_numpy(object) if level.startswith("{") else level for level in topic.split("/")]
            whole: Any = parts[0]
            for part in parts[1:]:
                whole = whole + "/" + part
            return np.asarray(whole, dtype=object)
    raise InvalidArgumentError(
        "history has no column _topic, so nothing says on which topic a row came",
        hint="Frames of read_mqtt and streams have it; or name one topic, or a template whose levels are columns.",
    )


def _numbers(frame: pd.DataFrame, *, leave_out: set[str | None], wanted: Sequence[str]) -> dict[str, np.ndarray[Any, Any]]:
    import numpy as np
    import pandas as pd

    names = [
        name
        for name in frame.columns
        if isinstance(name, str) and not name.startswith("_") and name not in leave_out and pd.api.types.is_numeric_dtype(frame[name].dtype)
    ]
    if len(names) > MOST_COLUMNS:
        first = [name for name in names if name in set(wanted)]
        names = [*first, *(name for name in names if name not in set(first))][:MOST_COLUMNS]
        warn(f"history has more numeric columns than the {MOST_COLUMNS} that a dashboard carries", HoneyframeWarning)
    return {name: frame[name].to_numpy(dtype="float64", na_value=np.nan) for name in names}


def _switches(frame: pd.DataFrame, names: Iterable[str]) -> set[str]:
    import pandas as pd

    return {name for name in names if pd.api.types.is_bool_dtype(frame[name].dtype)}


def _tables(
    seconds: np.ndarray[Any, Any], names: np.ndarray[Any, Any], values: dict[str, np.ndarray[Any, Any]], switches: set[str]
) -> History:
    import numpy as np
    import pandas as pd

    codes, topics = pd.factorize(names)
    usable = np.flatnonzero(np.isfinite(seconds) & (codes >= 0))
    order = usable[np.argsort(seconds[usable], kind="stable")]
    if len(order) > MOST_ROWS:
        warn(f"history has {count_of(len(order), 'row')}: the newest {MOST_ROWS:,} are carried", HoneyframeWarning)
        order = order[-MOST_ROWS:]
    order = order[np.argsort(codes[order], kind="stable")]
    edges = np.flatnonzero(np.diff(codes[order])) + 1
    tables = []
    for rows in np.split(order, edges):
        columns = {name: column[rows] for name, column in values.items()}
        kept = {name: np.where(np.isfinite(column), column, np.nan) for name, column in columns.items() if np.isfinite(column).any()}
        if len(rows) and kept:
            own = tuple(name for name in kept if name in switches)
            tables.append(TopicTable(str(topics[codes[rows[0]]]), seconds[rows], kept, own))
    return History(tables)


def _is_epoch(values: np.ndarray[Any, Any]) -> bool:
    """A time of the payload, which nobody wants to see as a line."""
    import numpy as np

    return bool(np.nanmin(values) > _EPOCH)
