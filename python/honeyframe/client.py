"""Client: one connection to a broker, from which messages are published and streams opened."""

from __future__ import annotations

import time
import weakref
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, NoReturn, Self

from . import _core
from .core_call import core_call
from .durations import Duration
from .durations import seconds as to_seconds
from .errors import ConnectionLostError, HoneyframeError
from .events import SessionLog, error_from_event
from .exploring import Exploring
from .keeping import Keeping
from .keywords import Overflow, Path, Properties, Retained
from .lifetime import check_process, watch_log
from .payload import Payload, encode_payload, expiry_seconds, property_pairs
from .uri import Address

if TYPE_CHECKING:
    from .catalog import Catalog
    from .decode import Decode
    from .keywords import OnBreach
    from .publishing import Nulls, OnError, PublishResult
    from .schema import SchemaLike
    from .spool import Delivery, SpoolFrom, Sync
    from .stream import Stream

_COUNTERS: Final = ("arrived", "routed", "unmatched", "held", "arrived_bytes", "published", "connects", "gaps", "refused_packets")
_BYTES: Final = ("mqtt_bytes_in", "mqtt_bytes_out", "wire_bytes_in", "wire_bytes_out")
_CLOSE_SECONDS: Final = 2.0
_ENDING_SECONDS: Final = 1.0  # that the end of a session takes, at most


