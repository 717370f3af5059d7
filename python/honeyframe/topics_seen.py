"""The topics of a broker as a DataFrame: a subscription whose messages the core counts by topic, and what it found."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from . import _core
from .arguments import check_count, count_of
from .core_call import core_call
from .durations import Duration
from .durations import seconds as to_seconds
from .errors import ClosedError, ConnectError, HoneyframeError, InvalidTopicFilterError, NoMessagesWarning, NoPlaceWarning, PermissionDenied
from .events import printable, warn
from .lifetime import is_ending, watch_reader
from .subscription import warn_of_copies
from .templates import read_topics

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from .client import Client
    from .topic_tree import TopicTree

_LEAST_BYTES: Final = 1_048_576
_MOST_TOPICS: Final = 100_000_000
_UNSUBSCRIBE_SECONDS: Final = 2.0
_DRAIN_SECONDS: Final = 10.0  # what is queued by then is counted in far less
_STEP_SECONDS: Final = 0.5
_TREE_SECONDS: Final = 1.0
_TREE_SHARE: Final = 20  # a tree of very many topics takes its time: at most a twentieth of it goes into drawing
_FLOOD_SHARE: Final = 0.1
_FLOOD_FACTOR: Final = 10
_COLUMNS: Final = (
    "topic",
    "messages",
    "rate",
    "bytes",
    "share",
    "floods",
    "last_payload",
    "last_size",
    "retained",
    "qos",
    "max_qos",
    "first_seen",
    "last_seen",
    "json",
    "cadence",
    "longest_gap",
    "silent",
)


@dataclass(frozen=True)
class WatchPlan:
    """What to watch, checked as far as it can be without a broker."""

    filters: tuple[str, ...]
    seconds: float | None
    messages: int | None = None
    qos: int = 1
    max_topics: int = 100_000
    max_bytes: int = 402_653_184
    max_payload_bytes: int = 256
    timeout: float = 10.0


def plan_watch(
    topics: str | Sequence[str],
    seconds: Duration | None,
    *,
    messages: int | None = None,
    qos: int = 1,
    max_topics: int = 100_000,
    max_bytes: int = 402_653_184,
    max_payload_bytes: int = 256,
    timeout: Duration = 10.0,
) -> WatchPlan:
    """Raises what is wrong with the arguments of :meth:`Client.topics`."""
    return WatchPlan(
        unshared_filters(topics),
        None if seconds is None else to_seconds(seconds, "seconds"),
        None if messages is None else check_count("messages", messages, 1),
        check_count("qos", qos, 0, 2),
        check_count("max_topics", max_topics, 1, _MOST_TOPICS),
        check_count("max_bytes", max_bytes, _LEAST_BYTES),
        check_count("max_payload_bytes", max_payload_bytes, 0, 268_435_455),
        to_seconds(timeout, "timeout"),
    )


def unshared_filters(topics: str | Sequence[str]) -> tuple[str, ...]:
    """Filters as :func:`read_topics` has them. Looking at a shared subscription would take its messages away from the others."""
    if isinstance(topics, bytes) or not isinstance(topics, (str, Iterable)):
        raise TypeError(f"topics must be a str, or a list of them, not {type(topics).__name__}")
    filters = read_topics((topics,) if isinstance(topics, str) else list(topics)).filters
    for filter_ in filters:
        if filter_.startswith("$share/"):
            raise InvalidTopicFilterError(
                f"{printable(filter_)!r} is a shared subscription: looking would take messages away from the others of its group",
                hint=f"Look at {printable(filter_.split('/', 2)[2])!r} instead.",
            )
    return filters


class Watching:
    """A subscription whose messages are counted by topic, from SUBACK until :meth:`close`."""

    def __init__(self, client: Client, plan: WatchPlan) -> None:
        self.plan = plan
        self._client = client
        self._queue = core_call(_core.Queue, overflow="block", block_timeout=client._longest_block)  # counting is faster than any network
        self.watch = core_call(
            _core.TopicWatch,
            self._queue,
            max_topics=plan.max_topics,
            max_bytes=plan.max_bytes,
            max_payload_bytes=plan.max_payload_bytes,
            most_messages=plan.messages or 0,
        )
        watch_reader(self.watch)
        try:
            self._id, self.granted_qos = client._subscribe(plan.filters, self._queue, qos=plan.qos, timeout=plan.timeout)
        except BaseException:
            self.watch.close()
            raise
        self._open = True
        self.started = time.monotonic()
        self.seconds = 0.0  # how long it was watched, once that is over
        self._ended_ns = 0
        self.error: HoneyframeError | None = None

    def wait(self, seconds: float | None, look: Callable[[], float] | None = None) -> None:
        """Waits for ``seconds``, or until so many messages came as were asked for, or the session has ended.

        ``look`` is called now and then, and says after how many seconds to call it again.
        """
        deadline = None if seconds is None else self.started + seconds
        next_look = self.started + _STEP_SECONDS
        while True:
            now = time.monotonic()
            if look is not None and now >= next_look:
                next_look = now + look()
            left = _STEP_SECONDS if deadline is None else deadline - now
            if left <= 0:
                return
            step = min(left, _STEP_SECONDS if look is None else max(0.0, next_look - now))
            if self.watch.wait_end(step):
                self._note_end()
                return

    def _note_end(self) -> None:
        """Why no more messages come: enough of them, or a session that is over."""
        if self.plan.messages is not None and self.watch.totals()["messages"] >= self.plan.messages:
            return
        if is_ending():
            raise ClosedError("the interpreter is ending")
        self._client._raise_if_broken()
        if self._client.closed:
            self.error = ClosedError("the client was closed meanwhile")

    def close(self, patience: float = _UNSUBSCRIBE_SECONDS) -> None:
        """No more messages; what has arrived is counted. Idempotent."""
        if not self._open:
            return
        self._open = False
        self.seconds = time.monotonic() - self.started
        self._ended_ns = time.time_ns()
        self.watch.close()
        try:
            self.watch.wait_end(_DRAIN_SECONDS)
        finally:
            self._unsubscribe(patience)

    def _unsubscribe(self, patience: float) -> None:
        if self._client.closed:
            return
        try:
            self._client._session.unsubscribe(self._id, timeout=patience)
        except HoneyframeError as error:
            self._client._log.logger.debug("no UNSUBACK: %s", error.message)

    @property
    def now_ns(self) -> int:
        """The time at which silence is told: that of the end, once it has come."""
        return self._ended_ns or time.time_ns()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close(_UNSUBSCRIBE_SECONDS if kind is None else 0.0)  # Ctrl-C does not wait for a silent broker

    def take_batches(self) -> list[_core.RecordBatch]:
        """A row a topic. The table itself is given up for them: what is large is there twice for a moment only."""
        batches = self.watch.batches(self.now_ns)
        del self.watch
        return batches

    def account(self) -> dict[str, Any]:
        """What was seen, and what found no place, for ``DataFrame.attrs``."""
        counters = self._queue.counters()
        totals = self.watch.totals()
        totals.pop("held_bytes")
        return {
            **totals,
            "dropped": counters["dropped"],
            "rejected": counters["rejected"],
            "seconds": round(self.seconds, 3),
            "filters": list(self.plan.filters),
            **({} if self.error is None else {"error": self.error.message}),
        }


def topics_seen(client: Client, topics: str | Sequence[str], seconds: Duration | None, *, live: bool | None, **limits: Any) -> pd.DataFrame:
    """See :meth:`Client.topics`."""
    plan = plan_watch(topics, seconds, **limits)
    from .topic_tree import choose_view

    with choose_view(live) as view, Watching(client, plan) as watching:
        warn_of_copies(client, plan.filters)
        watch(watching, look=None if view is None else view.show, returns=view is not None or plan.seconds is None)
        if view is not None:
            _look(watching, view.show)
        return seen_frame(watching)


def watch(watching: Watching, *, look: Callable[[TopicTree], None] | None, returns: bool) -> bool:
    """Watches as long as was planned, and closes. With ``returns`` Ctrl-C ends it as time does: then True.

    A session that ends for good is an error where nothing had come by then, else told in the log.
    """
    interrupted = False
    try:
        watching.wait(watching.plan.seconds, None if look is None else lambda: _look(watching, look))
    except KeyboardInterrupt:
        if not returns:
            raise
        interrupted = True
    except (ConnectError, PermissionDenied) as error:
        if not watching.watch.totals()["messages"]:
            raise
        watching.error = error
        watching._client._log.logger.warning("%s; topics seen before are returned", error)
    watching.close(0.0 if interrupted else _UNSUBSCRIBE_SECONDS)
    return interrupted


def _look(watching: Watching, show: Callable[[TopicTree], None]) -> float:
    """Draws, and says after how long to draw again: never, where that failed, for it must not cost what was seen."""
    began = time.monotonic()
    try:
        show(tree_of(watching))
    except Exception as error:
        watching._client._log.logger.warning("the topics could not be drawn: %s: %s", type(error).__name__, error)
        return math.inf
    return max(_TREE_SECONDS, _TREE_SHARE * (time.monotonic() - began))


def tree_of(watching: Watching, most_topics: int | None = None) -> TopicTree:
    """The busiest topics as a tree."""
    from .topic_tree import MOST_TOPICS, TopicTree

    watched = watching.seconds or time.monotonic() - watching.started
    rows = watching.watch.tree(MOST_TOPICS if most_topics is None else most_topics, watching.now_ns)
    left = None if watching.plan.seconds is None or watching.seconds else max(0.0, watching.plan.seconds - watched)
    return TopicTree(rows, watching.watch.totals(), watched, left, watching.plan.filters)


def seen_frame(watching: Watching) -> pd.DataFrame:
    """What was seen, as :meth:`Client.topics` returns it, with its warnings."""
    from .dtypes import to_pandas

    table, account = seen_table(watching)
    frame = to_pandas(table)
    frame.attrs["honeyframe"] = account
    if not len(frame):
        warn(nothing_seen(watching, account), NoMessagesWarning)
    if account["unplaced_messages"]:
        warn(no_place(account), NoPlaceWarning)
    return frame


def seen_table(watching: Watching) -> tuple[pa.Table, dict[str, Any]]:
    """What was seen, with the columns of :meth:`Client.topics`, and the account of it; once."""
    import numpy as np
    import pyarrow as pa

    account = watching.account()
    table = pa.Table.from_batches([pa.record_batch(batch) for batch in watching.take_batches()])
    live, messages, size = (table.column(name).to_numpy() for name in ("live", "messages", "bytes"))
    share = size / max(1, account["bytes"])
    speaking = np.sort(live[live > 0])
    usual = speaking[(len(speaking) - 1) // 2] if len(speaking) > 1 else 0  # the lower median
    large = (share >= _FLOOD_SHARE) | (messages >= _FLOOD_SHARE * max(1, account["messages"]))
    computed = {
        "rate": live / max(account["seconds"], 1e-9),
        "share": share,
        "floods": large & (live >= _FLOOD_FACTOR) & (live >= _FLOOD_FACTOR * usual),
    }
    columns = {name: pa.array(computed[name]) if name in computed else table.column(name) for name in _COLUMNS}
    return pa.table(columns), account


def nothing_seen(watching: Watching, account: dict[str, Any]) -> str:
    """Why the frame is empty, as far as we can tell."""
    granted = zip(watching.plan.filters, watching.granted_qos, strict=True)
    filters = ", ".join(f"{printable(name)!r} (granted QoS {qos})" for name, qos in granted)
    within = f" within {account['seconds']:.3g} s"
    if account["dropped"] or account["rejected"]:
        return f"no topic on {filters}{within}: {count_of(account['dropped'], 'message')} dropped, {account['rejected']:,} rejected"
    return (
        f"no message arrived on {filters}{within}, not even a retained one. "
        "Is somebody publishing, and is the filter spelled like the topics? '#' shows all that this credential may see; seconds=60 waits"
    )


def no_place(account: dict[str, Any]) -> str:
    """One sentence on what there are no rows for."""
    topics, messages = count_of(account["unplaced_topics"], "topic"), count_of(account["unplaced_messages"], "message")
    return (
        f"{topics} with {messages} found no place beside the {account['topics']:,} that are here: "
        "give it more (max_topics=, max_bytes=) or look narrower"
    )
