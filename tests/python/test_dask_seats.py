"""Seats, as far as they need no broker: what is looked at in the spool of a lost worker, and what a worker refuses."""

from __future__ import annotations

import asyncio
import json
import pickle
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.brokers.ports import free_ports

import honeyframe as hf
from honeyframe import _core, dask_seats

pytest.importorskip("distributed")

from honeyframe.dask_directory import INGEST_FILE
from honeyframe.dask_parts import digest
from honeyframe.dask_seats import SeatPlan, SeatReport, SeatsPlugin, _take, last_messages, look_at_seats, operate, rest_of


def plan(folder: Path) -> SeatPlan:
    uri = f"mqtt://127.0.0.1:{free_ports(1)[0]}"
    return SeatPlan("id", 0, uri, "g-0", ("$share/g/a",), str(folder / "seat-0"), {"connect_timeout": 1}, {}, 100, run="run")


def test_a_directory_that_the_worker_does_not_see_is_told(tmp_path: Path) -> None:
    report = _take(plan(tmp_path))
    assert isinstance(report.error, hf.InvalidArgumentError)
    assert "does not see the directory" in report.error.message
    (tmp_path / INGEST_FILE).write_text(json.dumps({"id": "another"}))
    assert isinstance(_take(plan(tmp_path)).error, hf.InvalidArgumentError)


def test_a_broker_that_is_not_there_is_an_error_of_its_own_class(tmp_path: Path) -> None:
    (tmp_path / INGEST_FILE).write_text(json.dumps({"id": "id"}))
    report = _take(plan(tmp_path))
    assert isinstance(report.error, hf.errors.ConnectRefusedError)
    assert _take(replace(plan(tmp_path), connect={"keepalive": "soon"})).error.__class__ is hf.InvalidArgumentError


def test_the_last_messages_of_a_lost_worker_and_what_nobody_has_counted(tmp_path: Path) -> None:
    assert last_messages(str(tmp_path / "nothing"), 1, 10) == frozenset()
    queue = _core.SpoolQueue(str(tmp_path / "spool"))
    for number in range(1, 11):
        queue.push("t", b"%d" % number, receive_time_ns=number)
    queue.close()
    spool = str(tmp_path / "spool")
    assert last_messages(spool, 8, 9) == {digest("t", b"8"), digest("t", b"9")}
    assert last_messages(spool, -90, 10) == {digest("t", b"%d" % number) for number in range(1, 11)}
    (piece,) = rest_of(spool, 4)
    assert (piece.first, piece.last, piece.messages) == (5, 10, 6)
    assert rest_of(spool, 10) == []


class Sitting:
    """In place of a seat."""

    def __init__(self, number: int, run: str = "run") -> None:
        self.plan = replace(plan(Path()), number=number, run=run)
        self.looked_at = time.monotonic()
        self.left: list[bool] = []

    def report(self, known: tuple[int, int] | None) -> SeatReport:
        return SeatReport(self.plan.number)

    def leave(self, *, end: bool) -> SeatReport:
        self.left.append(end)
        return SeatReport(self.plan.number)


def test_a_seat_that_no_caller_looks_at_is_left_and_its_session_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    forgotten, kept = Sitting(0, run="before"), Sitting(1)
    taken: dict[tuple[str, int], Any] = {("id", 0): forgotten, ("id", 1): kept}
    monkeypatch.setattr(dask_seats, "_taken", taken)
    monkeypatch.setattr(dask_seats, "_FORGOTTEN_SECONDS", 0.5)
    monkeypatch.setattr(dask_seats, "_FORGOTTEN_TICK", 0.02)

    async def work() -> None:
        plugin, worker = SeatsPlugin(), SimpleNamespace(handlers={})
        plugin.setup(worker)
        end = time.monotonic() + 5
        while not forgotten.left and time.monotonic() < end:  # it is taken out first
            await look_at_seats("run", {})
            await asyncio.sleep(0.02)
        assert list(taken) == [("id", 1)]
        assert (forgotten.left, kept.left) == ([False], [])
        await plugin.teardown(worker)

    asyncio.run(work())


def test_the_next_run_has_workers_leave_the_seats_of_the_one_before(monkeypatch: pytest.MonkeyPatch) -> None:
    before, own, other = Sitting(0, run="before"), Sitting(1), Sitting(0, run="before")
    taken: dict[tuple[str, int], Any] = {("id", 0): before, ("id", 1): own, ("another", 0): other}
    monkeypatch.setattr(dask_seats, "_taken", taken)
    assert pickle.loads(asyncio.run(operate("leave_earlier", pickle.dumps({"ingest": "id", "run": "run"})))["result"]) == [SeatReport(0)]
    assert list(taken) == [("id", 1), ("another", 0)]
    assert (before.left, own.left) == ([False], [])


@pytest.mark.parametrize("function", [hf.dask.read_mqtt, hf.dask.stream, hf.dask.record])
@pytest.mark.parametrize("options", [{"password": "c4n4ry"}, {"uri": "mqtt://me:c4n4ry@127.0.0.1"}, {"passwrd": "c4n4ry"}])
def test_a_secret_is_refused_and_no_traceback_has_it(function: Callable[..., Any], options: dict[str, Any]) -> None:
    with pytest.raises((hf.InvalidArgumentError, TypeError)) as refused:
        function(**{"uri": "mqtt://127.0.0.1", **options})
    assert "c4n4ry" not in f"{refused.value!r} {refused.value}"
    frames = [frame for frame, _ in traceback.walk_tb(refused.value.__traceback__)]
    for frame in frames:
        if frame.f_globals.get("__name__", "").startswith("honeyframe"):
            shown = {name: repr(value) for name, value in frame.f_locals.items()}
            assert "c4n4ry" not in str(shown), frame.f_code.co_name
