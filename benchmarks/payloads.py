"""The payloads, and what they must become: written once to a load file, from which the source, the floors and the checks all read.

A load file is a row of ``[uint16 topic size][topic][uint32 payload size][payload]``, little-endian.
"""

from __future__ import annotations

import hashlib
import json
import random
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

TOPIC_FILTER = "plant/+/telemetry"
COLUMNS = ["seq", "device_id", "ts", "temperature", "pressure", "running", "location.hall", "location.bay"]
FIRST_ID = 9_007_199_254_740_993  # above 2**53: whoever takes a detour through float64 is found out
LINES = 8
ROWS_OF_A_MEGABYTE = 4_560


@dataclass(frozen=True)
class Load:
    """``messages`` payloads by ``payload(number)`` to ``topic(number)``; ``rows`` of them in each."""

    name: str
    messages: int
    payload: Callable[[int], bytes]
    lines: int = LINES
    rows: int = 1

    def topic(self, number: int) -> str:
        return f"plant/line-{number % self.lines}/telemetry"

    def payloads(self) -> Iterator[bytes]:
        return map(self.payload, range(self.messages))

    def write(self, directory: Path) -> Path:
        """The file; written unless a former run left it there."""
        path = directory / f"{self.name}-{self.messages}.load"
        if not path.exists():
            directory.mkdir(parents=True, exist_ok=True)
            unfinished = path.with_suffix(".part")
            with unfinished.open("wb") as file:
                for number, payload in enumerate(self.payloads()):
                    topic = self.topic(number).encode()
                    file.write(struct.pack("<H", len(topic)) + topic + struct.pack("<I", len(payload)) + payload)
            unfinished.rename(path)
        return path


def read(path: Path) -> list[bytes]:
    """The payloads of a load file."""
    data, at, found = path.read_bytes(), 0, []
    while at < len(data):
        at += 2 + struct.unpack_from("<H", data, at)[0]
        size = struct.unpack_from("<I", data, at)[0]
        found.append(data[at + 4 : at + 4 + size])
        at += 4 + size
    return found


# The contents ----------------------------------------------------------------------------------------------------------------------------


def content(number: int) -> dict[str, Any]:
    """Eight leaves, the same for the same number."""
    rng = random.Random(number)
    return {
        "seq": number,
        "device_id": FIRST_ID + number,
        "ts": f"2026-03-01T12:{number // 60 % 60:02}:{number % 60:02}.{number % 1000:03}Z",
        "temperature": round(rng.uniform(15, 95), 3),
        "pressure": round(rng.uniform(980, 1040), 4),
        "running": rng.random() < 0.9,
        "location": {"hall": "north-" + "ABCDEFGH"[number % 8], "bay": number % 64},
    }


def typical(number: int) -> bytes:
    """230 bytes give or take ten. What a device sends besides and nobody asks for is in here too: it has to be parsed over, as in life."""
    return _dump(content(number) | {"firmware": "4.11.2-b114", "unit": "degC", "site": "plant-one"})


def all_read(number: int) -> bytes:
    """The eight leaves and nothing else."""
    return _dump(content(number))


def half_unread(number: int) -> bytes:
    """The eight leaves, and as many that nobody asks for: of the same types, in between."""
    read, rng = content(number), random.Random(-number - 1)
    unread = {
        "uptime": number * 7,
        "serial": FIRST_ID - number,
        "batch": f"B-{number % 997:04}-2026-03-01T12:00Z",
        "humidity": round(rng.uniform(10, 90), 3),
        "voltage": round(rng.uniform(380, 420), 4),
        "alarm": rng.random() < 0.1,
        "origin": {"site": "plant-" + "ABCDEFGH"[number % 8], "gate": number % 32},
    }
    mixed = [pair for pairs in zip(read.items(), unread.items(), strict=True) for pair in pairs]
    return _dump(dict(mixed))


def wide(number: int, columns: int) -> bytes:
    """``columns`` flat leaves; each eight of them as in ``content``: three integers, two strings, two floats, a boolean."""
    values = content(number)
    location = values.pop("location")
    cycle = [*values.values(), location["hall"], location["bay"]]
    return _dump({f"c{at:03}": cycle[at % 8] for at in range(columns)})


def megabyte(number: int) -> bytes:
    """About 1 MB: a list of objects, each of which is a row."""
    first = number * ROWS_OF_A_MEGABYTE
    return b"[" + b",".join(typical(at) for at in range(first, first + ROWS_OF_A_MEGABYTE)) + b"]"


def _dump(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def typical_load(messages: int) -> Load:
    return Load("typical", messages, typical)


def many_topics_load(messages: int, topics: int) -> Load:
    return Load(f"topics-{topics}", messages, typical, lines=topics)


def wide_load(messages: int, columns: int) -> Load:
    return Load(f"wide-{columns}", messages, partial(wide, columns=columns))


def megabyte_load(messages: int) -> Load:
    return Load("megabyte", messages, megabyte, rows=ROWS_OF_A_MEGABYTE)


# The frames ------------------------------------------------------------------------------------------------------------------------------


def row(content: dict[str, Any]) -> tuple[Any, ...]:
    """By hand, which beats json_normalize many times over."""
    location = content["location"]
    return (
        content["seq"],
        content["device_id"],
        content["ts"],
        content["temperature"],
        content["pressure"],
        content["running"],
        location["hall"],
        location["bay"],
    )


def expected_frame(messages: int) -> pd.DataFrame:
    """What every sink has to arrive at, from the contents themselves."""
    import pandas as pd

    return pd.DataFrame([row(content(number)) for number in range(messages)], columns=COLUMNS)


def digest(frame: pd.DataFrame) -> str:
    """The values of a frame, whatever its dtypes: strings as str, integers as int64, floats as float64. Order counts."""
    import pandas as pd

    types: dict[str, Any] = dict(zip(COLUMNS, ["int64", "int64", object, "float64", "float64", bool, object, "int64"], strict=True))
    plain = pd.DataFrame({name: frame[name].astype(kind).to_numpy() for name, kind in types.items()})
    for name in ("ts", "location.hall"):
        plain[name] = plain[name].astype(object)  # pandas 3 would infer str, and hash it otherwise than pandas 2
    return hashlib.sha256(pd.util.hash_pandas_object(plain, index=False).to_numpy().tobytes()).hexdigest()
