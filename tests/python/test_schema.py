"""Schemas: what they are made of, and what they refuse."""

import copy
import datetime
import pickle

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import honeyframe as hf
from honeyframe.errors import InvalidSchemaError


def types(schema: hf.Schema) -> dict[str, str]:
    return {column.name: column.type for column in schema}


def test_from_a_mapping():
    schema = hf.Schema({"temp": "float64", "lat": ("location.lat", "float64"), "ts": "timestamp"})
    assert list(schema) == [
        hf.Column("temp", "float64"),
        hf.Column("lat", "float64", path="location.lat"),
        hf.Column("ts", "timestamp", path="ts"),
    ]
    assert schema.names == ["temp", "lat", "ts"]
    assert len(schema) == 3
    assert schema["lat"].path == "location.lat"
    assert "ts" in schema
    assert "location.lat" not in schema
    with pytest.raises(KeyError):
        schema["nothing"]


def test_from_columns_and_from_another_schema():
    schema = hf.Schema([hf.Column("a", "int64"), hf.Column("b", "list<string>", path="/x/y")])
    assert hf.Schema(schema) == schema
    assert hf.Schema(iter(schema)) == schema


@pytest.mark.parametrize(
    ("spelled", "name"),
    [
        ("bool", "bool"),
        ("boolean", "bool"),
        (bool, "bool"),
        (np.bool_, "bool"),
        (pd.BooleanDtype(), "bool"),
        (pa.bool_(), "bool"),
        ("int", "int64"),
        ("Int64", "int64"),
        ("int32", "int64"),
        (int, "int64"),
        (np.dtype("int16"), "int64"),
        (np.int64, "int64"),
        (pd.Int8Dtype(), "int64"),
        (pd.ArrowDtype(pa.int32()), "int64"),
        (pa.int8(), "int64"),
        ("uint64", "uint64"),
        ("UInt32", "uint64"),
        (pa.uint16(), "uint64"),
        ("double", "float64"),
        ("Float32", "float64"),
        (float, "float64"),
        (np.float64, "float64"),
        (pd.Float64Dtype(), "float64"),
        (pa.float32(), "float64"),
        ("str", "string"),
        (" string ", "string"),
        ("string[pyarrow]", "string"),
        (str, "string"),
        (pd.StringDtype("python"), "string"),
        (pd.StringDtype("pyarrow"), "string"),
        (pa.large_string(), "string"),
        ("datetime64[ns, UTC]", "timestamp"),
        ("timestamp", "timestamp"),
        (datetime.datetime, "timestamp"),
        (np.dtype("datetime64[ns]"), "timestamp"),
        (pd.DatetimeTZDtype("ns", "UTC"), "timestamp"),
        (pa.timestamp("ms"), "timestamp"),
        (pd.ArrowDtype(pa.timestamp("ns", "UTC")), "timestamp"),
        ("bytes", "binary"),
        (bytes, "binary"),
        (pa.binary(), "binary"),
        ("list<float64>", "list<float64>"),
        ("list<int>", "list<int64>"),
        (pa.list_(pa.string()), "list<string>"),
        (pa.large_list(pa.float32()), "list<float64>"),
        (pd.ArrowDtype(pa.list_(pa.bool_())), "list<bool>"),
    ],
)
def test_types_by_any_name(spelled, name):
    assert types(hf.Schema({"x": spelled})) == {"x": name}


def test_from_the_dtypes_of_a_dataframe():
    frame = pd.DataFrame({"a": [1], "b": [1.5], "c": pd.array(["x"], dtype="string"), "d": pd.to_datetime([0], utc=True)})
    assert types(hf.Schema(frame.dtypes)) == {"a": "int64", "b": "float64", "c": "string", "d": "timestamp"}
    assert hf.Schema(frame.dtypes.to_dict()) == hf.Schema(frame.dtypes)


def test_pyarrow_there_and_back():
    schema = hf.Schema(
        {"a": "bool", "b": "int64", "c": "uint64", "d": "float64", "e": "string", "f": "timestamp", "g": "binary", "h": "list<timestamp>"}
    )
    arrow = schema.to_pyarrow()
    assert arrow.field("f").type == pa.timestamp("ns", tz="UTC")
    assert arrow.field("h").type == pa.list_(pa.timestamp("ns", tz="UTC"))
    assert hf.Schema(arrow) == schema


NO_TYPES = ["decimal", "", "list<list<int64>>", "list<>", "float128", "object", "category", None, 5, dict]
NO_DTYPES = [pa.struct([]), pa.date32(), np.dtype("O"), np.dtype("m8[ns]"), pd.CategoricalDtype()]


@pytest.mark.parametrize("kind", NO_TYPES + NO_DTYPES)
def test_refuses_other_types_naming_the_column(kind):
    with pytest.raises(InvalidSchemaError, match=r"column 'speed':") as raised:
        hf.Schema({"ok": "int64", "speed": kind})
    assert "timestamp" in str(raised.value)  # it says which there are


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({}, "at least one column"),
        ([], "at least one column"),
        ({"": "int64"}, "name must be a string that is not empty"),
        ({5: "int64"}, "name must be a string that is not empty; found 5"),
        ({"a": ("", "int64")}, "column 'a': the path"),
        ({"a": (5, "int64")}, "column 'a': the path"),
        ({"a": ("x", "int64", "y")}, r"column 'a': expected a type or \(path, type\)"),
        ({"a": ["x", "int64"]}, "column 'a': no such column type"),
        ({"_misfit": "string"}, "column '_misfit': the name is taken"),
        ({"_extra": "string"}, "column '_extra': the name is taken"),
        ({"\ud800": "string"}, r"column '\\ud800': the name holds a lone surrogate"),
        ({"a": ("\ud800", "string")}, "column 'a': the path holds a lone surrogate"),
        ([("a", "int64")], "column 0: expected hf.Column, found tuple"),
        ("a: int64", "not the string"),
        (b"a", "not the string"),
        (5, "not int"),
        (None, "not NoneType"),
    ],
)
def test_refuses_what_is_no_schema(columns, message):
    with pytest.raises(InvalidSchemaError, match=message):
        hf.Schema(columns)


def test_refuses_a_name_twice():
    with pytest.raises(InvalidSchemaError, match="column 'a' is there twice"):
        hf.Schema([hf.Column("a", "int64"), hf.Column("b", "int64"), hf.Column("a", "string")])


def test_an_invalid_schema_is_a_value_error():
    with pytest.raises(ValueError, match="column 'x'"):
        hf.Schema({"x": "nonsense"})


def test_equality_and_hash():
    schema = hf.Schema({"a": "int64", "b": "string"})
    assert schema == hf.Schema({"a": int, "b": str})
    assert hash(schema) == hash(hf.Schema({"a": int, "b": str}))
    assert schema != hf.Schema({"b": "string", "a": "int64"})
    assert schema != hf.Schema({"a": ("x", "int64"), "b": "string"})
    assert schema != {"a": "int64", "b": "string"}


def test_repr_makes_the_same_schema():
    schema = hf.Schema({"temp": "float64", "lat": ("location.lat", "float64")})
    assert repr(schema) == "Schema({'temp': 'float64', 'lat': ('location.lat', 'float64')})"
    assert eval(repr(schema), {"Schema": hf.Schema}) == schema


def test_is_immutable_and_copies():
    schema = hf.Schema({"a": "int64"})
    with pytest.raises(AttributeError):
        schema["a"].type = "string"
    assert copy.deepcopy(schema) == schema
    assert pickle.loads(pickle.dumps(schema)) == schema
