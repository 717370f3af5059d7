"""hf.open: a recording, lazily, as pandas, Polars, DuckDB or pyarrow have it."""

from __future__ import annotations

import functools
import numbers
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Self

from . import _core
from .arguments import check_columns, check_count, check_strings, count_of
from .dtypes import frame_of
from .errors import InvalidArgumentError, InvalidTopicTemplateError, MissingExtraError
from .keywords import Path
from .lifetime import check_running
from .recording_errors import RecordingError
from .recording_files import RecordedFile, Selection, Snapshot
from .recording_layout import DAY, PATTERN
from .recording_merge import merged
from .recording_place import find_place
from .recording_rows import NUMBER, PAYLOAD, TAIL, UNREADABLE, TopicPattern
from .recording_schema import MISFIT, UnifiedSchema, empty_batch_of

if TYPE_CHECKING:
    import datetime

    import duckdb
    import pandas as pd
    import polars as pl
    import pyarrow as pa
    import pyarrow.dataset as ds

    from .dtypes import DtypeBackend
    from .follow import Follow
    from .frame import Batch, Table
    from .schema import Schema

    Moment = str | datetime.datetime | datetime.date | pd.Timestamp

_BATCH_ROWS: Final = 65_536
_SHOWN: Final = 12
_YEAR: Final = re.compile(r"\d{4}")


def open(
    path: Path,
    topics: str | Sequence[str] | None = None,
    start: Moment | None = None,
    end: Moment | None = None,
    *,
    columns: Iterable[str] | None = None,
    storage_options: Mapping[str, Any] | None = None,
) -> Recording:
    """A recording that :meth:`Client.record` has made, as it is now. Nothing is read until it is asked for.

    Args:
        path: as for :meth:`Client.record`.
        topics: only of these: topics, filters, or templates.
        start, end: only what was received from ``start`` up to below ``end``: a date or time with its year, as text that pandas reads, a
            ``datetime``, a ``date`` or a ``Timestamp``; UTC where it names no zone. No numbers.
        columns: only these. One that the recording has, and nothing of what is asked for, is null.
        storage_options: of fsspec.

    Returns:
        Recording: ``to_pandas()``, ``to_polars()``, ``to_duckdb()``, ``dataset()``, ``batches()``, ``select()``, ``follow()``.

    Raises:
        NotARecordingError: there is none.
        RecordingStorageError, RemoteError, InvalidArgumentError.

    Warns:
        RecordingWarning: files that are not of the recording, or cannot be read, are left out; ``ignored()`` lists them.

    Example::

        hf.open("recording", "plant/3/#", start="2026-11-26").to_pandas()
    """
    check_running()
    snapshot = Snapshot(find_place(path, storage_options=storage_options))
    return Recording(snapshot, Selection(), None).select(topics, start, end, columns=columns)


