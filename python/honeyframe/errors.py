"""Every exception and warning that honeyframe raises: one tree. Those of recordings are in ``recording_errors``.

An exception carries what the broker said and what to do about it::

    try:
        client.publish("plant/1/set", {"speed": 3}, qos=1)
    except hf.errors.PermissionDenied as error:
        error.code           # "publish_denied"
        error.reason_code    # 0x87, the MQTT reason code, or None
        error.reason_string  # the broker's own words, or ""
        error.hint           # one line: what to do, on HiveMQ Cloud too

All derive from :class:`HoneyframeError`, and from the built-in exception a reader would expect: ``ValueError`` for bad
arguments, ``ConnectionError`` for whatever stands between us and the broker, ``PermissionError`` for refusals,
``TimeoutError`` where time ran out. They can be pickled and copied without loss, and never contain a secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Final

_CREDENTIALS: Final = re.compile(r"(?<=://)\S*:\S*@")


def without_credentials(text: str) -> str:
    """``text`` with the user and password of each address in it hidden: what is repeated may be an address in a topic's place.

    >>> without_credentials("topic 'mqtt://me:secret@host/#'")
    "topic 'mqtt://***@host/#'"
    """
    return _CREDENTIALS.sub("***@", text) if "://" in text else text


class HoneyframeError(Exception):
    """The root of all errors of this package.

    Parameters and attributes:
        message: What was refused, where, what was found.
        hint: One line saying what to do; may be empty.
        reason_code: MQTT 5 reason code or MQTT 3 return code, if the broker sent one.
        reason_string: The broker's own words (MQTT 5); may be empty.
        native_code: Code of Paho, OpenSSL or the operating system, or 0.
        subjects: The topic filters or topics that were refused, where the error is about some of them.

    ``code`` is the class's stable name for logs and metrics, such as ``"dns_failed"``.
    """

    code: ClassVar[str] = "internal"

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        reason_code: int | None = None,
        reason_string: str = "",
        native_code: int = 0,
        subjects: Sequence[str] = (),
    ) -> None:
        message = without_credentials(message)
        super().__init__(message)
        self.message = message
        self.hint = without_credentials(hint)
        self.reason_code = reason_code
        self.reason_string = without_credentials(reason_string)
        self.native_code = native_code
        self.subjects = tuple(subjects)

    def __str__(self) -> str:
        lines = [self.message]
        if self.reason_code is not None:
            said = f": {self.reason_string}" if self.reason_string else ""
            lines.append(f"  broker: reason code 0x{self.reason_code:02X}{said}")
        elif self.reason_string:
            lines.append(f"  broker: {self.reason_string}")
        if self.hint:
            lines.append(f"  hint: {self.hint}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.message!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        # OSError's own way passes `args` alone, which would lose the rest.
        return _restore, (type(self), self.message, dict(self.__dict__))


def _restore(kind: type[HoneyframeError], message: str, state: dict[str, Any]) -> HoneyframeError:
    error = kind(message)
    error.__dict__.update(state)
    return error


# --- What the caller passed -------------------------------------------------------------------------------------------


class InvalidArgumentError(HoneyframeError, ValueError):
    """An argument or option is out of range or contradicts another."""

    code = "invalid_argument"


class InvalidURIError(InvalidArgumentError):
    """The broker's address cannot be read. The message never shows the password."""

    code = "invalid_uri"


class InvalidTopicError(InvalidArgumentError):
    """A topic to publish to is empty, too long, not UTF-8, or contains a wildcard."""

    code = "invalid_topic"


class InvalidTopicFilterError(InvalidArgumentError):
    """A topic filter breaks the rules of MQTT 5.0, section 4.7."""

    code = "invalid_topic_filter"


class InvalidTopicTemplateError(InvalidTopicFilterError):
    """A template such as ``"plant/{line}/telemetry"`` names its levels wrongly."""

    code = "invalid_topic_template"


class InvalidSchemaError(InvalidArgumentError):
    """A Schema has a column without name, path or known type, or a name twice."""

    code = "invalid_schema"


class InvalidCatalogError(InvalidArgumentError):
    """A file is no saved catalog, or one that was damaged."""

    code = "invalid_catalog"


# --- Reaching the broker ----------------------------------------------------------------------------------------------


class ConnectError(HoneyframeError, ConnectionError):
    """No connection, or no connection any more. Base of everything between us and a CONNACK that says yes."""

    code = "connection_lost"


class DNSError(ConnectError):
    """The host's name has no address."""

    code = "dns_failed"


