"""The versions of packages, as they are installed in this process's environment."""

from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Iterable


def versions(packages: Iterable[str]) -> str:
    """``"gmqtt 0.8.0, pandas 3.1.1"``; by the names on PyPI."""
    found = []
    for package in packages:
        try:
            found.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:  # used from a source tree
            found.append(f"{package} {getattr(sys.modules.get(package), '__version__', 'from its sources')}")
    return ", ".join(found)