class Recording:
    """What was committed when it was opened: files that do not change. Later commits are in the next ``hf.open``, or in :meth:`follow`.

    Rows come in the order of their numbers, ``_spool_seq``: that in which they were received. Also ``pl.DataFrame(recording)``,
    ``pa.table(recording)``, and DuckDB's ``from recording``.
    """

    def __init__(self, snapshot: Snapshot, selection: Selection, columns: Sequence[str] | None) -> None:
        self._snapshot = snapshot
        self._selection = selection
        self._columns = None if columns is None else list(columns)
        self._unified: UnifiedSchema | None = None

    # --- what is asked for

    def select(
        self,
        topics: str | Sequence[str] | None = None,
        start: Moment | None = None,
        end: Moment | None = None,
        *,
        columns: Iterable[str] | None = None,
    ) -> Self:
        """The same recording with less of it: what is given takes the place of what was given before."""
        filters = self._selection.topics if topics is None else _filters_of(topics)
        low = self._selection.start if start is None else moment_ns("start", start)
        high = self._selection.end if end is None else moment_ns("end", end)
        if low is not None and high is not None and low > high:
            raise InvalidArgumentError(f"start is behind end: from {_moment_text(low)} up to {_moment_text(high)} there is no time")
        names = self._columns if columns is None else list(dict.fromkeys(check_columns(columns) or ()))
        return type(self)(self._snapshot, Selection(filters, low, high, self._selection.after, self._selection.until), names)

    # --- what there is

    @property
    def path(self) -> str:
        """Where it is, without credentials."""
        return self._snapshot.place.shown

    @property
    def last_seq(self) -> int:
        """The last number that was committed."""
        return self._snapshot.journal.last

    @property
    def patterns(self) -> list[str]:
        """The partitions that there are."""
        return sorted({file.part.pattern for file in self._files()})

    @property
    def days(self) -> list[str]:
        """In UTC, of receipt."""
        return sorted({file.part.day for file in self._files()})

    @property
    def schema(self) -> Schema:
        """The columns of all files in one; a column that came later is null before."""
        from .schema import Schema

        return Schema._from_core(empty_batch_of(self._unify().schema).schema().fields())

    @property
    def column_names(self) -> list[str]:
        return list(self._unify().schema.names)

    def files(self) -> pd.DataFrame:
        """The files that may have something of what is asked for: ``path``, ``pattern``, ``day``, ``first_seq``, ``last_seq`` (of the
        commit), ``rows``, ``bytes``."""
        rows = [
            {
                "path": file.part.path,
                "pattern": file.part.pattern,
                "day": file.part.day,
                "first_seq": file.part.first,
                "last_seq": file.part.last,
                "rows": footer.rows,
                "bytes": file.size,
            }
            for file, footer in self._snapshot.footers(self._files())
        ]
        kinds = {"path": "string", "pattern": "string", "day": "string"}
        return frame_of(rows, kinds | dict.fromkeys(("first_seq", "last_seq", "rows", "bytes"), "int64"))

    def ignored(self) -> pd.DataFrame:
        """What lies there and is no part of it: ``path``, ``bytes``, ``reason``. Looks at the footers of all files that may have something
        of what is asked for."""
        self._snapshot.footers(self._files())
        rows = [{"path": one.name, "bytes": one.size, "reason": one.reason} for one in self._snapshot.ignored]
        return frame_of(rows, {"path": "string", "bytes": "int64", "reason": "string"})

    # --- as others have it

    def batches(self, max_rows: int = _BATCH_ROWS) -> Iterator[Batch]:
        """A batch at a time, all with one schema, however large the recording is."""
        from .frame import Batch

        check_count("max_rows", max_rows, 1)
        for batch in self._batches():
            for begin in range(0, batch.num_rows, max_rows):
                yield Batch.from_arrow(batch.slice(begin, max_rows))

    __iter__ = batches

    def to_arrow(self) -> pa.Table:
        """All of it in memory, as a ``pyarrow.Table``."""
        import pyarrow as pa

        unified = self._unify()
        table = pa.Table.from_batches(list(self._batches()), schema=unified.schema)
        return table.drop_columns([MISFIT]) if unified.adds_misfit and table.column(MISFIT).null_count == len(table) else table

    def read(self) -> Table:
        """All of it in memory, as an :class:`hf.Table`."""
        from .frame import Table

        return Table.from_arrow(self.to_arrow())

    def to_pandas(self, *, dtype_backend: DtypeBackend | None = None, categories: bool = False) -> pd.DataFrame:
        """All of it in memory, as a DataFrame with the dtypes of :meth:`Batch.to_pandas`."""
        from .dtypes import to_pandas

        return to_pandas(self.to_arrow(), dtype_backend=dtype_backend, categories=categories)

    def dataset(self) -> ds.Dataset:
        """A lazy ``pyarrow.dataset``, which reads the columns and files that a query needs. Its rows come file by file; ``recv_day``
        and ``topic_pattern`` are columns of it, and so is what topics and times are looked up in.

        Raises:
            RecordingError: files have types in one column that Arrow cannot read as one. (An integer beyond 2**53 in a column that is
                float64 in other files is an error of the query.)
        """
        import pyarrow as pa
        import pyarrow.dataset as ds

        unified = self._unify()
        expression = self._selection.expression()
        if self._columns is not None and expression is not None:  # it looks at columns that may not be asked for
            unified = UnifiedSchema(self._schemas(), list(dict.fromkeys([*self._columns, *sorted(self._selection.columns)])))
        unified.check_castable()
        filesystem, root = self._snapshot.place.filesystem()
        partitions = pa.schema([(DAY, pa.string()), (PATTERN, pa.string())])
        kept = [field for field in unified.schema if not (unified.adds_misfit and field.name == MISFIT)]
        added = [field for field in partitions if field.name not in unified.schema.names]
        found = ds.dataset(
            [f"{root}/{file.name}" for file, _ in self._snapshot.footers(self._files())],
            schema=pa.schema([*kept, *added]),
            format="parquet",
            filesystem=filesystem,
            partitioning=ds.partitioning(pa.schema(added), flavor="hive") if added else None,
            partition_base_dir=root,
        )
        return found if expression is None else found.filter(expression)

    def to_polars(self) -> pl.LazyFrame:
        """A LazyFrame of Polars over :meth:`dataset`."""
        polars: Any = _library("polars", "to_polars()")
        frame: pl.LazyFrame = polars.scan_pyarrow_dataset(self.dataset())
        return frame if self._columns is None else frame.select(self._columns)

    def to_duckdb(self, connection: duckdb.DuckDBPyConnection | None = None) -> duckdb.DuckDBPyRelation:
        """A relation of DuckDB over :meth:`dataset`: ``recording.to_duckdb().filter("temperature > 30")``."""
        library: Any = _library("duckdb", "to_duckdb()")
        relation: duckdb.DuckDBPyRelation = (connection or library.default_connection()).from_arrow(self.dataset())
        return relation if self._columns is None else relation.project(", ".join(map(_quoted, self._columns)))

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        import pyarrow as pa

        reader = pa.RecordBatchReader.from_batches(self._unify().schema, self._batches())
        return reader.__arrow_c_stream__(requested_schema)

    # --- and then

    def follow(self, **options: Any) -> Follow:
        """What is there, and then what comes: see :class:`honeyframe.Follow`."""
        from .follow import Follow

        return Follow(self, **options)

    # --- the face

    def __repr__(self) -> str:
        journal = self._snapshot.journal
        files = self._files()
        days = self.days
        span = f", {days[0]}" + (f" to {days[-1]}" if len(days) > 1 else "") if days else ""
        part = "" if self._selection == Selection() else " (a part of it)"
        messages = f"{count_of(journal.messages, 'message')} in all, " if journal.messages else ""
        counted = f"{count_of(len(files), 'file')}, {count_of(len(self.patterns), 'pattern')}"
        return f"<honeyframe.Recording {self.path!r}{part}: {messages}{counted}{span}>"

    def _repr_html_(self) -> str:
        from .display import card

        journal = self._snapshot.journal
        rows = [("messages in all", f"{journal.messages:,}"), ("files", f"{len(self._files()):,}"), ("last number", f"{journal.last:,}")]
        rows += [
            ("patterns", ", ".join(self.patterns)),
            ("days", ", ".join(self.days[:1] + self.days[1:][-1:])),
            ("last commit", journal.time),
        ]
        return card(f"Recording {self.path}", rows, repr(self))

    # --- inside

    def _files(self) -> list[RecordedFile]:
        return [file for file in self._snapshot.files if self._selection.may_have(file.part)]

    def _unify(self) -> UnifiedSchema:
        if self._unified is None:
            schemas = self._schemas()
            if self._columns is not None:
                self._check_columns(UnifiedSchema(schemas).all_names)
            self._unified = UnifiedSchema(schemas, self._columns)
        return self._unified

    def _check_columns(self, there: Sequence[str]) -> None:
        for name in self._columns or ():
            if name not in there:
                own = [one for one in there if not one.startswith("_")]
                shown = ", ".join(own[:_SHOWN]) + (", …" if len(own) > _SHOWN else "")
                raise InvalidArgumentError(f"there is no column {name!r} in {self.path}; there are {shown or 'none of payloads'}")

    def _batches(self, *, with_numbers: bool = False) -> Iterator[pa.RecordBatch]:
        own = None if with_numbers else self._unify()
        unified = self._unified_with_numbers()
        names = (own or unified).schema.names
        wanted = None if self._columns is None else sorted({*unified.schema.names, MISFIT})

        def read(file: RecordedFile) -> Iterator[pa.RecordBatch]:
            return map(unified.cast, self._snapshot.read(file, wanted, self._selection))

        found = self._snapshot.footers(self._files())
        for batch in merged([(file.part, footer.rows, functools.partial(read, file)) for file, footer in found]):
            yield batch if batch.schema.names == names else batch.select(names)

    def _unified_with_numbers(self) -> UnifiedSchema:
        if self._columns is None or NUMBER in self._columns:
            return self._unify()
        return UnifiedSchema(self._schemas(), [*self._columns, NUMBER])

    def _of_columns_there(self) -> Self:
        """The same, of those columns alone that some file has: for a follower, to whom others may come later."""
        if self._columns is None:
            return self
        there = {name for schema, _ in self._schemas() for name in schema.names}
        return type(self)(self._snapshot, self._selection, [name for name in self._columns if name in there])

    def _schemas(self) -> list[tuple[pa.Schema, int]]:
        """Of the files that may have what is asked for; where there are none, or they lack a column that is asked for, of all files."""
        import pyarrow as pa

        found = [(footer.schema, footer.rows) for _, footer in self._snapshot.footers(self._files())]
        missing = set(self._columns or ()).difference(*(schema.names for schema, _ in found))
        if found and not missing:
            return found
        others = [footer.schema for _, footer in self._snapshot.footers(self._snapshot.files)]
        if found:
            return [*found, *((pa.schema([field for field in schema if field.name in missing]), 0) for schema in others)]
        if not others:  # nothing is recorded yet: any column may come
            own = _empty_schema()
            others = [pa.schema([*own, *(pa.field(name, pa.null()) for name in sorted(missing - set(own.names)))])]
        return [(schema, 0) for schema in others]

    def _check_raw(self) -> None:
        if not self._snapshot.manifest.raw:
            raise RecordingError(
                f"{self.path} was recorded with raw=False: there are no payloads to replay", hint=f"Only {PAYLOAD} has them as they came."
            )


