"""The benchmarks run, compare equal work, and prove that no Python object is made for a message."""

import ctypes
import json
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from benchmarks import allocations, payloads, programs, sinks
from benchmarks.certificates import make_certificates
from benchmarks.measure import Contest, ContestError, Goal, Run, Summary, check_equal
from benchmarks.payloads import Load
from benchmarks.programs import Programs
from benchmarks.source import Source
from tests.core_build import core_build

from honeyframe import _core

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "benchmarks-tests"  # kept, so that only the first run compiles
MESSAGES = 1_000


@pytest.fixture
def counting() -> Any:
    try:
        with allocations.counting():
            pass
    except allocations.NoCompilerError as reason:
        pytest.skip(str(reason))
    return allocations.counting


@pytest.fixture(scope="session")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """honeyframe's core, installed."""
    build = core_build()
    BUILD.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cmake", "--install", build, "--prefix", BUILD / "prefix"], check=True, capture_output=True)
    return BUILD / "prefix"


@pytest.fixture(scope="session")
def built(prefix: Path) -> Programs:
    return programs.build(BUILD, prefix=prefix, rust=False)


# The payloads ----------------------------------------------------------------------------------------------------------------------------


def test_payloads_are_about_230_bytes_and_the_same_each_time() -> None:
    sizes = [len(payloads.typical(number)) for number in range(0, 200_000, 997)]
    assert min(sizes) >= 215
    assert max(sizes) <= 240
    assert payloads.typical(7) == payloads.typical(7) != payloads.typical(8)
    assert json.loads(payloads.typical(12_345))["device_id"] > 2**53


def leaves(value: Any) -> int:
    return sum(map(leaves, value.values())) if isinstance(value, dict) else 1


def test_half_of_the_keys_are_unread() -> None:
    assert leaves(json.loads(payloads.all_read(3))) == len(payloads.COLUMNS)
    assert leaves(json.loads(payloads.half_unread(3))) == 2 * len(payloads.COLUMNS)
    assert leaves(json.loads(payloads.wide(3, 200))) == 200
    assert len(json.loads(payloads.megabyte(0))) == payloads.ROWS_OF_A_MEGABYTE


def test_a_load_file_gives_its_payloads_back(tmp_path: Path) -> None:
    load = payloads.typical_load(20)
    assert payloads.read(load.write(tmp_path)) == [payloads.typical(number) for number in range(20)]


def test_a_differing_frame_is_refused() -> None:
    right = payloads.expected_frame(50)
    changed = right.copy()
    changed.loc[7, "device_id"] += 1
    digests = [payloads.digest(frame) for frame in (right, right.iloc[::-1], changed)]
    assert digests[0] == payloads.digest(payloads.expected_frame(50)) != digests[1] != digests[2] != digests[0]
    run, wrong = (Run(user_s=1, system_s=0, wall_s=1, rows=50, digest=digest) for digest in (digests[0], digests[2]))
    check_equal({"right": [run]}, 50, digests[0])
    with pytest.raises(ContestError, match="wrong: the values"):
        check_equal({"right": [run], "wrong": [wrong]}, 50, digests[0])
    with pytest.raises(ContestError, match="50 rows, of 51"):
        check_equal({"short": [run]}, 51)


# What is made of the figures -------------------------------------------------------------------------------------------------------------


def test_figures_are_medians_of_cpu_and_ratios_of_medians() -> None:
    ours = [Run(user_s=second, system_s=0.5, wall_s=4, rows=1) for second in (1.5, 0.5, 9.5)]
    theirs = [Run(user_s=5.5, system_s=0.5, wall_s=8, rows=1)]
    summary = Summary.of(ours, 1_000_000)
    assert (summary.cpu_us, summary.lowest_us, summary.highest_us, summary.messages_per_s) == (2.0, 1.0, 10.0, 250_000)
    contest = Contest("suite", "title", {"honeyframe": summary, "peer": Summary.of(theirs, 1_000_000)})
    contest.expect_peer("peer", 4.0)
    contest.expect_peer("absent", 4.0)
    contest.expect_own("honeyframe", "peer", 0.5)
    assert [(goal.value, goal.is_met) for goal in contest.goals] == [(3.0, False), (pytest.approx(1 / 3), True)]
    assert "MISSED" in str(contest.goals[0])
    assert Goal("figure", 60.0, 60.0, unit="%").is_met


# The source ------------------------------------------------------------------------------------------------------------------------------


