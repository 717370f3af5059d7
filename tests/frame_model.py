"""docs/frame-rules.md in plain Python: payloads and options in; columns, types, values, misfits, counters and quarantine out.

An independent reading of the rules, kept simple and slow. ``tests/python/test_frame_model.py`` holds the compiled engine to it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from tests.column_model import ColumnModel, Effects
from tests.json_model import Refused, Value, read_payload
from tests.time_model import TimeModel

Path = tuple[str, ...]
_MAX_PATH_BYTES: Final = 512
_BARE: Final = {"bool": "value_bool", "string": "value_text", "text": "value_text", "bytes": "value_raw", "list": "value_list"}


@dataclass(frozen=True)
class Options:
    """Those of ``honeyframe.extract`` that decide what lands where. ``na_values``: all of them."""

    schema: tuple[tuple[str, str, str], ...] | None = None  # name, type, path
    columns: tuple[str, ...] = ()
    on_conflict: str = "keep"
    payload: str = "auto"
    sep: str = "."
    explode: str | None = None
    max_columns: int = 1024
    max_depth: int = 64
    na_values: frozenset[str] = frozenset()
    event_time: str | None = None
    event_time_unit: str = "auto"
    utc: bool = False
    max_rows: int = 1_000_000


@dataclass
class Batch:
    names: list[str]
    types: list[str]
    columns: list[list[Any]]  # but `_misfit` and `_extra`
    misfits: list[dict[str, list[str]]]
    extras: list[dict[str, list[str]]]


@dataclass
class _Node:
    shape: str | None = None  # "value" or "object", by what came first
    column: ColumnModel | None = None
    overflow: bool = False
    spelled_out: bool = False  # on_conflict="widen": scalars beside members


@dataclass
class _Cell:
    what: str  # "value", "superseded" or "extra"
    path: Path
    value: Value
    key: str = ""


class Conflict(Exception):
    """on_conflict="raise" or "quarantine": a value does not fit."""


@dataclass
class _State:
    """What a payload that is refused must leave as it was."""

    nodes: dict[Path, _Node] = field(default_factory=dict)
    columns: list[ColumnModel] = field(default_factory=list)
    counters: Counter[str] = field(default_factory=Counter)
    rows: int = 0
    misfits: list[tuple[int, str, str]] = field(default_factory=list)
    extras: list[tuple[int, str, str]] = field(default_factory=list)

    def copy(self) -> _State:
        columns = {id(column): column.copy() for column in self.columns}
        nodes = {
            path: _Node(node.shape, node.column and columns[id(node.column)], node.overflow, node.spelled_out)
            for path, node in self.nodes.items()
        }
        return _State(nodes, list(columns.values()), self.counters.copy(), self.rows, list(self.misfits), list(self.extras))


class FrameModel:
    """Payloads in by :meth:`add`, then :meth:`finish`."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.state = _State()
        self.batches: list[Batch] = []
        self.quarantine: list[tuple[int, str]] = []  # payload index, reason
        self.order: list[ColumnModel | str] = []
        self.schema_paths: list[tuple[Path, ColumnModel, bool]] = []
        self.payloads = 0
        if options.event_time is not None:
            self._fixed("_event_time", "timestamp").time = TimeModel(options.event_time_unit, utc=options.utc)
        self._fixed("_payload_index", "int64")
        self.metadata = len(self.order)
        for name, kind, path in options.schema or ():
            column = self._fixed(name, kind)
            self.schema_paths += [(one, column, path.startswith("/")) for one in self._meanings(path)]
        self.times = [] if options.event_time is None else self._meanings(options.event_time)
        self.explode = [] if options.explode is None else self._meanings(options.explode)

    def _fixed(self, name: str, kind: str) -> ColumnModel:
        column = ColumnModel(name, kind, None, TimeModel(utc=self.options.utc))
        self.state.columns.append(column)
        self.order.append(column)
        return column

    def _meanings(self, path: str) -> list[Path]:
        """A dotted path also finds the key that is spelled so."""
        if path.startswith("/"):
            return [tuple(key.replace("~1", "/").replace("~0", "~") for key in path[1:].split("/"))]
        nested = tuple(path.split(self.options.sep))
        return [nested] if len(nested) == 1 else [nested, (path,)]

    # --- Payloads -----------------------------------------------------------------------------------------------------

    def add(self, payload: bytes) -> None:
        """Raises Conflict with on_conflict="raise"."""
        if self.state.rows >= self.options.max_rows:
            self._close_batch()
        index = self.payloads
        self.payloads += 1
        self.state.counters["empty_payloads"] += not payload
        before = self.state.copy() if self.options.on_conflict in ("raise", "quarantine") else None
        try:
            document = read_payload(payload, self.options.payload, self.options.max_depth) if payload else Value("null", "null")
            # What a path holds is decided by the whole payload, before its first row is there.
            for shared, own in list(self._rows(document, bare_allowed=True)):
                self._add_row(index, [*shared, *own])
        except Refused as refused:
            self.quarantine.append((index, refused.reason))
        except Conflict:
            assert before is not None
            self._restore(before)
            self.quarantine.append((index, "does_not_fit"))
            if self.options.on_conflict == "raise":
                raise

    def _restore(self, before: _State) -> None:
        """The columns' order, and what the schema points to, are those of the copies."""
        copies = dict(zip(map(id, self.state.columns), before.columns, strict=False))
        self.order = [one if isinstance(one, str) else copies[id(one)] for one in self.order if isinstance(one, str) or id(one) in copies]
        self.schema_paths = [(path, copies[id(column)], pointer) for path, column, pointer in self.schema_paths]
        self.state = before

    def _rows(self, value: Value, *, bare_allowed: bool) -> Iterator[tuple[list[_Cell], list[_Cell]]]:
        if value.kind == "object":
            yield from self._object_rows(value)
        elif bare_allowed and value.kind == "list" and not (value.items and value.holds_scalars):
            for item in value.items:
                yield from self._rows(item, bare_allowed=False)
        elif value.kind == "null":
            yield [], []
        else:
            path = (_BARE.get(value.kind, "value"),)
            yield [], [self._value(path, value)] if self._wanted(path) else []

    def _object_rows(self, value: Value) -> Iterator[tuple[list[_Cell], list[_Cell]]]:
        found: list[tuple[Path, Value]] = []
        shared = list(self._members((), value, found))
        if not found:
            yield [], shared
            return
        path, array = found[-1]
        if not array.items:
            yield shared, []
        for item in array.items:
            own = list(self._members(path, item, [])) if item.kind == "object" else [self._value(path, item)]
            yield shared, own

    def _members(self, path: Path, value: Value, exploded: list[tuple[Path, Value]]) -> Iterator[_Cell]:
        """Of duplicate keys the last counts, as if it stood alone."""
        last = {key: place for place, (key, _) in enumerate(value.pairs)}
        seen: dict[str, Value] = {}
        for place, (key, member) in enumerate(value.pairs):
            child = (*path, key)
            if not self._has_node(child):
                if self._keeps_unknown(path, key):
                    yield _Cell("extra", path, member, key)
                continue
            if key in seen and (self._wanted(child) or self._descends(child)):
                yield _Cell("superseded", child, seen[key])
            seen[key] = member
            if last[key] == place:
                yield from self._member(child, member, exploded)

    def _member(self, path: Path, value: Value, exploded: list[tuple[Path, Value]]) -> Iterator[_Cell]:
        if path in self.explode and value.kind == "list":
            exploded.append((path, value))
            return
        wanted = self._wanted(path) or path in self.times
        if self.options.schema is not None:
            if wanted:
                yield self._value(path, value)
            if value.kind == "list" and self._has_elements(path):
                for place, item in enumerate(value.items):
                    yield from self._member((*path, str(place)), item, exploded)
            elif value.kind == "object" and self._descends(path):
                yield from self._members(path, value, exploded)
            return
        if value.kind == "object" and self._descends(path):
            node = self._node(path)
            if path not in self.explode:
                node.shape = node.shape or "object"
            if path in self.explode or node.shape == "object":
                yield from self._members(path, value, exploded)
                return
        if wanted:
            yield self._value(path, value)

    def _value(self, path: Path, value: Value) -> _Cell:
        """Null and the empty list decide nothing."""
        node = self._node(path)
        if node.shape is None and path not in self.explode and value.kind != "null" and (value.kind != "list" or value.items):
            node.shape = "value"
        return _Cell("value", path, value)

    # --- Which paths are read -----------------------------------------------------------------------------------------

    def _node(self, path: Path) -> _Node:
        return self.state.nodes.setdefault(path, _Node())

    def _has_node(self, path: Path) -> bool:
        if self.options.schema is None:
            size = sum(len(_spelled(key).encode()) for key in path) + (len(path) - 1) * len(self.options.sep.encode())
            return size <= _MAX_PATH_BYTES or path in self.times or path in self.explode
        known = [one for one, _, _ in self.schema_paths] + self.times + self.explode
        return any(one[: len(path)] == path for one in known)

    def _wanted(self, path: Path) -> bool:
        if self.options.schema is not None:
            return any(one == path for one, _, _ in self.schema_paths)
        return not self.options.columns or any(self._covers(column, path) for column in self.options.columns)

    def _covers(self, column: str, path: Path) -> bool:
        """``column`` of columns= is this path, or has it within."""
        if self._dotted(path) == column:
            return True
        name, step = (self._pointer(path), "/") if column.startswith("/") else (self._dotted(path), self.options.sep)
        return name == column or name.startswith(column + step)

    def _descends(self, path: Path) -> bool:
        leads = [*self.times, *self.explode, *(one for one, _, _ in self.schema_paths)]
        if any(len(one) > len(path) and one[: len(path)] == path for one in leads):
            return True
        if self.options.schema is not None:
            return False
        if self._wanted(path):
            return True
        for column in self.options.columns:
            name, step = (self._pointer(path), "/") if column.startswith("/") else (self._dotted(path), self.options.sep)
            if column.startswith(name + step) and len(column) > len(name):
                return True
        return False

    def _has_elements(self, path: Path) -> bool:
        return any(pointer and one[: len(path)] == path and _is_index(one[len(path) :]) for one, _, pointer in self.schema_paths)

    def _keeps_unknown(self, path: Path, key: str) -> bool:
        if self.options.schema is not None:
            return False
        return not self.options.columns or (path != () and self._wanted(path)) or self._wanted((*path, key))

    # --- Rows ---------------------------------------------------------------------------------------------------------

    def _add_row(self, index: int, cells: list[_Cell]) -> None:
        row = self.state.rows
        self.state.columns[self.metadata - 1].values.append(index)
        for cell in cells:
            self._read_time(cell, row)
            if cell.what == "extra":
                self._extra((*cell.path, cell.key), cell.value)
            elif cell.what == "superseded":
                self.state.counters["duplicate_keys"] += 1
                self._misfit(row, self._name_of(cell.path), cell.value.raw)
            else:
                self._add_value(cell.path, cell.value, row)
        if self.options.event_time is not None and len(self.state.columns[0].values) <= row:
            self.state.counters["bad_event_times"] += 1
        self.state.rows += 1
        self.state.counters["rows"] += 1

    def _read_time(self, cell: _Cell, row: int) -> None:
        if cell.what != "value" or cell.path not in self.times or cell.value.kind == "null":
            return
        column = self.state.columns[0]
        if len(column.values) > row:
            return
        time = column.time.read(cell.value)
        if time is not None:
            column.pad(row)
            column.values.append(time)

    def _add_value(self, path: Path, value: Value, row: int) -> None:
        if self.options.schema is not None:
            if value.kind != "null":
                for column in [column for one, column, _ in self.schema_paths if one == path]:
                    self._fit(column, value, row)
            return
        if not self._wanted(path):
            return  # read for its time alone
        node = self._node(path)
        if node.shape == "object" and not node.spelled_out:
            if value.kind != "null":
                self._misplaced(node, path, value, row)
            return
        if node.column is None and not node.overflow and self._wanted(path):
            self._make_column(node, path)
        if node.overflow:
            self._extra(path, value)
        elif value.kind != "null" and node.column:
            self._fit(node.column, value, row)

    def _fit(self, column: ColumnModel, value: Value, row: int) -> None:
        effects = Effects()
        fits = column.fit(value, row, self.options.na_values, self.options.on_conflict == "keep", effects)
        self.state.counters["na_strings"] += effects.na_strings
        self.state.counters["numbers_from_strings"] += effects.numbers_from_strings
        for lost_row, number in effects.lost:
            self._misfit(lost_row, column.name, str(number))
        if fits:
            return
        if self.options.on_conflict in ("raise", "quarantine"):
            raise Conflict
        if self.options.on_conflict == "widen" and not column.fixed and len(column.values) <= row:
            column.append_text(value, row)
        else:
            self._misfit(row, column.name, value.raw)

    def _misplaced(self, node: _Node, path: Path, value: Value, row: int) -> None:
        """A scalar or a list where objects have been."""
        if self.options.on_conflict in ("raise", "quarantine"):
            raise Conflict
        if self.options.on_conflict == "widen":
            if node.column is None and not node.overflow:
                self._make_column(node, path)
            if node.column:
                node.spelled_out = True
                node.column.append_text(value, row)
                return
        self._misfit(row, self._name_of(path), value.raw)

    def _misfit(self, row: int, name: str, text: str) -> None:
        self.state.misfits.append((row, name, text))
        self.state.counters["misfits"] += 1

    def _extra(self, path: Path, value: Value) -> None:
        self.state.extras.append((self.state.rows, self.options.sep.join(path) or "/", value.raw))
        self.state.counters["extras"] += 1

    # --- Names --------------------------------------------------------------------------------------------------------

    def _dotted(self, path: Path) -> str:
        return _spelled(self.options.sep.join(path)) or "/"

    def _pointer(self, path: Path) -> str:
        return _spelled("".join("/" + key.replace("~", "~0").replace("/", "~1") for key in path))

    def _name_of(self, path: Path) -> str:
        named = [column for one, column, _ in self.schema_paths if one == path]
        column = named[0] if named else self._node(path).column
        return column.name if column else self._free_name(path)

    def _free_name(self, path: Path) -> str:
        """Who comes later to a name is named by its JSON Pointer."""
        taken = {column.name for column in self.state.columns} | {"_misfit", "_extra"}
        name = self._dotted(path)
        if name in taken:
            pointer = name = self._pointer(path)
            number = 2
            while name in taken:
                name, number = f"{pointer}#{number}", number + 1
        return name

    def _make_column(self, node: _Node, path: Path) -> None:
        made = [column for column in self.state.columns if column.path is not None]
        if len(made) >= self.options.max_columns:
            node.overflow = True
            return
        name = self._free_name(path)
        self.state.counters["name_collisions"] += name != self._dotted(path)
        node.column = ColumnModel(name, "null", path, TimeModel())
        self.state.columns.append(node.column)
        self.order.append(node.column)

    # --- Batches ------------------------------------------------------------------------------------------------------

    def finish(self) -> list[Batch]:
        self._close_batch()
        return self.batches

    def _close_batch(self) -> None:
        self._withdraw_empty_lists()
        state = self.state
        for name, entries in (("_misfit", state.misfits), ("_extra", state.extras)):
            if entries and name not in self.order:
                self.order.append(name)
        names = [one if isinstance(one, str) else one.name for one in self.order]
        types = ["string" if isinstance(one, str) else one.type for one in self.order]
        columns = [[] if isinstance(one, str) else one.finish(state.rows) for one in self.order]
        self.batches.append(Batch(names, types, columns, self._by_row(state.misfits), self._by_row(state.extras)))
        state.rows = 0
        state.misfits.clear()
        state.extras.clear()

    def _withdraw_empty_lists(self) -> None:
        """Of this batch alone, before objects came to their path: they are misfits."""
        if self.options.on_conflict == "widen":
            return
        for column in list(self.state.columns):
            path = column.path
            if path is None or column.handed_out or column.type != "list<null>" or self._node(path).shape != "object":
                continue
            for row, value in enumerate(column.values):
                if value is not None:
                    self._misfit(row, column.name, "[]")
            self._node(path).column = None
            self.state.columns.remove(column)
            self.order.remove(column)

    def _by_row(self, entries: list[tuple[int, str, str]]) -> list[dict[str, list[str]]]:
        found: list[dict[str, list[str]]] = [{} for _ in range(self.state.rows)]
        for row, name, text in entries:
            found[row].setdefault(name, []).append(text)
        return found


def _spelled(name: str) -> str:
    return name.replace("\0", "\\u0000")


def _is_index(keys: Path) -> bool:
    return bool(keys) and keys[0].isascii() and keys[0].isdigit() and (keys[0] == "0" or keys[0][0] != "0")
