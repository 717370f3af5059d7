"""Simulator and simulate: a simulation's messages published, each when it is due.

Few at a time go one by one; where the rate asks for it, all that is due goes through ``publish_many``.
"""

from __future__ import annotations

import datetime
import logging
import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from .arguments import check_number
from .durations import Duration
from .durations import seconds as to_seconds
from .errors import (
    ConnectError,
    ConnectionLostError,
    InvalidArgumentError,
    OperationTimeoutError,
    PublishManyError,
)
from .simulation import Messages, Simulation
from .simulator_thread import SimulatorThread

if TYPE_CHECKING:
    from collections.abc import Callable

    from .simulation_config import ConfigLike

_log = logging.getLogger("honeyframe.simulator")

_AT_ONCE: Final = 20_000  # messages that are drawn and published in one go
_SINGLY: Final = 8  # fewer than these go one by one
_LEAST_WAIT: Final = 0.01  # what is due within it goes together
_RETRY: Final = 0.5  # with a connection that is lost


@dataclass(frozen=True, slots=True)
class SimulationResult:
    """What a simulator has published."""

    published: int
    payload_bytes: int
    bad: int  # of them payloads that cannot be read, on purpose
    lost: int  # not published, since the connection was lost
    seconds: float

    @property
    def rate(self) -> float:
        """Messages a second."""
        return self.published / self.seconds if self.seconds > 0 else 0.0

    def __str__(self) -> str:
        text = f"{self.published:,} message{'' if self.published == 1 else 's'} in {self.seconds:,.1f} s"
        if self.seconds >= 1:
            text += f", {self.rate:,.0f} a second" if self.rate >= 10 else f", {self.rate:.1f} a second"
        text += f"; {self.bad:,} of them broken on purpose" if self.bad else ""
        return text + (f"; {self.lost:,} lost with the connection" if self.lost else "")


