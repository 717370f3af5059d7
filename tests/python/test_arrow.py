"""The Arrow PyCapsule interface: what other libraries make of batches and tables, and that memory comes back."""

import ctypes
import gc
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.python.arrow_batches import EVERY_TYPE, batch

import honeyframe as hf
from honeyframe import _core


def table() -> hf.Table:
    return hf.concat([batch(EVERY_TYPE), batch(EVERY_TYPE)])


# --- pyarrow ----------------------------------------------------------------------------------------------------------


def test_pyarrow_takes_a_batch():
    arrow = pa.record_batch(batch(EVERY_TYPE))
    arrow.validate(full=True)
    for name, column in EVERY_TYPE.items():
        assert arrow.column(name).equals(column), name
        assert arrow.schema.field(name).nullable
    assert arrow.schema.field("time").type == pa.timestamp("ns", tz="UTC")
    assert arrow.schema.field("values").type.value_field.name == "item"


def test_pyarrow_takes_a_table_as_often_as_it_likes():
    ours = table()
    first, second = pa.table(ours), pa.table(ours)
    first.validate(full=True)
    assert first == second
    assert first.num_rows == 6
    assert pa.RecordBatchReader.from_stream(ours).read_all() == first


def test_pyarrow_takes_the_schema():
    assert pa.schema(batch(EVERY_TYPE)) == pa.record_batch(batch(EVERY_TYPE)).schema
    assert pa.schema(table()) == pa.table(table()).schema
    assert pa.schema(table()._core_schema()) == pa.schema(table())


def test_pyarrow_takes_an_empty_table():
    assert pa.table(hf.concat([])).num_columns == 0
    assert pa.table(hf.Table.from_batches([], batch(EVERY_TYPE)._core_schema())).schema.names == list(EVERY_TYPE)


def test_batches_share_their_memory():
    found = batch({"f": [1.5, 2.5]})
    first, second = found.to_arrow(), found.to_arrow()
    assert first.column("f").buffers()[1].address == second.column("f").buffers()[1].address


def test_buffers_are_aligned():
    for column in pa.record_batch(batch(EVERY_TYPE)).columns:
        for buffer in column.buffers():
            assert buffer is None or buffer.address % 8 == 0


def test_slices_come_back_right():
    rows = pa.RecordBatch.from_pydict(EVERY_TYPE)
    for begin in range(4):
        for length in range(4 - begin):
            part = rows.slice(begin, length)
            assert pa.record_batch(hf.Batch.from_arrow(part)).equals(part)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.none() | st.booleans(),
            st.none() | st.integers(-(2**63), 2**63 - 1),
            st.none() | st.floats(allow_nan=False),
            st.none() | st.text(),
            st.none() | st.binary(),
            st.none() | st.lists(st.none() | st.text()),
        ),
        max_size=40,
    ),
    st.data(),
)
def test_what_goes_in_comes_out(rows, data):
    types = [pa.bool_(), pa.int64(), pa.float64(), pa.string(), pa.binary(), pa.list_(pa.string())]
    columns = {str(kind): pa.array([row[i] for row in rows], kind) for i, kind in enumerate(types)}
    source = pa.RecordBatch.from_pydict(columns)
    begin = data.draw(st.integers(0, len(rows)))
    part = source.slice(begin, data.draw(st.integers(0, len(rows) - begin)))
    result = pa.record_batch(hf.Batch.from_arrow(part))
    result.validate(full=True)
    assert result.to_pydict() == part.to_pydict()


# --- What the consumer asks for ---------------------------------------------------------------------------------------


def test_a_requested_schema_is_honoured():
    wanted = pa.schema([("a", pa.int32())])
    found = batch({"a": [1, 2]})
    assert pa.record_batch(found, schema=wanted).schema == wanted
    assert pa.table(hf.concat([found]), schema=wanted).schema == wanted
    _, array = found.__arrow_c_array__(wanted.__arrow_c_schema__())
    assert array is not None


def test_a_requested_schema_that_does_not_fit_raises():
    wanted = pa.schema([("b", pa.int64())])
    with pytest.raises(ValueError, match="b"):
        pa.record_batch(batch({"a": [1]}), schema=wanted)
    with pytest.raises(ValueError, match="b"):
        pa.table(hf.concat([batch({"a": [1]})]), schema=wanted)


# --- Others -----------------------------------------------------------------------------------------------------------


def test_polars_takes_batch_and_table():
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame(batch(EVERY_TYPE))
    assert frame.columns == list(EVERY_TYPE)
    assert frame["count"].to_list() == [2**53 + 1, None, -(2**63)]
    assert frame["time"].dtype == pl.Datetime("ns", "UTC")
    assert frame["values"].to_list() == [[1.5, None], None, []]
    both = pl.DataFrame(table())
    assert both.height == 6
    assert both["serial"].dtype == pl.UInt64


def test_duckdb_selects_from_a_table():
    duckdb = pytest.importorskip("duckdb")
    ours = table()  # noqa: F841 - DuckDB looks for it by its name
    for _ in range(2):  # each query asks for a fresh stream
        rows = duckdb.sql("select name, sum(temp), count(*) from ours where count is not null group by name order by name").fetchall()
        assert rows == [("", -0.0, 2), ("Ümläut", 43.0, 2)]


# --- Capsules by hand -------------------------------------------------------------------------------------------------

NAMES = {"schema": b"arrow_schema", "array": b"arrow_array", "stream": b"arrow_array_stream"}
ctypes.pythonapi.PyCapsule_GetName.restype = ctypes.c_char_p
ctypes.pythonapi.PyCapsule_GetName.argtypes = [ctypes.py_object]


def capsule_name(capsule: object) -> bytes:
    return ctypes.pythonapi.PyCapsule_GetName(capsule)


def test_capsules_have_the_names_that_the_interface_asks_for():
    found = batch({"a": [1]})
    schema, array = found.__arrow_c_array__()
    assert capsule_name(schema) == NAMES["schema"]
    assert capsule_name(array) == NAMES["array"]
    assert capsule_name(found.__arrow_c_schema__()) == NAMES["schema"]
    assert capsule_name(hf.concat([found]).__arrow_c_stream__()) == NAMES["stream"]
    assert capsule_name(hf.concat([found]).__arrow_c_schema__()) == NAMES["schema"]


def test_a_batch_is_no_stream():
    assert not hasattr(batch({"a": [1]}), "__arrow_c_stream__")


def test_a_capsule_of_another_kind_is_refused():
    schema, array = batch({"a": [1]}).__arrow_c_array__()
    with pytest.raises(ValueError, match="PyCapsule"):
        _core.import_batch(array, schema)


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.parametrize("consume", [True, False])
def test_memory_comes_back(consume):
    """8 MB a round, for 40 rounds: consumed by pyarrow, or left in its capsule."""
    values = pa.array(np.zeros(1_000_000))

    def round() -> None:
        found = batch({"f": values})
        capsules = [found.__arrow_c_array__(), hf.concat([found]).__arrow_c_stream__()]
        if consume:
            pa.record_batch(found)
            pa.table(hf.concat([found]))
        del capsules

    round()
    gc.collect()
    before = resident_bytes()
    for _ in range(40):
        round()
    gc.collect()
    assert resident_bytes() - before < 80e6
