"""Where the user's configuration, data and desktop are: as the XDG specification says, and on macOS in the system's own place."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Final

from .user_files import home_directory

_DESKTOP: Final = re.compile(r'^\s*XDG_DESKTOP_DIR=(["\']?)(.+?)\1\s*$', re.MULTILINE)
_ESCAPED: Final = re.compile(r"\\(.)")


def config_directory() -> Path:
    """Of profiles and plans: ``$XDG_CONFIG_HOME/honeyframe``, else ``~/.config/honeyframe``.

    Raises:
        NoHomeError: this user has no home directory.
    """
    return _directory("XDG_CONFIG_HOME", ".config")


def data_directory() -> Path:
    """Of the book of what was used: ``$XDG_DATA_HOME/honeyframe``, else ``~/.local/share/honeyframe``.

    Raises:
        NoHomeError: this user has no home directory.
    """
    return _directory("XDG_DATA_HOME", ".local/share")


def desktop_directory() -> Path:
    """The user's desktop, whatever their language calls it: as ``user-dirs.dirs`` names it, else ``~/Desktop``, else the home directory.

    Raises:
        NoHomeError: this user has no home directory.
    """
    home = home_directory("the path of the file")
    for named in (os.environ.get("XDG_DESKTOP_DIR", ""), _named_desktop(home), str(home / "Desktop")):
        found = Path(named)
        if found.is_absolute() and found.is_dir():
            return found
    return home


def _named_desktop(home: Path) -> str:
    """What xdg-user-dirs has written: a file of shell assignments, of which only ``$HOME/…`` and absolute paths are allowed."""
    base = Path(os.environ.get("XDG_CONFIG_HOME", ""))
    try:
        text = ((base if base.is_absolute() else home / ".config") / "user-dirs.dirs").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""
    named = _DESKTOP.findall(text)
    if not named:
        return ""
    path: str = _ESCAPED.sub(r"\1", named[-1][1])
    return path if not path.startswith("$HOME") else f"{home}/{path.removeprefix('$HOME').lstrip('/')}"


def _directory(variable: str, below_home: str) -> Path:
    base = Path(os.environ.get(variable, ""))
    if not base.is_absolute():  # the specification says to ignore what is relative
        base = home_directory(variable) / ("Library/Application Support" if sys.platform == "darwin" else below_home)
    return base / "honeyframe"
