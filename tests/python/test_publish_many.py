"""client.publish_many: what a row becomes, where it goes, and what is said of the rows that do not go."""

from __future__ import annotations

import contextlib
import datetime
import decimal
import json
import math
import pickle
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.brokers.mosquitto import Mosquitto
from tests.brokers.packets import Publish
from tests.brokers.scripted import Connection, ScriptedBroker

import honeyframe as hf

pytestmark = pytest.mark.timeout(60)


class Outlet:
    """A client, and a broker that takes everything down."""

    def __init__(self, client: hf.Client, broker: ScriptedBroker) -> None:
        self.client = client
        self._broker = broker
        self._seen = 0

    def send(self, rows: Any, topic: str | None = "t", **options: Any) -> list[tuple[str, bytes]]:
        """The messages that publish_many made of ``rows``."""
        self.client.publish_many(rows, topic, **options)
        return self.new()

    def payload(self, rows: Any, **options: Any) -> str:
        """The one payload."""
        ((_, payload),) = self.send(rows, **options)
        return payload.decode()

    def refused(self, rows: Any, topic: str | None = "t", **options: Any) -> pd.DataFrame:
        return self.client.publish_many(rows, topic, on_error="collect", **options).refused

    def new(self) -> list[tuple[str, bytes]]:
        packets = [packet for packet in self._broker.connections[0].packets if isinstance(packet, Publish)]
        fresh, self._seen = packets[self._seen :], len(packets)
        return [(packet.topic, packet.payload) for packet in fresh]

    def packets(self) -> list[Publish]:
        return [packet for packet in self._broker.connections[0].packets if isinstance(packet, Publish)]


async def _serves(c: Connection) -> None:
    await c.accept()
    await c.serve()


@contextlib.contextmanager
def _outlet() -> Iterator[Outlet]:
    with ScriptedBroker(_serves) as broker, hf.connect(broker.uri(), protocol="5.0") as client:
        yield Outlet(client, broker)


@pytest.fixture(scope="module")
def _shared() -> Iterator[Outlet]:
    with _outlet() as outlet:
        yield outlet


@pytest.fixture
def outlet(_shared: Outlet) -> Outlet:
    _shared.new()
    return _shared


# --- values


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pd.Series([2**63 - 1]), "9223372036854775807"),
        (pd.Series([2**64 - 1], dtype="uint64"), "18446744073709551615"),
        (pd.Series([7], dtype="int8"), "7"),
        (pd.Series([0.1]), "0.1"),
        (pd.Series([0.1], dtype="float32"), "0.1"),
        (pd.Series([1e300]), "1e+300"),
        (pd.Series([21.0]), "21.0"),
        (pd.Series([True]), "true"),
        (pd.Series([True], dtype="boolean"), "true"),
        (pd.Series(['a"b\n'], dtype="string"), '"a\\"b\\n"'),
        (pd.Series(["a"], dtype="category"), '"a"'),
        (pd.Series([pd.Timestamp("2026-01-31T12:00:00.5+01:00")]), '"2026-01-31T11:00:00.5Z"'),
        (pd.Series([pd.Timestamp("2026-01-31T12:00:00")]), '"2026-01-31T12:00:00Z"'),
        (pd.Series([datetime.date(2026, 1, 31)]), '"2026-01-31"'),
        (pd.Series([datetime.time(12, 30)]), '"12:30:00.000000"'),
        (pd.Series([decimal.Decimal("1.10")]), "1.10"),
        (pd.Series([[1, 2]]), "[1,2]"),
        (pd.Series([[0.5, math.nan]]), "[0.5,null]"),
        (pd.Series([[[1], []]]), "[[1],[]]"),
        (pd.Series([{"b": [1, None], "c": None}]), '{"b":[1,null],"c":null}'),
        (pd.Series([[{"b": 1}, {"c": 2}]]), '[{"b":1},{"c":2}]'),
        (pd.Series([np.array([1, 2])]), "[1,2]"),
    ],
    ids=lambda value: None if isinstance(value, str) else str(value.iloc[0]),
)
def test_each_kind_of_value(outlet: Outlet, column: pd.Series, expected: str) -> None:
    assert outlet.payload(pd.DataFrame({"a": column})) == f'{{"a":{expected}}}'


def test_a_column_of_many_kinds_is_json_cell_by_cell(outlet: Outlet) -> None:
    rows = outlet.send(pd.DataFrame({"a": [1, "x", [1], {"b": 2}, None, 2.5]}))
    assert [payload for _, payload in rows] == [b'{"a":1}', b'{"a":"x"}', b'{"a":[1]}', b'{"a":{"b":2}}', b"{}", b'{"a":2.5}']


