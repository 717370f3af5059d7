"""What a kernel tells its front ends: from a thread, while a cell sleeps, numbered, each point once."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("anywidget")
manager = pytest.importorskip("jupyter_client.manager")
pytest.importorskip("ipykernel")

_SETUP = """
import threading, time
from honeyframe import _core
from honeyframe.stream import Stream
queue = _core.Queue()
stream = Stream(_core.StreamReader(queue, _core.ExtractOptions()))
def feed():
    for number in range(250):
        queue.push("t", b'{"n": %d}' % number, receive_time_ns=time.time_ns())
        time.sleep(0.01)
chart = stream.chart("n", window=4)
thread = threading.Thread(target=feed)
thread.start()
"""
_BUSY = "display(chart)\ntime.sleep(1.5)"
_CHANNEL = """
import threading
from honeyframe.live_widget import Channel
channel = Channel("chart", {}, lambda: ({}, ()), None, threading.RLock())
"""
#: From a thread that is as one of ours is when a page has closed a comm, and has taken the comm's subshell with it.
_SEND_AFTER_A_SUBSHELL_HAS_GONE = """
kernel = get_ipython().kernel
header = {**kernel.get_parent()["header"], "subshell_id": "gone"}
def send():
    kernel.set_parent([], {"header": header})
    channel.send({"kind": "frame"})
thread = threading.Thread(target=send)
thread.start()
thread.join()
"""


@pytest.fixture
def kernel(tmp_path: Path) -> Any:
    """A kernel's client. The kernel must end by itself, within three seconds of being asked to."""
    kernels, client = manager.start_new_kernel(cwd=str(tmp_path))
    yield client
    client.stop_channels()
    begin = time.monotonic()
    kernels.shutdown_kernel(now=False)
    assert time.monotonic() - begin < 5.0
    assert not kernels.is_alive()


def run(client: Any, code: str) -> tuple[list[dict[str, Any]], float]:
    """What came on IOPub until the cell was done, and when that was."""
    asked = client.execute(code)
    heard: list[dict[str, Any]] = []
    while True:
        message = client.get_iopub_msg(timeout=20)
        heard.append({**message, "at": time.monotonic()})
        if message["msg_type"] == "error":
            raise AssertionError("\n".join(message["content"]["traceback"]))
        if (
            message["msg_type"] == "status"
            and message["content"]["execution_state"] == "idle"
            and message["parent_header"]["msg_id"] == asked
        ):
            return heard, time.monotonic()


def frames(heard: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        message
        for message in heard
        if message["msg_type"] == "comm_msg" and message["content"]["data"].get("content", {}).get("kind") in ("frame", "whole")
    ]


def values(found: list[dict[str, Any]]) -> list[float]:
    return [value for message in found for value in np.frombuffer(message["buffers"][2], "<f8").tolist()]


def say_hello(client: Any, comm: str) -> None:
    content = {"comm_id": comm, "data": {"method": "custom", "content": {"kind": "hello", "id": "me"}}}
    client.shell_channel.send(client.session.msg("comm_msg", content))


def test_frames_come_while_a_cell_sleeps_each_point_once_and_the_whole_to_who_asks(kernel: Any) -> None:
    run(kernel, _SETUP)
    heard, _ = run(kernel, _BUSY)
    found = frames(heard)
    contents = [message["content"]["data"]["content"] for message in found]
    assert [content["kind"] for content in contents] == ["whole"] + ["frame"] * (len(found) - 1)
    numbers = [content["number"] for content in contents]
    assert numbers == list(range(len(numbers)))
    lasted = found[-1]["at"] - found[0]["at"]
    assert 6 <= len(found) - 1 <= 10 * lasted + 4  # ten a second, and what was late

    comm = found[0]["content"]["comm_id"]
    more, _ = run(kernel, "thread.join(); time.sleep(0.5)")
    seen = [value for value in values(found + frames(more)) if not math.isnan(value)]
    assert seen == sorted(set(seen))
    assert seen[-1] == 249

    say_hello(kernel, comm)
    heard, _ = run(kernel, "0")
    (whole,) = [m for m in frames(heard) if m["content"]["data"]["content"]["kind"] == "whole"]
    assert whole["content"]["data"]["content"]["to"] == "me"
    assert values([whole])[-1] == 249


def test_a_browser_is_heard_when_a_page_has_taken_its_subshell_with_it(kernel: Any) -> None:
    made, _ = run(kernel, _CHANNEL)
    (first,) = frames(made)
    run(kernel, _SEND_AFTER_A_SUBSHELL_HAS_GONE)
    say_hello(kernel, first["content"]["comm_id"])
    heard, _ = run(kernel, "0")
    (whole,) = frames(heard)
    assert whole["content"]["data"]["content"]["to"] == "me"


def test_without_anywidget_a_notebook_is_told_what_to_install(kernel: Any) -> None:
    run(kernel, "import sys; sys.modules['anywidget'] = None")
    with pytest.raises(AssertionError, match="pip install 'honeyframe"):
        run(kernel, _SETUP)
