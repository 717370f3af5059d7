r"""The cases of JSONTestSuite (github.com/nst/JSONTestSuite), made anew from what their names say.

A name such as ``n_array_comma_after_close`` describes its case: ``y_`` is JSON, ``n_`` is not, ``i_`` is the reader's choice. Here each
is built from that description by code of our own; where a name leaves the bytes open (which string, how many blanks), they are ours.

    python -m tests.json_suite FOLDER       # writes them as files, for a fuzzer's corpus or another reader
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

BOM: Final = b"\xef\xbb\xbf"
Text = str | bytes
CASES: Final[dict[str, bytes]] = {}


def _bytes(text: Text) -> bytes:
    return text if isinstance(text, bytes) else text.encode()


def _as_it_is(text: Text) -> bytes:
    return _bytes(text)


def _in_array(text: Text) -> bytes:
    return b"[" + _bytes(text) + b"]"


def _in_string(text: Text) -> bytes:
    return b'["' + _bytes(text) + b'"]'


def _in_object(text: Text) -> bytes:
    return b"{" + _bytes(text) + b"}"


def _add(prefix: str, build: Callable[[Text], bytes], cases: Mapping[str, Text]) -> None:
    for name, text in cases.items():
        if prefix + name in CASES:
            raise ValueError(f"{prefix}{name} is there twice")
        CASES[prefix + name] = build(text)


def _spelled(prefix: str, build: Callable[[Text], bytes], names: str) -> None:
    """Cases whose name is the text itself."""
    _add(prefix, build, {name: name for name in names.split()})


# --- y_: JSON ---------------------------------------------------------------------------------------------------------

_add(
    "y_array_",
    _as_it_is,
    {
        "arraysWithSpaces": "[[]   ]",
        "empty-string": '[""]',
        "empty": "[]",
        "ending_with_newline": '["a"]\n',
        "false": "[false]",
        "heterogeneous": '[null, 1, "1", {}]',
        "null": "[null]",
        "with_1_and_newline": "[1\n]",
        "with_leading_space": " [1]",
        "with_several_null": "[1,null,null,null,2]",
        "with_trailing_space": "[2] ",
    },
)
_spelled("y_number_", _in_array, "0e+1 0e1")
_add(
    "y_number",
    _in_array,
    {
        "": "123e65",
        "_after_space": " 4",
        "_double_close_to_zero": "-0." + "0" * 77 + "1",
        "_int_with_exp": "20e1",
        "_minus_zero": "-0",
        "_negative_int": "-123",
        "_negative_one": "-1",
        "_negative_zero": "-0",
        "_real_capital_e": "1E22",
        "_real_capital_e_neg_exp": "1E-2",
        "_real_capital_e_pos_exp": "1E+2",
        "_real_exponent": "123e45",
        "_real_fraction_exponent": "123.456e78",
        "_real_neg_exp": "1e-2",
        "_real_pos_exponent": "1e+2",
        "_simple_int": "123",
        "_simple_real": "123.456789",
    },
)
_add(
    "y_object",
    _in_object,
    {
        "": '"one":"1", "two":"2"',
        "_basic": '"one":"1"',
        "_duplicated_key": '"a":"b","a":"c"',
        "_duplicated_key_and_value": '"a":"b","a":"b"',
        "_empty": "",
        "_empty_key": '"":0',
        "_escaped_null_in_key": r'"one\u0000two": 42',
        "_extreme_numbers": ' "min": -1.0e+28, "max": 1.0e+28 ',
        "_long_strings": '"x":[{{"id": "{}"}}], "id": "{}"'.format("x" * 40, "x" * 40),
        "_simple": '"a":[]',
        "_string_unicode": '"title":"{}"'.format("".join(rf"\u{ord(letter):04x}" for letter in "Полёт шмеля")),
        "_with_newlines": '\n"a": "b"\n',
    },
)
_add(
    "y_string_",
    _in_string,
    {
        "1_2_3_bytes_UTF-8_sequences": r"\u0060\u012a\u12AB",
        "accepted_surrogate_pair": r"\uD801\udc37",
        "accepted_surrogate_pairs": r"\ud83d\ude39\ud83d\udc8d",
        "allowed_escapes": r"\"\\\/\b\f\n\r\t",
        "backslash_and_u_escaped_zero": r"\\u0000",
        "backslash_doublequotes": r"\"",
        "comments": "a/*b*/c/*d//e",
        "double_escape_a": r"\\a",
        "double_escape_n": r"\\n",
        "escaped_control_character": r"\u0012",
        "escaped_noncharacter": r"\uFFFF",
        "in_array": "asd",
        "last_surrogates_1_and_2": r"\uDBFF\uDFFF",
        "nbsp_uescaped": r"new\u00A0line",
        "nonCharacterInUTF-8_U+10FFFF": "\U0010ffff",
        "nonCharacterInUTF-8_U+FFFF": "\uffff",
        "null_escape": r"\u0000",
        "one-byte-utf-8": r"\u002c",
        "pi": "\N{GREEK SMALL LETTER PI}",
        "reservedCharacterInUTF-8_U+1BFFF": "\U0001bfff",
        "simple_ascii": "asd ",
        "surrogates_U+1D11E_MUSICAL_SYMBOL_G_CLEF": r"\uD834\uDd1e",
        "three-byte-utf-8": r"\u0821",
        "two-byte-utf-8": r"\u0123",
        "u+2028_line_sep": "\u2028",
        "u+2029_par_sep": "\u2029",
        "uEscape": r"\u0061\u30af\u30EA\u30b9",
        "uescaped_newline": r"new\u000Aline",
        "unescaped_char_delete": "\x7f",
        "unicode": r"\uA66D",
        "unicodeEscapedBackslash": r"\u005C",
        "unicode_2": "\u2342\u3234\u2342",
        "unicode_U+10FFFE_nonchar": r"\uDBFF\uDFFE",
        "unicode_U+1FFFE_nonchar": r"\uD83F\uDFFE",
        "unicode_U+200B_ZERO_WIDTH_SPACE": r"\u200B",
        "unicode_U+2064_invisible_plus": r"\u2064",
        "unicode_U+FDD0_nonchar": r"\uFDD0",
        "unicode_U+FFFE_nonchar": r"\uFFFE",
        "unicode_escaped_double_quote": r"\u0022",
        "utf8": "\N{EURO SIGN}\N{MUSICAL SYMBOL G CLEF}",
        "with_del_character": "a\x7fa",
    },
)
_add("y_string_", _as_it_is, {"in_array_with_leading_space": '[ "asd"]', "space": '" "'})
_add(
    "y_structure_",
    _as_it_is,
    {
        "lonely_false": "false",
        "lonely_int": "42",
        "lonely_negative_real": "-0.1",
        "lonely_null": "null",
        "lonely_string": '"asd"',
        "lonely_true": "true",
        "string_empty": '""',
        "trailing_newline": '["a"]\n',
        "true_in_array": "[true]",
        "whitespace_array": " [] ",
    },
)

# --- n_: no JSON ------------------------------------------------------------------------------------------------------

_add(
    "n_array_",
    _as_it_is,
    {
        "1_true_without_comma": "[1 true]",
        "a_invalid_utf8": b"[a\xe5]",
        "colon_instead_of_comma": '["": 1]',
        "comma_after_close": '[""],',
        "comma_and_number": "[,1]",
        "double_comma": "[1,,2]",
        "double_extra_comma": '["x",,]',
        "extra_close": '["x"]]',
        "extra_comma": '["",]',
        "incomplete": '["x"',
        "incomplete_invalid_value": "[x",
        "inner_array_no_comma": "[3[4]]",
        "invalid_utf8": b"[\xff]",
        "items_separated_by_semicolon": "[1;2]",
        "just_comma": "[,]",
        "just_minus": "[-]",
        "missing_value": '[   , ""]',
        "newlines_unclosed": '["a",\n4\n,1,',
        "number_and_comma": "[1,]",
        "number_and_several_commas": "[1,,]",
        "spaces_vertical_tab_formfeed": b'["\x0ba"\\f]',
        "star_inside": "[*]",
        "unclosed": '[""',
        "unclosed_trailing_comma": "[1,",
        "unclosed_with_new_lines": "[1,\n1\n,1",
        "unclosed_with_object_inside": "[{}",
    },
)
_add("n_", _in_array, {"incomplete_false": "fals", "incomplete_null": "nul", "incomplete_true": "tru"})
_add("n_", _as_it_is, {"multidigit_number_then_00": b"123\x00", "single_space": " "})
_spelled(
    "n_number_", _in_array, "+1 +Inf -01 -1.0. -2. -NaN .-1 .2e-3 0.1.2 0.3e+ 0.3e 0.e1 0e+ 0e 1.0e+ 1.0e- 1.0e 1eE2 2.e+3 2.e-3 2.e3 9.e+"
)
_spelled("n_number_", _in_array, "Inf NaN")
_add(
    "n_number_",
    _in_array,
    {
        "++": "++1234",
        "0_capital_E+": "0E+",
        "0_capital_E": "0E",
        "1_000": "1 000.0",
        "U+FF11_fullwidth_digit_one": "\uff11",
        "expression": "1+2",
        "hex_1_digit": "0x1",
        "hex_2_digits": "0x42",
        "infinity": "Infinity",
        "invalid+-": "0e+-1",
        "invalid-negative-real": "-123.123foo",
        "invalid-utf-8-in-bigger-int": b"123\xe5",
        "invalid-utf-8-in-exponent": b"1e1\xe5",
        "minus_infinity": "-Infinity",
        "minus_sign_with_trailing_garbage": "-foo",
        "minus_space_1": "- 1",
        "neg_int_starting_with_zero": "-012",
        "neg_real_without_int_part": "-.123",
        "neg_with_garbage_at_end": "-1x",
        "real_garbage_after_e": "1ea",
        "real_with_invalid_utf8_after_e": b"1e\xe5",
        "real_without_fractional_part": "1.",
        "starting_with_dot": ".123",
        "with_alpha": "1.2a-3",
        "with_alpha_char": "1.5H-300",
        "with_leading_zero": "012",
    },
)
_add("n_number_", _as_it_is, {"invalid-utf-8-in-int": b"[0\xe5]\n"})
_add(
    "n_object_",
    _as_it_is,
    {
        "bad_value": '["x", truth]',
        "bracket_key": '{[: "x"}\n',
        "garbage_at_end": '{"a":"a" 123}',
        "lone_continuation_byte_in_key_and_trailing_comma": b'{"\xb9":"0",}',
        "missing_value": '{"a":',
        "no-colon": '{"a"',
        "trailing_comment": '{"a":"b"}/**/',
        "trailing_comment_open": '{"a":"b"}/**//',
        "trailing_comment_slash_open": '{"a":"b"}//',
        "trailing_comment_slash_open_incomplete": '{"a":"b"}/',
        "unterminated-value": '{"a":"a',
        "with_trailing_garbage": '{"a":"b"}#',
    },
)
_add(
    "n_object_",
    _in_object,
    {
        "comma_instead_of_colon": '"x", null',
        "double_colon": '"x"::"b"',
        "emoji": "\U0001f1e8\U0001f1ed",
        "key_with_single_quotes": "key: 'value'",
        "missing_colon": '"a" b',
        "missing_key": ':"b"',
        "missing_semicolon": '"a" "b"',
        "non_string_key": "1:1",
        "non_string_key_but_huge_number_instead": "9999E9999:1",
        "repeated_null_null": "null:null,null:null",
        "several_trailing_commas": '"id":0,,,,,',
        "single_quote": "'a':0",
        "trailing_comma": '"id":0,',
        "two_commas_in_a_row": '"a":"b",,"c":"d"',
        "unquoted_key": 'a: "b"',
        "with_single_string": ' "one" : "two", "a" ',
    },
)
_add(
    "n_string_",
    _in_string,
    {
        "1_surrogate_then_escape": r"\uD800" + "\\",
        "1_surrogate_then_escape_u": r"\uD800\u",
        "1_surrogate_then_escape_u1": r"\uD800\u1",
        "1_surrogate_then_escape_u1x": r"\uD800\u1x",
        "backslash_00": b"\\\x00",
        "escape_x": r"\x00",
        "escaped_backslash_bad": "\\" * 3,
        "escaped_ctrl_char_tab": "\\\t",
        "escaped_emoji": "\\\U0001f300",
        "incomplete_escape": "\\",
        "incomplete_escaped_character": r"\u00A",
        "incomplete_surrogate": r"\uD834\uDd",
        "incomplete_surrogate_escape_invalid": r"\uD800\uD800\x",
        "invalid-utf-8-in-escape": b"\\u\xe5",
        "invalid_backslash_esc": r"\a",
        "invalid_unicode_escape": r"\uqqqq",
        "invalid_utf8_after_escape": b"\\\xe5",
        "unescaped_ctrl_char": b"a\x00a",
        "unescaped_newline": "new\nline",
        "unescaped_tab": "\t",
    },
)
_add(
    "n_string_",
    _as_it_is,
    {
        "accentuated_char_no_quotes": "[\N{LATIN SMALL LETTER E WITH ACUTE}]",
        "leading_uescaped_thinspace": r'[\u2009"asd"]',
        "no_quotes_with_bad_escape": r"[\n]",
        "single_doublequote": '"',
        "single_quote": "['single quote']",
        "single_string_no_double_quotes": "abc",
        "start_escape_unclosed": '["' + "\\",
        "unicode_CapitalU": r'"\UA66D"',
        "with_trailing_garbage": '""x',
    },
)
_add(
    "n_structure_",
    _as_it_is,
    {
        "100000_opening_arrays": "[" * 100_000,
        "U+2060_word_joined": "[\u2060]",
        "UTF8_BOM_no_data": BOM,
        "angle_bracket_.": "<.>",
        "angle_bracket_null": "[<null>]",
        "array_trailing_garbage": "[1]x",
        "array_with_extra_array_close": "[1]]",
        "array_with_unclosed_string": '["asd]',
        "ascii-unicode-identifier": "a\N{LATIN SMALL LETTER A WITH RING ABOVE}",
        "capitalized_True": "[True]",
        "close_unopened_array": "1]",
        "comma_instead_of_closing_brace": '{"x": true,',
        "double_array": "[][]",
        "end_array": "]",
        "incomplete_UTF8_BOM": BOM[:2] + b"{}",
        "lone-invalid-utf-8": b"\xe5",
        "lone-open-bracket": "[",
        "no_data": "",
        "null-byte-outside-string": b"[\x00]",
        "number_with_trailing_garbage": "2@",
        "object_followed_by_closing_object": "{}}",
        "object_unclosed_no_value": '{"":',
        "object_with_comment": '{"a":/*comment*/"b"}',
        "object_with_trailing_garbage": '{"a": true} "x"',
        "open_array_apostrophe": "['",
        "open_array_comma": "[,",
        "open_array_object": '[{"":' * 50_000 + "\n",
        "open_array_open_object": "[{",
        "open_array_open_string": '["a',
        "open_array_string": '["a"',
        "open_object": "{",
        "open_object_close_array": "{]",
        "open_object_comma": "{,",
        "open_object_open_array": "{[",
        "open_object_open_string": '{"a',
        "open_object_string_with_apostrophes": "{'a'",
        "open_open": r'["\{' * 4,
        "single_eacute": b"\xe9",
        "single_star": "*",
        "trailing_#": '{"a":"b"}#{}',
        "uescaped_LF_before_string": r'[\u000A""]',
        "unclosed_array": "[1",
        "unclosed_array_partial_null": "[ false, nul",
        "unclosed_array_unfinished_false": "[ true, fals",
        "unclosed_array_unfinished_true": "[ false, tru",
        "unclosed_object": '{"asd":"asd"',
        "unicode-identifier": "\N{LATIN SMALL LETTER A WITH RING ABOVE}",
        "whitespace_U+2060_word_joiner": "[\u2060]",
        "whitespace_formfeed": "[\f]",
    },
)

# --- i_: the reader's choice ------------------------------------------------------------------------------------------

_add(
    "i_number_",
    _in_array,
    {
        "double_huge_neg_exp": "123.456e-789",
        "huge_exp": "0.4e00" + "6" + "9" * 120,
        "neg_int_huge_exp": "-1e+9999",
        "pos_double_huge_exp": "1.5e+9999",
        "real_neg_overflow": "-123123e100000",
        "real_pos_overflow": "123123e100000",
        "real_underflow": "123e-10000000",
        "too_big_neg_int": "-" + "123" * 10,
        "too_big_pos_int": "1" + "0" * 20,
        "very_big_negative_int": "-" + "2718281828459045" * 3,
    },
)
_add(
    "i_string_",
    _in_string,
    {
        "1st_surrogate_but_2nd_missing": r"\uDADA",
        "1st_valid_surrogate_2nd_invalid": r"\uD888\u1234",
        "UTF-8_invalid_sequence": "\u65e5\u0448".encode() + b"\xfa",
        "UTF8_surrogate_U+D800": b"\xed\xa0\x80",
        "incomplete_surrogate_and_escape_valid": r"\uD800\n",
        "incomplete_surrogate_pair": r"\uDd1ea",
        "incomplete_surrogates_escape_valid": r"\uD800\uD800\n",
        "invalid_lonely_surrogate": r"\ud800",
        "invalid_surrogate": r"\ud800abc",
        "invalid_utf-8": b"\xff",
        "inverted_surrogates_U+1D11E": r"\uDd1e\uD834",
        "iso_latin_1": "\xe9".encode("latin-1"),
        "lone_second_surrogate": r"\uDFAA",
        "lone_utf8_continuation_byte": b"\x81",
        "not_in_unicode_range": b"\xf4\xbf\xbf\xbf",
        "overlong_sequence_2_bytes": b"\xc0\xaf",
        "overlong_sequence_6_bytes": b"\xfc\x83\xbf\xbf\xbf\xbf",
        "overlong_sequence_6_bytes_null": b"\xfc\x80\x80\x80\x80\x80",
        "truncated-utf-8": b"\xe0\xff",
    },
)
_add(
    "i_",
    _as_it_is,
    {
        "object_key_lone_2nd_surrogate": r'{"\uDFAA":0}',
        "string_UTF-16LE_with_BOM": b"\xff\xfe" + '["\xe9"]'.encode("utf-16-le"),
        "string_utf16BE_no_BOM": '["\xe9"]'.encode("utf-16-be"),
        "string_utf16LE_no_BOM": '["\xe9"]'.encode("utf-16-le"),
        "structure_500_nested_arrays": "[" * 500 + "]" * 500,
        "structure_UTF-8_BOM_empty_object": BOM + b"{}",
    },
)


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in CASES.items():
        (folder / f"{name}.json").write_bytes(content)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
