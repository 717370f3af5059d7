"""Interrupting works: every wait answers Ctrl-C within 100 ms, the interpreter ends within 3 s, and a fork harms nobody."""

from __future__ import annotations

import statistics
import time

import pytest
from tests.brokers.client import Storm
from tests.brokers.mosquitto import Mosquitto
from tests.brokers.packets import Connect, Disconnect
from tests.brokers.scripted import Connection, ScriptedBroker
from tests.integration.processes import Child

pytestmark = pytest.mark.timeout(60)

TIMES = 3
ANSWER_SECONDS = 0.1
EXIT_SECONDS = 3.0

_INTERRUPTED = """
import signal, time, sys
import honeyframe as hf
import pandas
signal.signal(signal.SIGINT, signal.default_int_handler)
{setup}
for _ in range({times}):
    print("waiting", flush=True)
    try:
        {wait}
        print("not interrupted", flush=True)
    except KeyboardInterrupt:
        print(time.monotonic(), flush=True)
print("alive", flush=True)
{after}
"""


def _assert_answered(setup: str, wait: str, after: str = "", settle: float = 0.3, times: int = TIMES) -> None:
    """Interrupts ``wait`` three times, and the process goes on."""
    delays = []
    with Child(_INTERRUPTED.format(setup=setup, wait=wait, after=after, times=times)) as child:
        for _ in range(times):
            child.expect("waiting")
            time.sleep(settle)
            sent = child.interrupt()
            line = child.line()
            assert line != "not interrupted"
            delays.append(float(line) - sent)
        child.expect("alive")
        assert child.wait(EXIT_SECONDS + 5) == 0, child.errors()
    assert statistics.median(delays) <= ANSWER_SECONDS, delays
    assert max(delays) < 1.0, delays


async def _hangs_at_connect(c: Connection) -> None:
    await c.expect(Connect)
    await c.hang()


async def _hangs_at_subscribe(c: Connection) -> None:
    await c.accept()
    await c.hang()


async def _never_acknowledges(c: Connection) -> None:
    await c.accept()
    await c.hang()


async def _drops(c: Connection) -> None:
    await c.accept()
    await c.grant()
    await c.close()


async def _serves(c: Connection) -> None:
    await c.accept()
    await c.serve()


async def _grants_and_is_silent(c: Connection) -> None:
    await c.accept()
    await c.grant()
    await c.hang()


def test_connect_while_no_connack_comes() -> None:
    with ScriptedBroker(_hangs_at_connect, repeat=True) as broker:
        _assert_answered("", f"hf.connect('mqtt://127.0.0.1:{broker.port}', connect_timeout=30)")


def test_connect_while_no_handshake_comes() -> None:
    async def silence(c: Connection) -> None:
        await c.absorb()

    with ScriptedBroker(silence, repeat=True) as broker:
        _assert_answered("", f"hf.connect('mqtts://127.0.0.1:{broker.port}', connect_timeout=30)")


def test_the_doctor_while_a_port_is_greeted_in_all_ways() -> None:
    async def silence(c: Connection) -> None:
        await c.absorb()

    with ScriptedBroker(silence, repeat=True) as broker:
        options = f"lambda scheme: _core.ConnectOptions(f'{{scheme}}://127.0.0.1:{broker.port}')"
        setup = f"""
from types import SimpleNamespace
from honeyframe import _core
from honeyframe.diagnosis import port
visit = SimpleNamespace(token="0" * 16, limit=lambda _: 30.0, bare_options={options})
"""
        _assert_answered(setup, "port.spoken(visit)")


def test_subscribe_while_no_suback_comes() -> None:
    with ScriptedBroker(_hangs_at_subscribe, repeat=True) as broker:
        _assert_answered(f"client = hf.connect('mqtt://127.0.0.1:{broker.port}')", "client.stream('a', timeout=30)")


@pytest.mark.parametrize("qos", [1, 2])
def test_publish_while_no_acknowledgement_comes(qos: int) -> None:
    with ScriptedBroker(_never_acknowledges, repeat=True) as broker:
        _assert_answered(f"client = hf.connect('mqtt://127.0.0.1:{broker.port}')", f"client.publish('a', 'x', qos={qos}, timeout=30)")


def test_publish_many_while_no_acknowledgement_comes() -> None:
    with ScriptedBroker(_never_acknowledges, repeat=True) as broker:
        rows = "rows = [{'n': n} for n in range(5000)]\nimport pyarrow"
        connect = f"client = hf.connect('mqtt://127.0.0.1:{broker.port}')"
        _assert_answered(f"{rows}\n{connect}", "client.publish_many(rows, 't', timeout=30)")


def test_exploring_while_nothing_comes() -> None:
    waits = [
        "topics('a', 30)",
        "latest('a', 30)",
        "wait_for('a', timeout=30)",
        "request('a', timeout=30)",
        "clear_retained('a', seconds=30)",
    ]
    calls = "calls = iter([" + ", ".join(f"lambda: client.{wait}" for wait in waits) + "])"
    with ScriptedBroker(_serves, repeat=True) as broker:
        setup = f"client = hf.connect('mqtt://127.0.0.1:{broker.port}')\n{calls}"
        _assert_answered(setup, "next(calls)()", times=len(waits))


