"""The compiled core. Private: everything public is in ``honeyframe``."""

import os
from collections.abc import Sequence
from typing import Any, final

__version__: str

def build_info() -> dict[str, str]:
    """Versions of what was compiled in: ``paho``, ``openssl``, ``simdjson``, ``compiler``, ``build_type``."""

# register_status.cpp: every function below raises the class that ``honeyframe.errors`` registers for the core's ErrorCode.
def error_codes() -> list[str]: ...

# register_topics.cpp
def validate_topic_filter(filter: str) -> None: ...
def validate_topic_name(topic: str) -> None: ...
def topic_matches(filter: str, topic: str) -> bool: ...
def parse_template(text: str) -> tuple[str, list[str]]:
    """The filter to subscribe to, and the names of the levels."""

# register_session.cpp
def parse_uri(uri: str) -> dict[str, Any]:
    """``scheme host port path username has_password display``. The password is not in it."""

@final
class ConnectOptions:
    def __init__(
        self,
        uri: str,
        *,
        username: str | None = None,
        password: str | None = None,
        protocol: str = "auto",
        client_id: str = "",
        clean_start: bool = True,
        session_expiry: float = 0.0,
        keepalive: float = 30.0,
        connect_timeout: float = 10.0,
        receive_maximum: int = 65535,
        maximum_packet_size: int = 16777216,
        last_will: tuple[str, bytes, int, bool] | None = None,
        user_properties: Sequence[tuple[str, str]] = (),
        http_proxy: str = "",
        ca_file: str = "",
        ca_directory: str = "",
        fallback_ca_file: str = "",
        client_certificate: str = "",
        client_key: str = "",
        client_key_password: str | None = None,
        insecure: bool = False,
        reconnect: bool = True,
        reconnect_min_delay: float = 0.5,
        reconnect_max_delay: float = 30.0,
        refused_retry_delay: float = 60.0,
    ) -> None: ...
    def __repr__(self) -> str: ...  # never the password

@final
class Session:
    """Every method that waits releases the GIL and looks for signals every 50 ms."""

    def __init__(self, options: ConnectOptions) -> None: ...
    def connect(self) -> None: ...
    def subscribe(
        self,
        filters: Sequence[str],
        queue: Queue,
        *,
        qos: int = 1,
        retain_handling: int = 0,
        no_local: bool = False,
        timeout: float = 10.0,
    ) -> tuple[int, list[int]]:
        """(subscription id, granted QoS for each filter)."""
    def detach(self, subscription_id: int) -> None: ...
    def unsubscribe(self, subscription_id: int, *, timeout: float = 5.0) -> None: ...
    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        qos: int = 0,
        retain: bool = False,
        user_properties: Sequence[tuple[str, str]] = (),
        content_type: str = "",
        response_topic: str = "",
        correlation_data: bytes = b"",
        message_expiry: int | None = None,
        timeout: float = 10.0,
    ) -> None: ...
    def close(self, timeout: float = 2.0) -> None: ...
    def info(self) -> dict[str, Any]: ...
    def take_events(self) -> list[dict[str, Any]]:
        """``kind time_ns code message hint reason_code reason_string detail``."""
    def wait_event(self, timeout: float) -> bool: ...

# register_probe.cpp
def probe(options: ConnectOptions, *, timeout: float, greeting: bytes = b"") -> dict[str, Any]:
    """The way to the broker without a byte of MQTT, but for ``greeting``, which is sent where the way is free and no WebSocket.

    ``error`` (an exception, not raised, or None), ``step`` where it ended (name tcp proxy tls websocket greeting), ``addresses address
    name_seconds tcp_seconds tls_seconds websocket_seconds``, ``tls`` (``server_name trust_source version cipher alpn certificate_wanted
    verified chain``; a certificate: ``subject issuer names key not_before not_after self_signed``), ``http_line http_date http_server
    subprotocol``, ``answer`` to the greeting.
    """

