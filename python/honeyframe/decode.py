"""``decode=``: payloads that are not JSON (gzip, CBOR, Sparkplug…) pass through a Python function on their way to the extraction engine.

    raw queue -> decode(payload) -> feed queue -> StreamReader

The slow path: one Python call a message, on a thread of its own, so that windows fill while a cell sleeps. Overflow is the raw queue's
business, by its own policy: the thread looks for room in the feed queue before each message, and waits for it. Under "latest" it does not
wait: the feed, too, keeps the newest of each topic.
"""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from . import _core
from .errors import HoneyframeError, InternalError
from .ledger import CoreRow
from .payload import encode_payload
from .quarantine import QuarantineRow

Decode: TypeAlias = Callable[[bytes], "bytes | str | dict[str, Any] | list[Any] | None"]

REASON: Final = "decode_failed"
RAW_METADATA: Final = ("topic", "recv_time", "retain", "qos", "dup")
_STEP_MESSAGES: Final = 1_000
# How far it reads ahead where the queue's own bounds are wider.
_FEED_MESSAGES: Final = 20_000
_FEED_BYTES: Final = 16 * 2**20
# What a message may cost the feed beside its bytes: a new block (see cpp/core/message_queue.cpp), a new dictionary's table.
_BLOCKS_PER_BOUND: Final = 32
_MAX_BLOCK_BYTES: Final = 256 * 2**10
_TABLE_BYTES: Final = 4 * 2**10
_FIRST_WAIT: Final = 0.001
_LONGEST_WAIT: Final = 0.02
_DETAIL: Final = 200  # characters of the first fault, in the ledger


class Decoder:
    """Moves messages from ``raw`` through ``decode`` into ``feed``, whose bounds are given. Holds neither the Stream nor the Client."""

    def __init__(
        self,
        raw: _core.StreamReader,
        feed: _core.Queue,
        decode: Decode,
        *,
        feed_messages: int,
        feed_bytes: int,
        feed_waits: bool = True,
        max_quarantine_messages: int = 10_000,
        max_quarantine_bytes: int = 16 * 2**20,
    ) -> None:
        if not callable(decode):
            raise TypeError(f"decode must be a function of bytes; found {type(decode).__name__}")
        self._raw = raw
        self._source = raw  # whose end is the feed's, too
        self._feed = feed
        self._decode = decode
        self._feed_messages = min(feed_messages, _FEED_MESSAGES)
        self._feed_bytes = min(feed_bytes, _FEED_BYTES)
        self._feed_waits = feed_waits
        self._block_bytes = min(feed_bytes // _BLOCKS_PER_BOUND, _MAX_BLOCK_BYTES)
        self._error: BaseException | None = None  # what ended the thread before its time
        self._quarantine: deque[QuarantineRow] = deque()
        self._quarantine_bytes = 0
        self._refused: CoreRow | None = None
        self._max_messages = max_quarantine_messages
        self._max_bytes = max_quarantine_bytes
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self.failed = 0  # messages that decode() refused
        self._left_out = 0  # for which it returned None
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
            duplicates=raw["duplicates"],
            duplicate_packet_ids=raw["duplicate_packet_ids"],
        )
        return both

    def whole_ledger(self, feed: list[CoreRow]) -> list[CoreRow]:
        """``feed``, the ledger of what came out, with that of the way before it."""
        with self._lock:
            refused = [self._refused] if self._refused else []
        # What is a duplicate there was one here.
        return [*self._raw.ledger(), *refused, *(row for row in feed if row[0] != "duplicates")]

    def quarantine(self) -> list[QuarantineRow]:
        with self._lock:
            return list(self._quarantine)

    def raise_if_broken(self) -> None:
        """Raises where the thread has ended before its time: then messages are missing, and nobody shall take this for the end."""
        error = self._error
        if isinstance(error, HoneyframeError):
            raise error
        if error is not None:
            raise InternalError(f"decode= has ended: {type(error).__name__}: {error}"[:1_000], hint="Open the stream again.") from error

    def _run(self) -> None:
        step = min(_STEP_MESSAGES, self._feed_messages)
        try:
            while self._await_room(0):
                try:
                    batch = self._raw.next(step, 0.0, 0.1)
                except StopIteration:
                    break
                if batch is not None:
                    self._pass_on(batch)
        except BaseException as error:  # for who awaits the data: a thread has nobody to raise it to
            self._error = error
            self._raw.close()  # nothing piles up that nobody will decode
        finally:
            self._feed.close(self._source)

    def _await_room(self, size: int) -> bool:
        """Waits until the feed can take a message of ``size`` without dropping another; False when nobody wants it any more."""
        wait = _FIRST_WAIT
        while not self._stop.is_set():
            if self._has_room(size):
                return True
            self._stop.wait(wait)
            wait = min(2 * wait, _LONGEST_WAIT)
        return False

    def _has_room(self, size: int) -> bool:
        if not self._feed_waits:
            return True
        counters = self._feed.counters()
        if not counters["queued"]:
            return True  # all the room there is; what is larger by itself is rejected, and counted
        needed = size + self._block_bytes + _TABLE_BYTES
        return counters["queued"] < self._feed_messages and counters["held_bytes"] + needed <= self._feed_bytes

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
            flags = _flags(message)
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
        elif self._await_room(len(data) + sum(len(value) for value in message.values() if isinstance(value, str)) * _UTF8_BYTES):
            self._feed.push(message["_topic"], data, receive_time_ns=time_ns, **flags)

    def _refuse(self, payload: bytes, time_ns: int, message: dict[str, Any], text: str) -> None:
        entry = (message["_topic"], time_ns, -1, REASON, text[:1_000], -1, payload, bool(message["_retain"]), message["_qos"] or 0)
        with self._lock:
            self.failed += 1
            before = self._refused or ("quarantined", REASON, time_ns, time_ns, 0, 0, 0, text[:_DETAIL], [], False)
            self._refused = (
                *before[:2],
                min(before[2], time_ns),
                max(before[3], time_ns),
                before[4] + 1,
                before[5] + 1,
                before[6] + len(payload),
                *before[7:],
            )
            self._quarantine.append(entry)
            self._quarantine_bytes += len(payload)
            while len(self._quarantine) > self._max_messages or self._quarantine_bytes > self._max_bytes:
                self._quarantine_bytes -= len(self._quarantine.popleft()[6])


_UTF8_BYTES: Final = 4  # of one character, at most
_PASSED: Final = ("_topic", "_retain", "_qos", "_dup", "_user_properties", "_content_type", "_response_topic")


def _flags(message: dict[str, Any]) -> dict[str, Any]:
    """What goes along with a message, as ``_core.Queue.push`` takes it."""
    return {
        "qos": message["_qos"] or 0,
        "retain": bool(message["_retain"]),
        "dup": bool(message["_dup"]),
        "user_properties": [(str(k), str(v)) for k, v in json.loads(message["_user_properties"] or "[]")],
        "content_type": message["_content_type"] or "",
        "response_topic": message["_response_topic"] or "",
    }