def test_a_live_view_that_is_interrupted_returns() -> None:
    with ScriptedBroker(_serves, repeat=True) as broker:
        setup = f"import warnings; warnings.simplefilter('ignore'); client = hf.connect('mqtt://127.0.0.1:{broker.port}')"
        wait = "assert len(client.topics('a', None)) == 0; raise KeyboardInterrupt"
        _assert_answered(setup, wait)


@pytest.mark.parametrize(
    "wait",
    ["next(stream.batches())", "stream.read(rows=1)", "stream.read(seconds=30)", "list(stream.batches(seconds=30, yield_empty=True))"],
)
def test_reading_while_nothing_comes(wait: str) -> None:
    with ScriptedBroker(_grants_and_is_silent, repeat=True) as broker:
        _assert_answered(f"client = hf.connect('mqtt://127.0.0.1:{broker.port}'); stream = client.stream('a')", wait)


def test_read_mqtt_while_nothing_comes() -> None:
    with ScriptedBroker(_grants_and_is_silent, repeat=True) as broker:
        _assert_answered("", f"hf.read_mqtt('mqtt://127.0.0.1:{broker.port}', 'a', seconds=30)", settle=0.6)


def test_reading_while_messages_storm(mosquitto: Mosquitto, topic: str) -> None:
    port = mosquitto.listeners.ports["tcp"]
    with Storm(port, topic, rate=5000):
        connect = f"client = hf.connect('mqtt://127.0.0.1:{port}', username='both', password='both-password')"
        _assert_answered(f"{connect}; stream = client.stream('{topic}')", "[b.to_pandas() for b in stream.batches(max_seconds=0.05)]")


def test_close_while_a_message_is_unacknowledged() -> None:
    """It waits a second for the acknowledgement by itself, and may be interrupted as everything else."""
    code = """
        import signal, threading, time
        import honeyframe as hf
        signal.signal(signal.SIGINT, signal.default_int_handler)
        client = hf.connect('mqtt://127.0.0.1:{port}')
        def publish():
            try:
                client.publish('a', 'x', qos=1, timeout=30)
            except hf.errors.HoneyframeError:
                pass
        threading.Thread(target=publish).start()
        time.sleep(0.3)
        try:
            print('waiting', flush=True)
            client.close()
            print('closed', flush=True)
        except KeyboardInterrupt:
            print(time.monotonic(), flush=True)
    """
    with ScriptedBroker(_never_acknowledges, repeat=True) as broker, Child(code.format(port=broker.port)) as child:
        child.expect("waiting")
        time.sleep(0.2)
        sent = child.interrupt()
        line = child.line()
        assert line == "closed" or float(line) - sent <= 2 * ANSWER_SECONDS
        assert time.monotonic() - sent < 2.5
        assert child.wait(EXIT_SECONDS + 2) == 0, child.errors()


# --- the interpreter's end

_STORM_LOOP = """
import threading
def read():
    for batch in stream.batches(max_seconds=0.01):
        batch.to_pandas()
threading.Thread(target=read, daemon=True).start()
time.sleep(0.5)
"""


@pytest.mark.parametrize(
    "state",
    ["connected", "reading in a thread", "storm in a thread", "window", "async task", "after an exception", "sys.exit", "closed"],
)
def test_the_interpreter_ends_in_time_while_connected(state: str, mosquitto: Mosquitto, topic: str) -> None:
    port = mosquitto.listeners.ports["tcp"]
    endings = {
        "connected": "",
        "reading in a thread": _STORM_LOOP,
        "storm in a thread": _STORM_LOOP,
        "window": "stream.window(60); time.sleep(0.3); stream.window(60)",
        "async task": "import asyncio\nasync def f():\n    t = asyncio.create_task(g())\n    await asyncio.sleep(0.3)\n"
        "async def g():\n    async for b in stream.batches(): pass\nasyncio.run(f())",
        "after an exception": "raise ValueError('on purpose')",
        "sys.exit": "sys.exit(3)",
        "closed": "client.close()",
    }
    code = f"""import sys, time
import honeyframe as hf
client = hf.connect('mqtt://127.0.0.1:{port}', username='both', password='both-password')
stream = client.stream('{topic}')
def end():
    print(time.monotonic(), flush=True)
import atexit; atexit.register(end)
{endings[state]}
"""
    with Storm(port, topic, rate=3000 if state in ("storm in a thread", "window") else 5), Child(code) as child:
        ending = float(child.line())
        returncode = child.wait(20)
        took = time.monotonic() - ending
        assert returncode == {"after an exception": 1, "sys.exit": 3}.get(state, 0), child.errors()
        errors = child.errors()
        assert "Fatal" not in errors
        assert "terminate" not in errors
    assert took < EXIT_SECONDS