def probe_all(options: Sequence[ConnectOptions], *, timeout: float, greeting: bytes = b"") -> list[dict[str, Any]]:
    """As :func:`probe`, of several ways at once."""

def close_all_sessions(timeout: float) -> None: ...
def in_forked_child() -> bool: ...

# register_publishing.cpp
@final
class RowPublisher:
    def offer(
        self,
        batch: RecordBatch,
        *,
        payload_column: str = "",
        raw_json: Sequence[str] = (),
        faults: Sequence[tuple[int, str]] = (),  # (row of the batch, why it is no message), in order
        timeout: float = 10.0,
    ) -> None:
        """Waits for room, without the GIL and with a look for signals every 50 ms. Where no row is settled for ``timeout`` seconds it ends; see ``report``."""
    def finish(self, timeout: float = 10.0) -> None:
        """Waits until every row is settled, as ``offer`` does."""
    def stop(self, why: str) -> None:
        """What is in flight counts as unacknowledged. Does not wait for the broker."""
    @property
    def ended(self) -> bool: ...
    @property
    def is_idle(self) -> bool:
        """No row waits to be sent."""
    def report(self) -> tuple[int, int, list[tuple[int, str, str, int | None, str, str]], Exception | None]:
        """(published, tried, [(row, topic, outcome, reason_code, reason_string, error)], why it ended early)."""

def publish_rows(
    session: Session,
    *,
    topic: str = "",
    topic_column: str = "",
    columns: Sequence[str] | None = None,
    sep: str = ".",
    null_keys: bool = False,
    qos: int = 1,
    retain: bool = False,
    max_inflight: int = 0,
    user_properties: Sequence[tuple[str, str]] = (),
    content_type: str = "",
    response_topic: str = "",
    correlation_data: bytes = b"",
    message_expiry: int | None = None,
) -> RowPublisher: ...

# register_stream.cpp
class Queue:
    def __init__(
        self,
        *,
        max_messages: int = 1_000_000,
        max_bytes: int = 67108864,
        max_topics: int = 100_000,
        max_payload_bytes: int = 16777216,
        overflow: str = "drop_oldest",
        block_timeout: float = 5.0,
        keep_properties: bool = False,
    ) -> None: ...
    def push(
        self,
        topic: str | bytes,
        payload: bytes,
        *,
        receive_time_ns: int = 0,
        qos: int = 0,
        retain: bool = False,
        dup: bool = False,
        user_properties: Sequence[tuple[str, str]] = (),
        content_type: str = "",
        response_topic: str = "",
        packet_id: int = 0,
    ) -> str:
        """As the receive thread does it; for tests and for data that comes from elsewhere. "stored", "dropped", "rejected" or "closed".

        With ``overflow="block"`` it may wait for room: without the GIL, and Ctrl-C ends the wait.
        """
    def close(self, source: StreamReader | None = None) -> None:
        """No more messages. Where ``source``, from which they came, ended with an error, so does the reader of this queue."""
    def counters(self) -> dict[str, int]:
        """All of StreamCounters and LossCounters, flat."""

@final
class ExtractOptions:
    def __init__(
        self,
        *,
        schema: Sequence[tuple[str, str, str]] | None = None,  # (name, path, type)
        columns: Sequence[str] = (),
        on_conflict: str = "keep",
        payload: str = "auto",
        strict: bool = True,
        sep: str = ".",
        explode: str = "",
        max_columns: int = 1024,
        max_depth: int = 64,
        na_values: Sequence[str] = (),
        event_time: str | None = None,
        event_time_unit: str = "auto",
        zone: Sequence[tuple[int, int]] = (),  # (utc_seconds, offset_seconds)
        topic_template: str | None = None,
        metadata: Sequence[str] = ("topic", "recv_time", "retain"),
        max_quarantine_messages: int = 10_000,
        max_quarantine_bytes: int = 16777216,
        sequence: str | None = None,
        sequence_by: str = "",
    ) -> None: ...

