"""One honeyframe client and stream under a fault: what they say, how long each step took, and the evidence for the checker."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Literal, TypeVar

from tests.brokers.faulty import FaultyBroker
from tests.faults.history import Evidence, Row

import honeyframe as hf

T = TypeVar("T")
PROTOCOLS: dict[int, Literal["3.1.1", "5.0"]] = {4: "3.1.1", 5: "5.0"}
QUICK: dict[str, Any] = {"reconnect_min_delay": 0.02, "reconnect_max_delay": 0.2, "refused_retry_delay": 0.1}


class Witness:
    """Collects rows until the broker is rid of everything and all that is owed came. Steps that end in an error are in ``refusals``."""

    def __init__(self, broker: FaultyBroker, *, version: int, client_id: str = "witness", uri: str = "", **options: Any) -> None:
        self.broker = broker
        self.rows: list[Row] = []
        self.waits: dict[str, float] = {}
        self.refusals: dict[str, str] = {}
        keep: dict[str, Any] = {"session_expiry": 3600} if version == 5 else {}
        options = {"client_id": client_id, "clean_start": False, **keep, **QUICK, **options}
        self.client = self.step("connect", lambda: hf.connect(uri or broker.uri(), protocol=PROTOCOLS[version], **options))
        self.stream: hf.Stream | None = None

    def step(self, name: str, action: Callable[[], T]) -> T | None:
        """The action, timed; None where it ended in an error of honeyframe's."""
        started = time.monotonic()
        try:
            return action()
        except hf.HoneyframeError as error:
            self.refusals[name] = type(error).__name__
            return None
        finally:
            self.waits[name] = self.waits.get(name, 0.0) + time.monotonic() - started

    def open(self, filter_: str = "plant/+/t", **options: Any) -> bool:
        client = self.client
        if client is not None:
            self.stream = self.step("stream", lambda: client.stream(filter_, metadata=["topic", "dup"], **options))
        return self.stream is not None

    def publish(self, topic: str, qos: int, timeout: float) -> None:
        client = self.client
        if client is not None:
            self.step("publish", lambda: client.publish(topic, {"speed": 3}, qos=qos, timeout=timeout))

    def read(self, seconds: float = 10.0) -> None:
        """Until everything came, or so long."""
        self.step("read", lambda: self._read(time.monotonic() + seconds))

    def _read(self, end: float) -> None:
        assert self.stream is not None
        came: set[int] = {row.number for row in self.rows}
        while time.monotonic() < end:
            finished = self.broker.store.finished
            if finished and not self.broker.store.history.owed() - came:
                break
            came |= self.take(0.05)
        self.take(0.0)

    def take(self, seconds: float) -> set[int]:
        """What is there, or comes within so long."""
        assert self.stream is not None
        df = self.stream.read(seconds=seconds).to_pandas()
        if not len(df) or "n" not in df:
            return set()
        assert df["n"].notna().all(), f"messages that nobody sent: {df[df['n'].isna()].to_dict('records')}"
        fresh = [Row(number, dup) for number, dup in zip(df["n"].tolist(), df["_dup"].tolist(), strict=True)]
        self.rows += fresh
        return {row.number for row in fresh}

    def close(self) -> None:
        client = self.client
        if client is not None:
            self.step("close", client.close)

    def evidence(self) -> Evidence:
        """To be taken when the client is closed."""
        assert self.client is not None
        assert self.stream is not None
        return Evidence(
            history=self.broker.store.history,
            rows=self.rows,
            stats=self.stream.stats().as_dict(),
            session=self.client.stats(),
            ledger=ledger_rows(self.stream),
            waits=self.waits,
            finished=self.broker.store.finished,
        )


def ledger_rows(stream: hf.Stream) -> list[tuple[str, str | None, int]]:
    """(event, reason, count)"""
    ledger = stream.ledger()
    reasons = [None if missing else reason for missing, reason in zip(ledger["reason"].isna(), ledger["reason"], strict=True)]
    return list(zip(ledger["event"], reasons, ledger["count"].tolist(), strict=True))
