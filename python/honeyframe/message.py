"""One message: what :meth:`Client.wait_for` and :meth:`Client.request` return, and how they get it."""

from __future__ import annotations

import datetime
import json
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from . import _core
from .arguments import check_count, count_of
from .core_call import core_call
from .durations import Duration
from .durations import seconds as to_seconds
from .errors import ClosedError, HoneyframeError, InvalidArgumentError, OperationTimeoutError
from .events import printable
from .keywords import Properties, Retained, check_retained
from .lifetime import is_ending, watch_reader
from .topics_seen import unshared_filters

if TYPE_CHECKING:
    from .client import Client
    from .payload import Payload

_SEND_RETAINED: Final = 0
_NO_RETAINED: Final = 2
_UNSUBSCRIBE_SECONDS: Final = 2.0
_STEP_SECONDS: Final = 0.5
_SHOWN_BYTES: Final = 80
_RESPONSE_LEVELS: Final = "honeyframe/response"


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it came.

    Attributes:
        topic: its topic.
        payload: its bytes.
        qos, retain, dup: as the broker sent it.
        recv_time_ns: when it was received, nanoseconds since 1970 in UTC; :attr:`recv_time` is the same as a ``datetime``.
        user_properties, content_type, response_topic, correlation_data: of MQTT 5; empty where there is none.

    >>> Message("plant/1", b'{"temp": 21.5}').json()
    {'temp': 21.5}
    """

    topic: str
    payload: bytes = b""
    recv_time_ns: int = 0
    qos: int = 0
    retain: bool = False
    dup: bool = False
    user_properties: tuple[tuple[str, str], ...] = ()
    content_type: str = ""
    response_topic: str = ""
    correlation_data: bytes = b""

    @property
    def text(self) -> str:
        """The payload as text; each byte that is no UTF-8 as ``\\xNN``."""
        return self.payload.decode("utf-8", "backslashreplace")

    @property
    def recv_time(self) -> datetime.datetime:
        """When it was received, in UTC, to the microsecond."""
        return datetime.datetime.fromtimestamp(self.recv_time_ns // 1_000 / 1_000_000, datetime.UTC)

    def json(self) -> Any:
        """The payload, read as JSON. Raises ValueError for what is none."""
        return json.loads(self.payload)

    def __repr__(self) -> str:
        rest = len(self.payload) - _SHOWN_BYTES
        shown = repr(self.payload[:_SHOWN_BYTES]) + (f"... ({rest:,} bytes more)" if rest > 0 else "")
        flags = "".join(f", {name}" for name in ("retain", "dup") if getattr(self, name))
        return f"<Message {self.topic!r}: {shown}, QoS {self.qos}{flags}>"


class Mailbox:
    """A subscription whose messages are taken one by one. ``timeout`` is for all that it asks of the broker."""

    def __init__(self, client: Client, filters: Sequence[str], *, qos: int, retained: Retained, timeout: float) -> None:
        self._client = client
        self._retained = retained
        self._until = time.monotonic() + timeout
        self._queue = core_call(_core.Queue, keep_properties=True)
        self._cursor = _core.MessageCursor(self._queue)
        watch_reader(self._cursor)
        handling = _NO_RETAINED if retained == "skip" else _SEND_RETAINED
        try:
            self._id, _ = client._subscribe(filters, self._queue, qos=qos, retain_handling=handling, timeout=timeout)
        except BaseException:
            self._cursor.close()
            raise

    def next(self, deadline: float) -> Message | None:
        """The next message; None where none comes by then."""
        while (left := deadline - time.monotonic()) > 0:
            try:
                found = self._cursor.next(min(left, _STEP_SECONDS))
            except StopIteration:
                if is_ending():
                    raise ClosedError("the interpreter is ending") from None
                self._client._raise_if_broken()
                raise ClosedError("the client was closed while a message was awaited") from None
            if found is None:
                continue
            topic, payload, recv_time_ns, qos, retain, dup, pairs, content_type, response_topic, correlation_data = found
            if (retain and self._retained == "skip") or (not retain and self._retained == "only"):
                continue
            return Message(topic, payload, recv_time_ns, qos, retain, dup, tuple(pairs), content_type, response_topic, correlation_data)
        return None

    def tell_dropped(self) -> str:
        """For the end of a sentence: what came faster than it was looked at."""
        dropped = self._queue.counters()["dropped"]
        return f"; {dropped:,} more came too fast to be looked at, and were dropped" if dropped else ""

    def close(self, patience: float) -> None:
        self._cursor.close()
        if self._client.closed:
            return
        try:
            self._client._session.unsubscribe(self._id, timeout=patience)
        except HoneyframeError as error:
            self._client._log.logger.debug("no UNSUBACK: %s", error.message)

    def __enter__(self) -> Mailbox:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        left = self._until - time.monotonic()
        self.close(max(0.0, min(_UNSUBSCRIBE_SECONDS, left)) if kind is None else 0.0)


def wait_for(
    client: Client,
    topics: str | Sequence[str],
    *,
    timeout: Duration,
    where: Callable[[Message], object] | None,
    retained: Retained,
    qos: int,
) -> Message:
    """See :meth:`Client.wait_for`."""
    filters = unshared_filters(topics)
    patience = to_seconds(timeout, "timeout")
    check_retained(retained)
    check_count("qos", qos, 0, 2)
    if where is not None and not callable(where):
        raise TypeError(f"where must be a function of a message, or None, not {type(where).__name__}")
    deadline = time.monotonic() + patience
    others = 0
    with Mailbox(client, filters, qos=qos, retained=retained, timeout=patience) as box:
        while (message := box.next(deadline)) is not None:
            if where is None or where(message):
                return message
            others += 1
    came = f"; {count_of(others, 'message')} came for which where= was not true{box.tell_dropped()}" if others else ""
    raise OperationTimeoutError(
        f"no message on {', '.join(map(repr, map(printable, filters)))} within {patience:g} s{came}",
        hint="Is somebody publishing there? client.topics() shows what there is; timeout= waits longer.",
    )


def request(
    client: Client,
    topic: str,
    payload: Payload,
    *,
    timeout: Duration,
    response_topic: str | None,
    qos: int,
    user_properties: Properties,
    content_type: str,
) -> Message:
    """See :meth:`Client.request`."""
    patience = to_seconds(timeout, "timeout")
    check_count("qos", qos, 0, 2)
    names = {"topic": topic} | ({} if response_topic is None else {"response_topic": response_topic})
    for name, text in names.items():
        if not isinstance(text, str):
            raise TypeError(f"{name} must be a str, not {type(text).__name__}")
        _core.validate_topic_name(text)
    info = client._session.info()
    if info["state"] == "connected" and info["protocol"] != "5.0":
        raise InvalidArgumentError(
            f"a request needs MQTT 5, which has response topics; this connection speaks MQTT {info['protocol']}",
            hint='Connect with protocol="5.0", or publish() and wait_for() a topic that both sides know.',
        )
    own = response_topic is None
    answers = f"{_RESPONSE_LEVELS}/{_one_level(info['client_id'])}/{secrets.token_hex(8)}" if response_topic is None else response_topic
    correlation = secrets.token_bytes(16)
    deadline = time.monotonic() + patience
    others = 0
    with Mailbox(client, (answers,), qos=qos, retained="skip", timeout=patience) as box:
        client.publish(
            topic,
            payload,
            qos=qos,
            response_topic=answers,
            correlation_data=correlation,
            user_properties=user_properties,
            content_type=content_type,
            timeout=max(0.0, deadline - time.monotonic()),
        )
        while (message := box.next(deadline)) is not None:
            if message.correlation_data == correlation or (own and not message.correlation_data):
                return message
            others += 1
    came = f"; {count_of(others, 'message')} with other correlation data came" if others else ""
    raise OperationTimeoutError(
        f"no answer from {printable(topic)!r} within {patience:g} s{came}",
        hint="Does somebody listen there, and publish to the message's response topic, with its correlation data?",
    )


def _one_level(client_id: str) -> str:
    """As a level of a topic name: a client id may hold anything."""
    return "".join(c if c.isprintable() and c not in "/+#" else "_" for c in client_id) or "_"
