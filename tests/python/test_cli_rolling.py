"""Typed rows as they come."""

import csv
import io

import pyarrow as pa
import pytest

from honeyframe.cli import terminal
from honeyframe.cli.rolling import CsvRows, TableRows


def batch(**columns: list[object]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(columns)


def test_csv_has_one_header_and_tells_of_columns_that_come_late(capsys: pytest.CaptureFixture[str]) -> None:
    rows = CsvRows(["a", "never"])
    first = bytes(rows.block(batch(_topic=["t", "=cmd()"], a=[1, None]))).decode()
    second = bytes(rows.block(batch(_topic=["t"], b=["x"], a=[2]))).decode()
    third = bytes(rows.block(batch(_topic=["t"], b=["y"]))).decode()
    found = list(csv.reader(io.StringIO(first + second + third)))
    assert found == [["_topic", "a", "never"], ["t", "1", ""], ["'=cmd()", "", ""], ["t", "2", ""], ["t", "", ""]]
    told = capsys.readouterr().err
    assert told.count("not in this CSV") == 1
    assert ": b;" in told


@pytest.mark.parametrize("width", [20, 40, 80, 132])
def test_a_table_never_exceeds_the_width(width: int, capsys: pytest.CaptureFixture[str]) -> None:
    table = TableRows(width)
    names = {f"column_{number}": [f"value {number} " * 4, None] for number in range(20)}
    for shown in (batch(_topic=["plant/温度" * 9, "t"], **names), batch(_topic=["t"], 温度=["二十一度" * 9]), batch(_topic=["\x1b[31m\n"])):
        text = table.text(shown)
        assert max(terminal.cells(line) for line in text.splitlines()) <= width
        assert "\x1b" not in text
        assert len(text.splitlines()) - shown.num_rows in (0, 1)  # a header, where it changed
    assert "more column(s) than fit" in capsys.readouterr().err


def test_a_table_repeats_its_header_only_when_it_changes() -> None:
    table = TableRows(80)
    first = table.text(batch(_topic=["a", "b"], x=[1, 2]))
    assert first == "_topic  x\na       1\nb       2\n"
    assert table.text(batch(_topic=["c"], x=[3])) == "c       3\n"
    assert table.text(batch(_topic=["c"])) == "c\n"
    assert table.text(batch(_topic=["d"], x=[4], y=[True])) == "_topic  x  y\nd       4  True\n"
    assert table.text(batch(_topic=["long topic"], x=[5])) == "_topic      x  y\nlong topic  5\n"
