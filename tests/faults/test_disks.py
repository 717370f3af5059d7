"""Catalogue B5: a disk that is full, that fails, that is read-only: the spool's policy is applied, counted and told, and it recovers."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.brokers.faulty import FaultyBroker
from tests.brokers.sessions import Load, SessionStore
from tests.faults.child import MIB, FaultChild
from tests.faults.history import Evidence, Row, check, invariant

PAYLOAD_BYTES = 1_000
DISK_BYTES = 4 * MIB


def payload(number: int) -> bytes:
    return b'{"n":%d,"text":"%s"}' % (number, b"x" * PAYLOAD_BYTES)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A tmpfs of 4 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("mounting a small tmpfs needs root, on Linux")
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(place)], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        pytest.skip(f"no tmpfs can be mounted here: {done.stderr.strip()}")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def collected(child: FaultChild, store: SessionStore) -> dict[str, Any]:
    """Ends the child, and checks its book against the broker's history."""
    child.tell("end")
    found = child.result()
    evidence = Evidence(
        history=store.history,
        rows=[Row(*row) for row in found["rows"]],
        stats=found["stats"],
        session=found["session"],
        ledger=[tuple(row) for row in found["ledger"]],
        finished=store.finished,
    )
    print(invariant(evidence.stats), sorted(set(found["events"])))
    assert [tuple(violation) for violation in check(evidence)] == []
    return found


def wait_for(store: SessionStore, packets: int) -> None:
    end = time.monotonic() + 20
    while (store.history.packets < packets or any(session.in_flight for session in store.sessions.values())) and time.monotonic() < end:
        time.sleep(0.01)
    assert store.history.packets >= packets


@pytest.mark.parametrize("policy", ["drop_oldest", "drop_newest", "block"])
def test_a_full_disk(small_disk: Path, policy: str) -> None:
    """Twice as much as there is room for, while nobody reads; then it is read, and there is room again."""
    first = 2 * DISK_BYTES // PAYLOAD_BYTES
    store = SessionStore(Load(total=first + 500, qos=1, payload=payload))
    store.limit = first
    options = {"overflow": policy, "block_timeout": 0.1, "qos": 1}
    with FaultyBroker(store) as broker, FaultChild("spooler", uri=broker.uri(), spool=str(small_disk / "spool"), options=options) as child:
        assert child.line() == {"opened": True}
        wait_for(store, first)
        child.tell("read")
        full = child.line()
        assert full["stats"]["dropped"] > 0
        assert "spool_disk_full" in full["events"]
        store.limit = first + 500
        for _ in range(3):
            child.tell("read")
            child.line()
        wait_for(store, first + 500)
        found = collected(child, store)
    assert found["stats"]["dropped"] == full["stats"]["dropped"], "it did not recover"
    assert {row[0] for row in found["rows"]} >= set(range(first, first + 500))


def test_a_directory_that_is_read_only(small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    spool = str(small_disk / "spool")
    with FaultyBroker(SessionStore(Load(total=0))) as broker, FaultChild("spooler", uri=broker.uri(), spool=spool, options={}) as child:
        refused = child.result()
    assert refused["error"] == "SpoolError"
    assert "Read-only" in refused["text"]
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)


@pytest.fixture(scope="module")
def failing_disk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that makes writes fail."""
    compiler = shutil.which("cc")
    if sys.platform != "linux" or compiler is None:
        pytest.skip("writes are made to fail by a preloaded library: Linux, and a C compiler (build-essential)")
    library = tmp_path_factory.mktemp("failing") / "failing_disk.so"
    source = Path(__file__).with_name("failing_disk.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-Wall", "-Werror", str(source), "-o", str(library), "-ldl"], check=True)
    return library


@pytest.mark.parametrize("error", ["EIO", "EROFS", "ENOSPC"])
def test_a_disk_that_fails_for_a_while(failing_disk: Path, tmp_path: Path, error: str) -> None:
    """What could not be written is counted and told; what comes later is in the spool."""
    spool, control = tmp_path / "spool", tmp_path / "control"
    preload = {"LD_PRELOAD": str(failing_disk), "FAILING_DISK": str(control), "FAILING_DISK_ROOT": str(spool)}
    store = SessionStore(Load(total=600, qos=1, payload=payload))
    store.limit = 200
    options = {"overflow": "drop_newest", "qos": 1}
    with (
        FaultyBroker(store) as broker,
        FaultChild("spooler", environment=preload, uri=broker.uri(), spool=str(spool), options=options) as child,
    ):
        assert child.line() == {"opened": True}
        wait_for(store, 200)
        control.write_text(str(getattr(errno, error)))
        store.limit = 400
        wait_for(store, 400)
        child.tell("book")
        failed = child.line()
        control.unlink()
        store.limit = 600
        wait_for(store, 600)
        child.tell("read")
        child.line()
        found = collected(child, store)
    assert failed["stats"]["dropped"] == 200
    assert failed["stats"]["dropped_newest" if error == "ENOSPC" else "dropped_spool_failed"] == 200
    assert ("spool_disk_full" if error == "ENOSPC" else "spool_write_failed") in found["events"]
    assert [row[0] for row in found["rows"]] == [*range(200), *range(400, 600)]
