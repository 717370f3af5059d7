"""The ways from payloads to the eight-column DataFrame that are compared: ``python -m benchmarks.extractors --name polars --load FILE``.

Each gets its input in the form it likes best, made beforehand: a list of bytes, one buffer of JSON lines, or a file of them. One thread.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import tempfile
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar

os.environ.setdefault("POLARS_MAX_THREADS", "1")

import pandas as pd

from .payloads import COLUMNS, digest, read, row
from .versions import versions


class Extractor(ABC):
    """``prepare`` is not measured, ``frame`` is."""

    modules: ClassVar[tuple[str, ...]] = ()  # named as their packages are

    def __init__(self, payloads: list[bytes]) -> None:
        self.payloads = payloads
        self.prepare()

    def prepare(self) -> None:
        return

    @abstractmethod
    def frame(self) -> Any:
        """A DataFrame, or what ``as_frame`` makes one of."""

    def as_frame(self, result: Any) -> pd.DataFrame:
        found: pd.DataFrame = result
        return found


class Honeyframe(Extractor):
    modules = ("honeyframe",)

    def prepare(self) -> None:
        import honeyframe as hf

        self.extract = hf.extract

    def frame(self) -> Any:
        return self.extract(self.payloads, columns=COLUMNS).to_pandas()


class HoneyframeArrow(Honeyframe):
    """Without the step to pandas: what Polars and DuckDB would read."""

    def frame(self) -> Any:
        return self.extract(self.payloads, columns=COLUMNS)

    def as_frame(self, result: Any) -> pd.DataFrame:
        found: pd.DataFrame = result.to_pandas()
        return found


class Polars(Extractor):
    modules = ("polars",)

    def prepare(self) -> None:
        import polars as pl

        self.pl, self.lines = pl, b"\n".join(self.payloads)
        location = pl.Struct({"hall": pl.String, "bay": pl.Int64})
        numbers = {"temperature": pl.Float64, "pressure": pl.Float64, "running": pl.Boolean}
        self.schema: dict[str, Any] = {"seq": pl.Int64, "device_id": pl.Int64, "ts": pl.String, **numbers, "location": location}

    def frame(self) -> Any:
        read = self.pl.read_ndjson(self.lines, schema=self.schema).unnest("location")
        return read.rename({"hall": "location.hall", "bay": "location.bay"}).to_pandas()


class PyArrow(Extractor):
    modules = ("pyarrow",)

    def prepare(self) -> None:
        import pyarrow as pa
        from pyarrow import json as arrow_json

        self.pa, self.json, self.lines = pa, arrow_json, b"\n".join(self.payloads)
        location = pa.struct({"hall": pa.string(), "bay": pa.int64()})
        numbers = {"temperature": pa.float64(), "pressure": pa.float64(), "running": pa.bool_()}
        schema = pa.schema({"seq": pa.int64(), "device_id": pa.int64(), "ts": pa.string(), **numbers, "location": location})
        self.parsing = arrow_json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore")
        self.reading = arrow_json.ReadOptions(use_threads=False, block_size=16 << 20)

    def frame(self) -> Any:
        table = self.json.read_json(self.pa.BufferReader(self.lines), self.reading, self.parsing)
        return table.flatten().to_pandas(use_threads=False)


class DuckDB(Extractor):
    """From a file in memory, since it reads nothing else; materialised."""

    modules = ("duckdb",)

    def prepare(self) -> None:
        import duckdb

        memory = Path("/dev/shm")  # noqa: S108 - memory, not a disk
        with tempfile.NamedTemporaryFile(dir=memory if memory.is_dir() else None, suffix=".jsonl", delete=False) as file:
            file.write(b"\n".join(self.payloads))
        self.path = Path(file.name)
        self.database = duckdb.connect()
        self.database.execute("SET threads = 1")
        types = {
            "seq": "BIGINT",
            "device_id": "BIGINT",
            "ts": "VARCHAR",
            "temperature": "DOUBLE",
            "pressure": "DOUBLE",
            "running": "BOOLEAN",
        }
        columns = ", ".join(f"{name}: '{kind}'" for name, kind in (types | {"location": "STRUCT(hall VARCHAR, bay BIGINT)"}).items())
        self.query = (
            f'SELECT {", ".join(types)}, location.hall AS "location.hall", location.bay AS "location.bay" '
            f"FROM read_json('{self.path}', format = 'newline_delimited', columns = {{{columns}}})"
        )

    def frame(self) -> Any:
        return self.database.execute(self.query).df()

    def __del__(self) -> None:
        self.path.unlink(missing_ok=True)


class Msgspec(Extractor):
    modules = ("msgspec",)

    def prepare(self) -> None:
        import msgspec

        location = msgspec.defstruct("Location", [("hall", str), ("bay", int)], gc=False)
        fields = [("seq", int), ("device_id", int), ("ts", str), ("temperature", float), ("pressure", float), ("running", bool)]
        self.decode = msgspec.json.Decoder(msgspec.defstruct("Reading", [*fields, ("location", location)], gc=False)).decode

    def frame(self) -> Any:
        decode, rows = self.decode, []
        for payload in self.payloads:
            r = decode(payload)
            rows.append((r.seq, r.device_id, r.ts, r.temperature, r.pressure, r.running, r.location.hall, r.location.bay))
        return pd.DataFrame(rows, columns=COLUMNS)


class Orjson(Extractor):
    modules = ("orjson",)

    def prepare(self) -> None:
        import orjson

        self.loads = orjson.loads

    def frame(self) -> Any:
        loads = self.loads
        return pd.DataFrame([row(loads(payload)) for payload in self.payloads], columns=COLUMNS)


class JsonNormalize(Extractor):
    """pandas' own way, as its documentation has it, with json from the standard library."""

    def frame(self) -> Any:
        return pd.json_normalize([json.loads(payload) for payload in self.payloads])[COLUMNS]


EXTRACTORS: dict[str, type[Extractor]] = {
    "honeyframe": Honeyframe,
    "honeyframe, to Arrow": HoneyframeArrow,
    "polars": Polars,
    "pyarrow.json": PyArrow,
    "duckdb": DuckDB,
    "msgspec + DataFrame": Msgspec,
    "orjson + DataFrame": Orjson,
    "json_normalize": JsonNormalize,
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--name", required=True, choices=EXTRACTORS)
    parser.add_argument("--load", type=Path, required=True)
    parser.add_argument("--core", type=int, default=-1)
    options = parser.parse_args()
    if options.core >= 0:
        os.sched_setaffinity(0, {options.core})
    payloads = read(options.load)
    kind = EXTRACTORS[options.name]
    kind(payloads[: max(len(payloads) // 10, 1)]).frame()
    extractor = kind(payloads)
    before, started = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    result = extractor.frame()
    after, ended = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    frame = extractor.as_frame(result)
    run = {
        "user_s": after.ru_utime - before.ru_utime,
        "system_s": after.ru_stime - before.ru_stime,
        "wall_s": ended - started,
        "rows": len(frame),
        "digest": digest(frame),
        "payload_bytes": sum(map(len, payloads)),
        "version": versions((*kind.modules, "pandas")),
    }
    print(json.dumps(run))


if __name__ == "__main__":
    main()
