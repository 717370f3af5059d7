"""Payloads and options by chance, of the kinds that the rules of a frame tell apart. The same seed makes the same."""

from __future__ import annotations

import json
from random import Random
from typing import Final

from tests.frame_model import Options

KEYS: Final = (
    "a",
    "b",
    "c",
    "a.b",
    "r",
    "ts",
    "",
    "é",
    'q"',
    "x/y",
    "~",
    "a\0b",
    "_misfit",
    "_event_time",
    "value",
    "n",
    "n#2",
    "/n",
    "value_list",
)
INTEGERS: Final = (
    *tuple(
        str(number + offset)
        for number in (0, 2**53, -(2**53), 2**63, -(2**63), 2**64, 10**8, 10**11, 10**14, 10**17, 10**30)
        for offset in (-1, 0, 1)
    ),
    "-0",
    "9" * 400,
    "-" + "9" * 30,
)
FRACTIONS: Final = [
    "1.5",
    "-0.0",
    "0.1",
    "1e3",
    "1E+2",
    "-2.5e-3",
    "1e400",
    "-1e400",
    "1e-400",
    "-1e-400",
    "0e999",
    "21.0",
    "9007199254740993.0",
    "1e22",
    "1e23",
    "123456789012345678901.5",
    "1.7976931348623157e308",
    "1.7976931348623159e308",
    "4.9e-324",
    "2.4e-324",
    "1700000000.25",
    "1.7e9",
    "0.30000000000000004",
    "179769313486231580793728971405301e276",
    "1e999999999999999999999",
    "1e-999999999999999999999",
]
STRINGS: Final = (
    "text",
    "",
    "N/A",
    "nan",
    "unknown",
    "21.5",
    "7",
    "-0",
    "1e3",
    "1e400",
    "18446744073709551616",
    "9007199254740993",
    " 7",
    "07",
    "é€😀",
    "2024-02-29T23:59:60Z",
    "2024-01-01 00:00:00.123456789123+0230",
    "2024-01-01t00:00:00",
    "1700000000",
    "2024-02-30T00:00:00Z",
    "\x7f\u2028",
    "a\0b",
)
SPELLED: Final = (
    r'"\u0032"',
    r'"\ud83d\ude00"',
    r'"\uD800"',
    r'"\udc00x"',
    r'"\ud800\ud800"',
    r'"\u00e9\/\b\f\n\r\t\\\""',
    r'"N\/A"',
    r'"\x"',
    r'"\u12g4"',
    '"\x01"',
    '"\x7f"',
)
BARE: Final = (
    b"",
    b" ",
    b"\n\t",
    b"\xef\xbb\xbf",
    b"\xef\xbb\xbf{}",
    b"\xef\xbb\xbf 7",
    b"21.5",
    b" 21.5 ",
    b"21.5 C",
    b"ON",
    b"true",
    b"null",
    b"nul",
    b'"text"',
    b'"\\ud800"',
    b"-",
    b"NaN",
    b"\xff",
    b"caf\xc3\xa9",
    b"caf\xc3",
    b"1e400",
    b"18446744073709551615",
    b"[]",
    b"[[]]",
    b"{}",
    b"[1,2]",
    b"[null]",
    b'[1,{"a":2},"x",[3],[[4]],null,true]',
    b"\0",
    b"{}\0",
    b"{} {}",
    b'{"a":1}]',
)
_ALPHABET: Final = b'{}[]:,"\\ \n0123456789.-+eEtrufalsn\x00\x01\x7f\xc3\xa9\xff\xed\xa0\x80'


