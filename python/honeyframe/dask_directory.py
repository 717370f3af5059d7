"""The directory of an ingest: what it is of, who has it, how far it is done with. Needs no Dask: :func:`honeyframe.open` looks here, too.

Two callers in one directory would hand out each message twice. The lock keeps the second one out, on all machines where the file system
has such locks, and goes with the process. Where it has none, the ``run`` in ``ingest.json`` does it: who came last has the directory, and
the one before ends with an error when it sees that.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import secrets
import shutil
import socket
import tempfile
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Final, Literal, Self, TypeAlias

from .arguments import check_path
from .errors import HoneyframeError, InvalidArgumentError, SpoolInUseError, SpoolWarning
from .events import warn
from .recording_errors import NotARecordingError, RecordingInUseError
from .whole_file import whole_file

Kind: TypeAlias = Literal["stream", "record"]

INGEST_FILE: Final = "ingest.json"
_LOCK_FILE: Final = "ingest.lock"
_SEAT: Final = re.compile(r"seat-(\d+)")


class Directory:
    """Of one run. Entered, or :meth:`take`\\ n, it is this caller's alone, until it is left."""

    def __init__(self, path: Path, kind: Kind) -> None:
        self.path = path
        self.kind = kind
        self.run = secrets.token_hex(8)
        self.before: dict[str, Any] = {}  # what the last run has written
        self._lock: IO[bytes] | None = None
        self._written = ""

    def take(self) -> None:
        """
        Raises:
            SpoolInUseError, RecordingInUseError: another caller has it.
            InvalidArgumentError, NotARecordingError: it is something else's.
        """
        self._check()
        self._lock = self._locked()
        self.before = read_ingest(self.path)

    def release(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def save(self, state: Mapping[str, Any]) -> None:
        """Writes ``state`` where it is new. Raises as :meth:`take` where another caller has come since."""
        if self._written and read_ingest(self.path).get("run", self.run) != self.run:
            raise self._in_use("another caller, which began later,")
        text = json.dumps({**state, "kind": self.kind, "run": self.run})
        if text != self._written:
            with whole_file(self.path / INGEST_FILE) as file:
                file.write(text.encode())
            self._written = text

    def seat(self, number: int) -> str:
        return str(self.path / f"seat-{number}")

    def _check(self) -> None:
        found = read_ingest(self.path)
        names = [] if found else sorted(one.name for one in self.path.iterdir() if not _is_own(one.name))
        if found.get("kind", self.kind) != self.kind:
            what = f"a directory of hf.dask.{found['kind']}"
        elif "_honeyframe" in names:
            what = "a recording of Client.record"
        elif names:
            what = f"not empty: it holds {names[0]!r}"
        else:
            return
        kind = NotARecordingError if self.kind == "record" else InvalidArgumentError
        raise kind(f"{self.path} is {what}", hint=f"hf.dask.{self.kind} begins in a new or empty directory, and goes on in one of its own.")

    def _locked(self) -> IO[bytes]:
        file = (self.path / _LOCK_FILE).open("a+b")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            who = file.read(200).decode(errors="replace").strip()
            file.close()
            raise self._in_use(f"another caller{f' ({who})' if who else ''}") from None
        except OSError as error:
            warn(
                f"the file system of {self.path} has no locks ({error.strerror}): nothing keeps a second caller out of the directory; "
                "when one comes, this one ends with an error",
                SpoolWarning,
            )
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}\n".encode())
        file.flush()
        return file

    def _in_use(self, who: str) -> HoneyframeError:
        kind = RecordingInUseError if self.kind == "record" else SpoolInUseError
        return kind(
            f"{who} is at {self.path} with hf.dask.{self.kind}",
            hint="One caller at a time: close that one, or choose another directory.",
        )


def _is_own(name: str) -> bool:
    return name in (INGEST_FILE, _LOCK_FILE) or name.startswith(".") or _SEAT.fullmatch(name) is not None


def read_ingest(path: Path) -> dict[str, Any]:
    """What a run has written there; empty where none has."""
    try:
        found = json.loads((path / INGEST_FILE).read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def seats_in(path: Path) -> dict[int, Path]:
    """The seats' directories, by number."""
    found = {int(match[1]): one for one in path.glob("seat-*") if (match := _SEAT.fullmatch(one.name))}
    return dict(sorted(found.items()))


def what_to_open(path: Path) -> tuple[str, str] | None:
    """What the directory is, and how it is read, where an ingest has made it."""
    kind = read_ingest(path).get("kind")
    if kind == "record":
        opened = f'[hf.open(one) for one in glob.glob("{path}/seat-*")]'
        return "of hf.dask.record, with a recording for each seat", f"Open these: {opened}; of a DaskRecorder, recorder.paths names them."
    if kind == "stream":
        return "of hf.dask.stream, with a spool for each seat", f'hf.dask.read_spool("{path}") reads them.'
    return None


class Keeper:
    """Who has it has the temporary directory. It stays in this process: a worker gets None for it."""

    def __init__(self, directory: Path) -> None:
        self._finalizer = weakref.finalize(self, shutil.rmtree, directory, ignore_errors=True)

    def __reduce__(self) -> tuple[type[None], tuple[()]]:
        return type(None), ()

    def __dask_tokenize__(self) -> str:
        return "honeyframe-keeper"


def open_directory(directory: Any, kind: Kind) -> tuple[Directory, Keeper | None]:
    """Of None: a temporary one, with its keeper. Made where it is not there, and not yet taken."""
    if directory is None:
        made = Path(tempfile.mkdtemp(prefix="honeyframe-"))
        return Directory(made, kind), Keeper(made)
    place = check_path("directory", directory).absolute()
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Directory(place, kind), None
