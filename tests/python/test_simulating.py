"""Simulators that publish: to a recorder, to real brokers, and from the command line."""

from __future__ import annotations

import datetime
import json
import math
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.brokers.mosquitto import Mosquitto
from tests.python.test_cli import COMMAND, environment, run_in_terminal
from tests.waiting import wait_until
from typer.testing import CliRunner, Result

import honeyframe as hf
from honeyframe import simulating
from honeyframe.cli.app import app
from honeyframe.publishing import PublishResult
from honeyframe.simulation import Simulation
from honeyframe.simulator_thread import SimulatorStartedError

START = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
ROOM: dict[str, Any] = {
    "device": [
        {"topic": "room/{device}", "count": 2, "every": "1s", "payload": {"n": {"kind": "counter"}}},
        {"topic": "room/{device}/state", "count": 2, "retain": True, "payload": {"on": True}},
    ]
}


class Recorder:
    """A client that keeps what is published."""

    closed = True

    def __init__(self, fail_after: int = 1 << 60) -> None:
        self.calls: list[tuple[str, bytes, int, bool]] = []
        self.threads: set[str] = set()
        self._fail_after = fail_after

    def publish(self, topic: str, payload: bytes, *, qos: int = 0, retain: bool = False) -> None:
        if len(self.calls) >= self._fail_after:
            raise hf.errors.ConnectionLostError("the broker has gone")
        self.calls.append((topic, payload, qos, retain))
        self.threads.add(threading.current_thread().name)


# --- what is published, and when


def test_states_come_first_and_everything_else_from_a_thread() -> None:
    recorder = Recorder()
    with hf.Simulator(ROOM, recorder, rate=500) as simulator:
        assert [(topic, qos, retain) for topic, _, qos, retain in recorder.calls[:2]] == [
            ("room/1/state", 1, True),
            ("room/2/state", 1, True),
        ]
        wait_until(lambda: simulator.published > 50)
    count = simulator.published
    time.sleep(0.03)
    assert simulator.published == count == len(recorder.calls), "closed means closed"
    assert recorder.threads == {threading.current_thread().name, "honeyframe-simulator"}
    assert simulator.error is None
    assert simulator.clear_retained() == 2
    assert recorder.calls[-2:] == [("room/1/state", b"", 1, True), ("room/2/state", b"", 1, True)]


def test_it_publishes_what_the_simulation_gives() -> None:
    recorder = Recorder()
    result = hf.simulate("plant", recorder, messages=500, speed=math.inf, seed=5, start=START)
    expected = Simulation("plant", seed=5, start=START)
    states = [(topic, payload) for one in expected.at_start() for topic, payload in zip(one.topics, one.payloads, strict=True)]
    rest = [(topic, payload) for one in expected.take(until=100, most=497) for topic, payload in zip(one.topics, one.payloads, strict=True)]
    assert [(topic, payload) for topic, payload, _, _ in recorder.calls] == states + rest
    assert (result.published, result.payload_bytes) == (500, sum(len(payload) for _, payload, _, _ in recorder.calls))


@pytest.mark.parametrize(("speed", "count"), [(1.0, 40), (10.0, 400)])
def test_the_clock_is_kept(speed: float, count: int) -> None:
    recorder = Recorder()
    before = time.monotonic()
    result = hf.simulate({"device": [ROOM["device"][0]]}, recorder, rate=100, speed=speed, seconds=0.4)
    assert 0.4 <= time.monotonic() - before < 3
    assert result.published == pytest.approx(count, abs=3 * speed)
    assert result.seconds >= 0.4


def test_so_many_messages_and_no_more() -> None:
    for count in (0, 1, 3, 1234):
        recorder = Recorder()
        assert hf.simulate(ROOM, recorder, messages=count, speed=math.inf).published == count == len(recorder.calls)


def test_a_client_that_fails_stops_it_and_is_named(caplog: pytest.LogCaptureFixture) -> None:
    simulator = hf.Simulator(ROOM, Recorder(fail_after=10), rate=1000).start()
    wait_until(lambda: "the simulator stopped: the broker has gone" in caplog.text)
    assert isinstance(simulator.error, hf.errors.ConnectionLostError)
    assert "stopped by ConnectionLostError, 10 published" in repr(simulator)
    with pytest.raises(SimulatorStartedError, match=r"ended already, with an error that it has as \.error"):
        simulator.start()
    simulator.close()
    simulator.close()
    with pytest.raises(hf.errors.ConnectionLostError):
        hf.simulate(ROOM, Recorder(fail_after=10), messages=100, speed=math.inf)


