"""Client: one connection to a broker, from which messages are published and streams opened."""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, NoReturn, Self, Unpack

from . import _core
from .credentials import Credentials, Secret, find_credentials, warn_about_transport
from .durations import Duration
from .durations import seconds as to_seconds
from .errors import ConnectionLostError, HoneyframeError, InvalidArgumentError
from .events import SessionLog, error_from_event
from .keywords import Overflow, Properties, Protocol, Retained
from .lifetime import forbid_forked, watch_log
from .payload import Payload, encode_payload
from .uri import Address, fallback_ca_file, read_address

if TYPE_CHECKING:
    from .decode import Decode
    from .keywords import ConnectOptions
    from .schema import SchemaLike
    from .stream import Stream


_CLOSE_SECONDS: Final = 2.0


@dataclass(frozen=True)
class LastWill:
    """What the broker publishes in our name when the connection breaks.

    There is never one by default: a credential that may only subscribe could not connect with it.

    >>> LastWill("plant/1/state", "offline", qos=1, retain=True)
    LastWill(topic='plant/1/state', payload='offline', qos=1, retain=True)
    """

    topic: str
    payload: Payload = b""
    qos: int = 0
    retain: bool = False


class Client:
    """A connection to an MQTT broker, kept alive by reconnecting. Made by :func:`connect`.

    All methods may be called from any thread. Use it as a context manager, close it, or drop the last reference: each ends the connection.
    """

    def __init__(self, session: _core.Session, address: Address, *, insecure: bool = False) -> None:
        self._session = session
        self._address = address
        self._insecure = insecure
        self._closing = False
        self._streams: weakref.WeakSet[Stream] = weakref.WeakSet()
        self._log = SessionLog(session, session.info()["client_id"] or address.host)
        watch_log(self._log)
        self._finalizer = weakref.finalize(self, _hang_up, session, self._log)
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
        forbid_forked()
        self._session.publish(
            topic,
            encode_payload(payload),
            qos=qos,
            retain=retain,
            user_properties=_pairs(user_properties),
            content_type=content_type,
            response_topic=response_topic,
            correlation_data=correlation_data,
            message_expiry=None if message_expiry is None else round(min(to_seconds(message_expiry, "message_expiry"), 0xFFFFFFFF)),
            timeout=to_seconds(timeout, "timeout"),
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
            no_local: not what this client itself publishes (MQTT 5).
            decode: ``bytes -> bytes | str | dict | list | None`` for payloads that are not JSON (gzip, CBOR, Sparkplug). Slow: a Python
                call a message. None leaves the message out; an exception puts it into quarantine as ``decode_failed``.
            overflow: what goes when the queue is full: "drop_oldest", "drop_newest", or "block" up to ``block_timeout`` and then drop
                the newest.
            max_queue_messages, max_queue_bytes: the queue's bounds.
            max_payload_bytes: larger messages are rejected, and counted.
            max_topics: distinct topics before the dictionary of topics is started anew.
            timeout: how long to wait for the broker's answer.
            extraction: as :func:`honeyframe.extract`: ``on_conflict``, ``payload``, ``explode``, ``sep``, ``tz``, ``max_columns``,
                ``na_values``, ``metadata``, …

        Raises:
            SubscribeDenied: the broker refused a filter; the message says which.
            InvalidTopicFilterError, InvalidTopicTemplateError, InvalidArgumentError: before anything is sent.
            ConnectError, OperationTimeoutError, ClosedError.
        """
        forbid_forked()
        from .source import open_stream

        return open_stream(
            self,
            topics,
            qos=qos,
            topic_template=topic_template,
            retained=retained,
            no_local=no_local,
            decode=decode,
            queue={
                "overflow": overflow,
                "max_messages": max_queue_messages,
                "max_bytes": max_queue_bytes,
                "max_payload_bytes": max_payload_bytes,
                "max_topics": max_topics,
                "block_timeout": to_seconds(block_timeout, "block_timeout"),
            },
            extraction={"schema": schema, "columns": columns, "event_time": event_time, **extraction},
            timeout=to_seconds(timeout, "timeout"),
        )

    # --- accounts

    def info(self) -> dict[str, Any]:
        """What is known of the session: state, protocol, client id, what the broker announced in CONNACK, and the counters of messages.

        For each session ``arrived = routed + unmatched``. ``gaps`` counts reconnects after which the broker had kept no session.
        """
        forbid_forked()
        return {**self._session.info(), "gaps": self._log.gaps, "streams": len(self._streams)}

    def stats(self) -> dict[str, int]:
        """The counters of messages: ``arrived = routed + unmatched``, ``published``, ``connects``, ``gaps``."""
        info = self.info()
        return {name: info[name] for name in ("arrived", "routed", "unmatched", "arrived_bytes", "published", "connects", "gaps")}

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
        forbid_forked()
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

    def _raise_if_broken(self) -> None:
        if self._closing:
            return
        info = self._session.info()
        if info["state"] != "closed":
            return
        self._log.drain()
        last = error_from_event(info.get("last_error") or {})
        raise self._log.fatal or last or ConnectionLostError(f"the session with {self.uri} has ended")

    # --- the face

    def __repr__(self) -> str:
        return f"<honeyframe.Client {self.uri} {self._state()}>"

    def _state(self) -> str:
        try:
            info = self._session.info()
        except HoneyframeError as error:
            return error.message
        parts = [info["state"]]
        if info["state"] == "connected":
            parts.append(f"as {info['client_id']}, MQTT {info['protocol']}")
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


def connect(
    uri: str | None = None,
    *,
    username: str | None = None,
    password: str | None = None,
    password_file: str | os.PathLike[str] | None = None,
    protocol: Protocol = "auto",
    client_id: str = "",
    clean_start: bool = True,
    session_expiry: Duration = 0,
    keepalive: Duration = 30,
    connect_timeout: Duration = 10,
    last_will: LastWill | Mapping[str, Any] | None = None,
    receive_maximum: int = 65_535,
    maximum_packet_size: int = 16_777_216,
    user_properties: Properties = (),
    http_proxy: str | None = None,
    ca_file: str | os.PathLike[str] | None = None,
    ca_directory: str | os.PathLike[str] | None = None,
    client_certificate: str | os.PathLike[str] | None = None,
    client_key: str | os.PathLike[str] | None = None,
    client_key_password: str | None = None,
    insecure: bool = False,
    reconnect: bool = True,
    reconnect_min_delay: Duration = 0.5,
    reconnect_max_delay: Duration = 30,
    refused_retry_delay: Duration = 60,
) -> Client:
    """Connects to a broker at once, or raises.

    Args:
        uri: ``mqtts://host`` (aliases ``ssl``, ``tls``), ``mqtt://`` (``tcp``), ``wss://``, ``ws://``; the port follows from the scheme.
            Default: the environment's ``MQTT_SERVER``. A password in it works.
        username, password: else from the URI, ``MQTT_USERNAME``/``MQTT_PASSWORD``, a file, the keyring (service "honeyframe", key
            "user@host"), or a hidden prompt, when a user name is known or the host is on HiveMQ Cloud, and somebody is there to answer.
            Else anonymous.
        password_file: a file whose first line is the password (mode 0600). Default: the environment's ``MQTT_PASSWORD_FILE``.
        protocol: "auto" is MQTT 5, and once more with 3.1.1 when the broker does not speak it. Or "3.1", "3.1.1", "5.0".
        client_id: default: "honeyframe-" and a random number.
        clean_start, session_expiry: whether the broker forgets us at once, or keeps the session, and what it queues, for so long.
        keepalive, connect_timeout: durations.
        last_will: :class:`LastWill`, or a mapping with its fields. Never a default one.
        receive_maximum, maximum_packet_size, user_properties: MQTT 5 CONNECT properties; bytes for the size.
        http_proxy: ``http://user:password@host:port``. Never taken from the environment.
        ca_file, ca_directory: trusted authorities (PEM). Default: ``SSL_CERT_FILE``/``SSL_CERT_DIR``, the system's store, certifi.
        client_certificate, client_key, client_key_password: PEM files of a client certificate.
        insecure: no verification of certificate and host name; warns.
        reconnect: keep the connection alive, resubscribing, with a growing delay from ``reconnect_min_delay`` to
            ``reconnect_max_delay``; after a refusal every ``refused_retry_delay``, visibly.

    Durations are seconds, or strings as pandas reads them (``"10min"``).

    Returns:
        Client: connected. ``with``, ``async with``, :meth:`Client.close` or dropping it end the connection.

    Raises:
        InvalidURIError, InvalidArgumentError: before a socket exists.
        DNSError, ConnectRefusedError, ConnectTimeoutError, TLSError, ProxyError, WebSocketError: the broker was not reached.
        BadCredentialsError, NotAuthorizedError, QuotaExceededError, …: it said no. A refusal is final. All are ConnectError.

    Example::

        client = hf.connect("mqtts://xyz.s1.eu.hivemq.cloud")
    """
    options: dict[str, Any] = {
        "username": username,
        "password_file": password_file,
        "protocol": protocol,
        "client_id": client_id,
        "clean_start": clean_start,
        "session_expiry": session_expiry,
        "keepalive": keepalive,
        "connect_timeout": connect_timeout,
        "last_will": last_will,
        "receive_maximum": receive_maximum,
        "maximum_packet_size": maximum_packet_size,
        "user_properties": user_properties,
        "ca_file": ca_file,
        "ca_directory": ca_directory,
        "client_certificate": client_certificate,
        "client_key": client_key,
        "insecure": insecure,
        "reconnect": reconnect,
        "reconnect_min_delay": reconnect_min_delay,
        "reconnect_max_delay": reconnect_max_delay,
        "refused_retry_delay": refused_retry_delay,
    }
    hidden = {"uri": uri, "password": password, "client_key_password": client_key_password, "http_proxy": http_proxy}
    secrets = hide_secrets(hidden)
    uri = password = client_key_password = http_proxy = None
    return connect_hidden(secrets, options)


async def connect_async(uri: str | None = None, **options: Unpack[ConnectOptions]) -> Client:
    """As :func:`connect`, with the same options, without stopping the event loop meanwhile. Cancelling gives the attempt up.

    Example::

        async with await hf.connect_async("mqtts://xyz.s1.eu.hivemq.cloud") as client:
            async for batch in client.stream("plant/#").batches():
                ...
    """
    from .waiter import in_thread

    plain: dict[str, Any] = {"uri": uri, **options}
    secrets = hide_secrets(plain)
    uri = None
    options.clear()  # type: ignore[attr-defined]  # it is a plain dict, and its password shall not stay in this frame
    client = _new_client(secrets, plain)
    try:
        await in_thread(lambda: _open(client))
    except BaseException:
        _give_up(client)
        raise
    return client


def connect_hidden(secrets: dict[str, Secret | None], options: dict[str, Any]) -> Client:
    """As :func:`connect`, for those who hold the secrets wrapped already."""
    client = _new_client(secrets, options)
    _open(client)
    return client


def hide_secrets(options: dict[str, Any]) -> dict[str, Secret | None]:
    """Takes the secrets out of ``options``, wrapped: from here on no traceback's local variables show them."""
    secrets: dict[str, Secret | None] = {}
    for name in ("uri", "password", "client_key_password", "http_proxy"):
        text = options.pop(name, None)
        if not (text is None or isinstance(text, (str, Secret))):
            raise InvalidArgumentError(f"{name} must be a str; found {type(text).__name__}")
        secrets[name] = Secret(text) if isinstance(text, str) else text
    return secrets


def _new_client(secrets: dict[str, Secret | None], options: dict[str, Any]) -> Client:
    """A client with its session, not connected yet. Asks for credentials where it must."""
    address = read_address(secrets["uri"])
    insecure = bool(options.get("insecure", False))
    core = {name: _for_core(name, value) for name, value in options.items()}
    found = find_credentials(
        address, username=core.pop("username", None), password=secrets["password"], password_file=core.pop("password_file", None)
    )
    warn_about_transport(address, has_password=found.password is not None or address.has_password, insecure=insecure)
    session = _core.Session(_core_options(address, found, secrets, core))
    return Client(session, address, insecure=insecure and address.uses_tls)


_DURATIONS: Final = frozenset(
    {"session_expiry", "keepalive", "connect_timeout", "reconnect_min_delay", "reconnect_max_delay", "refused_retry_delay"}
)
_PATHS: Final = frozenset({"ca_file", "ca_directory", "client_certificate", "client_key"})


def _for_core(name: str, value: Any) -> Any:
    """One option as ``_core.ConnectOptions`` takes it."""
    if name in _DURATIONS:
        return to_seconds(value, name)
    if name in _PATHS:
        return "" if value is None else str(Path(value).expanduser())
    if name == "last_will":
        return _will(value)
    return _pairs(value) if name == "user_properties" else value


def _core_options(address: Address, found: Credentials, secrets: dict[str, Secret | None], core: dict[str, Any]) -> _core.ConnectOptions:
    password, key_password, proxy = found.password, secrets["client_key_password"], secrets["http_proxy"]
    return _core.ConnectOptions(
        address.full.reveal(),
        username=found.username,
        password=None if password is None else password.reveal(),
        client_key_password=None if key_password is None else key_password.reveal(),
        http_proxy="" if proxy is None else proxy.reveal(),
        fallback_ca_file=fallback_ca_file(),
        **core,
    )


def _open(client: Client) -> None:
    client._log.start()
    try:
        client._session.connect()
    except BaseException:  # Ctrl-C among them
        _give_up(client)
        raise


def _give_up(client: Client) -> None:
    client._closing = True
    _hang_up(client._session, client._log, timeout=0.0)


def _hang_up(session: _core.Session, log: SessionLog, timeout: float = 0.5) -> None:
    """Nobody holds the client any more: says goodbye without making anyone wait long."""
    if _core.in_forked_child():
        return
    try:
        session.close(timeout=timeout)
    except HoneyframeError:
        pass  # it goes on closing by itself
    log.stop(wait=0.0)


def _will(will: LastWill | Mapping[str, Any] | None) -> tuple[str, bytes, int, bool] | None:
    if will is None:
        return None
    if isinstance(will, Mapping):
        unknown = [str(name) for name in will if name not in LastWill.__dataclass_fields__]
        if unknown or "topic" not in will:
            wrong = f"has no {', '.join(unknown)}" if unknown else "needs a topic"
            raise InvalidArgumentError(f"last_will {wrong}: it takes topic, payload, qos, retain")
        will = LastWill(**will)
    if not isinstance(will, LastWill):
        raise InvalidArgumentError(f"last_will is an hf.LastWill or a mapping; found {type(will).__name__}")
    return will.topic, encode_payload(will.payload), will.qos, will.retain


def _pairs(properties: Properties) -> list[tuple[str, str]]:
    """User properties as pairs: a name may come more than once."""
    pairs = list(properties.items()) if isinstance(properties, Mapping) else list(properties)
    for pair in pairs:
        if not (isinstance(pair, (tuple, list)) and len(pair) == 2 and all(isinstance(text, str) for text in pair)):
            raise InvalidArgumentError("user_properties is a mapping or a list of pairs of str", hint='For instance {"site": "Graz"}.')
    return [(name, value) for name, value in pairs]