class Client:
    """Just enough MQTT to look at a source's packets."""

    def __init__(self, port: int, level: int) -> None:
        self.level = level
        self.stream = socket.create_connection(("127.0.0.1", port), timeout=10)
        properties = b"\x00" if level == 5 else b""
        body = b"\x00\x04MQTT" + bytes([level, 2, 0, 0]) + properties + b"\x00\x04test"
        self.stream.sendall(b"\x10" + bytes([len(body)]) + body)
        assert self.packet() == (0x20, b"\x00\x00" + properties)

    def packet(self) -> tuple[int, bytes]:
        first, length, shift = self.read(1)[0], 0, 0
        while True:
            byte = self.read(1)[0]
            length, shift = length | (byte & 127) << shift, shift + 7
            if byte < 128:
                return first, self.read(length)

    def read(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            chunk = self.stream.recv(size - len(data))
            assert chunk, "closed"
            data += chunk
        return data

    def run(self, qos: int, wanted: int) -> list[tuple[str, bytes]]:
        properties = b"\x00" if self.level == 5 else b""
        body = b"\x00\x01" + properties + struct.pack("!H", 1) + b"#" + bytes([qos])
        self.stream.sendall(b"\x82" + bytes([len(body)]) + body)
        assert self.packet() == (0x90, b"\x00\x01" + properties + bytes([qos]))
        messages = []
        for number in range(wanted):
            first, body = self.packet()
            assert first == 0x30 | qos << 1
            size = int.from_bytes(body[:2], "big")
            topic, rest = body[2 : 2 + size].decode(), body[2 + size :]
            if qos:
                assert int.from_bytes(rest[:2], "big") == number % 10 + 1
                self.stream.sendall(b"\x40\x02" + rest[:2])
                rest = rest[2:]
            messages.append((topic, rest[len(properties) :]))
        return messages


@pytest.mark.parametrize(
    ("options", "level"),
    [({}, 4), ({}, 5), ({"qos": 1, "window": 4}, 4), ({"qos": 1}, 5), ({"record": "one"}, 4), ({"record": "one", "rate": 5000}, 4)],
    ids=str,
)
def test_the_source_sends_each_run_in_full(built: Programs, tmp_path: Path, options: dict[str, Any], level: int) -> None:
    """First the warm-up, then the run, as often as it is asked for; a load that is smaller starts again."""
    load = payloads.typical_load(10)
    with Source(built, tmp_path, load, warm_up=3, messages=25, **options) as source:
        client = Client(source.tcp_port, level)
        for wanted in (3, 25, 25):
            expected = [(load.topic(number % 10), load.payload(number % 10)) for number in range(wanted)]
            assert client.run(options.get("qos", 0), wanted) == expected
        client.stream.sendall(b"\xc0\x00")
        assert client.packet() == (0xD0, b"")
        client.stream.close()


def test_the_source_waits_for_acknowledgements(built: Programs, tmp_path: Path) -> None:
    with Source(built, tmp_path, payloads.typical_load(10), warm_up=10, messages=10, qos=1, window=4) as source:
        client = Client(source.tcp_port, 4)
        client.stream.sendall(b"\x82\x06\x00\x01\x00\x01#\x01")
        client.packet()
        for _ in range(4):
            assert client.packet()[0] == 0x32
        client.stream.settimeout(0.3)
        with pytest.raises(TimeoutError):
            client.stream.recv(1)
        client.stream.close()


# The floor -------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "spoiled",
    [
        (b'"unit":"degC"', b'"unit":tru'),
        (b'"unit":"degC"', rb'"unit":"\q"'),
        (b'"unit":"degC"', rb'"un\qit":"degC"'),
        (b'"unit":"degC"', b'"unit":[01,nul]'),
        (b'"unit":"degC"', b'"unit":{"a":1.}'),
        (b'"bay":1', b'"bay":1,"more":-'),
        (b'"plant-one"}', b'"plant-one"} 1'),
        (b'"plant-one"}', b'"plant-\xff"}'),
    ],
)
def test_the_floor_validates_as_much_as_honeyframe(built: Programs, tmp_path: Path, spoiled: tuple[bytes, bytes]) -> None:
    """In what nobody asked for. Else it would be a floor under something else."""
    bad = payloads.typical(1).replace(*spoiled)
    assert bad != payloads.typical(1)
    for payload, accepted in ((payloads.typical(1), True), (bad, False)):
        path = Load(f"spoiled-{accepted}", 1, lambda number, payload=payload: payload).write(tmp_path)
        for program in ("extract_floor", "extract_honeyframe"):
            done = subprocess.run([built[program], "--load", path], capture_output=True, check=False)
            assert (done.returncode == 0) is accepted, (program, payload)


