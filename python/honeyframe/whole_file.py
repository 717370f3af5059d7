"""A file that appears under its name when it is complete, or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

_MODE: Final = 0o666  # less what the process's umask takes away, by the system


@contextlib.contextmanager
def whole_file(target: Path) -> Iterator[IO[bytes]]:
    """A new file beside ``target``, which takes its place, and keeps its permissions, once it is written. Any thread.

    Raises OSError that names ``target``, or the directory that is not there, and never the file beside it.
    """
    made = target.absolute().with_name(f".{target.name[:40]}.{secrets.token_hex(8)}.part")
    kept = _mode_of(target)
    try:
        descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _MODE if kept is None else kept)
    except FileNotFoundError:
        raise FileNotFoundError(errno.ENOENT, "there is no such directory", str(made.parent)) from None
    except OSError as error:
        raise type(error)(error.errno, error.strerror, str(target)) from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            if kept is not None:
                os.fchmod(file.fileno(), kept)  # also what the umask took
            yield file
        made.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            made.unlink()
        raise


def _mode_of(target: Path) -> int | None:
    try:
        return stat.S_IMODE(target.stat().st_mode) & 0o777
    except FileNotFoundError:
        return None
