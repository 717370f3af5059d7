"""Aligner: batches in, wide frames out, against a model that does it row by row."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.align_model import SECOND, AlignModel, cells_of

import honeyframe as hf
from honeyframe.aligner import LONGEST_GAP

START = 1_800_000_000
UTC = pa.timestamp("ns", tz="UTC")


def rows(*given: tuple[float, str | None, Any], received: float | None = None, **more: Any) -> pa.Table:
    """A batch of (seconds since START, topic, value); received when measured, or so many seconds after START."""
    times = [round((START + at) * SECOND) for at, _, _ in given]
    came = times if received is None else [round((START + received) * SECOND)] * len(given)
    columns = {
        "_topic": pa.array([topic for _, topic, _ in given], pa.string()),
        "v": pa.array([value for _, _, value in given]),
        "_event_time": pa.array(times, pa.int64()).cast(UTC),
        "_recv_time": pa.array(came, pa.int64()).cast(UTC),
    }
    return pa.table({**columns, **more})


def all_of(aligner: hf.Aligner, *batches: Any) -> pd.DataFrame:
    frames = [frame for batch in batches for frame in aligner.push(batch)] + aligner.flush()
    return pd.concat(frames)


def at(seconds: float) -> pd.Timestamp:
    return pd.Timestamp((START + seconds) * SECOND, tz="UTC")


# --- against the model

TIMES = st.integers(0, 40).map(lambda tenths: START * SECOND + tenths * SECOND // 4)
ROW = st.fixed_dictionaries(
    {
        "event": st.one_of(st.none(), TIMES, st.integers(0, 400).map(lambda tenths: START * SECOND + tenths * SECOND // 4)),
        "delay": st.integers(-40, 40).map(lambda tenths: tenths * SECOND // 4),
        "series": st.sampled_from(["a", "b", "c", "d", None]),
        "values": st.fixed_dictionaries({"x": st.one_of(st.none(), st.integers(-9, 9)), "y": st.one_of(st.none(), st.integers(0, 2**62))}),
    }
)


def batch_of(some: list[dict[str, Any]]) -> pa.Table:
    return pa.table(
        {
            "_topic": pa.array([row["series"] for row in some], pa.string()),
            "x": pa.array([row["values"]["x"] for row in some], pa.int64()),
            "y": pa.array([row["values"]["y"] for row in some], pa.int64()),
            "_event_time": pa.array([row["event"] for row in some], pa.int64()).cast(UTC),
            "_recv_time": pa.array([row["received"] for row in some], pa.int64()).cast(UTC),
        }
    )


@settings(deadline=None, max_examples=100)
@given(
    table=st.lists(ROW, max_size=40),
    cuts=st.lists(st.integers(0, 40), max_size=6),
    how=st.sampled_from(["last", "first", "mean", "min", "max", "sum", "count"]),
    every=st.sampled_from([1, 2, 5]),
    lateness=st.sampled_from([0, 1, 3]),
    ahead=st.sampled_from([0, 2, 8]),
    max_series=st.sampled_from([2, 10]),
)
def test_as_the_model_has_it_however_the_rows_are_cut(
    table: list[dict[str, Any]], cuts: list[int], how: Any, every: int, lateness: int, ahead: int, max_series: int
) -> None:
    model = AlignModel(every * SECOND, how, lateness * SECOND, ahead * SECOND, max_series)
    for row in table:
        row["received"] = (row["event"] if row["event"] is not None else START * SECOND) + row["delay"]
        model.add(row)
    aligner = hf.Aligner(every, how, lateness=lateness, ahead=ahead, max_series=max_series)
    ends = sorted({0, len(table), *(cut for cut in cuts if cut < len(table))})
    frames = [frame for start, end in itertools.pairwise(ends) for frame in aligner.push(batch_of(table[start:end]))]
    frames += aligner.flush()
    found = cells_of(frames)
    expected = {(bucket * every * SECOND, series, name): value for (bucket, series, name), value in model.table().items()}
    assert found.keys() == expected.keys()
    if how in ("mean", "sum"):
        assert [found[place] for place in expected] == pytest.approx(list(expected.values()))
    else:
        assert found == expected
    stats = aligner.stats()
    assert stats.balanced
    assert {name: getattr(stats, name) for name in model.counts} == model.counts
    ledger = aligner.ledger().groupby("event")["count"].sum()
    for name in ("late", "ahead", "untimed", "unkeyed"):
        assert ledger.get(name, 0) == model.counts[name]
    assert ledger.get("overflow_series", 0) == model.counts["overflow"]
    index = [time for frame in frames for time in frame.index.as_unit("ns").asi8.tolist()]
    assert index == sorted(set(index)), "a bucket twice, or out of order"
    assert index == list(range(index[0], index[-1] + 1, every * SECOND)) if index else not expected
    assert stats.buckets == len(index)
    assert (stats.open_buckets, stats.open_cells) == (0, 0)


@settings(deadline=None, max_examples=25)
@given(
    values=st.lists(st.tuples(st.integers(0, 30), st.sampled_from("ab"), st.integers(0, 9)), min_size=1, max_size=20),
    reach=st.sampled_from([None, 1, 3, True]),
    pushes=st.integers(1, 4),
)
def test_values_are_carried_on_as_far_as_was_asked(values: list[tuple[int, str, int]], reach: Any, pushes: int) -> None:
    values.sort(key=lambda row: row[0])
    aligner = hf.Aligner(1, ffill=reach, lateness=0)
    cut = -(-len(values) // pushes)
    wide = all_of(aligner, *(rows(*values[start : start + cut]) for start in range(0, len(values), cut)))
    plain = all_of(hf.Aligner(1, lateness=0), rows(*values))
    expected = plain if reach is None else plain.ffill(limit=None if reach is True else reach)
    assert wide.astype("Int64").equals(expected.astype("Int64")[wide.columns])


# --- by example


def test_a_gap_stays_null_and_has_its_rows() -> None:
    wide = all_of(hf.Aligner("1s"), rows((0, "a", 1), (0, "b", 5), (3, "a", 2)))
    assert wide.index.tolist() == [at(0), at(1), at(2), at(3)]
    assert wide["a", "v"].tolist() == [1, pd.NA, pd.NA, 2]
    assert wide["b", "v"].isna().tolist() == [False, True, True, True]
    assert str(wide.index.dtype) == "datetime64[ns, UTC]"
    assert wide.columns.names == ["_topic", "field"]


def test_what_is_late_within_the_bound_is_taken_in_and_counted_beyond() -> None:
    aligner = hf.Aligner("1s", lateness="2s")
    assert aligner.push(rows((10, "a", 1))) == []
    assert aligner.push(rows((12.9, "a", 2))) == []  # bucket 10 ends at 11, and is out at 13
    assert aligner.push(rows((10.5, "b", 3))) == []
    (wide,) = aligner.push(rows((13, "a", 4)))
    assert wide.index.tolist() == [at(10)]
    assert (wide["a", "v"].item(), wide["b", "v"].item()) == (1, 3)
    assert aligner.push(rows((10.9, "b", 5), (10.2, "b", 6), (9, "a", 7))) == []
    assert (aligner.stats().late, aligner.stats().taken) == (3, 4)
    ledger = aligner.ledger().set_index("topic")
    assert ledger["event"].tolist() == ["late", "late"]
    assert ledger["count"].to_dict() == {"a": 1, "b": 2}
    assert (ledger.loc["b", "time"], ledger.loc["b", "until"]) == (at(10.2), at(10.9))


def test_what_is_late_within_the_bound_is_taken_in_at_the_start_too() -> None:
    aligner = hf.Aligner("1s", lateness=5)
    wide = all_of(aligner, rows((10, "a", 1)), rows((8, "a", 2)))
    assert (aligner.stats().late, aligner.stats().taken) == (0, 2)
    assert wide["a", "v"].tolist() == [2, pd.NA, 1]


def test_a_clock_in_the_future_closes_nobodys_bucket() -> None:
    aligner = hf.Aligner("1s", lateness=1, ahead=60)
    aligner.push(rows((0, "good", 1), received=0.1))
    assert aligner.push(rows((1_000_000_000, "mad", 1), (61, "mad", 2), received=0.2)) == []
    assert aligner.push(rows((50, "ahead", 3), received=0.3)) == []  # within the bound: kept, and moves nothing on
    assert aligner.push(rows((0.4, "good", 2), received=0.4)) == []
    assert (aligner.stats().ahead, aligner.stats().late, aligner.stats().taken) == (2, 0, 3)
    assert aligner.stats().open_buckets == 51
    assert aligner.ledger()["topic"].tolist() == ["mad"]
    wide = pd.concat(aligner.flush())
    assert (wide["good", "v"].iloc[0], wide["ahead", "v"].iloc[50]) == (2, 3)


def test_memory_is_that_of_the_open_buckets_however_much_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("honeyframe.aligned_cells._MERGE_ROWS", 1000)
    aligner = hf.Aligner("1s", lateness=2, ahead=0)
    topics = [f"t{number}" for number in range(1000)]
    values, most = 0, 0
    for second in range(8):
        columns = {"w": pa.array(np.arange(5_000) % 7)}
        given = [(second + number / 5_000, topics[number % 1000], float(number)) for number in range(5_000)]
        for frame in aligner.push(rows(*given, **columns)):
            values += int(frame.notna().to_numpy().sum())
        most = max(most, aligner.stats().open_cells)
    values += sum(int(frame.notna().to_numpy().sum()) for frame in aligner.flush())
    assert values == 8 * 2 * 1000
    assert most <= 2 * 3 * 2 * 1000  # twice the open cells, of 80,000 values
    assert (aligner.stats().series, aligner.stats().columns) == (1000, 2000)


def test_columns_keep_their_place_and_their_types() -> None:
    aligner = hf.Aligner("1s", lateness=0)
    text = {"s": pa.array(["on", None]), "b": pa.array([True, False])}
    (first,) = aligner.push(rows((0, "a", 2**62 + 1), (1, "a", 4), **text))
    (second,) = aligner.push(rows((1.5, "b", 7), (2, "c", 1)))
    (third,) = aligner.flush()
    assert first["a", "v"].item() == 2**62 + 1
    assert [str(kind) for kind in first.dtypes] == ["Int64", "string", "boolean"]
    assert list(second.columns) == list(third.columns)
    assert list(second.columns[: len(first.columns)]) == list(first.columns)
    assert second.dtypes[: len(first.columns)].tolist() == first.dtypes.tolist()


def test_several_columns_make_a_series_and_each_field_may_have_its_how() -> None:
    more = {"site": pa.array(["n", "n", "s"]), "line": pa.array([1, 1, 1]), "state": pa.array(["x", "y", "z"])}
    aligner = hf.Aligner("1s", {"v": "mean", "state": "last"}, by=["site", "line"])
    wide = all_of(aligner, rows((0, "t", 1), (0.5, "t", 2), (0.2, "t", 5), **more))
    assert wide.columns.names == ["site", "line", "field"]
    assert wide.iloc[0].to_dict() == {("n", 1, "v"): 1.5, ("n", 1, "state"): "y", ("s", 1, "v"): 5.0, ("s", 1, "state"): "z"}


def test_what_has_no_mean_is_left_out_and_told() -> None:
    aligner = hf.Aligner("1s", "mean")
    wide = all_of(aligner, rows((0, "a", 1), s=pa.array(["text"]), l=pa.array([[1, 2]]), n=pa.array([None])))
    assert list(wide.columns) == [("a", "v")]
    ledger = aligner.ledger()
    assert ledger[["event", "column", "detail"]].values.tolist() == [
        ["left_out", "s", "string has no mean"],
        ["left_out", "l", "list<item: int64> has no mean"],
    ]


def test_a_column_that_changes_its_type_is_one_column() -> None:
    aligner = hf.Aligner("1s", lateness=10)
    wide = all_of(aligner, rows((0, "a", 1)), rows((1, "a", 2.5)))
    assert wide["a", "v"].tolist() == [1.0, 2.5]
    assert aligner.ledger()[["event", "column", "detail"]].values.tolist() == [["widened", "v", "int64 -> double"]]
    wide = all_of(hf.Aligner("1s"), rows((0, "a", 1.5)), rows((1, "a", "off")))
    assert wide["a", "v"].tolist() == ["1.5", "off"]


def test_a_long_gap_is_left_out_and_told() -> None:
    aligner = hf.Aligner("1s", lateness=0)
    far = LONGEST_GAP + 100
    wide = all_of(aligner, rows((0, "a", 1)), rows((far, "a", 2)), rows((far + 2, "a", 3)))
    assert wide.index.tolist() == [at(0), at(far), at(far + 1), at(far + 2)]
    (gap,) = aligner.ledger().itertuples()
    assert (gap.event, aligner.ledger()["count"].item()) == ("gap", far - 1)
    assert (gap.time, gap.until) == (at(1), at(far))


def test_a_gap_within_the_bound_comes_in_pieces_that_fit_into_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("honeyframe.aligned_frame.MOST_CELLS", 100)
    aligner = hf.Aligner("1s", lateness=0, ffill=True)
    aligner.push(rows((0, "a", 1), (0, "b", 2)))
    frames = aligner.push(rows((120, "a", 3)))
    assert [len(frame) for frame in frames] == [50, 50, 20]
    assert all((frame["a", "v"] == 1).all() for frame in frames)


def test_rows_without_a_series_and_a_name_that_no_row_has() -> None:
    aligner = hf.Aligner("1s", by="line")
    with pytest.warns(hf.MissingColumnsWarning, match="by='line' names no column of the rows.*_topic, v"):
        assert aligner.push(rows((0, "a", 1))) == []
    aligner.push(rows((0, "a", 1)))
    assert (aligner.stats().unkeyed, aligner.stats().series) == (2, 0)
    assert aligner.flush() == []


def test_rows_need_a_time() -> None:
    with pytest.raises(hf.InvalidArgumentError, match="no _event_time or _recv_time"):
        hf.Aligner().push(pa.table({"_topic": ["a"], "v": [1]}))
    with pytest.raises(hf.InvalidArgumentError, match="must be timestamps; found string"):
        hf.Aligner().push(pa.table({"_topic": ["a"], "_event_time": ["now"]}))
    with pytest.raises(TypeError, match="not dict"):
        hf.Aligner().push({})


def test_a_batch_of_honeyframe_and_a_dataframe_go_in() -> None:
    payloads = [b'{"ts": 1700000000, "v": 1}', b'{"ts": 1700000001, "v": 2}']
    table = hf.extract(payloads, event_time="ts")
    frame = table.to_pandas().assign(_topic="a")
    wide = all_of(hf.Aligner(), pa.Table.from_pandas(frame))
    assert wide["a", "v"].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"every": 0}, "every is a bucket's length"),
        ({"every": "-1s"}, "every"),
        ({"how": "median"}, "how is one of last, first"),
        ({"how": {"v": "mode"}}, "how of 'v' is one of"),
        ({"lateness": "30D", "every": "1s"}, "would stay open"),
        ({"clock": "wall"}, "clock must be"),
        ({"by": []}, "by names one column"),
        ({"by": ["a", "a"]}, "by names one column"),
        ({"how": "mean", "ffill": True}, "ffill carries the last value on"),
        ({"max_series": 0}, "max_series"),
        ({"columns": ["v"], "how": {"nope": "mean"}}, "how names 'nope', which is none of columns=: v"),
    ],
)
def test_wrong_arguments_say_what_is_wrong(options: dict[str, Any], told: str) -> None:
    with pytest.raises(hf.InvalidArgumentError, match=told):
        hf.Aligner(**options)


def test_by_is_a_column() -> None:
    for wrong, kind in ((None, hf.InvalidArgumentError), (5, TypeError), ([5], TypeError)):
        with pytest.raises(kind, match="by "):
            hf.Aligner(by=wrong)  # type: ignore[arg-type]
    hf.Aligner(columns=["at"], how={"at.line": "mean"})


def test_the_ledger_is_bounded() -> None:
    aligner = hf.Aligner("1s", lateness=0)
    aligner.push(rows((1000, "a", 1)))
    aligner.push(rows(*((number / 10, f"t{number}", 1) for number in range(500))))
    ledger = aligner.ledger()
    assert len(ledger) == 201
    assert ledger["count"].sum() == aligner.stats().late == 500
    assert ledger[ledger["event"] == "overflow"]["reason"].tolist() == ["late"]
