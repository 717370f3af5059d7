"""Catalog: what there is on a broker, by pattern of topic; made by :meth:`honeyframe.Client.catalog`."""

from __future__ import annotations

import datetime
import difflib
import json
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from . import _core
from .arguments import check_count, check_file, check_path, check_strings
from .catalog_pattern import CatalogPattern, columns_frame
from .durations import Duration
from .durations import seconds as to_seconds
from .errors import InvalidArgumentError, InvalidCatalogError, NoMessagesWarning
from .events import printable, warn
from .keywords import REMEMBERED, Retained
from .whole_file import whole_file

if TYPE_CHECKING:
    import pandas as pd

    from .client import Client
    from .schema import Schema

_FORMAT: Final = 1
_MARK: Final = "honeyframe_catalog"
_MOST_FILE_BYTES: Final = 268_435_456
_TABLE: Final = {
    **dict.fromkeys(("pattern", "filter", "kind"), "string"),
    **dict.fromkeys(("topics", "messages"), "int64"),
    "rate": "float64",
    **dict.fromkeys(("bytes", "retained", "qos", "columns"), "int64"),
    "event_time": "string",
    "unreadable": "int64",
    "example": "string",
}


class Catalog(Mapping[str, CatalogPattern]):
    """Topics grouped into patterns, each with its schema: a mapping of a pattern's name to :class:`CatalogPattern`.

    Example::

        catalog = client.catalog("plant/#")
        catalog                                       # a table
        catalog["plant/{line}/telemetry"]             # one pattern: its columns
        print(catalog.code())                         # the code that reads it all
        catalog.save("plant.json")                    # a contract: client.stream(…, contract="plant.json")

    Attributes:
        uri: the broker's address, without credentials.
        filters: what was subscribed to.
        seconds: for how long.
        other_messages: messages on topics beyond ``max_topics``, which are in no pattern.
    """

    def __init__(
        self,
        patterns: Iterable[CatalogPattern],
        *,
        uri: str = "",
        access: Mapping[str, Any] | None = None,
        filters: Sequence[str] = (),
        seconds: float = 0.0,
        other_messages: int = 0,
        created: str = "",
    ) -> None:
        self._patterns = {pattern.name: pattern for pattern in patterns}
        self._access = dict(access or {})
        self.uri = uri
        self.filters = tuple(filters)
        self.seconds = seconds
        self.other_messages = other_messages
        self.created = created or datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")

    # --- patterns

    def __getitem__(self, name: str) -> CatalogPattern:
        if name not in self._patterns:
            raise KeyError(self._unknown(name))
        return self._patterns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._patterns)

    def __len__(self) -> int:
        return len(self._patterns)

    def __contains__(self, name: object) -> bool:
        return name in self._patterns

    def find(self, topic: str) -> CatalogPattern | None:
        """The pattern of a topic: the one that it was seen in, else the first that it matches."""
        patterns = list(self._patterns.values())
        seen = next((pattern for pattern in patterns if topic in pattern.topics), None)
        return seen or next((pattern for pattern in patterns if _core.topic_matches(pattern.filter, topic)), None)

    def to_pandas(self) -> pd.DataFrame:
        """A row a pattern: ``pattern filter kind topics messages rate bytes retained qos columns event_time unreadable example``."""
        from .dtypes import frame_of

        rows = [
            {
                "pattern": pattern.name,
                "filter": pattern.filter,
                "kind": pattern.kind,
                "topics": len(pattern.topics),
                "messages": pattern.messages,
                "rate": pattern.rate,
                "bytes": pattern.bytes,
                "retained": pattern.retained,
                "qos": pattern.qos,
                "columns": len(pattern.columns),
                "event_time": pattern.event_time.column if pattern.event_time else "",
                "unreadable": pattern.unreadable,
                "example": pattern.example,
            }
            for pattern in self.values()
        ]
        return frame_of(rows, _TABLE)

    def columns(self, pattern: str | None = None) -> pd.DataFrame:
        """A row a column, of one pattern or of all: ``type null_rate required json_types event_time examples``."""
        return columns_frame([self._find(pattern)] if pattern is not None else list(self.values()))

    def schema(self, pattern: str) -> Schema | None:
        """The pattern's columns as a :class:`honeyframe.Schema`; None where there are none.

        Of text and binary payloads it goes with ``payload="text"`` and ``"raw"``.
        """
        return self._find(pattern).schema()

    def json_schema(self, pattern: str) -> dict[str, Any]:
        """JSON Schema 2020-12 of the pattern's payloads: what all samples fulfil. Keys that were always there are required."""
        copied: dict[str, Any] = json.loads(json.dumps(self._find(pattern).json_schema))  # to be changed at will
        return copied

    def code(self, pattern: str | None = None) -> str:
        """Python code that reads one pattern, or all of them over one connection, with the columns and types found.

        It runs as it is: the address is filled in, and of what was given to :func:`honeyframe.connect` ``username``, ``password_file``,
        ``protocol``, ``ca_file``, ``ca_directory``, ``client_certificate``, ``client_key`` and ``insecure``. The password it takes from
        ``MQTT_PASSWORD``, the keyring, or a hidden prompt.
        """
        from .catalog_code import code_of_all, code_of_pattern

        return code_of_all(self, self._access) if pattern is None else code_of_pattern(self, self._find(pattern), self._access)

    # --- files

    def save(self, path: str | os.PathLike[str], *, examples: bool = True) -> None:
        """Writes the catalog as JSON, to be read by :func:`honeyframe.load_catalog`, and to be a stream's ``contract=``.

        The file has no password. It has values of the payloads, as examples, unless ``examples=False``. What was in the file before stays
        until the new one is whole.

        Raises:
            OSError: the file cannot be written.
        """
        target = check_file("path", path)
        whole: dict[str, Any] = {
            _MARK: _FORMAT,
            "created": self.created,
            "uri": self.uri,
            "access": self._access,
            "filters": list(self.filters),
            "seconds": self.seconds,
            "other_messages": self.other_messages,
            "patterns": [pattern.to_dict() for pattern in self.values()],
        }
        if not examples:
            whole["patterns"] = [_without_examples(pattern) for pattern in whole["patterns"]]
        with whole_file(target) as file:
            file.write(f"{json.dumps(whole, ensure_ascii=False, indent=1)}\n".encode(errors="backslashreplace"))

    # --- the face

    def __repr__(self) -> str:
        from .catalog_display import catalog_text

        return catalog_text(self)

    def _repr_html_(self) -> str:
        from .catalog_display import catalog_html

        return catalog_html(self)

    def _find(self, name: str) -> CatalogPattern:
        if not isinstance(name, str):
            raise TypeError(f"a pattern is named by a str, such as 'plant/{{line}}/telemetry', not by {type(name).__name__}")
        if name not in self._patterns:
            raise InvalidArgumentError(self._unknown(name), hint="list(catalog) has the names of all patterns.")
        return self._patterns[name]

    def _unknown(self, name: object) -> str:
        near = difflib.get_close_matches(str(name), list(self._patterns), n=1)
        return f"the catalog has no pattern {printable(repr(name))}" + (f"; did you mean {near[0]!r}?" if near else "")


