"""Writes the seeds of the fuzz targets' corpora: ``python -m tests.fuzz.seeds``. What fuzzing has found beyond them lies beside them."""

from __future__ import annotations

import struct
from itertools import count
from pathlib import Path

from tests.payload_makers import BARE, FRACTIONS, INTEGERS, SPELLED, STRINGS

CORPUS = Path(__file__).parent / "corpus"
SEPARATOR = b"\xfe"

EXTRACT = {
    "numbers": ("keep", [f'{{"a":{number}}}'.encode() for number in (*INTEGERS, *FRACTIONS) if len(number) < 100]),
    "strings": ("keep", [b'{"a":"%s"}' % text.encode() for text in STRINGS]),
    "escapes": ("keep", [f'{{"a":{text}}}'.encode() for text in SPELLED]),
    "bare": ("keep", list(BARE)),
    "widening": ("widen", [b'{"a":1}', b'{"a":2.5}', b'{"a":"x"}', b'{"a":[1]}', b'{"a":{"b":1}}', b'{"a":true}']),
    "refusing": ("quarantine", [b'{"a":"N/A"}', b'{"a":1}', b'{"a":-1,"b":"x"}', b'{"a":18446744073709551615}', b'{"b":1,"a":[1]}']),
    "lists": ("keep", [b'{"a":[1]}', b'{"a":[0.5,null]}', b'{"a":["N/A","2"]}', b'{"a":[]}', b'{"a":[{"b":1}]}', b'{"a":[[1]]}']),
    "shapes": ("keep", [b'{"a":[]}', b'{"a":{"b":1}}', b'{"a":null}', b'{"a":5}', b'[{"a":1},[2],3]', b'{"a":1,"a":{"b":2}}']),
    "exploded": ("explode", [b'{"r":[{"a":1},2,[3],null],"b":1}', b'{"r":[]}', b'{"b":2,"r":{"a":1}}', b'{"r":[1],"r":[2,3]}']),
    "times": ("times", [b'{"a":1700000000}', b'{"a":"2024-02-29T23:59:60Z"}', b'{"a":"1.5"}', b'{"a":1e18}', b"{}"]),
    "schema": ("schema", [b'{"a":1,"b":{"c":2.5},"c":[1,2]}', b'{"a":[7,8]}', b'{"b":"x","r":{"a":true}}', b"5", b"[1,2]"]),
    "narrow": ("narrow", [b'{"a":1,"b":2,"c":3,"d":{"e":4}}', b'{"x":{"y":{"z":{"deep":1}}}}', b'{"a":1,"c":{"d":[1]}}']),
    "broken": ("keep", [b'{"a":1,}', b"[1}", b'{"a" 1}', b'{"a":1} x', b"[1,", b'{"a":"', b"[\xff]", b'["\x01"]', b"[01]", b"[NaN]"]),
}
OPTIONS = {
    "keep": (4, 0),
    "widen": (5, 0),
    "quarantine": (7, 0),
    "explode": (4 + 128, 0),
    "times": (4, 1 + 2),
    "schema": (4, 8),
    "narrow": (4 + 32 + 64, 4),
}
PATHS = [
    b'.\na.b\n{"a":{"b":[1,{"c":2}]},"a.b":3}',
    b'.\n/a/0\n{"a":[1,2]}',
    b'.\n/x~1y/~0\n{"x/y":{"~":1}}',
    b'::\na::b\n{"a":{"b":"2024-01-01T00:00:00Z"}}',
    b'_\na_b\n{"a":{"b":[{"a":{"b":1}}]}}',
    b'.\n/\n{"":1}',
    b".\na..b\n{}",
    b".\n/~2\n{}",
    b'.\na\0b\n{"a\\u0000b":1}',
]
TOPICS = [
    b"plant/+/telemetry\nplant/1/telemetry",
    b"plant/#\nplant",
    b"#\n$SYS/broker",
    b"+/+\n/finance",
    b"$share/group/plant/+\nplant/1",
    b"plant/{line}/telemetry\nplant/7/telemetry",
    b"plant/{line}/{rest...}\nplant/7",
    b"$share/g/{a}/+/{b}\nx/y/z",
    b"sport/tennis#\nsport/tennis",
    "größe/{x}\ngröße/€".encode(),
    b"{_a}\na",
    b"a/{\na",
]
URIS = [
    b"mqtts://user:pa%40ss@cluster.s1.eu.hivemq.cloud:8883",
    b"wss://[::1]:8884/mqtt?x=1",
    b"ws://127.0.0.1",
    b"tcp://LOCALHOST:1883",
    b"mqtt://host:0",
    b"mqtt://us:er@ho st",
    b"cluster.s1.eu.hivemq.cloud",
    b"http://user:%zz@proxy:3128",
    b"mqtts://[fe80::1%25eth0]:8883",
    b"ssl://xn--bcher-kva.example:65536",
    b"mqtts://a@b@c:1",
]
SPOOLS = [
    b"\0\0" + struct.pack("<HB", 70, 1),
    b"\0\0" + struct.pack("<HB", 8, 255),
    b"\0\5" + struct.pack("<HB", 100, 8) + b"\x40",
    b"\0\0\x30",
    b"\1\0" + b"anything" * 8,
    b"\2\0" + b"\x01\x00\x07plant/1\x00\x02{}" * 3,
    b"\2\0" + b"\x85\x03\x01t\x04\x26\x00\x01a\x00\x01x",
    b"\3\0",
    b"\3\1" + b"\0" * 64,
]


#: The level (3, 4, 5) and whether there are frames; the size of the pieces; what a broker sends.
PACKETS = [
    b"\x00\x07" + b"\x20\x02\x00\x00" + b"\x90\x03\x00\x01\x00" + b"\x30\x05\x00\x01a{}",
    b"\x01\x01" + b"\x20\x02\x01\x00" + b"\x32\x07\x00\x01a\x00\x09{}" + b"\x40\x02\x00\x01" + b"\xd0\x00",
    b"\x02\x03" + b"\x20\x06\x00\x00\x03\x21\x00\x0a" + b"\x30\x0b\x00\x01a\x05\x26\x00\x01k\x00" + b"\xe0\x02\x8b\x00",
    b"\x02\x09" + b"\x30\x09\x00\x01a\x02\x0b\x07{}" + b"\x50\x04\x00\x01\x10\x00" + b"\x62\x02\x00\x01" + b"\x70\x02\x00\x01",
    b"\x85\x05" + b"\x82\x06\x20\x03\x00\x00\x00\x30" + b"\x89\x01p" + b"\x02\x03\x05\x00\x01" + b"\x80\x04a\x00{}",
]


def write(target: str, seeds: list[bytes], names: list[str] | None = None) -> None:
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    for name, seed in zip(names or (f"seed-{number:02}" for number in count()), seeds, strict=False):
        (folder / name).write_bytes(seed)


def main() -> None:
    extract = [bytes(OPTIONS[options]) + SEPARATOR.join(payloads) for options, payloads in EXTRACT.values()]
    write("extract", extract, [f"seed-{name}" for name in EXTRACT])
    write("path", PATHS)
    write("topic", TOPICS)
    write("uri", URIS)
    write("spool", SPOOLS)
    write("packet_guard", PACKETS)


if __name__ == "__main__":
    main()
