"""Parts: what a range of a spool gives is the same each time, whoever reads it, and copies are marked."""

from __future__ import annotations

import gc
import json
import logging
import pickle
import time
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import honeyframe as hf
from honeyframe import _core

pytest.importorskip("dask.dataframe")

from honeyframe.dask_directory import Keeper
from honeyframe.dask_parts import Part, common_schema, digest, empty_frame, joined, part_schema, parts_of_spool, read_part
from honeyframe.dask_stream import frame_of
from honeyframe.spool import RAW

OPTIONS = {"topic_template": "plant/{line}/t", "metadata": ["topic", "recv_time", "dup", "spool_seq"]}


def write(path: Path, payloads: list[Any], begin: int = 0) -> str:
    queue = _core.SpoolQueue(str(path))
    for number, payload in enumerate(payloads, begin):
        data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        queue.push(f"plant/{number % 3}/t", data, receive_time_ns=time.time_ns())
    queue.close()
    return str(path)


def test_parts_are_the_whole_each_message_once(tmp_path: Path) -> None:
    spool = write(tmp_path / "spool", [{"n": n} for n in range(1000)])
    parts = parts_of_spool(spool, 130)
    assert [part.messages for part in parts] == [130] * 7 + [90]
    frames = [read_part(part, OPTIONS) for part in parts]
    assert pd.concat(frames)["n"].tolist() == list(range(1000))
    assert read_part(parts[3], OPTIONS).equals(frames[3])


