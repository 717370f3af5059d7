"""The benchmarks run, compare equal work, and prove that no Python object is made for a message."""

import ctypes
import importlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from honeyframe import _core

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


def load(name: str) -> ModuleType:
    sys.path.insert(0, str(BENCHMARKS))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(BENCHMARKS))


source = load("source")
allocations = load("allocations")


@pytest.fixture
def counting() -> Any:
    try:
        with allocations.counting():
            pass
    except allocations.NoCompilerError as reason:
        pytest.skip(str(reason))
    return allocations.counting


# The source ------------------------------------------------------------------------------------------------------------------------------


def test_payloads_are_about_230_bytes_and_the_same_each_time() -> None:
    sizes = [len(source.payload(number)) for number in range(0, 200_000, 997)]
    assert min(sizes) >= 220
    assert max(sizes) <= 240
    assert source.payload(7) == source.payload(7) != source.payload(8)
    content = json.loads(source.payload(12_345))
    assert content["device_id"] > 2**53


def test_packets_are_well_formed() -> None:
    data = source.encode(300)
    at = number = 0
    while at < len(data):
        assert data[at] == 0x30
        length, at = data[at + 1] & 127 | data[at + 2] << 7, at + 3  # two bytes: each packet is longer than 127
        size = int.from_bytes(data[at : at + 2], "big")
        assert data[at + 2 : at + 2 + size].decode() == f"bench/300/line-{number % source.LINES}/telemetry"
        assert data[at + 2 + size : at + length] == source.payload(number)
        at, number = at + length, number + 1
    assert number == 300


# The comparison --------------------------------------------------------------------------------------------------------------------------


def test_end_to_end_runs_and_its_frames_are_equal(tmp_path: Path) -> None:
    for package in ("paho.mqtt", "gmqtt", "orjson", "cryptography"):
        pytest.importorskip(package)
    command = [sys.executable, str(BENCHMARKS / "end_to_end.py"), "--messages", "20000", "--warm-up", "2000", "--rounds", "1"]
    done = subprocess.run([*command, "--output", str(tmp_path)], capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "end_to_end.json").read_text())
    assert set(result["sinks"]) == {"honeyframe", "paho-mqtt + json", "gmqtt + orjson"}
    assert all(sink["cpu_us"] > 0 for sink in result["sinks"].values())
    # At this size wall time is mostly noise; the full size shows a source many times as fast.
    assert result["source_messages_per_s"] > max(sink["messages_per_s"] for sink in result["sinks"].values())
    few, many = result["honeyframe_objects"].values()
    if few is not None:
        assert many - few < 1000  # for 90,000 messages more
    assert (tmp_path / "end_to_end.md").read_text() == done.stdout


def test_a_differing_frame_is_refused() -> None:
    end_to_end = load("end_to_end")
    sinks = load("sinks")
    import pandas as pd

    rows = [sinks.row(json.loads(source.payload(number))) for number in range(50)]
    right = end_to_end.expected_digest(50)
    assert end_to_end.digest(pd.DataFrame(rows, columns=sinks.COLUMNS)) == right
    assert end_to_end.digest(pd.DataFrame(rows[::-1], columns=sinks.COLUMNS)) != right
    changed = pd.DataFrame(rows, columns=sinks.COLUMNS)
    changed.loc[7, "device_id"] += 1
    assert end_to_end.digest(changed) != right


# No Python object for a message ----------------------------------------------------------------------------------------------------------


def filled_queue(messages: int) -> _core.Queue:
    queue = _core.Queue()
    for number in range(messages):
        queue.push(f"bench/line-{number % 8}", source.payload(number % 5000), receive_time_ns=number)
    return queue


def read_everything(reader: _core.StreamReader, rows: int) -> list[_core.RecordBatch]:
    batches: list[_core.RecordBatch] = []
    while sum(batch.num_rows for batch in batches) < rows:
        batch = reader.next(max_rows=rows, max_seconds=30.0, wait=5.0)
        assert batch is not None
        batches.append(batch)
    return batches


def test_the_counter_sees_an_object_for_each_message(counting: Any) -> None:
    with counting() as count:
        kept = [source.payload(number) for number in range(200)]
    assert count.allocations >= len(kept)


def test_extraction_allocates_no_python_object_for_a_message(counting: Any) -> None:
    counts = {}
    for messages in (1_000, 50_000):
        reader = _core.StreamReader(filled_queue(messages), _core.ExtractOptions())
        with counting() as count:
            batches = read_everything(reader, messages)
        counts[messages] = count.allocations
        assert sum(batch.num_messages for batch in batches) == messages
    # The wait for a batch is sliced, so a slow machine adds a few; 49,000 messages add none.
    assert counts[50_000] - counts[1_000] < 200, counts


@pytest.fixture
def embedded_source(tmp_path: Path) -> Iterator[tuple[int, str]]:
    pytest.importorskip("cryptography")
    end_to_end = load("end_to_end")
    with end_to_end.running_source(tmp_path, [1_000, 50_000], None) as at:
        yield at


def test_from_the_socket_to_the_batches_no_python_object_for_a_message(counting: Any, embedded_source: tuple[int, str]) -> None:
    sink = load("sinks").Honeyframe(*embedded_source)
    sink.connect()
    sink.read(1_000)
    counts = {}
    for messages in (1_000, 50_000):
        with counting() as count:
            table = sink.read(messages)
        counts[messages] = count.allocations
        assert len(table) == messages
    sink.client.close()
    assert counts[50_000] - counts[1_000] < 1_000, counts  # each batch and each wait has its few; a message has none


PLANT_SCRIPT = """
import sys, time, honeyframe as hf
from honeyframe.embedded_broker import EmbeddedBroker
from honeyframe.simulator import PlantSimulator
with EmbeddedBroker() as broker, hf.connect(broker.uri) as client, PlantSimulator(client, rate=400):
    print(broker.uri, flush=True)
    sys.stdin.read()
"""


def test_messages_are_received_while_python_holds_its_lock() -> None:
    """Nobody can make a Python object without the GIL, and the receive thread goes on without it."""
    pytest.importorskip("amqtt")
    import honeyframe as hf

    ticks = [0]
    done = threading.Event()

    def tick() -> None:
        while not done.wait(0.001):
            ticks[0] += 1

    with subprocess.Popen([sys.executable, "-c", PLANT_SCRIPT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as plant:
        assert plant.stdout is not None
        with hf.connect(plant.stdout.readline().strip()) as client, client.stream("plant/#") as stream:
            threading.Thread(target=tick, daemon=True).start()
            time.sleep(0.3)
            before, ticks_before = stream.stats().received, ticks[0]
            ctypes.PyDLL(None).usleep(700_000)  # unlike time.sleep it keeps the GIL
            ticks_after, after = ticks[0], stream.stats().received
            done.set()
        plant.communicate()
    assert ticks_before > 10
    assert ticks_after - ticks_before <= 1  # no other Python ran
    assert after - before > 100