def _filter_of(topic: str) -> str:
    """Of a topic, a filter or a template; braces that make no template are a topic's own."""
    try:
        return TopicPattern.of(topic).filter
    except InvalidTopicTemplateError:
        _core.validate_topic_filter(topic)
        return topic


def _filters_of(topics: str | Sequence[str]) -> tuple[str, ...]:
    names = [topics] if isinstance(topics, str) else check_strings("topics", topics)
    if not names:
        raise InvalidArgumentError("topics is empty: name at least one, or leave it out to read all")
    return tuple(map(_filter_of, names))


def _library(name: str, wanted_by: str) -> Any:
    import importlib

    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise MissingExtraError(f"{wanted_by} needs {name}, which is not installed", hint=f"pip install {name}") from None


def _quoted(name: str) -> str:
    """As SQL has a name."""
    doubled = name.replace('"', '""')
    return f'"{doubled}"'


def moment_ns(name: str, value: Moment) -> int:
    """A time in nanoseconds since 1970. What has no year is none: "10:00" and "now" are another time with each run, and a number says
    neither its unit nor that it is one."""
    import pandas as pd

    try:
        if isinstance(value, numbers.Number) or (isinstance(value, str) and not _YEAR.search(value)):
            raise ValueError
        stamp = pd.Timestamp(value)
        if pd.isna(stamp):
            raise ValueError
        return int((stamp.tz_localize("UTC") if stamp.tzinfo is None else stamp).as_unit("ns").value)
    except (ValueError, TypeError, OverflowError):
        raise InvalidArgumentError(
            f'{name} is a time, such as "2026-11-26" or "2026-11-26 13:00+01:00"; found {value!r}',
            hint='A datetime, date or Timestamp will do as well; of seconds since 1970, pd.Timestamp(seconds, unit="s").',
        ) from None


def _moment_text(time_ns: int) -> str:
    import pandas as pd

    return str(pd.Timestamp(time_ns, tz="UTC"))


def _empty_schema() -> pa.Schema:
    import pyarrow as pa

    utc = pa.timestamp("ns", tz="UTC")
    kinds = {"_topic": pa.string(), "_recv_time": utc, "_retain": pa.bool_(), "_qos": pa.int64(), "_dup": pa.bool_(), NUMBER: pa.int64()}
    texts = [(name, pa.string()) for name in (*(f"_{one}" for one in TAIL), UNREADABLE)]
    return pa.schema([*kinds.items(), *texts, (PAYLOAD, pa.binary())])