def load_catalog(path: str | os.PathLike[str]) -> Catalog:
    """A catalog that :meth:`Catalog.save` wrote.

    Raises:
        OSError: the file cannot be read.
        InvalidCatalogError: it is no saved catalog; nothing of it is taken.
    """
    source = check_path("path", path)
    shown = printable(str(source))
    if source.stat().st_size > _MOST_FILE_BYTES:
        raise InvalidCatalogError(f"{shown} has more than {_MOST_FILE_BYTES:,} bytes: it is no saved catalog")
    try:
        whole = json.loads(source.read_bytes())
    except (ValueError, RecursionError):
        raise InvalidCatalogError(f"{shown} is not JSON, as a saved catalog is", hint="catalog.save(path) writes one.") from None
    if not isinstance(whole, dict) or _MARK not in whole:
        raise InvalidCatalogError(f"{shown} is JSON, but no saved catalog", hint="catalog.save(path) writes one.")
    if whole[_MARK] != _FORMAT:
        raise InvalidCatalogError(f"{shown} has format {whole[_MARK]!r}, and this version of honeyframe reads format {_FORMAT}")
    try:
        patterns = [CatalogPattern.from_dict(pattern) for pattern in _typed(whole, "patterns", list)]
        return Catalog(
            patterns,
            uri=_typed(whole, "uri", str),
            access=_checked_access(_typed(whole, "access", dict)),
            filters=[str(one) for one in _typed(whole, "filters", list)],
            seconds=float(_typed(whole, "seconds", (int, float))),
            other_messages=_typed(whole, "other_messages", int),
            created=_typed(whole, "created", str),
        )
    except InvalidCatalogError as error:
        raise InvalidCatalogError(f"{shown}: {error.message}") from None


