"""DaskStream: what the workers of a cluster read together, part after part. And the Dask DataFrame of some parts."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

import dask.dataframe as dd
import distributed

from .arguments import check_count, count_of
from .dask_parts import Part, common_schema, empty_frame, joined, part_schema, read_part, read_table
from .durations import Duration
from .durations import seconds as to_seconds
from .errors import HoneyframeError, HoneyframeWarning
from .events import warn

if TYPE_CHECKING:
    import pandas as pd

    from .dask_directory import Keeper
    from .dask_setting import Setting


class _Run:
    """Of all seats, from their being taken to :meth:`_end`. The directory is this caller's meanwhile."""

    def __init__(self, setting: Setting, end_sessions: bool) -> None:
        self._setting = setting
        self._end_sessions = end_sessions
        self._closed = False
        try:
            setting.ingest.start()
        except BaseException:
            setting.directory.release()
            raise

    def _end(self, end_sessions: bool | None) -> list[BaseException]:
        """Once. What went wrong, and nobody was told."""
        if self._closed:
            return []
        self._closed = True
        with self._setting.directory:
            return self._setting.ingest.close(end_sessions=self._end_sessions if end_sessions is None else end_sessions)

    def _shown(self, what: str) -> str:
        setting, state = self._setting, "closed" if self._closed else "open"
        return f"<honeyframe.dask.{type(self).__name__} {', '.join(setting.filters)} in group {setting.name!r} {state}: {what}>"


class DaskStream(_Run):
    """A shared subscription that all workers of a cluster read, until it is closed. Made by :func:`stream`."""

    def __init__(self, setting: Setting, part_rows: int, end_sessions: bool) -> None:
        super().__init__(setting, end_sessions)
        self._part_rows = part_rows
        self._copies = 0
        self._calls = 0

    def map(
        self,
        function: Callable[[pd.DataFrame], Any],
        *,
        seconds: Duration | None = None,
        messages: int | None = None,
        idle_seconds: Duration | None = None,
        most_at_work: int | None = None,
    ) -> Iterator[Any]:
        """Calls ``function`` with DataFrames on the workers, as messages come, and yields what it returns, in the order of being done.

        When a worker is lost, another one reads its part again, from the spool: ``function`` may see a message twice, the caller gets each
        result once. A part is done with, and may be deleted from its spool, when its result has been yielded and the next one is asked for.

        Args:
            function: as Dask takes it. What it raises is raised here.
            seconds, messages, idle_seconds: the loop ends after so long, so many messages, or when none came for so long.
            most_at_work: parts at a time; by default two for each thread of the cluster. What comes meanwhile waits in the spools.
        """
        ingest, dask_client = self._setting.ingest, self._setting.dask
        most = most_at_work or max(2, 2 * sum(dask_client.nthreads().values()))
        work: dict[Any, Part] = {}
        waiting: list[Part] = []
        limit = _Limit(seconds, messages, idle_seconds)
        try:
            while True:
                is_over = limit.is_over or self._closed
                if not is_over and len(waiting) < most:
                    fresh = ingest.parts(self._part_rows, wait=0.0 if work else 0.1)
                    limit.saw(sum(part.messages for part in fresh))
                    waiting += fresh
                while waiting and len(work) < most:
                    future = self._submit(function, waiting[0])
                    work[future] = waiting.pop(0)
                if not work:
                    if is_over and not waiting:
                        return
                    continue
                with contextlib.suppress(TimeoutError):
                    distributed.wait(list(work), timeout=0.1, return_when="FIRST_COMPLETED")
                for future in [one for one in work if one.done()]:
                    result, copies = future.result()
                    self._copies += copies
                    yield result
                    ingest.finish(work.pop(future))
        finally:  # after an error, or a break, the next loop has what is not done with
            ingest.give_back([*work.values(), *waiting])

    def _submit(self, function: Callable[[pd.DataFrame], Any], part: Part) -> Any:
        self._calls += 1
        key = f"honeyframe-part-{self._setting.name}-{part.seat}-{part.first}-{self._calls}"
        return self._setting.dask.submit(_call, function, part, self._setting.extraction, key=key, pure=False)

    def frames(
        self,
        every: Duration = 10.0,
        *,
        seconds: Duration | None = None,
        messages: int | None = None,
        idle_seconds: Duration | None = None,
    ) -> Iterator[dd.DataFrame]:
        """A Dask DataFrame of what came, each ``every``; no empty ones. A frame's messages are done with when the next is asked for.

        Its columns are those of its own messages: with ``schema=`` they are the same in all.
        """
        period = to_seconds(every, "every")
        limit = _Limit(seconds, messages, idle_seconds)
        while not (limit.is_over or self._closed):
            end = time.monotonic() + period
            parts: list[Part] = []
            try:
                while (left := end - time.monotonic()) > 0 and not limit.is_over and not self._closed:
                    fresh = self._setting.ingest.parts(self._part_rows, wait=min(left, 0.2))
                    parts += fresh
                    limit.saw(sum(part.messages for part in fresh))
                    time.sleep(0.01)
                if parts:
                    yield frame_of(self._setting.dask, joined(parts, self._part_rows), self._setting.extraction)
            except BaseException:
                self._setting.ingest.give_back(parts)
                raise
            for part in parts:
                self._setting.ingest.finish(part)

    def stats(self) -> pd.DataFrame:
        """A row a seat: ``worker`` now, ``runs`` (how often it was taken), ``spooled`` (messages, of this stream), ``waiting`` and
        ``at_work`` of them, ``received dropped rejected duplicates`` of its workers as far as they could tell. ``attrs["copies"]``: rows
        that :meth:`map` has marked with ``_dup`` so far."""
        frame = self._setting.ingest.stats()
        frame.attrs["copies"] = self._copies
        return frame

    def ledger(self) -> pd.DataFrame:
        """Of all workers, and of who came and went (``seat_taken``, ``worker_lost``, ``seat_left``, ``seat_failed``, ``seat_unheard``,
        ``no_seat``): as :meth:`Stream.ledger`, with ``seat`` and ``worker``. Of a worker that was lost it has what was known two seconds
        before, at most."""
        return self._setting.ingest.ledger()

    def close(self, *, end_sessions: bool | None = None) -> None:
        """Ends the sessions' connections. ``end_sessions``: and the sessions, which the broker otherwise keeps for the next run.

        Warns:
            HoneyframeWarning: seats ended with an error that :meth:`map` and :meth:`frames` have not raised.
        """
        warn_of_ends(self._end(end_sessions), "stream.ledger()")

    def __enter__(self) -> DaskStream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return self._shown(f"{self._setting.ingest.messages:,} messages")


