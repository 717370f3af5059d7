"""Sender: messages of a replay to the broker, in their order: those alike in QoS and retain flag many at a time in flight."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from . import _core
from .core_call import core_call
from .errors import ConnectionLostError, PublishDenied
from .recording_schema import import_rows

if TYPE_CHECKING:
    import pyarrow as pa

    from .client import Client

_LOOK: Final = 0.000_1


class Sender:
    """Of one replay, on its thread."""

    def __init__(self, client: Client, timeout: float) -> None:
        self._client = client
        self._timeout = timeout
        self._publishers: dict[tuple[int, bool], _core.RowPublisher] = {}
        self._current: _core.RowPublisher | None = None
        self._single = 0
        self._single_refused = 0
        self.first_refusal: tuple[str, str, int | None, str] | None = None
        self.sent = 0

    def send(self, batch: pa.RecordBatch) -> None:
        """Messages with ``topic payload qos retain properties kind``. Waits where the broker is slower."""
        for part in _alike(batch):
            if part.column("properties")[0].is_valid:
                self._send_singly(part)
            else:
                publisher = self._publisher(part.column("qos")[0].as_py(), part.column("retain")[0].as_py())
                publisher.offer(import_rows(part.select(["topic", "payload"])), payload_column="payload", timeout=self._timeout)
                self._raise_if_ended(publisher)
            self.sent += part.num_rows

    def _publisher(self, qos: int, retain: bool) -> _core.RowPublisher:
        found = self._publishers.get((qos, retain))
        if found is None:
            found = self._publishers[qos, retain] = core_call(
                _core.publish_rows, self._client._session, topic_column="topic", sep="", qos=qos, retain=retain
            )
        if found is not self._current:
            self._await_sent()
            self._current = found
        return found

    def prepare(self, batch: pa.RecordBatch) -> None:
        """What takes its time the first time, before the first message is due."""
        for qos, retain in set(zip(batch.column("qos").to_pylist(), batch.column("retain").to_pylist(), strict=True)):
            self._publisher(qos, retain)
        import_rows(batch.slice(0, 1).select(["topic", "payload"]))

    def _await_sent(self) -> None:
        """What was given to the publisher so far has left, so that what goes another way stays behind it."""
        while self._current is not None and not self._current.is_idle and not self._current.ended:
            time.sleep(_LOOK)

    def _send_singly(self, batch: pa.RecordBatch) -> None:
        self._await_sent()
        self._current = None
        for row in batch.to_pylist():
            pairs, content_type, response_topic = json.loads(row["properties"])
            try:
                self._client.publish(
                    row["topic"],
                    row["payload"],
                    qos=row["qos"],
                    retain=row["retain"],
                    user_properties=[(name, value) for name, value in pairs],
                    content_type=content_type,
                    response_topic=response_topic,
                    timeout=self._timeout,
                )
                self._single += 1
            except PublishDenied as error:
                self._single_refused += 1
                self.first_refusal = self.first_refusal or (row["topic"], error.message, error.reason_code, error.reason_string)

    def finish(self) -> None:
        """Waits until the broker has confirmed all."""
        for publisher in self._publishers.values():
            publisher.finish(self._timeout)
            self._raise_if_ended(publisher, at_end=True)

    def stop(self) -> None:
        for publisher in self._publishers.values():
            publisher.stop("the replay was given up")

    def report(self) -> tuple[int, int]:
        """(published, refused)."""
        published, refused = self._single, self._single_refused
        for publisher in self._publishers.values():
            done, _, refusals, _ = publisher.report()
            published += done
            refused += sum(outcome != "unacknowledged" for _, _, outcome, *_ in refusals)
            for _, topic, outcome, code, words, told in refusals:
                if outcome == "refused":
                    self.first_refusal = self.first_refusal or (topic, told, code, words)
        return published, refused

    def _raise_if_ended(self, publisher: _core.RowPublisher, *, at_end: bool = False) -> None:
        if not publisher.ended:
            return
        *_, error = publisher.report()
        if error is not None:
            raise error
        if not at_end:
            raise ConnectionLostError("the connection was lost while the recording was replayed")


def kinds_of(batch: pa.RecordBatch) -> pa.Array:
    """A number for each message: those of the same one, next to each other, can go together."""
    import pyarrow as pa
    import pyarrow.compute as pc

    qos, retain, has_properties = batch.column("qos"), batch.column("retain"), pc.is_valid(batch.column("properties"))
    return pa.array(sum(factor * one.to_numpy(zero_copy_only=False) for factor, one in ((4, qos), (2, retain), (1, has_properties))))


def _alike(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """Parts of one kind."""
    import numpy as np

    if batch.num_rows == 1:
        yield batch
        return
    kinds = batch.column("kind").to_numpy(zero_copy_only=False)
    for begin, end in itertools.pairwise([0, *(np.flatnonzero(np.diff(kinds)) + 1).tolist(), batch.num_rows]):
        yield batch.slice(begin, end - begin)
