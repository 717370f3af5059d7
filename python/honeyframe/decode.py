"""``decode=``: payloads that are not JSON (gzip, CBOR, Sparkplug…) pass through a Python function on their way to the extraction engine.

    raw queue -> decode(payload) -> feed queue -> StreamReader

The slow path: one Python call a message, on a thread of its own, so that windows fill while a cell sleeps. Overflow is the raw queue's
business, by its own policy: the thread reads on only while the feed queue has room.
"""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from . import _core
from .errors import SubscribeDenied
from .payload import encode_payload
from .quarantine import QuarantineRow

Decode: TypeAlias = Callable[[bytes], "bytes | str | dict[str, Any] | list[Any] | None"]

REASON: Final = "decode_failed"
RAW_METADATA: Final = ("topic", "recv_time", "retain", "qos", "dup")
_STEP_MESSAGES: Final = 1_000
_FEED_MESSAGES: Final = 20_000
_FEED_BYTES: Final = 16 * 2**20


class Decoder:
    """Moves messages from ``raw`` through ``decode`` into ``feed``. Holds neither the Stream nor the Client."""

    def __init__(
        self,
        raw: _core.StreamReader,
        feed: _core.Queue,
        decode: Decode,
        *,
        max_quarantine_messages: int = 10_000,
        max_quarantine_bytes: int = 16 * 2**20,
    ) -> None:
        if not callable(decode):
            raise TypeError(f"decode must be a function of bytes; found {type(decode).__name__}")
        self._raw = raw
        self._feed = feed
        self._decode = decode
        self._quarantine: deque[QuarantineRow] = deque()
        self._quarantine_bytes = 0
        self._max_messages = max_quarantine_messages
        self._max_bytes = max_quarantine_bytes
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self.failed = 0  # messages that decode() refused
        self._left_out = 0  # for which it returned None
        self.tapped = False  # a window takes batches whether or not anyone reads: the feed queue's own policy bounds them
        self._thread = threading.Thread(target=self._run, name="honeyframe-decode", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """No more messages; those queued are still decoded, then the feed ends."""
        self._raw.close()

    def abandon(self) -> None:
        self._stop.set()
        self._raw.discard()
        self._feed.close()

    def counters(self) -> dict[str, int]:
        """As the queue's, over the whole way: what lies between the two queues counts as in_batch."""
        with self._lock:
            feed = self._feed.counters()
            failed, left_out = self.failed, self._left_out
            raw = self._raw.counters()
        on_the_way = raw["delivered"] - feed["received"] - failed - left_out
        both = {name: raw[name] + feed[name] for name in raw}
        both.update(
            received=raw["received"],
            received_bytes=raw["received_bytes"],
            queued=raw["queued"],
            in_batch=raw["in_batch"] + on_the_way + feed["queued"] + feed["in_batch"],
            delivered=feed["delivered"] + left_out,
            quarantined=raw["quarantined"] + feed["quarantined"] + failed,
            rows=feed["rows"],
        )
        return both

    def quarantine(self) -> list[QuarantineRow]:
        with self._lock:
            return list(self._quarantine)

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                if not self._has_room():
                    self._stop.wait(0.02)
                    continue
                try:
                    batch = self._raw.next(_STEP_MESSAGES, 0.0, 0.1)
                except (StopIteration, SubscribeDenied):  # the feed ends as the raw reader did
                    break
                if batch is not None:
                    self._pass_on(batch)
        finally:
            self._feed.close(self._raw)

    def _has_room(self) -> bool:
        if self.tapped:
            return True
        counters = self._feed.counters()
        return counters["queued"] + counters["in_batch"] < _FEED_MESSAGES and counters["queued_bytes"] < _FEED_BYTES

    def _pass_on(self, batch: _core.RecordBatch) -> None:
        import pyarrow as pa

        table = pa.record_batch(batch)
        payloads = next(table.column(field.name) for field in table.schema if pa.types.is_binary(field.type)).to_pylist()
        names = table.schema.names
        times = table.column("_recv_time").cast(pa.int64()).to_pylist()
        columns = {name: table.column(name).to_pylist() if name in names else [None] * len(payloads) for name in _PASSED}
        for i, payload in enumerate(payloads):
            if self._stop.is_set():
                return
            message = {name: values[i] for name, values in columns.items()}
            self._pass_one(payload or b"", times[i] or 0, message)

    def _pass_one(self, payload: bytes, time_ns: int, message: dict[str, Any]) -> None:
        try:
            decoded = self._decode(payload)
            if not (decoded is None or isinstance(decoded, (bytes, bytearray, memoryview, str, dict, list))):
                raise TypeError(f"decode returned {type(decoded).__name__}; expected bytes, str, dict, list or None")
            data = None if decoded is None else encode_payload(decoded)
        except BaseException as error:  # SystemExit, too: this thread must live, and the message be accounted for
            self._refuse(payload, time_ns, message, f"{type(error).__name__}: {error}")
            return
        if data is None:
            with self._lock:
                self._left_out += 1
            return
        self._feed.push(
            message["_topic"],
            data,
            receive_time_ns=time_ns,
            qos=message["_qos"] or 0,
            retain=bool(message["_retain"]),
            dup=bool(message["_dup"]),
            user_properties=[(str(k), str(v)) for k, v in json.loads(message["_user_properties"] or "[]")],
            content_type=message["_content_type"] or "",
            response_topic=message["_response_topic"] or "",
        )

    def _refuse(self, payload: bytes, time_ns: int, message: dict[str, Any], text: str) -> None:
        entry = (message["_topic"], time_ns, -1, REASON, text[:1_000], -1, payload, bool(message["_retain"]), message["_qos"] or 0)
        with self._lock:
            self.failed += 1
            self._quarantine.append(entry)
            self._quarantine_bytes += len(payload)
            while len(self._quarantine) > self._max_messages or self._quarantine_bytes > self._max_bytes:
                self._quarantine_bytes -= len(self._quarantine.popleft()[6])


_PASSED: Final = ("_topic", "_retain", "_qos", "_dup", "_user_properties", "_content_type", "_response_topic")
