"""What came on each topic, counted, with some messages of each: in bounded memory, a batch at a time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from .keywords import Retained

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pyarrow as pa

    from .client import Client
    from .frame import Batch
    from .stream import Stream

#: What a stream must be asked for, for its batches to be sampled.
RAW_OPTIONS: Final[dict[str, Any]] = {"payload": "raw", "metadata": ["topic", "recv_time", "retain", "qos"]}
SAMPLE_BYTES: Final = 67_108_864  # of all payloads kept; a topic's first goes beyond it where it is small
_SMALL: Final = 4_096
_STEP_SECONDS: Final = 0.25


def raw_payloads(batch: pa.RecordBatch) -> pa.Array:
    """Of a batch with ``payload="raw"``. Where all of them are empty, it has no column of them."""
    import pyarrow as pa

    return batch.column("value_raw") if "value_raw" in batch.schema.names else pa.nulls(batch.num_rows, pa.binary())


@dataclass(slots=True)
class TopicSample:
    """One topic's counts, and the payloads that are kept: the first ones and the last."""

    topic: str
    messages: int = 0
    size: int = 0  # of all payloads
    retained: int = 0
    qos: int = 0
    first_ns: int = 0
    last_ns: int = 0
    payloads: list[bytes] = field(default_factory=list)
    times_ns: list[int] = field(default_factory=list)

    def keep(self, payload: bytes, time_ns: int) -> None:
        self.payloads.append(payload)
        self.times_ns.append(time_ns)


class TopicSampler:
    """Takes batches of :data:`RAW_OPTIONS`.

    Args:
        max_topics: topics beyond these are counted together, as messages: ``other_messages``.
        samples: payloads kept of each topic; None: all, whatever it takes.
        with_system: also topics that begin with ``$``.
    """

    def __init__(self, *, max_topics: int, samples: int | None, with_system: bool = False, max_bytes: int = SAMPLE_BYTES) -> None:
        self.topics: dict[str, TopicSample] = {}
        self.other_messages = 0
        self._max_topics = max_topics
        self._samples = samples
        self._with_system = with_system
        self._bytes_left = max_bytes

    @property
    def messages(self) -> int:
        return sum(topic.messages for topic in self.topics.values()) + self.other_messages

    def add(self, batch: Batch) -> None:
        """Counts a batch's messages, and keeps some."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        arrow = pa.record_batch(batch)
        if not arrow.num_rows:
            return
        encoded = arrow.column("_topic").dictionary_encode()
        where = encoded.indices.fill_null(0).to_numpy(zero_copy_only=False)
        payloads = raw_payloads(arrow)
        times = arrow.column("_recv_time").cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
        sizes = pc.binary_length(payloads).fill_null(0).to_numpy(zero_copy_only=False)
        retained = arrow.column("_retain").fill_null(False).to_numpy(zero_copy_only=False)
        levels = arrow.column("_qos").fill_null(0).to_numpy(zero_copy_only=False)
        order = np.argsort(where, kind="stable")
        ends = np.searchsorted(where[order], np.arange(len(encoded.dictionary)), side="right")
        begin = 0
        for name, end in zip(encoded.dictionary.to_pylist(), ends.tolist(), strict=True):
            rows, begin = order[begin:end], end
            if name is None or (name.startswith("$") and not self._with_system):
                continue
            topic = self.topics.get(name)
            if topic is None:
                if len(self.topics) >= self._max_topics:
                    self.other_messages += len(rows)
                    continue
                topic = self.topics[name] = TopicSample(name, first_ns=int(times[rows[0]]))
            topic.messages += len(rows)
            topic.size += int(sizes[rows].sum())
            topic.retained += int(retained[rows].sum())
            topic.qos = max(topic.qos, int(levels[rows].max()))
            topic.last_ns = int(times[rows[-1]])
            self._keep(topic, rows, payloads, sizes, times)

    def _keep(self, topic: TopicSample, rows: Any, payloads: Any, sizes: Any, times: Any) -> None:
        if self._samples is None:
            for row in rows.tolist():
                topic.keep(payloads[row].as_py() or b"", int(times[row]))
            return
        room = self._samples - len(topic.payloads)
        if room <= 0:  # the newest takes the place of the one before it
            if self._samples > 1:
                self._bytes_left += len(topic.payloads.pop())
                topic.times_ns.pop()
                self._try(topic, rows[-1], payloads, sizes, times)
            return
        for row in rows[:room].tolist():
            self._try(topic, row, payloads, sizes, times)

    def _try(self, topic: TopicSample, row: int, payloads: Any, sizes: Any, times: Any) -> None:
        size = int(sizes[row])
        if size > self._bytes_left and (topic.payloads or size > _SMALL):
            return
        self._bytes_left = max(0, self._bytes_left - size)
        topic.keep(payloads[row].as_py() or b"", int(times[row]))


def sample_stream(stream: Stream, sampler: TopicSampler, seconds: float, tick: Callable[[int], None] | None = None) -> None:
    """Fills ``sampler`` for so long. What came by then stays in it, also where this is interrupted."""
    for batch in stream.batches(max_seconds=_STEP_SECONDS, seconds=seconds, yield_empty=True):
        sampler.add(batch)
        if tick is not None:
            tick(sampler.messages)


def open_raw(client: Client, topics: Sequence[str], *, qos: int, retained: Retained, max_topics: int) -> Stream:
    """A stream of payloads as they are."""
    from .source import open_stream, plan_with_defaults

    options = {**RAW_OPTIONS, "qos": qos, "retained": retained, "max_topics": max(max_topics, 100_000)}
    return open_stream(client, plan_with_defaults(topics, options))
