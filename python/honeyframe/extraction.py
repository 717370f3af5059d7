"""``extract``: the engine of the streams, on payloads that one already holds."""

from __future__ import annotations

import datetime
import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from . import _core
from .arguments import check_columns, check_count
from .errors import InvalidArgumentError
from .events import StreamLog
from .frame import Table
from .options import Metadata, OnConflict, PayloadMode, TimeUnit, extract_options, warn_of_event_time, warn_of_missing
from .schema import SchemaLike

if TYPE_CHECKING:
    import pandas as pd

Payloads: TypeAlias = "Iterable[bytes | bytearray | memoryview | str] | str | os.PathLike[str] | pd.DataFrame"

_LOGGER: Final = logging.getLogger("honeyframe.extract")


def extract(
    payloads: Payloads,
    topics: Sequence[str] | None = None,
    schema: SchemaLike | None = None,
    *,
    columns: Iterable[str] | None = None,
    on_conflict: OnConflict = "keep",
    payload: PayloadMode = "auto",
    strict: bool = True,
    sep: str = ".",
    explode: str | None = None,
    max_columns: int = 1024,
    max_depth: int = 64,
    na_values: Iterable[str] | None = None,
    keep_default_na: bool = True,
    event_time: str | None = None,
    event_time_unit: TimeUnit = "auto",
    tz: str | datetime.tzinfo | None = None,
    topic_template: str | None = None,
    metadata: Iterable[Metadata] | None = None,
    categories: bool = False,
    max_rows: int = 1_000_000,
    max_quarantine_messages: int = 10_000,
    max_quarantine_bytes: int = 16 << 20,
) -> Table:
    """Reads JSON payloads into a table of typed columns.

    Args:
        payloads: a list or iterable of ``bytes``, ``str``, ``bytearray`` or ``memoryview``, one payload each; **a ``str`` or a path by
            itself is the name of a JSON-lines file**, of which each line that is not blank is a payload; a DataFrame with a column
            ``payload`` (and ``topic``, ``recv_time``, ``retain``, ``qos`` where they are), as ``quarantine()`` gives it.
        topics: the topic of each payload; adds ``_topic``.
        schema: what :class:`honeyframe.Schema` takes. None: columns and types are inferred.
        metadata: which metadata become columns; by default ``_payload_index`` (int64: which payload a row comes from), and ``_topic``,
            ``_recv_time``, ``_retain`` where they are known. The other options are those of :func:`honeyframe.options.extract_options`.
        categories: ``to_pandas()`` makes a category of ``_topic``.
        max_rows: at which a batch of the table is closed.

    Returns:
        Table: rows in the order of the payloads. What could not be read is in ``table.quarantine()``; what was not a plain success is
            counted in ``table.stats()``.

    Raises:
        InvalidArgumentError: an option out of range; topics of another number than payloads.
        DoesNotFitError: with ``on_conflict="raise"``, a value that does not fit its column.
        OSError: the file cannot be read.
        TypeError: a payload that is neither bytes nor str.

    Warns:
        ConflictWarning: once, naming the columns with values that did not fit.
        MissingColumnsWarning: no payload had a column that ``columns=`` names, or no row a readable time at ``event_time=``.

    >>> import honeyframe as hf
    >>> hf.extract([b'{"temp": 21.5, "at": {"line": 7}}', b'{"temp": 22}']).to_pandas()
       _payload_index  temp  at.line
    0               0  21.5        7
    1               1  22.0     <NA>
    """
    source = _open(payloads, topics)
    columns = check_columns(columns)
    max_rows = check_count("max_rows", max_rows, 1)
    if topic_template is not None and "topic" not in source.known_metadata():
        raise InvalidArgumentError("topic_template= reads levels from the topics, and there are none: pass topics=")
    options = extract_options(
        schema=schema,
        columns=columns,
        on_conflict=on_conflict,
        payload=payload,
        strict=strict,
        sep=sep,
        explode=explode,
        max_columns=max_columns,
        max_depth=max_depth,
        na_values=na_values,
        keep_default_na=keep_default_na,
        event_time=event_time,
        event_time_unit=event_time_unit,
        tz=tz,
        topic_template=topic_template,
        metadata=source.known_metadata() if metadata is None else metadata,
        max_quarantine_messages=max_quarantine_messages,
        max_quarantine_bytes=max_quarantine_bytes,
    )
    extraction = source.extract(options, max_rows)
    StreamLog(_LOGGER).tell(extraction.events)
    table = Table(
        extraction.batches,
        extraction.schema,
        counters=extraction.counters,
        quarantine=extraction.quarantine,
        categories=categories,
    )
    if columns and len(table):
        warn_of_missing(columns, table.column_names, sep)
    warn_of_event_time(event_time, table, sep)
    return table


