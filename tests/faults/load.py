"""Environment variables that make the long forms of these tests, and how much the short ones do."""

from __future__ import annotations

import os
import sys

import pytest

#: Memory, descriptors and threads of a process are looked up in /proc.
needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="looks at a process through /proc, which is Linux's")


def amount(name: str, gate: float) -> float:
    """``HONEYFRAME_FAULTS_<name>``, or what the gate does."""
    return float(os.environ.get(f"HONEYFRAME_FAULTS_{name}", gate))


def count(name: str, gate: int) -> int:
    return int(amount(name, gate))
