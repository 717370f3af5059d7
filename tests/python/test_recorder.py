"""A recorder's words and small decisions; what it does with brokers is in tests/integration."""

from __future__ import annotations

import datetime
import time
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

import honeyframe as hf
from honeyframe.prepared_recorder import left_filters, portable
from honeyframe.recorder import RecorderStats
from honeyframe.recorder_thread import _Rate
from honeyframe.recording_layout import Manifest
from honeyframe.recording_session import client_id_of


def test_stats_in_words() -> None:
    stats = RecorderStats(recorded=1, files=1, bytes=999)
    assert str(stats) == "1 message in 1 file, 999 B"
    stats = RecorderStats(
        recorded=12_345, files=2, bytes=2_500_000_000, waiting=7, rate=1234.5, dropped=3, unreadable=2, storage_error="no room"
    )
    told = "12,345 messages in 2 files, 2.5 GB; 7 in the spool; 1,234 a second; 3 dropped; 2 unreadable; storage fails: no room"
    assert str(stats) == told
    assert stats.as_dict()["rate"] == 1234.5


def test_options_that_a_follower_can_read() -> None:
    given = {
        "schema": {"t": "float64", "lat": ("location.lat", float)},
        "tz": ZoneInfo("Europe/Berlin"),
        "columns": ("a", "b"),
        "strict": True,
    }
    assert portable({**given, "explode": None}) == {
        "schema": {"t": ["t", "float64"], "lat": ["location.lat", "float64"]},
        "tz": "Europe/Berlin",
        "columns": ["a", "b"],
        "strict": True,
        "explode": None,
    }
    with pytest.raises(hf.errors.InvalidArgumentError, match="the name of a zone"):
        portable({"tz": datetime.timezone(datetime.timedelta(hours=1))})


def test_filters_that_a_kept_session_is_left_with() -> None:
    before = Manifest("", "", broker="mqtt://a:1883", session="me", subscribed=["a/#", "$share/g/b/+", "c"])
    assert left_filters(before, "mqtt://a:1883", "me", ["a/+", "b/#"]) == ["a/#", "c"]
    assert left_filters(before, "mqtt://a:1883", "me", ["#"]) == []
    assert left_filters(before, "mqtt://a:1883", "me", ["a/#", "$share/h/b/+"]) == ["c"]
    for broker, session in (("mqtt://a:1884", "me"), ("mqtt://a:1883", "another"), ("mqtt://a:1883", "")):
        assert left_filters(before, broker, session, ["x"]) == []


def test_the_rate_is_that_of_the_last_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    rate = _Rate()
    found = []
    for messages in (0, 25_000, 25_100, 25_200, 25_300):
        found.append(rate.of(messages))
        clock[0] += 0.25
    assert found[:2] == [0.0, 0.0]
    for _ in range(60):
        messages += 100
        last = rate.of(messages)
        clock[0] += 0.25
    assert last == pytest.approx(400, rel=0.1)


def test_the_commands_client_id_is_that_of_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert client_id_of("recording") == client_id_of(str(tmp_path / "recording"))
    assert client_id_of("s3://bucket/recording") != client_id_of("recording")
    assert client_id_of("recording").startswith("honeyframe-record-")
