"""Follow: what a recording has, and then what comes, as one stream of batches: each message once, none left out.

History is read from the files up to the last commit, and what is behind it from the spool, by the numbers that both have. So the seam is a
number, and not a moment. Where the spool cannot be read (a remote recording, seen from another machine), what comes is read from the files,
as they are committed.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from . import _core
from .arguments import check_count, check_path
from .durations import Duration
from .durations import seconds as to_seconds
from .errors import SpoolError
from .events import warn
from .frame import Batch
from .keywords import Path as PathLike
from .lifetime import check_process, is_ending, watch_reader
from .options import extract_options
from .recording_columns import read_columns
from .recording_errors import RecordingWarning
from .recording_files import Snapshot, sieve_of
from .recording_layout import Manifest
from .recording_merge import whole_messages
from .recording_place import LocalPlace
from .recording_rows import NUMBER, SPOOL_METADATA, RowMaker, arranged, patterns_of
from .recording_schema import import_rows
from .recording_writer import read_journal, read_manifest
from .spool import holds_a_message

if TYPE_CHECKING:
    import pyarrow as pa

    from .recorder import Recorder
    from .recording import Recording
    from .waiter import Waiter

_log = logging.getLogger("honeyframe.recorder")

_LOOK_SECONDS: Final = 1.0  # how often the journal is looked at while nothing comes
_STEP_SECONDS: Final = 0.1


class Follow:
    """Batches of a recording's past, then of what is being recorded, in the order of ``_spool_seq``. Made by :meth:`Recording.follow` and
    :meth:`Client.follow`.

    Where the recording was opened with an ``end``, it ends as soon as that is past, and everything up to then that is committed, or in the
    spool, was handed out.

    Columns are added and widened as in a stream, and each batch has its own schema, without a column asked for that nothing has yet:
    ``hf.concat`` makes one frame of them. One loop at a time, ``for`` or ``async for``, which hands out with its next step what a cancelled
    one had found. :meth:`close`, from any thread, ends it, and so does the end of the recorder of :meth:`Client.follow`, whose error is
    raised.

    Args:
        history: False begins behind the last commit.
        after: begins behind this number: the ``last_seq`` of an earlier run, kept in one transaction with what was made of it. One that
            nothing was recorded up to warns (RecordingWarning): what comes up to there is left out.
        max_rows, max_seconds: of a batch of what comes.
        seconds, idle_seconds: the loop ends after so long, or when nothing has come for so long.
        spool: where the spool is, where the recording does not say it rightly.

    Example::

        follow = hf.open("recording", "plant/#", start="2026-11-26").follow(after=last_seq)
        for batch in follow:
            save(batch.to_pandas(), follow.last_seq)
    """

    def __init__(
        self,
        recording: Recording,
        *,
        history: bool = True,
        after: int = 0,
        max_rows: int = 50_000,
        max_seconds: Duration = 1.0,
        seconds: Duration | None = None,
        idle_seconds: Duration | None = None,
        spool: PathLike | None = None,
    ) -> None:
        self._recording = recording
        self._place = recording._snapshot.place
        self._max_rows = check_count("max_rows", max_rows, 1)
        self._max_seconds = to_seconds(max_seconds, "max_seconds")
        self._seconds = None if seconds is None else to_seconds(seconds, "seconds")
        self._idle_seconds = None if idle_seconds is None else to_seconds(idle_seconds, "idle_seconds")
        self._spool = None if spool is None else check_path("spool", spool)
        self._last = max(recording._selection.after, check_count("after", after)) if history else recording.last_seq
        self._schema: _core.ArrowSchemaHolder | None = None
        self._closed = False
        self._is_live = False
        self._began: float | None = None
        self._waited = 0.0  # since something came
        self._steps: Iterator[Batch | None] | None = None
        self._stepping = threading.Lock()
        self._is_through = False  # up to the end that was asked for
        self._waiter: Waiter | None = None  # of ``async for``
        self._found: Batch | None = None  # by the waiter, for a caller that may have been cancelled
        self._asked_at: int | None = None  # the last number when it was asked
        self.recorder: Recorder | None = None  # of Client.follow
        if self._last > recording.last_seq:
            self._look_for(self._last)

    @property
    def last_seq(self) -> int:
        """The number up to which everything asked for was handed out: ``after=`` of a later run."""
        return self._last if self._asked_at is None else self._asked_at

    @property
    def is_live(self) -> bool:
        """Whether history is through, and what comes is read from the spool."""
        return self._is_live

    def close(self) -> None:
        """Ends the loop, and stops the recorder of :meth:`Client.follow`. From any thread; idempotent."""
        self._closed = True
        if self.recorder is not None:
            self.recorder.stop()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Batch:
        with self._stepping:
            while (found := self._step()) is None:
                pass
            self._found = self._asked_at = None
            return found

    def _step(self) -> Batch | None:
        """The next batch, None where there was none within a second; or what was found for a step of ``async for`` that was cancelled."""
        check_process()
        if self._found is not None:
            return self._found
        if self._steps is None:
            self._began = time.monotonic()
            self._steps = self._batches()
        try:
            return next(self._steps)
        except StopIteration:
            if self.recorder is not None and self._recorder_has_ended():
                self.recorder._raise_error()
            raise
        except KeyboardInterrupt:  # the next step goes on behind what was handed out
            self._steps = None
            raise

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Batch:
        from .waiter import Waiter

        if self._waiter is None:
            self._waiter = Waiter("honeyframe-follow")
        if self._asked_at is None:
            self._asked_at = self._last
        try:
            found = await self._waiter.call(self._find)
        except StopAsyncIteration:
            self._waiter.stop()
            self._waiter = self._asked_at = None
            raise
        self._found = self._asked_at = None
        return found

    def _find(self) -> Batch | None:
        with self._stepping:
            self._found = self._step()
            return self._found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        from .waiter import in_thread

        await in_thread(self.close)

    def __repr__(self) -> str:
        state = "closed" if self._closed else "live" if self._is_live else "in the past"
        return f"<honeyframe.Follow {self._recording.path!r} {state}: up to number {self._last:,}>"

    # --- the loop

    def _batches(self) -> Iterator[Batch | None]:
        """None after each wait, so that whoever waits hears that it was cancelled."""
        snapshot: Snapshot | None = self._recording._snapshot
        while not self._is_over():
            if snapshot is not None:
                yield from self._committed(snapshot, None)
            if self._is_over():
                return
            manifest = read_manifest(self._place)
            spool = self._spool_of(manifest)
            if spool is not None:
                yield from self._from_spool(spool, manifest)
            if self._is_over() or self._is_past_end():
                return
            pause = _STEP_SECONDS if spool is not None else min(_LOOK_SECONDS, self._max_seconds or _STEP_SECONDS)
            time.sleep(pause)
            self._waited += pause
            yield None
            journal = read_journal(self._place)
            snapshot = Snapshot(self._place) if journal is not None and journal.last > self._last else None

    def _committed(self, snapshot: Snapshot, until: int | None) -> Iterator[Batch]:
        """What the files have behind the last number, up to ``until`` or the last commit."""
        from .recording import Recording

        last = snapshot.journal.last if until is None else min(until, snapshot.journal.last)
        if last > self._last:
            selection = replace(self._recording._selection, after=self._last, until=last)
            recording = Recording(snapshot, selection, self._recording._columns)._of_columns_there()
            for rows in whole_messages(recording._batches(with_numbers=True)):
                for part in _cut(rows, self._max_rows):
                    yield self._batch(part)
                    if self._is_over():
                        return
            self._last = max(self._last, last)

    def _from_spool(self, spool: Path, manifest: Manifest) -> Iterator[Batch | None]:
        """Until a recorder goes on with another spool or other options, or this spool cannot be read."""
        import pyarrow as pa

        try:
            source = _core.SpoolSource(os.fspath(spool), from_=max(1, self._last - manifest.offset + 1), follow=True, overflow="block")
        except SpoolError:  # not there yet, or not here
            return
        # Not hf.open_spool, which warns of what is missing there: here it is in the files.
        reader = _core.StreamReader(source, extract_options(payload="raw", metadata=SPOOL_METADATA))
        watch_reader(reader)
        live = _LiveRows(manifest, read_columns(self._place), self._recording)
        self._is_live = True
        looked, received = time.monotonic(), 0
        try:
            while not self._is_over():
                began = time.monotonic()
                found = reader.next(self._max_rows, self._max_seconds, _STEP_SECONDS)
                if found is not None:
                    rows = pa.record_batch(found)
                    yield from self._live(live, rows, manifest.offset)
                    self._is_through = self._is_behind_end(rows)
                    continue
                if self._recorder_has_ended():  # what it has committed, and the spool given up, is in the files
                    break
                before, received = received, reader.counters()["received"]
                # To find its place in a spool takes time, too, and a batch that is begun is no idling.
                self._is_through = received == before and self._is_past_end()
                self._waited = 0.0 if received > before else self._waited + min(time.monotonic() - began, _STEP_SECONDS)
                if time.monotonic() > looked + _LOOK_SECONDS:
                    looked = time.monotonic()
                    if read_manifest(self._place) != manifest:
                        break
                yield None
            if not self._closed and (found := reader.next(self._max_rows, 0.0, 0.0)) is not None:  # what was read by then
                yield from self._live(live, pa.record_batch(found), manifest.offset)
        except (StopIteration, SpoolError) as error:
            _log.info("the spool of %s cannot be read on: %s", self._recording.path, error)
        finally:
            reader.discard()

    def _live(self, live: _LiveRows, batch: pa.RecordBatch, offset: int) -> Iterator[Batch]:
        import pyarrow.compute as pc

        if not batch.num_rows:
            return
        place = batch.schema.get_field_index(NUMBER)
        batch = batch.set_column(place, NUMBER, pc.add_checked(batch.column(place), offset))
        first, last = batch.column(place)[0].as_py(), batch.column(place)[-1].as_py()
        if first > self._last + 1:  # numbers jump with a start of the machine; or the spool has given up what is committed since
            yield from self._committed(Snapshot(self._place), first - 1)
        if first <= self._last:
            batch = batch.filter(pc.greater(batch.column(place), self._last))
        for rows in live.rows(batch):
            yield self._batch(rows)
        self._last = max(self._last, last)

    def _batch(self, rows: pa.RecordBatch) -> Batch:
        """In the columns known by now: those of history stay."""
        self._waited = 0.0
        last = rows.column(NUMBER)[-1].as_py()
        if self._recording._columns is not None:
            rows = rows.select([name for name in self._recording._columns if name in rows.schema.names])
        made = import_rows(rows)
        before = [] if self._schema is None else [_core.empty_batch(self._schema)]
        wanted = _core.unify_schemas([*before, made])
        (cast,) = _core.cast_batches([made], wanted)
        self._schema = cast.schema()
        found = Batch(cast)
        self._last = last  # whole messages: whoever goes on later goes on behind them
        return found

    def _is_over(self) -> bool:
        now = time.monotonic()
        assert self._began is not None
        timed_out = self._seconds is not None and now >= self._began + self._seconds
        idle = self._idle_seconds is not None and self._waited >= self._idle_seconds
        return self._closed or self._is_through or timed_out or idle or is_ending() or (self._recorder_has_ended() and self._has_all())

    def _is_past_end(self) -> bool:
        end = self._recording._selection.end
        return end is not None and time.time_ns() >= end

    def _is_behind_end(self, rows: pa.RecordBatch) -> bool:
        import pyarrow as pa

        end = self._recording._selection.end
        return end is not None and rows.num_rows > 0 and rows.column("_recv_time").cast(pa.int64())[-1].as_py() >= end

    def _look_for(self, number: int) -> None:
        """Warns where nothing was recorded up to there: neither committed, nor in the spool."""
        manifest = read_manifest(self._place)
        spool = self._spool_of(manifest)
        if spool is not None and holds_a_message(spool, max(1, number - manifest.offset)):
            return
        warn(
            f"after={number:,}: nothing was recorded in {self._recording.path} up to that number yet; what comes up to there is left out",
            RecordingWarning,
        )

    def _recorder_has_ended(self) -> bool:
        return self.recorder is not None and not self.recorder.recording

    def _has_all(self) -> bool:
        """Of what the recorder has committed."""
        return self.recorder is not None and self._last >= self.recorder.stats().last_seq

    def _spool_of(self, manifest: Manifest) -> Path | None:
        """None where it is on another machine."""
        if self._spool is not None:
            return self._spool
        if not manifest.spool:
            return None
        if isinstance(self._place, LocalPlace):
            return self._place.path / manifest.spool
        return Path(manifest.spool) if manifest.host == socket.gethostname() and os.path.isdir(manifest.spool) else None  # noqa: PTH112


def _cut(rows: pa.RecordBatch, most: int) -> Iterator[pa.RecordBatch]:
    """Parts of so many rows, and of whole messages."""
    numbers = rows.column(NUMBER).to_numpy(zero_copy_only=False)
    begin = 0
    while begin < len(numbers):
        end = min(begin + most, len(numbers))
        while end < len(numbers) and numbers[end] == numbers[end - 1]:
            end += 1
        yield rows.slice(begin, end - begin)
        begin = end


class _LiveRows:
    """Rows of messages of the spool, as the recorder makes them."""

    def __init__(self, manifest: Manifest, known: Any, recording: Recording) -> None:
        extraction = dict(manifest.extraction)
        if extraction.get("schema"):
            extraction["schema"] = {name: tuple(column) for name, column in extraction["schema"].items()}
        self._rows = RowMaker(
            patterns_of(manifest.topics, manifest.patterns), extraction, raw=manifest.raw, retained=manifest.retained, known=known
        )
        self._sieve = sieve_of(recording._selection)

    def rows(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        """All patterns in one, in order."""
        import pyarrow as pa
        import pyarrow.compute as pc

        found = []
        for rows in self._rows.rows(self._sieve(batch)):
            beside = {name: pa.chunked_array([column]) for name, column in rows.beside.items()}
            found.append(arranged(pa.Table.from_batches([pa.record_batch(rows.cells)]), beside).combine_chunks().to_batches()[0])
        if not found:
            return
        rows_of_all = found[0]
        if len(found) > 1:
            made = [import_rows(one) for one in found]
            cast = _core.cast_batches(made, _core.unify_schemas(made))
            table = pa.Table.from_batches([pa.record_batch(one) for one in cast]).combine_chunks()
            table = table.take(pc.sort_indices(table, sort_keys=[(NUMBER, "ascending")]))
            rows_of_all = table.combine_chunks().to_batches()[0]
        yield rows_of_all
