"""Clusters of worker processes for tests, whose workers find the test brokers' password in their environment."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import distributed
import pytest


@contextlib.contextmanager
def cluster_of(workers: int) -> Iterator[Any]:
    """With one thread each."""
    with pytest.MonkeyPatch.context() as environment:
        give_password(environment)
        found = distributed.LocalCluster(
            n_workers=workers, threads_per_worker=1, dashboard_address="127.0.0.1:0", silence_logs=logging.CRITICAL
        )
    with found:
        yield found


def give_password(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("MQTT_USERNAME", "both")
    environment.setenv("MQTT_PASSWORD", "both-password")


def password_file(folder: Path, text: str) -> str:
    place = folder / "password"
    place.write_text(text)
    place.chmod(0o600)
    return str(place)
