"""hf.replay: a recording published again, message by message, as it came and when it came."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from .arguments import check_number, count_of
from .durations import Duration
from .durations import seconds as to_seconds
from .errors import ClosedError, InvalidArgumentError, PublishDenied
from .keywords import Path
from .lifetime import check_process
from .progress import Progress
from .recording import Recording
from .recording import open as open_recording
from .recording_rows import PAYLOAD
from .replay_sender import Sender, kinds_of
from .replay_topics import LoopGuard, Rewrite, TopicMap, check_rewrite

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from .client import Client
    from .recording import Moment

_COLUMNS: Final = ("_topic", "_recv_time", "_retain", "_qos", "_user_properties", "_content_type", "_response_topic", PAYLOAD, "_spool_seq")
_AHEAD_NS: Final = 500_000  # what is due within half a millisecond goes together
_LEAD_NS: Final = 20_000_000  # from now to the first message
_AT_ONCE: Final = 5_000  # with speed="max"
_LONGEST_SLEEP: Final = 0.2
_LATE_STEP: Final = 100_000  # nanoseconds: the resolution of lateness
_LATE_STEPS: Final = 20_000

Retain = Literal["recorded", True, False]


@dataclass(slots=True)
class ReplayResult:
    """What came of a replay. Messages, but where the name says otherwise."""

    published: int = 0
    refused: int = 0
    skipped: int = 0  # topics that the rewriting left out, and those below $, which are the broker's
    bytes: int = 0  # of payloads
    seconds: float = 0.0
    late_p50: float = 0.0  # seconds after it was due, that a message was handed over
    late_p99: float = 0.0
    late_max: float = 0.0

    @property
    def rate(self) -> float:
        """Messages a second."""
        return self.published / self.seconds if self.seconds > 0 else 0.0

    def __str__(self) -> str:
        text = f"{count_of(self.published, 'message')} in {self.seconds:,.1f} s, {self.rate:,.0f} a second"
        text += f"; late by {self.late_p99 * 1e3:.1f} ms (p99), {self.late_max * 1e3:.1f} ms at most" if self.late_max else ""
        for name in ("refused", "skipped"):
            text += f"; {getattr(self, name):,} {name}" if getattr(self, name) else ""
        return text


def replay(
    path: Path | Recording,
    client: Client,
    *,
    speed: float | Literal["max"] = 1.0,
    rewrite: Rewrite | None = None,
    topics: str | Sequence[str] | None = None,
    start: Moment | None = None,
    end: Moment | None = None,
    qos: int | None = None,
    retain: Retain = "recorded",
    max_gap: Duration | None = None,
    allow_loop: bool = False,
    timeout: Duration = 10.0,
    progress: bool | None = None,
    storage_options: Mapping[str, Any] | None = None,
) -> ReplayResult:
    """Publishes a recording again: the same payloads, byte by byte, in the same order, at the same distances in time. Once, and never in a
    circle.

    Args:
        path: a recording's path, or what :func:`honeyframe.open` gives.
        client: what publishes.
        speed: how much faster than it was; "max": as fast as the broker takes it.
        rewrite: other topics: a template such as ``"replay/{topic}"``; a mapping of beginnings, ``{"plant": "test/plant"}``, whole levels
            at a time, each of which some topic must have; or a function of the topic, whose None leaves the message out.
        topics, start, end: as :func:`honeyframe.open`.
        qos: None: that with which each was received.
        retain: "recorded": what had the retain flag when it was received, which are states that the broker had kept when the recorder
            subscribed; True or False: all, or none.
        max_gap: pauses are not longer than that, before ``speed`` counts.
        allow_loop: also to topics that are being recorded, in this process or to this path.
        timeout: how long the broker may take to confirm.
        progress: as in :func:`honeyframe.read_mqtt`.

    Returns:
        ReplayResult: ``published``, ``refused``, ``skipped``, ``late_p99``, …

    Raises:
        ReplayLoopError: the messages would be recorded again. RecordingError: it has no payloads.
        PublishDenied: the broker refused some; all others were tried. ConnectionLostError, ClosedError: it ended early; a note says where.
        InvalidArgumentError, InvalidTopicError.

    User properties, content type and response topic are published as they were; correlation data is not recorded. Such messages go one by
    one, each when the one before it is confirmed.

    Example::

        hf.replay("recording", client, speed=10, start="2026-11-26 13:00", rewrite="replay/{topic}")
    """
    check_process()
    factor = math.inf if speed == "max" else check_number("speed", speed)
    if not factor > 0 or math.isnan(factor):
        raise InvalidArgumentError(f'speed is a number above 0, or "max"; found {speed!r}')
    if qos is not None and (isinstance(qos, bool) or qos not in (0, 1, 2)):
        raise InvalidArgumentError(f"qos is 0, 1, 2 or None; found {qos!r}")
    if retain not in ("recorded", True, False):
        raise InvalidArgumentError(f'retain is "recorded", True or False; found {retain!r}')
    gap = None if max_gap is None else to_seconds(max_gap, "max_gap")
    patience = to_seconds(timeout, "timeout")
    _check_client(client)
    recording = path if isinstance(path, Recording) else open_recording(path, storage_options=storage_options)
    recording = recording.select(topics, start, end, columns=_COLUMNS)
    recording._check_raw()
    guard = None if allow_loop else LoopGuard(client, recording)
    names = TopicMap(rewrite, guard)
    if guard is not None and rewrite is None:
        guard.check_patterns(recording.patterns)
    check_rewrite(rewrite, recording)
    run = _Replay(client, _Schedule(factor, gap), names, qos=qos, retain=retain, timeout=patience)
    return run.publish(recording, progress)


def _check_client(client: object) -> None:
    if not hasattr(client, "uri"):
        raise TypeError(f"client must be an hf.Client, as hf.connect() gives it, not {type(client).__name__}")


class _Schedule:
    """When messages are due, on the monotonic clock, and how late they were."""

    def __init__(self, factor: float, max_gap: float | None) -> None:
        self._factor = factor
        self._gap = None if max_gap is None else round(max_gap * 1e9)
        self._before: int | None = None
        self._due = 0
        self._late: np.ndarray[Any, Any] | None = None
        self.late_max = 0

    @property
    def is_timed(self) -> bool:
        return not math.isinf(self._factor)

    def due(self, received: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Of times of receipt, in order; a clock that was set back is a pause of no length."""
        import numpy as np

        if self._before is None:
            self._before, self._due = int(received[0]), time.monotonic_ns() + _LEAD_NS
        pauses = np.maximum(np.diff(received, prepend=self._before), 0)
        if self._gap is not None:
            pauses = np.minimum(pauses, self._gap)
        due = self._due + np.cumsum(pauses / self._factor).astype(np.int64)
        self._before, self._due = int(received[-1]), int(due[-1])
        return due

    def note(self, due: np.ndarray[Any, Any], now: int) -> None:
        import numpy as np

        late = np.maximum(now - due, 0)
        counts = np.bincount(np.minimum(late // _LATE_STEP, _LATE_STEPS - 1), minlength=_LATE_STEPS)
        self._late = counts if self._late is None else self._late + counts
        self.late_max = max(self.late_max, int(late.max()))

    def late(self, share: float) -> float:
        """Seconds, of so great a share of all messages at most."""
        import numpy as np

        if self._late is None:
            return 0.0
        sums = np.cumsum(self._late)
        return float(min((int(np.searchsorted(sums, share * sums[-1])) + 1) * _LATE_STEP, self.late_max)) / 1e9


@dataclass(slots=True)
class _Replay:
    """One run."""

    client: Client
    schedule: _Schedule
    topics: TopicMap
    qos: int | None
    retain: Retain
    timeout: float
    result: ReplayResult = field(default_factory=ReplayResult)

    def publish(self, recording: Recording, progress: bool | None) -> ReplayResult:
        sender = Sender(self.client, self.timeout)
        began = time.monotonic()
        with Progress("replaying", seconds=None, rows=None, enabled=progress) as line:
            try:
                for batch in recording._batches():
                    messages = self._messages(batch)
                    if messages.num_rows and not sender.sent:
                        sender.prepare(messages)
                    for part in self._due(messages):
                        sender.send(part)
                        line.show(lambda now: f"replaying: {sender.sent:,} messages, {sender.sent / max(now - began, 1e-9):,.0f} a second")
                sender.finish()
            except BaseException as error:
                sender.stop()
                self._settle(sender, began)
                error.add_note(f"replay: {self.result}")
                raise
        self._settle(sender, began)
        if sender.first_refusal is not None:
            topic, told, code, words = sender.first_refusal
            message = f"{count_of(self.result.refused, 'message')} refused; first: {told}"
            failure = PublishDenied(message, reason_code=code, reason_string=words, subjects=[topic])
            failure.add_note(f"replay: {self.result}")
            raise failure
        return self.result

    def _settle(self, sender: Sender, began: float) -> None:
        self.result.seconds = time.monotonic() - began
        self.result.published, self.result.refused = sender.report()
        self.result.late_p50, self.result.late_p99 = self.schedule.late(0.5), self.schedule.late(0.99)
        self.result.late_max = self.schedule.late_max / 1e9

    def _messages(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Those of them that are published: topic, payload, and how."""
        import pyarrow as pa
        import pyarrow.compute as pc

        batch = batch.filter(pc.is_valid(batch.column(PAYLOAD)))
        topics = batch.column("_topic").dictionary_encode()
        mapped = pa.array([self.topics(topic) for topic in topics.dictionary.to_pylist()], pa.string()).take(topics.indices)
        columns = {
            "topic": mapped,
            "payload": batch.column(PAYLOAD),
            "time": batch.column("_recv_time").cast(pa.int64()),
            "qos": batch.column("_qos") if self.qos is None else pa.array([self.qos] * batch.num_rows, pa.int64()),
            "retain": batch.column("_retain") if self.retain == "recorded" else pa.array([self.retain] * batch.num_rows, pa.bool_()),
            "properties": _properties(batch),
        }
        found = pa.record_batch(columns)
        kept = found.filter(pc.is_valid(mapped))
        self.result.skipped += found.num_rows - kept.num_rows
        self.result.bytes += pc.sum(pc.binary_length(kept.column("payload"))).as_py() or 0
        return kept.append_column("kind", kinds_of(kept))

    def _due(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        """Parts of it, each when it is due."""
        import numpy as np

        if not batch.num_rows:
            return
        if not self.schedule.is_timed:
            for begin in range(0, batch.num_rows, _AT_ONCE):
                yield batch.slice(begin, _AT_ONCE)
            return
        due = self.schedule.due(batch.column("time").to_numpy(zero_copy_only=False))
        begin = 0
        while begin < len(due):
            while (wait := (int(due[begin]) - time.monotonic_ns()) / 1e9) > 0:
                time.sleep(min(wait, _LONGEST_SLEEP))  # in slices, for Ctrl-C and a session that ends
                if wait > _LONGEST_SLEEP and self.client.closed:
                    self.client._raise_if_broken()
                    raise ClosedError("the client was closed while a recording was replayed")
            now = time.monotonic_ns()
            end = max(begin + 1, int(np.searchsorted(due, now + _AHEAD_NS, side="right")))
            self.schedule.note(due[begin:end], now)
            yield batch.slice(begin, end - begin)
            begin = end


def _properties(batch: pa.RecordBatch) -> pa.Array:
    """As JSON; null where a message has none."""
    import pyarrow as pa

    columns = [batch.column(f"_{name}") for name in ("user_properties", "content_type", "response_topic")]
    if columns[1].null_count == columns[2].null_count == len(batch) and not set(columns[0].unique().to_pylist()) - {None, "[]"}:
        return pa.nulls(len(batch), pa.string())
    made = []
    for user, content, response in zip(*(column.to_pylist() for column in columns), strict=True):
        pairs = json.loads(user) if user else []
        made.append(json.dumps([pairs, content or "", response or ""]) if pairs or content or response else None)
    return pa.array(made, pa.string())