@pytest.mark.parametrize("state", ["connecting", "subscribing", "publishing", "reconnecting"])
def test_the_interpreter_ends_in_time_while_waiting(state: str) -> None:
    """In a thread, since the main one is at the end."""
    waits = {
        "connecting": (_hangs_at_connect, "hf.connect(uri, connect_timeout=30)"),
        "subscribing": (_hangs_at_subscribe, "hf.connect(uri).stream('a', timeout=30)"),
        "publishing": (_never_acknowledges, "hf.connect(uri).publish('a', 'x', qos=1, timeout=30)"),
        "reconnecting": (_drops, "next(hf.connect(uri).stream('a').batches())"),
    }
    script, wait = waits[state]
    with ScriptedBroker(script, repeat=True) as broker:
        code = f"""
            import threading, time
            import honeyframe as hf
            uri = 'mqtt://127.0.0.1:{broker.port}'
            def wait():
                try:
                    {wait}
                except hf.errors.HoneyframeError:
                    pass  # closed at the end
            threading.Thread(target=wait, daemon=True).start()
            time.sleep(1)
            print(time.monotonic(), flush=True)
        """
        with Child(code) as child:
            ending = float(child.line())
            assert child.wait(20) == 0, child.errors()
            assert time.monotonic() - ending < EXIT_SECONDS
            assert "Fatal" not in child.errors()


def test_an_interrupted_program_ends_in_time(mosquitto: Mosquitto, topic: str) -> None:
    """Ctrl-C that nobody catches."""
    port = mosquitto.listeners.ports["tcp"]
    code = f"""
        import signal
        import honeyframe as hf
        signal.signal(signal.SIGINT, signal.default_int_handler)
        client = hf.connect('mqtt://127.0.0.1:{port}', username='both', password='both-password')
        stream = client.stream('{topic}')
        print('reading', flush=True)
        for batch in stream.batches():
            pass
    """
    with Storm(port, topic, rate=2000), Child(code) as child:
        child.expect("reading")
        time.sleep(0.5)
        sent = child.interrupt()
        assert child.wait(20) != 0
        assert time.monotonic() - sent < EXIT_SECONDS
        assert "KeyboardInterrupt" in child.errors()


# --- fork


def test_a_forked_child_is_told_and_the_parent_goes_on(mosquitto: Mosquitto, topic: str) -> None:
    port = mosquitto.listeners.ports["tcp"]
    code = f"""
        import os, sys, warnings
        import honeyframe as hf
        warnings.simplefilter('ignore', DeprecationWarning)  # Python's own, about forking with threads
        client = hf.connect('mqtt://127.0.0.1:{port}', username='both', password='both-password')
        stream = client.stream('{topic}')
        calls = [
            lambda: client.publish('{topic}', 'x'),
            lambda: client.stream('b'),
            lambda: client.info(),
            lambda: client.close(),
            lambda: next(stream.batches()),
            lambda: stream.read(rows=1),
            lambda: stream.stats(),
            lambda: stream.window(10),
        ]
        pid = os.fork()
        if pid == 0:
            told = 0
            for call in calls:
                try:
                    call()
                except hf.errors.ForkedProcessError as error:
                    told += bool(error.hint)
            assert 'honeyframe' in repr(client) and 'honeyframe' in repr(stream)
            del client, stream, calls
            sys.exit(told)
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)
        client.publish('{topic}', {{'n': 1}}, qos=1)
        print(list(map(int, stream.read(rows=1, seconds=5).to_pandas()['n'])), client.info()['connects'], flush=True)
        client.close()
    """
    with Child(code) as child:
        child.expect("8")
        child.expect("[1] 1")
        assert child.wait(5) == 0, child.errors()


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_other_ways_to_start_a_process_work(method: str, mosquitto: Mosquitto, topic: str) -> None:
    """A new interpreter connects as any other, while its parent is connected."""
    port = mosquitto.listeners.ports["tcp"]
    code = f"""
        import multiprocessing
        import honeyframe as hf
        URI = 'mqtt://127.0.0.1:{port}'
        def work(n):
            with hf.connect(URI, username='both', password='both-password') as client:
                client.publish('{topic}', {{'n': n}}, qos=1)
            return n
        if __name__ == '__main__':
            with hf.connect(URI, username='both', password='both-password') as client:
                stream = client.stream('{topic}')
                with multiprocessing.get_context('{method}').Pool(2) as pool:
                    pool.map(work, range(3))
                print(sorted(map(int, stream.read(rows=3, seconds=5).to_pandas()['n'])), flush=True)
    """
    with Child(code) as child:
        child.expect("[0, 1, 2]")
        assert child.wait(10) == 0, child.errors()


def test_the_broker_hears_goodbye() -> None:
    """A process that ends without close() still sends DISCONNECT, so that no will is published and no session is left."""

    async def polite(c: Connection) -> None:
        await c.accept()
        assert isinstance(await c.read(), Disconnect)

    with (
        ScriptedBroker(polite) as broker,
        Child(f"import honeyframe as hf; client = hf.connect('mqtt://127.0.0.1:{broker.port}')") as child,
    ):
        assert child.wait(10) == 0, child.errors()
