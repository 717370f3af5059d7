"""From keywords to the core's options."""

import datetime
from zoneinfo import ZoneInfo

import pytest
from pandas._libs.parsers import STR_NA_VALUES

from honeyframe.errors import InvalidArgumentError, InvalidSchemaError, InvalidTopicTemplateError
from honeyframe.options import DEFAULT_NA_VALUES, extract_options, zone_table


def test_na_values_are_those_of_read_csv_and_two_more():
    assert set(DEFAULT_NA_VALUES) == set(STR_NA_VALUES) | {"unavailable", "unknown"}
    assert len(set(DEFAULT_NA_VALUES)) == len(DEFAULT_NA_VALUES)


def test_takes_every_option():
    extract_options(
        columns=["a"],
        on_conflict="widen",
        payload="json",
        strict=False,
        sep="_",
        explode="readings",
        max_columns=10,
        max_depth=5,
        na_values=["-"],
        keep_default_na=False,
        event_time="ts",
        event_time_unit="ms",
        tz="Europe/Berlin",
        topic_template="plant/{line}/telemetry",
        metadata=["topic", "recv_time", "retain", "qos", "dup", "payload_index", "user_properties", "content_type", "response_topic"],
        max_quarantine_messages=0,
        max_quarantine_bytes=0,
    )
    extract_options(schema={"temp": "float64"})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"on_conflict": "ignore"}, '"keep", "widen", "raise", "quarantine"; found "ignore"'),
        ({"payload": "xml"}, '"auto", "json", "text", "raw"; found "xml"'),
        ({"event_time": "ts", "event_time_unit": "m"}, 'event_time_unit must be one of "auto", "s"'),
        ({"metadata": ["topic", "colour"]}, 'metadata must be one of "topic".*found "colour"'),
        ({"metadata": "topic"}, "metadata must be a list of strings"),
        ({"columns": "temp"}, r"columns must be a list of strings.*\n.*columns=\['temp'\]"),
        ({"na_values": "-"}, "na_values must be a list of strings"),
        ({"max_columns": -1}, "max_columns must be at least 0"),
        ({"max_depth": 2**63}, "max_depth must be from 0 to 9223372036854775807"),
        ({"tz": "UTC"}, "tz= is the zone of event_time="),
        ({"tz": "UTC", "schema": {"ts": "string"}}, "tz= is the zone of event_time="),
        ({"event_time_unit": "s"}, "event_time_unit= is the unit of event_time="),
        ({"schema": {"a": "int64"}, "columns": ["a"]}, "pass one of them"),
        ({"event_time": "ts", "tz": "Europe/Atlantis"}, "no such time zone: 'Europe/Atlantis'"),
        ({"event_time": "ts", "tz": "../../etc/passwd"}, "no such time zone"),
        ({"event_time": "ts", "tz": "Europe"}, "no such time zone"),
        ({"event_time": "ts", "tz": ""}, "no such time zone"),
    ],
)
def test_refuses(options, message):
    with pytest.raises(InvalidArgumentError, match=f"(?s){message}"):
        extract_options(**options)


@pytest.mark.parametrize(
    "options",
    [
        {"max_columns": 5.0},
        {"max_depth": True},
        {"max_columns": "5"},
        {"columns": [1]},
        {"columns": 5},
        {"event_time": "ts", "tz": 5},
        {"sep": 5},
    ],
)
def test_refuses_other_types(options):
    with pytest.raises((TypeError, InvalidArgumentError)):
        extract_options(**options)


def test_refuses_a_schema_and_a_template_by_their_own_names():
    with pytest.raises(InvalidSchemaError, match="column 'x'"):
        extract_options(schema={"x": "nonsense"})
    with pytest.raises(InvalidTopicTemplateError):
        extract_options(topic_template="plant/{line}/{line}")


def test_the_zone_table_of_a_fixed_zone():
    first = int(datetime.datetime(1677, 1, 1, tzinfo=datetime.UTC).timestamp())
    assert zone_table("UTC") == [(first, 0)]
    assert zone_table(datetime.timezone(datetime.timedelta(hours=-3, minutes=-30))) == [(first, -12_600)]


ZONES = ["Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Africa/Casablanca", "Pacific/Apia"]


@pytest.mark.parametrize("name", ZONES)
def test_the_zone_table_agrees_with_zoneinfo(name):
    zone = ZoneInfo(name)
    table = zone_table(name)
    assert table == zone_table(zone)
    assert [entry[0] for entry in table] == sorted({entry[0] for entry in table})
    for (start, offset), (before_start, before) in zip(table[1:], table, strict=False):
        assert offset != before
        for utc, expected in ((start, offset), (start - 1, before), (before_start, before)):
            found = datetime.datetime.fromtimestamp(utc, zone).utcoffset()
            assert found is not None
            assert found.total_seconds() == expected


def test_the_zone_table_holds_what_int64_nanoseconds_hold():
    table = zone_table("Europe/Berlin")
    last = datetime.datetime.fromtimestamp(table[-1][0], datetime.UTC)
    assert (last.year, last.month, last.hour) == (2262, 10, 1)
    assert table[0][1] == 3208  # local mean time, until 1893
    assert sum(1 for start, _ in table if 1890 < 1970 + start / 31_556_952 < 1900) == 1
