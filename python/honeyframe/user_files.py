"""The user's own files: where their home is, and how a new one gets its name without taking another one's place."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Final

from .errors import HoneyframeError

_NO_LINKS: Final = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK)


class NoHomeError(HoneyframeError, RuntimeError):
    """The user has no home directory, as in a container that runs as a user whom its system does not know."""

    code = "no_home"


def home_directory(variable: str) -> Path:
    """The user's home. Raises NoHomeError, which names ``variable``: by that, an absolute path, the caller does without one."""
    try:
        return Path.home()
    except RuntimeError:
        raise NoHomeError("there is no home directory for this user", hint=f"Set HOME, or {variable} to a directory.") from None


def give_name(file: Path, name: Path) -> None:
    """Moves ``file`` to ``name``; FileExistsError, and nothing is changed, where that is taken.

    By a link, which fails in one step where a rename would overwrite. On a file system without links the two are done one after the other.
    """
    try:
        os.link(file, name)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if os.path.lexists(name):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(name)) from None
        file.rename(name)
    else:
        file.unlink()
