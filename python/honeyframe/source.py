"""From a client and topic filters to a Stream: queue, reader, subscription."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from . import _core
from .arguments import check_count
from .core_call import core_call
from .decode import RAW_METADATA, Decoder
from .durations import Duration
from .durations import seconds as to_seconds
from .errors import InvalidArgumentError
from .keywords import OnBreach, Overflow, Path, Retained, check_keywords, check_retained
from .lifetime import watch_reader
from .options import extract_options
from .spool import SPOOL_MAX_BYTES, Delivery, SpoolFrom, Sync, check_delivery, spooled_metadata, tell_earlier
from .stream import Stream
from .subscription import AtEnd, Subscription, warn_of_copies
from .templates import read_topics

if TYPE_CHECKING:
    from .catalog import Catalog
    from .client import Client
    from .contract import Contract
    from .decode import Decode

#: MQTT 5, 3.8.3.1: retained messages are sent at the time of the subscribe, or not.
_SEND_RETAINED = 0
_NO_RETAINED = 2
#: The core's own bounds of a queue.
_MAX_MESSAGES = 1_000_000
_MAX_BYTES = 67_108_864
_LEAST_BYTES: Final = 65_536
_MOST_PAYLOAD_BYTES: Final = 268_435_455  # of an MQTT packet
_PROPERTIES = frozenset({"user_properties", "content_type", "response_topic"})


@dataclass(frozen=True)
class StreamPlan:
    """What a stream is to be, checked as far as it can be without a broker; for one call of :func:`open_stream`."""

    filters: tuple[str, ...]
    reader: _core.StreamReader
    entrance: _core.Queue
    decoder: Decoder | None
    spool: _core.SpoolQueue | None
    qos: int
    retained: Retained
    no_local: bool
    timeout: float
    contract: Contract | None = None


def plan_stream(
    topics: Sequence[str],
    *,
    qos: int,
    topic_template: str | None,
    retained: Retained,
    no_local: bool,
    decode: Decode | None,
    overflow: Overflow,
    max_queue_messages: int,
    max_queue_bytes: int,
    max_payload_bytes: int,
    max_topics: int,
    block_timeout: Duration,
    timeout: Duration,
    delivery: Delivery = "received",
    spool: Path | None = None,
    spool_from: SpoolFrom | None = None,
    spool_max_bytes: int = SPOOL_MAX_BYTES,
    sync: Sync = "process",
    sync_interval: Duration = 0.1,
    contract: Catalog | Path | None = None,
    on_breach: OnBreach = "warn",
    **extraction: Any,
) -> StreamPlan:
    """The options of :meth:`Client.stream`, all of them, as a plan. Raises what is wrong with them; needs no connection."""
    if isinstance(qos, bool) or not isinstance(qos, int) or qos not in (0, 1, 2):
        raise InvalidArgumentError(f"qos is 0, 1 or 2; found {qos!r}")
    if not isinstance(no_local, bool):
        raise TypeError(f"no_local must be a bool, not {type(no_local).__name__}")
    check_retained(retained)
    wanted = read_topics(topics, topic_template=topic_template)
    queue = {
        "overflow": overflow,
        "max_messages": check_count("max_queue_messages", max_queue_messages, 1),
        "max_bytes": check_count("max_queue_bytes", max_queue_bytes, _LEAST_BYTES),
        "max_payload_bytes": check_count("max_payload_bytes", max_payload_bytes, 1, _MOST_PAYLOAD_BYTES),
        "max_topics": check_count("max_topics", max_topics, 1),
        "block_timeout": to_seconds(block_timeout, "block_timeout"),
    }
    patience = to_seconds(timeout, "timeout")
    durable = check_delivery(
        delivery, spool, spool_from=spool_from, spool_max_bytes=spool_max_bytes, sync=sync, sync_interval=sync_interval
    )
    if durable is not None:
        extraction = spooled_metadata(extraction, decode)
    agreed = None
    if contract is not None or on_breach != "warn":
        from .contract import make_contract

        agreed = make_contract(contract, on_breach, extraction, wanted.names)
    reader, entrance, decoder = make_reader(queue, {**extraction, "topic_template": wanted.template}, decode, durable)
    spooled = entrance if isinstance(entrance, _core.SpoolQueue) else None
    return StreamPlan(wanted.filters, reader, entrance, decoder, spooled, qos, retained, no_local, patience, agreed)


def plan_with_defaults(topics: Sequence[str], options: dict[str, Any]) -> StreamPlan:
    """As :func:`plan_stream`, for those who pass on what was given to them, before they connect."""
    from .client import Client

    return plan_stream(topics, **{**(Client.stream.__kwdefaults__ or {}), **options})


def open_stream(client: Client, plan: StreamPlan, *, lasting: bool = False) -> Stream:
    """Subscribes; see :meth:`Client.stream`. ``lasting``: where the broker keeps the session, the subscription outlives the stream."""
    try:
        subscription_id, granted = client._subscribe(
            plan.filters,
            plan.entrance,
            qos=plan.qos,
            retain_handling=_NO_RETAINED if plan.retained == "skip" else _SEND_RETAINED,
            no_local=plan.no_local,
            timeout=plan.timeout,
        )
    except BaseException:
        plan.entrance.close()  # a spool is another's to write, from now on
        raise
    if plan.decoder:
        plan.decoder.start()
    at_end: AtEnd = "unsubscribe"
    if lasting and client._is_kept():
        at_end = "detach" if plan.spool is None else "stay"
    kind, more = (Stream, {}) if plan.contract is None else _with_contract(plan.contract)
    stream = kind(
        plan.reader,
        subscription=Subscription(client, client._session, subscription_id, plan.filters, tuple(granted), at_end),
        retained=plan.retained,
        decoder=plan.decoder,
        logger=client._log.logger,
        spool=plan.spool,
        **more,
    )
    if plan.spool is not None:
        tell_earlier(plan.spool, client._log.logger)
    if not lasting:
        warn_of_copies(client, plan.filters)
    client._streams.add(stream)
    return stream


def _with_contract(contract: Contract) -> tuple[type[Stream], dict[str, Any]]:
    from .contract import ContractStream

    return ContractStream, {"contract": contract}


def make_reader(
    queue: dict[str, Any], extraction: dict[str, Any], decode: Decode | None = None, spool: dict[str, Any] | None = None
) -> tuple[_core.StreamReader, _core.Queue, Decoder | None]:
    """The reader of a stream, the queue into which its messages go, and what decodes them in between."""
    check_keywords("stream", extraction, extract_options.__kwdefaults__ or ())
    options = extract_options(**extraction)
    keep = _PROPERTIES & set(extraction.get("metadata") or ())
    entrance: _core.Queue
    if spool is None:
        entrance = core_call(_core.Queue, **queue, keep_properties=bool(keep))
    else:
        entrance = core_call(_core.SpoolQueue, **queue, **spool)
    return read_from(entrance, queue, options, keep, decode)


def read_from(
    entrance: _core.Queue, queue: dict[str, Any], options: _core.ExtractOptions, keep: Set[str], decode: Decode | None
) -> tuple[_core.StreamReader, _core.Queue, Decoder | None]:
    """As :func:`make_reader`, of a queue that is there."""
    if decode is None:
        return _core.StreamReader(entrance, options), entrance, None
    # Its policy is for windows: what they have taken and nobody reads. Messages find room before they are pushed.
    latest = queue.get("overflow") == "latest"
    feed = core_call(_core.Queue, **{**queue, "overflow": "latest" if latest else "drop_oldest"}, keep_properties=bool(keep))
    raw = _core.StreamReader(entrance, _core.ExtractOptions(payload="raw", metadata=[*RAW_METADATA, *sorted(keep)]))
    watch_reader(raw)
    decoder = Decoder(
        raw,
        feed,
        decode,
        feed_messages=queue.get("max_messages", _MAX_MESSAGES),
        feed_bytes=queue.get("max_bytes", _MAX_BYTES),
        feed_waits=not latest,
    )
    return _core.StreamReader(feed, options), entrance, decoder
