"""Spools: messages on the disk before they are acknowledged, and streams that read them again."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from . import _core
from .arguments import check_count, check_path
from .core_call import core_call
from .durations import Duration
from .durations import seconds as to_seconds
from .errors import InvalidArgumentError, SpoolError, SpoolWarning
from .events import Teller, warn
from .keywords import Path, Retained, check_keywords, check_retained
from .lifetime import check_running
from .options import STREAM_METADATA, extract_options

if TYPE_CHECKING:
    from .decode import Decode
    from .frame import Batch
    from .stream import Stream

Delivery: TypeAlias = Literal["received", "spooled"]
Sync: TypeAlias = Literal["process", "interval", "always"]
SpoolFrom: TypeAlias = "int | Literal['oldest']"

SPOOL_MAX_BYTES: Final = 1_073_741_824
SPOOL_REMEDY: Final = "the spool was full. Read faster, or give it more: spool_max_bytes="
#: Of other losses, by their counter.
SPOOL_REMEDIES: Final = {
    "dropped_spool_failed": "the spool could not be written, or holds no message of that size. A SpoolWarning says why",
    "dropped_spool_damaged": (
        "they are not in the spool any more. A SpoolWarning says where: what is damaged is a matter of the disk; what was deleted before "
        "it was read, by a spool that was full, needs spool_max_bytes= of who writes"
    ),
}
#: Payloads as they are, for a reader of ours: a column that is declared is no news for log and ledger.
RAW: Final[dict[str, Any]] = {"payload": "raw", "schema": {"value_raw": "binary"}}
_LEAST_BYTES: Final = 1_048_576
_MARKS: Final = {"spool_seq": 1, "recv_time": 0}  # by how much the next message has more at least
_PROPERTIES: Final = frozenset({"user_properties", "content_type", "response_topic"})


def open_spool(
    path: Path,
    from_: int | Literal["oldest", "newest"] = "oldest",
    *,
    follow: bool = False,
    retained: Retained = "include",
    decode: Decode | None = None,
    **extraction: Any,
) -> Stream:
    """A stream of what a spool holds, as :meth:`Client.stream` with ``delivery="spooled"`` has written it.

    A stream as any other, of its own: it takes nothing from the stream that writes, or from other readers, and may be opened while the
    spool is being written, also in another process. A message that cannot be read any more is passed over, and told by a
    :class:`SpoolWarning` with its place.

    Args:
        path: the spool's directory.
        from_: the ``_spool_seq`` of the first message; "oldest"; or "newest": what is written from now on.
        follow: go on at the end, and wait for more. Else the stream ends there.
        retained, decode, extraction: as :meth:`Client.stream`; ``topic_template`` names the levels of topics.

    Returns:
        Stream: its batches have ``_spool_seq`` (not with ``decode=``) and ``_dup``. To go on later, keep the last ``_spool_seq``, and open
        it with ``from_=last + 1``.

    Raises:
        SpoolError: there is no such directory, it is no spool, or it cannot be read. An empty directory is a spool that nobody has written.
        InvalidArgumentError, TypeError: before that.

    Example::

        for batch in hf.open_spool("spool", from_=last + 1).batches():
            df = batch.to_pandas()
    """
    check_running()
    from .source import read_from
    from .stream import Stream

    check_retained(retained)
    if not isinstance(follow, bool):
        raise TypeError(f"follow must be a bool, not {type(follow).__name__}")
    begin = 0 if from_ == "newest" else check_from("from_", from_)
    extraction = spooled_metadata(extraction, decode)
    check_keywords("open_spool", extraction, extract_options.__kwdefaults__ or ())
    options = extract_options(**extraction)
    place = check_path("path", path)
    source = core_call(_core.SpoolSource, os.fspath(place), from_=begin, from_end=from_ == "newest", follow=follow, overflow="block")
    keep = _PROPERTIES & set(extraction["metadata"])
    reader, _, decoder = read_from(source, {"overflow": "block"}, options, keep, decode)
    if decoder:
        decoder.start()
    return Stream(reader, retained=retained, decoder=decoder, spool=source, follows=os.fspath(place.absolute()) if follow else None)


def holds_a_message(path: Path, first: int) -> bool:
    """Whether a message numbered ``first``, or one behind it, can be read from the spool. False where there is no spool."""
    with contextlib.suppress(SpoolError, StopIteration):
        reader = _core.StreamReader(_core.SpoolSource(os.fspath(path), from_=first), _core.ExtractOptions(payload="raw"))
        try:
            return reader.next(1, 0.0, 1.0) is not None
        finally:
            reader.discard()
    return False


class SpoolMark:
    """Where a spool ended at one moment. A reader that follows it may never find it without a new message: here it sees how far to go.

    A second reader begins there: what it finds first is the first message behind the mark. Rows are compared with it by what they have:
    their numbers, else the times of receipt. Those that have neither are behind it as soon as there is such a message.
    """

    def __init__(self, path: str) -> None:
        source = core_call(_core.SpoolSource, path, from_end=True, follow=True)
        self._reader = _core.StreamReader(source, _core.ExtractOptions(payload="raw", metadata=list(_MARKS)))
        self._first: dict[str, int | None] | None = None

    def is_reached_by(self, batch: Batch) -> bool:
        """Whether the last message before the mark, or one behind it, is in ``batch``; False where nothing is behind it yet."""
        if self._first is None:
            found = self._reader.next(1, 0.0, 0.0)
            if found is None:
                return False
            self._first = _greatest(found)
        last = _greatest(batch._batch)
        for name, one_before in _MARKS.items():
            first = self._first[f"_{name}"]
            if f"_{name}" in last and first is not None:
                there = last[f"_{name}"]
                return there is not None and there + one_before >= first
        return True


def _greatest(batch: _core.RecordBatch) -> dict[str, int | None]:
    import pyarrow as pa
    import pyarrow.compute as pc

    table = pa.record_batch(batch)
    names = [f"_{name}" for name in _MARKS if f"_{name}" in table.schema.names]
    return {name: pc.max(table.column(name).cast(pa.int64())).as_py() for name in names}


def warn_of_single_syncs(scheme: str) -> None:
    """Of ``sync="always"``: where acknowledgements cannot wait for a sync that covers many of them, there is one sync a message."""
    if scheme in {"ws", "wss"}:
        why = "over WebSockets"
    elif not _core.build_info()["paho"].endswith("lean"):
        why = "with the system's Paho"
    else:
        return
    warn(
        f'{why} sync="always" waits for the disk with each message, one after the other: some hundreds to thousands of messages a second, '
        "and meanwhile no other stream of this process receives",
        SpoolWarning,
    )


def check_delivery(
    delivery: Delivery,
    spool: Path | None,
    *,
    spool_from: SpoolFrom | None,
    spool_max_bytes: int,
    sync: Sync,
    sync_interval: Duration,
) -> dict[str, Any] | None:
    """What ``_core.SpoolQueue`` takes beside the queue's limits; None for delivery="received"."""
    if delivery not in ("received", "spooled"):
        raise InvalidArgumentError(f"delivery is 'received' or 'spooled'; found {delivery!r}")
    if sync not in ("process", "interval", "always"):
        raise InvalidArgumentError(f"sync is 'process', 'interval' or 'always'; found {sync!r}")
    if delivery == "received":
        if spool is not None or spool_from is not None:
            raise InvalidArgumentError('spool= and spool_from= are for delivery="spooled"')
        if (sync, sync_interval, spool_max_bytes) != ("process", 0.1, SPOOL_MAX_BYTES):
            raise InvalidArgumentError('sync=, sync_interval= and spool_max_bytes= are for delivery="spooled"')
        return None
    if spool is None:
        raise InvalidArgumentError('delivery="spooled" needs spool=, the directory')
    interval = to_seconds(sync_interval, "sync_interval")
    if not interval > 0:
        raise InvalidArgumentError(f"sync_interval must be above zero; found {sync_interval!r}")
    return {
        "path": os.fspath(check_path("spool", spool)),
        "from_": None if spool_from is None else check_from("spool_from", spool_from),
        "sync": sync,
        "sync_interval": interval,
        "spool_max_bytes": check_count("spool_max_bytes", spool_max_bytes, _LEAST_BYTES),
    }


def check_from(name: str, value: int | str) -> int:
    """A sequence as the core takes it: 0 is the oldest there is."""
    if value == "oldest":
        return 0
    if isinstance(value, str):
        newest = ", 'oldest' or 'newest'" if name == "from_" else " or 'oldest'"
        raise InvalidArgumentError(f"{name} is a _spool_seq{newest}; found {value!r}")
    return check_count(name, value, 0)


def spooled_metadata(extraction: dict[str, Any], decode: Decode | None) -> dict[str, Any]:
    """``extraction`` with the columns that tell where a message stands in its spool. Through ``decode=`` its number does not come."""
    if extraction.get("metadata") is not None:
        return extraction
    return {**extraction, "metadata": (*STREAM_METADATA, "dup", *(("spool_seq",) if decode is None else ()))}


def tell_earlier(spool: _core.SpoolQueue, logger: Teller) -> None:
    """What earlier runs have left, and this stream does not begin with, is told: nobody may have read it."""
    if spool.earlier_messages:
        logger.info(
            "the spool has %s messages of earlier runs, up to _spool_seq %s; this stream begins where spool_from= says",
            f"{spool.earlier_messages:,}",
            spool.first_sequence - 1,
            extra={"honeyframe_event": "spool_earlier"},
        )
