"""connect: from an address and options to a Client that is connected."""

from __future__ import annotations

import os
from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Any, Final, Unpack

from . import _core
from .arguments import check_count, check_path
from .client import Client, hang_up
from .connection_watch import not_sent
from .core_call import core_call
from .credentials import Credentials, Secret, find_credentials, warn_about_transport
from .durations import Duration
from .durations import seconds as to_seconds
from .errors import HoneyframeError, HoneyframeWarning, InvalidArgumentError
from .events import warn
from .keywords import REMEMBERED, ConnectOptions, Properties, Protocol, check_keywords
from .lifetime import check_process
from .payload import Payload, encode_payload, property_pairs
from .traffic_meter import meter
from .uri import Address, fallback_ca_file, read_address

#: None: as the profile has them, else the core's own default.
_LEFT_OPEN: Final = frozenset({"protocol", "client_id", "keepalive", "insecure"})
_SECRETS: Final = ("uri", "password", "client_key_password", "http_proxy")


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


def connect(
    uri: str | None = None,
    *,
    profile: str | None = None,
    username: str | None = None,
    password: str | None = None,
    password_file: str | os.PathLike[str] | None = None,
    protocol: Protocol | None = None,
    client_id: str | None = None,
    clean_start: bool = True,
    session_expiry: Duration = 0,
    keepalive: Duration | None = None,
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
    insecure: bool | None = None,
    reconnect: bool = True,
    reconnect_min_delay: Duration = 0.5,
    reconnect_max_delay: Duration = 30,
    refused_retry_delay: Duration = 60,
) -> Client:
    """Connects to a broker at once, or raises.

    Args:
        uri: ``mqtts://host`` (aliases ``ssl``, ``tls``), ``mqtt://`` (``tcp``), ``wss://``, ``ws://``; the port follows from the scheme.
            Default: the environment's ``MQTT_SERVER``. A password in it works.
        profile: instead of ``uri``: the name of a profile that ``honeyframe profile add`` has made. What is passed beside it and is not
            None goes before what it says: ``insecure=False`` verifies, whatever is in there.
        username, password: else from the URI, ``MQTT_USERNAME``/``MQTT_PASSWORD``, the keyring (service "honeyframe", key
            "user@host"), or a hidden prompt, when a user name is known or the host is on HiveMQ Cloud, and somebody is there to answer.
            Else anonymous.
        password_file: instead of ``password``: a file whose first line it is (mode 0600). Default, behind ``MQTT_PASSWORD``: the
            environment's ``MQTT_PASSWORD_FILE``.
        protocol: default: "auto", which is MQTT 5, and once more with 3.1.1 when the broker does not speak it: says so, hangs up, or is
            silent for half of ``connect_timeout``. Or "3.1", "3.1.1", "5.0".
        client_id: default: "honeyframe-" and a random number.
        clean_start, session_expiry: whether the broker forgets us at once, or keeps the session, and what it queues, for so long.
        keepalive: a duration; default: 30 s.
        connect_timeout: for each attempt, of which "auto" may need two.
        last_will: :class:`LastWill`, or a mapping with its fields. Never a default one.
        receive_maximum, user_properties: MQTT 5 CONNECT properties.
        maximum_packet_size: in bytes, what is taken at most. MQTT 5 tells the broker; a larger packet ends the connection, and is counted.
        http_proxy: ``http://user:password@host:port``. Never taken from the environment.
        ca_file, ca_directory: trusted authorities (PEM). Default: ``SSL_CERT_FILE``/``SSL_CERT_DIR``, the system's store, certifi.
        client_certificate, client_key, client_key_password: PEM files of a client certificate.
        insecure: no verification of certificate and host name; warns. Default: False.
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
        "profile": profile,
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
    secrets = hide_secrets(hidden, ())
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
    secrets = hide_secrets(plain, ConnectOptions.__annotations__)
    uri = None
    options.clear()  # type: ignore[attr-defined]  # it is a plain dict, and its password shall not stay in this frame
    check_keywords("connect_async", plain, ConnectOptions.__annotations__)
    client = _new_client(secrets, plain)
    try:
        await in_thread(lambda: _open(client))
    except BaseException:
        _give_up(client)
        raise
    return client


def connect_hidden(secrets: dict[str, Secret | None], options: dict[str, Any]) -> Client:
    """As :func:`connect`, for those who hold the secrets wrapped already: any of ``_SECRETS``."""
    client = _new_client(secrets, options)
    _open(client)
    return client


def hide_secrets(options: dict[str, Any], known: Container[str]) -> dict[str, Secret | None]:
    """Takes the secrets out of ``options``, wrapped: from here on no traceback's local variables show them.

    So it comes before every check, and refuses nothing itself. What is in ``options`` under a name that is not ``known`` stays there,
    wrapped as well: it may be a password whose name is misspelled.
    """
    secrets = {name: _hidden(options.pop(name, None)) for name in _SECRETS}
    for name in options:
        if name not in known:
            options[name] = _hidden(options[name])
    return secrets


def _hidden(value: Any) -> Secret | None:
    return value if value is None or isinstance(value, Secret) else Secret(value)


def _check_secrets(secrets: dict[str, Secret | None]) -> None:
    for name, secret in secrets.items():
        found = "str" if secret is None else secret.type_name
        if found != "str":
            raise InvalidArgumentError(f"{name} must be a str; found {found}")


def _new_client(secrets: dict[str, Secret | None], options: dict[str, Any]) -> Client:
    """A client with its session, not connected yet. Asks for credentials where it must."""
    check_process()
    _check_secrets(secrets)
    if options.get("profile") is not None:
        from .profiles import with_profile

        secrets, options = with_profile(options["profile"], secrets, options)
    options = {name: value for name, value in options.items() if value is not None or name not in _LEFT_OPEN}
    address = read_address(secrets.get("uri"))
    insecure = bool(options.get("insecure", False))
    core = {name: _for_core(name, value) for name, value in options.items() if name != "profile"}
    found = find_credentials(
        address, username=core.pop("username", None), password=secrets.get("password"), password_file=core.pop("password_file", None)
    )
    warn_about_transport(address, has_password=found.password is not None or address.has_password, insecure=insecure)
    session = _core.Session(_core_options(address, found, secrets, core))
    clean_start, session_expiry = bool(options.get("clean_start", True)), core.get("session_expiry", 0.0)
    meter().watch(session, address, clean_start=clean_start, session_expiry=session_expiry)
    access = {name: _plain(options[name]) for name in REMEMBERED if options.get(name) not in (None, False, "auto")}
    user = found.username if found.username is not None else address.username
    if user is not None:
        access["username"] = user
    return Client(
        session,
        address,
        insecure=insecure and address.uses_tls,
        chosen_id=bool(options.get("client_id")),
        access=access,
        clean_start=clean_start,
        session_expiry=session_expiry,
        keepalive=core.get("keepalive", 30.0),
        not_sent=not_sent(user, found.password is not None or address.has_password),
    )


def _plain(value: Any) -> Any:
    """As code and JSON can have it."""
    return os.fspath(value) if isinstance(value, os.PathLike) else value


_DURATIONS: Final = frozenset(
    {"session_expiry", "keepalive", "connect_timeout", "reconnect_min_delay", "reconnect_max_delay", "refused_retry_delay"}
)
_PATHS: Final = frozenset({"ca_file", "ca_directory", "client_certificate", "client_key"})


def _for_core(name: str, value: Any) -> Any:
    """One option as ``_core.ConnectOptions`` takes it."""
    if name in _DURATIONS:
        return to_seconds(value, name)
    if name in _PATHS:
        return "" if value is None else str(check_path(name, value))
    if name == "password_file":
        return None if value is None else check_path(name, value)
    if name == "last_will":
        return _will(value)
    return property_pairs(value) if name == "user_properties" else value


def _core_options(address: Address, found: Credentials, secrets: dict[str, Secret | None], core: dict[str, Any]) -> _core.ConnectOptions:
    password, key_password, proxy = found.password, secrets.get("client_key_password"), secrets.get("http_proxy")
    return core_call(
        _core.ConnectOptions,
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
    except BaseException as error:  # Ctrl-C among them
        _give_up(client)
        if isinstance(error, HoneyframeError):
            client._log.connection.explain(error)
        raise
    meter().connected(client._session)
    if not client._clean_start and not client._is_kept():
        warn(
            "clean_start=False without session_expiry=: on MQTT 5 the broker forgets the session as soon as the connection ends. "
            'Say for how long it shall keep it, such as session_expiry="1d"',
            HoneyframeWarning,
        )


def _give_up(client: Client) -> None:
    client._closing = True
    hang_up(client._session, client._log, timeout=0.0)


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
    if not isinstance(will.topic, str):
        raise TypeError(f"last_will's topic must be a str, not {type(will.topic).__name__}")
    if not isinstance(will.retain, bool):
        raise TypeError(f"last_will's retain must be a bool, not {type(will.retain).__name__}")
    return will.topic, encode_payload(will.payload), check_count("last_will's qos", will.qos, 0, 2), will.retain
