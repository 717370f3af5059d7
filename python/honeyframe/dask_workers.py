"""Workers: those of a Dask cluster, as the caller's process speaks with them: one operation, see :class:`SeatsPlugin`."""

from __future__ import annotations

import asyncio
import pickle
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from .dask_seats import OPERATION, SeatReport

if TYPE_CHECKING:
    import distributed

_STEP_SECONDS: Final = 0.2


class Workers:
    """Of one cluster. May be used from any thread."""

    def __init__(self, dask: distributed.Client) -> None:
        self._dask = dask

    def addresses(self) -> list[str]:
        """Of those that are there now."""
        return sorted(self._dask.nthreads())

    def ask(self, action: str, arguments: Mapping[str, Mapping[str, Any]], seconds: float) -> dict[str, list[SeatReport]]:
        """What the workers answer, each to its own; those that do not within so long are left out: they are gone, or will answer later."""
        scheduler: Any = self._dask.scheduler
        answers: dict[str, Any] = {}

        async def one(worker: str, content: bytes) -> None:
            message = {"op": OPERATION, "action": action, "content": content}
            answers.update(await scheduler.broadcast(msg=message, workers=[worker], on_error="ignore"))

        async def all_of_them() -> None:
            end = time.monotonic() + seconds
            there = await scheduler.ncores(workers=None)  # of the others the scheduler would log that it cannot reach them
            asked = {worker: pickle.dumps(content) for worker, content in arguments.items() if worker in there}
            waiting = {asyncio.ensure_future(one(worker, content)): worker for worker, content in asked.items()}
            while waiting and time.monotonic() < end:
                done, _ = await asyncio.wait(waiting, timeout=_STEP_SECONDS)
                for task in done:
                    del waiting[task]
                    task.result()
                alive = await scheduler.ncores(workers=None) if waiting else {}
                for task in [task for task, worker in waiting.items() if worker not in alive]:  # nobody waits for the dead
                    task.cancel()
                    del waiting[task]
            for task in waiting:
                task.cancel()

        if arguments:
            self._dask.sync(all_of_them)
        return {
            worker: pickle.loads(answer["result"])
            for worker, answer in answers.items()
            if isinstance(answer, dict) and answer.get("status") == "OK"
        }
