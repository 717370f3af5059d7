"""Batches, tables and what pandas makes of them."""

import copy
import gc
import json
import pickle
import threading
import weakref

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from tests.python.arrow_batches import EVERY_TYPE, batch

import honeyframe as hf
from honeyframe.errors import InvalidArgumentError, InvalidSchemaError

DTYPES = {
    "_topic": "string",
    "flag": "boolean",
    "count": "Int64",
    "serial": "UInt64",
    "temp": "float64",
    "name": "string",
    "time": "datetime64[ns, UTC]",
    "raw": "binary[pyarrow]",
    "values": "list<item: double>[pyarrow]",
    "unseen": "object",
}


def dtypes(frame: pd.DataFrame) -> dict[str, str]:
    return {name: str(dtype) for name, dtype in frame.dtypes.items()}


# --- Batch ------------------------------------------------------------------------------------------------------------


def test_a_batch_knows_its_shape():
    found = batch(EVERY_TYPE, num_messages=5)
    assert found.num_rows == len(found) == 3
    assert found.num_messages == 5
    assert found.nbytes > 3 * 8 * 4
    assert found.column_names == list(EVERY_TYPE)
    assert {column.name: column.type for column in found.schema} == {
        "_topic": "string",
        "flag": "bool",
        "count": "int64",
        "serial": "uint64",
        "temp": "float64",
        "name": "string",
        "time": "timestamp",
        "raw": "binary",
        "values": "list<float64>",
        "unseen": "null",
    }


def test_dtypes_do_not_depend_on_the_values():
    rows = pa.RecordBatch.from_pydict(EVERY_TYPE)
    for part in (rows, rows.slice(0, 1), rows.slice(1, 1), rows.slice(0, 0)):
        assert dtypes(hf.Batch.from_arrow(part).to_pandas()) == DTYPES


def test_strings_are_backed_by_arrow_and_miss_with_na():
    name = batch(EVERY_TYPE).to_pandas()["name"]
    assert name.dtype == pd.StringDtype("pyarrow")
    assert name.dtype.storage == "pyarrow"
    assert name[1] is pd.NA


def test_values_arrive_exactly():
    frame = batch(EVERY_TYPE).to_pandas()
    assert frame["count"].tolist() == [2**53 + 1, pd.NA, -(2**63)]
    assert frame["serial"].tolist() == [2**64 - 1, pd.NA, 0]
    assert frame["flag"].tolist() == [True, pd.NA, False]
    assert frame["temp"][0] == 21.5
    assert np.isnan(frame["temp"][1])
    assert np.signbit(frame["temp"][2])
    assert frame["time"][0].value == 1
    assert frame["time"][1] is pd.NaT
    assert frame["time"][2].value == 2**62
    assert frame["raw"][0] == b"\x00\xff"
    assert next(iter(frame["values"][0])) == 1.5
    assert len(frame["values"][2]) == 0
    assert frame.isna().iloc[1].all()
    assert frame["unseen"].isna().all()


def test_columns_can_be_written_to():
    frame = batch({"a": [1, 2], "f": [1.0, 2.0], "s": ["x", "y"], "b": [True, False]}).to_pandas()
    frame.loc[0, "a"] = 5
    frame.loc[0, "f"] = 5.5
    frame.loc[0, "s"] = "z"
    frame.loc[0, "b"] = pd.NA
    assert frame.iloc[0].tolist() == [5, 5.5, "z", pd.NA]


def test_a_change_in_pandas_does_not_reach_the_batch():
    found = batch({"f": [1.0, 2.0], "t": EVERY_TYPE["time"][:2]})
    frame = found.to_pandas()
    frame.loc[0, "f"] = 99.0
    frame.loc[0, "t"] = pd.Timestamp("2000", tz="UTC")
    assert found.to_pandas()["f"].tolist() == [1.0, 2.0]
    assert found.to_pandas()["t"][0].value == 1


@pytest.mark.parametrize(
    ("backend", "changed"),
    [
        ("numpy_nullable", {"temp": "Float64"}),
        (
            "pyarrow",
            {
                "_topic": "string[pyarrow]",
                "flag": "bool[pyarrow]",
                "count": "int64[pyarrow]",
                "serial": "uint64[pyarrow]",
                "temp": "double[pyarrow]",
                "name": "string[pyarrow]",
                "time": "timestamp[ns, tz=UTC][pyarrow]",
                "unseen": "null[pyarrow]",
            },
        ),
    ],
)
def test_dtype_backends(backend, changed):
    frame = batch(EVERY_TYPE).to_pandas(dtype_backend=backend)
    found = {name: dtype.replace("string", "string[pyarrow]") if dtype == "string" else dtype for name, dtype in dtypes(frame).items()}
    expected = {name: "string[pyarrow]" if dtype == "string" else dtype for name, dtype in (DTYPES | changed).items()}
    assert found == expected
    assert frame["temp"][1] is pd.NA
    assert frame["count"][0] == 2**53 + 1