def test_the_column_of_raw_payloads_is_no_news(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    spool = write(tmp_path / "spool", [{"n": 1}])
    caplog.set_level(logging.INFO, "honeyframe")
    parts_of_spool(spool, 10)
    with hf.open_spool(spool, **RAW) as stream:
        assert stream.read(rows=1, seconds=5).to_pandas()["value_raw"].tolist() == [b'{"n": 1}']
        assert stream.ledger()["event"].tolist() == []
    assert "value_raw" not in caplog.text


def test_neighbours_are_joined(tmp_path: Path) -> None:
    spool = write(tmp_path / "spool", [{"n": n} for n in range(100)])
    parts = parts_of_spool(spool, 10)
    others = [replace(part, directory="other", seat=1) for part in parts]
    found = joined([one for pair in zip(parts, others, strict=True) for one in pair], 35)
    assert [(one.seat, one.first, one.last, one.messages) for one in found] == [
        (seat, first, last, last - first + 1) for first, last in ((1, 30), (31, 60), (61, 90), (91, 100)) for seat in (0, 1)
    ]
    assert pd.concat(read_part(part, OPTIONS) for part in found if part.seat == 0)["n"].tolist() == list(range(100))
    assert joined(parts, 5) == parts
    suspect = replace(parts[1], suspects=frozenset({b"x"}))
    original = replace(parts[3], original_until=40)
    apart = [parts[0], suspect, parts[2], original, parts[6]]
    assert joined(apart, 1000) == apart


def test_messages_of_several_rows_and_of_none_keep_their_part(tmp_path: Path) -> None:
    payloads = [[{"n": 1}, {"n": 2}], [], b'{"n":', {"n": 3}, [{"n": 4}] * 5, b"", {"n": 5}]
    spool = write(tmp_path / "spool", payloads)
    for rows in (1, 2, 3, 7, 50):
        frames = [read_part(part, OPTIONS) for part in parts_of_spool(spool, rows)]
        found = pd.concat(frames)["n"].dropna().tolist()
        assert found == [1, 2, 3, 4, 4, 4, 4, 4, 5], rows


def test_parts_have_one_schema_whatever_is_in_them(tmp_path: Path) -> None:
    spool = write(tmp_path / "spool", [{"n": 1}, {"n": 2}, {"n": 2.5, "late": "x"}, {"n": "off"}, {"late": None}])
    parts = parts_of_spool(spool, 1)
    schema = common_schema([part_schema(part, OPTIONS) for part in parts], parts)
    meta = empty_frame(schema)
    frames = [read_part(part, OPTIONS, schema) for part in parts]
    for frame in frames:
        assert frame.dtypes.equals(meta.dtypes)
        assert list(frame.columns) == list(meta.columns)
    whole = pd.concat(frames)
    kept = whole["n"].dropna().tolist()
    assert kept == ["1", "2", "2.5", "off"]
    assert read_part(parts[2], OPTIONS, schema, columns=["late", "n"]).columns.tolist() == ["late", "n"]


def test_a_value_that_no_common_type_holds_is_a_misfit(tmp_path: Path) -> None:
    spool = write(tmp_path / "spool", [{"n": 1}, {"n": [1, 2]}, {"n": 3}])
    parts = parts_of_spool(spool, 1)
    schema = common_schema([part_schema(part, OPTIONS) for part in parts], parts)
    whole = pd.concat(read_part(part, OPTIONS, schema) for part in parts)
    assert whole["n"].tolist() == [1, pd.NA, 3]
    assert whole["_misfit"].tolist() == [pd.NA, '{"n":[1,2]}', pd.NA]


def test_a_copy_is_marked_and_the_first_is_not(tmp_path: Path) -> None:
    lost = write(tmp_path / "seat-0", [{"n": n} for n in range(5)])
    other = write(tmp_path / "seat-1", [{"n": 100}, {"n": 3}, {"n": 101}])
    suspects = frozenset({digest("plant/0/t", b'{"n": 3}'), digest("plant/1/t", b'{"n": 3}')})
    (copies,) = [replace(part, seat=1, suspects=suspects) for part in parts_of_spool(other, 10)]
    assert read_part(copies, OPTIONS)["_dup"].tolist() == [False, True, False]
    (first,) = [replace(part, suspects=suspects, original_until=5) for part in parts_of_spool(lost, 10)]
    assert not read_part(first, OPTIONS)["_dup"].any()
    assert read_part(replace(first, original_until=0), OPTIONS)["_dup"].tolist() == [False, False, False, True, False]


def test_what_is_not_there_any_more_is_an_error_and_not_a_short_frame(tmp_path: Path) -> None:
    spool = write(tmp_path / "spool", [{"n": n} for n in range(100)])
    (segment,) = (tmp_path / "spool").glob("*.hfspool")
    data = bytearray(segment.read_bytes())
    data[len(data) // 2] ^= 0xFF
    segment.write_bytes(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", hf.errors.HoneyframeWarning)
        with pytest.raises(hf.SpoolError, match="not there any more, or damaged"):
            read_part(Part(spool, 1, 100, 100), OPTIONS)


def test_parts_have_their_own_columns_whatever_metadata_is_asked_for(tmp_path: Path) -> None:
    write(tmp_path / "seat-0", [{"n": n} for n in range(3)])
    for metadata in (["topic"], []):
        frame = hf.dask.read_spool(tmp_path, metadata=metadata).compute(scheduler="sync")
        assert set(frame.columns) == {*(f"_{name}" for name in metadata), "n", "_dup", "_spool_seq", "_seat"}
        assert frame["_spool_seq"].tolist() == [1, 2, 3]
    with pytest.raises(hf.InvalidArgumentError, match="metadata must be a list"):
        hf.dask.read_spool(tmp_path, metadata="topic")


def test_a_spool_that_is_shorter_than_the_part_is_an_error(tmp_path: Path) -> None:
    spool = write(tmp_path / "spool", [{"n": n} for n in range(100)])
    (segment,) = (tmp_path / "spool").glob("*.hfspool")
    segment.write_bytes(segment.read_bytes()[: segment.stat().st_size // 2])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", hf.errors.HoneyframeWarning)
        there = sum(part.messages for part in parts_of_spool(spool, 1000))
        assert 30 < there < 70
        assert len(read_part(Part(spool, 1, there, there), OPTIONS)) == there
        with pytest.raises(hf.SpoolError, match=f"{100 - there} messages of 1 to 100 .* not there any more, or damaged"):
            read_part(Part(spool, 1, 100, 100), OPTIONS)


def test_a_temporary_directory_is_there_as_long_as_a_frame_that_is_made_of_it(tmp_path: Path) -> None:
    spool = write(tmp_path / "spool", [{"n": n} for n in range(10)])
    ddf = frame_of(None, parts_of_spool(spool, 4), OPTIONS, Keeper(tmp_path / "spool"))[["n"]]
    gc.collect()
    assert ddf.compute(scheduler="sync")["n"].tolist() == list(range(10))
    assert len(pickle.loads(pickle.dumps(ddf)).compute(scheduler="sync")) == 10  # holds nothing: it is a worker's
    assert (tmp_path / "spool").exists()
    del ddf
    gc.collect()
    assert not (tmp_path / "spool").exists()


def test_read_spool_needs_no_cluster(tmp_path: Path) -> None:
    write(tmp_path / "seat-0", [{"n": n} for n in range(30)])
    write(tmp_path / "seat-1", [{"n": n} for n in range(30, 50)], 30)
    ddf = hf.dask.read_spool(tmp_path, part_rows=10, topic_template="plant/{line}/t")
    assert ddf.npartitions == 5
    frame = ddf.compute(scheduler="sync")
    assert sorted(frame["n"]) == list(range(50))
    assert frame.groupby("_seat")["n"].count().to_dict() == {0: 30, 1: 20}
    assert ddf[["n"]].sum().compute(scheduler="sync")["n"] == sum(range(50))
    with pytest.raises(hf.SpoolError):
        hf.dask.read_spool(tmp_path / "nothing")
