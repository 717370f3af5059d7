"""May this credential subscribe to these topics, and publish on them? Asked of the broker, without leaving anything behind.

A message of the doctor's is small, not retained, and on MQTT 5 gone after ten seconds. A broker says no to SUBSCRIBE in SUBACK; to PUBLISH
in PUBACK, and then, as HiveMQ does, ends the connection. MQTT 3 has no way to say no to PUBLISH: it only ends the connection. No session
of the doctor's connects again by itself, so a no never becomes a loop.
"""

from __future__ import annotations

import contextlib
import json
import time
from dataclasses import dataclass, field
from typing import Final

from .. import _core
from ..errors import (
    ConnectError,
    HoneyframeError,
    OperationTimeoutError,
    PacketTooLargeError,
    PublishDenied,
    QuotaExceededError,
    SubscribeDenied,
)
from .causes import advise
from .connack import Connected, ended, open_session
from .report import DoctorRow
from .visit import Visit

_SECONDS: Final = 2.0
_EXPIRY_SECONDS: Final = 10
_SLOW_SECONDS: Final = 0.5
_FIELD: Final = "honeyframe_doctor"
_UNSUPPORTED: Final = (0x8F, 0x97, 0x9E, 0xA1, 0xA2)
_DENIED: Final = (0x82, 0x87, 0x90)  # HiveMQ says Protocol Error of a message to $SYS


def is_exact(topic: str) -> bool:
    """Whether one can publish to it."""
    return not any(c in topic for c in "+#") and not topic.startswith("$share/")


@dataclass
class Probe:
    """One topic, or filter, and what became of it."""

    filter: str
    exact: bool
    subscribed: bool = False
    published: bool = False
    queue: _core.Queue | None = None
    over: Connected | None = None  # the connection that is subscribed
    rows: list[DoctorRow] = field(default_factory=list)


