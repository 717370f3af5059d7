"""Where the broker keeps the session, it goes on collecting when a stream has ended: what it had in between comes with the next run."""

from __future__ import annotations

import gc
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.integration.conftest import Broker, Dial

import honeyframe as hf

_numbers = itertools.count(1)

Run = Callable[..., list[Any]]


@pytest.fixture
def run(broker: Broker, dial: Dial, tmp_path: Path) -> Run:
    """One run of a recorder, the same one each time: what it read."""
    name = f"recorder-{next(_numbers)}"

    def once(work: Callable[..., hf.Table], *, spooled: bool, version: int = 5, patience: float = 0.2) -> list[Any]:
        kept = {"session_expiry": 300} if version == 5 else {}
        with dial(broker.uri("mqtt", "127.0.0.1"), version=version, client_id=name, clean_start=False, **kept) as client:
            delivery: dict[str, Any] = {"delivery": "spooled", "spool": tmp_path / "spool", "spool_from": "oldest"} if spooled else {}
            return list(work(client, delivery, patience).to_pandas().get("n", ()))

    return once


def by_with(client: hf.Client, delivery: dict[str, Any], patience: float) -> hf.Table:
    with client.stream("kept/#", **delivery) as stream:
        return stream.read(rows=1, seconds=patience)


def by_dropping(client: hf.Client, delivery: dict[str, Any], patience: float) -> hf.Table:
    table = client.stream("kept/#", **delivery).read(rows=1, seconds=patience)
    gc.collect()
    return table


def by_unsubscribing(client: hf.Client, delivery: dict[str, Any], patience: float) -> hf.Table:
    stream = client.stream("kept/#", **delivery)
    table = stream.read(rows=1, seconds=patience)
    stream.close(unsubscribe=True)
    return table


def publish(broker: Broker, dial: Dial, number: int) -> None:
    with dial(broker.uri("mqtt", "127.0.0.1")) as client:
        client.publish("kept/a", {"n": number}, qos=1)


@pytest.mark.parametrize("work", [by_with, by_dropping])
@pytest.mark.parametrize("spooled", [True, False], ids=["spooled", "received"])
@pytest.mark.parametrize("version", [4, 5])
def test_what_came_between_two_runs_comes(
    broker: Broker, dial: Dial, run: Run, work: Callable[..., hf.Table], spooled: bool, version: int
) -> None:
    assert run(work, spooled=spooled, version=version) == []
    publish(broker, dial, 1)
    assert run(work, spooled=spooled, version=version, patience=5) == [1]
    assert run(by_unsubscribing, spooled=False, version=version) == []


def test_unsubscribing_ends_it(broker: Broker, dial: Dial, run: Run) -> None:
    assert run(by_unsubscribing, spooled=False) == []
    publish(broker, dial, 1)
    assert run(by_unsubscribing, spooled=False) == []


def test_what_reads_once_leaves_no_subscription(broker: Broker, dial: Dial, run: Run) -> None:
    def read(client: hf.Client, _: dict[str, Any], patience: float) -> hf.Table:
        with pytest.warns(hf.errors.NoMessagesWarning):
            hf.read_mqtt(topics="kept/#", client=client, seconds=patience)
        return hf.extract([b'{"n": 0}'])

    assert run(read, spooled=False) == [0]
    publish(broker, dial, 1)
    assert run(by_with, spooled=False) == []
    run(by_unsubscribing, spooled=False)


def test_until_the_client_closes_the_spool_is_written(broker: Broker, dial: Dial, tmp_path: Path) -> None:
    kept = {"client_id": f"recorder-{next(_numbers)}", "clean_start": False, "session_expiry": 300}
    client = dial(broker.uri("mqtt", "127.0.0.1"), version=5, **kept)
    with client.stream("kept/#", delivery="spooled", spool=tmp_path / "spool"):
        pass
    publish(broker, dial, 1)
    assert hf.open_spool(tmp_path / "spool", follow=True).read(rows=1, seconds=5).to_pandas()["n"].tolist() == [1]
    with pytest.raises(hf.errors.SpoolError, match=r"unsubscribe=True"):
        client.stream("kept/#", delivery="spooled", spool=tmp_path / "spool")
    client.close()
    assert client.stats()["unmatched"] == 0
    with dial(broker.uri("mqtt", "127.0.0.1"), version=5, **kept) as client:
        stream = client.stream("kept/#", delivery="spooled", spool=tmp_path / "spool")
        stream.close(unsubscribe=True)
        client.stream("kept/#", delivery="spooled", spool=tmp_path / "spool").close(unsubscribe=True)


def test_a_session_that_ends_with_the_connection_is_told(broker: Broker, dial: Dial) -> None:
    with pytest.warns(hf.errors.HoneyframeWarning, match="without session_expiry"):
        dial(broker.uri("mqtt", "127.0.0.1"), version=5, client_id="forgotten", clean_start=False).close()