@pytest.mark.parametrize("backend", ["numpy", "arrow", "", 5])
def test_refuses_other_backends(backend):
    with pytest.raises(InvalidArgumentError, match="dtype_backend must be"):
        batch(EVERY_TYPE).to_pandas(dtype_backend=backend)


def test_topics_as_categories():
    frame = batch({"a": [1, 2, 3, 4], "_topic": ["b", "a", None, "b"]}).to_pandas(categories=True)
    assert list(frame.columns) == ["a", "_topic"]
    assert frame["_topic"].dtype == "category"
    assert list(frame["_topic"].cat.categories) == ["b", "a"]  # those present, in the order of their appearance
    assert frame["_topic"].tolist()[:2] == ["b", "a"]
    assert frame["_topic"].isna().tolist() == [False, False, True, False]


def test_topics_as_categories_over_batches_and_none():
    table = hf.concat([batch({"_topic": ["a", "b"]}), batch({"_topic": ["c", "a"]})])
    assert list(table.to_pandas(categories=True)["_topic"].cat.categories) == ["a", "b", "c"]
    assert table.to_pandas(categories=True)["_topic"].tolist() == ["a", "b", "c", "a"]
    empty = hf.Batch.empty(batch({"_topic": ["a"]})._core_schema()).to_pandas(categories=True)
    assert empty["_topic"].dtype == "category"
    assert len(empty["_topic"].cat.categories) == 0
    assert list(batch({"a": [1]}).to_pandas(categories=True).columns) == ["a"]


def test_an_empty_batch_has_the_columns():
    empty = hf.Batch.empty(batch(EVERY_TYPE)._core_schema())
    assert empty.num_rows == empty.num_messages == 0
    assert dtypes(empty.to_pandas()) == DTYPES


def test_from_arrow_refuses_types_that_we_do_not_have():
    with pytest.raises(InvalidSchemaError, match="column 'day'"):
        batch({"day": pa.array([1], pa.date32())})
    with pytest.raises(InvalidSchemaError, match="column 'c'"):
        batch({"c": pa.array(["a"]).dictionary_encode()})


# --- Table and concat -------------------------------------------------------------------------------------------------


def test_concat_unifies_the_columns():
    table = hf.concat([batch({"a": [1], "b": ["x"]}, num_messages=1), batch({"b": ["y"], "late": [True]}, num_messages=2)])
    frame = table.to_pandas()
    assert dtypes(frame) == {"a": "Int64", "b": "string", "late": "boolean"}
    assert frame["a"].tolist() == [1, pd.NA]
    assert frame["late"].tolist() == [pd.NA, True]
    assert table.num_rows == len(table) == 2
    assert table.num_messages == 3
    assert table.column_names == ["a", "b", "late"]
    assert table.stats() == {"payloads": 3, "rows": 2}


@pytest.mark.parametrize("order", [1, -1])
def test_concat_of_text_and_numbers_is_text_in_either_order(order):
    frame = hf.concat([batch({"a": ["x", None]}), batch({"a": [2.5]})][::order]).to_pandas()
    assert sorted(frame["a"].dropna()) == ["2.5", "x"]
    assert "_misfit" not in frame


def test_concat_takes_tables_and_one_alone():
    table = hf.concat([hf.concat([batch({"a": [1]})]), batch({"a": [2]})])
    assert table.to_pandas()["a"].tolist() == [1, 2]
    assert hf.concat(batch({"a": [1]})).num_rows == 1
    assert hf.concat(iter([batch({"a": [1]})])).num_rows == 1


def test_concat_of_nothing():
    table = hf.concat([])
    assert table.num_rows == 0
    assert table.column_names == []
    assert table.to_pandas().shape == (0, 0)
    assert "0 rows, 0 columns" in repr(table)


@pytest.mark.parametrize("item", [None, pd.DataFrame(), pa.table({"a": [1]}), b"", 5])
def test_concat_refuses_what_is_no_batch(item):
    with pytest.raises(TypeError, match=f"not {type(item).__name__}"):
        hf.concat([batch({"a": [1]}), item])


def test_integers_that_are_no_doubles_go_to_misfit():
    table = hf.concat([batch({"a": [1, 2**60 + 1]}), batch({"a": [0.5]})])
    frame = table.to_pandas()
    assert dtypes(frame) == {"a": "float64", "_misfit": "string"}
    assert frame["a"].tolist()[0] == 1.0
    assert np.isnan(frame["a"][1])
    assert json.loads(frame["_misfit"][1]) == {"a": 2**60 + 1}
    assert frame["_misfit"].isna().tolist() == [True, False, True]
    assert table.column_names == ["a", "_misfit"]  # every view of it says so
    assert [part.column_names for part in table.batches] == [["a", "_misfit"]] * 2
    assert pa.schema(table).names == ["a", "_misfit"]


