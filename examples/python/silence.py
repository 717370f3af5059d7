"""Alert on silence: who says nothing for longer than is usual for him.

Each line's usual pause is learned as it goes (the median of the last twenty); three of them, and one second at least, without a word are an
alert, published as a retained message to ``alerts/{line}``, so that who connects later sees it, too. With the next word it is cleared.

    python silence.py mqtts://<cluster>.s1.eu.hivemq.cloud
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections import deque

import honeyframe as hf

LEAST = 1.0  # seconds
TIMES = 3


class Line:
    """When a line was heard last, and how long it usually pauses."""

    def __init__(self, moment: float) -> None:
        self.last = moment
        self.pauses: deque[float] = deque(maxlen=20)
        self.alerted = False

    def heard(self, moment: float) -> None:
        if moment > self.last:
            self.pauses.append(moment - self.last)
            self.last = moment

    def is_silent(self, now: float) -> bool:
        if len(self.pauses) < 3:
            return False  # nothing was learned yet
        return now - self.last > max(LEAST, TIMES * statistics.median(self.pauses))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("uri")
    parser.add_argument("--seconds", type=float, help="end after so long")
    given = parser.parse_args()

    lines: dict[str, Line] = {}
    with hf.connect(given.uri) as client:
        # No payload is looked into: what is counted is that something came. Retained messages are old news.
        stream = client.stream("plant/{line}/telemetry", payload="raw", retained="skip")
        print("listening", flush=True)
        for batch in stream.batches(max_seconds=0.25, yield_empty=True, seconds=given.seconds):
            frame = batch.to_pandas()
            for line, moments in frame.groupby("line")["_recv_time"] if len(frame) else ():
                for moment in moments.sort_values():
                    lines.setdefault(line, Line(moment.timestamp())).heard(moment.timestamp())
            now = time.time()
            for name, line in lines.items():
                silent = line.is_silent(now)
                if silent and not line.alerted:
                    client.publish(f"alerts/{name}", {"silent_since": line.last}, qos=1, retain=True)
                elif line.alerted and not silent:
                    client.publish(f"alerts/{name}", b"", qos=1, retain=True)
                line.alerted = silent


if __name__ == "__main__":
    main()
