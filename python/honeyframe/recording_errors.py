"""What can go wrong with a recording: where it lies, whose it is, what is in it; and with its replay."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from typing import Final

from .errors import HoneyframeError, HoneyframeWarning, InvalidArgumentError

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_FORBIDDEN: Final = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


class RecordingError(HoneyframeError):
    """A recording cannot be written, read or replayed; the root of these errors."""

    code = "recording_failed"


class NotARecordingError(RecordingError, ValueError):
    """The path holds no recording, or something else; or a recording that a newer version has made."""

    code = "not_a_recording"


class RecordingInUseError(RecordingError):
    """Another recorder writes there now, or the recording is another machine's or another broker's."""

    code = "recording_in_use"


class RecordingStorageError(RecordingError, OSError):
    """The disk or the remote store failed. While a recorder runs it tries again; messages wait in the spool."""

    code = "recording_storage"


class RecordingDiskFullError(RecordingStorageError):
    """No room is left where the recording lies."""

    code = "recording_disk_full"


class RecordingPermissionError(RecordingStorageError, PermissionError):
    """The system, or the remote store, does not allow it."""

    code = "recording_permission"


class RemoteError(RecordingError, ValueError):
    """The address of a remote store is of no kind that fsspec knows, or what it needs is not installed."""

    code = "recording_remote"


class ReplayLoopError(InvalidArgumentError):
    """The replay would go to topics that are being recorded: it would record itself."""

    code = "replay_loop"


class RecordingWarning(HoneyframeWarning):
    """Storage of a recording that fails and is tried again; or files in it that cannot be read, or are not its own."""


@contextlib.contextmanager
def storage_errors(doing: str, place: str, *, any_error: bool = False, hint: str = "") -> Iterator[None]:
    """Failures of the disk, or of a remote store, as :class:`RecordingStorageError`: ``cannot {doing} {place}: why``. A store's library,
    and Parquet's, may raise ``any_error``. ``hint``: where no other is better."""
    try:
        yield
    except HoneyframeError:
        raise
    except OSError as error:
        raise _storage_error(error, doing, place, hint) from error
    except Exception as error:
        if not any_error:
            raise
        raise RecordingStorageError(f"cannot {doing} {place}: {type(error).__name__}: {error}", hint=hint) from error


def _storage_error(error: OSError, doing: str, place: str, hint: str) -> RecordingStorageError:
    why = error.strerror or str(error) or type(error).__name__
    told = f"cannot {doing} {place}: {why}"
    number = error.errno or 0
    if number in _FULL:
        return RecordingDiskFullError(
            told,
            native_code=number,
            hint="Make room there. A recorder that is running goes on by itself; one that could not start is to be started again.",
        )
    if number in _FORBIDDEN or isinstance(error, PermissionError):
        return RecordingPermissionError(told, native_code=number, hint="Check who owns the path, or the credentials of the store.")
    return RecordingStorageError(told, native_code=number, hint=hint)
