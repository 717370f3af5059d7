"""The visit itself: each step in the order in which a connection comes about."""

from __future__ import annotations

import datetime
import os
import time
import urllib.parse
from collections.abc import Callable, Iterable
from typing import Any, Final, Literal, TypeAlias, get_args

from ..arguments import check_path, check_strings
from ..credentials import Secret, warn_about_transport
from ..durations import Duration
from ..durations import seconds as to_seconds
from ..errors import HoneyframeError, InvalidArgumentError
from ..events import printable
from ..keywords import Protocol
from ..lifetime import check_process
from ..topics_seen import unshared_filters
from ..uri import Address
from .causes import advise
from .connack import connect_rows, open_session
from .permissions import Permissions, is_exact, round_trip_row
from .report import DoctorReport, DoctorRow, clean_row
from .surroundings import address_row, credential_row, environment_row
from .visit import WHOLE_SECONDS, Visit
from .way import go

Access: TypeAlias = Literal["both", "subscribe", "publish"]

TOPICS: Final = ("test/topic",)
_STAY: Final = 0.2
_STAY_CHOSEN_ID: Final = 1.0  # another client with the same id comes back within some seconds, mostly at once
_MAX_TOPICS: Final = 50

#: What neither the caller nor a profile says.
_PLAIN: Final[dict[str, Any]] = {"protocol": "auto", "client_id": "", "insecure": False}


def doctor(
    uri: str | None = None,
    *,
    profile: str | None = None,
    username: str | None = None,
    password: str | None = None,
    password_file: str | os.PathLike[str] | None = None,
    topics: Iterable[str] | str = TOPICS,
    access: Access = "both",
    protocol: Protocol | None = None,
    client_id: str | None = None,
    timeout: Duration = WHOLE_SECONDS,
    http_proxy: str | None = None,
    ca_file: str | os.PathLike[str] | None = None,
    ca_directory: str | os.PathLike[str] | None = None,
    client_certificate: str | os.PathLike[str] | None = None,
    client_key: str | os.PathLike[str] | None = None,
    client_key_password: str | None = None,
    insecure: bool | None = None,
) -> DoctorReport:
    """Finds out why a connection fails, or what this credential may do: step by step, with what to do about it.

    Looks at the address and the environment, looks up the name, connects, checks the certificate, upgrades to a WebSocket, sends CONNECT,
    reads what the broker allows, subscribes, publishes one small message (QoS 1, not retained) to each topic, and reads it back. The
    credential leaves only once the certificate has been checked. Nothing stays at the broker.

    Args:
        uri, profile, username, password, password_file: as :func:`honeyframe.connect` takes them, from the same places.
        topics: topics to publish on and subscribe to; filters with wildcards are subscribed to alone. No ``$share/``: the doctor would
            take messages away from the others of the group.
        access: "both" must be allowed, or just "subscribe" (then nothing is published) or "publish".
        protocol: "auto" as in ``connect`` (default), or one version.
        client_id: by default a random one. With the one of your program, that is thrown out; and a second client with it is found out.
        timeout: for all of it; nine seconds at most.
        http_proxy, ca_file, ca_directory, client_certificate, client_key, client_key_password, insecure: as in ``connect``.

    Returns:
        DoctorReport: ``.ok``, ``.rows``, ``.causes``, ``.to_pandas()``, ``.to_json()``; prints as a table.

    A fault of the network, the broker or the credential is a row, never an exception.

    Raises:
        InvalidArgumentError, TypeError: an argument is of the wrong kind, there is no such profile, or a topic is no topic filter.

    Example::

        hf.doctor("mqtts://xyz.s1.eu.hivemq.cloud", topics=["plant/1/telemetry"])
    """
    hidden = {"uri": uri, "password": password, "client_key_password": client_key_password, "http_proxy": http_proxy}
    plain: dict[str, Any] = {
        "profile": profile,
        "username": username,
        "password_file": password_file,
        "topics": topics,
        "access": access,
        "protocol": protocol,
        "client_id": client_id,
        "timeout": timeout,
        "ca_file": ca_file,
        "ca_directory": ca_directory,
        "client_certificate": client_certificate,
        "client_key": client_key,
        "insecure": insecure,
    }
    from ..connection import hide_secrets

    secrets = hide_secrets(hidden, ())
    uri = password = client_key_password = http_proxy = None
    return doctor_hidden(secrets, plain)


def doctor_hidden(secrets: dict[str, Secret | None], options: dict[str, Any]) -> DoctorReport:
    """As :func:`doctor`, for those who hold the secrets wrapped already."""
    from ..connection import _check_secrets

    check_process()
    _check_secrets(secrets)
    if options.get("profile") is not None:
        from ..profiles import with_profile

        secrets, options = with_profile(options["profile"], secrets, options)
    given = _checked({**options, **{name: value for name, value in _PLAIN.items() if options.get(name) is None}})
    started = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    report = _Report()
    address, visit = _prepared(report, secrets, given)
    if visit is not None:
        _visited(report, visit, given)
        report.hide_password_of(visit)
    uri = address.display if address is not None else "(no address)"
    return report.finished(uri, started)