class PayloadMaker:
    """``simple``: how often a value is one that fits where its like has been, from 0 to 1."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.keys = random.sample(KEYS, random.randint(2, 5))
        self.simple = random.choice((0.2, 0.6, 0.9))
        self.kinds = {key: random.choice("iiffssbln") for key in self.keys}

    def payload(self) -> bytes:
        chance = self.random.random()
        if chance < 0.08:
            return self.random.choice(BARE)
        if chance < 0.18:
            text = "[" + ",".join(self.value("", 2) for _ in range(self.random.randint(0, 4))) + "]"
        elif chance < 0.26:
            text = "[" + ",".join(self.object(0) for _ in range(self.random.randint(1, 3))) + "]"
        elif chance < 0.28:
            text = self.deep()
        else:
            text = self.object(0)
        data = text.encode()
        if self.random.random() < 0.04:
            data = b"\xef\xbb\xbf" + data
        return self.broken(data) if self.random.random() < 0.12 else data

    def deep(self) -> str:
        depth = self.random.choice((3, 4, 5, 63, 64, 65, 66))
        if self.random.random() < 0.5:
            return '{"a":' * depth + "1" + "}" * depth
        return "[" * depth + "1" + "]" * depth

    def broken(self, data: bytes) -> bytes:
        for _ in range(self.random.randint(1, 3)):
            at = self.random.randint(0, len(data))
            some = self.random.randint(0, 4)
            byte = bytes([self.random.choice(_ALPHABET)])
            data = self.random.choice(
                (data[:at], data[:at] + data[at + some :], data[:at] + byte + data[at:], data[:at] + byte + data[at + 1 :])
            )
        return data

    def blank(self) -> str:
        return self.random.choice(" \n\t\r") if self.random.random() < 0.05 else ""

    def object(self, depth: int) -> str:
        keys = [self.random.choice(self.keys) for _ in range(self.random.choice((0, 1, 2, 2, 3, 4)))]
        if self.random.random() < 0.9:
            keys = list(dict.fromkeys(keys))
        if self.random.random() < 0.01:
            keys.append(self.random.choice("kK") * self.random.choice((510, 511, 512, 513)))
        return "{" + ",".join(self.member(key, depth) for key in keys) + self.blank() + "}"

    def member(self, key: str, depth: int) -> str:
        spelled = json.dumps(key, ensure_ascii=self.random.random() < 0.5)
        return f"{self.blank()}{spelled}{self.blank()}:{self.blank()}{self.value(key, depth)}{self.blank()}"

    def value(self, key: str, depth: int) -> str:
        kind = self.kinds.get(key, "i") if self.random.random() < self.simple else self.random.choice("iifffsssbbnneellooo")
        if kind == "e":
            return self.random.choice(("[]", "{}"))
        if kind == "o" and depth < 4:
            return self.object(depth + 1)
        if kind == "l" and depth < 4:
            return self.list(key, depth + 1)
        return self.scalar(kind)

    def list(self, key: str, depth: int) -> str:
        chance = self.random.random()
        count = self.random.choice((0, 0, 1, 2, 3))
        if chance < 0.7:
            kind = self.random.choice("ifsb")
            items = [self.scalar(kind if self.random.random() < 0.8 else self.random.choice("ifsbn")) for _ in range(count)]
        elif chance < 0.9:
            items = [self.object(depth) for _ in range(count)]
        else:
            items = [self.value(key, depth) for _ in range(count)]
        return "[" + (self.blank() + "," + self.blank()).join(items) + self.blank() + "]"

    def scalar(self, kind: str) -> str:
        usual = self.random.random() < 0.6
        if kind == "i":
            return str(self.random.randint(-50, 1000)) if usual else self.random.choice(INTEGERS)
        if kind == "f":
            return repr(self.random.randint(-4000, 4000) / 16) if usual else self.random.choice(FRACTIONS)
        if kind == "b":
            return self.random.choice(("true", "false"))
        if kind == "s":
            if self.random.random() < 0.06:
                return self.random.choice(SPELLED)
            return json.dumps("text" if usual else self.random.choice(STRINGS), ensure_ascii=self.random.random() < 0.5)
        return "null"


_TYPES: Final = (
    "bool",
    "int64",
    "uint64",
    "float64",
    "string",
    "timestamp",
    "binary",
    "list<int64>",
    "list<float64>",
    "list<string>",
    "list<bool>",
)
_PATHS: Final = (
    "a",
    "b",
    "c",
    "a.b",
    "r",
    "r.a",
    "n",
    "/a/0",
    "/",
    "/x~1y",
    "/~0",
    "value",
    "value_text",
    "value_list",
    "value_bool",
    "b.c",
    "ts",
)


def make_options(random: Random) -> Options:
    """One set of options; half of them the defaults but for ``on_conflict``."""
    chosen: dict[str, object] = {
        "on_conflict": random.choice(("keep", "keep", "widen", "quarantine", "raise")),
        "na_values": frozenset(("", "N/A", "nan", "unknown")) if random.random() < 0.8 else frozenset(),
        "max_rows": random.choice((1_000_000, 1_000_000, 1, 3)),
    }
    if random.random() < 0.4:
        return Options(**chosen)  # type: ignore[arg-type]
    chosen["payload"] = random.choice(("auto", "auto", "json", "text", "raw")) if random.random() < 0.4 else "auto"
    parses = chosen["payload"] in ("auto", "json")
    chosen["sep"] = random.choice((".", ".", "_", "::"))
    chosen["max_columns"] = random.choice((1024, 1024, 1, 2, 4))
    chosen["max_depth"] = random.choice((64, 64, 1, 2, 4))
    if parses and random.random() < 0.3:
        chosen["explode"] = random.choice(("r", "a", "/a/b", "a" + str(chosen["sep"]) + "r"))
    if parses and random.random() < 0.4:
        chosen["event_time"] = random.choice(("ts", "a", "/a/b", "n"))
        chosen["event_time_unit"] = random.choice(("auto", "auto", "s", "ms", "us", "ns"))
        chosen["utc"] = random.random() < 0.5
    if random.random() < 0.3:
        chosen["schema"] = _make_schema(random, str(chosen["payload"]), str(chosen["sep"]))
    elif random.random() < 0.25:
        chosen["columns"] = tuple(
            random.sample(("a", "b", "a.b", "/a/b", "r", "c.a", "value", "_misfit", "/", "a_b"), random.randint(1, 3))
        )
    return Options(**chosen)  # type: ignore[arg-type]


def _make_schema(random: Random, payload: str, sep: str) -> tuple[tuple[str, str, str], ...]:
    paths = random.choices(_PATHS, k=random.randint(1, 5))
    if payload == "raw":
        return tuple((f"c{i}", "binary", random.choice(("value_raw", "a"))) for i in range(2))
    return tuple((f"c{i}", random.choice(_TYPES), path if path.startswith("/") else path.replace(".", sep)) for i, path in enumerate(paths))
