"""A file that is there as a whole, or not at all."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from honeyframe.whole_file import whole_file


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def _umask() -> Iterator[None]:
    before = os.umask(0o027)
    yield
    os.umask(before)


def test_it_appears_when_it_is_complete(tmp_path: Path) -> None:
    target = tmp_path / ("a" * 250)
    with whole_file(target) as file:
        file.write(b"new")
        assert not target.exists()
    assert target.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [target]


def test_a_failure_leaves_the_old_one_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "plant.csv"
    target.write_bytes(b"old")

    def interrupted() -> None:
        with whole_file(target) as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_an_error_names_the_place_that_the_user_knows(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as missing, whole_file(tmp_path / "nodir" / "plant.csv"):
        pass
    assert (missing.value.strerror, missing.value.filename) == ("there is no such directory", str(tmp_path / "nodir"))
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError) as other, whole_file(tmp_path / "file" / "plant.csv"):
        pass
    assert other.value.filename == str(tmp_path / "file" / "plant.csv")
    with pytest.raises(OSError, match="too long") as long, whole_file(tmp_path / ("a" * 256)):
        pass
    assert long.value.filename == str(tmp_path / ("a" * 256))


@pytest.mark.usefixtures("_umask")
def test_permissions_are_those_of_the_umask_or_of_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "plant.csv"
    for expected in (0o640, 0o600, 0o666):
        if target.exists():
            target.chmod(expected)
        with whole_file(target):
            (made,) = tmp_path.glob(".*.part")
            assert mode_of(made) == expected  # from the beginning: whoever reads it then reads what is written later
        assert mode_of(target) == expected


def test_the_umask_of_the_process_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is every thread's: another one's file would be wider than meant."""
    monkeypatch.setattr(os, "umask", lambda mask: pytest.fail("the umask was changed"))
    for _ in range(2):
        with whole_file(tmp_path / "plant.csv"):
            pass