# The comparison --------------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def small_result(prefix: Path, built: Programs, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str, Path]:
    """Every suite, as small as it can be, with what is installed here: (benchmarks.json, what was printed, where)."""
    output = tmp_path_factory.mktemp("benchmarks")
    command = [sys.executable, "-m", "benchmarks", "--here", "--no-rust", "--prefix", prefix, "--build", BUILD, "--output", output]
    command += ["--messages", MESSAGES, "--rounds", 1, "--idle-messages", 5, "--idle-gaps", "0.01:0.02", "--streamed-messages", 20_000]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=110, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return json.loads((output / "benchmarks.json").read_text()), done.stdout, output


def test_certificates_pass_where_verification_is_strict(tmp_path: Path) -> None:
    """As it is by default from Python 3.13 on."""
    authority, certificate, key = make_certificates(tmp_path)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(certificate, key)
    asking = ssl.create_default_context(cafile=str(authority))
    asking.verify_flags |= ssl.VERIFY_X509_STRICT
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = asking.wrap_bio(to_client, to_server, server_hostname="127.0.0.1")
    server = serving.wrap_bio(to_server, to_client, server_side=True)
    for end in (client, server, client):
        try:
            end.do_handshake()
        except ssl.SSLWantReadError:
            continue
    assert client.version() == "TLSv1.3"
    assert client.getpeercert()


def contests(result: dict[str, Any], suite: str) -> list[dict[str, Any]]:
    found = [contest for contest in result["contests"] if contest["suite"] == suite]
    assert found, suite
    return found


def test_end_to_end_runs_and_its_frames_are_equal(small_result: tuple[dict[str, Any], str, Path]) -> None:
    """Or it would have ended with an error: see test_a_differing_frame_is_refused."""
    tls, qos1, tcp = contests(small_result[0], "end_to_end")
    for contest in (tls, qos1, tcp):
        assert {"honeyframe"} < set(contest["summaries"])
        assert all(summary["cpu_us"] > 0 for summary in contest["summaries"].values())
    assert set(sinks.SINKS) <= set(tls["summaries"]) | set(tls["skipped"])
    assert "an environment of its own" in tcp["skipped"]["pathway"]
    objects = next((note for note in tls["notes"] if note.startswith("Objects")), None)
    if objects is not None:
        few, many = (int(words.split()[0].replace(",", "")) for words in objects.split(": ")[1].split(", "))
        assert many - few < MESSAGES * 9 // 10  # which is how many messages more there were


def test_every_suite_has_its_contestants(small_result: tuple[dict[str, Any], str, Path]) -> None:
    result = small_result[0]
    for contest in contests(result, "receiving"):
        assert {"honeyframe, counted", "honeyframe, queued", "floor: read + header"} <= set(contest["summaries"])
        assert "libmosquitto" in contest["summaries"] or "apt-get install" in contest["skipped"]["libmosquitto"]
        assert contest["skipped"]["rumqttc"]
    for contest in contests(result, "extraction"):
        assert {"honeyframe", "honeyframe, C++ core", "floor: simdjson loop", "json_normalize"} <= set(contest["summaries"])
    assert [set(contest["summaries"]) for contest in contests(result, "growth")][1] == {"8 columns", "200 columns"}
    assert [len(contest["notes"]) for contest in contests(result, "latency")] == [1, 1]
    assert all(contest["goals"] for contest in contests(result, "memory"))
    (publishing,) = contests(result, "publishing")
    assert {"honeyframe", "paho-mqtt + json"} == set(publishing["summaries"]) | set(publishing["skipped"])


def test_what_is_printed_is_what_is_written(small_result: tuple[dict[str, Any], str, Path]) -> None:
    result, printed, output = small_result
    assert (output / "benchmarks.md").read_text() == printed
    for contest in result["contests"]:
        assert f"## {contest['title']}\n" in printed
        for name, reason in contest["skipped"].items():
            assert f"- Left out: {name}: {reason}." in printed
    if not (output / "benchmarks.svg").exists():
        pytest.skip("matplotlib is not installed: the plot was not drawn")
    assert "<svg" in (output / "benchmarks.svg").read_text()


# No Python object for a message ----------------------------------------------------------------------------------------------------------


def filled_queue(messages: int) -> _core.Queue:
    queue = _core.Queue()
    for number in range(messages):
        queue.push(f"bench/line-{number % 8}", payloads.typical(number % 5000), receive_time_ns=number)
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
        kept = [payloads.typical(number) for number in range(200)]
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


def test_from_the_socket_to_the_batches_no_python_object_for_a_message(counting: Any, built: Programs, tmp_path: Path) -> None:
    with Source(built, tmp_path, payloads.typical_load(5_000), warm_up=1_000, messages=50_000) as source:
        sink = sinks.Honeyframe(source.tls_port, str(source.authority))
        sink.connect()
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
