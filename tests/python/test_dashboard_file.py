"""honeyframe.dashboard_file: where a dashboard goes, and what it never replaces."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from honeyframe.dashboard_file import choose_path, file_name, write
from honeyframe.dashboard_page import page
from honeyframe.errors import InvalidArgumentError

OURS = page(title="t", settings={}, history="", script="", style="", source="wss://h:1")


def choose(path: Any, *, overwrite: bool = False) -> Path:
    return choose_path(path, "Plant", overwrite=overwrite)


def test_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert choose("d.html") == choose("~/d.html") == tmp_path / "d.html"
    assert choose("d") == tmp_path / "d.html"
    assert choose("v1.2") == tmp_path / "v1.2.html"
    assert choose("D.HTM") == tmp_path / "D.HTM"
    assert choose(tmp_path) == tmp_path / "honeyframe Plant.html"
    for wrong in ("d.txt", "plant.json"):
        with pytest.raises(InvalidArgumentError, match=r"\.html"):
            choose(wrong)
    with pytest.raises(InvalidArgumentError, match="empty"):
        choose("")
    with pytest.raises(FileNotFoundError, match="no such directory"):
        choose("nowhere/d.html")
    with pytest.raises(TypeError):
        choose(5)


@pytest.mark.parametrize("name", ["../../etc/passwd", "a\0b", "..", "", "x" * 500, "\u202e", "C:\\x|y?"])
def test_a_title_is_no_path(name: str) -> None:
    made = file_name(name)
    assert made.startswith("honeyframe ")
    assert made.endswith(".html")
    assert not set(made) & set('/\\\0|?:"<>*\u202e')
    assert len(made.encode()) <= 255


def test_ours_is_replaced_and_nobody_elses(tmp_path: Path) -> None:
    target = tmp_path / "d.html"
    write(target, OURS)
    write(choose(target), OURS)
    for foreign in ("<html>mine</html>", "", OURS.replace("by python", "by page")):
        target.write_text(foreign)
        with pytest.raises(FileExistsError, match="overwrite=True"):
            choose(target)
        assert choose(target, overwrite=True) == target
        assert target.read_text() == foreign
    (tmp_path / "link.html").symlink_to(tmp_path / "gone")
    with pytest.raises(FileExistsError):
        choose(tmp_path / "link.html")


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "d.html"
    write(target, OURS)

    def no_space(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fdopen", no_space)
    with pytest.raises(OSError, match="No space"):
        write(target, "x")
    assert [target.read_text(), list(tmp_path.iterdir())] == [OURS, [target]]
