"""extract(): payloads that one already holds, from lists, files and quarantines."""

import io
import json
import math
import warnings
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import honeyframe as hf
from honeyframe.errors import (
    ConflictWarning,
    DoesNotFitError,
    InvalidArgumentError,
    InvalidSchemaError,
    InvalidTopicError,
    MissingColumnsWarning,
)

PAYLOADS = [b'{"temp": 21.5, "at": {"line": 7}, "ok": true}', b'{"temp": 22, "name": "pump"}', b'{"temp": null, "at": {"line": 8}}']


def dtypes(frame: pd.DataFrame) -> dict[str, str]:
    return {name: str(dtype) for name, dtype in frame.dtypes.items()}


def rows(table: hf.Table) -> list[dict[str, object]]:
    found: list[dict[str, object]] = pa.table(table).to_pylist()
    return found


# --- What payloads may be ---------------------------------------------------------------------------------------------


def test_a_list_of_bytes():
    table = hf.extract(PAYLOADS)
    frame = table.to_pandas()
    assert dtypes(frame) == {
        "_payload_index": "Int64",
        "temp": "float64",
        "at.line": "Int64",
        "ok": "boolean",
        "name": "string",
    }
    assert frame["_payload_index"].tolist() == [0, 1, 2]
    assert frame["temp"].fillna(-1).tolist() == [21.5, 22.0, -1]
    assert frame["at.line"].tolist() == [7, pd.NA, 8]
    assert frame["name"].tolist() == [pd.NA, "pump", pd.NA]
    assert table.num_messages == 3
    assert table.stats()["payloads"] == 3
    assert table.stats()["rows"] == 3
    assert table.stats()["quarantined"] == 0
    assert len(table.quarantine()) == 0


def test_every_kind_of_payload_gives_the_same():
    expected = rows(hf.extract(PAYLOADS))
    texts = [payload.decode() for payload in PAYLOADS]
    assert rows(hf.extract(texts)) == expected
    assert rows(hf.extract([bytearray(payload) for payload in PAYLOADS])) == expected
    assert rows(hf.extract([memoryview(payload) for payload in PAYLOADS])) == expected
    assert rows(hf.extract(payload for payload in PAYLOADS)) == expected
    assert rows(hf.extract(tuple(PAYLOADS))) == expected
    assert rows(hf.extract(pd.Series(PAYLOADS))) == expected
    assert rows(hf.extract(pa.array(PAYLOADS))) == expected
    assert rows(hf.extract(pa.chunked_array([texts]))) == expected
    assert rows(hf.extract([PAYLOADS[0], texts[1], memoryview(b"x" + PAYLOADS[2])[1:]])) == expected


def test_no_payload_at_all():
    table = hf.extract([])
    assert table.num_rows == 0
    assert "_payload_index" in table.column_names
    assert dtypes(hf.extract([], schema={"temp": "float64"}).to_pandas()) == {"_payload_index": "Int64", "temp": "float64"}


@pytest.mark.parametrize("payload", [5, None, 1.5, {"a": 1}, [b"x"], memoryview(b"abcd")[::2]])
def test_refuses_what_is_no_payload_by_its_place(payload):
    with pytest.raises(TypeError, match=f"payload 1: expected bytes or str, found {type(payload).__name__}"):
        hf.extract([b"{}", payload])


@pytest.mark.parametrize("payloads", [5, None, {"a": 1}, 1.5])
def test_refuses_what_holds_no_payloads(payloads):
    with pytest.raises(TypeError, match="payloads must be an iterable"):
        hf.extract(payloads)


@pytest.mark.parametrize("payload", [b'{"a": 1}', bytearray(b"{}"), memoryview(b"{}")])
def test_one_payload_alone_is_a_mistake(payload):
    with pytest.raises(InvalidArgumentError, match=r"(?s)expected a list of payloads.*Pass \[payload\]"):
        hf.extract(payload)


def test_a_text_that_utf8_does_not_have_is_quarantined():
    table = hf.extract(['{"a": 1}', '{"a": "\ud800"}'])
    assert table.num_rows == 1
    assert table.quarantine()["payload_index"].tolist() == [1]


def test_many_payloads_keep_their_order_over_blocks_and_batches():
    count = 200_000
    table = hf.extract([b'{"n": %d}' % number for number in range(count)], max_rows=30_000)
    assert len(table.batches) == math.ceil(count / 30_000)
    frame = table.to_pandas()
    assert frame["n"].tolist() == list(range(count))
    assert frame["_payload_index"].tolist() == list(range(count))


