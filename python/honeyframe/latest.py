"""The state now: the newest message of each topic, extracted into a frame."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from .arguments import check_columns
from .dtypes import check_dtype_backend
from .durations import Duration
from .durations import seconds as to_seconds
from .errors import NoMessagesWarning
from .events import warn
from .options import warn_of_event_time, warn_of_missing
from .quarantine import quarantine_list
from .read import nothing_read, tell_quarantined
from .source import open_stream, plan_with_defaults
from .topics_seen import unshared_filters

if TYPE_CHECKING:
    import pandas as pd

    from .client import Client
    from .dtypes import DtypeBackend
    from .schema import SchemaLike

_TURN_SECONDS: Final = 0.05


def latest(
    client: Client,
    topics: str | Sequence[str],
    seconds: Duration,
    *,
    schema: SchemaLike | None,
    columns: Iterable[str] | None,
    event_time: str | None,
    max_topics: int,
    dtype_backend: DtypeBackend | None,
    **options: Any,
) -> pd.DataFrame:
    """See :meth:`Client.latest`."""
    unshared_filters(topics)
    wanted = [topics] if isinstance(topics, str) else list(topics)
    duration = to_seconds(seconds, "seconds")
    check_dtype_backend(dtype_backend)
    names = check_columns(columns)
    if "overflow" in options:
        raise TypeError("latest() got an unexpected keyword argument 'overflow': the newest message of each topic is all it keeps")
    own = {"schema": schema, "columns": names, "event_time": event_time, "max_topics": max_topics, "overflow": "latest"}
    plan = plan_with_defaults(wanted, {**options, **own})
    with open_stream(client, plan) as stream:
        deadline = time.monotonic() + duration
        while (left := deadline - time.monotonic()) > 0 and not stream.closed:
            time.sleep(min(left, _TURN_SECONDS))
        table = stream.read()
        stats = stream.stats()
        quarantine = stream._quarantine_rows()
    if not len(table):
        warn(nothing_read(stream, stats, quarantine, duration), NoMessagesWarning)
    else:
        tell_quarantined(stats, quarantine)
        sep = options.get("sep", ".")
        warn_of_missing(names or (), table.column_names, sep)
        warn_of_event_time(event_time, table, sep)
    frame = table.to_pandas(dtype_backend=dtype_backend)
    if "_topic" in frame.columns:
        frame = frame.sort_values("_topic", kind="stable", ignore_index=True)
    frame.attrs["honeyframe"] = stats.as_dict()
    frame.attrs["honeyframe_quarantine"] = quarantine_list(quarantine)
    return frame
