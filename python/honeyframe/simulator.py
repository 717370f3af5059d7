"""A small plant that publishes, for the demo, notebooks and tests.

What it sends is what plants send: nested objects, arrays, a text where a temperature should be, a key that only newer firmware knows,
64-bit ids, retained states, and one payload that was cut off on its way. The same seed gives the same messages, byte for byte.

``honeyframe.simulation`` is the general one, and has such a plant, too (plants/plant.toml). This one stays beside it because of what it
promises: its faults come at the messages named below and nowhere else, so that each run of a few seconds shows them all.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from .simulator_thread import SimulatorThread

__all__ = ["PlantMessage", "PlantSimulator", "Publisher", "plant_messages", "plant_statuses"]


# Every id of the plant is above 2**53: a detour through float64 would round it.
FIRST_DEVICE_ID = 9_007_199_254_740_993
# Where the plant misbehaves, as numbers of telemetry messages (0 is the first). All within the first two seconds at the default rate.
NOT_AVAILABLE_AT = 11  # temperature "N/A": a spelling of null that honeyframe knows
MISFIT_AT = 17  # temperature "sensor fault": text in a column of numbers
LATE_KEY_FROM = 23  # "humidity" appears
TRUNCATED_AT = 29  # the one broken payload


@dataclass(frozen=True, slots=True)
class PlantMessage:
    """One message: where to, its bytes, and whether the broker shall keep it."""

    topic: str
    payload: bytes
    retain: bool = False


class Publisher(Protocol):
    """What a simulator needs of a client: ``honeyframe.Client`` has it."""

    def publish(self, topic: str, payload: Any, *, qos: int = ..., retain: bool = ...) -> Any: ...


def plant_statuses(*, lines: int = 3, seed: int = 7, start: datetime | None = None) -> Iterator[PlantMessage]:
    """The retained messages, one a line: ``plant/{line}/status``.

    Parameters are those of :func:`plant_messages`.
    """
    rng = random.Random(f"status {seed}")
    since = _start(start) - timedelta(hours=1)
    for line in range(1, lines + 1):
        status = {
            "state": rng.choice(["running", "running", "maintenance"]),
            "since": _iso(since + timedelta(seconds=rng.randrange(3600))),
            "device_id": _device_id(line),
            "operator": {"name": rng.choice(["Amara", "Jonas", "Mei", "Zoë"]), "shift": rng.choice(["early", "late"])},
        }
        yield PlantMessage(f"plant/{line}/status", _encode(status), retain=True)


def plant_messages(*, lines: int = 3, seed: int = 7, start: datetime | None = None, rate: float = 50.0) -> Iterator[PlantMessage]:
    """The plant's endless stream: of four messages two are telemetry, one energy, one parts.

    Parameters
    ----------
    lines : int, default 3
        Production lines; they take turns.
    seed : int, default 7
        The same seed, start and rate give the same bytes.
    start : datetime, optional
        The time in the first message; default now. Aware; each following message is ``1 / rate`` seconds later.
    rate : float, default 50
        Messages a second, for the times inside the messages.

    Yields
    ------
    PlantMessage
        ``plant/{line}/telemetry``: an object with a nested object and an array of numbers, time in RFC 3339 in ``ts``.
        ``plant/{line}/energy``: nested objects and an array of objects, ``ts`` as above.
        ``plant/{line}/parts``: an array of objects, one for each part made, time in milliseconds since 1970 in ``made_ms``.

    Examples
    --------
    >>> next(plant_messages(seed=1)).topic
    'plant/1/telemetry'
    """
    if lines < 1:
        raise ValueError(f"lines must be at least 1, not {lines}")
    if not rate > 0:
        raise ValueError(f"rate must be more than 0 messages a second, not {rate}")
    return _generate(lines, random.Random(seed), _start(start), rate)


def _generate(lines: int, rng: random.Random, start: datetime, rate: float) -> Iterator[PlantMessage]:
    makers = (_telemetry, _energy, _telemetry, _parts)
    telemetry = sent = 0
    while True:
        line = sent // len(makers) % lines + 1
        make = makers[sent % len(makers)]
        content = make(rng, line, start + timedelta(seconds=sent / rate))
        if make is _telemetry:
            content, cut = _misbehave(content, rng, telemetry)
            telemetry += 1
        else:
            cut = False
        payload = _encode(content)
        yield PlantMessage(f"plant/{line}/{make.__name__[1:]}", payload[: len(payload) * 2 // 3] if cut else payload)
        sent += 1


def _misbehave(content: Any, rng: random.Random, number: int) -> tuple[Any, bool]:
    """The telemetry with number's fault in it, and whether to cut it off."""
    if number == NOT_AVAILABLE_AT:
        content["temperature"] = "N/A"
    elif number == MISFIT_AT:
        content["temperature"] = "sensor fault"
    if number >= LATE_KEY_FROM:
        content["humidity"] = round(rng.gauss(45, 3), 1)
    return content, number == TRUNCATED_AT


