"""The engine against two others: Python's ``json``, and the rules of the frame written down once more, in ``tests/frame_model.py``.

``HONEYFRAME_CASES=2000000`` makes more of them than the 20,000 payloads of every run; ``HONEYFRAME_SEED`` others.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import random
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.column_model import AsText
from tests.frame_model import Batch, Conflict, FrameModel, Options
from tests.json_model import Refused, Value, is_json_for_python, read_json
from tests.payload_makers import BARE, FRACTIONS, INTEGERS, KEYS, SPELLED, STRINGS, PayloadMaker, make_options

from honeyframe import _core
from honeyframe.errors import DoesNotFitError, InvalidArgumentError
from honeyframe.options import extract_options

CASES = int(os.environ.get("HONEYFRAME_CASES", "20000"))
SEED = int(os.environ.get("HONEYFRAME_SEED", "1"))
COUNTERS = (
    "payloads",
    "rows",
    "quarantined",
    "empty_payloads",
    "misfits",
    "extras",
    "numbers_from_strings",
    "na_strings",
    "duplicate_keys",
    "bad_event_times",
    "name_collisions",
)


# --- The engine, and the two compared ---------------------------------------------------------------------------------


def extract(payloads: list[bytes], options: Options, *, strict: bool = True) -> _core.Extraction:
    """Batch by batch, as they come: a Table would bring them to one schema."""
    return _core.extract_payloads(
        payloads,
        extract_options(
            schema=None if options.schema is None else {name: (path, kind) for name, kind, path in options.schema},
            columns=options.columns or None,
            on_conflict=options.on_conflict,  # type: ignore[arg-type]
            payload=options.payload,  # type: ignore[arg-type]
            strict=strict,
            sep=options.sep,
            explode=options.explode,
            max_columns=options.max_columns,
            max_depth=options.max_depth,
            na_values=options.na_values,
            keep_default_na=False,
            event_time=options.event_time,
            event_time_unit=options.event_time_unit,  # type: ignore[arg-type]
            tz="UTC" if options.utc and options.event_time else None,
            metadata=["payload_index"],
        ),
        max_rows=options.max_rows,
    )


def type_name(kind: pa.DataType) -> str:
    if pa.types.is_list(kind):
        return f"list<{type_name(kind.value_type)}>"
    return "timestamp" if pa.types.is_timestamp(kind) else {"double": "float64"}.get(str(kind), str(kind))


def cells(column: pa.Array) -> list[Any]:
    """Times as nanoseconds."""
    if pa.types.is_timestamp(column.type):
        return column.cast(pa.int64()).to_pylist()
    if pa.types.is_list(column.type) and pa.types.is_timestamp(column.type.value_type):
        return column.cast(pa.list_(pa.int64())).to_pylist()
    return column.to_pylist()


def same(found: Any, expected: Any) -> bool:
    """1 is neither 1.0 nor True, and -0.0 is not 0.0."""
    if isinstance(expected, AsText):
        return isinstance(found, str) and same(json.loads(found), expected.value)
    if type(found) is not type(expected):
        return False
    if isinstance(expected, float):
        return found == expected and math.copysign(1, found) == math.copysign(1, expected)
    if isinstance(expected, list):
        return len(found) == len(expected) and all(map(same, found, expected))
    return bool(found == expected)


def same_text(found: str, expected: str) -> bool:
    """A string that came without quotes, as the whole payload, has more than one spelling."""
    return found == expected or (found[0] == expected[0] == '"' and json.loads(found) == json.loads(expected))


def check_side_column(name: str, texts: list[str | None], expected: list[dict[str, list[str]]]) -> None:
    assert len(texts) == len(expected)
    for row, (text, values) in enumerate(zip(texts, expected, strict=True)):
        found = {} if text is None else {key: value.raw for key, value in read_json(text.encode(), 4096).pairs}
        wanted = {key: raws[0] if len(raws) == 1 else "[" + ",".join(raws) + "]" for key, raws in values.items()}
        assert found.keys() == wanted.keys(), f"{name}, row {row}"
        assert all(map(same_text, found.values(), (wanted[key] for key in found))), f"{name}, row {row}: {found}, and by the model {wanted}"
        assert (text is None) == (not values), f"{name}, row {row}: {text}"


def check_batch(found: pa.RecordBatch, expected: Batch) -> None:
    assert list(zip(found.schema.names, map(type_name, found.schema.types), strict=True)) == list(
        zip(expected.names, expected.types, strict=True)
    )
    for name, column, values in zip(expected.names, found.columns, expected.columns, strict=True):
        column.validate(full=True)
        if name in ("_misfit", "_extra"):
            check_side_column(name, column.to_pylist(), expected.misfits if name == "_misfit" else expected.extras)
        else:
            read = cells(column)
            assert len(read) == len(values), name
            for row, (one, other) in enumerate(zip(read, values, strict=True)):
                assert same(one, other), f"column {name}, row {row}: {one!r}, and by the model {other!r}"


def check(payloads: list[bytes], options: Options) -> None:
    model = FrameModel(options)
    try:
        for payload in payloads:
            model.add(payload)
    except Conflict:
        with pytest.raises(DoesNotFitError):
            extract(payloads, options)
        return
    expected = [batch for batch in model.finish() if batch.misfits]
    extraction = extract(payloads, options)
    quarantined = [(row[2], row[3], row[6]) for row in extraction.quarantine]
    assert quarantined == [(index, reason, payloads[index]) for index, reason in model.quarantine]
    batches = [pa.record_batch(batch) for batch in extraction.batches]
    batches = [batch for batch in batches if batch.num_rows]
    assert len(batches) == len(expected)
    for found, wanted in zip(batches, expected, strict=True):
        check_batch(found, wanted)
    counted = {**model.state.counters, "payloads": len(payloads), "quarantined": len(model.quarantine)}
    assert {name: extraction.counters[name] for name in COUNTERS} == {name: counted.get(name, 0) for name in COUNTERS}


def differs(payloads: list[bytes], options: Options) -> bool:
    try:
        check(payloads, options)
    except InvalidArgumentError:
        return False  # options that do not go together: in the search for fewer
    except AssertionError:
        return True
    return False


def shortest(payloads: list[bytes], options: Options) -> tuple[list[bytes], Options]:
    """What still differs with fewer payloads, and fewer options."""
    size = len(payloads)
    while size > 0:
        for begin in range(0, len(payloads), size):
            shorter = payloads[:begin] + payloads[begin + size :]
            if differs(shorter, options):
                payloads = shorter
                break
        else:
            size //= 2
    for one in dataclasses.fields(Options):
        simpler = dataclasses.replace(options, **{one.name: one.default})
        if simpler != options and differs(payloads, simpler):
            options = simpler
    return payloads, options


# --- By chance --------------------------------------------------------------------------------------------------------


@pytest.mark.timeout(120 + CASES / 2000)
def test_the_engine_does_what_the_rules_say() -> None:
    """Sequences of payloads under one set of options each; a difference is told by its shortest form."""
    left = CASES
    seed = SEED * 1_000_000_000
    while left > 0:
        seed += 1
        chance = random.Random(seed)
        options = make_options(chance)
        maker = PayloadMaker(chance)
        payloads = [maker.payload() for _ in range(chance.choice((1, 3, 8, 20, 40)))]
        left -= len(payloads)
        if differs(payloads, options):
            payloads, options = shortest(payloads, options)
            print(f"\nseed {seed}\n{payloads}\n{options}")
            check(payloads, options)
            raise AssertionError("a difference that does not come again")


SCALARS = st.one_of(
    st.sampled_from([*INTEGERS, *FRACTIONS, *SPELLED, "true", "false", "null"]),
    st.sampled_from(STRINGS).map(json.dumps),
    st.text(max_size=6).map(lambda text: json.dumps(text, ensure_ascii=False)).filter(lambda text: text.isprintable()),
    st.integers().map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: "[" + ",".join(items) + "]"),
        st.lists(st.tuples(st.sampled_from(KEYS[:6]).map(json.dumps), inner), max_size=3).map(
            lambda pairs: "{" + ",".join(f"{key}:{value}" for key, value in pairs) + "}"
        ),
    ),
    max_leaves=8,
)
PAYLOADS = st.one_of(
    VALUES.map(str.encode),
    st.lists(st.tuples(st.sampled_from(KEYS[:4]).map(json.dumps), VALUES), max_size=3).map(
        lambda pairs: ("{" + ",".join(f"{key}:{value}" for key, value in pairs) + "}").encode()
    ),
    st.sampled_from(BARE),
    st.binary(max_size=8),
)


@settings(max_examples=int(os.environ.get("HONEYFRAME_EXAMPLES", "300")), deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(PAYLOADS, max_size=12), st.integers(0, 2**32))
def test_the_engine_does_what_the_rules_say_of_what_hypothesis_finds(payloads: list[bytes], seed: int) -> None:
    check(payloads, make_options(random.Random(seed)))


# --- Python's json ----------------------------------------------------------------------------------------------------


def in_python(value: Value) -> Any:
    """As ``json.loads`` gives it."""
    if value.kind == "object":
        return {key: in_python(member) for key, member in value.pairs}
    if value.kind == "list":
        return [in_python(item) for item in value.items]
    return math.copysign(math.inf, -1 if value.raw[0] == "-" else 1) if value.kind == "huge" else value.python


def test_python_s_json_agrees_on_what_is_json_and_what_it_means() -> None:
    chance = random.Random(SEED)
    accepted = 0
    payloads = [PayloadMaker(chance).payload() for _ in range(min(CASES, 200_000) // 4)]
    extraction = extract(payloads, Options(payload="json", max_depth=4096))
    refused = {row[2] for row in extraction.quarantine}
    for index, payload in enumerate(payloads):
        if not payload:
            continue  # a retained message that was cleared: no document, and no refusal
        assert (index not in refused) == is_json_for_python(payload), payload
        data = payload.removeprefix(b"\xef\xbb\xbf")
        if index in refused:
            with pytest.raises(Refused):
                read_json(data, 4096)
        elif max(map(len, data.split(b","))) < 400:  # Python's int() has a limit
            accepted += 1
            assert same(in_python(read_json(data, 4096)), json.loads(data)), payload
    assert accepted > len(payloads) // 2


def test_what_is_well_formed_is_read_alike_without_strict() -> None:
    chance = random.Random(SEED)
    for _ in range(min(CASES, 200_000) // 200):
        options = dataclasses.replace(make_options(chance), on_conflict="keep", payload="json")
        maker = PayloadMaker(chance)
        payloads = [maker.payload() for _ in range(10)]
        bad = {row[2] for row in extract(payloads, options).quarantine}
        payloads = [payload for index, payload in enumerate(payloads) if index not in bad]
        strict, lax = (extract(payloads, options, strict=strict) for strict in (True, False))
        assert lax.counters == strict.counters
        assert [pa.record_batch(batch) for batch in lax.batches] == [pa.record_batch(batch) for batch in strict.batches]
