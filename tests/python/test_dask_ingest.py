"""Ingest, with workers that are played: who is told of what, and nothing that lies in a spool is forgotten."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from tests.waiting import wait_until

import honeyframe as hf
from honeyframe import _core

pytest.importorskip("distributed")

from honeyframe.dask_directory import Directory
from honeyframe.dask_ingest import Ingest
from honeyframe.dask_parts import digest
from honeyframe.dask_seats import Piece, SeatReport
from honeyframe.dask_states import IngestPlan

Answer = Callable[[str, str, Mapping[str, Any]], list[SeatReport] | None]


class Cast:
    """A Dask client and its workers. ``answer(worker, action, arguments)``: None where it does not."""

    def __init__(self, workers: list[str], answer: Answer) -> None:
        self.workers = workers
        self.answer = answer
        self.asked: list[tuple[str, str]] = []

    def register_plugin(self, plugin: Any) -> None:
        pass

    def addresses(self) -> list[str]:
        return sorted(self.workers)

    def ask(self, action: str, arguments: Mapping[str, Mapping[str, Any]], seconds: float) -> dict[str, list[SeatReport]]:
        self.asked += [(action, worker) for worker in arguments]
        answers = {worker: self.answer(worker, action, content) for worker, content in arguments.items()}
        return {worker: reports for worker, reports in answers.items() if reports is not None}


def takes_all(worker: str, action: str, arguments: Mapping[str, Any]) -> list[SeatReport]:
    return [SeatReport(plan.number) for plan in arguments["plans"]] if action == "take" else []


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Cast], Ingest]:
    """An Ingest whose thread does not run."""

    def make(cast: Cast) -> Ingest:
        plan = IngestPlan(
            id="id", group="g", uri="mqtt://127.0.0.1:1", filters=("a",), directory=Directory(tmp_path, "stream"),
            connect={}, stream={}, in_flight=2, sessions=None, most_sessions=None,
        )  # fmt: skip
        monkeypatch.setattr(Ingest, "_run", lambda self: None)
        ingest: Any = Ingest(cast, plan)  # type: ignore[arg-type]
        ingest._workers = cast
        return ingest  # type: ignore[no-any-return]

    return make


def write(place: Path, payloads: list[bytes]) -> None:
    queue = _core.SpoolQueue(str(place))
    for number, payload in enumerate(payloads, 1):
        queue.push("t", payload, receive_time_ns=number)
    queue.close()


def test_what_a_lost_worker_had_spooled_and_not_told_is_counted_at_the_end(opened: Callable[[Cast], Ingest], tmp_path: Path) -> None:
    def answer(worker: str, action: str, arguments: Mapping[str, Any]) -> list[SeatReport] | None:
        if action == "look":
            return [SeatReport(int(worker), [Piece(1, 2, 2)])]
        return takes_all(worker, action, arguments)

    cast = Cast(["0", "1"], answer)
    ingest = opened(cast)
    ingest.start()
    write(tmp_path / "seat-0", [b"1", b"2", b"3", b"4"])
    write(tmp_path / "seat-1", [b"5", b"6", b"4"])
    ingest._look()
    cast.workers.remove("0")
    ingest._see_losses(cast.workers)
    assert ingest.close(end_sessions=True) == []
    assert ingest.messages == 7
    lost, other = sorted(ingest.parts(10, all_of_it=True), key=lambda part: part.seat)
    assert (lost.first, lost.last, lost.messages, lost.original_until) == (1, 4, 4, 4)
    assert (other.first, other.last, other.messages) == (1, 3, 3)
    assert other.suspects == {digest("t", b"3"), digest("t", b"4")}  # what it may not have acknowledged, and so comes to others
    assert ingest.stats()["spooled"].tolist() == [4, 3]


def test_a_worker_that_does_not_answer_at_the_end_is_told(opened: Callable[[Cast], Ingest]) -> None:
    cast = Cast(["deaf", "good", "gone"], lambda worker, action, arguments: takes_all(worker, action, arguments))
    ingest = opened(cast)
    ingest.start()
    failed = hf.RecordingStorageError("no room")
    cast.workers.remove("gone")
    cast.answer = lambda worker, *_: [SeatReport(2, error=failed)] if worker == "good" else None
    first, second = ingest.close(end_sessions=False)
    assert first is failed
    assert isinstance(second, hf.OperationTimeoutError)
    assert "worker deaf did not answer" in str(second)
    ledger = ingest.ledger()
    assert ledger.loc[ledger["event"] == "seat_unheard", "detail"].tolist() == ["deaf", "gone"]
    assert ledger.loc[ledger["event"] == "seat_failed", ["topic", "detail"]].values.tolist() == [["seat 2", "no room"]]


def test_an_error_that_was_raised_before_is_not_told_again_at_the_end(opened: Callable[[Cast], Ingest]) -> None:
    def answer(worker: str, action: str, arguments: Mapping[str, Any]) -> list[SeatReport]:
        return takes_all(worker, action, arguments) or [SeatReport(0, error=hf.SpoolError("no room"))]

    ingest = opened(Cast(["a"], answer))
    ingest.start()
    ingest._look()
    ingest._look()
    with pytest.raises(hf.SpoolError, match="no room"):
        ingest.parts(1)
    assert ingest.close(end_sessions=True) == []
    assert ingest.ledger()["event"].tolist() == ["seat_taken", "seat_failed"]


def test_a_caller_whose_directory_another_has_taken_lets_go(opened: Callable[[Cast], Ingest], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no lock keeps the other one out."""
    run = Ingest._run
    monkeypatch.setattr("honeyframe.dask_ingest._TICK_SECONDS", 0.01)
    casts = [Cast(["a"], lambda worker, action, arguments: takes_all(worker, action, arguments) or [SeatReport(0)]) for _ in range(2)]
    first, second = map(opened, casts)
    first._thread = threading.Thread(target=run, args=(first,))
    first.start()
    second._plan.directory.before = {"id": "id"}  # as its take() had found it
    second.start()
    with pytest.raises(hf.SpoolInUseError, match="another caller, which began later"):
        first.parts(1, wait=5)
    assert [action for action, _ in casts[1].asked[:2]] == ["leave_earlier", "take"]
    takes = [action for action, _ in casts[0].asked if action == "take"]
    assert first.close(end_sessions=False) == []
    assert takes == ["take"]
    second.save()  # it goes on
    assert second.close(end_sessions=False) == []


