"""A catalog as a contract: what breaks it is told with topic, column, expected and found; counted; and nothing is lost."""

import json
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import honeyframe as hf
from honeyframe import contract
from honeyframe.catalog_inference import infer_patterns
from honeyframe.contract import ContractStream, make_contract
from honeyframe.errors import ContractError, ContractWarning, InvalidCatalogError
from honeyframe.source import make_reader
from honeyframe.topic_samples import TopicSample

pytestmark = pytest.mark.filterwarnings("ignore::honeyframe.errors.ConflictWarning")  # of the engine: told by the contract as well

NOW_MS = 1_772_352_000_000
GOOD: dict[str, Any] = {"ts": NOW_MS, "temp": 21.5, "n": 3, "mode": "auto", "unit": "C", "on": True, "at": {"hall": 1}, "list": [1, 2]}


def message(**changes: Any) -> dict[str, Any]:
    """As agreed, but for some keys; a key that is ``...`` is left out."""
    return {key: value for key, value in {**GOOD, **changes}.items() if value is not ...}


def catalog_of(messages: dict[str, list[Any]]) -> hf.Catalog:
    samples = {}
    for topic, payloads in messages.items():
        samples[topic] = TopicSample(topic, messages=len(payloads))
        for payload in payloads:
            samples[topic].keep(payload if isinstance(payload, bytes) else json.dumps(payload).encode(), time.time_ns())
    return hf.Catalog(infer_patterns(samples, 10), uri="mqtt://127.0.0.1", seconds=10)


AGREED = {
    "plant/1/telemetry": [message(), message(n=2.5, note="x")],
    "plant/2/telemetry": [message(extra=None)],
    "plant/1/level": [1.5],
    "plant/1/door": [b"open"],
}


class Held:
    """A stream with a contract, fed by hand."""

    def __init__(self, on_breach: Any = "warn", catalog: hf.Catalog | None = None, levels: tuple[str, ...] = (), **extraction: Any) -> None:
        contract = make_contract(catalog or catalog_of(AGREED), on_breach, extraction, levels)
        reader, self.queue, _ = make_reader({}, extraction)
        self.stream = ContractStream(reader, contract=contract)

    def push(self, payload: Any, topic: str = "plant/1/telemetry", time_ns: int | None = None) -> None:
        data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        self.queue.push(topic, data, receive_time_ns=time_ns or time.time_ns())

    def read(self) -> hf.Table:
        return self.stream.read()

    def breaches(self) -> list[tuple[Any, ...]]:
        ledger = self.stream.ledger()
        rows = ledger[ledger["event"] == "breach"]
        return list(rows[["reason", "topic", "column", "count"]].itertuples(index=False, name=None))


@pytest.fixture
def held() -> Iterator[Callable[..., Held]]:
    made: list[Held] = []

    def make(*arguments: Any, **options: Any) -> Held:
        made.append(Held(*arguments, **options))
        return made[-1]

    yield make
    for one in made:
        one.stream.close()


@pytest.mark.parametrize(
    "payload",
    [
        message(),
        message(n=7),
        message(temp=22),  # a number is a number
        message(note="y"),
        message(extra=None),
        message(mode="manual"),
        message(list=[]),
        b"",  # a cleared topic
        b"[]",
    ],
)
def test_what_is_as_agreed_is_not_told(held: Callable[..., Held], payload: Any) -> None:
    one = held("raise")
    one.push(payload)
    one.read()
    assert one.stream.stats().breaches == 0
    assert one.breaches() == []


