"""payload="json" against the 318 cases of JSONTestSuite, which tests/json_suite.py makes anew from their names."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from tests.json_model import BOM, Refused, is_json_for_python, read_json
from tests.json_suite import CASES, main

import honeyframe as hf

ACCEPTED = [name for name in CASES if name.startswith("y_")]
REFUSED = [name for name in CASES if name.startswith("n_")]

# What the standard leaves open, and what we do about it: None is accepted.
OPEN: dict[str, str | None] = {
    "i_number_double_huge_neg_exp": None,  # too small for a double: 0.0, as everywhere
    "i_number_huge_exp": None,  # too large: in `_misfit`, as text
    "i_number_neg_int_huge_exp": None,
    "i_number_pos_double_huge_exp": None,
    "i_number_real_neg_overflow": None,
    "i_number_real_pos_overflow": None,
    "i_number_real_underflow": None,
    "i_number_too_big_neg_int": None,  # outside 64 bits: kept exactly, or as text
    "i_number_too_big_pos_int": None,
    "i_number_very_big_negative_int": None,
    "i_object_key_lone_2nd_surrogate": "invalid_string",  # half a surrogate pair has no UTF-8
    "i_string_1st_surrogate_but_2nd_missing": "invalid_string",
    "i_string_1st_valid_surrogate_2nd_invalid": "invalid_string",
    "i_string_UTF-16LE_with_BOM": "invalid_utf8",
    "i_string_UTF-8_invalid_sequence": "invalid_utf8",
    "i_string_UTF8_surrogate_U+D800": "invalid_utf8",
    "i_string_incomplete_surrogate_and_escape_valid": "invalid_string",
    "i_string_incomplete_surrogate_pair": "invalid_string",
    "i_string_incomplete_surrogates_escape_valid": "invalid_string",
    "i_string_invalid_lonely_surrogate": "invalid_string",
    "i_string_invalid_surrogate": "invalid_string",
    "i_string_invalid_utf-8": "invalid_utf8",
    "i_string_inverted_surrogates_U+1D11E": "invalid_string",
    "i_string_iso_latin_1": "invalid_utf8",
    "i_string_lone_second_surrogate": "invalid_string",
    "i_string_lone_utf8_continuation_byte": "invalid_utf8",
    "i_string_not_in_unicode_range": "invalid_utf8",
    "i_string_overlong_sequence_2_bytes": "invalid_utf8",
    "i_string_overlong_sequence_6_bytes": "invalid_utf8",
    "i_string_overlong_sequence_6_bytes_null": "invalid_utf8",
    "i_string_truncated-utf-8": "invalid_utf8",
    "i_string_utf16BE_no_BOM": "invalid_literal",  # NUL bytes between the characters
    "i_string_utf16LE_no_BOM": "invalid_literal",
    "i_structure_500_nested_arrays": "too_deep",  # max_depth is 64
    "i_structure_UTF-8_BOM_empty_object": None,  # the mark is taken off
}

# The suite's second folder, test_transform: JSON that readers make different things of. The row, or why there is none.
TRANSFORMS: dict[str, tuple[bytes, dict[str, Any] | str]] = {
    "number_-9223372036854775808": (b"[-9223372036854775808]", {"value_list": [-(2**63)]}),
    "number_-9223372036854775809": (b"[-9223372036854775809]", {"value_list": "[-9223372036854775809]"}),  # no double is that number
    "number_1.0": (b"[1.0]", {"value_list": [1.0]}),
    "number_1.000000000000000005": (b"[1.000000000000000005]", {"value_list": [1.0]}),
    "number_1000000000000000": (b"[1000000000000000]", {"value_list": [10**15]}),
    "number_10000000000000000999": (b"[10000000000000000999]", {"value_list": [10_000_000_000_000_000_999]}),
    "number_1e-999": (b"[1e-999]", {"value_list": [0.0]}),
    "number_1e6": (b"[1e6]", {"value_list": [1e6]}),
    "number_9223372036854775807": (b"[9223372036854775807]", {"value_list": [2**63 - 1]}),
    "number_9223372036854775808": (b"[9223372036854775808]", {"value_list": [2**63]}),
    "object_key_nfc_nfd": ('{"\u00e9":"NFC","e\u0301":"NFD"}'.encode(), {"\u00e9": "NFC", "e\u0301": "NFD"}),
    "object_key_nfd_nfc": ('{"e\u0301":"NFD","\u00e9":"NFC"}'.encode(), {"e\u0301": "NFD", "\u00e9": "NFC"}),
    "object_same_key_different_values": (b'{"a":1,"a":2}', {"a": 2, "_misfit": '{"a":1}'}),
    "object_same_key_same_value": (b'{"a":1,"a":1}', {"a": 1, "_misfit": '{"a":1}'}),
    "object_same_key_unclear_values": (b'{"a":0, "a":-0}', {"a": 0, "_misfit": '{"a":0}'}),
    "string_with_escaped_NULL": (rb'["A\u0000B"]', {"value_list": ["A\0B"]}),
    "string_1_escaped_invalid_codepoint": (rb'["\uD800"]', "invalid_string"),
    "string_2_escaped_invalid_codepoints": (rb'["\uD800\uD800"]', "invalid_string"),
    "string_3_escaped_invalid_codepoints": (rb'["\uD800\uD800\uD800"]', "invalid_string"),
    "string_1_invalid_codepoint": (b'["\xed\xa0\x80"]', "invalid_utf8"),
    "string_2_invalid_codepoints": (b'["\xed\xa0\x80\xed\xa0\x80"]', "invalid_utf8"),
    "string_3_invalid_codepoints": (b'["\xed\xa0\x80\xed\xa0\x80\xed\xa0\x80"]', "invalid_utf8"),
}


def read(payload: bytes) -> tuple[hf.Table, str | None]:
    """The table of one payload, and why it was refused."""
    table = hf.extract([payload], payload="json", metadata=[])
    quarantine = table.quarantine()
    stats = table.stats()
    assert stats["payloads"] == 1
    assert len(quarantine) == stats["quarantined"] <= 1
    if not stats["quarantined"]:
        return table, None
    assert table.num_rows == 0
    assert quarantine["payload"][0] == payload
    return table, str(quarantine["reason"][0])


def test_the_suite_is_whole():
    assert Counter(name[0] for name in CASES) == {"y": 95, "n": 188, "i": 35}
    assert len(TRANSFORMS) == 22
    assert OPEN.keys() == {name for name in CASES if name.startswith("i_")}


@pytest.mark.parametrize("name", ACCEPTED)
@pytest.mark.filterwarnings("ignore::honeyframe.errors.ConflictWarning")
def test_accepts_what_is_json(name):
    table, reason = read(CASES[name])
    assert reason is None
    assert is_json_for_python(CASES[name])
    assert table.stats()["misfits"] == table.stats()["duplicate_keys"]


@pytest.mark.parametrize("name", REFUSED)
def test_refuses_what_is_not(name):
    payload = CASES[name]
    table, reason = read(payload)
    if not payload:  # MQTT's way to clear a retained message: counted as such, and no document
        assert table.stats()["empty_payloads"] == 1
        return
    assert table.stats()["quarantined"] == 1
    with pytest.raises(Refused) as refused:
        read_json(payload.removeprefix(BOM), 64)
    assert reason == refused.value.reason
    assert not is_json_for_python(payload)


@pytest.mark.parametrize("name", OPEN)
@pytest.mark.filterwarnings("ignore::honeyframe.errors.ConflictWarning")
def test_what_the_standard_leaves_open_is_pinned(name):
    _, reason = read(CASES[name])
    assert reason == OPEN[name]


@pytest.mark.parametrize("name", TRANSFORMS)
@pytest.mark.filterwarnings("ignore::honeyframe.errors.ConflictWarning")
def test_what_readers_make_different_things_of(name):
    payload, expected = TRANSFORMS[name]
    table, reason = read(payload)
    found: Any = pa.table(table).to_pylist()[0] if reason is None else reason
    assert found == expected
    assert repr(found) == repr(expected)  # 1 is not 1.0


def test_writes_its_files(tmp_path: Path):
    main(tmp_path / "suite")
    assert {path.stem: path.read_bytes() for path in (tmp_path / "suite").iterdir()} == CASES


def test_no_depth_is_too_deep_to_be_refused():
    assert read(b"[" * 1_000_000)[1] == "too_deep"
