"""Arguments looked at before the core sees them: each error names the argument in one line, and a secret is never among them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, SupportsFloat

from .errors import InvalidArgumentError

_MOST: Final = 2**63 - 1  # what fits the core's counters


def check_count(name: str, value: Any, least: int = 0, most: int = _MOST) -> int:
    """``value`` as an int from ``least`` to ``most``; TypeError for what is no whole number, numpy's among them."""
    if isinstance(value, bool) or not hasattr(type(value), "__index__"):
        raise TypeError(f"{name} must be an int, not {type(value).__name__}")
    number: int = value.__index__()
    if not least <= number <= most:
        limit = f"at least {least}" if most == _MOST and number < least else f"from {least} to {most}"
        raise InvalidArgumentError(f"{name} must be {limit}; found {_shown(number)}")
    return number


def check_number(name: str, value: Any) -> float:
    """``value`` as a float; TypeError for what is no number."""
    if isinstance(value, bool) or not isinstance(value, SupportsFloat):
        raise TypeError(f"{name} must be a number, not {type(value).__name__}")
    return float(value)


def _shown(number: int) -> str:
    return str(number) if abs(number) < 10**30 else f"a number of {number.bit_length()} bits"


def check_strings(name: str, values: Iterable[str] | None) -> list[str]:
    """``values`` as a list; InvalidArgumentError for one string alone, TypeError for anything else in it."""
    if values is None:
        return []
    if isinstance(values, (str, bytes)):
        raise InvalidArgumentError(f"{name} must be a list of strings; found the string {values!r}", hint=f"Pass {name}=[{values!r}].")
    if not isinstance(values, Iterable):
        raise TypeError(f"{name} must be a list of strings, not {type(values).__name__}")
    strings = list(values)
    for value in strings:
        if not isinstance(value, str):
            raise TypeError(f"{name} must be a list of strings; found {type(value).__name__} in it")
    return strings


def check_names(name: str, value: str | Iterable[str]) -> tuple[str, ...]:
    """One column's name, or several, each once. TypeError for anything else."""
    if isinstance(value, str):
        return (value,)
    if isinstance(value, bytes) or not isinstance(value, Iterable):
        raise TypeError(f"{name} must be a column's name, or a list of them, not {type(value).__name__}")
    names = tuple(dict.fromkeys(value))
    for one in names:
        if not isinstance(one, str):
            raise TypeError(f"{name} must be names of columns; found {type(one).__name__} in it")
    return names


def check_columns(columns: Iterable[str] | None) -> list[str] | None:
    """``columns=`` as a list; None where all are wanted. An empty list would be read as that."""
    if columns is None:
        return None
    names = check_strings("columns", columns)
    if not names:
        raise InvalidArgumentError("columns is empty: name at least one, or leave it out to read all")
    return names


def check_path(name: str, value: Any) -> Path:
    """``value`` as a path, ``~`` resolved; TypeError for what is none."""
    if not isinstance(value, (str, os.PathLike)):
        raise TypeError(f"{name} must be a path (str or os.PathLike), not {type(value).__name__}")
    if not os.fspath(value):
        raise InvalidArgumentError(f"{name} is an empty path: name a file, or leave it out")
    return Path(value).expanduser()


def check_file(name: str, value: Any) -> Path:
    """``value`` as the path of a file that is to be written; InvalidArgumentError for a directory."""
    path = check_path(name, value)
    if path.is_dir() or os.fspath(value).endswith(("/", os.sep)):
        raise InvalidArgumentError(f"{name} must name a file; found the directory {os.fspath(value)!r}", hint="Add the file's name.")
    return path


def count_of(number: int, noun: str) -> str:
    """
    >>> count_of(1, "row"), count_of(2000, "row")
    ('1 row', '2,000 rows')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