@pytest.mark.parametrize(
    "frame",
    [
        pl.DataFrame({"line": ["x"], "a": [1], "b.c": [0.5], "s": [{"k": 1}], "f": pl.Series([0.1], dtype=pl.Float32)}),
        pa.table({"line": ["x"], "a": [1], "b.c": [0.5], "s": [{"k": 1}], "f": pa.array([0.1], pa.float32())}),
        pa.record_batch({"line": ["x"], "a": [1], "b.c": [0.5], "s": [{"k": 1}], "f": pa.array([0.1], pa.float32())}),
        pd.DataFrame({"line": ["x"], "a": [1], "b.c": [0.5], "s": [{"k": 1}], "f": np.array([0.1], "float32")}),
        [{"line": "x", "a": 1, "b.c": 0.5, "s": {"k": 1}, "f": 0.1}],
    ],
    ids=["polars", "table", "batch", "pandas", "dicts"],
)
def test_frames_of_every_library(outlet: Outlet, frame: Any) -> None:
    assert outlet.send(frame, "plant/{line}") == [("plant/x", b'{"a":1,"b":{"c":0.5},"s":{"k":1},"f":0.1}')]


def test_table_and_batch_of_our_own(outlet: Outlet) -> None:
    table = hf.extract([b'{"a":{"b":1}}', b'{"a":{"b":2},"c":[0.5]}'])
    assert [p for _, p in outlet.send(table)] == [b'{"a":{"b":1}}', b'{"a":{"b":2},"c":[0.5]}']
    assert len(outlet.send(table.batches[0])) == 2


@pytest.mark.parametrize("as_dicts", [False, True])
def test_nulls_are_left_out_or_written(outlet: Outlet, as_dicts: bool) -> None:
    row = {"a": None, "b": math.nan, "c.d": pd.NA, "e": 1}
    rows: Any = [row] if as_dicts else pd.DataFrame([row])
    assert outlet.payload(rows) == '{"e":1}'
    assert json.loads(outlet.payload(rows, nulls="null")) == {"a": None, "b": None, "c": {"d": None}, "e": 1}


@pytest.mark.parametrize("as_dicts", [False, True])
def test_nesting(outlet: Outlet, as_dicts: bool) -> None:
    row = {"loc.lat": 1, "id": 2, "loc.lon": 3, "id.x": 4}
    rows: Any = [row] if as_dicts else pd.DataFrame([row])
    assert outlet.payload(rows) == '{"loc":{"lat":1,"lon":3},"id":2,"id.x":4}'
    assert outlet.payload(rows, nest=False) == '{"loc.lat":1,"id":2,"loc.lon":3,"id.x":4}'
    assert outlet.payload(rows, columns=["loc"]) == '{"loc":{"lat":1,"lon":3}}'
    assert outlet.payload([{"a__b": 1}] if as_dicts else pd.DataFrame({"a__b": [1]}), sep="__") == '{"a":{"b":1}}'


@pytest.mark.parametrize("as_dicts", [False, True])
def test_what_leaves_the_payload(outlet: Outlet, as_dicts: bool) -> None:
    row = {"_topic": "a/b", "_recv_time": 1, "_id": 2, "line": "x", "_misfit": "{}"}
    rows: Any = [row] if as_dicts else pd.DataFrame([row])
    assert outlet.send(rows, "plant/{line}") == [("plant/x", b'{"_id":2}')]
    assert outlet.send(rows, None, topic_column="_topic") == [("a/b", b'{"_id":2,"line":"x"}')]
    assert outlet.send(rows, "plant/{line}", columns=["line"]) == [("plant/x", b'{"line":"x"}')]
    assert outlet.send(rows, "plant/{line}", columns=["_id"]) == [("plant/x", b'{"_id":2}')]


@pytest.mark.parametrize("as_dicts", [False, True])
def test_a_payload_as_it_is(outlet: Outlet, as_dicts: bool) -> None:
    row = {"topic": "a/b", "payload": b"\x00\xff", "reason": "truncated"}
    rows: Any = [row] if as_dicts else pd.DataFrame([row])
    assert outlet.send(rows, None, topic_column="topic", payload_column="payload") == [("a/b", b"\x00\xff")]


def test_a_quarantine_goes_back(outlet: Outlet) -> None:
    bad = hf.extract([b'{"a":'], topics=["plant/1"]).quarantine()
    assert outlet.send(bad, None, topic_column="topic", payload_column="payload") == [("plant/1", b'{"a":')]


# --- iterables