class Simulator(SimulatorThread):
    """Publishes the devices of a configuration through ``client``, until closed.

    Args:
        config: a TOML file, a mapping of its content, or ``"plant"``, which comes with honeyframe: docs/simulator.md.
        client: what ``hf.connect`` gives. It stays the caller's to close.
        rate: messages a second of all devices together, instead of the configuration's.
        speed: how much faster than the clock the simulation's time goes; ``math.inf``: as fast as the broker takes them.
        seed, start: in place of the configuration's. The same seed and start give the same messages.

    Example::

        with hf.Simulator("plant.toml", client) as simulator:
            df = hf.read_mqtt(uri, "plant/#", seconds=10)
    """

    def __init__(
        self,
        config: ConfigLike,
        client: Any,
        *,
        rate: float | None = None,
        speed: float = 1.0,
        seed: int | None = None,
        start: datetime.datetime | None = None,
    ) -> None:
        super().__init__()
        self._speed = check_number("speed", speed)
        if not self._speed > 0:
            raise InvalidArgumentError(f"speed must be more than 0; found {speed!r}")
        self.simulation = Simulation(config, seed=seed, start=start, rate=rate)
        self._client = client
        self._bytes = self._bad = self._lost = 0
        self._began: float | None = None
        self._ended: float | None = None
        self._position = 0  # of the messages that are being published

    def result(self) -> SimulationResult:
        """What has been published so far."""
        end = time.monotonic() if self._ended is None else self._ended
        seconds = 0.0 if self._began is None else end - self._began
        return SimulationResult(self._published, self._bytes, self._bad, self._lost, seconds)

    def _publish_until_stopped(self) -> None:
        try:
            self._loop(None, None, None)
        finally:
            self._ended = time.monotonic()

    # --- here

    def run(
        self,
        *,
        seconds: Duration | None = None,
        messages: int | None = None,
        progress: Callable[[SimulationResult], None] | None = None,
    ) -> SimulationResult:
        """Publishes from the calling thread, for so long or so many; without either until :meth:`close` or Ctrl-C, which raises."""
        if messages is not None and (not isinstance(messages, int) or isinstance(messages, bool) or messages < 0):
            raise InvalidArgumentError(f"messages must be a whole number, 0 or more; found {messages!r}")
        limit = None if seconds is None else to_seconds(seconds, "seconds")
        try:
            self._begin(messages)
            self._loop(limit, messages, progress)
        finally:
            self._ended = time.monotonic()
        return self.result()

    def clear_retained(self) -> int:
        """Takes the retained states back from the broker, by an empty retained message on each topic; how many topics these are."""
        topics = [topic for kind in self.simulation.config.devices if kind.retain for topic in kind.topics]
        for topic in topics:
            self._client.publish(topic, b"", qos=1, retain=True)
        return len(topics)

    def _begin(self, messages: int | None = None) -> None:
        super()._begin()
        self._began, self._ended = time.monotonic(), None
        for one in self.simulation.at_start():
            self._publish(one if messages is None else _first(one, messages - self._published), least_qos=1)

    def _loop(self, seconds: float | None, messages: int | None, progress: Callable[[SimulationResult], None] | None) -> None:
        simulation, rate = self.simulation, self.simulation.rate
        begin = time.monotonic()
        position = 0.0  # in the simulation's time
        while not self._stop.is_set():
            elapsed = time.monotonic() - begin
            over = seconds is not None and elapsed >= seconds
            now = position + _AT_ONCE / rate if math.isinf(self._speed) else self._speed * min(elapsed, seconds or elapsed)
            position = min(now, position + _AT_ONCE / rate)
            left = None if messages is None else messages - self._published - self._lost
            if left is not None and left <= 0:
                return
            for one in simulation.take(until=position, most=left):
                self._publish(one)
            if progress is not None:
                progress(self.result())
            if over and (position >= now or math.isinf(self._speed)):
                return
            if position >= now and not math.isinf(self._speed):
                due = simulation.next_time() / self._speed
                if seconds is not None:
                    due = min(due, seconds)
                self._stop.wait(min(max(_LEAST_WAIT, begin + due - time.monotonic()), 1.0 if progress else 3600.0))

    # --- out

    def _publish(self, messages: Messages, least_qos: int = 0) -> None:
        qos = max(messages.kind.qos, least_qos)
        many = getattr(self._client, "publish_many", None)
        bad = frozenset(messages.bad)
        self._position = 0
        while self._position < len(messages) and not self._stop.is_set():
            try:
                if many is not None and len(messages) - self._position >= _SINGLY:
                    self._publish_together(many, messages, bad, qos)
                else:
                    self._publish_next(messages, bad, qos)
            except (ConnectionLostError, OperationTimeoutError, ConnectError) as error:
                if getattr(self._client, "closed", True):
                    raise
                # It connects again by itself. What was on its way is not sent twice.
                self._lost += 1
                self._position += 1
                _log.info("waiting for the connection: %s", error)
                self._stop.wait(_RETRY)

    def _publish_next(self, messages: Messages, bad: frozenset[int], qos: int) -> None:
        i = self._position
        self._client.publish(messages.topics[i], messages.payloads[i], qos=qos, retain=messages.kind.retain)
        self._count(1, len(messages.payloads[i]), i in bad)
        self._position = i + 1

    def _publish_together(self, many: Any, messages: Messages, bad: frozenset[int], qos: int) -> None:
        import pyarrow as pa

        done = self._position
        payloads = messages.payloads[done:]
        rows = pa.table({"topic": pa.array(messages.topics[done:], pa.string()), "payload": pa.array(payloads, pa.binary())})
        how = {"topic_column": "topic", "payload_column": "payload", "qos": qos, "retain": messages.kind.retain, "on_error": "collect"}
        before = self._client.stats()["published"]
        try:
            result = many(rows, **how)
        except BaseException:  # Ctrl-C, too: what has left has left
            left = self._client.stats()["published"] - before
            self._count(left, sum(map(len, payloads[:left])), sum(1 for i in bad if done <= i < done + left))
            self._position += left
            raise
        failed: set[int] = set()
        if not result.ok:
            refused = result.refused
            failed = set(refused["row"])
        sent_bad = sum(1 for i in bad if i >= done and i - done not in failed)
        self._count(result.published, sum(len(payload) for i, payload in enumerate(payloads) if i not in failed), sent_bad)
        if result.ok:
            self._position = len(messages)
            return
        if (refused["outcome"] == "refused").any():
            failure = PublishManyError(f"{result}: {refused['error'].iloc[0]}")
            failure.result = result
            raise failure
        behind = int((refused["outcome"] == "not_sent").sum())
        self._lost += len(payloads) - result.published - behind
        if getattr(self._client, "closed", True):
            raise result.error or ConnectionLostError("the client is closed")
        self._position = len(messages) - behind
        self._stop.wait(_RETRY)

    def _count(self, published: int, size: int, bad: int) -> None:
        self._published += published
        self._bytes += size
        self._bad += bad

    def __repr__(self) -> str:
        config = self.simulation.config
        what = f"{config.device_count:,} devices, {self.simulation.rate:g} messages a second"
        return f"<Simulator {config.name}: {what}, {self._state}, {self._published:,} published>"


def _first(messages: Messages, count: int) -> Messages:
    count = max(0, count)
    bad = [i for i in messages.bad if i < count]
    return Messages(messages.kind, messages.times[:count], messages.topics[:count], messages.payloads[:count], bad)


def simulate(
    config: ConfigLike,
    client: Any,
    *,
    seconds: Duration | None = None,
    messages: int | None = None,
    rate: float | None = None,
    speed: float = 1.0,
    seed: int | None = None,
    start: datetime.datetime | None = None,
) -> SimulationResult:
    """Publishes simulated devices for so long, or so many messages, and tells what it has done. Ctrl-C ends it, too.

    Args:
        config, client, rate, speed, seed, start: of :class:`Simulator`, which does the same from a thread.
        seconds: for how long, by the clock. messages: how many, those of the start included. Without either, until Ctrl-C.

    Returns:
        SimulationResult: ``published``, ``payload_bytes``, ``bad``, ``lost``, ``seconds``, ``rate``.

    Raises:
        InvalidArgumentError: the configuration, with the key that is wrong.
        PublishDenied, PublishManyError, ClosedError: the broker refused, or the client is closed. A connection that is lost is waited for.

    Example::

        hf.simulate("plant", client, messages=1_000_000, speed=math.inf)
    """
    simulator = Simulator(config, client, rate=rate, speed=speed, seed=seed, start=start)
    try:
        return simulator.run(seconds=seconds, messages=messages)
    except KeyboardInterrupt:
        return simulator.result()
