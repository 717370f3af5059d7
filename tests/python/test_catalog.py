"""A catalog: its faces, files, schemas and code; what is hostile in it; and that it stays small."""

import ast
import json
import random
import stat
import threading
import time
import warnings
from pathlib import Path
from typing import Any

import pytest

import honeyframe as hf
from honeyframe import topic_samples
from honeyframe.catalog import read_catalog
from honeyframe.catalog_inference import infer_patterns
from honeyframe.errors import InvalidArgumentError, InvalidCatalogError, NoMessagesWarning
from honeyframe.stream import Stream
from honeyframe.topic_samples import TopicSample, TopicSampler, sample_stream

HOSTILE = [
    *("a/<script>alert(1)</script>/x", "a/\x1b[31mred/y", 'q/"""/z', "q/' , __import__('os').system('x') , '/z", "c/$x^2$/z"),
    *("n/line\nbreak/z", "u/\u202etxt/z", "t/{__import__}/z", "=cmd()/1/z", "温度/1/z", "b/back\\slash/z"),
]


def make(messages: dict[str, list[Any]], seconds: float = 10, **more: Any) -> hf.Catalog:
    samples = {}
    for topic, payloads in messages.items():
        samples[topic] = TopicSample(topic, messages=len(payloads))
        for payload in payloads:
            samples[topic].keep(payload if isinstance(payload, bytes) else json.dumps(payload).encode(), time.time_ns())
    return hf.Catalog(infer_patterns(samples, seconds), **{"uri": "mqtts://example.com", "filters": ["#"], "seconds": seconds, **more})


@pytest.fixture
def catalog() -> hf.Catalog:
    return make(
        {
            "plant/1/telemetry": [{"ts": 1_772_352_000_000, "temp": 21.5, "at": {"hall": 1}}, {"ts": 1_772_352_001_000, "temp": None}],
            "plant/2/telemetry": [{"ts": 1_772_352_000_000, "temp": 22, "at": {"hall": 2}}],
            "plant/1/state": [b"ON"],
        },
        access={"username": "me"},
    )


def test_mapping_and_table(catalog: hf.Catalog) -> None:
    assert list(catalog) == ["plant/{plant}/state", "plant/{plant}/telemetry"]
    assert len(catalog) == 2
    assert "plant/{plant}/state" in catalog
    assert "x" not in catalog
    frame = catalog.to_pandas()
    assert frame["pattern"].tolist() == list(catalog)
    assert frame["event_time"].tolist() == ["", "ts"]
    assert frame["topics"].tolist() == [1, 2]
    columns = catalog.columns("plant/{plant}/telemetry")
    assert columns["column"].tolist() == ["ts", "temp", "at.hall"]
    assert columns["required"].tolist() == [True, True, False]
    assert columns["null_rate"].tolist() == pytest.approx([0, 1 / 3, 1 / 3], abs=1e-3)
    assert columns["json_types"].tolist() == ["integer 3", "integer 1, null 1, number 1", "integer 2"]
    assert columns["event_time"].tolist() == ["ms", "", ""]
    assert catalog.columns()["pattern"].nunique() == 2
    found = catalog.find("plant/77/telemetry")
    assert found is catalog["plant/{plant}/telemetry"]
    assert catalog.find("office/1") is None


def test_a_name_that_is_not_there(catalog: hf.Catalog) -> None:
    with pytest.raises(KeyError, match=r"did you mean 'plant/\{plant\}/state'"):
        catalog["plant/{plant}/stat"]
    for method in (catalog.code, catalog.json_schema, catalog.schema, catalog.columns):
        with pytest.raises(InvalidArgumentError, match="no pattern 'x'"):
            method("x")
    with pytest.raises(TypeError, match="not by int"):
        catalog.schema(3)  # type: ignore[arg-type]


