"""Suite: publishing at QoS 1 to Mosquitto: ``Client.publish_many`` beside paho-mqtt with the window that suits it best."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .measure import Contest, ContestError, Run, Summary, check_equal, run_process, take_turns
from .payloads import LINES, content
from .setting import Setting
from .versions import versions

if TYPE_CHECKING:
    import pandas as pd

WINDOW = 200  # the default: more of them are a longer list for Paho to walk through, fewer a shorter burst
PAHO_WINDOW = 50  # its best of 20, 50, 100, 200, 1,000: each PUBACK makes it walk through all that is in flight
HOST = "127.0.0.1"
TOPIC = "plant/{line}/set"
PUBLISHERS = ("honeyframe", "paho-mqtt + json")
NO_METHOD = "this honeyframe has no Client.publish_many"
NO_BROKER = "mosquitto is not here: apt-get install mosquitto"


def run(setting: Setting) -> list[Contest]:
    contest = Contest("publishing", "Publishing a DataFrame, TCP, QoS 1", {})
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/opt/homebrew/sbin")
    if program is None:
        contest.skipped = dict.fromkeys(PUBLISHERS, NO_BROKER)
        return [contest]
    modules = {"honeyframe": ("honeyframe",), "paho-mqtt + json": ("paho.mqtt",)}
    contest.skipped = {name: reason for name in PUBLISHERS if (reason := setting.environments.lacks(modules[name]))}
    if "honeyframe" not in contest.skipped and not has_publish_many(setting):
        contest.skipped["honeyframe"] = NO_METHOD
    messages = max(setting.messages // 4, 100)
    with running_broker(program, setting.cores[1]) as port:
        contestants = {name: publisher(setting, name, port, messages) for name in PUBLISHERS if name not in contest.skipped}
        runs = take_turns(contestants, setting.rounds)
        check_equal(runs, messages)
        expect_arrived(port, sum(len(results) for results in runs.values()) * (messages + messages // 10))
    contest.summaries = {name: Summary.of(results, messages) for name, results in runs.items()}
    contest.notes.append(
        f"In flight at most: honeyframe {WINDOW:,}, paho-mqtt {PAHO_WINDOW}. The broker counted every message that was published."
    )
    return [contest]


def has_publish_many(setting: Setting) -> bool:
    code = "import honeyframe; raise SystemExit(not hasattr(honeyframe.Client, 'publish_many'))"
    return subprocess.run([str(setting.environments.main), "-c", code], check=False).returncode == 0


def publisher(setting: Setting, name: str, port: int, messages: int) -> Callable[[], Run]:
    command = setting.module("publishing", "--name", name, "--port", port, "--messages", messages, "--core", setting.sink_core)
    return lambda: run_process(command)


# The broker ------------------------------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def running_broker(program: str, core: int | None) -> Iterator[int]:
    """Mosquitto on a free port of loopback, told not to limit what is in flight."""
    with socket.create_server((HOST, 0)) as listener:
        port: int = listener.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="honeyframe-") as directory:
        configuration = Path(directory) / "mosquitto.conf"
        lines = [f"listener {port} {HOST}", "allow_anonymous true", "persistence false", "sys_interval 1", "log_type error"]
        if os.geteuid() == 0:
            lines.append("user root")  # else it changes to a user that may not read /etc/hosts.allow, and denies everybody
        configuration.write_text("\n".join([*lines, "max_inflight_messages 0", "max_queued_messages 0", "set_tcp_nodelay true", ""]))
        with subprocess.Popen([program, "-c", str(configuration)], stdin=subprocess.DEVNULL) as process:
            try:
                if core is not None:
                    os.sched_setaffinity(process.pid, {core})
                _wait_for(port)
                yield port
            finally:
                process.terminate()


def _wait_for(port: int) -> None:
    for _ in range(100):
        with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=1):
            return
        time.sleep(0.05)
    raise ContestError("mosquitto did not start")


def expect_arrived(port: int, messages: int) -> None:
    """The broker's own count, of publishes it has received."""
    import paho.mqtt.client as paho
    from paho.mqtt.enums import CallbackAPIVersion

    counted, enough = [0], threading.Event()

    def on_message(client: Any, userdata: Any, message: Any) -> None:
        counted[0] = int(message.payload)
        if counted[0] >= messages:
            enough.set()

    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.on_message = on_message
    client.connect(HOST, port)
    client.loop_start()
    client.subscribe("$SYS/broker/publish/messages/received")
    enough.wait(10)
    client.disconnect()
    client.loop_stop()
    if counted[0] != messages:
        raise ContestError(f"the broker has received {counted[0]:,} messages, of {messages:,}")


# The children ----------------------------------------------------------------------------------------------------------------------------


def make_frame(messages: int) -> pd.DataFrame:
    """Made beforehand; turning it into JSON is part of publishing."""
    import pandas as pd

    return pd.DataFrame([{"line": f"line-{number % LINES}"} | content(number) for number in range(messages)])


def publish_honeyframe(port: int, runs: list[pd.DataFrame]) -> Callable[[int], int]:
    import honeyframe as hf

    client = hf.connect(f"mqtt://{HOST}:{port}")

    def publish(number: int) -> int:
        client.publish_many(runs[number], topic=TOPIC, qos=1, max_inflight=WINDOW)  # type: ignore[attr-defined, unused-ignore]
        return len(runs[number])

    return publish


def publish_paho(port: int, runs: list[pd.DataFrame]) -> Callable[[int], int]:
    import paho.mqtt.client as paho
    from paho.mqtt.enums import CallbackAPIVersion

    # Of our own, too: its queue of what is not yet in flight grows without bound, and costs it dearly.
    room, client = threading.Semaphore(PAHO_WINDOW), paho.Client(CallbackAPIVersion.VERSION2)
    client.max_inflight_messages_set(PAHO_WINDOW)
    client.on_publish = lambda *_: room.release()
    client.connect(HOST, port)
    client.loop_start()

    def publish(number: int) -> int:
        for record in runs[number].to_dict("records"):
            room.acquire()
            line = record.pop("line")
            client.publish(f"plant/{line}/set", json.dumps(record), qos=1)
        for _ in range(PAHO_WINDOW):
            room.acquire()
        for _ in range(PAHO_WINDOW):
            room.release()
        return len(runs[number])

    return publish


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--name", choices=PUBLISHERS, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--messages", type=int, required=True)
    parser.add_argument("--core", type=int, default=-1)
    options = parser.parse_args()
    if options.core >= 0:
        os.sched_setaffinity(0, {options.core})
    runs = [make_frame(options.messages // 10), make_frame(options.messages)]
    publish = (publish_honeyframe if options.name == "honeyframe" else publish_paho)(options.port, runs)
    publish(0)
    before, started = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    published = publish(1)
    after, ended = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    cost = {"user_s": after.ru_utime - before.ru_utime, "system_s": after.ru_stime - before.ru_stime, "wall_s": ended - started}
    package = "honeyframe" if options.name == "honeyframe" else "paho-mqtt"
    print(json.dumps(cost | {"rows": published, "version": versions([package])}), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