@pytest.mark.parametrize(
    ("payload", "kind", "column", "expected", "found"),
    [
        (message(temp=...), "missing_column", "temp", "number in every message", "null, or no such key"),
        (message(temp=None), "missing_column", "temp", "number in every message", "null, or no such key"),
        (message(at={}), "missing_column", "at.hall", "integer in every message", "null, or no such key"),
        (message(humidity=40), "new_column", "humidity", "none", "integer 40"),
        (message(at={"hall": 1, "bay": "x"}), "new_column", "at.bay", "none", 'string "x"'),
        (message(temp="hot"), "type_changed", "temp", "number", 'string "hot"'),
        (message(temp=True), "type_changed", "temp", "number", "boolean true"),
        (message(mode={"x": [1]}), "type_changed", "mode", "string", "object"),
        (message(on=1), "type_changed", "on", "boolean", "integer 1"),
        (message(list=3), "type_changed", "list", "array", "integer 3"),
        (message(unit="F"), "unit_changed", "unit", '"C"', '"F"'),
        (message(ts=NOW_MS // 1000), "unit_changed", "ts", "an epoch in ms", "one in s: 1772352000.0"),
        (message(ts=NOW_MS * 1000), "unit_changed", "ts", "an epoch in ms", "one in us: 1772352000000000.0"),
    ],
)
@pytest.mark.parametrize("with_good", [False, True], ids=["alone", "among others"])
def test_each_breach_is_told_with_topic_column_expected_and_found(
    held: Callable[..., Held], payload: Any, kind: str, column: str, expected: str, found: str, with_good: bool
) -> None:
    one = held()
    if with_good:
        one.push(message())
        one.push(message(), "plant/2/telemetry")
    one.push(payload, "plant/9/telemetry")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        table = one.read()
    assert table.num_rows == 1 + 2 * with_good
    told = "; ".join(str(warning.message) for warning in caught if warning.category is ContractWarning)
    assert f"{kind.replace('_', ' ')}: 'plant/9/telemetry', column '{column}': expected {expected}, found {found}" in told
    assert (kind, "plant/9/telemetry", column, 1) in one.breaches()


def test_a_number_where_text_was_agreed_is_seen_where_the_column_is_not_text_already(held: Callable[..., Held]) -> None:
    one = held("raise")
    one.push(message(mode=3))
    with pytest.raises(ContractError, match="'mode': expected string, found integer 3"):
        one.read()
    agreed = catalog_of({"a/1": [{"mode": "auto", "id": "A7", "on": "true"}, {"mode": "off", "id": "B8", "on": "false"}]})
    two = held("raise", catalog=agreed)
    two.push({"mode": "off", "id": "C9", "on": "true"}, "a/2")
    two.push({"mode": "off", "id": 77, "on": "true"}, "a/2")  # is "77" in a column of text: docs/catalog.md says so
    assert two.read().to_pandas()["id"].tolist() == ["C9", "77"]
    two.push({"mode": 3, "id": "D1", "on": "true"}, "a/2")  # no mode had a digit
    with pytest.raises(ContractError, match="'mode': expected string, found integer 3"):
        two.read()


def test_each_is_warned_of_once_and_counted_always(held: Callable[..., Held]) -> None:
    one = held()
    one.push(message(temp=...))
    with pytest.warns(ContractWarning, match="missing column"):
        one.read()
    for _ in range(3):  # pytest makes a further warning an error
        one.push(message(temp=...))
        one.push(message(temp=...), "plant/2/telemetry")
        one.read()
    assert one.stream.stats().breaches == 7
    [row] = one.stream.ledger().query("event == 'breach'").itertuples()
    assert (row.count, json.loads(row.topics)) == (7, {"plant/1/telemetry": 4, "plant/2/telemetry": 3})
    assert row.detail == "expected number in every message, found null, or no such key"
    assert row.until >= row.time
    assert one.stream.stats().balanced


def test_when_too_many_were_told_of_the_rest_is_counted_alone(held: Callable[..., Held], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contract, "_MOST_TOLD", 3)
    one = held()
    one.push(message(**{f"new{n}": 1 for n in range(6)}))
    with pytest.warns(ContractWarning, match="new0") as told:
        one.read()
    assert "new3" not in str(told[0].message)
    one.push(message(new4=1))  # pytest makes a further warning an error
    one.read()
    assert one.stream.stats().breaches == 7


def test_an_event_time_in_a_key_with_a_dot_is_held_to_its_unit(held: Callable[..., Held]) -> None:
    one = held(catalog=catalog_of({"plant/1/t": [{"t.s": int(time.time() * 1000), "v": 1}] * 3}))
    one.push({"t.s": int(time.time()), "v": 1}, "plant/1/t")
    with pytest.warns(ContractWarning, match="expected an epoch in ms, found one in s"):
        one.read()


def test_an_episode_ends_after_ten_seconds_and_the_ledger_is_bounded(held: Callable[..., Held]) -> None:
    one = held()
    begin = time.time_ns()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ContractWarning)
        for number in range(250):
            one.push(message(temp=...), time_ns=begin + number * 20_000_000_000)
            one.read()
    rows = one.stream.ledger()
    assert (rows["event"] == "breach").sum() == 200
    folded = rows[rows["event"] == "overflow"].iloc[0]
    assert (folded["reason"], folded["count"], folded["detail"]) == ("breach", 50, "50 rows")


def test_raise_loses_nothing(held: Callable[..., Held]) -> None:
    one = held("raise")
    one.push(message())
    one.read()
    one.push(message(temp="hot"), "plant/5/telemetry")
    with pytest.raises(ContractError) as caught:
        one.read()
    [breach] = caught.value.breaches
    assert (breach.kind, breach.topic, breach.column, breach.expected, breach.found) == (
        *("type_changed", "plant/5/telemetry", "temp", "number"),
        'string "hot"',
    )
    assert caught.value.subjects == ("plant/5/telemetry",)
    assert "plant/5/telemetry" in str(caught.value)
    stats = one.stream.stats()
    assert (stats.balanced, stats.delivered, stats.in_batch) == (True, 1, 1)
    assert one.read().num_rows == 1
    assert one.stream.stats().delivered == 2
    one.push(message(temp="hot"), "plant/5/telemetry")
    with pytest.raises(ContractError):  # each time
        next(iter(one.stream.batches(max_seconds=0, seconds=1)))
    assert next(iter(one.stream.batches(max_seconds=0, seconds=1))).num_rows == 1
    assert one.stream.stats().breaches == 2


def test_a_warning_made_an_error_loses_nothing_either(held: Callable[..., Held]) -> None:
    one = held()
    one.push(message(temp=...))
    with pytest.raises(ContractWarning):
        one.read()
    assert one.read().num_rows == 1
    assert one.stream.stats().breaches == 1


def test_a_batch_that_is_cut_is_not_counted_twice(held: Callable[..., Held]) -> None:
    one = held("raise")
    for _ in range(10):
        one.push(message(temp=...))
    with pytest.raises(ContractError):
        one.read()
    assert [one.stream.read(rows=3).num_rows for _ in range(3)] == [3, 3, 3]
    assert one.read().num_rows == 1
    assert one.stream.stats().breaches == 10


def test_bare_values_text_and_unknown_topics(held: Callable[..., Held]) -> None:
    one = held()
    one.push(2.5, "plant/7/level")
    one.push(b"closed", "plant/7/door")
    one.read()
    assert one.breaches() == []
    one.push(b"broken", "plant/7/level")
    one.push(5, "plant/7/door")
    one.push({"a": 1}, "office/1")
    with pytest.warns(ContractWarning, match="a topic that fits no pattern"):
        one.read()
    assert {(kind, topic) for kind, topic, _, _ in one.breaches()} == {
        ("missing_column", "plant/7/level"),
        ("new_column", "plant/7/level"),
        ("missing_column", "plant/7/door"),
        ("new_column", "plant/7/door"),
        ("unknown_topic", "office/1"),
    }


def test_patterns_of_one_template_are_told_apart_by_what_is_in_them(held: Callable[..., Held]) -> None:
    lamp = {"state": "ON", "brightness": 120, "color_temp": 340}
    agreed = catalog_of({"z/0x00158d0001": [GOOD], "z/0x00158d0002": [lamp]})
    one = held("raise", catalog=agreed)
    one.push(lamp, "z/0x00158d0009")
    one.push(GOOD, "z/0x00158d0008")
    one.read()
    one.push({**lamp, "brightness": "full"}, "z/0x00158d0009")
    with pytest.raises(ContractError, match='expected integer, found string "full"'):
        one.read()
    one.push(lamp, "z/0x00158d0001")  # it was seen as the other kind
    one.read()
    with pytest.raises(ContractError, match="'ts'"):
        one.read()


def test_what_other_patterns_do_to_a_column_is_no_breach(held: Callable[..., Held]) -> None:
    one = held("raise", catalog=catalog_of({"a/1/x": [{"v": 1, "w": 1}], "b/1/y": [{"v": "text", "w": True}], "c/1": [{"v": [1], "q": 0}]}))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", hf.errors.ConflictWarning)
        for order in ("abc", "cba", "bca"):
            for letter in order:
                topic, payload = {
                    "a": ("a/2/x", {"v": 2.5, "w": 2}),
                    "b": ("b/2/y", {"v": "y", "w": False}),
                    "c": ("c/2", {"v": [2], "q": 1}),
                }[letter]
                one.push(payload, topic)
            one.read()
    assert one.breaches() == []


def test_what_was_now_and_then_not_available_may_be_so_again(held: Callable[..., Held]) -> None:
    agreed = catalog_of({"a/1/x": [{"v": 1.5, "w": 1}, {"v": "N/A", "w": 2}, {"v": "3", "w": None}]})
    one = held("raise", catalog=agreed)
    for payload in ({"v": "unavailable", "w": None}, {"v": 2, "w": 3}):
        one.push(payload, "a/2/x")
    one.read()
    one.push({"v": "hot", "w": 3}, "a/2/x")
    with pytest.raises(ContractError, match="'v': expected number, found string \"hot\""):
        one.read()


def test_columns_and_schema_narrow_what_is_checked(held: Callable[..., Held]) -> None:
    broken = message(temp="hot", mode=..., other=1)
    one = held(columns=["n", "at"])
    one.push(broken)
    one.read()
    assert one.breaches() == []
    two = held(schema={"mode": "string", "n": "float64"})
    two.push(broken)
    with pytest.warns(ContractWarning):
        two.read()
    assert two.breaches() == [("missing_column", "plant/1/telemetry", "mode", 1)]


def test_levels_of_the_streams_template_are_no_columns(held: Callable[..., Held]) -> None:
    one = held("raise", levels=("mode", "line"), topic_template="plant/{mode}/{line}")
    one.push(message())  # its own key comes out as /mode
    assert "/mode" in one.read().column_names
    one.push(message(mode={"x": 1}))
    with pytest.raises(ContractError, match="'mode': expected string, found object"):
        one.read()


def test_bad_contracts_are_refused_before_anything_is_connected(tmp_path: Path) -> None:
    good = catalog_of(AGREED)
    for options, error in (
        ({"payload": "raw"}, "payload="),
        ({"sep": "/"}, "sep="),
        ({"explode": "a"}, "explode="),
        ({"metadata": ["qos"]}, "metadata="),
    ):
        with pytest.raises(hf.errors.InvalidArgumentError, match=error):
            make_contract(good, "warn", options, ())
    with pytest.raises(hf.errors.InvalidArgumentError, match="on_breach"):
        make_contract(good, "shout", {}, ())  # type: ignore[arg-type]
    with pytest.raises(hf.errors.InvalidArgumentError, match="contract=, which is missing"):
        hf.read_mqtt("mqtt://127.0.0.1:1", "#", on_breach="raise")
    with pytest.raises(hf.errors.InvalidArgumentError, match="without a pattern"):
        make_contract(hf.Catalog([]), "warn", {}, ())
    with pytest.raises(TypeError, match="not dict"):
        make_contract({}, "warn", {}, ())  # type: ignore[arg-type]
    with pytest.raises(FileNotFoundError):
        hf.read_mqtt("mqtt://127.0.0.1:1", "#", contract=tmp_path / "none.json")
    (tmp_path / "bad.json").write_text("{}")
    with pytest.raises(InvalidCatalogError, match="no saved catalog"):
        hf.read_mqtt("mqtt://127.0.0.1:1", "#", contract=str(tmp_path / "bad.json"))


def test_over_a_broker(client: hf.Client, tmp_path: Path) -> None:
    catalog_of({"contract/1/t": [{"v": 1.5}]}).save(tmp_path / "c.json")
    with client.stream("contract/{line}/t", contract=tmp_path / "c.json", on_breach="raise") as stream:
        client.publish("contract/2/t", {"v": 2.5}, qos=1)
        assert stream.read(rows=1, seconds=5).num_rows == 1
        client.publish("contract/2/t", {"v": "x"}, qos=1)
        with pytest.raises(ContractError, match="'contract/2/t', column 'v': expected number, found string \"x\""):
            stream.read(rows=1, seconds=5)
        assert stream.read(rows=1, seconds=5).num_rows == 1
        assert stream.stats().breaches == 1
        assert "breaches 1" in repr(stream.stats())


def test_checking_costs_little_a_message(held: Callable[..., Held]) -> None:
    """By batch, not by message: a hundred thousand rows in less than what their extraction may take."""
    one = held("raise")
    payload = json.dumps(message()).encode()
    for number in range(100_000):
        one.queue.push(f"plant/{number % 50}/telemetry", payload, receive_time_ns=1)
    table = hf.concat(list(one.stream.batches(max_rows=50_000, max_seconds=0, rows=100_000)))
    started = time.perf_counter()
    for batch in table.batches:
        assert one.stream._contract.check(batch) == ([], [])
    assert (time.perf_counter() - started) / 100_000 < 5e-6
