"""Spooled queues, fed as the receive thread feeds them, and streams that read spools again."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.python.spooled import push, segments, spooled

import honeyframe as hf
from honeyframe import _core
from honeyframe.batches import Fill
from honeyframe.errors import InvalidArgumentError, SpoolError, SpoolInUseError, SpoolWarning
from honeyframe.source import make_reader, plan_stream
from honeyframe.spool import check_delivery, tell_earlier, warn_of_single_syncs
from honeyframe.stream import Stream


def test_a_stream_reads_what_its_spool_holds(tmp_path: Path) -> None:
    stream, queue = spooled(tmp_path / "spool")
    push(queue, 1, 100, qos=1)
    df = stream.read(rows=100).to_pandas()
    assert df["n"].tolist() == df["_spool_seq"].tolist() == list(range(1, 101))
    assert df["_topic"].nunique() == 3
    assert not df["_dup"].any()
    stats = stream.stats()
    assert stats.balanced
    assert (stats.received, stats.delivered, stats.queued) == (100, 100, 0)
    assert stats.spool_bytes == sum(file.stat().st_size for file in segments(tmp_path / "spool"))
    assert "received 100" in repr(stream)


def test_flags_properties_and_times_come_through(tmp_path: Path) -> None:
    reader, queue, _ = make_reader(
        {}, {"metadata": ("topic", "recv_time", "retain", "qos", "dup", "spool_seq", "user_properties", "content_type", "response_topic")},
        None, {"path": str(tmp_path / "spool")},
    )  # fmt: skip
    flags = {"qos": 1, "retain": True, "dup": True, "receive_time_ns": 1_700_000_000_123_456_789}
    queue.push("a", b"{}", user_properties=[("site", "Graz"), ("site", "")], content_type="x/y", response_topic="r", **flags)
    for table in (
        Stream(reader).read(rows=1),
        hf.open_spool(tmp_path / "spool", metadata=("recv_time", "retain", "dup", "user_properties")).read(1),
    ):
        row = table.to_pandas().iloc[0]
        assert row["_recv_time"].value == 1_700_000_000_123_456_789
        assert row["_retain"]
        assert row["_dup"]
        assert json.loads(row["_user_properties"]) == [["site", "Graz"], ["site", ""]]


def test_several_readers_from_several_places(tmp_path: Path) -> None:
    stream, queue = spooled(tmp_path / "spool")
    push(queue, 1, 1000)
    for begin, first in (("oldest", 1), (1, 1), (500, 500), (1000, 1000)):
        with hf.open_spool(tmp_path / "spool", begin) as reader:
            rows = [row for batch in reader.batches() for row in batch.to_pandas()["_spool_seq"]]
            assert rows == list(range(first, 1001))
            assert reader.stats().balanced
    assert stream.read(rows=1000).num_rows == 1000, "they took nothing from it"
    assert hf.open_spool(tmp_path / "spool", "newest").read(seconds=0.1).num_rows == 0
    assert list(hf.open_spool(tmp_path / "spool", 1001).batches()) == []


def test_read_reads_a_spool_to_its_end(tmp_path: Path) -> None:
    """More than one step of read(), and a stretch of what cannot be read."""
    stream, queue = spooled(tmp_path / "spool")
    for number in range(260_000):
        queue.push("t", b"%d" % number)
    for _ in range(1_000):
        queue.push("t", b"{")
    queue.push("t", b"-1")
    reader = hf.open_spool(tmp_path / "spool", max_quarantine_messages=10)
    values = reader.read().to_pandas()["value"]
    assert len(values) == 260_001
    assert values.iloc[-1] == -1
    assert reader.stats().quarantined == 1_000
    assert reader.stats().balanced
    follower = hf.open_spool(tmp_path / "spool", follow=True)
    rows, tries = 0, 0
    while rows < 260_001 and tries < 50:  # a machine with much to do may take a step without a row for the end
        rows, tries = rows + follower.read().num_rows, tries + 1
    assert rows == 260_001
    stream.close()


def test_read_ends_with_its_seconds(tmp_path: Path) -> None:
    _, queue = spooled(tmp_path / "spool")
    push(queue, 1, 20)
    opened = threading.Event()

    def decode(payload: bytes) -> bytes:
        if json.loads(payload)["n"] > 1:
            opened.wait(2)
        return payload

    reader = hf.open_spool(tmp_path / "spool", decode=decode)
    assert reader.read(seconds=0.5).num_rows <= 1, "not on to the spool's end"
    opened.set()
    assert reader.read().num_rows >= 19


def test_an_interrupted_read_of_what_is_there_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, queue = spooled(tmp_path / "spool")
    push(queue, 1, 20_000, 100)
    reader = hf.open_spool(tmp_path / "spool")
    steps = 0

    def interrupted(*limits: Any) -> Fill:
        nonlocal steps
        steps += 1
        if steps == 2:
            raise KeyboardInterrupt
        return Stream._fill(reader, 1_000, *limits[1:])

    monkeypatch.setattr(reader, "_fill", interrupted)
    with pytest.raises(KeyboardInterrupt):
        reader.read()
    monkeypatch.undo()
    assert reader.read().to_pandas()["n"].tolist() == list(range(1, 20_001))


@pytest.mark.parametrize("metadata", [("spool_seq",), ("recv_time",), ("topic",), None])
def test_read_of_a_follower_ends_while_messages_go_on_arriving(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, metadata: tuple[str, ...] | None
) -> None:
    _, queue = spooled(tmp_path / "spool")
    push(queue, 1, 1_000)
    reader = hf.open_spool(tmp_path / "spool", follow=True, metadata=metadata)
    steps = 0

    def one_more_each_time(*limits: Any) -> Fill:
        nonlocal steps
        steps += 1
        assert steps < 20, "it goes on as long as there is something"
        push(queue, 1_000 + steps, 1_000 + steps)
        return Stream._fill(reader, *limits)

    monkeypatch.setattr(reader, "_fill", one_more_each_time)
    assert reader.read().to_pandas()["n"].tolist()[:1_000] == list(range(1, 1_001))
    monkeypatch.undo()
    rest = reader.read()
    assert reader.stats().delivered == 1_000 + steps, "and the next one has the rest"
    assert rest.num_rows < steps
    assert reader.read().num_rows == 0


def test_read_waits_for_a_slow_decoder_without_turning_in_circles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, queue = spooled(tmp_path / "spool")
    push(queue, 1, 3)

    def slow(payload: bytes) -> bytes:
        time.sleep(0.2)
        return payload

    reader = hf.open_spool(tmp_path / "spool", decode=slow)
    steps = 0

    def counted(*limits: Any) -> Fill:
        nonlocal steps
        steps += 1
        return Stream._fill(reader, *limits)

    monkeypatch.setattr(reader, "_fill", counted)
    begin = time.monotonic()
    assert reader.read().num_rows == 3
    assert steps < 10 + 25 * (time.monotonic() - begin)


def test_a_reader_follows_a_writer(tmp_path: Path) -> None:
    _, queue = spooled(tmp_path / "spool", {"segment_bytes": 65536})
    push(queue, 1, 10)
    reader = hf.open_spool(tmp_path / "spool", follow=True)
    thread = threading.Thread(target=push, args=(queue, 11, 3000, 100))
    thread.start()
    table = reader.read(rows=3000, seconds=30)
    thread.join()
    assert table.to_pandas()["n"].tolist() == list(range(1, 3001))
    assert len(segments(tmp_path / "spool")) > 3
    ended = threading.Thread(target=lambda: list(reader.batches()))
    ended.start()
    reader.close()
    ended.join(5)
    assert not ended.is_alive()


def test_numbers_go_on_from_run_to_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for run in range(3):
        stream, queue = spooled(tmp_path / "spool")
        assert queue.first_sequence == 5 * run + 1
        assert queue.earlier_messages == 5 * run
        push(queue, 5 * run + 1, 5 * run + 5)
        assert stream.read(rows=5).to_pandas()["_spool_seq"].tolist() == [5 * run + i for i in range(1, 6)]
        stream.close()
    _, queue = spooled(tmp_path / "spool")
    with caplog.at_level(logging.INFO, "honeyframe"):
        tell_earlier(queue, logging.getLogger("honeyframe"))
    assert "15 messages of earlier runs, up to _spool_seq 15" in caplog.text


def test_a_stream_can_begin_with_an_earlier_run(tmp_path: Path) -> None:
    stream, queue = spooled(tmp_path / "spool")
    push(queue, 1, 10)
    stream.close()
    stream, queue = spooled(tmp_path / "spool", {"from_": 8})
    push(queue, 11, 12)
    assert stream.read(rows=5).to_pandas()["n"].tolist() == [8, 9, 10, 11, 12]
    assert stream.stats().balanced
    assert stream.stats().received == 5


def test_one_stream_writes_a_spool(tmp_path: Path) -> None:
    stream, _ = spooled(tmp_path / "spool")
    with pytest.raises(SpoolInUseError, match="another stream writes the spool") as refused:
        spooled(tmp_path / "spool")
    assert isinstance(refused.value, (SpoolError, OSError))
    assert "any number may read" in refused.value.hint
    stream.close()
    spooled(tmp_path / "spool")


def test_a_place_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(SpoolError, match="No such file") as missing:
        spooled(tmp_path / "no" / "spool")
    assert missing.value.native_code == 2
    with pytest.raises(SpoolError, match="No such file"):
        hf.open_spool(tmp_path / "none")


@pytest.mark.parametrize("overflow", ["drop_oldest", "drop_newest", "block"])
def test_a_full_spool_is_policy_counted_and_told_once(tmp_path: Path, overflow: str) -> None:
    stream, queue = spooled(tmp_path / "spool", {"spool_max_bytes": 1 << 20}, overflow=overflow, block_timeout=0.05)
    results = [queue.push("t", b'{"n":%d,"pad":"%s"}' % (i, b"x" * 1000)) for i in range(3000)]
    stats = stream.stats()
    assert stats.balanced
    assert stats.dropped > 1500
    assert stats.dropped == stats.dropped_oldest + stats.dropped_newest + stats.dropped_block_timeout
    assert stats.spool_bytes <= 1 << 20
    assert ("dropped" in results) == (overflow != "drop_oldest")
    with (
        pytest.warns(hf.MessagesDroppedWarning, match="spool_max_bytes="),
        pytest.warns(SpoolWarning, match="spool full: in the spool .*: spool_max_bytes are reached") as told,
    ):
        df = stream.read().to_pandas()
    assert len([one for one in told if issubclass(one.category, SpoolWarning)]) == 1
    first = stats.dropped if overflow == "drop_oldest" else 0
    assert df["n"].tolist() == list(range(first, first + 3000 - stats.dropped))
    assert stream.stats().balanced


def test_a_directory_that_others_may_write_to_is_told(tmp_path: Path) -> None:
    (tmp_path / "spool").mkdir()
    (tmp_path / "spool").chmod(0o777)
    stream, queue = spooled(tmp_path / "spool")
    push(queue, 1, 1)
    with pytest.warns(SpoolWarning, match="writable by others: .* has mode 0777: .* chmod 700"):
        assert stream.read().num_rows == 1
    assert (tmp_path / "spool").stat().st_mode & 0o777 == 0o777, "it is not ours to change"


def test_a_directory_of_other_things_is_no_spool(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(SpoolError, match="is no spool") as refused:
        hf.open_spool(tmp_path)
    assert ".hfspool" in refused.value.hint


def test_a_window_sees_a_spooled_stream(tmp_path: Path) -> None:
    stream, queue = spooled(tmp_path / "spool")
    stream.window("1h", by="recv_time")
    for i in range(10):
        queue.push("t", b"%d" % i, receive_time_ns=time.time_ns())
    assert stream.read(rows=10, seconds=10).num_rows == 10
    assert len(stream.window("1h", by="recv_time")) == 10
    assert stream.stats().balanced


def test_decode_works_on_a_spool(tmp_path: Path) -> None:
    stream, queue = spooled(tmp_path / "spool")
    queue.push("t", b"21")
    queue.push("t", b"oops")
    reader = hf.open_spool(tmp_path / "spool", decode=lambda data: {"twice": 2 * int(data)})
    df = reader.read(rows=1, seconds=10).to_pandas()
    assert df["twice"].tolist() == [42]
    assert "_spool_seq" not in df
    assert list(reader.batches()) == []
    assert reader.stats().balanced
    assert reader.quarantine()["reason"].tolist() == ["decode_failed"]
    stream.close()


def test_one_sync_a_message_warns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_core, "build_info", lambda: {"paho": "1.3.12, lean"})
    warn_of_single_syncs("mqtts")
    with pytest.warns(SpoolWarning, match="over WebSockets .* waits for the disk"):
        warn_of_single_syncs("wss")
    monkeypatch.setattr(_core, "build_info", lambda: {"paho": "1.3.12, system"})
    with pytest.warns(SpoolWarning, match="the system's Paho .* waits for the disk"):
        warn_of_single_syncs("mqtt")


def test_always_syncs(tmp_path: Path) -> None:
    options = check_delivery("spooled", tmp_path / "spool", spool_from=None, spool_max_bytes=1 << 20, sync="always", sync_interval=0.1)
    assert options is not None
    stream, queue = spooled(tmp_path / "spool", {name: value for name, value in options.items() if name != "path"})
    push(queue, 1, 3)
    assert stream.read(rows=3).num_rows == 3


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"delivery": "sent"}, "delivery is 'received' or 'spooled'"),
        ({"delivery": "spooled"}, "needs spool="),
        ({"spool": "x"}, 'are for delivery="spooled"'),
        ({"sync": "always"}, 'sync_interval= and spool_max_bytes= are for delivery="spooled"'),
        ({"spool_max_bytes": 1 << 22}, 'sync_interval= and spool_max_bytes= are for delivery="spooled"'),
        ({"delivery": "spooled", "spool": "x", "sync": "never"}, "sync is 'process', 'interval' or 'always'"),
        ({"delivery": "spooled", "spool": "x", "sync": "interval", "sync_interval": 0}, "sync_interval must be above zero"),
        ({"delivery": "spooled", "spool": "x", "spool_max_bytes": 1000}, "spool_max_bytes must be at least 1048576"),
        ({"delivery": "spooled", "spool": "x", "spool_from": "newest"}, "spool_from is a _spool_seq or 'oldest'"),
        ({"delivery": "spooled", "spool": ""}, "spool is an empty path"),
    ],
)
def test_options_are_checked_before_anything_is_made(
    wrong: dict[str, Any], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    defaults: dict[str, Any] = {**(hf.Client.stream.__kwdefaults__ or {}), **wrong}
    with pytest.raises(InvalidArgumentError, match=message):
        plan_stream(["a"], **defaults)
    assert not list(tmp_path.iterdir())


def test_open_spool_checks_its_arguments(tmp_path: Path) -> None:
    refused: list[tuple[Callable[[], Any], type[Exception]]] = [
        (lambda: hf.open_spool(tmp_path, "last"), InvalidArgumentError),  # type: ignore[arg-type]
        (lambda: hf.open_spool(tmp_path, -1), InvalidArgumentError),
        (lambda: hf.open_spool(tmp_path, 1.5), TypeError),  # type: ignore[arg-type]
        (lambda: hf.open_spool(tmp_path, follow=1), TypeError),  # type: ignore[arg-type]
        (lambda: hf.open_spool(tmp_path, foolow=True), TypeError),
        (lambda: hf.open_spool(7), TypeError),  # type: ignore[arg-type]
    ]
    for call, error in refused:
        with pytest.raises(error):
            call()


def test_an_empty_spool_is_an_empty_stream(tmp_path: Path) -> None:
    assert hf.open_spool(tmp_path).read().num_rows == 0