def test_a_payload_larger_than_a_block():
    text = "x" * 9_000_000
    table = hf.extract([b'{"a": 1}', json.dumps({"text": text}), b'{"a": 2}'])
    assert table.to_pandas()["text"][1] == text
    assert table.to_pandas()["a"].tolist() == [1, pd.NA, 2]


# --- Topics and other metadata ----------------------------------------------------------------------------------------


def test_topics_and_templates():
    table = hf.extract(
        [b'{"t": 1}', b'{"t": 2}', b'{"t": 3}'],
        ["plant/a/telemetry", "plant/b/telemetry", "elsewhere"],
        topic_template="plant/{line}/telemetry",
    )
    frame = table.to_pandas()
    assert frame["_topic"].tolist() == ["plant/a/telemetry", "plant/b/telemetry", "elsewhere"]
    assert frame["line"].tolist() == ["a", "b", pd.NA]
    assert table.stats()["topics_not_matching_template"] == 1
    assert "_recv_time" not in frame
    assert hf.extract([b"{}"], ["a"], categories=True).to_pandas()["_topic"].dtype == "category"
    assert hf.extract([b"{}"], ["a"], categories=True).to_pandas(categories=False)["_topic"].dtype == "string"


@pytest.mark.parametrize(
    ("topics", "error", "message"),
    [
        (["a"], InvalidArgumentError, "topics has 1 entries for 2 payloads"),
        (["a", "b", "c"], InvalidArgumentError, "topics has 3 entries for 2 payloads"),
        (["a", "b/+"], InvalidTopicError, "b/"),
        (["a", "\ud800"], InvalidTopicError, ""),
        (["a", "b\0"], InvalidTopicError, ""),
        (["a", 5], TypeError, "topic 1: expected str, found int"),
        ("ab", InvalidArgumentError, r"Pass \[topic\]"),
    ],
)
def test_refuses_topics(topics, error, message):
    with pytest.raises(error, match=f"(?s){message}"):
        hf.extract([b"{}", b"{}"], topics)


def test_a_template_needs_topics():
    with pytest.raises(InvalidArgumentError, match="pass topics="):
        hf.extract([b"{}"], topic_template="plant/{line}")


def test_metadata_as_wished():
    assert hf.extract([b'{"a": 1}'], metadata=[]).column_names == ["a"]
    assert set(hf.extract([b'{"a": 1}'], ["t"], metadata=["topic", "qos"]).column_names) == {"a", "_topic", "_qos"}


# --- Files ------------------------------------------------------------------------------------------------------------


def test_a_json_lines_file(tmp_path: Path):
    path = tmp_path / "ümläut.jsonl"
    path.write_bytes(b"\n".join(PAYLOADS) + b"\r\n\n")
    expected = rows(hf.extract(PAYLOADS))
    assert rows(hf.extract(path)) == expected
    assert rows(hf.extract(str(path))) == expected


