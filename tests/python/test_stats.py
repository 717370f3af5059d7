"""The book of a stream."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from honeyframe import _core
from honeyframe.stats import StreamStats, stats_from_core


def test_every_counter_of_the_core_has_its_field() -> None:
    queue = _core.Queue()
    reader = _core.StreamReader(queue, _core.ExtractOptions())
    stats = stats_from_core(reader.counters(), reader.extract_counters())
    assert set(reader.counters()) | set(reader.extract_counters()) <= set(stats.as_dict())


def test_balanced() -> None:
    assert StreamStats(received=9, delivered=1, queued=2, dropped=3, quarantined=2, discarded_on_close=1).balanced
    assert not StreamStats(received=9).balanced


def test_reads_as_a_mapping_too() -> None:
    stats = StreamStats(received=2, delivered=2, rows=3)
    assert stats["rows"] == 3
    assert dict(stats) == stats.as_dict()
    with pytest.raises(KeyError):
        stats["no such counter"]
    with pytest.raises(KeyError):
        stats["keys"]


def test_is_immutable() -> None:
    with pytest.raises(FrozenInstanceError):
        StreamStats().received = 1  # type: ignore[misc]


def test_repr_tells_the_sum_and_the_losses() -> None:
    text = repr(StreamStats(received=1_234, delivered=1_200, dropped=34, dropped_oldest=34, rows=1_200))
    assert "received 1,234 = delivered 1,200 + dropped 34" in text
    assert "dropped_oldest 34" in text
    html = StreamStats(received=3, delivered=3)._repr_html_()
    assert "received 3 = delivered 3" in html