def test_it_is_started_once() -> None:
    with hf.Simulator(ROOM, Recorder()) as simulator:
        assert "running" in repr(simulator)
        with pytest.raises(SimulatorStartedError, match="running already") as refused:
            simulator.start()
        assert isinstance(refused.value, hf.HoneyframeError)
        assert isinstance(refused.value, RuntimeError)
    assert "stopped, " in repr(simulator)


class Flaky(Recorder):
    """A client that reconnects by itself: once, in the midst of a block, its connection is lost."""

    closed = False

    def __init__(self, at: int) -> None:
        super().__init__()
        self._at = at

    def publish(self, topic: str, payload: bytes, *, qos: int = 0, retain: bool = False) -> None:
        if len(self.calls) == self._at:
            self._at = -1
            raise hf.errors.ConnectionLostError("the broker has gone")
        super().publish(topic, payload, qos=qos, retain=retain)


class FlakyInBulk(Flaky):
    """The same for ``publish_many``, which has sent some of its rows by then."""

    def publish_many(self, rows: Any, *, qos: int, retain: bool, **_: Any) -> PublishResult:
        for topic, payload in zip(rows["topic"].to_pylist(), rows["payload"].to_pylist(), strict=True):
            self.publish(topic, payload, qos=qos, retain=retain)
        return PublishResult(len(rows), len(rows), None, 0.0, [], range(0))

    def stats(self) -> dict[str, int]:
        return {"published": len(self.calls)}


@pytest.mark.parametrize(("kind", "count"), [(Flaky, 6), (FlakyInBulk, 6), (FlakyInBulk, 40)])
def test_a_connection_that_is_lost_within_a_block_costs_one_message(kind: type[Flaky], count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulating, "_RETRY", 0.01)
    recorder = kind(at=4)
    config = {"device": [{"topic": "a", "every": "1s", "payload": {"n": {"kind": "counter"}}}]}
    result = hf.simulate(config, recorder, messages=count, speed=math.inf)
    assert [json.loads(payload)["n"] for _, payload, _, _ in recorder.calls] == [n for n in range(count) if n != 4]
    assert (result.published, result.lost) == (count - 1, 1)
    assert result.payload_bytes == sum(len(payload) for _, payload, _, _ in recorder.calls)


@pytest.mark.parametrize(("options", "name"), [({"rate": "x"}, "rate"), ({"speed": "x"}, "speed"), ({"rate": True}, "rate")])
def test_what_is_no_number_is_named(options: dict[str, Any], name: str) -> None:
    with pytest.raises(TypeError, match=f"{name} must be a number, not "):
        hf.Simulator(ROOM, Recorder(), **options)
    with pytest.raises(TypeError, match="seed must be an int, not str"):
        hf.Simulator(ROOM, Recorder(), seed="x")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "told"),
    [({"speed": 0}, "speed"), ({"rate": -1}, "rate"), ({"rate": math.nan}, "rate"), ({"seed": 1, "speed": math.nan}, "speed")],
)
def test_bad_options_are_refused_at_once(options: dict[str, Any], told: str) -> None:
    with pytest.raises(hf.errors.InvalidArgumentError, match=told):
        hf.Simulator(ROOM, Recorder(), **options)
    with pytest.raises(hf.errors.InvalidArgumentError, match="messages"):
        hf.simulate(ROOM, Recorder(), messages=-1)


def test_it_says_what_it_does() -> None:
    simulator = hf.Simulator(ROOM, Recorder())
    assert repr(simulator) == "<Simulator the configuration: 4 devices, 2.00333 messages a second, stopped, 0 published>"
    assert str(hf.SimulationResult(1, 10, 0, 0, 0.2)) == "1 message in 0.2 s"
    told = str(hf.SimulationResult(12_345, 10, 3, 2, 60.0))
    assert told == "12,345 messages in 60.0 s, 206 a second; 3 of them broken on purpose; 2 lost with the connection"


# --- real brokers


@pytest.mark.parametrize("qos", [0, 1])
def test_every_message_reaches_a_broker(client: hf.Client, access: dict[str, Any], qos: int) -> None:
    config = {"device": [{"topic": "sim/{device}", "count": 5, "qos": qos, "every": "1ms", "payload": {"n": {"kind": "counter"}}}]}
    with hf.connect(**access) as other:
        stream = other.stream("sim/{device}", qos=qos)
        result = hf.simulate(config, client, messages=20_000, speed=math.inf)
        frame = stream.read(rows=20_000, seconds=20).to_pandas()
    assert (result.published, result.lost) == (20_000, 0)
    assert len(frame) == 20_000
    for _, rows in frame.groupby("device"):
        assert rows["n"].tolist() == list(range(len(rows)))
    assert client.stats()["published"] == 20_000


