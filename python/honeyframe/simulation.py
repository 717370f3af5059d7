"""Simulation: the messages of all devices of a configuration, in order of time. Nothing here publishes, or waits.

The same configuration, seed and start give the same messages, byte for byte, however they are asked for.
"""

from __future__ import annotations

import bisect
import datetime
import time
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from .arguments import check_count, check_number
from .errors import InvalidArgumentError
from .simulation_config import ConfigLike, DeviceKind, Episodes, read_config
from .simulation_fields import Flags, Integers, Moments, make_payload

_BLOCK: Final = 2_048  # messages that are drawn at once, about


@dataclass(slots=True)
class Messages:
    """Some messages of one kind of device, in order of time."""

    kind: DeviceKind
    times: list[float] = field(default_factory=list)  # seconds since the simulation's start
    topics: list[str] = field(default_factory=list)
    payloads: list[bytes] = field(default_factory=list)
    bad: list[int] = field(default_factory=list)  # which of them cannot be read, by their place

    def __len__(self) -> int:
        return len(self.times)


class _Devices:
    """The devices of one kind: draws their messages block by block."""

    def __init__(self, kind: DeviceKind, seed: int, place: int, start: float, speed_up: float) -> None:
        self.kind = kind
        self._rng = np.random.RandomState([seed & 0xFFFF_FFFF, seed >> 32 & 0xFFFF_FFFF, place])
        self._payload = make_payload(kind, self._rng)
        self._start = start
        self._interval = kind.interval / speed_up
        self._count = len(kind.topics)
        self._rounds = max(1, _BLOCK // self._count)
        self._phase = self._rng.random_sample(self._count)
        self._round = 0
        self._sent = np.zeros(self._count, dtype=np.int64)
        self._gap_began = np.full(self._count, -(2**40), dtype=np.int64)
        self._burst_began = np.full(self._count, -(2**40), dtype=np.int64)
        self._ready = Messages(kind)
        self._at = 0

    def next_time(self) -> float:
        while self._at >= len(self._ready):
            self._draw()
        return self._ready.times[self._at]

    def due(self, until: float) -> list[float]:
        """The times of those that come next, up to ``until``."""
        while self._round * self._interval <= until:  # all before that round have been drawn
            self._draw()
        return self._ready.times[self._at : bisect.bisect_right(self._ready.times, until, self._at)]

    def pop(self, count: int) -> Messages:
        """The next ``count``, which are due."""
        ready, begin, end = self._ready, self._at, self._at + count
        self._at = end
        bad = [i - begin for i in ready.bad if begin <= i < end]
        return Messages(self.kind, ready.times[begin:end], ready.topics[begin:end], ready.payloads[begin:end], bad)

    def at_start(self) -> Messages:
        """One message of each device, at the very beginning."""
        devices = np.arange(self._count)
        return self._made(np.zeros(self._count), devices, np.zeros(self._count, dtype=np.int64), 1)

    # --- a block

    def _draw(self) -> None:
        rounds, count, kind = self._rounds, self._count, self.kind
        jitter = kind.jitter * self._rng.random_sample((rounds, count))
        within = (1 - kind.jitter) * self._phase + jitter  # of an interval: blocks do not overlap
        number = self._round + np.arange(rounds)[:, None]
        device = np.broadcast_to(np.arange(count), (rounds, count))
        silent = self._episode(kind.gaps, self._gap_began)
        in_burst = self._episode(kind.bursts, self._burst_began)
        self._round += rounds
        times = np.ones((rounds, count), dtype=np.int64)
        if in_burst is not None and kind.bursts is not None:
            times[in_burst] = kind.bursts.times
        if silent is not None:
            times[silent] = 0
        repeats = times.ravel()
        places = np.repeat(np.arange(repeats.size), repeats)
        # Of a burst: spread over the interval, and not beyond it.
        first = np.cumsum(repeats) - repeats
        which = np.arange(places.size) - first[places]
        share = (within.ravel()[places] + which / np.maximum(repeats[places], 1)) % 1.0
        moments = (number.repeat(count, axis=1).ravel()[places] + share) * self._interval
        order = np.argsort(moments, kind="stable")
        places = places[order]
        made = self._made(moments[order], device.ravel()[places], places // count, rounds)
        left = self.pop(len(self._ready) - self._at)
        bad = left.bad + [len(left) + i for i in made.bad]
        self._ready = Messages(kind, left.times + made.times, left.topics + made.topics, left.payloads + made.payloads, bad)
        self._at = 0

    def _episode(self, episodes: Episodes | None, began: Integers) -> Flags | None:
        """Which messages of the block are in one; ``began`` is the round in which each device's last one began."""
        if episodes is None:
            return None
        shape = (self._rounds, self._count)
        length = max(1, round(episodes.lasts / self._interval))
        begins = self._rng.random_sample(shape) < self._interval / episodes.every
        rounds = (self._round + np.arange(self._rounds))[:, None]
        last = np.maximum.accumulate(np.where(begins, rounds, began), axis=0)
        began[:] = last[-1]
        return np.asarray(rounds - last < length)

    def _made(self, moments: Any, device: Integers, round_of: Integers, rounds: int) -> Messages:
        at = Moments(
            self._rng, self._start, moments, device, self._numbers(device), round_of, rounds, self._count, self._interval
        )  # fmt: skip
        texts = self._payload.texts(at).texts
        payloads = [text.encode() for text in texts]
        bad = self._spoil(payloads) if self.kind.bad is not None and payloads else []
        topics = self.kind.topics
        return Messages(self.kind, moments.tolist(), [topics[i] for i in device.tolist()], payloads, bad)

    def _numbers(self, device: Integers) -> Integers:
        """The how-manieth message of its device each is."""
        order = np.argsort(device, kind="stable")
        sorted_devices = device[order]
        counts = np.bincount(sorted_devices, minlength=self._count)
        begins = np.cumsum(counts) - counts
        numbers = np.empty(len(device), dtype=np.int64)
        numbers[order] = np.arange(len(device)) - begins[sorted_devices] + self._sent[sorted_devices]
        self._sent += counts
        return numbers

    def _spoil(self, payloads: list[bytes]) -> list[int]:
        assert self.kind.bad is not None
        kinds = self.kind.bad.kinds
        hit: list[int] = np.flatnonzero(self._rng.random_sample(len(payloads)) < self.kind.bad.share).tolist()
        for i in hit:
            kind = kinds[self._rng.randint(len(kinds))]
            payloads[i] = _spoiled(payloads[i], kind, self._rng.random_sample())
        return hit


def _spoiled(payload: bytes, kind: str, share: float) -> bytes:
    cut = max(1, round(len(payload) * (0.3 + 0.5 * share)))
    match kind:
        case "truncated":
            return payload[:cut]
        case "not_utf8":
            return payload[:cut] + b"\xff\xfe" + payload[cut:]
        case "empty":
            return b""
        case "text":
            return b"ERROR 17: sensor not found"
        case "nan":
            return b'{"value":NaN}'
        case _:  # "two"
            return payload + payload


class Simulation:
    """What the devices of a configuration send.

    Args:
        config: a TOML file, a mapping of its content, or ``"plant"``, which comes with honeyframe.
        seed, start: in place of the configuration's. ``start`` is the time in the first message; default: now.
        rate: messages a second of all devices together: each one's rate is changed in proportion.

    >>> simulation = Simulation({"device": [{"topic": "room/{device}", "count": 2, "payload": {"n": {"kind": "counter"}}}]}, seed=1)
    >>> [(m.topics, m.payloads) for m in simulation.take(until=0.999)]
    [(['room/1', 'room/2'], [b'{"n":0}', b'{"n":0}'])]
    """

    def __init__(
        self, config: ConfigLike, *, seed: int | None = None, start: datetime.datetime | None = None, rate: float | None = None
    ) -> None:
        self.config = read_config(config)
        self.seed = self.config.seed if seed is None else check_count("seed", seed)
        begin = start or self.config.start
        self.start = time.time() // 0.001 * 0.001 if begin is None else begin.timestamp()
        wanted = self.config.rate if rate is None else check_number("rate", rate)
        if not 0 < wanted < float("inf"):
            raise InvalidArgumentError(f"rate must be more than 0 messages a second; found {wanted:g}")
        self._speed_up = wanted / self.config.rate
        self._devices = [_Devices(kind, self.seed, place, self.start, self._speed_up) for place, kind in enumerate(self.config.devices)]
        self._first = [one.at_start() for one in self._devices if one.kind.at_start]

    @property
    def rate(self) -> float:
        """Messages a second, but for those that are sent at the start, gaps and bursts."""
        return self.config.rate * self._speed_up

    def at_start(self) -> list[Messages]:
        """What is sent before everything else: states, as a rule."""
        return self._first

    def next_time(self) -> float:
        """When the next message is due, in seconds since the start."""
        return min(one.next_time() for one in self._devices)

    def take(self, *, until: float, most: int | None = None) -> list[Messages]:
        """The next messages, up to ``until`` seconds since the start, at most ``most`` of them.

        By kind of device, each kind's in order of time.
        """
        due = [one.due(until) for one in self._devices]
        counts = [len(times) for times in due]
        if most is not None and sum(counts) > most:
            first = np.argsort(np.concatenate([np.array(times) for times in due]), kind="stable")[:most]
            ends = np.cumsum(counts)
            counts = np.bincount(np.searchsorted(ends, first, side="right"), minlength=len(due)).tolist()
        taken = [one.pop(count) for one, count in zip(self._devices, counts, strict=True)]
        return [one for one in taken if len(one)]