class _Report:
    """The rows so far."""

    def __init__(self) -> None:
        self._rows: list[DoctorRow] = []
        self._hidden: list[str] = []
        self._begin = time.monotonic()

    def add(self, *rows: DoctorRow) -> None:
        self._rows += rows

    def begin_clock(self) -> None:
        """Whoever was asked for a password took the time they took."""
        self._begin = time.monotonic()

    def hide_password_of(self, visit: Visit) -> None:
        for secret in (visit.credential.password, visit.key_password):
            if secret is not None:
                self._hidden.append(secret.reveal())
        for full in (visit.address.full, visit.http_proxy):
            if full is not None and "@" in full.reveal():
                user_info = full.reveal().partition("://")[2].rpartition("@")[0]
                written = user_info.partition(":")[2]
                self._hidden += [written, urllib.parse.unquote(written)]

    def finished(self, uri: str, started: str) -> DoctorReport:
        hide = self._hider()
        rows = [clean_row(row, hide) for row in self._rows]
        return DoctorReport(printable(uri), tuple(rows), started=started, seconds=round(time.monotonic() - self._begin, 3))

    def _hider(self) -> Callable[[str], str]:
        """Should a broker or proxy quote a password, it is not shown. One of three characters or less would take words apart."""
        hidden = sorted({text for text in self._hidden if len(text) > 3}, key=len, reverse=True)

        def hide(text: str) -> str:
            for secret in hidden:
                text = text.replace(secret, "***")
            return text

        return hide


def defaults() -> dict[str, Any]:
    """The options of :func:`doctor` but for its secrets, as :func:`doctor_hidden` takes them."""
    names = ("profile", "username", "password_file", "ca_file", "ca_directory", "client_certificate", "client_key", *_PLAIN)
    return dict.fromkeys(names) | {"topics": TOPICS, "access": "both", "timeout": WHOLE_SECONDS}


def _checked(options: dict[str, Any]) -> dict[str, Any]:
    """The arguments, looked at before anything is tried."""
    given = dict(options)
    topics = given["topics"]
    wanted = [topics] if isinstance(topics, str) else check_strings("topics", topics)
    given["topics"] = list(dict.fromkeys(filter_ for topic in wanted for filter_ in unshared_filters(topic)))
    if len(given["topics"]) > _MAX_TOPICS:
        raise InvalidArgumentError(f"topics has {len(given['topics'])} entries: the doctor tries {_MAX_TOPICS} at most")
    for name, values in (("access", get_args(Access)), ("protocol", get_args(Protocol))):
        if given[name] not in values:
            raise InvalidArgumentError(f"{name} must be one of {', '.join(map(repr, values))}; found {given[name]!r}")
    for name in ("username", "client_id"):
        if given[name] is not None and not isinstance(given[name], str):
            raise TypeError(f"{name} must be a str, not {type(given[name]).__name__}")
    if not isinstance(given["insecure"], bool):
        raise TypeError(f"insecure must be a bool, not {type(given['insecure']).__name__}")
    given["timeout"] = min(to_seconds(given["timeout"], "timeout"), WHOLE_SECONDS)
    paths = ("ca_file", "ca_directory", "client_certificate", "client_key")
    given["tls"] = {name: "" if given[name] is None else str(check_path(name, given[name])) for name in paths}
    return given


def _prepared(report: _Report, secrets: dict[str, Secret | None], given: dict[str, Any]) -> tuple[Address | None, Visit | None]:
    """The steps before the first socket."""
    row, address = address_row(secrets.get("uri"))
    report.add(row, environment_row(address, http_proxy=secrets.get("http_proxy") is not None))
    if address is None:
        report.add(*_skipped_from("credential", "the address cannot be read", given))
        return None, None
    credential = credential_row(address, username=given["username"], password=secrets.get("password"), password_file=given["password_file"])
    report.add(credential.row)
    report.begin_clock()
    if given["insecure"]:
        warn_about_transport(address, has_password=False, insecure=True)
    visit = Visit(
        address=address,
        credential=credential,
        tls=given["tls"],
        insecure=given["insecure"],
        key_password=secrets.get("client_key_password"),
        http_proxy=secrets.get("http_proxy"),
        protocol=given["protocol"],
        client_id=given["client_id"],
        deadline=time.monotonic() + given["timeout"],
    )
    return address, visit


def _visited(report: _Report, visit: Visit, given: dict[str, Any]) -> None:
    try:
        visit.full_options(connect_timeout=1.0)
    except HoneyframeError as error:
        advice = error.hint or advise("options_refused")
        report.add(DoctorRow("options", "fail", "put the options together", error.message, advice, "options_refused"))
        report.add(*_skipped_from("DNS", "the options do not go together", given))
        return
    way = go(visit)
    report.add(*way.rows)
    if visit.credential.row.verdict == "fail":
        way.blocked = "the password could not be read"
    if way.blocked:
        report.add(*_skipped_from("CONNECT", way.blocked, given))
        return
    connected = open_session(visit)
    report.add(*connect_rows(visit, connected))
    if connected.session is None:
        report.add(*_skipped_from("round trip", "there is no connection", given))
        return
    permissions = Permissions(visit, connected, access=given["access"])
    try:
        stay = permissions.stays(_STAY_CHOSEN_ID) if visit.client_id else None
        if stay is not None and stay.verdict == "fail":  # a twin's reconnects would pass for denied messages
            report.add(*_skipped_from("round trip", "the connection does not last", given)[:-1], stay)
            return
        rows = permissions.rows(given["topics"])
        stay = stay or permissions.stays(_STAY)
    finally:
        permissions.close()
    report.add(round_trip_row(way.tcp_seconds, permissions.round_trips), *rows, stay)


def _skipped_from(step: str, reason: str, given: dict[str, Any]) -> list[DoctorRow]:
    """All steps from ``step`` on, not tried."""
    steps = ["credential", "DNS", "TCP", "TLS", "clock", "WebSocket", "CONNECT", "limits", "round trip"]
    for topic in given["topics"]:
        if given["access"] != "publish":
            steps.append(f"subscribe {topic}")
        if given["access"] != "subscribe":
            steps.append(f"publish {topic}")
        if given["access"] == "both" and is_exact(topic):
            steps.append(f"receive {topic}")
    return [DoctorRow(name, "skipped", "nothing", reason) for name in [*steps, "stay"][steps.index(step) :]]
