"""Waiting on behalf of an event loop."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
import weakref

import pytest

from honeyframe.waiter import Waiter, in_thread


def waiting_threads() -> int:
    return sum(thread.name.startswith("waiter-test") for thread in threading.enumerate())


def wait_until_no_threads() -> None:
    until = time.monotonic() + 5
    while waiting_threads() and time.monotonic() < until:
        gc.collect()  # again: the thread itself may have held on to an error, and with it to its owner, a moment ago
        time.sleep(0.01)
    assert waiting_threads() == 0


def test_the_loop_goes_on_meanwhile() -> None:
    async def main() -> tuple[str, int]:
        waiter = Waiter("waiter-test")
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0.01)
                ticks += 1

        ticking = asyncio.create_task(tick())
        end = time.monotonic() + 0.3
        result = await waiter.call(lambda: "done" if time.monotonic() > end else time.sleep(0.05))
        ticking.cancel()
        waiter.stop()
        return result, ticks

    result, ticks = asyncio.run(main())
    assert result == "done"
    assert ticks >= 10
    wait_until_no_threads()


def test_an_error_comes_to_the_one_who_waits() -> None:
    async def main() -> None:
        def fail() -> None:
            raise LookupError("from the thread")

        with pytest.raises(LookupError, match="from the thread"):
            await Waiter("waiter-test").call(fail)

    asyncio.run(main())
    wait_until_no_threads()


def test_a_cancelled_wait_ends_its_steps() -> None:
    async def main() -> int:
        waiter = Waiter("waiter-test")
        steps = 0

        def step() -> None:
            nonlocal steps
            steps += 1
            time.sleep(0.02)

        task = asyncio.create_task(waiter.call(step))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(0.1)
        seen = steps
        await asyncio.sleep(0.1)
        assert steps == seen
        assert await waiter.call(lambda: 7) == 7  # the thread serves the next one
        waiter.stop()
        return seen

    assert asyncio.run(main()) >= 2
    wait_until_no_threads()


def test_a_loop_that_was_closed_is_left_alone() -> None:
    waiter = Waiter("waiter-test")
    release = threading.Event()

    async def main() -> None:
        task = asyncio.create_task(waiter.call(lambda: release.wait(5) or None))
        await asyncio.sleep(0.05)
        task.cancel()

    asyncio.run(main())
    release.set()
    waiter.stop(2)
    wait_until_no_threads()


def test_the_thread_ends_with_its_owner() -> None:
    async def main() -> weakref.ref[Waiter]:
        waiter = Waiter("waiter-test")
        await waiter.call(lambda: 1)
        return weakref.ref(waiter)

    reference = asyncio.run(main())
    gc.collect()
    assert reference() is None
    wait_until_no_threads()


def test_in_thread() -> None:
    async def main() -> tuple[None, int]:
        return await in_thread(lambda: None), await in_thread(threading.get_ident)

    nothing, ident = asyncio.run(main())
    assert nothing is None
    assert ident != threading.get_ident()
