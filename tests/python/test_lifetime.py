"""Ctrl-C in every wait, and the end of the process while connected. Each in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]

# A broker that says CONNACK and then nothing more; `silent` does not even say that.
PRELUDE = """
import asyncio, os, signal, socket, sys, threading, time, warnings
import honeyframe as hf
import pandas, pyarrow
from honeyframe import _core
from honeyframe.source import make_reader
from honeyframe.stream import Stream

def serve(answer):
    server = socket.create_server(("127.0.0.1", 0))
    kept = []
    def run():
        while True:
            connection, _ = server.accept()
            kept.append(connection)
            if answer:
                connection.recv(4096)
                connection.sendall(b"\\x20\\x03\\x00\\x00\\x00")
    threading.Thread(target=run, daemon=True).start()
    return f"mqtt://127.0.0.1:{server.getsockname()[1]}"

def fed():
    reader, queue, _ = make_reader({}, {})
    return Stream(reader), queue

def interrupted(wait):
    sent = []
    def interrupt():
        time.sleep(0.5)
        sent.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)
    threading.Thread(target=interrupt, daemon=True).start()
    try:
        wait()
    except KeyboardInterrupt:
        print("answered after", time.perf_counter() - sent[0])
    else:
        print("not interrupted")
"""

WAITS = {
    "connect": "interrupted(lambda: hf.connect(serve(False), connect_timeout=30))",
    "connect_tls": "interrupted(lambda: hf.connect(serve(False).replace('mqtt', 'mqtts'), connect_timeout=30))",
    "subscribe": "client = hf.connect(serve(True)); interrupted(lambda: client.stream('a', timeout=30))",
    "publish_qos_1": "client = hf.connect(serve(True)); interrupted(lambda: client.publish('a', 1, qos=1, timeout=30))",
    "publish_qos_2": "client = hf.connect(serve(True)); interrupted(lambda: client.publish('a', 1, qos=2, timeout=30))",
    "batches": "stream, queue = fed(); interrupted(lambda: next(stream.batches()))",
    "batches_open": "stream, queue = fed(); queue.push('a', b'1'); interrupted(lambda: next(stream.batches(max_seconds=30)))",
    "batches_tapped": "stream, queue = fed(); stream.window(60); interrupted(lambda: next(stream.batches()))",
    "read": "stream, queue = fed(); interrupted(lambda: stream.read(rows=1))",
    "read_seconds": "stream, queue = fed(); interrupted(lambda: stream.read(seconds=30))",
    "read_mqtt": "interrupted(lambda: hf.read_mqtt(serve(True), 'a', seconds=30, timeout=30))",
    "async_batches": """
        stream, queue = fed()
        async def main():
            async for batch in stream.batches():
                pass
        interrupted(lambda: asyncio.run(main()))
    """,
    "connect_async": "interrupted(lambda: asyncio.run(hf.connect_async(serve(False), connect_timeout=30)))",
    "extract": 'interrupted(lambda: [hf.extract([b\'{"a": [1, 2, {"b": 3}]}\'] * 200_000) for _ in range(100)])',
}


def run(code: str, **environment: str) -> tuple[str, float]:
    """What ``code`` prints, and the seconds between its line "ending" and the end of its process."""
    script = PRELUDE + textwrap.dedent(code)
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
        cwd=ROOT,
    )
    assert process.stdout is not None
    lines = []
    ending = time.monotonic()
    for line in process.stdout:
        if line.startswith("ending"):
            ending = time.monotonic()
        lines.append(line)
    _, errors = process.communicate(timeout=60)
    took = time.monotonic() - ending
    assert process.returncode in (0, 3), f"exit code {process.returncode}\n{''.join(lines)}\n{errors}"
    return "".join(lines) + errors, took


@pytest.mark.parametrize("name", WAITS)
def test_ctrl_c_is_answered(name: str) -> None:
    told, _ = run(WAITS[name])
    assert "answered after" in told, told
    seconds = float(told.split("answered after")[1].split()[0])
    assert seconds < 0.25, f"{name}: answered after {seconds:.3f} s"


ENDINGS = {
    "normal": "",
    "sys_exit": "sys.exit(3)",
    "with_a_window": "stream.window(60)",
    "daemon_thread_in_batches": "threading.Thread(target=lambda: list(stream.batches()), daemon=True).start(); time.sleep(0.3)",
    "daemon_thread_at_work_in_batches": """
        def work():
            for batch in stream.batches(max_seconds=0, yield_empty=True):
                pass
            print("the loop has ended", flush=True)
        threading.Thread(target=work, daemon=True).start()
        time.sleep(0.3)
    """,
    "daemon_thread_in_read": "threading.Thread(target=lambda: stream.read(seconds=60), daemon=True).start(); time.sleep(0.3)",
    "daemon_thread_in_asyncio": """
        async def main():
            async for batch in stream.batches():
                pass
        threading.Thread(target=lambda: asyncio.run(main()), daemon=True).start()
        time.sleep(0.3)
    """,
    "a_decoder": "decoded = client.stream('exit/b', decode=lambda payload: payload)",
    "a_second_connection": "other = hf.connect(uri, username='both', password='both-password'); other.stream('#')",
    "referenced_in_a_cycle": "cycle = [client, stream]; cycle.append(cycle)",
    "daemon_thread_that_never_gives_up": """
        def work():
            while True:
                try:
                    client.publish('exit/a', {'n': 1}, qos=1)
                    stream.read(rows=1)
                except hf.HoneyframeError:
                    pass
        threading.Thread(target=work, daemon=True).start()
        time.sleep(0.3)
    """,
    "daemon_thread_publishing": """
        def publish():
            while True:
                client.publish('exit/a', {'n': 1}, qos=1)
        threading.Thread(target=publish, daemon=True).start()
        time.sleep(0.3)
    """,
}


@pytest.mark.parametrize("name", ENDINGS)
def test_the_interpreter_ends_while_connected(name: str, access: dict[str, Any]) -> None:
    code = textwrap.dedent("""
        uri = os.environ["TEST_URI"]
        client = hf.connect(uri, username="both", password="both-password")
        stream = client.stream("exit/#")
        client.publish("exit/a", {"n": 0}, qos=1)
    """)
    told, took = run(code + "print('ending', flush=True)\n" + textwrap.dedent(ENDINGS[name]), TEST_URI=access["uri"])
    assert "ending" in told
    assert took < 3.0 + 0.3, f"{name}: the process took {took:.2f} s to end\n{told}"  # 0.3: what some endings sleep
    assert "Fatal" not in told
    if name in ("daemon_thread_in_batches", "daemon_thread_at_work_in_batches", "daemon_thread_in_asyncio"):  # the loop just ends
        assert "Traceback" not in told


def test_ends_while_reconnecting() -> None:
    told, took = run("""
        server = socket.create_server(("127.0.0.1", 0))
        def run():
            connection, _ = server.accept()
            connection.recv(4096)
            connection.sendall(b"\\x20\\x03\\x00\\x00\\x00")
            time.sleep(0.3)
            connection.close()
            server.close()
        threading.Thread(target=run, daemon=True).start()
        client = hf.connect(f"mqtt://127.0.0.1:{server.getsockname()[1]}")
        time.sleep(1.0)
        print("state", client.info()["state"])
        print("ending", flush=True)
    """)
    assert "state reconnecting" in told
    assert took < 3.0


def test_goodbye_is_said_at_exit(access: dict[str, Any]) -> None:
    """DISCONNECT leaves at the interpreter's end: the broker publishes no will."""
    import honeyframe as hf

    with hf.connect(**access) as watcher, watcher.stream("exit/will") as wills:
        code = """
            client = hf.connect(os.environ["TEST_URI"], username="both", password="both-password", last_will={"topic": "exit/will"})
            print("ending", flush=True)
        """
        run(code, TEST_URI=access["uri"])
        assert len(wills.read(seconds=0.5)) == 0


