"""What is known of columns is learned by an extractor as if it had seen them."""

from __future__ import annotations

import doctest
from collections.abc import Sequence

import pytest

from honeyframe import (
    _core,
    recording_columns,
    recording_files,
    recording_layout,
    recording_place,
)
from honeyframe.options import extract_options
from honeyframe.recording_columns import example_payload

COLUMNS = [
    [("a", "int64"), ("b", "float64"), ("c", "bool"), ("d", "string"), ("e", "uint64")],
    [("a.x", "int64"), ("a.y.z", "float64"), ("a.y.w", "list<string>")],
    [("l", "list<int64>"), ("m", "list<bool>"), ("n", "list<float64>")],
    [("value", "float64"), ("value_bool", "bool"), ("value_text", "string")],
    [("x.", "float64"), ("x.y.", "bool")],
]


@pytest.mark.parametrize("columns", COLUMNS)
@pytest.mark.parametrize("sep", [".", "/", "__"])
def test_an_extractor_learns_them(columns: Sequence[tuple[str, str]], sep: str) -> None:
    wanted = [(name.replace(".", sep), kind) for name, kind in columns]
    queue = _core.Queue()
    reader = _core.StreamReader(queue, extract_options(metadata=[], sep=sep))
    queue.push("example", example_payload(wanted, sep=sep))
    while reader.next(100, 0.0, 0.0) is not None:
        pass
    assert dict(reader.schema().fields()) == {name: kind for name, kind in wanted if not name.startswith("/")}


def test_what_is_not_a_payloads_is_left_out() -> None:
    columns = [("line", "string"), ("_misfit", "string"), ("/a.b", "int64"), ("t", "timestamp"), ("b", "binary"), ("n", "null")]
    assert example_payload(columns, sep=".", besides=["line"]) == b"{}"
    assert example_payload([("a", "string"), ("a.b", "int64"), ("b.c", "int64"), ("b", "bool")], sep=".") == b'{"a": "x", "b": {"c": 1}}'


@pytest.mark.parametrize("module", [recording_columns, recording_files, recording_layout, recording_place])
def test_examples_of_the_docstrings(module: object) -> None:
    found = doctest.testmod(module)  # type: ignore[arg-type]
    assert found.attempted > 0
    assert found.failed == 0
