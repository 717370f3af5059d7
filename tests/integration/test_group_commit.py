"""sync="always": one fdatasync for a burst of messages, and no acknowledgement before it.

The machine that loses power is played: our process is killed, and each segment cut back to what its last completed fdatasync covered.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
import warnings
from pathlib import Path

import pytest
from tests.brokers.durable_session import DurableSession
from tests.brokers.scripted import ScriptedBroker
from tests.integration.processes import Child

import honeyframe as hf

_KILLS = int(os.environ.get("HONEYFRAME_POWER_CUTS", "3"))
_RECEIVE_MAXIMUM = 1_000

needs_lean = pytest.mark.skipif(
    not hf._core.build_info()["paho"].endswith("lean"), reason="with the system's Paho each message is synced by itself"
)


@pytest.fixture(scope="module")
def sync_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is preloaded into the process under test."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("a C compiler is needed: apt-get install build-essential")
    library = tmp_path_factory.mktemp("sync_log") / "sync_log.so"
    source = Path(__file__).with_name("sync_log.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-Wall", "-Werror", "-o", str(library), str(source), "-ldl"], check=True)
    return library


@pytest.fixture
def preloaded(sync_log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The log of its syncs."""
    log = tmp_path / "syncs"
    monkeypatch.setenv("LD_PRELOAD", str(sync_log))
    monkeypatch.setenv("SYNC_LOG", str(log))
    return log


def child_code(uri: str, spool: Path) -> str:
    return f"""
        import honeyframe as hf
        client = hf.connect({uri!r}, client_id="spooler", clean_start=False, session_expiry=3600, receive_maximum={_RECEIVE_MAXIMUM})
        stream = client.stream("plant/+/t", delivery="spooled", spool={str(spool)!r}, sync="always")
        print("streams", flush=True)
        for batch in stream.batches(max_seconds=0.05):
            pass
    """


def acknowledged_while_it_runs(session: DurableSession, uri: str, spool: Path, seconds: float) -> float:
    """Messages a second, from the first acknowledgement on; then the process is killed."""
    with Child(child_code(uri, spool)) as child:
        child.expect("streams")
        before, deadline = len(session.acknowledged), time.monotonic() + 20
        while len(session.acknowledged) == before and time.monotonic() < deadline:
            time.sleep(0.001)
        first, begin = len(session.acknowledged), time.monotonic()
        time.sleep(seconds)
        rate = (len(session.acknowledged) - first) / (time.monotonic() - begin)
        child._process.send_signal(signal.SIGKILL)
        child.wait(10)
    return rate


def cut_back(spool: Path, log: Path) -> None:
    """Leaves of each segment what was synced."""
    synced: dict[Path, int] = {}
    for line in log.read_text().splitlines():
        size, path = line.split(" ", 1)
        synced[Path(path)] = int(size)
    for segment in spool.glob("*.hfspool"):
        os.truncate(segment, min(synced.get(segment.resolve(), 0), segment.stat().st_size))


@needs_lean
@pytest.mark.parametrize("sync_us", [0, 2_000])
def test_a_burst_is_one_sync(sync_us: int, preloaded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On this machine's disk, and on one whose syncs take two milliseconds longer: the faster a disk is, the smaller is a burst."""
    monkeypatch.setenv("SYNC_TAKES_US", str(sync_us))
    rates = {}
    for most in (1, _RECEIVE_MAXIMUM):
        preloaded.unlink(missing_ok=True)
        session = DurableSession(most)
        with ScriptedBroker(session.serve, repeat=True) as broker:
            rates[most] = acknowledged_while_it_runs(session, broker.uri(), tmp_path / f"spool-{most}", 2.0)
        syncs = len(preloaded.read_text().splitlines())
        acknowledged = len(session.acknowledged)
        print(f"{most} in flight: {rates[most]:,.0f} messages/s, {acknowledged / syncs:,.1f} messages a sync")
        if most == 1:
            assert acknowledged <= syncs, "acknowledged without a sync"
        else:
            assert acknowledged >= (20 if sync_us else 2) * syncs
    ratio = rates[_RECEIVE_MAXIMUM] / rates[1]
    print(f"{ratio:,.1f} times the messages/s of one sync a message, {sync_us} us added to each")
    assert ratio >= 20 or not sync_us


@needs_lean
def test_a_power_cut_loses_nothing_that_was_acknowledged(preloaded: Path, tmp_path: Path) -> None:
    session = DurableSession(_RECEIVE_MAXIMUM)
    spool = tmp_path / "spool"
    moments = random.Random(11)
    with ScriptedBroker(session.serve, repeat=True) as broker:
        for _ in range(_KILLS):
            before = len(session.acknowledged)
            acknowledged_while_it_runs(session, broker.uri(), spool, moments.uniform(0.0, 0.4))
            assert len(session.acknowledged) > before, "nothing was acknowledged: this kill shows nothing"
            time.sleep(0.2)  # what it had written is read by the broker
            cut_back(spool, preloaded)
        session.goes_on = False
        time.sleep(0.2)
        acknowledged = set(session.acknowledged)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        df = hf.open_spool(spool).read().to_pandas()
    assert not acknowledged - set(df["n"]), "acknowledged, and not on the disk"
    assert df["_spool_seq"].is_unique
    copies = df[df["n"].duplicated()]
    assert copies["_dup"].all()
    print(f"{len(acknowledged):,} acknowledged, {len(df):,} on the disk, {len(copies)} copies, {_KILLS} power cuts")