def test_a_child_of_fork_reads_spools_and_is_told_that_it_cannot_connect(access: dict[str, Any], tmp_path: Path) -> None:
    """Even where its parent has closed everything: the parent's threads are what it lacks."""
    told, _ = run(
        """
        warnings.simplefilter("ignore", DeprecationWarning)  # Python's own, about forking with threads
        with hf.connect(os.environ["TEST_URI"], username="both", password="both-password") as client:
            stream = client.stream("fork/spool", delivery="spooled", spool=os.environ["TEST_SPOOL"])
            client.publish("fork/spool", {"n": 1}, qos=1)
            stream.read(rows=1, seconds=5)
        earlier = hf.open_spool(os.environ["TEST_SPOOL"])
        child = os.fork()
        if child == 0:
            with hf.open_spool(os.environ["TEST_SPOOL"], decode=lambda payload: payload) as spool:
                print("decoded", spool.read().to_pandas()["n"].tolist())
            spool = hf.open_spool(os.environ["TEST_SPOOL"], follow=True)
            print("read", spool.read(rows=1).to_pandas()["n"].tolist(), len(spool.window(60)), spool.stats().balanced)
            threading.Thread(target=lambda: list(spool.batches()), daemon=True).start()
            for use in (earlier.read, earlier.stats, stream.ledger, lambda: hf.connect("mqtt://127.0.0.1:1")):
                try:
                    use()
                except hf.ForkedProcessError as error:
                    print("refused:", error.message, "spawn" in error.hint)
            time.sleep(0.2)
            sys.exit(3)  # the reader on its thread and all
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3
        print("parent", earlier.read().to_pandas()["n"].tolist())
        """,
        TEST_URI=access["uri"],
        TEST_SPOOL=str(tmp_path / "spool"),
    )
    lines = told.splitlines()
    assert lines[:2] == ["decoded [1]", "read [1] 0 True"]
    assert lines[2:5] == ["refused: this belongs to the process from which this one was forked True"] * 3
    assert lines[5].startswith("refused: this process was forked from one that is, or was, connected to a broker: it cannot connect")
    assert lines[6:] == ["parent [1]"]