class Permissions:
    """Probes all topics over one connection, and over a new one wherever the broker ended it for a denied request."""

    def __init__(self, visit: Visit, connected: Connected, *, access: str) -> None:
        self._visit = visit
        self._connected = connected
        self._access = access
        self.round_trips: list[float] = []
        self.ending: HoneyframeError | None = None  # that nothing here explains

    def rows(self, topics: list[str]) -> list[DoctorRow]:
        """subscribe, publish and receive for each topic."""
        probes = [Probe(topic, exact=is_exact(topic)) for topic in topics]
        if self._access != "publish":
            for probe in probes:
                probe.rows.append(self._subscribe(probe))
        if self._access != "subscribe":
            for probe in probes:
                probe.rows.append(self._publish(probe))
        if self._access == "both":
            until = time.monotonic() + _SECONDS
            for probe in probes:
                if probe.exact:
                    probe.rows.append(self._receive(probe, until))
        return [row for probe in probes for row in probe.rows]

    # --- the session

    def _session(self) -> _core.Session | None:
        """The connection; another one where the last has ended."""
        current = self._connected
        if current.session is not None and (error := ended(current.session)) is None:
            return current.session
        if current.session is not None and self.ending is None and error is not None and error.reason_code == 0x8E:
            self.ending = error
        current.close()
        if self.ending is not None or self._visit.left() < 0.5:
            return None
        again = open_session(self._visit, protocol=current.info.get("protocol"), settle=0.0)
        again.info = again.info or current.info
        self._connected = again
        return again.session

    @staticmethod
    def _await_end(session: _core.Session, error: HoneyframeError) -> None:
        """A broker that denies may end the connection a moment later: not in the middle of the next step."""
        ended(session, 1.0 if isinstance(error, ConnectError) else 0.15)

    def close(self) -> None:
        self._connected.close()

    def stays(self, seconds: float) -> DoctorRow:
        """Whether the connection outlasts all this."""
        tried = f"stay connected for {seconds:.1f} s more"
        session = self._session()
        error = self.ending if session is None else ended(session, min(seconds, self._visit.left()))
        if session is None and error is None:
            return DoctorRow("stay", "skipped", tried, "there is no connection any more")
        if error is None:
            return DoctorRow("stay", "ok", tried, "nothing ended it")
        cause, said = "disconnected", _words(error)
        if error.reason_code == 0x8E:
            cause = "session_taken_over"
        elif error.reason_code is None and self._visit.client_id and self._connected.info.get("protocol") != "5.0":
            cause, said = "session_taken_over", "the broker closed the connection: MQTT 3's way to say that another client has the id"
        return DoctorRow("stay", "fail", tried, said, advise(cause), cause, details={"reason_code": error.reason_code})

    # --- subscribe

    def _subscribe(self, probe: Probe) -> DoctorRow:
        tried = f"SUBSCRIBE to {probe.filter}, QoS 1"
        session = self._session()
        if session is None:
            return self._gone("subscribe", probe, tried)
        begin = time.monotonic()
        try:
            granted = self._listen(session, probe)
        except HoneyframeError as error:
            self._await_end(session, error)
            return self._not_subscribed(probe, tried, error, time.monotonic() - begin)
        seconds = time.monotonic() - begin
        self.round_trips.append(seconds)
        probe.subscribed = True
        details = {"topic": probe.filter, "granted_qos": granted}
        return DoctorRow(f"subscribe {probe.filter}", "ok", tried, f"granted, QoS {granted}", seconds=seconds, details=details)

    def _listen(self, session: _core.Session, probe: Probe) -> int:
        """Subscribes, without the retained messages; only where our own message shall come back does that last. The granted QoS."""
        queue = _core.Queue(max_messages=10_000, max_bytes=4 << 20, max_payload_bytes=1 << 16)
        number, granted = session.subscribe([probe.filter], queue, qos=1, retain_handling=2, timeout=self._visit.limit(_SECONDS))
        if probe.exact and self._access == "both":
            probe.queue, probe.over = queue, self._connected
        else:
            session.unsubscribe(number, timeout=0.0)  # begun, and not waited for
        return granted[0]

    def _not_subscribed(self, probe: Probe, tried: str, error: HoneyframeError, seconds: float) -> DoctorRow:
        said, cause = _words(error), "subscribe_denied"
        if isinstance(error, OperationTimeoutError):
            cause = "no_answer"
        elif isinstance(error, ConnectError) and not isinstance(error, SubscribeDenied):
            said = "the broker closed the connection at the SUBSCRIBE" + ("" if error.reason_code is None else f": {said}")
        elif error.reason_code in _UNSUPPORTED:
            cause = "subscribe_unsupported"
        return _failed("subscribe", probe, tried, said, cause, error, seconds)

    # --- publish

    def _publish(self, probe: Probe) -> DoctorRow:
        step = f"publish {probe.filter}"
        if not probe.exact:
            said = "a filter with wildcards is no topic: name a topic to have that tried"
            return DoctorRow(step, "skipped", f"PUBLISH to {probe.filter}", said)
        qos = 0 if self._connected.info.get("server_maximum_qos") == 0 else 1
        tried = f"PUBLISH a small message to {probe.filter}, QoS {qos}, not retained"
        session = self._session()
        if session is None:
            return self._gone("publish", probe, tried)
        if probe.subscribed and probe.over is not self._connected:  # a denied message to another topic has ended that connection
            with contextlib.suppress(HoneyframeError):
                self._listen(session, probe)
        begin = time.monotonic()
        error = self._send(session, probe, qos)
        seconds = time.monotonic() - begin
        if error is not None:
            self._await_end(session, error)
        else:
            if qos:
                self.round_trips.append(seconds)
            probe.published = True
            said = "acknowledged" if qos else "sent, and the connection stays"
            return DoctorRow(step, "ok", tried, said, seconds=seconds, details={"topic": probe.filter})
        return self._not_published(probe, tried, error, seconds)

    def _send(self, session: _core.Session, probe: Probe, qos: int) -> HoneyframeError | None:
        payload = json.dumps({_FIELD: self._visit.token}).encode()
        try:
            expiry = _EXPIRY_SECONDS if self._connected.info.get("protocol") == "5.0" else None
            session.publish(probe.filter, payload, qos=qos, retain=False, message_expiry=expiry, timeout=self._visit.limit(_SECONDS))
        except HoneyframeError as error:
            return error
        return ended(session, 0.0 if qos else 0.4)  # at QoS 0 a no is the end of the connection

    def _not_published(self, probe: Probe, tried: str, error: HoneyframeError, seconds: float) -> DoctorRow:
        said, cause = _words(error), "connection_lost" if isinstance(error, ConnectError) else "publish_failed"
        if isinstance(error, OperationTimeoutError):
            cause = "no_answer"
        elif isinstance(error, PacketTooLargeError):
            cause = "packet_too_large"
        elif isinstance(error, QuotaExceededError):
            cause = "quota"
        elif isinstance(error, PublishDenied) or error.reason_code in _DENIED:
            cause = "publish_denied"
        elif isinstance(error, ConnectError) and error.reason_code is None and self._stays_idle():
            cause = "publish_denied"
            said = "the broker closed the connection at the PUBLISH, and leaves one alone that publishes nothing: MQTT 3's way to deny"
        return _failed("publish", probe, tried, said, cause, error, seconds)

    def _stays_idle(self) -> bool:
        """Was it the message, or an accident? A connection over which nothing is published tells."""
        session = self._session()
        return session is not None and ended(session, 0.3) is None

    def _gone(self, step: str, probe: Probe, tried: str) -> DoctorRow:
        reason = "there is no connection any more" if self._visit.left() >= 0.5 else "no time was left"
        return DoctorRow(f"{step} {probe.filter}", "skipped", tried, reason)

    # --- receive

    def _receive(self, probe: Probe, until: float) -> DoctorRow:
        step, tried = f"receive {probe.filter}", "wait for the message just published"
        if not (probe.subscribed and probe.published) or probe.queue is None:
            return DoctorRow(step, "skipped", tried, "needs both subscribe and publish")
        begin = time.monotonic()
        came = _came(probe.queue, self._visit.token, self._visit.limit(max(0.1, until - begin)))
        seconds = time.monotonic() - begin
        if came:
            return DoctorRow(step, "ok", tried, "it came back", seconds=seconds, details={"topic": probe.filter})
        if self._connected is not probe.over:
            return DoctorRow(step, "skipped", tried, "the connection ended before it could come back")
        advice = advise("message_missing")
        return DoctorRow(step, "fail", tried, "it did not come back", advice, "message_missing", seconds)


