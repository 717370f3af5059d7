"""The file of what was used: nothing is lost among processes, and nothing half is ever there."""

from __future__ import annotations

import datetime
import json
import multiprocessing
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from honeyframe.traffic_book import Book, BookFile, DamagedBook, KeptSession, Month, to_text

NOW = datetime.datetime(2026, 11, 26, 12, tzinfo=datetime.UTC)


@pytest.fixture
def file(tmp_path: Path) -> BookFile:
    return BookFile(tmp_path / "honeyframe")


def add(book: Book, count: int = 1) -> None:
    book.month("broker.example", "2026-11").wire_bytes_in += count


def add_often(directory: str, times: int) -> None:
    file = BookFile(Path(directory))
    for _ in range(times):
        file.update(add, wait=60)


def kept(client_id: str = "bridge", *, expiry: int | None = 3600, connected: bool = False, last: datetime.datetime = NOW) -> KeptSession:
    return KeptSession("broker.example", "mqtts://broker.example:8883", client_id, "5.0", expiry, to_text(last), connected)


def test_what_is_written_is_read_again(file: BookFile) -> None:
    def change(book: Book) -> None:
        month = book.month("broker.example", "2026-11")
        month.mqtt_bytes_in, month.first, month.last = 5, to_text(NOW), to_text(NOW)
        book.keep(kept())
        book.processes["1"] = {"at": to_text(NOW), "brokers": {"broker.example": 2}}

    assert file.read() == Book()
    written = file.update(change)
    assert file.read() == written
    assert written.brokers["broker.example"]["2026-11"] == Month(mqtt_bytes_in=5, first=to_text(NOW), last=to_text(NOW))
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600, "it names brokers and client ids"
    assert [path.name for path in file.path.parent.iterdir() if path.name.endswith(".tmp")] == []


def test_processes_that_write_at_once_lose_nothing(file: BookFile) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=add_often, args=(str(file.path.parent), 60)) for _ in range(3)]
    for process in processes:
        process.start()
    add_often(str(file.path.parent), 60)
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    assert file.read().brokers["broker.example"]["2026-11"].wire_bytes_in == 4 * 60


def test_a_process_that_is_killed_leaves_a_whole_file(file: BookFile) -> None:
    add_often(str(file.path.parent), 1)
    code = (
        "import sys; from tests.python.test_traffic_book import add_often\n"
        "print('begun', flush=True)\nadd_often(sys.argv[1], 10**6)"
    )  # fmt: skip
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen([sys.executable, "-c", code, str(file.path.parent)], stdout=subprocess.PIPE, cwd=root) as process:
        assert process.stdout is not None
        process.stdout.readline()
        last = 0
        for _ in range(30):
            now = file.read().brokers["broker.example"]["2026-11"].wire_bytes_in
            assert now >= last
            last = now
        process.kill()
    before = file.read().brokers["broker.example"]["2026-11"].wire_bytes_in
    add_often(str(file.path.parent), 1)  # its lock went with it
    assert file.read().brokers["broker.example"]["2026-11"].wire_bytes_in == before + 1


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"version": 1}',
        b'{"version": 2, "brokers": {}, "kept": [], "processes": {}}',
        b'{"version": 1, "brokers": {"a": {"2026-13": {}}}, "kept": [], "processes": {}}',
        b'{"version": 1, "brokers": {"a": {"2026-11": {"wire_bytes_in": -1}}}, "kept": [], "processes": {}}',
        b'{"version": 1, "brokers": {"a": {"2026-11": {"wire_bytes_in": "1"}}}, "kept": [], "processes": {}}',
        b'{"version": 1, "brokers": {"a": {"2026-11": {"first": "yesterday"}}}, "kept": [], "processes": {}}',
        b'{"version": 1, "brokers": {}, "kept": [{}], "processes": {}}',
        b'{"version": 1, "brokers": {}, "kept": [], "processes": {"1": {"at": "noon", "brokers": {}}}}',
        b"[" * 100_000,
    ],
)
def test_a_damaged_file_is_told_and_set_aside(file: BookFile, content: bytes) -> None:
    file.path.parent.mkdir()
    file.path.write_bytes(content)
    with pytest.raises(DamagedBook):
        file.update(add)
    assert file.path.read_bytes() == content, "nothing is overwritten"
    aside = file.set_aside()
    assert aside is not None
    assert aside.read_bytes() == content
    file.update(add)
    assert file.set_aside() is None, "it is whole now"
    file.path.write_bytes(content)
    assert file.set_aside() not in (None, aside), "nor is the one that was set aside before"


def test_a_damaged_file_is_set_aside_where_there_are_no_links(file: BookFile, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("os.link", refuse)
    file.path.parent.mkdir()
    for number in (1, 2):
        file.path.write_text(f"damaged {number}")
        assert file.set_aside() == file.path.with_name(f"usage.damaged-{number}.json")
    assert file.path.with_name("usage.damaged-1.json").read_text() == "damaged 1"
    assert not file.path.exists()


def test_a_lock_that_others_hold_is_not_waited_for_long(file: BookFile) -> None:
    import fcntl

    file.update(add)
    with file.path.with_name("usage.lock").open() as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(TimeoutError, match="others held it"):
            file.update(add, wait=0.05)
    assert file.update(add).brokers["broker.example"]["2026-11"].wire_bytes_in == 2


def test_a_session_counts_until_it_expires() -> None:
    book = Book()
    book.keep(kept("a"))
    book.keep(kept("b", expiry=0xFFFF_FFFF))
    book.keep(kept("c", expiry=None))
    book.keep(kept("a", expiry=7200))  # again, and longer
    assert [one.client_id for one in book.kept] == ["b", "c", "a"]
    assert book.sessions_now("broker.example", NOW) == 3
    book.drop_stale(NOW + datetime.timedelta(seconds=7199))
    assert len(book.kept) == 3
    book.drop_stale(NOW + datetime.timedelta(days=900))
    assert [one.client_id for one in book.kept] == ["b", "c"], "these nobody knows an end of"
    book.forget(kept("b").key)
    assert [one.client_id for one in book.kept] == ["c"]


def test_a_connected_session_is_counted_once() -> None:
    book = Book(processes={"1": {"at": to_text(NOW), "brokers": {"broker.example": 1}}})
    book.keep(kept(connected=True))
    assert book.sessions_now("broker.example", NOW) == 1
    later = NOW + datetime.timedelta(minutes=5)  # its process crashed: nobody has written since
    book.drop_stale(later)
    assert book.processes == {}
    assert book.sessions_now("broker.example", later) == 1, "the broker keeps it"


def test_the_file_is_json_that_a_person_can_read(file: BookFile) -> None:
    file.update(add)
    assert json.loads(file.path.read_text())["brokers"]["broker.example"]["2026-11"]["wire_bytes_in"] == 1