def _telemetry(rng: random.Random, line: int, now: datetime) -> Any:
    return {
        "ts": _iso(now),
        "device_id": _device_id(line),
        "temperature": round(rng.gauss(20 + 2 * line, 0.8), 2),
        "pressure": round(rng.gauss(1013, 4), 1),
        "running": rng.random() < 0.95,
        "location": {"hall": "ABC"[line % 3], "bay": line * 10},
        "vibration": [round(abs(rng.gauss(0, 0.4)), 3) for _ in range(3)],
    }


def _energy(rng: random.Random, line: int, now: datetime) -> Any:
    return {
        "ts": _iso(now),
        "device_id": _device_id(line),
        "meter": {"power_kw": round(rng.gauss(75, 9), 2), "frequency_hz": round(rng.gauss(50, 0.01), 3)},
        "phases": [{"name": name, "amps": round(rng.gauss(108, 5), 1)} for name in ("L1", "L2", "L3")],
    }


def _parts(rng: random.Random, line: int, now: datetime) -> Any:
    made_ms = int(now.timestamp() * 1000)
    first = FIRST_DEVICE_ID + made_ms + line * 10**12
    return [
        {"part_id": first + number, "made_ms": made_ms, "weight_g": round(rng.gauss(120, 1.5), 2), "ok": rng.random() < 0.97}
        for number in range(rng.randint(1, 3))
    ]


def _device_id(line: int) -> int:
    return FIRST_DEVICE_ID + 2 * line


def _start(start: datetime | None) -> datetime:
    if start is None:
        return datetime.now(UTC)
    if start.tzinfo is None:
        raise ValueError("start must be aware: datetime(..., tzinfo=UTC)")
    return start.astimezone(UTC)


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _encode(content: Any) -> bytes:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


class PlantSimulator(SimulatorThread):
    """Publishes a small plant through ``client`` from a thread of its own, until closed.

    Parameters
    ----------
    client : Client
        Where to publish: what ``hf.connect`` gives. It stays the caller's to close.
    lines : int, default 3
        Production lines.
    rate : float, default 50
        Messages a second, all topics together.
    seed : int, default 7
        The same seed gives the same messages.
    start : datetime, optional
        The time in the first message; default: when the simulator starts.

    Examples
    --------
    >>> with EmbeddedBroker() as broker, hf.connect(broker.uri) as client:      # doctest: +SKIP
    ...     with PlantSimulator(client, lines=2):
    ...         df = hf.read_mqtt(broker.uri, "plant/#", seconds=5)
    """

    def __init__(self, client: Publisher, *, lines: int = 3, rate: float = 50.0, seed: int = 7, start: datetime | None = None) -> None:
        super().__init__()
        plant_messages(lines=lines, rate=rate, start=start)  # refuses bad values here, not in the thread
        self._client = client
        self._lines = lines
        self._rate = float(rate)
        self._seed = seed
        self._start = start

    def clear_retained(self) -> None:
        """Take the retained states back from the broker, by an empty retained message on each topic (MQTT 3.1.1, section 3.3.1.3)."""
        for message in plant_statuses(lines=self._lines, seed=self._seed):
            self._publish(PlantMessage(message.topic, b"", retain=True), qos=1)

    def __repr__(self) -> str:
        return f"PlantSimulator(lines={self._lines}, rate={self._rate:g}, seed={self._seed}, {self._state}, published={self._published})"

    def _begin(self) -> None:
        super()._begin()
        self._started = datetime.now(UTC) if self._start is None else self._start
        for message in plant_statuses(lines=self._lines, seed=self._seed, start=self._started):
            self._publish(message, qos=1)  # acknowledged: whoever subscribes from here on gets it

    def _publish_until_stopped(self) -> None:
        begin = time.monotonic()
        messages = plant_messages(lines=self._lines, seed=self._seed, start=self._started, rate=self._rate)
        for sent, message in enumerate(messages):
            # Against the clock, not by sleeping 1/rate: a late wake-up is made good.
            if self._stop.wait(max(0.0, begin + sent / self._rate - time.monotonic())):
                return
            self._publish(message, qos=0)

    def _publish(self, message: PlantMessage, *, qos: int) -> None:
        self._client.publish(message.topic, message.payload, qos=qos, retain=message.retain)
        self._published += 1
