"""Where an optimised build of the core lies, for the tests of the CMake package and of the benchmarks."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def core_build() -> Path:
    """The wheel's (scripts/test.sh) or the default preset's, whichever is newer. The test is skipped where there is neither."""
    archives = [ROOT / "build" / name / "cpp" / "core" / "libhoneyframe_core.a" for name in ("wheel/core", "default")]
    found = [archive for archive in archives if archive.exists()]
    if not found:
        pytest.skip("no build of the core: cmake --preset default && cmake --build --preset default")
    return max(found, key=lambda archive: archive.stat().st_mtime).parents[2]