def test_repr_is_a_readable_table(catalog: hf.Catalog) -> None:
    lines = repr(catalog).splitlines()
    assert lines[0] == "<Catalog of # at mqtts://example.com: 2 patterns, 3 topics, 4 messages in 10 s>"
    assert lines[1].split() == ["pattern", "topics", "msg", "msg/s", "bytes", "kept", "QoS", "holds"]
    assert lines[3].startswith("plant/{plant}/telemetry")
    assert lines[3].endswith("ts (time in ms), temp float64, at.hall int64")
    one = repr(catalog["plant/{plant}/telemetry"])
    assert "filter plant/+/telemetry; object, 2 topics, 3 messages" in one
    assert "time in ms" in one
    assert repr(hf.Catalog([])).startswith("<Catalog of # at : 0 patterns")


@pytest.mark.parametrize("width", [20, 40, 80, 132])
def test_text_fits_the_width(width: int) -> None:
    from honeyframe.catalog_display import catalog_text, pattern_text
    from honeyframe.cli.terminal import cells

    whole = make({topic: [{f"key {n} 温度": "x" * 90 for n in range(9)}] for topic in HOSTILE})
    for text in (catalog_text(whole, width), *(pattern_text(pattern, width) for pattern in whole.values())):
        assert max(cells(line) for line in text.splitlines()) <= width