def _failed(right: str, probe: Probe, tried: str, said: str, cause: str, error: HoneyframeError, seconds: float) -> DoctorRow:
    details = {"topic": probe.filter, "reason_code": error.reason_code}
    return DoctorRow(f"{right} {probe.filter}", "fail", tried, said, advise(cause, topic=probe.filter), cause, seconds, details)


def _came(queue: _core.Queue, token: str, seconds: float) -> bool:
    """Whether our own message is among those that come; others may come there too."""
    import pyarrow as pa

    reader = _core.StreamReader(queue, _core.ExtractOptions(columns=[_FIELD], metadata=[]))
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        try:
            batch = reader.next(1_000, 0.0, left)
        except StopIteration:
            return False
        except HoneyframeError:
            return False
        if batch is not None and batch.num_rows:
            table = pa.record_batch(batch)
            if _FIELD in table.schema.names and token in table.column(_FIELD).to_pylist():
                return True
    return False


def _words(error: HoneyframeError) -> str:
    return f"{error.message}: {error.reason_string}" if error.reason_string else error.message


def round_trip_row(tcp_seconds: float, round_trips: list[float]) -> DoctorRow:
    """How far away the broker is."""
    tried = "time the answers to SUBSCRIBE and PUBLISH"
    if not round_trips:
        return DoctorRow("round trip", "skipped", tried, "nothing was answered")
    best, worst = min(round_trips), max(round_trips)
    said = f"{best * 1000:.0f} ms at best, {worst * 1000:.0f} ms at worst; {tcp_seconds * 1000:.0f} ms for TCP alone"
    details = {"best_seconds": best, "worst_seconds": worst, "tcp_seconds": tcp_seconds}
    if best > _SLOW_SECONDS:
        return DoctorRow("round trip", "warn", tried, said, advise("slow"), "slow", best, details)
    return DoctorRow("round trip", "ok", tried, said, seconds=best, details=details)
