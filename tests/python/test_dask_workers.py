"""Workers: who is asked, and who is not waited for."""

from __future__ import annotations

import asyncio
import pickle
import time
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("distributed")

from honeyframe.dask_seats import SeatReport
from honeyframe.dask_workers import Workers


class Scheduler:
    """One to which some workers are connected, of whom the deaf never answer."""

    def __init__(self, workers: list[str], deaf: str = "") -> None:
        self.workers = workers
        self.deaf = deaf
        self.reached: list[str] = []

    async def ncores(self, workers: None) -> dict[str, int]:
        return dict.fromkeys(self.workers, 1)

    async def broadcast(self, msg: dict[str, Any], workers: list[str], on_error: str) -> dict[str, Any]:
        self.reached += workers
        if self.deaf in workers:
            self.workers.remove(self.deaf)
            await asyncio.sleep(60)
        return {worker: {"status": "OK", "result": pickle.dumps([SeatReport(7)])} for worker in workers}


class Client:
    def __init__(self, scheduler: Scheduler) -> None:
        self.scheduler = scheduler

    def sync(self, function: Callable[[], Any]) -> None:
        asyncio.run(function())


def test_workers_that_are_gone_are_not_asked() -> None:
    scheduler = Scheduler(["a"])
    assert Workers(Client(scheduler)).ask("look", {"a": {}, "gone": {}}, 5) == {"a": [SeatReport(7)]}  # type: ignore[arg-type]
    assert scheduler.reached == ["a"]


def test_nobody_waits_for_one_that_goes_meanwhile() -> None:
    scheduler, begin = Scheduler(["a", "b"], deaf="b"), time.monotonic()
    assert Workers(Client(scheduler)).ask("look", {"a": {}, "b": {}}, 30) == {"a": [SeatReport(7)]}  # type: ignore[arg-type]
    assert time.monotonic() - begin < 5
