"""Where a recording lies: a directory, or a store that fsspec knows. Both can do the little that a recording needs.

Not thread-safe: one recorder, or one reader, has its own. All names are below the recording, with slashes; none comes from a topic.
"""

from __future__ import annotations

import abc
import contextlib
import fcntl
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, Final
from urllib.parse import urlsplit

from .arguments import check_path
from .errors import InvalidArgumentError
from .recording_errors import RecordingInUseError, RemoteError, storage_errors
from .recording_layout import LOCK, OWN, STAGE

_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]+(?:::|://)", re.IGNORECASE)
_LOCK_TRIES: Final = 10
_OBJECT_STORES: Final = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "oss", "oci", "memory"})


class Place(abc.ABC):
    """Of the recording's files by name. ``shown`` has no credentials."""

    shown: str
    is_local: bool

    @abc.abstractmethod
    def read(self, name: str) -> bytes | None:
        """A small file; None where there is none."""

    @abc.abstractmethod
    def write(self, name: str, content: bytes) -> None:
        """A small file: whole, and durable, or as it was."""

    @abc.abstractmethod
    def bring(self, staged: Path) -> None:
        """A file of the local stage into the recording's own stage, durable."""

    @abc.abstractmethod
    def publish(self, staged: str, name: str) -> None:
        """A file of the stage, where it still is there, gets its own name, at once and for good."""

    @abc.abstractmethod
    def clear_stage(self) -> None:
        """Removes what a crash has left there."""

    @abc.abstractmethod
    def names(self) -> Iterator[tuple[str, int]]:
        """All files, but for our own: names and sizes."""

    @abc.abstractmethod
    def has(self, name: str) -> bool:
        """Whether the file is there at this moment."""

    @abc.abstractmethod
    def open(self, name: str) -> Any:
        """For pyarrow to read."""

    @abc.abstractmethod
    def filesystem(self) -> tuple[Any, str]:
        """pyarrow's file system, and where the recording is in it."""

    @abc.abstractmethod
    def prepare(self) -> None:
        """Makes it where it is not there."""

    def lock(self) -> IO[bytes] | None:
        """For as long as the result is open nobody else records there. Of remote stores the spool's lock does that."""
        return None

    def is_locked(self) -> bool:
        """Whether a recorder is at it, as far as that can be seen from here."""
        return False

    @property
    @abc.abstractmethod
    def stage(self) -> Path:
        """The local directory in which files are written."""