def test_where_no_type_holds_both_the_last_wins_and_nothing_is_lost():
    table = hf.concat([batch({"a": [True, None]}), batch({"a": [1.0]})])
    assert table.to_pandas()["a"].fillna(-1).tolist() == [-1, -1, 1.0]
    assert json.loads(table.to_pandas()["_misfit"][0]) == {"a": True}


def test_the_cast_happens_once():
    table = hf.concat([batch({"a": [1]}), batch({"a": [1.5]})])
    first = table.batches[0]._batch
    assert table.batches[0]._batch is first


def test_a_table_may_be_used_by_many_threads():
    table = hf.concat([batch({"a": list(range(1000))}), batch({"a": [0.5] * 1000})])
    sums = []
    threads = [threading.Thread(target=lambda: sums.append(table.to_pandas()["a"].sum())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sums == [1000 * 999 / 2 + 500] * 8


def test_from_arrow():
    source = pa.table({"a": [1, None], "b": ["x", "y"]})
    assert pa.table(hf.Table.from_arrow(source)) == source
    chunks = pa.concat_tables([source, source.slice(1)])
    assert pa.table(hf.Table.from_arrow(chunks)) == chunks
    empty = hf.Table.from_arrow(source.slice(0, 0))
    assert empty.column_names == ["a", "b"]
    assert empty.num_rows == 0


def test_a_frame_outlives_its_batch():
    found = batch({"s": ["some text"] * 1000, "f": [1.5] * 1000})
    frame = found.to_pandas()
    arrow = found.to_arrow()
    del found
    gc.collect()
    assert frame["s"].tolist() == ["some text"] * 1000
    assert arrow.column("f").to_pylist() == [1.5] * 1000


def test_a_table_without_extraction_has_no_quarantine():
    assert len(hf.concat([batch({"a": [1]})]).quarantine()) == 0


def test_nothing_is_kept_alive():
    class Batch(hf.Batch):
        __slots__ = ("__weakref__",)

    found = Batch(batch({"a": [1]})._batch)
    reference = weakref.ref(found)
    frame = found.to_pandas()
    del found
    gc.collect()
    assert reference() is None
    assert frame["a"].tolist() == [1]


# --- How they look ----------------------------------------------------------------------------------------------------


def test_repr_is_a_table():
    text = repr(batch({"temp": [21.5, None], "name": ["a", "b"]}))
    assert text.splitlines()[0] == "<Batch: 2 rows, 2 columns>"
    assert "temp" in text
    assert "21.5" in text


def test_repr_of_a_long_table_shows_both_ends():
    text = repr(hf.concat([batch({"n": list(range(5_000))}), batch({"n": list(range(5_000))})]))
    assert text.startswith("<Table: 10,000 rows, 1 column>")
    assert "9999  4999" in text
    assert len(text.splitlines()) < 20


def test_repr_of_a_wide_table_stays_readable():
    text = repr(batch({f"column_{i}": [i] for i in range(500)}))
    assert "500 columns" in text
    assert len(text) < 5_000


def test_repr_without_rows_names_the_columns():
    text = repr(hf.Batch.empty(batch({"temp": [1.5]})._core_schema()))
    assert "0 rows, 1 column" in text
    assert "Column(name='temp', type='float64'" in text


def test_repr_carries_no_terminal_escapes():
    text = repr(batch({"_topic": ["a\x1b[31m", "b\x9b0m", "c\r\n\td", "e\x00\x07"], "na\x1b]0;me": [1, 2, 3, 4]}))
    assert not set(text) & {chr(c) for c in (*range(10), *range(11, 32), *range(127, 160))}
    assert r"a\x1b[31m" in text


def test_html_is_escaped():
    html = batch({"<b>name</b>": ["<script>alert(1)</script>", "$x$"]})._repr_html_()
    assert "<script>" not in html
    assert "<b>name" not in html
    assert "&lt;script&gt;" in html
    assert "mathjax_ignore" in html
    assert "Batch: 2 rows, 1 column" in html


def test_html_of_a_long_table_is_short():
    html = hf.concat([batch({"n": list(range(100_000))})])._repr_html_()
    assert "Table: 100,000 rows, 1 column" in html
    assert "99999" in html
    assert len(html) < 10_000


@pytest.mark.parametrize("frame", [batch({"n": [1]}), hf.concat([batch({"n": [1]})])], ids=["batch", "table"])
def test_no_pickles_but_advice_and_copies(frame):
    with pytest.raises(TypeError, match=rf"a {type(frame).__name__} .*cannot be pickled: pickle to_arrow\(\) or to_pandas\(\)"):
        pickle.dumps(frame)
    assert copy.copy(frame) is frame
    assert copy.deepcopy(frame) is frame
