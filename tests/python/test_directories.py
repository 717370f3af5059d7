"""Where a user's files are."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from honeyframe.directories import config_directory, data_directory, desktop_directory
from honeyframe.profiles import profile_path
from honeyframe.traffic_book import BookFile
from honeyframe.traffic_plan import plans_file
from honeyframe.user_files import NoHomeError

BOTH = [(config_directory, "XDG_CONFIG_HOME"), (data_directory, "XDG_DATA_HOME")]


@pytest.mark.parametrize(("directory", "variable"), BOTH)
def test_the_variable_says_where_if_it_is_absolute(
    directory: Callable[[], Path], variable: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    monkeypatch.setenv(variable, str(tmp_path))
    assert directory() == tmp_path / "honeyframe"
    for useless in ("", "relative/path"):  # which the XDG specification says to ignore
        monkeypatch.setenv(variable, useless)
        assert directory().is_relative_to("/home/somebody")


@pytest.mark.parametrize(
    ("platform", "config", "data"),
    [
        ("linux", ".config/honeyframe", ".local/share/honeyframe"),
        ("darwin", "Library/Application Support/honeyframe", "Library/Application Support/honeyframe"),
    ],
)
def test_every_file_is_in_one_of_the_two(platform: str, config: str, data: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    for _, variable in BOTH:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(sys, "platform", platform)
    home = Path("/home/somebody")
    assert profile_path("work") == home / config / "profiles" / "work.toml"
    assert plans_file() == home / config / "plans.toml"
    assert BookFile().path == home / data / "usage.json"


@pytest.mark.parametrize(("directory", "variable"), BOTH)
def test_no_home_is_a_clear_error(directory: Callable[[], Path], variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(variable)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)  # as where a container's user has no entry in passwd
    with pytest.raises(NoHomeError, match="no home directory") as refused:
        directory()
    assert variable in str(refused.value)


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A home directory with nothing in it."""
    for variable in ("XDG_CONFIG_HOME", "XDG_DESKTOP_DIR"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".config").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("written", "folder"),
    [
        ('XDG_DESKTOP_DIR="$HOME/Schreibtisch"', "Schreibtisch"),
        ('# XDG_DESKTOP_DIR="$HOME/Alt"\n  XDG_DESKTOP_DIR="$HOME/Área de Trabalho"  \nXDG_MUSIC_DIR="$HOME/M"\n', "Área de Trabalho"),
        ("XDG_DESKTOP_DIR='$HOME/桌面'", "桌面"),
        (r'XDG_DESKTOP_DIR="$HOME/Say \"hi\""', 'Say "hi"'),
        ('XDG_DESKTOP_DIR="$HOME/"', "."),  # how xdg-user-dirs says that there is none
        ('XDG_DESKTOP_DIR="$HOME/gone"', "Desktop"),
        ('XDG_DESKTOP_DIR="relative"', "Desktop"),
        ("", "Desktop"),
        ("\x00\xff nonsense", "Desktop"),
    ],
)
def test_the_desktop_is_where_the_users_language_has_it(home: Path, written: str, folder: str) -> None:
    for name in ("Schreibtisch", "Área de Trabalho", "桌面", 'Say "hi"', "Desktop"):
        (home / name).mkdir()
    (home / ".config" / "user-dirs.dirs").write_text(written)
    assert desktop_directory() == home / folder


def test_the_desktop_by_variable_and_without_any(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert desktop_directory() == home
    (home / "D").mkdir()
    monkeypatch.setenv("XDG_DESKTOP_DIR", str(home / "D"))
    assert desktop_directory() == home / "D"