def _typed(whole: dict[str, Any], name: str, kind: Any) -> Any:
    if not isinstance(whole.get(name), kind) or isinstance(whole.get(name), bool):
        raise InvalidCatalogError(f"the saved catalog's {name!r} is missing or of another type")
    return whole[name]


def _checked_access(found: dict[str, Any]) -> dict[str, Any]:
    """What goes into the code, of the types that it has there."""
    access: dict[str, Any] = {name: found[name] for name in REMEMBERED if name in found}
    for name, value in access.items():
        if not isinstance(value, bool if name == "insecure" else str):
            raise InvalidCatalogError(f"the saved catalog's access has {name!r} of another type")
    return access


def _without_examples(pattern: dict[str, Any]) -> dict[str, Any]:
    def strip(schema: Any) -> Any:
        if isinstance(schema, dict):
            inside = schema.get("properties", {})
            kept = {key: strip(value) for key, value in schema.items() if key not in ("examples", "properties")}
            return kept | ({"properties": {key: strip(value) for key, value in inside.items()}} if inside else {})
        return schema

    columns = [{**column, "examples": []} for column in pattern["columns"]]
    return {**pattern, "example": "", "columns": columns, "json_schema": strip(pattern["json_schema"])}


# --- from a client


def read_catalog(
    client: Client,
    topics: Sequence[str | Iterable[str]],
    seconds: Duration,
    *,
    max_topics: int,
    samples: int,
    qos: int,
    retained: Retained,
    progress: bool | None,
    on_interrupt: Callable[[], None] | None = None,
) -> Catalog:
    """As :meth:`Client.catalog`. Where ``on_interrupt`` is given, Ctrl-C calls it, and ends the listening alone."""
    from .catalog_inference import infer_patterns
    from .progress import Progress
    from .templates import read_topics
    from .topic_samples import TopicSampler, open_raw, sample_stream

    duration = to_seconds(seconds, "seconds")
    lists = [[given] if given is None or isinstance(given, str) else check_strings("topics", given) for given in topics or ("#",)]
    filters = [filter_ for one in lists for filter_ in one]
    wanted = read_topics(filters)
    sampler = TopicSampler(
        max_topics=check_count("max_topics", max_topics, 1),
        samples=check_count("samples", samples, 1, 10_000),
        with_system=any(re.sub(r"^\$share/[^/]*/", "", one).startswith("$") for one in wanted.filters),
    )
    with (
        open_raw(client, filters, qos=qos, retained=retained, max_topics=max_topics) as stream,
        Progress(printable(", ".join(wanted.filters)), seconds=duration, rows=None, enabled=progress) as line,
    ):
        began = time.monotonic()
        try:
            sample_stream(stream, sampler, duration, lambda count: line.update(stream.stats(), count) if line.active else None)
        except KeyboardInterrupt:
            if on_interrupt is None:
                raise
            on_interrupt()
        listened = round(min(duration, time.monotonic() - began), 3)
    if not sampler.topics:
        told = ", ".join(map(printable, map(repr, wanted.filters)))
        warn(
            f"no message arrived on {told} within {listened:g} s, not even a retained one. "
            "Is somebody publishing? '#' shows all that this credential may see; seconds=60 waits",
            NoMessagesWarning,
        )
    named = named_positions(wanted.template)
    return Catalog(
        infer_patterns(sampler.topics, listened, named=named),
        uri=client.uri,
        access=client._access,
        filters=wanted.filters,
        seconds=listened,
        other_messages=sampler.other_messages,
    )


def named_positions(template: str | None) -> dict[int, str]:
    """The levels to which a template gives a name, by their position."""
    levels = (template or "").split("/")
    return {i: level[1:-1] for i, level in enumerate(levels) if level.startswith("{") and not level.endswith("...}")}