def test_iterables_mix_dicts_and_frames(outlet: Outlet) -> None:
    def rows() -> Iterator[Any]:
        yield {"n": 0}
        yield {"n": 1, "late": "x"}
        yield pd.DataFrame({"n": [2, 3]})
        yield {"n": 4}

    assert [json.loads(p)["n"] for _, p in outlet.send(rows())] == [0, 1, 2, 3, 4]


def test_a_slow_iterable_is_not_held_back(outlet: Outlet) -> None:
    seen = []

    def rows() -> Iterator[dict[str, int]]:
        for n in range(3):
            yield {"n": n}
            end = datetime.datetime.now() + datetime.timedelta(seconds=5)
            while n not in [json.loads(p)["n"] for p in (packet.payload for packet in outlet.packets()) if p.startswith(b'{"n"')][-1:]:
                assert datetime.datetime.now() < end, "the row waited for the next one"
            seen.append(n)

    outlet.client.publish_many(rows(), "t")
    assert seen == [0, 1, 2]


def test_an_iterable_is_not_read_ahead_without_end(outlet: Outlet) -> None:
    """Memory stays bounded: at most some batches are read before the broker has confirmed."""
    given_rows = 0

    def rows() -> Iterator[dict[str, int]]:
        nonlocal given_rows
        for n in range(20_000):
            given_rows += 1
            if n % 1000 == 999:
                assert given_rows - outlet.client.stats()["published"] + start < 6_000
            yield {"n": n}

    start = outlet.client.stats()["published"]
    assert outlet.client.publish_many(rows(), "t").published == 20_000


def test_the_iterables_own_error_comes_out_with_a_note(outlet: Outlet) -> None:
    def rows() -> Iterator[dict[str, int]]:
        yield {"n": 0}
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine") as raised:
        outlet.client.publish_many(rows(), "t")
    assert len(getattr(raised.value, "__notes__", [])) <= 1


def test_nothing_is_nothing(outlet: Outlet) -> None:
    for rows in ([], pd.DataFrame({"line": pd.Series([], dtype="string")}), iter(())):
        result = outlet.client.publish_many(rows, "plant/{line}")
        assert (result.rows, result.published, result.ok) == (0, 0, True)
        assert list(result.refused.columns) == ["row", "topic", "outcome", "reason_code", "reason_string", "error"]


def test_rows_without_columns(outlet: Outlet) -> None:
    assert outlet.send(pd.DataFrame({"line": ["a", "b"]}), "{line}") == [("a", b"{}"), ("b", b"{}")]
    assert outlet.send(pd.DataFrame({"_retain": [True]}), "t") == [("t", b"{}")]


# --- rows that are no messages


@pytest.mark.parametrize("as_dicts", [False, True])
def test_a_row_without_a_valid_topic_is_refused_by_row(outlet: Outlet, as_dicts: bool) -> None:
    lines = ["a", None, "", "a/b", "+", "#", "n\0l", "z"]
    rows: Any = [{"line": line, "n": n} for n, line in enumerate(lines)] if as_dicts else pd.DataFrame({"line": lines, "n": range(8)})
    with pytest.raises(hf.PublishManyError) as raised:
        outlet.client.publish_many(rows, "plant/{line}/set")
    result = raised.value.result
    assert outlet.new() == [("plant/a/set", b'{"n":0}'), ("plant/z/set", b'{"n":7}')]
    assert (result.rows, result.published) == (8, 2)
    assert result.refused["row"].tolist() == [1, 2, 3, 4, 5, 6]
    assert set(result.refused["outcome"]) == {"invalid"}
    assert result.refused["error"].str.contains("line").all()
    assert result.refused["reason_code"].isna().all()
    assert "2 of 8 rows published" in str(raised.value)
    assert "row 1" in str(raised.value)


def test_levels_of_other_types(outlet: Outlet) -> None:
    frame = pd.DataFrame({"n": [1, 2], "f": [1.0, 2.5], "b": [True, False]})
    assert [topic for topic, _ in outlet.send(frame, "{n}/{f}/{b}")] == ["1/1/true", "2/2.5/false"]
    assert [topic for topic, _ in outlet.send(frame.to_dict("records"), "{n}/{f}/{b}")] == ["1/1/true", "2/2.5/false"]


def test_an_infinity_is_refused_by_row(outlet: Outlet) -> None:
    refused = outlet.refused(pl.DataFrame({"a": [1.0, math.inf, math.nan]}))
    assert refused["row"].tolist() == [1]
    assert "'a'" in refused["error"][0]
    assert [p for _, p in outlet.new()] == [b'{"a":1.0}', b"{}"]
    assert outlet.refused([{"a": 1.0}, {"a": -math.inf}])["row"].tolist() == [1]