def test_a_file_that_is_not_there(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.jsonl") as raised:
        hf.extract(tmp_path / "nothing.jsonl")
    assert raised.value.filename == tmp_path / "nothing.jsonl"
    with pytest.raises(IsADirectoryError):
        hf.extract(tmp_path)
    with pytest.raises(ValueError, match="null"):
        hf.extract("a\0b")


@pytest.mark.parametrize("text", ['{"a": 1}', " [1, 2]"])
def test_json_in_place_of_a_path(text):
    with pytest.raises(InvalidArgumentError, match=r"(?s)looks like JSON.*Pass \[payload\]"):
        hf.extract(text)


def test_a_file_has_no_topics(tmp_path: Path):
    with pytest.raises(InvalidArgumentError, match="has no topics"):
        hf.extract(tmp_path, ["a"])


def test_a_broken_line_is_quarantined_alone(tmp_path: Path):
    path = tmp_path / "lines.jsonl"
    path.write_bytes(b'{"a": 1}\n{"a": \n{"a": 3}\n')
    table = hf.extract(path)
    assert table.to_pandas()["a"].tolist() == [1, 3]
    assert table.to_pandas()["_payload_index"].tolist() == [0, 2]
    assert table.quarantine()["payload"].tolist() == [b'{"a": ']


# --- The quarantine ---------------------------------------------------------------------------------------------------


def test_what_cannot_be_read_is_kept_and_counted():
    table = hf.extract([b'{"a": 1}', b'{"a": ', b"\xff\xfe", b'{"a": 2}'], ["t/1", "t/2", "t/3", "t/4"])
    assert table.to_pandas()["a"].tolist() == [1, 2]
    found = table.quarantine()
    assert found["topic"].tolist() == ["t/2", "t/3"]
    assert found["payload"].tolist() == [b'{"a": ', b"\xff\xfe"]
    assert found["payload_index"].tolist() == [1, 2]
    assert (found["reason"].str.len() > 0).all()
    assert (found["message"].str.len() > 0).all()
    stats = table.stats()
    assert (stats["payloads"], stats["quarantined"], stats["rows"]) == (4, 2, 2)


def test_a_quarantine_can_be_read_again():
    table = hf.extract([b"21.5", b'{"a": 1}', b"x"], ["t/1", "t/2", "t/3"], payload="json", on_conflict="quarantine")
    again = hf.extract(table.quarantine(), payload="auto")
    assert again.num_rows + len(again.quarantine()) == len(table.quarantine()) > 0
    frame = again.to_pandas()
    assert set(frame["_topic"]) <= {"t/1", "t/2", "t/3"}
    assert "_recv_time" not in frame


def test_a_quarantine_brings_its_times_and_flags():
    quarantine = pd.DataFrame(
        {
            "topic": pd.array(["a", None], "string"),
            "recv_time": pd.to_datetime([1_500_000_000_000_000_001, None], utc=True, unit="ns"),
            "payload": [b'{"n": 1}', b'{"n": 2}'],
            "retain": pd.array([True, None], "boolean"),
            "qos": pd.array([1, None], "Int64"),
        }
    )
    frame = hf.extract(quarantine, metadata=["topic", "recv_time", "retain", "qos"]).to_pandas()
    assert frame["_recv_time"][0].value == 1_500_000_000_000_000_001
    assert frame["_retain"].tolist() == [True, False]
    assert frame["_qos"].tolist() == [1, 0]
    assert {"_topic", "_recv_time", "_retain", "_payload_index"} <= set(hf.extract(quarantine).column_names)


def test_a_frame_with_payloads_alone():
    assert hf.extract(pd.DataFrame({"payload": [b'{"a": 1}']})).column_names == ["_payload_index", "a"]
    with pytest.raises(InvalidArgumentError, match="no column 'payload'"):
        hf.extract(pd.DataFrame({"text": [b"{}"]}))
    with pytest.raises(InvalidArgumentError, match="topics= goes with a list"):
        hf.extract(pd.DataFrame({"payload": [b"{}"]}), ["a"])


# --- Schemas and conflicts --------------------------------------------------------------------------------------------


def test_a_schema_fixes_columns_and_types():
    table = hf.extract(
        [b'{"temp": 21, "location": {"lat": 52.5}, "more": 1}', b'{"temp": "22.5"}'],
        schema={"temp": "float64", "lat": ("location.lat", "float64"), "missing": "string"},
        metadata=[],
    )
    frame = table.to_pandas()
    assert dtypes(frame) == {"temp": "float64", "lat": "float64", "missing": "string"}
    assert frame["temp"].tolist() == [21.0, 22.5]
    assert frame["lat"].tolist()[0] == 52.5
    assert table.stats()["numbers_from_strings"] == 1
    with pytest.raises(InvalidSchemaError, match="column 'temp'"):
        hf.extract([b"{}"], schema={"temp": "temperature"})


def test_a_value_that_does_not_fit_is_kept_and_warned_of_once():
    payloads = [b'{"temp": 21.5}', b'{"temp": "broken"}', b'{"temp": "broken too"}', b'{"temp": "N/A"}']
    with pytest.warns(ConflictWarning, match="temp") as caught:
        table = hf.extract(payloads)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    frame = table.to_pandas()
    assert frame["temp"].isna().tolist() == [False, True, True, True]
    assert json.loads(frame["_misfit"][1]) == {"temp": "broken"}
    assert table.stats()["misfits"] == 2
    assert table.stats()["na_strings"] == 1


def test_a_conflict_raises_where_that_is_asked_for():
    with pytest.raises(DoesNotFitError, match="temp"):
        hf.extract([b'{"temp": 21.5}', b'{"temp": "broken"}'], on_conflict="raise")


def test_na_values():
    payloads = [b'{"a": 1}', b'{"a": "-"}', b'{"a": "unavailable"}']
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConflictWarning)
        assert hf.extract(payloads, na_values=["-"]).stats()["na_strings"] == 2
        assert hf.extract(payloads, na_values=["-"], keep_default_na=False).stats()["na_strings"] == 1
        assert hf.extract(payloads).stats()["na_strings"] == 1


def test_a_column_that_grows_between_batches():
    with pytest.warns(ConflictWarning, match="int64 -> float64"):
        table = hf.extract([b'{"a": 1}', b'{"a": 2.5, "late": "x"}'], max_rows=1, metadata=[])
    assert len(table.batches) == 2
    assert rows(table) == [{"a": 1.0, "late": None}, {"a": 2.5, "late": "x"}]


