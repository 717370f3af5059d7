"""From a client and topic filters to a Stream: queue, reader, subscription."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from . import _core
from .core_call import core_call
from .decode import RAW_METADATA, Decoder
from .errors import InvalidArgumentError
from .keywords import Retained, check_keywords, check_retained
from .lifetime import watch_reader
from .options import extract_options
from .stream import Stream, Subscription
from .templates import read_topics

if TYPE_CHECKING:
    from .client import Client
    from .decode import Decode

#: MQTT 5, 3.8.3.1: retained messages are sent at the time of the subscribe, or not.
_SEND_RETAINED = 0
_NO_RETAINED = 2
#: The core's own bounds of a queue.
_MAX_MESSAGES = 1_000_000
_MAX_BYTES = 67_108_864
_PROPERTIES = frozenset({"user_properties", "content_type", "response_topic"})


def open_stream(
    client: Client,
    topics: Sequence[str],
    *,
    qos: int,
    topic_template: str | None,
    retained: Retained,
    no_local: bool,
    decode: Decode | None,
    queue: dict[str, Any],
    extraction: dict[str, Any],
    timeout: float,
) -> Stream:
    """See :meth:`Client.stream`. Everything is checked before SUBSCRIBE leaves."""
    if qos not in (0, 1, 2):
        raise InvalidArgumentError(f"qos is 0, 1 or 2; found {qos!r}")
    check_retained(retained)
    wanted = read_topics(topics, topic_template=topic_template)
    reader, entrance, decoder = make_reader(queue, {**extraction, "topic_template": wanted.template}, decode)
    subscription_id, granted = client._session.subscribe(
        list(wanted.filters),
        entrance,
        qos=qos,
        retain_handling=_NO_RETAINED if retained == "skip" else _SEND_RETAINED,
        no_local=no_local,
        timeout=timeout,
    )
    if decoder:
        decoder.start()
    stream = Stream(
        reader,
        subscription=Subscription(client, client._session, subscription_id, wanted.filters, tuple(granted)),
        retained=retained,
        decoder=decoder,
        logger=client._log.logger,
    )
    client._streams.add(stream)
    return stream


def make_reader(
    queue: dict[str, Any], extraction: dict[str, Any], decode: Decode | None = None
) -> tuple[_core.StreamReader, _core.Queue, Decoder | None]:
    """The reader of a stream, the queue into which its messages go, and what decodes them in between."""
    check_keywords("stream", extraction, extract_options.__kwdefaults__ or ())
    options = extract_options(**extraction)
    keep = _PROPERTIES & set(extraction.get("metadata") or ())
    entrance = core_call(_core.Queue, **queue, keep_properties=bool(keep))
    if decode is None:
        return _core.StreamReader(entrance, options), entrance, None
    # Its policy is for windows: what they have taken and nobody reads. Messages find room before they are pushed.
    feed = core_call(_core.Queue, **{**queue, "overflow": "drop_oldest"}, keep_properties=bool(keep))
    raw = _core.StreamReader(entrance, _core.ExtractOptions(payload="raw", metadata=[*RAW_METADATA, *sorted(keep)]))
    watch_reader(raw)
    decoder = Decoder(
        raw,
        feed,
        decode,
        feed_messages=queue.get("max_messages", _MAX_MESSAGES),
        feed_bytes=queue.get("max_bytes", _MAX_BYTES),
    )
    return _core.StreamReader(feed, options), entrance, decoder
