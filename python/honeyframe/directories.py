"""Where the user's configuration and data are kept: as the XDG specification says, and on macOS in the system's own place."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from .user_files import home_directory


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


def _directory(variable: str, below_home: str) -> Path:
    base = Path(os.environ.get(variable, ""))
    if not base.is_absolute():  # the specification says to ignore what is relative
        base = home_directory(variable) / ("Library/Application Support" if sys.platform == "darwin" else below_home)
    return base / "honeyframe"