def test_hostile_topics_keys_and_values_show_harmless_and_make_code_that_is_code() -> None:
    whole = make({topic: [{topic: f"<b>{topic}", "unit": topic, "</td>": 1}] for topic in HOSTILE})
    for html in (whole._repr_html_(), *(pattern._repr_html_() for pattern in whole.values())):
        assert "<script" not in html
        assert "<b>a/" not in html
        assert "$x" not in html
        assert "\x1b" not in html
    for text in (repr(whole), *map(repr, whole.values())):
        assert "\x1b" not in text
        assert "\u202e" not in text
    tree = ast.parse(whole.code())
    calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert calls == {
        "hf.connect",
        "client.stream",
        "time.sleep",
        "stream.read",
        "stream.read().to_pandas",
        "streams.items",
        "frames.items",
    } | {
        *("print", "len"),
    }
    names = {node.s if hasattr(node, "s") else node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    assert set(whole) <= names
    for name in whole:
        ast.parse(whole.code(name))


def test_the_code_has_all_columns_also_where_nothing_comes(access: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MQTT_PASSWORD", "both-password")
    whole = make(
        {
            "none/1/t": [b"ON"],
            "none/1/b": [b"\xff"],
            "none/1/o": [{"ts": 1_772_352_000, "v": None}],
            "none/1/u": [b"{x"],
            "none/1/n": [1.5],
        },
        seconds=0.1,
        uri=access["uri"],
        access={"username": "both"},
    )
    done: dict[str, Any] = {}
    exec(compile(whole.code(), "catalog", "exec"), done)  # noqa: S102 - that it runs is what is tested
    assert {name: list(frame.columns) for name, frame in done["frames"].items()} == {name: one.column_names for name, one in whole.items()}


def test_the_code_reads_each_key_of_odd_names() -> None:
    payload = {"a.b": 1, "a": {"b": 2}, "": 3, "/x": 4, "x/y": 5, "~t": 6, "温度": 7, 'q"': 8, "n\nl": 9, "d": {"": 1, "e.f": {"g": 2}}}
    whole = make({"odd/1": [payload]})
    [pattern] = whole.values()
    schema = whole.schema("odd/{odd}")
    assert schema is not None
    read = hf.extract([json.dumps(payload)], schema=schema).to_pandas()
    assert sorted(read[[column.name for column in pattern.columns]].iloc[0].tolist()) == [1, 1, 2, 2, 3, 4, 5, 6, 7, 8, 9]
    call = ast.parse(whole.code("odd/{odd}"))
    given = next(
        keyword.value for node in ast.walk(call) if isinstance(node, ast.Call) for keyword in node.keywords if keyword.arg == "schema"
    )
    assert hf.Schema(ast.literal_eval(given)) == schema


def test_an_event_time_in_a_key_with_a_dot_is_told_beside_its_column_and_read_at_its_path() -> None:
    now = int(time.time() * 1000)
    whole = make({"t/1": [{"t.s": now, "v": 1}] * 3})
    [pattern] = whole.values()
    assert pattern.event_time is not None
    assert (pattern.event_time.column, pattern.event_time.path, pattern.event_time.unit) == ("t.s", "/t.s", "ms")
    assert pattern.to_pandas().set_index("column")["event_time"].to_dict() == {"t.s": "ms", "v": ""}
    assert "time in ms" in next(line for line in repr(pattern).splitlines() if line.startswith("t.s"))
    assert "t.s (time in ms), v int64" in repr(whole)
    code = whole.code("t/{t}")
    assert 'event_time="/t.s"' in code
    read = hf.extract([json.dumps({"t.s": now, "v": 1})], schema=pattern.schema(), event_time="/t.s").to_pandas()
    assert read["_event_time"].notna().all()


def test_frames_have_the_dtypes_of_all_frames_also_without_a_row(catalog: hf.Catalog) -> None:
    text, number = "string", "Int64"
    names = {"pattern": text, "filter": text, "kind": text, "topics": number, "messages": number, "rate": "float64", "bytes": number}
    names |= {"retained": number, "qos": number, "columns": number, "event_time": text, "unreadable": number, "example": text}
    inner = {"pattern": text, "column": text, "type": text, "null_rate": "float64", "required": "boolean", "json_types": text}
    inner |= {"event_time": text, "examples": text}
    for whole in (catalog, hf.Catalog([])):
        assert {name: str(dtype) for name, dtype in whole.to_pandas().dtypes.items()} == names
        assert {name: str(dtype) for name, dtype in whole.columns().dtypes.items()} == inner


def test_ctrl_c_counts_the_time_that_has_passed(client: hf.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(stream: Stream, sampler: TopicSampler, seconds: float, tick: Any) -> None:
        sample_stream(stream, sampler, 0.4, tick)
        raise KeyboardInterrupt

    monkeypatch.setattr(topic_samples, "sample_stream", interrupted)
    client.publish("catalog/kept", {"a": 1}, retain=True, qos=1)
    publishing = threading.Timer(0.1, lambda: [client.publish("catalog/live", {"b": n}, qos=1) for n in range(20)])
    publishing.start()
    options: dict[str, Any] = {"max_topics": 10, "samples": 5, "qos": 1, "retained": "include", "progress": False}
    try:
        found = read_catalog(client, ["catalog/#"], 600, **options, on_interrupt=lambda: None)
    finally:
        publishing.join()
        client.publish("catalog/kept", b"", retain=True, qos=1)
    assert 0.4 <= found.seconds < 5
    assert sum(pattern.rate for pattern in found.values()) == pytest.approx(20 / found.seconds, rel=0.01)


def test_a_list_of_filters_as_the_others_take_it(client: hf.Client) -> None:
    with pytest.warns(NoMessagesWarning, match="'nobody/a', 'nobody/b', 'nobody/c'"):
        found = client.catalog(["nobody/a", "nobody/b"], "nobody/c", seconds=0.1)
    assert found.filters == ("nobody/a", "nobody/b", "nobody/c")
    for wrong, error in (
        ([], hf.errors.InvalidTopicFilterError),
        (None, hf.errors.InvalidTopicFilterError),
        ([3], TypeError),
        (3, TypeError),
    ):
        with pytest.raises(error):
            client.catalog(wrong)  # type: ignore[arg-type]


def test_code_says_who_but_never_the_password(catalog: hf.Catalog) -> None:
    code = catalog.code()
    assert 'hf.connect("mqtts://example.com", username="me")' in code
    assert "password" in code  # where it comes from
    one = catalog.code("plant/{plant}/telemetry")
    assert 'event_time="ts"' in one
    assert 'event_time_unit="ms"' in one
    assert '"at.hall": "int64"' in one


def test_the_client_gives_what_it_was_connected_with(access: dict[str, Any], tmp_path: Path) -> None:
    secret = tmp_path / "pw"
    secret.write_text("both-password\n")
    secret.chmod(0o600)
    with hf.connect(access["uri"], username="both", password_file=secret, protocol="5.0") as client:
        with pytest.warns(NoMessagesWarning, match="no message arrived on 'nobody/#'"):
            nothing = client.catalog("nobody/#", seconds=0.2)
        client.publish("catalog/1", {"a": 1}, retain=True, qos=1)
        try:
            found = client.catalog("catalog/{line}", seconds=0.3)
            code = found.code("catalog/{line}")
            done: dict[str, Any] = {}
            exec(compile(code, "catalog", "exec"), done)  # noqa: S102 - that it runs is what is tested
            assert done["df"]["a"].tolist() == [1]
            found.save(tmp_path / "c.json")
            assert hf.load_catalog(tmp_path / "c.json").code() == found.code()
        finally:
            client.publish("catalog/1", b"", retain=True, qos=1)
    assert len(nothing) == 0
    ast.parse(nothing.code())
    assert f'password_file="{secret}"' in code
    assert 'protocol="5.0"' in code
    assert "both-password" not in code


def test_a_password_is_in_no_face_and_no_file(access: dict[str, Any], tmp_path: Path) -> None:
    address = access["uri"].replace("mqtt://", "mqtt://both:both-password@")
    with hf.connect(address) as client:
        client.publish("catalog/2", {"a": 1}, retain=True, qos=1)
        try:
            found = client.catalog("catalog/#", seconds=0.3)
        finally:
            client.publish("catalog/2", b"", retain=True, qos=1)
    found.save(tmp_path / "c.json")
    faces = [
        repr(found),
        found._repr_html_(),
        found.code(),
        found.code("catalog/{catalog}"),
        (tmp_path / "c.json").read_text(),
        str(vars(found)),
    ]
    assert not any("both-password" in face for face in faces)
    assert 'username="both"' in found.code()
    assert hf.load_catalog(tmp_path / "c.json").code() == found.code()


def test_system_topics_are_left_out_unless_asked_for(client: hf.Client) -> None:
    found = client.catalog("$SYS/#", seconds=0.5)
    assert any(pattern.filter.startswith("$SYS/") for pattern in found.values())
    client.publish("catalog/sys", 1, retain=True, qos=1)
    try:
        everything = client.catalog(seconds=0.3)
    finally:
        client.publish("catalog/sys", b"", retain=True, qos=1)
    assert "catalog/sys" in everything
    assert not any(name.startswith("$") for name in everything)


def test_json_schema_is_2020_12_and_tells_right_from_wrong(catalog: hf.Catalog) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = catalog.json_schema("plant/{plant}/telemetry")
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema.Draft202012Validator.check_schema(schema)
    checker = jsonschema.Draft202012Validator(schema)
    for good in ({"ts": 1, "temp": 2.5}, {"ts": 1, "temp": None, "at": {"hall": 3}}, {"ts": 1, "temp": 1, "more": True}):
        assert checker.is_valid(good)
    for bad in ({"temp": 2.5}, {"ts": "x", "temp": 1}, {"ts": 1, "temp": "hot"}, {"ts": 1, "temp": 1, "at": {"hall": "x"}}, [], 3):
        assert not checker.is_valid(bad)
    schema["type"] = "changed"
    assert catalog.json_schema("plant/{plant}/telemetry")["type"] == "object"


class TestFiles:
    def test_there_and_back(self, catalog: hf.Catalog, tmp_path: Path) -> None:
        catalog.save(tmp_path / "c.json")
        again = hf.load_catalog(str(tmp_path / "c.json"))
        assert repr(again) == repr(catalog)
        assert [repr(one) for one in again.values()] == [repr(one) for one in catalog.values()]
        assert again.code() == catalog.code()
        assert again.json_schema("plant/{plant}/telemetry") == catalog.json_schema("plant/{plant}/telemetry")
        assert again.schema("plant/{plant}/telemetry") == catalog.schema("plant/{plant}/telemetry")
        assert again.columns().equals(catalog.columns())

    def test_without_examples_no_value_of_a_payload_is_in_it(self, tmp_path: Path) -> None:
        whole = make({"p/1": [{"examples": "topsecret", "deep": [{"properties": "topsecret"}]}], "q/1": [b"topsecret"]})
        whole.save(tmp_path / "c.json", examples=False)
        assert "topsecret" not in (tmp_path / "c.json").read_text()
        again = hf.load_catalog(tmp_path / "c.json")
        assert again.json_schema("p/{p}")["required"] == ["examples", "deep"]

    def test_a_file_is_replaced_whole_or_not_at_all(self, catalog: hf.Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        target = tmp_path / "c.json"
        target.write_text("before")
        target.chmod(0o640)
        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
            with pytest.raises(OSError, match="No space"):
                catalog.save(target)
        assert target.read_text() == "before"
        assert [file.name for file in tmp_path.iterdir()] == ["c.json"]
        catalog.save(target)
        assert stat.S_IMODE(target.stat().st_mode) == 0o640
        assert len(hf.load_catalog(target)) == 2
        with pytest.raises(FileNotFoundError):
            catalog.save(tmp_path / "nowhere" / "c.json")
        with pytest.raises(TypeError, match="path must be"):
            catalog.save(3)  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("", "is not JSON"),
            ("{", "is not JSON"),
            ("[" * 100_000, "is not JSON"),
            ("[]", "no saved catalog"),
            ('{"patterns": []}', "no saved catalog"),
            ('{"honeyframe_catalog": 99}', "format 99"),
            ('{"honeyframe_catalog": 1}', "'patterns' is missing"),
        ],
    )
    def test_what_is_no_catalog(self, text: str, told: str, tmp_path: Path) -> None:
        (tmp_path / "c.json").write_text(text)
        with pytest.raises(InvalidCatalogError, match=told):
            hf.load_catalog(tmp_path / "c.json")

    @pytest.mark.parametrize(
        "change",
        [
            {"patterns": [3]},
            {"patterns": [{}]},
            {"uri": 3},
            {"seconds": "x"},
            {"filters": None},
            {"topics": "plant/1"},
            {"template": "plant/{a}/{a}"},
            {"template": "other/{a}"},
            {"columns": [{"name": "x"}]},
            {"columns": [{"name": "x", "type": "complex", "path": "x"}]},
            {"columns": [{"name": "", "type": "string", "path": "x"}]},
            {"event_times": [{"when": 1}]},
            {"colour": "red"},
            {"kind": "cloud"},
            {"kind": None},
            {"messages": "many"},
            {"name": ["x"]},
            {"json_schema": 3},
            {"rate": "abc"},
            {"rate": True},
            {"messages": -1},
            {"qos": 2**70},
            {"is_exact": "no"},
            {"event_times": [{"column": 1, "path": "x", "unit": "s"}]},
            {"event_times": [{"column": "x", "path": "x", "unit": "days"}]},
            {"event_times": [{"column": "x", "path": "x", "unit": "s", "lag": "long"}]},
            {"columns": [{"name": "x", "type": "string", "path": "x", "required": 1, "units": [], "examples": []}]},
            {"columns": [{"name": "x", "type": "string", "path": "x", "json_types": {"string": "many"}, "units": [], "examples": []}]},
            {"access": {"username": ["x"]}},
            {"access": {"insecure": "yes"}},
        ],
        ids=str,
    )
    def test_a_damaged_one_is_refused_whole(self, change: dict[str, Any], catalog: hf.Catalog, tmp_path: Path) -> None:
        catalog.save(tmp_path / "c.json")
        whole = json.loads((tmp_path / "c.json").read_text())
        if set(change) <= set(whole):
            whole.update(change)
        else:
            whole["patterns"][1].update(change)
        (tmp_path / "c.json").write_text(json.dumps(whole))
        with pytest.raises(InvalidCatalogError, match=r"c\.json"):
            hf.load_catalog(tmp_path / "c.json")


def test_bad_arguments(client: hf.Client) -> None:
    for options, error in (
        ({"seconds": -1}, InvalidArgumentError),
        ({"seconds": None}, TypeError),
        ({"max_topics": 0}, InvalidArgumentError),
        ({"samples": 0}, InvalidArgumentError),
        ({"samples": 100_000}, InvalidArgumentError),
        ({"qos": 3}, InvalidArgumentError),
        ({"retained": "maybe"}, InvalidArgumentError),
    ):
        with pytest.raises(error):
            client.catalog("#", **options)
    with pytest.raises(hf.errors.InvalidTopicFilterError):
        client.catalog("a#")


def test_text_times_and_numbers_that_look_like_times() -> None:
    now = time.time()
    whole = make(
        {
            "t/1": [
                {
                    "ts": now - 2,
                    "when": "2026-03-01 08:00:00",
                    "serial": 1_234_567_890,
                    "recent": int(now * 1000) - 5_000,
                    "text": "1772352000",
                    "small": 12,
                    "day": "2026-03-01",
                    "iso": "2026-03-01T08:00:00+01:00",
                }
            ]
        }
    )
    times = [(time.column, time.unit) for time in whole["t/{t}"].event_times]
    assert times[0] == ("ts", "s")
    assert set(times) == {("ts", "s"), ("recent", "ms"), ("text", "s"), ("iso", "text"), ("when", "text without a zone")}
    assert whole["t/{t}"].event_times[0].lag == pytest.approx(2, abs=1)
    assert times[-1] == ("when", "text without a zone")


def test_the_schema_of_payloads_made_by_chance_reads_what_inference_reads() -> None:
    chance = random.Random(11)
    keys = ["a", "b", "a.b", "", "x/y", "/a", "~", "~1", "温", "value", "_topic", "device", "n\x00l", 'q"', "a b", "0", "."]

    def value(depth: int) -> Any:
        kind = chance.randrange(9)
        if kind == 0 and depth < 3:
            return {chance.choice(keys): value(depth + 1) for _ in range(chance.randrange(4))}
        if kind == 1:
            return [value(3) for _ in range(chance.randrange(3))]
        return chance.choice([None, True, 1, -2, 2.5, "text", "N/A", "12", 2**63, "2026-03-01T08:00:00Z", 1_772_352_000])

    for _ in range(60):
        payloads = [{chance.choice(keys): value(0) for _ in range(chance.randrange(1, 6))} for _ in range(chance.randrange(1, 5))]
        [pattern] = make({"odd/1": payloads}).values()
        schema = pattern.schema()
        if schema is None:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", hf.errors.ConflictWarning)
            texts = [json.dumps(payload) for payload in payloads]
            how: dict[str, Any] = {"topics": ["odd/1"] * len(texts), "metadata": ["topic", "recv_time", "retain"]}  # as a stream
            inferred, fixed = (hf.extract(texts, **how, **more).to_pandas() for more in ({}, {"schema": schema}))
        for column in pattern.columns:
            if set(column.json_types) - {"null"} and column.type != "string":
                assert fixed[column.name].count() == inferred[column.name].count(), (payloads, column)
            assert column.null_rate == pytest.approx(1 - inferred[column.name].count() / len(inferred), abs=1e-3)
        names = pattern.level_names
        assert not set(names) & {column.name for column in pattern.columns}
        ast.parse(hf.Catalog([pattern]).code())
        json.dumps(pattern.to_dict(), allow_nan=False)
