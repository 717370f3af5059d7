import itertools
import json
import threading
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.waiting import wait_until

from honeyframe import simulator
from honeyframe.simulator import PlantMessage, PlantSimulator, plant_messages, plant_statuses

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def first(count: int, **options: Any) -> list[PlantMessage]:
    return list(itertools.islice(plant_messages(start=START, **options), count))


def telemetry(count: int, **options: Any) -> list[PlantMessage]:
    stream = (message for message in plant_messages(start=START, **options) if message.topic.endswith("/telemetry"))
    return list(itertools.islice(stream, count))


class Recorder:
    """A publisher that keeps what it is given."""

    def __init__(self, fail_after: int | None = None) -> None:
        self.calls: list[tuple[str, Any, int, bool]] = []
        self.threads: set[str] = set()
        self.fail_after = fail_after

    def publish(self, topic: str, payload: Any, *, qos: int = 0, retain: bool = False) -> None:
        if self.fail_after is not None and len(self.calls) >= self.fail_after:
            raise ConnectionError("the broker has gone")
        self.calls.append((topic, payload, qos, retain))
        self.threads.add(threading.current_thread().name)


def test_same_seed_same_bytes_other_seed_other_bytes() -> None:
    assert first(400) == first(400)
    assert first(400, seed=8) != first(400)
    assert list(plant_statuses(start=START)) == list(plant_statuses(start=START))


def test_every_topic_of_every_line_appears_and_lines_take_turns() -> None:
    topics = {message.topic for message in first(100, lines=3)}
    assert topics == {f"plant/{line}/{kind}" for line in (1, 2, 3) for kind in ("telemetry", "energy", "parts")}
    assert {message.topic for message in plant_statuses(lines=2)} == {"plant/1/status", "plant/2/status"}
    assert all(message.retain for message in plant_statuses())
    assert not any(message.retain for message in first(100))


def test_exactly_one_payload_is_broken_and_it_is_cut_off() -> None:
    broken = []
    for message in first(2000):
        try:
            json.loads(message.payload)
        except json.JSONDecodeError:
            broken.append(message)
    assert len(broken) == 1
    assert broken[0].payload.startswith(b'{"ts":"')
    assert not broken[0].payload.endswith(b"}")


def test_the_faults_are_where_they_are_documented() -> None:
    rows = [json.loads(message.payload) for number, message in enumerate(telemetry(60)) if number != simulator.TRUNCATED_AT]
    misfits = [row["temperature"] for row in rows if not isinstance(row["temperature"], float)]
    assert misfits == ["N/A", "sensor fault"]
    assert all("humidity" not in row for row in rows[: simulator.LATE_KEY_FROM])
    assert all("humidity" in row for row in rows[simulator.LATE_KEY_FROM :])
    # A demo of two seconds shows them all.
    assert max(simulator.NOT_AVAILABLE_AT, simulator.MISFIT_AT, simulator.LATE_KEY_FROM, simulator.TRUNCATED_AT) * 2 < 2 * 50


def test_shapes_nested_objects_arrays_and_ids_that_float64_would_round() -> None:
    by_kind = {message.topic.rsplit("/", 1)[1]: json.loads(message.payload) for message in first(8)}
    assert set(by_kind["telemetry"]["location"]) == {"hall", "bay"}
    assert len(by_kind["telemetry"]["vibration"]) == 3
    assert [phase["name"] for phase in by_kind["energy"]["phases"]] == ["L1", "L2", "L3"]
    assert isinstance(by_kind["parts"], list)
    assert by_kind["parts"][0]["part_id"] > 2**53
    device_id = by_kind["telemetry"]["device_id"]
    assert device_id > 2**53
    assert int(float(device_id)) != device_id


def test_times_follow_the_rate() -> None:
    rows = [json.loads(message.payload) for message in first(4, rate=10)]
    assert [row["ts"] for row in rows[:3]] == [f"2026-03-01T12:00:00.{tenth}00Z" for tenth in range(3)]
    assert rows[3][0]["made_ms"] == int(START.timestamp() * 1000) + 300


def test_retained_states_come_first_and_from_the_caller() -> None:
    recorder = Recorder()
    with PlantSimulator(recorder, lines=2, rate=1000) as plant:
        assert [call[0] for call in recorder.calls[:2]] == ["plant/1/status", "plant/2/status"]
        assert all(qos == 1 and retain for _, _, qos, retain in recorder.calls[:2])
        wait_until(lambda: plant.published > 20)
    assert recorder.threads == {threading.current_thread().name, "honeyframe-simulator"}
    assert plant.error is None
    count = plant.published
    time.sleep(0.05)
    assert plant.published == count == len(recorder.calls)  # closed means closed


def test_publishes_what_the_generator_gives() -> None:
    recorder = Recorder()
    with PlantSimulator(recorder, rate=2000, start=START) as plant:
        wait_until(lambda: plant.published >= 3 + 100)
    live = recorder.calls[3:103]
    assert [(topic, payload) for topic, payload, _, _ in live] == [(m.topic, m.payload) for m in first(100, rate=2000)]


def test_rate_is_kept() -> None:
    recorder = Recorder()
    before = time.monotonic()
    with PlantSimulator(recorder, rate=200) as plant:
        wait_until(lambda: plant.published >= 3 + 100)
    assert 0.4 < time.monotonic() - before < 4


def test_a_failing_client_stops_it_and_is_named(caplog: pytest.LogCaptureFixture) -> None:
    plant = PlantSimulator(Recorder(fail_after=10), rate=1000).start()
    wait_until(lambda: "the broker has gone" in caplog.text)
    assert isinstance(plant.error, ConnectionError)
    plant.close()
    plant.close()


def test_clear_retained_sends_empty_retained_messages() -> None:
    recorder = Recorder()
    PlantSimulator(recorder, lines=2).clear_retained()
    assert recorder.calls == [("plant/1/status", b"", 1, True), ("plant/2/status", b"", 1, True)]


def test_repr_and_double_start() -> None:
    plant = PlantSimulator(Recorder(), lines=2)
    assert repr(plant) == "PlantSimulator(lines=2, rate=50, seed=7, stopped, published=0)"
    with plant, pytest.raises(RuntimeError, match="already"):
        plant.start()


@pytest.mark.parametrize(
    ("options", "message"),
    [({"lines": 0}, "lines"), ({"rate": 0}, "rate"), ({"rate": float("nan")}, "rate"), ({"start": datetime(2026, 1, 1)}, "aware")],
)
def test_bad_options_are_refused_at_once(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PlantSimulator(Recorder(), **options)
