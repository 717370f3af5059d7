"""A spooled stream that reads when it is told to, and says its book; for ``test_disks.py``. Words: "read", "book", "end"."""

from __future__ import annotations

import logging
from typing import Any

from tests.faults.child import facts, heard, say
from tests.faults.witness import ledger_rows

import honeyframe as hf


class Events(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.kinds: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.kinds.append(getattr(record, "honeyframe_event", ""))


def main() -> None:
    given = facts()
    events = Events()
    logging.getLogger("honeyframe").addHandler(events)
    client = hf.connect(given["uri"], client_id="spooler", protocol="5.0", clean_start=False, session_expiry=3600)
    try:
        stream = client.stream("plant/+/t", delivery="spooled", spool=given["spool"], metadata=["topic", "dup"], **given["options"])
    except hf.HoneyframeError as error:
        say(error=type(error).__name__, text=str(error))
        client.close()
        return
    say(opened=True)
    rows: list[tuple[int, bool]] = []
    while (word := heard()) and word != "end":
        if word == "read":
            rows += read(stream)
        say(stats=stream.stats().as_dict(), rows=len(rows), events=[kind for kind in events.kinds if kind.startswith("spool_")])
    client.close()
    rows += read(stream)
    say(stats=stream.stats().as_dict(), rows=rows, ledger=ledger_rows(stream), session=client.stats(), events=events.kinds)


def read(stream: hf.Stream) -> list[Any]:
    df = stream.read(seconds=0.3).to_pandas()
    return list(zip(df["n"].tolist(), df["_dup"].tolist(), strict=True)) if "n" in df else []


if __name__ == "__main__":
    main()
