"""Where a dashboard is saved, and what it may replace."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path
from typing import Any, Final

from .arguments import check_path
from .dashboard_page import is_ours
from .directories import desktop_directory
from .errors import InvalidArgumentError
from .whole_file import whole_file

_NOT_IN_NAMES: Final = re.compile(r"[^\w.-]+")


def choose_path(path: Any, name: str, *, overwrite: bool) -> Path:
    """The file, absolute. Without ``path``: on the user's desktop, and named after the broker or the title.

    Raises:
        FileExistsError: there is something that is no dashboard of ours, or one that a user saved out of a page.
        InvalidArgumentError: its name is not that of an HTML file.
        FileNotFoundError: its directory is not there.
    """
    if path is None:
        target = desktop_directory() / file_name(name)
    else:
        target = check_path("path", path)
        if target.is_dir():
            target = target / file_name(name)
        elif target.suffix.lower() not in (".html", ".htm"):
            if target.suffix and not target.suffix[1:].isdigit():
                raise InvalidArgumentError(
                    f"a dashboard is an HTML file, and {target.name!r} does not end with .html", hint=f"Name it {target.stem}.html."
                )
            target = target.with_name(f"{target.name}.html")
    target = Path(os.path.abspath(target))  # noqa: PTH100 - a link stays the name that was given
    if not target.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "there is no such directory", str(target.parent))
    if not overwrite:
        _refuse_foreign(target)
    return target


def write(target: Path, text: str) -> int:
    """All of it, or nothing; how many bytes. For the user alone where it is new: the history may be nobody else's business."""
    data = text.encode("utf-8")
    with whole_file(target) as file:
        file.write(data)
    return len(data)


def file_name(name: str) -> str:
    """
    >>> file_name("Plant: north & south"), file_name("../..")
    ('honeyframe Plant north south.html', 'honeyframe dashboard.html')
    """
    words = _NOT_IN_NAMES.sub(" ", name).strip(" .-_")[:80].strip()
    return f"honeyframe {words or 'dashboard'}.html"


def _refuse_foreign(target: Path) -> None:
    if not os.path.lexists(target):
        return
    try:
        with target.open("rb") as file:
            head = file.read(1024)
    except OSError:
        head = b""
    if not is_ours(head):
        raise FileExistsError(
            17, "there is a file of this name that client.dashboard() did not write; overwrite=True replaces it", str(target)
        )
