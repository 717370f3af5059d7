"""Payloads broken in every way we know, under every policy: none crashes, none is silent, each is counted once and kept."""

from __future__ import annotations

import warnings
from collections import Counter
from itertools import product

import pyarrow as pa
import pytest

import honeyframe as hf
from honeyframe.errors import ConflictWarning, DoesNotFitError

GOOD = b'{"a": 1, "s": "text", "l": [1], "o": {"x": 1}}'  # stands in front of each, so that the columns have types, and behind it

# What each becomes with payload="json" and on_conflict="keep": a reason of the quarantine, a counter, or "row".
KINDS: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "empty_payloads"),
    "blank": (b" \t\r\n", "empty_document"),
    "a mark alone": (b"\xef\xbb\xbf", "empty_document"),
    "a mark in front": (b'\xef\xbb\xbf{"a": 2}', "row"),
    "half a mark": (b'\xef\xbb{"a": 2}', "invalid_utf8"),
    "a mark within": (b'{\xef\xbb\xbf"a": 2}', "invalid_key"),
    "cut behind a brace": (b"{", "truncated"),
    "cut within a key": (b'{"a', "truncated"),
    "cut behind a key": (b'{"a"', "truncated"),
    "cut behind a colon": (b'{"a":', "truncated"),
    "cut within a number": (b'{"a":-', "truncated"),
    "cut within a fraction": (b'{"a":1.', "truncated"),
    "cut within a literal": (b'{"a":tru', "truncated"),
    "cut within a string": (b'{"a":"b', "truncated"),
    "cut within an escape": (b'{"a":"\\u00', "truncated"),
    "cut behind a value": (b'{"a":1', "truncated"),
    "cut behind a comma": (b'{"a":1,', "truncated"),
    "cut behind a bracket": (b'{"a":[', "truncated"),
    "a lone continuation byte": (b'{"a":"\x80"}', "invalid_utf8"),
    "an overlong slash": (b'{"a":"\xc0\xaf"}', "invalid_utf8"),
    "half a character": (b'{"a":"\xe2\x82"}', "invalid_utf8"),
    "a surrogate as UTF-8": (b'{"a":"\xed\xa0\x80"}', "invalid_utf8"),
    "beyond U+10FFFF": (b'{"a":"\xf4\x90\x80\x80"}', "invalid_utf8"),
    "Latin-1": (b'{"a":"\xe9"}', "invalid_utf8"),
    "UTF-16": ('{"a": 2}'.encode("utf-16"), "invalid_utf8"),
    "a high surrogate alone": (rb'{"a":"\ud800"}', "invalid_string"),
    "a low surrogate alone": (rb'{"a":"\udc00"}', "invalid_string"),
    "surrogates in the wrong order": (rb'{"a":"\udc00\ud800"}', "invalid_string"),
    "a surrogate and a letter": (rb'{"\ud800x":1}', "invalid_string"),
    "NaN": (b'{"a":NaN}', "nan_or_infinity"),
    "Infinity": (b'{"a":Infinity}', "nan_or_infinity"),
    "-Infinity": (b'{"a":-Infinity}', "nan_or_infinity"),
    "nan": (b'{"a":nan}', "nan_or_infinity"),
    "1e400": (b'{"a":1e400}', "misfits"),
    "twenty digits": (b'{"a":12345678901234567890}', "row"),
    "thirty digits": (b'{"a":123456789012345678901234567890}', "misfits"),
    "a million digits": (b'{"a":' + b"7" * 1_000_000 + b"}", "misfits"),
    "a million digits behind the point": (b'{"a":0.' + b"7" * 1_000_000 + b"}", "row"),
    "depth 65": (b'{"a":' * 65 + b"1" + b"}" * 65, "too_deep"),
    "depth 1,025": (b"[" * 1_025 + b"]" * 1_025, "too_deep"),
    "depth 100,000": (b'{"a":[' * 50_000, "too_deep"),
    "a key twice": (b'{"a":2,"a":3}', "duplicate_keys"),
    "something behind it": (b'{"a":2} foo', "trailing_content"),
    "two documents": (b'{"a":2}{"a":3}', "trailing_content"),
    "one bracket too many": (b'{"a":2}]', "trailing_content"),
    "what the padding could close": (b'[{"a":2}', "truncated"),
    "a NUL behind it": (b'{"a":2}\0', "trailing_content"),
    "a NUL within a string": (b'{"a":"\0"}', "invalid_string"),
    "a NUL alone": (b"\0", "invalid_literal"),
    "a number alone": (b"21.5", "row"),
    "a string alone": (b'"text"', "row"),
    "null alone": (b"null", "row"),
    "text": (b"hello", "invalid_literal"),
    "markup": (b"<a>1</a>", "invalid_literal"),
    "a string for a number": (b'{"a":"text"}', "misfits"),
    "a string that spells a number": (b'{"a":"7"}', "numbers_from_strings"),
    "a string for a missing value": (b'{"a":"N/A"}', "na_strings"),
    "true for a number": (b'{"a":true}', "misfits"),
    "a list for a number": (b'{"a":[1]}', "misfits"),
    "an object for a number": (b'{"a":{"b":1}}', "misfits"),
    "a number for a list": (b'{"l":1}', "misfits"),
    "a number for an object": (b'{"o":1}', "misfits"),
    "strings in a list of numbers": (b'{"l":["x"]}', "misfits"),
    "a mixed array": (b'[2,{"a":3},"x",[4],null]', "row"),
    "an empty array": (b"[]", "none"),
    "a comma too many": (b'{"a":2,}', "trailing_comma"),
    "no comma": (b'{"a":2 "b":3}', "missing_comma"),
    "no colon": (b'{"a" 2}', "missing_colon"),
    "no value": (b'{"a":,"b":1}', "missing_value"),
    "no quotes": (b"{a:2}", "invalid_key"),
    "other quotes": (b"{'a':2}", "invalid_key"),
    "brackets crossed": (b'{"a":[2}]', "unbalanced"),
    "a zero in front": (b'{"a":02}', "invalid_number"),
    "a plus in front": (b'{"a":+2}', "invalid_number"),
    "True": (b'{"a":True}', "invalid_literal"),
    "an unknown escape": (b'{"a":"\\x41"}', "invalid_string"),
    "a tab in a string": (b'{"a":"\t"}', "invalid_string"),
    "a comment": (b'{"a":2} // two', "trailing_content"),
}
COUNTERS = ("quarantined", "empty_payloads", "misfits", "extras", "numbers_from_strings", "na_strings", "duplicate_keys")
POLICIES = ("keep", "widen", "quarantine", "raise")
MODES = ("json", "auto", "text", "raw")


