"""What the tests of spools share: a spooled stream without a broker, and what is pushed to it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from honeyframe import _core
from honeyframe.source import make_reader
from honeyframe.spool import spooled_metadata
from honeyframe.stream import Stream


def spooled(path: Path, spool: dict[str, Any] | None = None, **queue: Any) -> tuple[Stream, _core.SpoolQueue]:
    """A spooled stream without a broker."""
    reader, entrance, _ = make_reader(queue, spooled_metadata({}, None), None, {"path": str(path), **(spool or {})})
    assert isinstance(entrance, _core.SpoolQueue)
    return Stream(reader, spool=entrance), entrance


def push(queue: _core.Queue, first: int, last: int, size: int = 0, **flags: Any) -> None:
    for number in range(first, last + 1):
        payload = json.dumps({"n": number, "pad": "x" * size} if size else {"n": number}).encode()
        assert queue.push(f"plant/{number % 3}/t", payload, receive_time_ns=number, **flags) == "stored"


def segments(path: Path) -> list[Path]:
    return sorted(path.glob("*.hfspool"))
