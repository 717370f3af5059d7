"""MQTT -> DuckDB, each message once, also when this is killed.

A message is in a spool before it is acknowledged. Its rows and its number in the spool are written in one transaction; the next run begins
behind the last number that is in the database.

    python to_duckdb.py mqtts://<cluster>.s1.eu.hivemq.cloud plant.duckdb spool
"""

from __future__ import annotations

import argparse
import signal

import duckdb
import pyarrow as pa

import honeyframe as hf

TABLE = "telemetry"


def last_number(database: duckdb.DuckDBPyConnection) -> int:
    database.execute("create table if not exists progress (last bigint)")
    found = database.execute("select max(last) from progress").fetchone()
    return (found and found[0]) or 0


def wider(known: str, kind: str) -> str:
    """The type that has the values of both as they are: an insert alone would round what does not fit."""
    if known == kind:
        return known
    if {known, kind} <= {"BIGINT", "UBIGINT", "HUGEINT", "DOUBLE"}:
        return "DOUBLE" if "DOUBLE" in (known, kind) else "HUGEINT"
    return "VARCHAR"


def fit_table(database: duckdb.DuckDBPyConnection) -> None:
    """Columns that came new are added; those of which a wider type has come get that."""
    database.execute(f"create table if not exists {TABLE} as select * from batch limit 0")
    columns = database.execute("select column_name, data_type from duckdb_columns where table_name = ?", [TABLE]).fetchall()
    known = dict(columns)
    for name, kind, *_ in database.execute("describe batch").fetchall():
        quoted = f'"{name.replace(chr(34), chr(34) * 2)}"'
        if name not in known:
            database.execute(f"alter table {TABLE} add column {quoted} {kind}")
        elif (needed := wider(known[name], kind)) != known[name]:
            database.execute(f"alter table {TABLE} alter column {quoted} type {needed}")


def write(database: duckdb.DuckDBPyConnection, batch: hf.Batch) -> None:
    """The batch's rows, in columns that hold them, and how far we are: all of it, or nothing."""
    rows = batch.to_arrow()
    last = rows.column("_spool_seq")[-1].as_py()
    rows = rows.select([field.name for field in rows.schema if not pa.types.is_null(field.type)])  # of these nothing is known yet
    database.begin()
    try:
        database.register("batch", rows)
        fit_table(database)
        database.execute(f"insert into {TABLE} by name select * from batch")
        database.execute("delete from progress")
        database.execute("insert into progress values (?)", [last])
        database.commit()
    except BaseException:
        database.rollback()
        raise


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("uri")
    parser.add_argument("database")
    parser.add_argument("spool")
    given = parser.parse_args()

    with (
        duckdb.connect(given.database) as database,
        hf.connect(given.uri, client_id="to-duckdb", clean_start=False, session_expiry="1d") as client,
    ):
        begin = last_number(database) + 1
        stream = client.stream("plant/{line}/telemetry", event_time="ts", delivery="spooled", spool=given.spool, spool_from=begin)
        signal.signal(signal.SIGTERM, lambda *_: stream.close())
        print("writing", flush=True)
        for batch in stream.batches(max_seconds=0.5):
            write(database, batch)


if __name__ == "__main__":
    main()
