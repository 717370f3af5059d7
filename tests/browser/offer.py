"""Publishes points to twenty topics at a steady rate, in a process of its own, until stdin ends; then prints how many it has sent:
``python -m tests.browser.offer PORT RATE``
"""

from __future__ import annotations

import random
import select
import sys
import time

from tests.brokers.client import V5, Client

LINES = 20


def main(port: int, rate: float) -> None:
    client = Client(port, version=V5)
    noise = random.Random(1)
    sent = 0
    start = time.monotonic()
    while not select.select([sys.stdin], [], [], 0.01)[0]:
        due = int((time.monotonic() - start) * rate) - sent
        if due > 0:
            numbers = range(sent, sent + due)
            client.publish_all(
                [(f"load/{number % LINES}/t", f'{{"v": {noise.gauss(number % LINES, 0.3):.4f}}}'.encode()) for number in numbers]
            )
            sent += due
    client.close()
    print(sent, flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
