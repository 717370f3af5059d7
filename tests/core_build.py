"""Where an optimised build of the core lies, for the tests of the CMake package and of the benchmarks."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.brokers.prepare import required

ROOT = Path(__file__).resolve().parents[1]


def core_build() -> Path:
    """The wheel's (scripts/test.sh) or the default preset's, whichever is newer.

    Where there is neither, the test is skipped, or fails where what tests need is required.
    """
    archives = [ROOT / "build" / name / "cpp" / "core" / "libhoneyframe_core.a" for name in ("wheel/core", "default")]
    found = [archive for archive in archives if archive.exists()]
    if not found:
        (pytest.fail if required() else pytest.skip)("no build of the core: cmake --preset default && cmake --build --preset default")
    return max(found, key=lambda archive: archive.stat().st_mtime).parents[2]