class LocalPlace(Place):
    """A directory."""

    is_local = True

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.shown = str(path)
        self._renamed_in: set[Path] = set()  # whose names the disk may not have yet

    @property
    def stage(self) -> Path:
        return self.path / STAGE

    def prepare(self) -> None:
        with storage_errors("make", self.shown):
            self.stage.mkdir(parents=True, exist_ok=True)

    def lock(self) -> IO[bytes]:
        with storage_errors("lock", self.shown):
            file = (self.path / LOCK).open("a+b")
        if not _locked(file):
            file.seek(0)
            who = file.read(200).decode(errors="replace").strip()
            file.close()
            raise RecordingInUseError(
                f"another recorder{f' ({who})' if who else ''} is recording to {self.shown}",
                hint=f"One recorder at a time: {'recorder.stop() ends it' if who == _who() else 'end that one'}, or choose another path.",
            )
        file.truncate(0)
        file.write(f"{_who()}\n".encode())
        file.flush()
        return file

    def is_locked(self) -> bool:
        try:
            with (self.path / LOCK).open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:  # it is not there, or not ours to see
            return False
        return False

    def read(self, name: str) -> bytes | None:
        with storage_errors("read", f"{self.shown}/{name}"):
            try:
                return (self.path / name).read_bytes()
            except (FileNotFoundError, NotADirectoryError):
                return None

    def write(self, name: str, content: bytes) -> None:
        target = self.path / name
        made = self.stage / f".{target.name}.{secrets.token_hex(4)}"
        with storage_errors("write", f"{self.shown}/{name}"):
            try:
                with made.open("xb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                for folder in list(self._renamed_in):  # what the journal no longer tells of has its name for good
                    _sync(folder)
                    self._renamed_in.discard(folder)
                _sync(self.stage)  # nor does a journal tell of a file whose name there the disk may not have
                made.replace(target)
            except OSError:
                made.unlink(missing_ok=True)
                raise
            _sync(target.parent)

    def bring(self, staged: Path) -> None:
        with storage_errors("write", str(staged)), staged.open("rb") as file:
            os.fsync(file.fileno())

    def publish(self, staged: str, name: str) -> None:
        source, target = self.stage / staged, self.path / name
        with storage_errors("rename", f"{STAGE}/{staged} to {self.shown}/{name}"):
            if source.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                source.rename(target)
        self._renamed_in |= {target.parent, target.parent.parent, self.path}

    def clear_stage(self) -> None:
        with storage_errors("clear", str(self.stage)):
            for left in list(self.stage.iterdir()):
                left.unlink()

    def names(self) -> Iterator[tuple[str, int]]:
        with storage_errors("list", self.shown):
            yield from _files_below(self.path, "")

    def has(self, name: str) -> bool:
        with storage_errors("read", f"{self.shown}/{name}"):
            try:
                (self.path / name).stat()
            except (FileNotFoundError, NotADirectoryError):
                return False
            return True

    def open(self, name: str) -> Any:
        import pyarrow as pa

        with storage_errors("read", f"{self.shown}/{name}"):
            return pa.memory_map(os.fspath(self.path / name))

    def filesystem(self) -> tuple[Any, str]:
        import pyarrow.fs as fs

        return fs.LocalFileSystem(), os.fspath(self.path)


def _files_below(folder: Path, prefix: str) -> Iterator[tuple[str, int]]:
    for entry in sorted(os.scandir(folder), key=lambda one: one.name):
        if not prefix and entry.name == OWN:
            continue
        name = prefix + entry.name
        if entry.is_dir(follow_symlinks=False):
            yield from _files_below(Path(entry.path), f"{name}/")
        else:
            with contextlib.suppress(FileNotFoundError):
                yield name, entry.stat(follow_symlinks=False).st_size


def _who() -> str:
    return f"process {os.getpid()}"


def _locked(file: IO[bytes]) -> bool:
    """A reader that looks whether somebody records has the lock for a moment."""
    for _ in range(_LOCK_TRIES):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            time.sleep(0.02)
        else:
            return True
    return False


def _sync(folder: Path) -> None:
    """The names in it outlive the machine."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:  # its owner has deleted it since
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class RemotePlace(Place):
    """What fsspec knows: ``s3://bucket/recording``, ``gs://…``, ``file:///…``. Files are written here first, and brought there whole."""

    is_local = False

    def __init__(self, address: str, options: Mapping[str, Any], scratch: Path) -> None:
        self.shown = hide_credentials(address)
        try:
            from fsspec.core import url_to_fs
        except ModuleNotFoundError:
            raise RemoteError(f"{self.shown} is remote, and needs fsspec", hint="pip install 'honeyframe[record]'") from None
        try:
            self._fs, root = url_to_fs(address, **options)
        except ImportError as error:
            raise RemoteError(
                f"{self.shown} cannot be used: {str(error).partition(chr(10))[0]}", hint="Install the package that this protocol needs."
            ) from None
        except ValueError as error:  # of the protocol, or of what is behind it
            raise RemoteError(
                f"{self.shown} cannot be used: {str(error).partition(chr(10))[0]}",
                hint="The address begins with a protocol of fsspec, such as s3, gs, abfs, sftp or file.",
            ) from None
        except Exception as error:
            raise RemoteError(f"{self.shown} cannot be used: {type(error).__name__}: {error}") from error
        self._root = str(root).rstrip("/")
        self._scratch = scratch

    @property
    def stage(self) -> Path:
        return self._scratch / "stage"

    def _at(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _errors(self, doing: str, name: str = "") -> contextlib.AbstractContextManager[None]:
        return storage_errors(doing, f"{self.shown}/{name}" if name else self.shown, any_error=True)

    def prepare(self) -> None:
        with storage_errors("make", str(self._scratch)):
            self.stage.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._errors("make"):
            self._fs.makedirs(self._at(STAGE), exist_ok=True)

    def read(self, name: str) -> bytes | None:
        with self._errors("read", name):
            self._fs.invalidate_cache()
            try:
                return bytes(self._fs.cat_file(self._at(name)))
            except (FileNotFoundError, NotADirectoryError):
                return None

    def write(self, name: str, content: bytes) -> None:
        """An object store takes it whole or not at all; where there are folders, another name is changed to its own at once."""
        protocols = self._fs.protocol
        with self._errors("write", name):
            if not _OBJECT_STORES.isdisjoint((protocols,) if isinstance(protocols, str) else protocols):
                self._fs.pipe_file(self._at(name), content)
                return
            made = self._at(f"{STAGE}/.{secrets.token_hex(4)}")
            self._fs.pipe_file(made, content)
            try:
                self._fs.mv(made, self._at(name))
            except FileExistsError:  # a file system that renames to new names alone
                self._fs.rm_file(self._at(name))
                self._fs.mv(made, self._at(name))

    def bring(self, staged: Path) -> None:
        with self._errors("write", f"{STAGE}/{staged.name}"):
            self._fs.put_file(os.fspath(staged), self._at(f"{STAGE}/{staged.name}"))

    def publish(self, staged: str, name: str) -> None:
        source, target = self._at(f"{STAGE}/{staged}"), self._at(name)
        with self._errors("rename", name):
            if self.has(f"{STAGE}/{staged}"):  # not by exists(), which takes every failure for "not there"
                self._fs.makedirs(target.rpartition("/")[0], exist_ok=True)
                self._fs.mv(source, target)  # a copy, then the end of the first, where the store knows nothing better: again after a crash
        (self.stage / staged).unlink(missing_ok=True)

    def clear_stage(self) -> None:
        with self._errors("clear", STAGE):
            self._fs.invalidate_cache()
            if self._fs.isdir(self._at(STAGE)):
                for left in self._fs.ls(self._at(STAGE), detail=False):
                    self._fs.rm_file(left)
        shutil.rmtree(self.stage, ignore_errors=True)
        self.stage.mkdir(parents=True, exist_ok=True, mode=0o700)

    def names(self) -> Iterator[tuple[str, int]]:
        with self._errors("list"):
            self._fs.invalidate_cache()
            found = self._fs.find(self._root, detail=True)
        for path, info in sorted(found.items()):
            name = str(path)[len(self._root) :].lstrip("/")
            if not name.startswith(f"{OWN}/"):
                yield name, int(info.get("size") or 0)

    def has(self, name: str) -> bool:
        with self._errors("read", name):
            self._fs.invalidate_cache()
            try:
                self._fs.info(self._at(name))
            except (FileNotFoundError, NotADirectoryError):
                return False
            return True

    def open(self, name: str) -> Any:
        with self._errors("read", name):
            return self._fs.open(self._at(name), "rb")

    def filesystem(self) -> tuple[Any, str]:
        import pyarrow.fs as fs

        return fs.PyFileSystem(fs.FSSpecHandler(self._fs)), self._root


def hide_credentials(address: str) -> str:
    """
    >>> hide_credentials("sftp://me:secret@host/recording?key=1")
    'sftp://host/recording'
    """
    scheme, mark, rest = address.partition("://")
    if not mark:
        return address
    host = urlsplit(f"//{rest}").netloc.rpartition("@")[2]
    return f"{scheme}://{host}{urlsplit(f'//{rest}').path}".rstrip("/")


def is_remote(path: object) -> bool:
    return isinstance(path, str) and _SCHEME.match(path) is not None


def find_place(path: object, *, storage_options: Mapping[str, Any] | None = None, scratch: Path | None = None) -> Place:
    """The place of a path, or of an address as fsspec has them; nothing is made. ``scratch``: local, for what is on its way there."""
    if is_remote(path):
        return RemotePlace(str(path), dict(storage_options or {}), scratch or Path())
    if storage_options:
        raise InvalidArgumentError(f"storage_options= are for an address such as s3://bucket/path; {path!r} is a path")
    return LocalPlace(check_path("path", path))
