"""Catalogue S3: what a publisher can put into a topic, a key and a string, against five places where frames end up. 25 x 5 cells.

XLSX has no writer of ours: CSV is what spreadsheets read.
"""

from __future__ import annotations

import csv
import io
import json
import logging
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.dataset as dataset
import pyarrow.parquet as pq
import pytest

import honeyframe as hf
from honeyframe.cli import output
from honeyframe.events import printable

from .conftest import Fed

HOSTILE = {
    "formula": "=cmd|' /C calc'!A0",
    "formula_dde": '=DDE("cmd";"/C calc";"x")',
    "formula_minus": "-2-3-cmd|' /C calc'!A0",
    "formula_at": "@SUM(1,1)*cmd|' /C calc'!A0",
    "formula_tab": "\t=1-1",
    "formula_return": "\r=1-1",
    "link": '=HYPERLINK("http://127.0.0.1/?"&A1,"x")',
    "script": "<script>alert(1)</script>",
    "image": "<img src=x onerror=alert(1)>",
    "attribute": "\"' onmouseover=alert(1) x='",
    "entity": "&lt;b&gt;&amp;lt;b&amp;gt;",
    "cdata": "]]><!--<b>-->",
    "mathjax": "$\\href{javascript:alert(1)}{x}$",
    "quotes_and_commas": 'a,"b";c\'d',
    "newlines": "a\nb\r\nc",
    "path_up": "../../../etc/passwd",
    "path_absolute": "/etc/passwd",
    "path_system": "$SYS/../../etc",
    "device": "C:\\CON\\NUL",
    "empty_levels": "//a//",
    "terminal": "\x1b[2J\x1b]0;title\x07\x1b[31mred",
    "controls": "a\x01\x7f\x9b31mb",
    "turned_around": "\u202egpj.exe\u2066",
    "line_separators": "a\u2028b\u2029c",
    "long": "long/" + "x" * 400,
}
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


@pytest.fixture(params=HOSTILE)
def hostile(request: pytest.FixtureRequest) -> str:
    return HOSTILE[request.param]


@pytest.fixture
def table(hostile: str, fed: Callable[..., Fed]) -> hf.Table:
    """A row whose topic, key and value are hostile, and one that is not."""
    source = fed()
    source.push({hostile: hostile, "text": hostile, "n": 1}, topic=hostile)
    source.push({"text": "plain", "n": 2}, topic="plain")
    return source.stream.read(rows=2)


def test_csv(hostile: str, table: hf.Table, tmp_path: Path) -> None:
    """No cell, heading included, begins as a formula does; what was in it stands behind one apostrophe."""
    output.write(table, tmp_path / "table.csv", "csv")
    text = (tmp_path / "table.csv").read_bytes().decode()
    first, row, _ = csv.reader(io.StringIO(text, newline=""))
    guarded = f"'{hostile}" if hostile.startswith(_FORMULA_STARTS) else hostile
    assert not [cell for cell in first + row if cell.startswith(_FORMULA_STARTS)]
    assert dict(zip(first, row, strict=True))["_topic"] == guarded
    assert dict(zip(first, row, strict=True))["text"] == guarded
    assert guarded in first


class Tags(HTMLParser):
    """Which elements and attributes a page has, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_comment(self, data: str) -> None:
        self.tags.add("comment")

    def unknown_decl(self, data: str) -> None:
        self.tags.add("declaration")

    def handle_data(self, data: str) -> None:
        self.text += data


def test_html(hostile: str, table: hf.Table, fed: Callable[..., Fed]) -> None:
    """What a notebook shows: the same elements and attributes as for a harmless topic, and nothing that MathJax would compute."""
    plain = fed()
    plain.push({"a": "a", "text": "a", "n": 1}, topic="a")
    source = fed(queue={"max_messages": 1, "overflow": "drop_newest"})
    for _ in range(2):
        source.push({"n": 1}, topic=hostile)
    for page, like in [
        (table._repr_html_(), plain.stream.read(rows=1)._repr_html_()),
        (table.to_pandas()._repr_html_(), plain.stream.read().to_pandas()._repr_html_() or table.to_pandas().head(0)._repr_html_()),
        (source.stream._repr_html_(), plain.stream._repr_html_()),
        (source.stream.ledger().to_html(), plain.stream.ledger().to_html()),
    ]:
        shown, expected = Tags(page), Tags(like)
        assert shown.tags <= expected.tags | {"tr", "td", "th", "tbody", "p"}
        assert shown.attributes <= expected.attributes | {"style"}


def test_parquet(hostile: str, table: hf.Table, tmp_path: Path) -> None:
    """In a file every byte is as it was. As the directories of a partitioned data set it stays below its root, and comes back exact."""
    output.write(table, tmp_path / "table.parquet", "parquet")
    found = pq.read_table(tmp_path / "table.parquet")
    assert found.equals(pa.table(table))
    assert found.column("_topic").to_pylist() == [hostile, "plain"]
    assert found.column("text").to_pylist() == [hostile, "plain"]
    assert hostile in found.column_names
    if len(hostile) > 200:
        return  # no file system has names of that length
    root = tmp_path / "below" / "root"
    pq.write_to_dataset(pa.table({"_topic": [hostile, "plain"], "n": [1, 2]}), root, partition_cols=["_topic"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["below", "table.parquet"]
    assert [path.name for path in root.parent.iterdir()] == ["root"]
    schema = pa.schema([("_topic", pa.string()), ("n", pa.int64())])
    partitioning = dataset.partitioning(pa.schema([("_topic", pa.string())]), flavor="hive")
    back = dataset.dataset(root, schema=schema, partitioning=partitioning, ignore_prefixes=["."]).to_table().to_pydict()
    assert dict(zip(back["n"], back["_topic"], strict=True)) == {1: hostile, 2: "plain"}


def test_json_lines(hostile: str, table: hf.Table, tmp_path: Path) -> None:
    """A row a line, whatever is in it; and exact."""
    output.write(table, tmp_path / "table.jsonl", "jsonl")
    lines = (tmp_path / "table.jsonl").read_bytes().decode().split("\n")
    assert len(lines) == 3
    row = json.loads(lines[0])
    assert (row["_topic"], row["text"], row[hostile]) == (hostile, hostile, hostile)


def test_log(hostile: str, fed: Callable[..., Fed], caplog: pytest.LogCaptureFixture) -> None:
    """A record is one line without control characters: neither a terminal nor a reader of log files is deceived."""
    caplog.set_level(logging.DEBUG, logger="honeyframe")
    source = fed(queue={"max_messages": 2, "overflow": "drop_newest"}, sequence="n")
    source.push({hostile: 1, "n": 1}, topic=hostile)
    source.push({hostile: "N/a!", "n": 5}, topic=hostile)
    source.push({"n": 6}, topic=hostile)
    with pytest.warns(hf.errors.HoneyframeWarning) as warned:
        source.stream.read(rows=2)
    said = [record.getMessage() for record in caplog.records] + [str(one.message) for one in warned]
    assert any(printable(hostile) in line for line in said), "it is nowhere: this shows nothing"
    for line in said:
        assert line.isprintable(), ascii(line)


def test_every_topic_is_one_that_a_broker_may_send() -> None:
    assert len(HOSTILE) == 25
    frame = pd.DataFrame({"topic": list(HOSTILE.values())})
    assert frame["topic"].is_unique
    assert not frame["topic"].str.contains("[\0+#]", regex=True).any()