@final
class StreamReader:
    def __init__(self, queue: Queue, options: ExtractOptions) -> None: ...
    def next(self, max_rows: int, max_seconds: float, wait: float) -> RecordBatch | None:
        """A batch, or None after ``wait`` seconds or a ``wake()``. Raises StopIteration once closed and read to the end,
        or SubscribeDenied where the broker took a filter back. Releases the GIL; looks for signals every 50 ms: an interrupt takes no batch with it, the next call gives it. The last batch of all may have messages and no rows. With
        ``on_conflict="raise"`` DoesNotFitError comes once for each message, and the next call goes on behind it; under a window at most 16 of them wait,
        and the last one counts the others."""
    def open_window(self, seconds: float, *, max_rows: int = 10_000_000, max_bytes: int = 536870912) -> WindowTap: ...
    def wake(self) -> None:
        """Ends a waiting ``next()``, or else the next one that would wait, with None."""
    def close(self) -> None:
        """No more messages; what is queued stays readable. Nothing in a forked child, as ``discard``."""
    def discard(self) -> None: ...
    def counters(self) -> dict[str, int]:
        """The queue's."""
    def extract_counters(self) -> dict[str, int]: ...
    def quarantine(self) -> list[tuple[str, int, int, str, str, int, bytes, bool, int]]:
        """(topic, recv_time_ns, payload_index, reason, message, position, payload, retain, qos)."""
    def take_events(self) -> list[tuple[str, str, str]]:
        """(kind, column, detail)."""
    def ledger(self) -> list[tuple[str, str, int, int, int, int, int, str, list[tuple[str, int]], bool]]:
        """(event, subject, first_ns, last_ns, occurrences, count, bytes, detail, [(topic, at least so many)], folded), the queue's and the extraction's.
        A folded row stands for older ones of its event, of which there were ``occurrences``."""
    def schema(self) -> ArrowSchemaHolder: ...

@final
class WindowTap:
    def snapshot(self) -> tuple[list[RecordBatch], ArrowSchemaHolder, int]:
        """(batches, the schema to which they cast, evicted rows)."""
    def take(self) -> tuple[list[RecordBatch], ArrowSchemaHolder, int]:
        """The same of what has come since the last ``take``, and none of it again."""

# register_spool.cpp
@final
class SpoolQueue(Queue):
    """Raises SpoolError where the directory cannot be, and SpoolInUseError where another writes there."""

    def __init__(
        self,
        path: str,
        *,
        from_: int | None = None,  # None: what arrives from now on; 0: the oldest there is
        sync: str = "process",
        sync_interval: float = 0.1,
        spool_max_bytes: int = 1073741824,
        segment_bytes: int = 0,
        max_messages: int = 1_000_000,
        max_bytes: int = 67108864,
        max_topics: int = 100_000,
        max_payload_bytes: int = 16777216,
        overflow: str = "drop_oldest",
        block_timeout: float = 5.0,
    ) -> None: ...
    @property
    def first_sequence(self) -> int:
        """All below are of earlier runs."""
    @property
    def earlier_messages(self) -> int: ...
    def take_events(self) -> list[tuple[str, int, str]]:
        """(kind, time_ns, detail)."""

@final
class SpoolSource(Queue):
    def __init__(
        self,
        path: str,
        *,
        from_: int = 0,  # 0: the oldest there is
        from_end: bool = False,
        follow: bool = False,
        max_messages: int = 1_000_000,
        max_bytes: int = 67108864,
        max_topics: int = 100_000,
        max_payload_bytes: int = 16777216,
        overflow: str = "drop_oldest",
        block_timeout: float = 5.0,
    ) -> None: ...
    def take_events(self) -> list[tuple[str, int, str]]: ...