def test_a_nul_in_a_key_makes_no_second_column_of_a_name(tmp_path: Path):
    payloads = [rb'{"a\u0000b": 1, "a": 2, "\u0000": 3}', rb'{"a\u0000b": "x"}']
    with pytest.warns(ConflictWarning):
        table = hf.extract(payloads, metadata=[])
    assert table.column_names == [r"a\u0000b", "a", r"\u0000", "_misfit"]
    assert rows(table)[0] == {r"a\u0000b": 1, "a": 2, r"\u0000": 3, "_misfit": None}
    assert json.loads(str(rows(table)[1]["_misfit"])) == {r"a\u0000b": "x"}
    pq.write_table(pa.table(table), tmp_path / "nul.parquet")
    assert pq.read_table(tmp_path / "nul.parquet").column_names == table.column_names
    assert rows(hf.extract(payloads[:1], columns=[r"a\u0000b"], metadata=[])) == [{r"a\u0000b": 1}]
    assert rows(hf.extract(payloads[:1], schema={"n": ("a\0b", "int64")}, metadata=[])) == [{"n": 1}]


def test_refuses_a_nul_in_names():
    with pytest.raises(InvalidArgumentError, match="columns="):
        hf.extract([b"{}"], columns=["a\0b"])
    with pytest.raises(InvalidArgumentError, match="sep"):
        hf.extract([b"{}"], sep="\0")
    with pytest.raises(InvalidSchemaError, match="NUL"):
        hf.extract([b"{}"], schema={"a\0b": "int64"})


@pytest.mark.parametrize("payloads", [[b'{"a": []}', b'{"a": {"b": 3}}'], [b'{"a": {"b": 3}}', b'{"a": []}']])
def test_an_empty_list_for_an_object_without_members(payloads):
    with pytest.warns(ConflictWarning, match="misfit: a: "):
        table = hf.extract(payloads, metadata=[])
    assert table.column_names == ["a.b", "_misfit"]
    found = {payload: (row["a.b"], row["_misfit"]) for payload, row in zip(payloads, rows(table), strict=True)}
    assert found == {b'{"a": []}': (None, '{"a":[]}'), b'{"a": {"b": 3}}': (3, None)}
    assert table.stats()["misfits"] == 1


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b'{"a": {"b": 1}, "a": 3}', {"a": 3, "_misfit": '{"a":{"b": 1}}'}),
        (b'{"a": 1, "a": {"b": 2}}', {"a.b": 2, "_misfit": '{"a":1}'}),
        (b'{"a": [1], "a": {"b": 1}, "a": null}', {"a": None, "_misfit": '{"a":[[1],{"b": 1}]}'}),
    ],
)
def test_of_duplicate_keys_the_last_counts_as_if_alone(payload, expected):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConflictWarning)
        table = hf.extract([payload], metadata=[])
    assert rows(table) == [expected]
    assert table.stats()["duplicate_keys"] == expected["_misfit"].count("[[") + 1


def test_event_time_with_a_zone():
    payloads = [b'{"ts": "2026-07-01T12:00:00"}', b'{"ts": "2026-01-01T12:00:00"}', b'{"ts": "2026-01-01T12:00:00+05:00"}']
    table = hf.extract(payloads, event_time="ts", tz="Europe/Berlin")
    assert [str(time) for time in table.to_pandas()["_event_time"]] == [
        "2026-07-01 10:00:00+00:00",
        "2026-01-01 11:00:00+00:00",
        "2026-01-01 07:00:00+00:00",
    ]
    without = hf.extract(payloads, event_time="ts")
    assert without.to_pandas()["_event_time"].isna().tolist() == [True, True, False]
    assert without.stats()["bad_event_times"] == 2


def test_columns_that_no_payload_has_are_told():
    with pytest.warns(MissingColumnsWarning, match="no payload had 'b', which"):
        table = hf.extract([b'{"a": {"x": 1}}'], columns=iter(["a", "b"]), metadata=[])
    assert table.column_names == ["a.x"]


def test_a_schema_s_timestamps_have_a_zone_too():
    payloads = [b'{"ts": "2026-07-01T12:00:00"}', b'{"ts": "1850-07-01T12:00:00"}', b'{"ts": "2150-07-01T12:00:00"}']
    times = hf.extract(payloads, schema={"ts": "timestamp"}, tz="Europe/Berlin").to_pandas()["ts"]
    assert [str(time) for time in times] == ["2026-07-01 10:00:00+00:00", "1850-07-01 11:06:32+00:00", "2150-07-01 10:00:00+00:00"]


