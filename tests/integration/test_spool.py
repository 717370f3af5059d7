"""delivery="spooled" with a broker: what is acknowledged is in the spool, whatever becomes of our process."""

from __future__ import annotations

import os
import random
import signal
import time
import warnings
from collections.abc import Callable
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

import pytest
from tests.brokers.client import Client as RawClient
from tests.brokers.durable_session import DurableSession
from tests.brokers.mosquitto import Mosquitto
from tests.brokers.scripted import ScriptedBroker
from tests.integration.processes import Child

import honeyframe as hf

_KILLS = int(os.environ.get("HONEYFRAME_KILLS", "10"))
_IN_FLIGHT = 20


def child_code(uri: str, spool: Path) -> str:
    return f"""
        import honeyframe as hf
        client = hf.connect({uri!r}, client_id="spooler", clean_start=False, session_expiry=3600)
        stream = client.stream("plant/+/t", delivery="spooled", spool={str(spool)!r})
        print("streams", flush=True)
        for batch in stream.batches(max_seconds=0.05):
            pass
    """


def test_killed_at_any_moment_no_acknowledged_message_is_missing(tmp_path: Path) -> None:
    session = DurableSession(_IN_FLIGHT)
    spool = tmp_path / "spool"
    moments = random.Random(7)
    with ScriptedBroker(session.serve, repeat=True) as broker:
        for _ in range(_KILLS):
            before = len(session.acknowledged)
            with Child(child_code(broker.uri(), spool)) as child:
                child.expect("streams")
                deadline = time.monotonic() + 20
                while len(session.acknowledged) == before and time.monotonic() < deadline:  # a machine with much to do takes its time
                    time.sleep(0.001)
                time.sleep(moments.uniform(0.0, 0.4))
                child._process.send_signal(signal.SIGKILL)
                child.wait(10)
            assert len(session.acknowledged) > before, "nothing was acknowledged: this kill shows nothing"
        session.goes_on = False
        time.sleep(0.2)
        acknowledged, resent = set(session.acknowledged), session.resent
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a SpoolWarning would be of a file that cannot be read
        df = hf.open_spool(spool).read().to_pandas()
    assert not acknowledged - set(df["n"]), "acknowledged, and not in the spool"
    assert df["_spool_seq"].is_unique
    assert df["_spool_seq"].tolist() == list(range(1, len(df) + 1))
    copies = df[df["n"].duplicated()]
    assert len(copies) <= _IN_FLIGHT * _KILLS
    assert copies["_dup"].all(), "a second copy that is not marked"
    print(f"{len(acknowledged):,} acknowledged, {len(df):,} in the spool, {len(copies)} copies, {resent} sent again, {_KILLS} kills")


def spooled_stream(client: hf.Client, spool: Path, **options: Any) -> hf.Stream:
    return client.stream("spooled/#", delivery="spooled", spool=spool, **options)


@pytest.mark.parametrize(("version", "qos"), [(5, 0), (5, 1), (5, 2), (4, 0), (4, 1)])
def test_messages_come_through_the_spool(
    mosquitto: Mosquitto, dial: Callable[..., hf.Client], tmp_path: Path, version: int, qos: int
) -> None:
    client = dial(mosquitto.uri("mqtt", "127.0.0.1"), version=version)
    stream = spooled_stream(client, tmp_path / "spool", qos=qos)
    assert stream.granted_qos == (qos,)
    with RawClient(mosquitto.listeners.ports["tcp"]) as other:
        for n in range(100):
            other.publish(f"spooled/{n}", b'{"n":%d}' % n, qos=qos)
        df = stream.read(rows=100, seconds=20).to_pandas()
    assert df["n"].tolist() == list(range(100))
    assert df["_spool_seq"].tolist() == list(range(1, 101))
    stats = stream.stats()
    assert stats.balanced
    assert (stats.received, stats.delivered) == (100, 100)
    assert client.stats()["arrived"] == client.stats()["routed"] + client.stats()["unmatched"]
    client.close()
    assert hf.open_spool(tmp_path / "spool").read().to_pandas()["n"].tolist() == list(range(100))


@pytest.mark.parametrize("version", [3, 4])
def test_qos_2_needs_mqtt_5(mosquitto: Mosquitto, dial: Callable[..., hf.Client], tmp_path: Path, version: int) -> None:
    client = dial(mosquitto.uri("mqtt", "127.0.0.1"), version=version)
    for _ in range(2):  # and the spool is free again
        with pytest.raises(hf.InvalidArgumentError, match="spooled delivery with QoS 2 needs MQTT 5") as refused:
            spooled_stream(client, tmp_path / "spool", qos=2)
        assert "qos=1" in refused.value.hint
    kept = spooled_stream(client, tmp_path / "spool", qos=1)
    with pytest.raises(hf.InvalidArgumentError, match="QoS 2 needs MQTT 5"):
        client.stream("other/#", qos=2)  # its filter may bring the spooled one messages with QoS 2
    client.stream("other/#", qos=1)
    kept.close()
    client.stream("other/#", qos=2)


def test_a_refused_subscription_lets_the_spool_go(mosquitto: Mosquitto, dial: Callable[..., hf.Client], tmp_path: Path) -> None:
    client = dial(mosquitto.uri("mqtt", "127.0.0.1"))
    spooled_stream(client, tmp_path / "spool").close()
    with suppress(hf.HoneyframeError):
        client.stream("a/#/b", delivery="spooled", spool=tmp_path / "spool")
    spooled_stream(client, tmp_path / "spool")


@pytest.mark.parametrize("scheme", ["mqtt", "ws"])
def test_always_brings_every_message_and_warns_where_it_syncs_one_by_one(
    mosquitto: Mosquitto, dial: Callable[..., hf.Client], tmp_path: Path, scheme: str
) -> None:
    client = dial(mosquitto.uri(scheme, "127.0.0.1"))
    one_by_one = scheme == "ws" or not hf._core.build_info()["paho"].endswith("lean")
    with pytest.warns(hf.SpoolWarning, match="waits for the disk") if one_by_one else nullcontext():
        stream = spooled_stream(client, tmp_path / "spool", sync="always")
    with RawClient(mosquitto.listeners.ports["tcp"]) as other:
        for n in range(20):
            other.publish("spooled/x", b'{"n":%d}' % n, qos=1)
    assert stream.read(rows=20, seconds=20).num_rows == 20
