"""Clients that come and go, on several threads, while messages are on their way to them; for ``test_crowds.py``."""

from __future__ import annotations

import gc
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.faults.child import facts, say

import honeyframe as hf


class Book:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.messages = 0
        self.problems: list[str] = []


def cycle(uri: str, number: int, book: Book) -> None:
    """Some leave in the middle of a read, some are only dropped, some never look at their stream."""
    try:
        client = hf.connect(uri, client_id=f"churn-{number}", protocol="5.0" if number % 2 else "3.1.1", keepalive=60)
        stream = client.stream("load/#", qos=number % 3 % 2)
        if number % 4:
            stream.read(rows=1 + number % 5, seconds=5)
        stats = stream.stats()
        if number % 5:
            client.close()
            stats = stream.stats()
        problem = "" if stats.balanced else f"{number}: {stats!r}"
        received = stats.received
    except Exception as error:
        problem, received = f"{number}: {type(error).__name__}: {error}", 0
    with book.lock:
        book.messages += received
        if problem:
            book.problems.append(problem)


def held() -> dict[str, int]:
    """Descriptors and threads of this process."""
    return {name: sum(1 for _ in Path(f"/proc/self/{name}").iterdir()) for name in ("fd", "task")}


def settled(before: dict[str, int]) -> dict[str, int]:
    """What is held once those that were dropped have gone; 10 s at most."""
    end = time.monotonic() + 10
    gc.collect()
    while (after := held()) != before and time.monotonic() < end:
        time.sleep(0.05)
    return after


def main() -> None:
    given = facts()
    book = Book()
    with ThreadPoolExecutor(given["threads"]) as workers:
        for number in range(8):  # threads and sockets that stay for the process's life
            workers.submit(cycle, given["uri"], number, book)
    gc.collect()
    time.sleep(1.0)
    book, before, started = Book(), held(), time.monotonic()
    with ThreadPoolExecutor(given["threads"]) as workers:
        for number in range(given["cycles"]):
            workers.submit(cycle, given["uri"], number, book)
    seconds = time.monotonic() - started
    say(before=before, after=settled(before), seconds=seconds, messages=book.messages, problems=book.problems[:20])


if __name__ == "__main__":
    main()