class DaskRecorder(_Run):
    """Recordings that all workers of a cluster make together, until it is closed. Made by :func:`record`."""

    @property
    def paths(self) -> list[str]:
        """Of the recordings, each for :func:`honeyframe.open`."""
        return [self._setting.directory.seat(number) for number in self._setting.ingest.stats()["seat"]]

    def wait(self, seconds: Duration) -> pd.DataFrame:
        """Waits for so long, and gives :meth:`stats`. Raises what a worker's recorder raised."""
        end = time.monotonic() + to_seconds(seconds, "seconds")
        while (left := end - time.monotonic()) > 0 and not self._closed:
            self._setting.ingest.parts(1, wait=min(left, 0.2))
        return self.stats()

    def stats(self) -> pd.DataFrame:
        """A row a seat: ``worker`` now, ``runs``, and ``received recorded dropped rejected``, in messages, of all its workers."""
        return self._setting.ingest.stats()

    def ledger(self) -> pd.DataFrame:
        """As :meth:`DaskStream.ledger`."""
        return self._setting.ingest.ledger()

    def close(self, *, end_sessions: bool | None = None) -> None:
        """Ends it: what has come is written and committed. The sessions stay with the broker, unless ``end_sessions`` says otherwise.

        Raises:
            RecordingStorageError: a worker could not write it within ten seconds. It is in its spool, for the next run.
            OperationTimeoutError: a worker did not answer, and may still be writing.
            RecordingError, SpoolError, ConnectError: why a worker's recorder has ended before, where :meth:`wait` has not told it.
        """
        for error in self._end(end_sessions):
            raise error

    def __enter__(self) -> DaskRecorder:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is None:
            self.close()
            return
        with contextlib.suppress(HoneyframeError):  # the first error is the one to be told
            self.close()

    def __repr__(self) -> str:
        stats = self.stats()
        return self._shown(
            f"{int(stats['recorded'].sum()):,} messages in {self._setting.directory.path}, of {count_of(len(stats), 'seat')}"
        )


def warn_of_ends(errors: list[BaseException], ledger: str) -> None:
    """Once, of all."""
    if errors:
        more = f", and {len(errors) - 1:,} more" if len(errors) > 1 else ""
        first = str(errors[0]).partition("\n")[0]
        warn(f"seats ended with an error: {type(errors[0]).__name__}: {first}{more}; {ledger} has each", HoneyframeWarning)


def frame_of(
    dask_client: distributed.Client | None, parts: list[Part], extraction: Mapping[str, Any], keeper: Keeper | None = None
) -> dd.DataFrame:
    """Reads all parts once for their columns, since a Dask DataFrame has the same in all its partitions.

    What is made of the frame holds ``keeper``, as the frame does.
    """
    if dask_client is not None:
        futures = dask_client.map(part_schema, parts, options=extraction, pure=False, key="honeyframe-schema")
        schemas = dask_client.gather(futures)
    else:
        schemas = [part_schema(part, extraction) for part in parts]
    if not parts:
        with tempfile.TemporaryDirectory(prefix="honeyframe-") as empty:
            whole = read_table(Part(empty, 1, 0, 0), extraction).to_arrow().schema
        nothing: dd.DataFrame = dd.from_pandas(empty_frame(whole), npartitions=1)
        return nothing
    schema = common_schema(schemas, parts)
    meta = empty_frame(schema)
    how = {"options": dict(extraction), "schema": schema, "keeper": keeper}
    frame: dd.DataFrame = dd.from_map(read_part, parts, **how, meta=meta, label="honeyframe-part")
    return frame


def _call(function: Callable[[pd.DataFrame], Any], part: Part, extraction: Mapping[str, Any]) -> tuple[Any, int]:
    frame = read_part(part, extraction)
    copies = int(frame["_dup"].sum()) if len(frame) else 0
    return function(frame), copies


class _Limit:
    """When a loop ends."""

    def __init__(self, seconds: Duration | None, messages: int | None, idle_seconds: Duration | None) -> None:
        self._end = None if seconds is None else time.monotonic() + to_seconds(seconds, "seconds")
        self._left = None if messages is None else check_count("messages", messages, 1)
        self._idle = None if idle_seconds is None else to_seconds(idle_seconds, "idle_seconds")
        self._last = time.monotonic()

    def saw(self, messages: int) -> None:
        if messages:
            self._last = time.monotonic()
            self._left = None if self._left is None else self._left - messages

    @property
    def is_over(self) -> bool:
        now = time.monotonic()
        return (
            (self._end is not None and now >= self._end)
            or (self._left is not None and self._left <= 0)
            or (self._idle is not None and now - self._last >= self._idle)
        )
