"""Environment variables that make the long forms of these tests, and how much the short ones do."""

from __future__ import annotations

import os


def amount(name: str, gate: float) -> float:
    """``HONEYFRAME_FAULTS_<name>``, or what the gate does."""
    return float(os.environ.get(f"HONEYFRAME_FAULTS_{name}", gate))


def count(name: str, gate: int) -> int:
    return int(amount(name, gate))
