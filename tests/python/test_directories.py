"""Where a user's files are."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from honeyframe.directories import config_directory, data_directory
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