class ConnectRefusedError(ConnectError, ConnectionRefusedError):
    """Nothing listens on that port."""

    code = "connection_refused"


class ConnectTimeoutError(ConnectError, TimeoutError):
    """The host did not answer within ``connect_timeout``."""

    code = "connect_timeout"


class ProxyError(ConnectError):
    """The HTTP proxy could not be reached or would not pass us on."""

    code = "proxy_failed"


class WebSocketError(ConnectError):
    """The server answers, but not with a WebSocket; mostly a wrong path."""

    code = "websocket_failed"


class TLSError(ConnectError):
    """The TLS handshake failed. No MQTT byte, and so no credential, was sent."""

    code = "tls_failed"


class TLSUntrustedError(TLSError):
    """The certificate's chain does not end at a trusted authority, or a key in it is too weak."""

    code = "tls_untrusted"


class TLSHostNameError(TLSError):
    """The certificate is for another host."""

    code = "tls_host_name_mismatch"


class TLSCertificateExpiredError(TLSError):
    """The certificate has expired or is not yet valid."""

    code = "tls_certificate_expired"


class TLSNotSpokenError(TLSError):
    """The port answers, but not with TLS."""

    code = "tls_not_spoken"


# --- What the broker answered -----------------------------------------------------------------------------------------


class PermissionDenied(HoneyframeError, PermissionError):
    """The broker knows us and says no. Base of the refusals below."""

    code = "not_authorized"


class BadCredentialsError(ConnectError, PermissionDenied):
    """User name or password are wrong."""

    code = "bad_credentials"


class NotAuthorizedError(ConnectError, PermissionDenied):
    """The broker refuses the connection to this credential."""

    code = "not_authorized"


class QuotaExceededError(ConnectError):
    """A quota of the broker is used up, such as the plan's concurrent sessions."""

    code = "quota_exceeded"


class IdentifierRejectedError(ConnectError):
    """The broker does not accept this client id."""

    code = "identifier_rejected"


class UnsupportedProtocolVersionError(ConnectError):
    """The broker does not speak the MQTT version asked for."""

    code = "unsupported_protocol_version"


class ServerUnavailableError(ConnectError):
    """The broker is there, but busy, shutting down or moved."""

    code = "server_unavailable"


class SessionTakenOverError(ConnectError):
    """Another client connected with the same client id."""

    code = "session_taken_over"


class DisconnectedByBrokerError(ConnectError):
    """The broker ended the connection and said why."""

    code = "disconnected_by_broker"


class ConnectionLostError(ConnectError):
    """The connection broke without a word."""

    code = "connection_lost"


class SubscribeDenied(PermissionDenied):
    """The broker refused a topic filter; ``filters`` says which."""

    code = "subscribe_denied"

    @property
    def filters(self) -> tuple[str, ...]:
        """The refused topic filters."""
        return self.subjects


class PublishDenied(PermissionDenied):
    """The broker refused a message; ``topics`` says to which topic."""

    code = "publish_denied"

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics that were refused."""
        return self.subjects


class PublishProbablyDenied(PublishDenied):
    """An MQTT 3 broker closed the connection twice while the messages to ``topics`` were under way: it cannot say why."""

    code = "publish_probably_denied"


class PublishManyError(HoneyframeError, RuntimeError):
    """Rows of :meth:`Client.publish_many` were not published. ``result`` says which, row by row, and why.

    Its ``__cause__`` is what happened to the first of them, where that is an error of its own: :class:`PublishDenied`, for instance.
    """

    code = "rows_not_published"

    #: A :class:`honeyframe.PublishResult`.
    result: Any = None


class PacketTooLargeError(HoneyframeError, ValueError):
    """A message is larger than the broker's, or our own, maximum packet size."""

    code = "packet_too_large"


class PacketRefusedError(ConnectError):
    """The broker sent a packet that is malformed, or larger than ``maximum_packet_size``: it was not read, and the connection was ended."""

    code = "packet_refused"


# --- Using the library ------------------------------------------------------------------------------------------------


class OperationTimeoutError(HoneyframeError, TimeoutError):
    """The broker did not answer a request in time."""

    code = "timeout"


class ClosedError(HoneyframeError, RuntimeError):
    """The client or stream is closed."""

    code = "closed"


class ForkedProcessError(HoneyframeError, RuntimeError):
    """This process was forked from one that has ever connected: it cannot, and what is its parent's stays so. Use "spawn"."""

    code = "forked"


class WebSocketInUseError(HoneyframeError, RuntimeError):
    """A process can hold one WebSocket connection at a time."""

    code = "websocket_in_use"


