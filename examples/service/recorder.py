"""A recorder that runs for months as a service of systemd: see honeyframe-recorder.service beside it.

What arrives is in a spool before it is acknowledged and goes from there to Parquet exactly once, through restarts of all kinds. SIGTERM,
the service's stop, writes what is there and ends with 0. While it gets on, and only then, it tells systemd so (the watchdog).
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import sys
import threading

import honeyframe as hf


def tell(state: str) -> None:
    """To systemd, which names its socket in the environment; to nobody where it did not start us."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):  # of Linux, without a file
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.sendto(state.encode(), address)


def watchdog_seconds() -> float:
    """A quarter of the time within which systemd wants to hear of us."""
    return int(os.environ.get("WATCHDOG_USEC", "10000000")) / 4e6


def gets_on(before: hf.RecorderStats, now: hf.RecorderStats) -> bool:
    """Whether what has come since ``before`` is being written, or tried again: a store that is away is no reason to be killed."""
    came_before, came = (one.received - one.dropped - one.rejected for one in (before, now))
    return came == came_before or any(
        getattr(now, name) != getattr(before, name) for name in ("recorded", "uncommitted", "unreadable", "storage_failures")
    )


def password_file() -> str | None:
    """LoadCredential= puts it there, for this service alone."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    return os.path.join(folder, "mqtt-password") if folder else None  # noqa: PTH118


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("uri")
    parser.add_argument("topics", nargs="+")
    parser.add_argument("--path", required=True)
    parser.add_argument("--username")
    parser.add_argument("--ca-file")
    parser.add_argument("--client-id", default=f"recorder-{socket.gethostname()}")
    given = parser.parse_args()

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    access = {"username": given.username, "password_file": password_file(), "ca_file": given.ca_file, "client_id": given.client_id}
    with hf.record(given.path, given.topics, given.uri, session_expiry="7D", overflow="drop_newest", sync="interval", **access) as recorder:
        tell(f"READY=1\nMAINPID={os.getpid()}")
        before = recorder.stats()
        while not stop.wait(watchdog_seconds()):
            if not recorder.recording:
                recorder.wait()  # raises why
                return 1
            now = recorder.stats()
            if gets_on(before, now):
                before = now
                tell("WATCHDOG=1")
            tell(f"STATUS={now}")
        tell("STOPPING=1")
    print(f"ended in good order: {recorder.stats()}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