class Client(Exploring, Keeping):
    """A connection to an MQTT broker, kept alive by reconnecting. Made by :func:`connect`.

    All methods may be called from any thread. Use it as a context manager, close it, or drop the last reference: each ends the connection.
    """

    def __init__(
        self,
        session: _core.Session,
        address: Address,
        *,
        insecure: bool = False,
        chosen_id: bool = False,
        access: Mapping[str, Any] | None = None,
        clean_start: bool = True,
        session_expiry: float = 0.0,
        keepalive: float = 30.0,
        not_sent: str = "",
    ) -> None:
        self._longest_block = longest_block(keepalive)
        self._clean_start, self._session_expiry = clean_start, session_expiry
        self._access = dict(access or {})  # how it was connected, but for secrets: for the code that a catalog writes
        self._session = session
        self._address = address
        self._insecure = insecure
        self._closing = False
        self._streams: weakref.WeakSet[Stream] = weakref.WeakSet()
        self._log = SessionLog(session, session.info()["client_id"] or address.host, chosen=chosen_id, not_sent=not_sent)
        watch_log(self._log)
        self._finalizer = weakref.finalize(self, hang_up, session, self._log)
        self._finalizer.atexit = False

    # --- publishing

    def publish(
        self,
        topic: str,
        payload: Payload,
        *,
        qos: int = 0,
        retain: bool = False,
        user_properties: Properties = (),
        content_type: str = "",
        response_topic: str = "",
        correlation_data: bytes = b"",
        message_expiry: Duration | None = None,
        timeout: Duration = 10.0,
    ) -> None:
        """Publishes one message.

        Args:
            topic: where to; no wildcards.
            payload: bytes as they are, str as UTF-8, anything else as JSON: dict, list, number, bool, None (``null``), numpy and pandas
                values, dates as ISO 8601. An empty payload (``b""``) with ``retain=True`` clears the retained message.
            qos: 0 returns once the message is handed over; 1 and 2 once the broker has confirmed.
            retain: the broker keeps it for those who subscribe later.
            user_properties, content_type, response_topic, correlation_data, message_expiry: MQTT 5 only.
            timeout: how long to wait for the broker's confirmation.

        Raises:
            PublishDenied: the broker refused. With QoS 0 it comes from the next call; an MQTT 3 broker cannot say so, and
                :class:`PublishProbablyDenied` is raised when it closes the connection twice.
            InvalidTopicError, InvalidArgumentError: before anything is sent; NaN in a payload among them.
            PacketTooLargeError, ConnectError, OperationTimeoutError, ClosedError.

        Example::

            client.publish("test/topic", {"temperature": 21.5}, qos=1)
        """
        check_process()
        patience = to_seconds(timeout, "timeout")
        try:
            core_call(
                self._session.publish,
                topic=topic,
                payload=encode_payload(payload),
                qos=qos,
                retain=retain,
                user_properties=property_pairs(user_properties),
                content_type=content_type,
                response_topic=response_topic,
                correlation_data=correlation_data,
                message_expiry=expiry_seconds(message_expiry),
                timeout=patience,
            )
        except HoneyframeError as error:
            self._log.connection.explain(error, f"the message could not be sent within {patience:g} s")
            raise

    def publish_many(
        self,
        rows: Any,
        topic: str | None = None,
        *,
        topic_column: str | None = None,
        columns: Iterable[str] | None = None,
        payload_column: str | None = None,
        nest: bool = True,
        sep: str = ".",
        nulls: Nulls = "omit",
        qos: int = 1,
        retain: bool = False,
        max_inflight: int | None = None,
        user_properties: Properties = (),
        content_type: str = "",
        response_topic: str = "",
        correlation_data: bytes = b"",
        message_expiry: Duration | None = None,
        on_error: OnError = "raise",
        timeout: Duration = 10.0,
    ) -> PublishResult:
        """Publishes one JSON object a row, many at a time in flight, and returns when the broker has confirmed them all.

        What was read with ``stream("plant/{line}/telemetry")`` goes back as it came: levels of the topic and columns that reading added
        (``_topic``, ``_recv_time``, ``_misfit``, …) leave the payload, and ``location.lat`` is nested again. Numbers stay exact, times are
        RFC 3339 in UTC (those without a zone are taken as UTC), ``NaN`` is null. An index is not sent.

        A connection that is lost ends it: nothing is sent twice, and the result says which rows may have arrived and which were not sent.
        Ctrl-C ends it as well; the traceback's note says how many rows went out. In a coroutine:
        ``await asyncio.to_thread(client.publish_many, …)``.

        Args:
            rows: a pandas DataFrame, ``hf.Table`` or ``hf.Batch``, anything with ``__arrow_c_stream__`` or ``__arrow_c_array__`` (Polars,
                pyarrow, DuckDB), or an iterable of dicts or of such frames, of any length: it is read as the broker confirms.
            topic: a topic, or a template such as ``"plant/{line}/set"``, whose levels the columns of these names fill. A level may not be
                null, empty, or hold ``/``, ``+``, ``#``; ``{rest...}`` at the end may be several levels, or none where it is empty.
            topic_column: instead, the column that holds whole topics, such as ``"_topic"``.
            columns: the payload's columns, where it is not all others; ``"location"`` is all below it, too.
            payload_column: the column whose text or bytes are the payload as they are, without JSON.
            nest, sep: dotted names become nested objects. A name below one that has a value of its own stays as it is.
            nulls: "omit" leaves the key out, "null" writes it.
            qos: 1 and 2 wait for the broker's confirmation of each row; 0 only until it is written.
            retain: the broker keeps the last row of each topic.
            max_inflight: how many rows may be unconfirmed at once; by default 200, or 20 for QoS 2 before MQTT 5. Never more than the
                broker's receive maximum.
            user_properties, content_type, response_topic, correlation_data, message_expiry: of every message, as in :meth:`publish`.
            on_error: "raise" if any row was not published, when all have been tried; "collect" only reports it.
            timeout: how long the broker may take to confirm the next row. Not a limit for the whole.

        Returns:
            PublishResult: ``published``; ``refused``, a DataFrame with a line for each row that was not, and why; ``error``; ``ok``.

        Raises:
            PublishManyError: rows were not published; its ``result`` says which. Nothing of this kind with ``on_error="collect"``.
            InvalidTopicError, InvalidTopicTemplateError, InvalidArgumentError, InvalidSchemaError: a column that is not there, or whose
                type has no JSON, such as binary: before anything of that frame is sent.
            ClosedError, ForkedProcessError.

        Example::

            client.publish_many(setpoints, "plant/{line}/set")
            result = client.publish_many(rows, topic_column="topic", on_error="collect")
            retry = setpoints.iloc[result.refused["row"]]
        """
        check_process()
        from .publishing import publish_many

        patience = to_seconds(timeout, "timeout")
        return publish_many(
            self._session,
            rows,
            lambda error: self._log.connection.explain(error, f"no row could be sent within {patience:g} s"),
            topic=topic,
            topic_column=topic_column,
            columns=columns,
            payload_column=payload_column,
            sep=sep,
            nest=nest,
            nulls=nulls,
            max_inflight=max_inflight,
            on_error=on_error,
            timeout=patience,
            qos=qos,
            retain=retain,
            user_properties=property_pairs(user_properties),
            content_type=content_type,
            response_topic=response_topic,
            correlation_data=correlation_data,
            message_expiry=expiry_seconds(message_expiry),
        )

    # --- subscribing

    def stream(
        self,
        *topics: str,
        qos: int = 1,
        schema: SchemaLike | None = None,
        columns: Iterable[str] | None = None,
        event_time: str | None = None,
        topic_template: str | None = None,
        retained: Retained = "include",
        no_local: bool = False,
        decode: Decode | None = None,
        overflow: Overflow = "drop_oldest",
        max_queue_messages: int = 1_000_000,
        max_queue_bytes: int = 67_108_864,
        max_payload_bytes: int = 16_777_216,
        max_topics: int = 100_000,
        block_timeout: Duration = 5.0,
        timeout: Duration = 10.0,
        delivery: Delivery = "received",
        spool: Path | None = None,
        spool_from: SpoolFrom | None = None,
        spool_max_bytes: int = 1_073_741_824,
        sync: Sync = "process",
        sync_interval: Duration = 0.1,
        contract: Catalog | Path | None = None,
        on_breach: OnBreach = "warn",
        **extraction: Any,
    ) -> Stream:
        """Subscribes, and returns once the broker has granted every filter.

        Args:
            topics: topic filters (``plant/+/telemetry``, ``#``, ``$share/group/plant/#``) or templates: ``plant/{line}/telemetry``
                subscribes to ``plant/+/telemetry``, and ``line`` becomes a column.
            qos: the highest QoS that the broker may use; it may grant less.
            schema: fixes columns and types; else they are inferred, and grow.
            columns: read only these; the rest is skipped in C++.
            event_time: the field that tells when something was measured: adds ``_event_time`` (UTC).
            topic_template: names the levels where it differs from the filters.
            retained: "include" retained messages, "skip" them, or take them "only". "skip" asks an MQTT 5 broker not to send them; what
                comes all the same (MQTT 3, "only") is left out of the batches by its ``_retain`` flag, and counted as
                ``retained_skipped_rows``.
            no_local: not what this client itself publishes (MQTT 5). Streams that share a filter must agree on it.
            decode: ``bytes -> bytes | str | dict | list | None`` for payloads that are not JSON (gzip, CBOR, Sparkplug). Slow: a Python
                call a message. None leaves the message out; an exception puts it into quarantine as ``decode_failed``.
            overflow: what goes when the queue is full: "drop_oldest", "drop_newest", or "block": the broker is kept waiting for up to
                ``block_timeout``, once a stall and not for each message. Then the newest are dropped, without a wait, until there is
                room again. With "latest" only the newest unread message of each topic is kept, full or not: what it takes the place of
                counts as ``superseded``, and what finds no slot of ``max_topics`` as dropped. (Under a window everything is extracted
                as it comes, and batches that nobody reads go oldest first.)
            max_queue_messages, max_queue_bytes: the queue's bounds.
            max_payload_bytes: larger messages are rejected, and counted.
            max_topics: distinct topics before the dictionary of topics is started anew; with ``overflow="latest"`` the topics that may
                have something unread.
            timeout: how long to wait for the broker's answer.
            delivery: "received": a message is acknowledged once it is in the queue, in memory. "spooled": once it is written to the
                directory ``spool``, from which the batches are then read; they have ``_spool_seq`` and ``_dup``. What each can lose in a
                crash: docs/spooling.md. With QoS 2 it needs MQTT 5.
            spool: the directory, made where it is not there. One stream writes it; any number read it: :func:`honeyframe.open_spool`.
            spool_from: where the batches begin: None with what arrives from now on, "oldest", or a ``_spool_seq`` of an earlier run.
            spool_max_bytes: of a spool. When they are used up, what this stream has handed out goes first, then ``overflow`` decides.
            sync: when a spooled message is on the disk: "process": when the system likes (it outlives the process, not the machine);
                "interval": after ``sync_interval`` at most; "always": before it is acknowledged, a read burst at a time; over
                WebSockets and with the system's Paho one by one, which warns.
            contract: a catalog, or the file of a saved one, that the messages must keep to: each batch is checked, and what breaks it is
                counted, listed in the ledger, and told with topic, column, what was expected and what was found. docs/catalog.md.
            on_breach: "warn" (:class:`ContractWarning`, once for each column), or "raise" (:class:`ContractError`; the batch is not lost:
                the next step has it).
            extraction: as :func:`honeyframe.extract`: ``on_conflict``, ``payload``, ``explode``, ``sep``, ``tz``, ``max_columns``,
                ``na_values``, ``metadata``, …

        Raises:
            SubscribeDenied: the broker refused a filter; the message says which.
            InvalidTopicFilterError, InvalidTopicTemplateError, InvalidArgumentError: before anything is sent.
            ConnectError, OperationTimeoutError, ClosedError.
        """
        check_process()
        from .source import open_stream, plan_stream
        from .spool import warn_of_single_syncs

        plan = plan_stream(
            topics,
            qos=qos,
            schema=schema,
            columns=columns,
            event_time=event_time,
            topic_template=topic_template,
            retained=retained,
            no_local=no_local,
            decode=decode,
            overflow=overflow,
            max_queue_messages=max_queue_messages,
            max_queue_bytes=max_queue_bytes,
            max_payload_bytes=max_payload_bytes,
            max_topics=max_topics,
            block_timeout=block_timeout,
            timeout=timeout,
            delivery=delivery,
            spool=spool,
            spool_from=spool_from,
            spool_max_bytes=spool_max_bytes,
            sync=sync,
            sync_interval=sync_interval,
            contract=contract,
            on_breach=on_breach,
            **extraction,
        )
        if plan.spool is not None and sync == "always":
            warn_of_single_syncs(self._address.scheme)
        return open_stream(self, plan, lasting=True)

    def catalog(
        self,
        *topics: str | Iterable[str],
        seconds: Duration = 10,
        max_topics: int = 10_000,
        samples: int = 20,
        qos: int = 1,
        retained: Retained = "include",
        progress: bool | None = None,
    ) -> Catalog:
        """Listens for a while, and tells what there is: topics grouped into patterns, each with its columns, types and examples.

        Args:
            topics: topic filters, or lists of them, by default ``#``; a template gives its levels their names. ``$SYS/#`` is left out
                unless asked for.
            seconds: for how long.
            max_topics, samples: of so many topics so many payloads are kept, 64 MiB in all. Messages on further topics are counted.
            qos: the highest QoS that the broker may use: what is higher is not seen.

        Returns:
            Catalog: ``catalog["plant/{line}/telemetry"]``, ``.code()``, ``.json_schema(…)``, ``.schema(…)``, ``.save(…)``.
            How topics are grouped: docs/catalog.md.
        """
        check_process()
        from .catalog import read_catalog

        options: dict[str, Any] = {"max_topics": max_topics, "samples": samples, "qos": qos, "retained": retained, "progress": progress}
        return read_catalog(self, topics, seconds, **options)

    # --- accounts

    def info(self) -> dict[str, Any]:
        """What is known of the session: state, protocol, client id, what the broker announced in CONNACK, and the counters of messages.

        For each session ``arrived = routed + unmatched + held``; held are messages of a resumed session that some seconds after the first
        stream was opened become one or the other. ``gaps`` counts reconnects after which the broker had kept no session.
        """
        check_process()
        return {**self._session.info(), "gaps": self._log.gaps, "streams": len(self._streams)}

    def stats(self) -> dict[str, int]:
        """The counters: of messages ``arrived = routed + unmatched + held`` and ``published``; of the connection ``connects``, ``gaps``
        and ``refused_packets``: malformed or too large, each of them the end of a connection.

        Of bytes, over all connections of this client: ``mqtt_bytes_in``/``_out`` are MQTT's packets; ``wire_bytes_in``/``_out`` what the
        socket took and gave, TLS, WebSocket frames and a proxy's greeting included. Exact, but for the system's Paho, where they are
        estimated (``info()["bytes_are_exact"]``). What a month comes to: :func:`honeyframe.usage`.
        """
        info = self.info()
        return {name: info[name] for name in (*_COUNTERS, *_BYTES)}

    @property
    def closed(self) -> bool:
        """Whether the connection was closed, by us or for good."""
        return self._closing or self._session.info()["state"] == "closed"

    @property
    def uri(self) -> str:
        """The broker's address, without credentials."""
        return self._address.display

    # --- the end

    def close(self) -> None:
        """Sends DISCONNECT and ends every stream's loops; what is queued stays readable. Within two seconds; idempotent."""
        check_process()
        self._closing = True
        self._session.close(timeout=_CLOSE_SECONDS)
        self._log.stop()

    async def aclose(self) -> None:
        """As :meth:`close`, without stopping the event loop meanwhile."""
        from .waiter import in_thread

        self._closing = True
        await in_thread(self.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.aclose()

    def _is_kept(self) -> bool:
        """Whether the broker keeps the session when the connection ends: on MQTT 5 the expiry decides, before that the clean start."""
        return self._session_expiry > 0 if self._session.info()["protocol"] == "5.0" else not self._clean_start

    def _raise_if_broken(self) -> None:
        """Asked where a queue has ended. The core ends queues first, for a push may wait there, and calls the session closed last."""
        deadline = time.monotonic() + _ENDING_SECONDS
        while (info := self._session.info())["state"] != "closed":
            if self._closing or time.monotonic() > deadline:
                return
            time.sleep(0.005)
        if self._closing:
            return
        self._log.drain()
        last = error_from_event(info.get("last_error") or {}) or ConnectionLostError(f"the session with {self.uri} has ended")
        self._log.connection.explain(last)
        raise last

    def _subscribe(
        self, filters: Iterable[str], queue: _core.Queue | _core.SpoolQueue, *, timeout: float, **how: Any
    ) -> tuple[int, list[int]]:
        """Its number, and the QoS granted to each filter. Messages go to ``queue`` from then on."""
        asked = list(filters)
        try:
            return self._session.subscribe(asked, queue, timeout=timeout, **how)
        except HoneyframeError as error:
            self._log.connection.explain(error, f"no subscription to {', '.join(map(repr, asked))} within {timeout:g} s")
            raise

    # --- the face

    def __repr__(self) -> str:
        return f"<honeyframe.Client {self.uri} {self._state()}>"

    def _state(self) -> str:
        try:
            info = self._session.info()
        except HoneyframeError as error:
            return error.message
        connected = f" as {info['client_id']}, MQTT {info['protocol']}" if info["state"] == "connected" else ""
        outage = self._log.connection.outage() if info["state"] == "reconnecting" else None
        parts = [info["state"] + connected + (f", {outage}" if outage else "")]
        if self._insecure:
            parts.append("INSECURE: certificate not checked")
        streams = len(self._streams)
        parts.append(f"{streams} stream{'' if streams == 1 else 's'}")
        return ", ".join(parts)

    def _repr_html_(self) -> str:
        from .display import card

        info = self.info()
        info.pop("last_error", None)
        return card(f"Client {self.uri}", [*info.items(), ("certificate", "not checked" if self._insecure else "")])

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "a Client holds a connection and cannot be pickled: call hf.connect() where it is needed, with credentials from the environment"
        )


def longest_block(keepalive: float) -> float:
    """For a queue that keeps the broker waiting: a broker gives up after one and a half keepalives (seconds) without a ping."""
    return min(5.0, keepalive / 4) if keepalive > 0 else 5.0


def hang_up(session: _core.Session, log: SessionLog, timeout: float = 0.5) -> None:
    """Nobody holds the client any more: says goodbye without making anyone wait long."""
    if _core.in_forked_child():
        return
    try:
        session.close(timeout=timeout)
    except HoneyframeError:
        pass  # it goes on closing by itself
    log.stop(wait=0.0)