@pytest.mark.parametrize("options", [{"max_rows": 0}, {"max_rows": -5}, {"payload": "xml"}, {"tz": "UTC"}, {"on_conflict": ""}])
def test_refuses_options(options):
    with pytest.raises(InvalidArgumentError):
        hf.extract([b"{}"], **options)


# --- Round trips ------------------------------------------------------------------------------------------------------

INTEGERS = st.integers(-(2**63), 2**63 - 1)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
COLUMNS = {
    "int": INTEGERS,
    "unsigned": st.integers(2**63, 2**64 - 1),
    "float": FLOATS,
    "text": TEXT,
    "flag": st.booleans(),
    "ints": st.lists(INTEGERS, min_size=1),
    "texts": st.lists(TEXT, min_size=1),
    "Ünïcödé key": TEXT,
}


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.fixed_dictionaries({}, optional={name: st.none() | values for name, values in COLUMNS.items()}), max_size=20))
def test_what_goes_in_comes_out(documents):
    table = hf.extract([json.dumps(document) for document in documents], metadata=[])
    assert table.num_rows == len(documents)
    assert len(table.quarantine()) == 0
    found = rows(table)
    for document, row in zip(documents, found, strict=True):
        assert set(document) <= set(row)
        assert {name: value for name, value in row.items() if value is not None} == {
            name: value for name, value in document.items() if value is not None
        }
    frame = table.to_pandas()
    for name, dtype in (("int", "Int64"), ("unsigned", "UInt64"), ("flag", "boolean"), ("text", "string"), ("float", "float64")):
        if any(document.get(name) is not None for document in documents):
            assert str(frame[name].dtype) == dtype
            assert frame[name].dropna().tolist() == [d[name] for d in documents if d.get(name) is not None]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.none() | INTEGERS | FLOATS | TEXT | st.booleans() | st.lists(INTEGERS), min_size=1, max_size=15), st.integers(1, 4))
def test_no_value_is_ever_lost(values, max_rows):
    """Whatever shares a column, in whatever batches: each value is in the column or in the row's ``_misfit``."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConflictWarning)
        table = hf.extract(
            [json.dumps({"x": value}) for value in values], metadata=[], max_rows=max_rows, na_values=[], keep_default_na=False
        )
    found = rows(table)
    assert len(found) == len(values)
    for value, row in zip(values, found, strict=True):
        kept = row.get("x")
        misfit = row.get("_misfit")
        if value is None:
            assert kept is None
            assert misfit is None
        elif misfit is not None:
            assert kept is None
            assert json.loads(str(misfit)) == {"x": value}
        elif isinstance(kept, str) and not isinstance(value, str):
            assert json.loads(kept) == value
        elif isinstance(value, str) and not isinstance(kept, str):
            assert json.loads(value) == kept
        else:
            assert kept == value
            assert isinstance(kept, bool) == isinstance(value, bool)


def test_a_file_object_gives_its_lines():
    assert rows(hf.extract(io.BytesIO(b"\n".join(PAYLOADS)))) == rows(hf.extract(PAYLOADS))


@pytest.mark.parametrize("times", [["yesterday-ish"], [object()], ["9999-01-01"]], ids=["text", "object", "far"])
def test_a_frame_whose_times_cannot_be_read_is_refused_by_its_column(times):
    with pytest.raises(InvalidArgumentError, match="column 'recv_time'") as raised:
        hf.extract(pd.DataFrame({"payload": [b"{}"], "recv_time": times}))
    assert len(str(raised.value).splitlines()) == 1


@pytest.mark.parametrize("wrong", [None, 1.5, "5", 0, 2**70])
def test_max_rows_is_named(wrong):
    with pytest.raises((TypeError, InvalidArgumentError), match=r"^max_rows must be"):
        hf.extract([b"{}"], max_rows=wrong)


def test_topics_of_another_type_are_named():
    with pytest.raises(TypeError, match="topics must be a list"):
        hf.extract([b"{}"], topics=5)


def test_an_event_time_that_is_nowhere_is_told():
    with pytest.warns(MissingColumnsWarning, match="event_time='at' points") as caught:
        table = hf.extract([b'{"n": 1}', b'{"n": 2}'], event_time="at")
    assert caught[0].filename == __file__
    assert table.to_pandas()["_event_time"].isna().all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        hf.extract([b'{"at": "2020-01-01T00:00:00Z"}', b"{}"], event_time="at")  # one is enough
        hf.extract([], event_time="at")
