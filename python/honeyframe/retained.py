"""Retained messages found, and cleared by an empty retained message to each of their topics (MQTT 5.0, section 3.3.1.3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from .durations import Duration
from .durations import seconds as to_seconds
from .errors import InvalidArgumentError, NoPlaceWarning, NotClearedWarning
from .events import printable, warn
from .topics_seen import Watching, no_place, plan_watch, watch

if TYPE_CHECKING:
    import pandas as pd

    from .client import Client

_COLUMNS: Final = ["topic", "last_payload", "last_size", "qos"]


def clear_retained(
    client: Client,
    topics: str | Sequence[str],
    *,
    dry_run: bool,
    confirm: str | None,
    seconds: Duration,
    max_topics: int,
    timeout: Duration,
) -> pd.DataFrame:
    """See :meth:`Client.clear_retained`."""
    if not isinstance(dry_run, bool):
        raise TypeError(f"dry_run must be a bool, not {type(dry_run).__name__}")
    to_seconds(seconds, "seconds")
    plan = plan_watch(topics, seconds, max_topics=max_topics, timeout=timeout)
    for filter_ in plan.filters:
        _check_reach(filter_, confirm)
    with Watching(client, plan) as watching:
        watch(watching, look=None, returns=False)
        if watching.error is not None:
            raise watching.error
        account = watching.account()
        frame = _found(watching)
    if account["unplaced_messages"]:
        warn(no_place(account), NoPlaceWarning)
    if not dry_run and len(frame):
        _clear(client, frame, to_seconds(timeout, "timeout"))
    return frame


def _check_reach(filter_: str, confirm: str | None) -> None:
    """Refuses what would reach topics that nobody thought of."""
    shown = repr(printable(filter_))
    if filter_.startswith("$"):
        raise InvalidArgumentError(f"{shown}: what begins with '$' is the broker's own, and not ours to clear")
    if filter_[0] in "+#" and confirm != filter_:
        raise InvalidArgumentError(
            f"{shown} begins with a wildcard and reaches everybody's topics",
            hint=f"Name the first level, such as 'test/#', or repeat the filter: confirm={shown}. client.topics() tells what is there.",
        )


def _found(watching: Watching) -> pd.DataFrame:
    """The topics of which the broker has kept a message."""
    import pandas as pd
    import pyarrow as pa
    import pyarrow.compute as pc

    from .dtypes import to_pandas

    table = pa.Table.from_batches([pa.record_batch(batch) for batch in watching.watch.batches(0)])
    table = table.filter(table.column("retained")).select(_COLUMNS)
    frame = to_pandas(table.set_column(3, "qos", pc.cast(table.column("qos"), pa.int64())))
    frame["cleared"] = pd.array([False] * len(frame), dtype="boolean")
    frame["error"] = pd.array([None] * len(frame), dtype="string[pyarrow]")
    return frame


def _clear(client: Client, frame: pd.DataFrame, timeout: float) -> None:
    import pandas as pd

    empty = pd.DataFrame({"topic": frame["topic"], "payload": pd.array([""] * len(frame), dtype="string[pyarrow]")})
    result = client.publish_many(
        empty, topic_column="topic", payload_column="payload", retain=True, qos=1, on_error="collect", timeout=timeout
    )
    refused = result.refused
    why = {
        int(row): f"{outcome}: {error}" for row, outcome, error in zip(refused["row"], refused["outcome"], refused["error"], strict=True)
    }
    frame["cleared"] = pd.array([row not in why for row in range(len(frame))], dtype="boolean")
    frame["error"] = pd.array([why.get(row) for row in range(len(frame))], dtype="string[pyarrow]")
    if len(refused):
        first = frame.iloc[int(refused["row"].iloc[0])]
        warn(
            f"{len(refused):,} of {len(frame):,} retained messages were not cleared; "
            f"first: {printable(first['topic'])!r}: {printable(first['error'])}",
            NotClearedWarning,
        )