class DoesNotFitError(HoneyframeError, ValueError):
    """A value does not fit its column, and ``on_conflict="raise"`` was asked for."""

    code = "does_not_fit"


class ContractError(HoneyframeError, ValueError):
    """Messages break the contract of their stream, and ``on_breach="raise"`` was asked for. The batch is not lost: the next step has it."""

    code = "contract_broken"

    #: What was broken: each a :class:`honeyframe.contract.Breach`.
    breaches: tuple[Any, ...] = ()


class SpoolError(HoneyframeError, OSError):
    """A spool cannot be opened, read or written: what the system says is in the message, its number in ``native_code``."""

    code = "spool_failed"


class SpoolInUseError(SpoolError):
    """Another stream, here or in another process, writes this spool. Any number may read it."""

    code = "spool_in_use"


class MissingBundleError(HoneyframeError, ModuleNotFoundError):
    """This build of honeyframe has no charts and dashboards: npm was missing when it was made."""

    code = "missing_bundle"


class MissingExtraError(HoneyframeError, ModuleNotFoundError):
    """A package of an extra is not installed; the hint says how to get it."""

    code = "missing_extra"


class InternalError(HoneyframeError, RuntimeError):
    """A fault of honeyframe itself; please report it."""

    code = "internal"


def _kinds(root: type[HoneyframeError]) -> Iterator[type[HoneyframeError]]:
    for kind in root.__subclasses__():
        if "code" in vars(kind):
            yield kind
        yield from _kinds(kind)


#: The class of each code; the core's codes are among them.
KINDS: Final[dict[str, type[HoneyframeError]]] = {kind.code: kind for kind in _kinds(HoneyframeError)}


def error_from_core(
    code: str,
    message: str,
    hint: str = "",
    reason_code: int | None = None,
    reason_string: str = "",
    native_code: int = 0,
    subjects: Sequence[str] = (),
) -> HoneyframeError:
    """The exception for a failure that the compiled core reports. A code unknown here gives :class:`InternalError`."""
    kind = KINDS.get(code, InternalError)
    return kind(
        message,
        hint=hint,
        reason_code=reason_code,
        reason_string=reason_string,
        native_code=native_code,
        subjects=subjects,
    )


# --- Warnings ---------------------------------------------------------------------------------------------------------


class HoneyframeWarning(UserWarning):
    """The root of all warnings of this package."""


class NoMessagesWarning(HoneyframeWarning):
    """Nothing arrived within the time asked for; the frame is empty."""


class NoPlaceWarning(HoneyframeWarning):
    """There were more topics than :meth:`Client.topics` had places for; how many, and their messages, is counted."""


class OverlapWarning(HoneyframeWarning):
    """Two subscriptions of a client match the same topics, and its connection cannot tell copies from messages: rows may come twice."""


class NotClearedWarning(HoneyframeWarning):
    """Retained messages that :meth:`Client.clear_retained` did not get cleared: the broker refused, or the connection ended."""


class MissingColumnsWarning(HoneyframeWarning):
    """No payload had a column that ``columns=`` names, or no row a readable time where ``event_time=`` points."""


class QuarantinedWarning(HoneyframeWarning):
    """Messages that :func:`honeyframe.read_mqtt` could not read: how many, why, and what the first one's fault is."""


class ConflictWarning(HoneyframeWarning):
    """Values did not fit their column; said once a column. What became of them is in ``_misfit`` and in the ledger."""


class ContractWarning(HoneyframeWarning):
    """Messages break the contract of their stream: which topic, which column, what was expected. Said once for each, and counted."""


class MessagesDroppedWarning(HoneyframeWarning):
    """The queue was full and its policy dropped messages; said once an episode."""


class SpoolWarning(HoneyframeWarning):
    """A spool is full, damaged or was not written; or syncs for each message. Said once an episode."""


class GapWarning(HoneyframeWarning):
    """The broker kept no session across a reconnect: messages in between are missing."""


class UsageWarning(HoneyframeWarning):
    """A broker's plan is used up, or will be at this pace: said once. Or the book of usage cannot be kept, or its plan not be read."""


class InsecureTransportWarning(HoneyframeWarning):
    """A password travels unencrypted to another machine."""


class InsecureTLSWarning(HoneyframeWarning):
    """``insecure=True``: neither certificate nor host name is verified."""


class CredentialInNotebookWarning(HoneyframeWarning):
    """A password stands in a URI in a notebook, where it is saved and shared with it."""