def test_a_cell_without_json_is_refused_by_row(outlet: Outlet) -> None:
    refused = outlet.refused(pd.DataFrame({"a": [1, {2, 3}, "x"]}))
    assert refused["row"].tolist() == [1]
    assert "'a'" in refused["error"][0]
    assert "set" in refused["error"][0]
    assert outlet.refused([{"a": 1}, {"a": {2}}, {"a": b"x"}, {"a": "\ud800"}])["row"].tolist() == [1, 2, 3]


def test_a_key_that_the_topic_needs_may_be_missing_in_a_dict(outlet: Outlet) -> None:
    assert outlet.refused([{"n": 1}, {"line": "a"}], "x/{line}")["row"].tolist() == [0]


# --- arguments


@pytest.mark.parametrize(
    ("rows", "options", "error", "match"),
    [
        (pd.DataFrame({"a": [b"x"]}), {"topic": "t"}, hf.InvalidArgumentError, "'a'.*binary"),
        (pd.DataFrame({"a": [pd.Timedelta("1s")]}), {"topic": "t"}, hf.InvalidArgumentError, "'a'.*duration"),
        (pd.DataFrame({"a": [1]}), {"topic": "x/{line}"}, hf.InvalidArgumentError, "no column 'line'"),
        (pd.DataFrame({"a": [1]}), {"topic": "t", "columns": ["b"]}, hf.InvalidArgumentError, "no column 'b'"),
        (pd.DataFrame({"a": [1]}), {"topic": "t", "payload_column": "a"}, hf.InvalidArgumentError, "binary or string"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), {"topic": "t"}, hf.InvalidArgumentError, "more than once"),
        (pl.DataFrame({"a": [datetime.datetime(3000, 1, 1)]}), {"topic": "t"}, hf.InvalidArgumentError, "'a'"),
        ([{"a": 1}], {"topic": "x/+"}, hf.InvalidTopicError, "wildcard"),
        ([{"a": 1}], {"topic": "x/{line}/+"}, hf.InvalidTopicTemplateError, r"\+"),
        ([{"a": 1}], {}, hf.InvalidArgumentError, "no topic"),
        ([{"a": 1}], {"topic": "t", "topic_column": "a"}, hf.InvalidArgumentError, "both"),
        ([{"a": 1}], {"topic": "t", "qos": 3}, hf.InvalidArgumentError, "qos"),
        ([{"a": 1}], {"topic": "t", "qos": "1"}, hf.InvalidArgumentError, "qos"),
        ([{"a": 1}], {"topic": "t", "max_inflight": 0}, hf.InvalidArgumentError, "max_inflight"),
        ([{"a": 1}], {"topic": "t", "nulls": "drop"}, hf.InvalidArgumentError, "nulls"),
        ([{"a": 1}], {"topic": "t", "on_error": "ignore"}, hf.InvalidArgumentError, "on_error"),
        ({"a": [1]}, {"topic": "t"}, hf.InvalidArgumentError, "dict"),
        (b"abc", {"topic": "t"}, hf.InvalidArgumentError, "bytes"),
        (7, {"topic": "t"}, hf.InvalidArgumentError, "int"),
        ([7], {"topic": "t"}, hf.InvalidArgumentError, "gave a int"),
    ],
)
def test_what_cannot_be_asked_for(outlet: Outlet, rows: Any, options: dict[str, Any], error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        outlet.client.publish_many(rows, **options)
    assert outlet.new() == []


def test_properties_reach_every_message(outlet: Outlet) -> None:
    outlet.client.publish_many([{"a": 1}, {"a": 2}], "t", retain=True, user_properties={"k": "v"}, content_type="application/json", qos=2)
    packets = outlet.packets()[-2:]
    assert all(packet.retain and packet.qos == 2 for packet in packets)
    assert all(packet.properties == packets[0].properties != {} for packet in packets)


def test_a_closed_client(access: dict[str, Any]) -> None:
    client = hf.connect(**access)
    client.close()
    result = client.publish_many([{"a": 1}], "t", on_error="collect")
    assert isinstance(result.error, hf.ClosedError)
    assert result.refused["outcome"].tolist() == ["not_sent"]
    with pytest.raises(hf.PublishManyError) as raised:
        client.publish_many([{"a": 1}], "t")
    assert isinstance(raised.value.__cause__, hf.ClosedError)


# --- what is told


def test_the_error_survives_pickling_with_its_result(outlet: Outlet) -> None:
    with pytest.raises(hf.PublishManyError) as raised:
        outlet.client.publish_many([{"line": None}], "x/{line}")
    again = pickle.loads(pickle.dumps(raised.value))
    assert again.result.refused.equals(raised.value.result.refused)
    assert isinstance(again, hf.HoneyframeError)


def test_the_result_reads_as_a_sentence(outlet: Outlet) -> None:
    result = outlet.client.publish_many([{"line": None}, {"line": "a"}], "x/{line}", on_error="collect")
    assert str(result).startswith("1 of 2 rows published in ")
    assert repr(result).endswith("; 1 invalid>")
    assert not result.ok
    dtypes = {name: str(dtype) for name, dtype in result.refused.dtypes.items()}
    assert dtypes["row"] == "int64"
    assert dtypes["reason_code"] == "Int64"


# --- round trips


_KEYS = st.text(st.characters(codec="utf-8", exclude_characters="\0."), min_size=1, max_size=8).filter(
    lambda key: key not in ("_topic", "_recv_time", "_retain", "_event_time", "_misfit", "_extra", "line") and not key.startswith("_")
)
_SCALARS = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(codec="utf-8"), max_size=12),
)
_OBJECTS = st.recursive(
    st.dictionaries(_KEYS, _SCALARS, max_size=4),
    lambda inner: st.dictionaries(
        _KEYS, st.one_of(_SCALARS, inner.filter(bool), st.lists(st.integers(-9, 9), min_size=1, max_size=3)), max_size=4
    ),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(payload=_OBJECTS)
def test_a_payload_that_was_read_goes_back_as_it_came(outlet: Outlet, payload: dict[str, Any]) -> None:
    outlet.new()
    text = json.dumps(payload).encode()
    table = hf.extract([text], topics=["plant/x/telemetry"], topic_template="plant/{line}/telemetry")
    ((topic, sent),) = outlet.send(table, "plant/{line}/telemetry")
    assert topic == "plant/x/telemetry"
    assert json.loads(sent) == payload
    ((_, by_pandas),) = outlet.send(table.to_pandas(), "plant/{line}/telemetry")
    assert json.loads(by_pandas) == payload


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    columns=st.dictionaries(
        st.text("abc.", min_size=1, max_size=5).filter(lambda name: name not in {".", ".."}),
        st.sampled_from(["int", "float", "text", "bool"]),
        min_size=1,
        max_size=5,
    ),
    data=st.data(),
)
def test_a_frame_that_was_published_is_read_as_it_was(outlet: Outlet, columns: dict[str, str], data: st.DataObject) -> None:
    outlet.new()
    kinds = {
        "int": st.integers(-(2**63), 2**63 - 1),
        "float": st.floats(allow_nan=False, allow_infinity=False).filter(lambda value: value != 0 or math.copysign(1, value) > 0),
        "text": st.text(st.characters(codec="utf-8"), max_size=6).filter(lambda text: text not in NA_LIKE),
        "bool": st.booleans(),
    }
    dtypes = {"int": "Int64", "float": "float64", "text": "string", "bool": "boolean"}
    rows = data.draw(st.integers(1, 4))
    frame = pd.DataFrame(
        {
            name: pd.Series(data.draw(st.lists(kinds[kind], min_size=rows, max_size=rows)), dtype=dtypes[kind])
            for name, kind in columns.items()
        }
    )
    sent = outlet.send(frame, "t")
    read = hf.extract([payload for _, payload in sent], metadata=()).to_pandas()
    assert set(read.columns) == set(frame.columns)
    for name in frame:
        assert read[name].tolist() == frame[name].tolist(), name


NA_LIKE = {"", "NA", "N/A", "NaN", "null", "None"}


def test_over_a_real_broker_the_frame_comes_back(client: hf.Client, mosquitto: Mosquitto) -> None:
    frame = pd.DataFrame(
        {
            "line": ["north", "south"] * 500,
            "n": pd.Series(range(1000), dtype="Int64"),
            "temp": np.linspace(-10.0, 10.0, 1000),
            "loc.lat": pd.Series([1, None] * 500, dtype="Int64"),
            "name": pd.Series(["é\u2028", None] * 500, dtype="string"),
        }
    )
    with client.stream("publish-many/{line}/back", qos=1) as stream:
        assert client.publish_many(frame, "publish-many/{line}/back").published == 1000
        read = stream.read(rows=1000, seconds=20).to_pandas()
    assert read["_topic"].tolist() == [f"publish-many/{line}/back" for line in frame["line"]], "in order"
    for name in ("line", "n", "temp", "loc.lat", "name"):
        assert read[name].astype("object").where(read[name].notna(), None).tolist() == (
            frame[name].astype("object").where(frame[name].notna(), None).tolist()
        )