def test_the_seat_of_a_worker_that_answers_without_it_is_taken_again(opened: Callable[[Cast], Ingest]) -> None:
    def answer(worker: str, action: str, arguments: Mapping[str, Any]) -> list[SeatReport] | None:
        return [SeatReport(0)] if action == "look" and worker == "a" else takes_all(worker, action, arguments)

    cast = Cast(["a", "b"], answer)
    ingest = opened(cast)
    ingest.start()
    ingest._look()  # b was started anew, or nobody had looked at it for long
    assert ingest.stats()["worker"].tolist() == ["a", pd.NA]
    ledger = ingest.ledger()
    assert ledger.loc[ledger["event"] == "seat_left", ["topic", "detail"]].values.tolist() == [["seat 1", "b"]]
    ingest._assign(cast.addresses())
    assert ingest.stats()[["worker", "runs"]].values.tolist() == [["a", 1], ["b", 2]]


def test_nobody_waits_while_a_worker_leaves_a_seat_for_one_that_has_come(opened: Callable[[Cast], Ingest]) -> None:
    seen: list[int] = []

    def answer(worker: str, action: str, arguments: Mapping[str, Any]) -> list[SeatReport] | None:
        if action != "leave" or arguments["numbers"] is None:
            return takes_all(worker, action, arguments)
        asking = threading.Thread(target=lambda: seen.append(len(ingest.stats())))
        asking.start()
        asking.join(5)
        assert seen, "the lock is held"
        return [SeatReport(number) for number in arguments["numbers"]]

    cast = Cast(["a", "b"], answer)
    ingest = opened(cast)
    ingest.start()
    cast.workers.remove("b")
    ingest._see_losses(cast.workers)
    ingest._seats[1].free_since -= 60
    ingest._assign(cast.addresses())
    assert ingest.stats()["worker"].tolist() == ["a", "a"]
    cast.workers.append("c")
    ingest._assign(cast.addresses())
    assert seen == [2]
    assert sorted(ingest.stats()["worker"]) == ["a", "c"]


def test_seats_are_looked_at_after_an_error_too(opened: Callable[[Cast], Ingest], monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker leaves those that nobody looks at."""
    run = Ingest._run
    cast = Cast(["a"], lambda worker, action, arguments: takes_all(worker, action, arguments) or [SeatReport(0)])
    ingest = opened(cast)
    ingest._thread = threading.Thread(target=run, args=(ingest,))
    monkeypatch.setattr("honeyframe.dask_ingest._TICK_SECONDS", 0.01)
    monkeypatch.setattr(Ingest, "_ripen", lambda self: 1 / 0)
    ingest.start()
    wait_until(lambda: ingest._error is not None, 5)
    looks = len(cast.asked)
    wait_until(lambda: len(cast.asked) > looks + 2, 5)
    (error,) = ingest.close(end_sessions=False)
    assert isinstance(error, ZeroDivisionError)


def test_when_one_worker_fails_at_the_start_all_leave_their_seats(opened: Callable[[Cast], Ingest]) -> None:
    def answer(worker: str, action: str, arguments: Mapping[str, Any]) -> list[SeatReport]:
        reports = takes_all(worker, action, arguments)
        for report in reports if worker == "a" else ():
            report.error = hf.SubscribeDenied("no")
        return reports

    cast = Cast(["a", "b", "c"], answer)
    with pytest.raises(hf.SubscribeDenied):
        opened(cast).start()
    assert {worker for action, worker in cast.asked if action == "leave"} == {"a", "b", "c"}