def expected_fate(kind: str, mode: str, policy: str) -> str:
    """What the rules make of it, from what becomes of it under the defaults."""
    payload, fate = KINDS[kind]
    data = payload.removeprefix(b"\xef\xbb\xbf")
    if not payload:
        return "empty_payloads"
    if mode == "raw":
        return "row"
    if mode == "text" or (mode == "auto" and data.lstrip()[:1] not in (b"{", b"[")):
        try:
            data.decode()
        except UnicodeDecodeError:
            return "invalid_utf8"
        return "row"
    if policy == "keep":
        return fate
    if fate == "numbers_from_strings":  # read so with "keep" alone
        fate = "misfits"
    if fate == "misfits":
        return "row" if policy == "widen" else "does_not_fit"
    return fate


def fate_of(table: hf.Table, payload: bytes) -> str:
    """Of the second of three payloads. Fails where it is in no counter, in two, or not kept."""
    stats = Counter({name: table.stats()[name] for name in COUNTERS})
    indexes = pa.table(table)["_payload_index"].to_pylist()
    assert indexes[0] == 0
    assert indexes[-1] == 2
    stats["misfits"] -= stats["duplicate_keys"]  # the earlier value is kept there
    counted = [name for name in COUNTERS if stats[name]]
    assert len(counted) <= 1, counted
    assert all(stats[name] == 1 for name in counted)
    quarantine = table.quarantine()
    assert len(quarantine) == stats["quarantined"]
    assert not (stats["quarantined"] and indexes.count(1))
    assert table.num_messages == 3 - stats["quarantined"]
    if counted != ["quarantined"]:
        return counted[0] if counted else "row" if indexes.count(1) else "none"
    assert quarantine["payload"].tolist() == [payload]
    assert quarantine["payload_index"].tolist() == [1]
    assert quarantine["message"][0]
    position = quarantine["position"][0]
    assert 0 <= position <= len(payload)
    return str(quarantine["reason"][0])


@pytest.mark.parametrize(("mode", "policy"), list(product(MODES, POLICIES)))
@pytest.mark.parametrize("kind", KINDS)
def test_every_break_is_counted_once_and_kept(kind, mode, policy):
    payload = KINDS[kind][0]
    expected = expected_fate(kind, mode, policy)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConflictWarning)
        if policy == "raise" and expected == "does_not_fit":
            with pytest.raises(DoesNotFitError, match="column"):
                hf.extract([GOOD, payload, GOOD], payload=mode, on_conflict=policy)
            return
        assert fate_of(hf.extract([GOOD, payload, GOOD], payload=mode, on_conflict=policy), payload) == expected


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_kept_comes_out_again_as_it_was(kind):
    """The quarantine of one run, read again under the same rules, is the quarantine of the next."""
    payload = KINDS[kind][0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConflictWarning)
        first = hf.extract([GOOD, payload], payload="json", on_conflict="quarantine").quarantine()
        again = hf.extract([GOOD, *first["payload"]], payload="json", on_conflict="quarantine").quarantine()
    assert again["reason"].tolist() == first["reason"].tolist()
    assert again["position"].tolist() == first["position"].tolist()


def test_what_lies_behind_a_payload_is_not_read():
    """Payloads share blocks of memory: a longer one in front leaves bytes that would close what is open here."""
    payloads = [b'[{"a":2}]]]', b'[{"a":2}', b'[{"a":2}] ', b'[{"a":2', b'"', b'"x"', b"tr", b"true", b"1", b"12", b"-", b"-1"]
    alone = [len(hf.extract([payload], payload="json").quarantine()) for payload in payloads]
    together = hf.extract(payloads * 50, payload="json").quarantine()["payload_index"].tolist()
    assert together == [index for index in range(len(payloads) * 50) if alone[index % len(payloads)]]
    assert sum(alone) == 6
