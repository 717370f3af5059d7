"""Fifteen families of devices: their patterns, types and times; and the code that a catalog writes for each, run against a broker."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from tests.brokers.certificates import Authority
from tests.brokers.mosquitto import Mosquitto
from tests.brokers.ports import BrokerUnavailable
from tests.python.device_families import FAMILIES, Family, Message

import honeyframe as hf
from honeyframe.catalog_inference import infer_patterns
from honeyframe.catalog_pattern import CatalogPattern
from honeyframe.topic_samples import TopicSample

IDS = [family.name for family in FAMILIES]
ALL = {name: columns for family in FAMILIES for name, columns in family.patterns.items()}


def sampled(messages: list[Message]) -> dict[str, TopicSample]:
    samples: dict[str, TopicSample] = {}
    for one in messages:
        sample = samples.setdefault(one.topic, TopicSample(one.topic))
        sample.messages += 1
        sample.retained += one.retain
        sample.size += len(one.payload)
        sample.keep(one.payload, time.time_ns())
    return samples


def columns_of(pattern: CatalogPattern) -> dict[str, str]:
    return {column.name: column.type for column in pattern.columns}


@pytest.mark.parametrize("family", FAMILIES, ids=IDS)
def test_patterns_types_and_times(family: Family) -> None:
    found = {pattern.name: pattern for pattern in infer_patterns(sampled(family.messages), 10)}
    assert {name: columns_of(pattern) for name, pattern in found.items()} == family.patterns
    times = {name: found[name].event_times[0] for name in family.event_times}
    assert {name: (time.column, time.unit) for name, time in times.items()} == family.event_times
    assert sum(pattern.messages for pattern in found.values()) == len(family.messages)


@pytest.mark.parametrize("family", FAMILIES, ids=IDS)
def test_json_schema_is_one_that_every_message_fulfils(family: Family) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    import json

    payloads = {one.topic: one.payload for one in family.messages}
    for pattern in infer_patterns(sampled(family.messages), 10):
        jsonschema.Draft202012Validator.check_schema(pattern.json_schema)
        checker = jsonschema.Draft202012Validator(pattern.json_schema)
        if pattern.payload != "auto":
            continue
        for topic in pattern.topics:
            text = payloads[topic].decode()
            checker.validate("unavailable" if text == "unavailable" else json.loads(text))
        assert not checker.is_valid([{"nobody": object()}])


@pytest.fixture(scope="module")
def plant(authority: Authority) -> Iterator[dict[str, Any]]:
    """A broker that keeps the last message of every topic of every family; and how to connect to it."""
    try:
        broker = Mosquitto(authority)
    except BrokerUnavailable as reason:
        pytest.skip(str(reason))
    access = {"uri": broker.uri("mqtt", "127.0.0.1"), "username": "both"}
    with hf.connect(**access, password="both-password") as client:
        for family in FAMILIES:
            for one in family.messages:
                client.publish(one.topic, one.payload, retain=True, qos=one.qos)
    yield access
    broker.close()


@pytest.fixture(scope="module")
def catalog(plant: dict[str, Any]) -> hf.Catalog:
    """Of all families at once: retained messages, and each message once more, live."""
    with hf.connect(**plant, password="both-password") as client:

        def publish() -> None:
            time.sleep(0.2)
            for family in FAMILIES:
                for one in family.messages:
                    client.publish(one.topic, one.payload, qos=one.qos)

        thread = threading.Thread(target=publish)
        thread.start()
        try:
            return client.catalog(seconds=1)
        finally:
            thread.join()


def test_all_families_on_one_broker_come_out_as_each_alone(catalog: hf.Catalog) -> None:
    assert {name: columns_of(pattern) for name, pattern in catalog.items()} == ALL
    assert not any(topic.startswith("$") for pattern in catalog.values() for topic in pattern.topics)


def test_counts_rates_qos_and_retained_messages(catalog: hf.Catalog) -> None:
    up = catalog["application/{application}/device/{device}/event/up"]
    assert (len(up.topics), up.messages, up.retained, up.qos, up.rate) == (3, 6, 3, 1, 3.0)
    assert catalog["home/garage/door"].qos == 0
    climate = catalog["zigbee2mqtt/{device} (1)"]
    voltage = next(column for column in climate.columns if column.name == "voltage")
    assert (voltage.null_rate, voltage.required) == (pytest.approx(6 / 9, abs=1e-4), False)
    assert voltage.json_types == {"integer": 3}
    assert voltage.examples == [3005]


@pytest.mark.parametrize("family", FAMILIES, ids=IDS)
def test_the_code_runs_as_it_is_and_gives_the_same_columns(
    family: Family, catalog: hf.Catalog, plant: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MQTT_PASSWORD", "both-password")
    whole = hf.Catalog([catalog[name] for name in family.patterns], uri=plant["uri"], access={"username": "both"}, seconds=0.3)
    code = whole.code()
    assert "both-password" not in code
    done: dict[str, Any] = {}
    exec(compile(code, "catalog", "exec"), done)  # noqa: S102 - that it runs is what is tested
    frames = done["frames"]
    if family.name in ("zigbee2mqtt", "Sparkplug B", "ChirpStack"):  # a pattern alone, too
        first = next(iter(family.patterns))
        exec(compile(whole.code(first), "pattern", "exec"), done)  # noqa: S102
        frames[first] = done["df"]
    for name, frame in frames.items():
        assert [column for column in frame.columns if column != "_misfit"] == whole[name].column_names, name
        assert set(frame["_topic"]) == set(whole[name].topics), name
        kinds = family.patterns[name]
        assert {column.name: column.type for column in hf.Schema(frame.dtypes[list(kinds)])} == kinds, name


def test_the_code_is_a_program(catalog: hf.Catalog, plant: dict[str, Any]) -> None:
    code = hf.Catalog([catalog["home/{room}/temperature"]], uri=plant["uri"], access={"username": "both"}, seconds=0.3).code()
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False, env={"MQTT_PASSWORD": "both-password"}
    )
    assert ran.returncode == 0, ran.stderr
    assert "home/{room}/temperature: 3 rows" in ran.stdout
    assert "bedroom" in ran.stdout


def test_keys_that_are_named_like_a_streams_own_columns_are_read_by_their_paths() -> None:
    payloads = [b'{"_topic":"x","_recv_time":3,"_event_time":"q","ts":1772352000000,"v":1}'] * 3
    sample = TopicSample("odd/1", messages=len(payloads))
    for payload in payloads:
        sample.keep(payload, 1_772_352_000_000_000_000)
    (pattern,) = infer_patterns({"odd/1": sample}, 10)
    assert [column.name for column in pattern.columns] == ["/_topic", "/_recv_time", "/_event_time", "ts", "v"]
    schema = {column.name: (column.path, column.type) for column in pattern.columns}
    how = {"metadata": ["topic", "recv_time", "retain"], "event_time": pattern.event_time.column}
    fixed = hf.extract(payloads, ["odd/1"] * 3, schema=schema, **how)
    with pytest.warns(hf.ConflictWarning, match="name collision"):
        inferred = hf.extract(payloads, ["odd/1"] * 3, **how)
    assert set(inferred.column_names) == set(fixed.column_names)
    assert fixed.to_pandas()[["/_topic", "/_event_time", "v"]].to_numpy().tolist() == [["x", "q", 1]] * 3