def test_a_lost_connection_is_waited_for(mosquitto: Mosquitto) -> None:
    from tests.brokers.proxies import Relay

    with (
        Relay(int(mosquitto.uri("mqtt").rsplit(":", 1)[1])) as relay,
        hf.connect(relay.uri(), username="both", password="both-password", reconnect_min_delay=0.05) as client,
    ):
        with hf.Simulator(
            {"device": [{"topic": "sim/lost", "qos": 1, "every": "2ms", "payload": {"n": {"kind": "counter"}}}]}, client
        ) as simulator:
            wait_until(lambda: simulator.published > 20)
            relay.cut()
            wait_until(lambda: client.stats()["connects"] == 2)
            before = simulator.published
            wait_until(lambda: simulator.published > before + 50)
        assert simulator.error is None


# --- the command


def run(*arguments: str, **variables: str) -> Result:
    """The command within this process."""
    return CliRunner().invoke(app, ["simulate", *arguments], env=variables)


@pytest.fixture
def broker(mosquitto: Mosquitto) -> Iterator[dict[str, str]]:
    """Where the broker is. Other tests read plant/# from it, too: the states that stay with it are taken back."""
    uri = mosquitto.uri("mqtt", "127.0.0.1")
    yield {"MQTT_SERVER": uri, "MQTT_USERNAME": "both", "MQTT_PASSWORD": "both-password"}
    with hf.connect(uri, username="both", password="both-password") as client:
        client.clear_retained("plant/#", dry_run=False, seconds=0.3)


def test_the_command_publishes_and_tells(broker: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "plant.toml"
    path.write_text(run("--example").stdout)
    done = run(str(path), "--messages", "200", "--speed", "max", "--clear-retained", **broker)
    assert done.exit_code == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == f"{path}: 12 devices, as fast as the broker takes them, seed 7"
    assert lines[1] == "  plant/{line}/telemetry  3 x 8.33 a second"
    assert lines[-3].startswith("Publishing to mqtt://127.0.0.1:")
    assert lines[-2].startswith("200 messages in ")
    assert lines[-1] == "3 retained states taken back from the broker"
    by_uri = run(broker["MQTT_SERVER"], "-n", "3", MQTT_USERNAME="both", MQTT_PASSWORD="both-password")
    assert by_uri.exit_code == 0
    assert "3 retained states stay with the broker; --clear-retained" in by_uri.stdout


def test_the_command_prints_instead() -> None:
    done = run("--print", "--messages", "10", "--seed", "3")
    assert done.exit_code == 0
    topic, payload = done.stdout.splitlines()[5].split(" ", 1)
    assert topic.startswith("plant/")
    json.loads(payload)
    assert len(done.stdout.splitlines()) == 10


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nothing.toml"], "there is no file 'nothing.toml'; honeyframe simulate --example > nothing.toml makes one"),
        (["mqtt://127.0.0.1", "plant"], "'plant' is neither an address"),
        (["--speed", "fast"], "--speed is a number above 0"),
        (["--speed", "-1"], "--speed is a number above 0"),
        (["--rate", "0"], "--rate must be more than 0"),
        (["--seconds", "soon"], "--seconds"),
        (["plant"], "no broker address"),
    ],
)
def test_the_command_says_what_is_wrong(arguments: list[str], told: str) -> None:
    done = run(*arguments, MQTT_SERVER="")
    assert done.exit_code == 2
    assert told in " ".join(done.stderr.replace("│", " ").split())


def test_the_command_names_the_key(tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text('[[device]]\nname = "oven"\ntopic = "oven/1"\n[device.payload]\nt = { kind = "number", nosie = 1 }\n')
    done = run(str(path))
    assert done.exit_code == 2
    assert done.stderr == f"error: {path}: device oven: payload.t: nosie: nothing is known by this name; did you mean noise?\n"


def test_the_command_ends_well_on_a_terminal(broker: dict[str, str]) -> None:
    code, screen = run_in_terminal("simulate", "--rate", "200", keys=b"\x03", columns=60, **broker)
    assert code == 130
    assert "messages in" in screen
    assert "Traceback" not in screen
    assert len(screen.splitlines()[0]) <= 60


def test_the_command_ends_well_in_a_pipe(broker: dict[str, str]) -> None:
    with subprocess.Popen(
        [*COMMAND, "simulate", "--print"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(20) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""
    with subprocess.Popen(
        [*COMMAND, "simulate", "--rate", "100"], stdout=subprocess.PIPE, text=True, env=environment(**broker, PYTHONUNBUFFERED="1")
    ) as process:
        assert process.stdout is not None
        while not process.stdout.readline().startswith("Publishing"):
            pass
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        told, _ = process.communicate(timeout=20)
    assert process.returncode == 130
    assert " messages in " in told


def test_the_help_fits_a_screen() -> None:
    assert len(run("--help", COLUMNS="80").stdout.splitlines()) <= 60