@dataclass(frozen=True, slots=True)
class _File:
    path: str | os.PathLike[str]

    def known_metadata(self) -> list[Metadata]:
        return ["payload_index"]

    def extract(self, options: _core.ExtractOptions, max_rows: int) -> _core.Extraction:
        return _core.extract_json_lines(self.path, options, max_rows=max_rows)


@dataclass(frozen=True, slots=True)
class _Held:
    payloads: Sequence[bytes | bytearray | memoryview | str]
    topics: Sequence[str] | None = None
    receive_times_ns: Sequence[int] | None = None
    retain: Sequence[bool] | None = None
    qos: Sequence[int] | None = None

    def known_metadata(self) -> list[Metadata]:
        known: list[Metadata] = ["payload_index"]
        if self.topics is not None:
            known.append("topic")
        if self.receive_times_ns is not None:
            known.append("recv_time")
        if self.retain is not None:
            known.append("retain")
        return known

    def extract(self, options: _core.ExtractOptions, max_rows: int) -> _core.Extraction:
        return _core.extract_payloads(
            self.payloads,
            options,
            topics=self.topics,
            receive_times_ns=self.receive_times_ns,
            retain=self.retain,
            qos=self.qos,
            max_rows=max_rows,
        )


def _open(payloads: Any, topics: Sequence[str] | None) -> _File | _Held:
    if isinstance(payloads, (str, os.PathLike)):
        if topics is not None:
            raise InvalidArgumentError("a JSON-lines file has no topics: topics= goes with a list of payloads")
        return _File(_checked_path(payloads))
    if isinstance(payloads, (bytes, bytearray, memoryview)):
        raise InvalidArgumentError("one payload alone: expected a list of payloads", hint="Pass [payload].")
    if hasattr(payloads, "columns") and hasattr(payloads, "iloc"):
        if topics is not None:
            raise InvalidArgumentError("a DataFrame brings its topics in its own column, topic: topics= goes with a list of payloads")
        return _from_frame(payloads)
    if isinstance(payloads, Mapping) or not isinstance(payloads, Iterable):
        raise TypeError(f"payloads must be an iterable of bytes or str, a path or a DataFrame, not {type(payloads).__name__}")
    if isinstance(topics, (str, bytes)):
        raise InvalidArgumentError("topics must be a list, with one topic for each payload", hint="Pass [topic] * len(payloads).")
    # pyarrow's arrays iterate over scalars of their own.
    held = payloads.to_pylist() if hasattr(payloads, "to_pylist") else list(payloads)
    if topics is not None and not isinstance(topics, Iterable):
        raise TypeError(f"topics must be a list, with one topic for each payload, not {type(topics).__name__}")
    return _Held(held, None if topics is None else list(topics))


def _checked_path(path: str | os.PathLike[str]) -> str | os.PathLike[str]:
    if isinstance(path, str) and path.lstrip()[:1] in ("{", "["):
        raise InvalidArgumentError("a str by itself is the path of a JSON-lines file, and this one looks like JSON", hint="Pass [payload].")
    return path


def _from_frame(frame: pd.DataFrame) -> _Held:
    if "payload" not in frame.columns:
        raise InvalidArgumentError(f"the DataFrame has no column 'payload', as quarantine() gives it; it has {list(frame.columns)}")

    def column(name: str, missing: Any) -> list[Any] | None:
        """None where the frame does not have it, or no value in it."""
        if name not in frame.columns or frame[name].isna().all():
            return None
        values: pd.Series[Any] = frame[name]
        return values.astype(object).where(values.notna(), missing).tolist()

    return _Held(
        frame["payload"].tolist(),
        topics=column("topic", ""),
        receive_times_ns=_nanoseconds(frame),
        retain=column("retain", False),
        qos=column("qos", 0),
    )


def _nanoseconds(frame: pd.DataFrame) -> list[int] | None:
    import pandas as pd

    if "recv_time" not in frame.columns or frame["recv_time"].isna().all():
        return None
    try:
        times = pd.to_datetime(frame["recv_time"], utc=True).fillna(pd.Timestamp(0, tz="UTC"))
        nanoseconds: list[int] = times.dt.as_unit("ns").dt.tz_localize(None).to_numpy("datetime64[ns]").astype("int64").tolist()
    except (ValueError, TypeError, OverflowError, AttributeError) as error:
        told = str(error).partition("\n")[0].partition(". ")[0]
        raise InvalidArgumentError(f"the DataFrame's column 'recv_time' holds what is no time: {told}") from None
    return nanoseconds
