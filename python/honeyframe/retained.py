"""Retained messages found, and cleared by an empty retained message to each of their topics (MQTT 5.0, section 3.3.1.3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from .durations import Duration
from .errors import InvalidArgumentError, NoPlaceWarning, NotClearedWarning
from .events import printable, warn
from .topics_seen import Watching, WatchPlan, no_place, plan_watch, watch

if TYPE_CHECKING:
    import pandas as pd

    from .client import Client

_COLUMNS: Final = ["topic", "last_payload", "last_size", "qos"]
_STILL_THERE: Final = (
    "still there: the broker confirmed the empty message and kept the retained one (may this credential publish?), or it came anew"
)


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
    if seconds is None:
        raise TypeError("seconds must be a duration, not None")
    plan = plan_watch(topics, seconds, max_topics=max_topics, timeout=timeout)
    for filter_ in plan.filters:
        _check_reach(filter_, confirm)
    frame, account = _look(client, plan)
    if account["unplaced_messages"]:
        warn(no_place(account), NoPlaceWarning)
    if not dry_run and len(frame):
        _clear(client, plan, frame)
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


def _look(client: Client, plan: WatchPlan) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The topics of which the broker has kept a message."""
    import pandas as pd
    import pyarrow as pa

    from .dtypes import to_pandas

    with Watching(client, plan) as watching:
        watch(watching, look=None, returns=False)
        if watching.error is not None:
            raise watching.error
        account = watching.account()
        table = pa.Table.from_batches([pa.record_batch(batch) for batch in watching.take_batches()])
    frame = to_pandas(table.filter(table.column("retained")).select(_COLUMNS))
    frame["cleared"] = pd.array([False] * len(frame), dtype="boolean")
    frame["error"] = pd.array([None] * len(frame), dtype="string[pyarrow]")
    return frame, account


def _clear(client: Client, plan: WatchPlan, frame: pd.DataFrame) -> None:
    """Clears them, and looks once more: a broker before MQTT 5 may refuse without a word, and confirm all the same."""
    import pandas as pd

    empty = pd.DataFrame({"topic": frame["topic"], "payload": pd.array([""] * len(frame), dtype="string[pyarrow]")})
    how: dict[str, Any] = {"topic_column": "topic", "payload_column": "payload", "on_error": "collect", "timeout": plan.timeout}
    refused = client.publish_many(empty, qos=1, retain=True, **how).refused
    why = {
        int(row): f"{outcome}: {error}" for row, outcome, error in zip(refused["row"], refused["outcome"], refused["error"], strict=True)
    }
    if len(why) < len(frame):
        there = set(_look(client, plan)[0]["topic"])
        why |= {row: _STILL_THERE for row, topic in enumerate(frame["topic"]) if topic in there and row not in why}
    frame["cleared"] = pd.array([row not in why for row in range(len(frame))], dtype="boolean")
    frame["error"] = pd.array([why.get(row) for row in range(len(frame))], dtype="string[pyarrow]")
    if why:
        row = min(why)
        told = f"first: {printable(frame['topic'].iloc[row])!r}: {printable(why[row])}"
        warn(f"{len(why):,} of {len(frame):,} retained messages were not cleared; {told}", NotClearedWarning)