# register_watch.cpp
@final
class TopicWatch:
    """Counts a queue's messages by topic, on a thread of its own, from now on."""

    def __init__(
        self,
        queue: Queue,
        *,
        max_topics: int = 100_000,
        max_bytes: int = 402653184,
        max_payload_bytes: int = 256,
        most_messages: int = 0,  # after which it closes the queue; 0: never
    ) -> None: ...
    def wait_end(self, wait: float) -> bool:
        """True once the queue is closed and all of it counted; raises why, where nobody here wished it. Looks for signals every 50 ms."""
    def close(self) -> None:
        """No more messages; what is queued is still counted. Nothing in a forked child."""
    def totals(self) -> dict[str, int]:
        """``topics messages bytes``; of these ``unplaced_messages unplaced_bytes unplaced_topics``; ``shortened_payloads held_bytes``."""
    def batches(self, now_ns: int) -> list[RecordBatch]:
        """A row a topic; never empty."""
    def tree(self, most_topics: int, now_ns: int) -> list[tuple[str, int, bool, int, int, int, int, int, int, bool, bool, int, str]]:
        """(path, depth, is_topic, topics, shown, messages, live, bytes, last_ns, retained, silent, payload_size, last_payload), in a tree's order."""

@final
class MessageCursor:
    def __init__(self, queue: Queue) -> None: ...
    def next(self, wait: float) -> tuple[str, bytes, int, int, bool, bool, list[tuple[str, str]], str, str, bytes] | None:
        """(topic, payload, receive_time_ns, qos, retain, dup, user_properties, content_type, response_topic, correlation_data), or None
        after ``wait`` seconds. StopIteration once closed and read to the end, or what the queue was closed for."""
    def close(self) -> None: ...

# register_extract.cpp
@final
class ArrowSchemaHolder:
    def fields(self) -> list[tuple[str, str]]:
        """(name, type as ``DataType`` spells it)."""
    def __arrow_c_schema__(self) -> object: ...
    def __eq__(self, other: object) -> bool: ...

@final
class RecordBatch:
    @property
    def num_rows(self) -> int: ...
    @property
    def num_messages(self) -> int: ...
    @property
    def nbytes(self) -> int: ...
    def schema(self) -> ArrowSchemaHolder: ...
    def __arrow_c_array__(self, requested_schema: object | None = None) -> tuple[object, object]: ...
    def __arrow_c_schema__(self) -> object: ...

def parse_type(text: str) -> str:
    """A column type by its own name: ``"double"`` is ``"float64"``. Raises InvalidSchemaError."""

def empty_batch(schema: ArrowSchemaHolder) -> RecordBatch: ...
def import_batch(schema: object, array: object, num_messages: int = 0) -> RecordBatch:
    """A copy of what ``__arrow_c_array__`` of anything gives. Raises InvalidSchemaError for types that we do not have."""

def unify_schemas(batches: Sequence[RecordBatch]) -> ArrowSchemaHolder: ...
def cast_batches(batches: Sequence[RecordBatch], schema: ArrowSchemaHolder) -> list[RecordBatch]:
    """All with one schema: ``schema``, and ``_misfit`` where a value did not fit and ``schema`` had none."""

def export_stream(batches: Sequence[RecordBatch], schema: ArrowSchemaHolder) -> object:
    """A PyCapsule "arrow_array_stream"; ``batches`` are cast to ``schema`` first (see ``cast_batches``)."""

@final
class Extraction:
    """What ``extract_payloads`` gives back."""

    @property
    def batches(self) -> list[RecordBatch]: ...
    @property
    def schema(self) -> ArrowSchemaHolder: ...
    @property
    def counters(self) -> dict[str, int]: ...
    @property
    def quarantine(self) -> list[tuple[str, int, int, str, str, int, bytes, bool, int]]: ...
    @property
    def events(self) -> list[tuple[str, str, str]]: ...

def extract_payloads(
    payloads: Sequence[bytes | bytearray | memoryview | str],
    options: ExtractOptions,
    *,
    topics: Sequence[str] | None = None,
    receive_times_ns: Sequence[int] | None = None,
    retain: Sequence[bool] | None = None,
    qos: Sequence[int] | None = None,
    max_rows: int = 1_000_000,
) -> Extraction: ...
def extract_json_lines(path: str | os.PathLike[str], options: ExtractOptions, *, max_rows: int = 1_000_000) -> Extraction: ...
