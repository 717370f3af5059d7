"""Calls into the core whose arguments come from the user as they are."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, ParamSpec, TypeVar

from .errors import InvalidArgumentError

P = ParamSpec("P")
T = TypeVar("T")

# A word of pybind11's signature -> what may stand there.
_KINDS: Final[tuple[tuple[str, type | tuple[type, ...]], ...]] = (
    ("bool", bool),
    ("str", str),
    ("bytes", (bytes, bytearray)),
    ("float", (int, float)),
    ("int", int),
)


def core_call(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """``function(*args, **kwargs)``; arguments of a wrong type raise InvalidArgumentError.

    pybind11's own TypeError shows every argument's value, a password among them, in ten lines. This one names the argument.

    Whatever is raised, this frame stays in its traceback, where tools show local variables: the values leave it first.
    """
    try:
        return function(*args, **kwargs)
    except TypeError as error:
        if "incompatible" not in str(error):
            del args, kwargs
            raise
        told = _explain(str(error).split("Invoked with")[0], kwargs)
        del args, kwargs
    except BaseException:
        del args, kwargs
        raise
    raise InvalidArgumentError(told)  # outside the except block: no context that holds the values


def _explain(signature: str, arguments: dict[str, Any]) -> str:
    wrong = []
    for name, value in arguments.items():
        found = re.search(rf"\b{name}: ([^=,)]+)", signature)
        expected = found.group(1).strip() if found else ""
        if not _fits(expected, value):
            wrong.append(f"{name} takes {_readable(expected)}; found {type(value).__name__}")
    return "; ".join(wrong) or f"an argument is out of range or of a wrong type; found {_types(arguments)}"


def _fits(expected: str, value: object) -> bool:
    if value is None:
        return "None" in expected
    kinds = [kind for word, kind in _KINDS if re.search(word, expected, re.IGNORECASE)]
    return not kinds or any(isinstance(value, kind) for kind in kinds)


def _readable(expected: str) -> str:
    kinds = [word for word, _ in _KINDS if re.search(word, expected, re.IGNORECASE)]
    return " or ".join(kinds[:1] if kinds else ["another type"]) + (" or None" if "None" in expected else "")


def _types(arguments: dict[str, Any]) -> str:
    return ", ".join(f"{name}: {type(value).__name__}" for name, value in arguments.items())
