"""Calls into the core whose arguments come from the user as they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, ParamSpec, TypeVar

from .errors import InvalidArgumentError

P = ParamSpec("P")
T = TypeVar("T")

_INT_RANGES: Final = ((-(2**63), 2**64 - 1), (0, 2**63 - 1), (0, 2**31 - 1))  # from the widest to the narrowest in the core


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
        told = _explain(_signature(str(error)), args, kwargs)
        del args, kwargs
    except BaseException:
        del args, kwargs
        raise
    raise InvalidArgumentError(told)  # outside the except block: no context that holds the values


def _explain(signature: str, positional: Sequence[Any], named: dict[str, Any]) -> str:
    expected = dict(_parameters(signature))
    expected.pop("self", None)
    arguments = dict(zip(expected, positional, strict=False)) | named
    wrong = [
        f"{name} takes {_readable(expected[name])}; found {_found(value)}"
        for name, value in arguments.items()
        if name in expected and not _fits(expected[name], value)
    ]
    wrong = wrong or _not_taken(expected, arguments) or _out_of_range(expected, arguments)
    return "; ".join(wrong) or f"an argument is out of range or of a wrong type; found {_types(arguments)}"


def _signature(text: str) -> str:
    """The one line of pybind11's message that has the signature. Never what was passed, which comes behind it."""
    return text.split("Invoked with")[0].partition("1. ")[2]


def _parameters(signature: str) -> Iterator[tuple[str, str]]:
    """Name and type of each parameter in pybind11's ``name(self: C, a: Sequence[tuple[str, int]] = [], *, b: str | None) -> None``."""
    for part in _split(signature[signature.find("(") + 1 :], ","):
        name, colon, kind = part.partition(":")
        if colon:
            yield name.strip(), next(_split(kind, "="), "").strip()


def _split(text: str, separator: str) -> Iterator[str]:
    """The parts of ``text`` between separators that stand in no bracket and no quotes, up to the bracket that closes the whole."""
    depth, start, quoted = 0, 0, False
    for place, character in enumerate(text):
        if character == "'":
            quoted = not quoted
        elif quoted:
            continue
        elif character in "([{":
            depth += 1
        elif character in ")]}":
            if depth == 0:
                text = text[:place]
                break
            depth -= 1
        elif character == separator and depth == 0:
            yield text[start:place]
            start = place + 1
    yield text[start:]


def _fits(expected: str, value: object) -> bool:
    """Whether pybind11 takes ``value``, but for its range."""
    return any(_fits_one(kind.strip(), value) for kind in _split(expected, "|"))


def _fits_one(kind: str, value: object) -> bool:
    name, _, inner = kind.removeprefix("typing.").removeprefix("collections.abc.").partition("[")
    if name == "None":
        return value is None
    if name == "str":
        return isinstance(value, (str, bytes, bytearray))
    if name == "bytes":
        return isinstance(value, bytes)
    if name == "bool":
        return value is None or hasattr(type(value), "__bool__")
    if name in ("int", "SupportsInt", "SupportsIndex"):
        return not isinstance(value, float) and (hasattr(type(value), "__int__") or hasattr(type(value), "__index__"))
    if name in ("float", "SupportsFloat"):
        return hasattr(type(value), "__float__") or hasattr(type(value), "__index__")
    if name in ("Sequence", "tuple"):
        return _fits_items(name, list(_split(inner, ",")), value)
    return value is not None  # object, or a class of the core, which no user passes


def _fits_items(name: str, kinds: list[str], value: object) -> bool:
    if not isinstance(value, Sequence) or isinstance(value, (str, bytes)):
        return False
    if name == "Sequence":
        return all(_fits(kinds[0], item) for item in value)
    return len(value) == len(kinds) and all(_fits(kind, item) for kind, item in zip(kinds, value, strict=True))


def _not_taken(expected: dict[str, str], arguments: dict[str, Any]) -> list[str]:
    """Text that is of the right type, as far as that tells: of a str that is no UTF-8, pybind11 says that it is no str."""
    torn = [f"{name} holds a lone surrogate, which UTF-8 cannot carry" for name in arguments if name in expected and _torn(arguments[name])]
    texts = [name for name, kind in expected.items() if kind.startswith("str") and isinstance(arguments.get(name), (bytes, bytearray))]
    return torn or [f"{name} takes str; found {type(arguments[name]).__name__}" for name in texts]


def _torn(value: object) -> bool:
    if isinstance(value, (list, tuple)):
        return any(_torn(item) for item in value)
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return True
    return False


def _out_of_range(expected: dict[str, str], arguments: dict[str, Any]) -> list[str]:
    numbers = {name: value for name, value in arguments.items() if type(value) is int and "Supports" in expected.get(name, "")}
    for least, most in _INT_RANGES:
        beyond = [name for name, value in numbers.items() if not least <= value <= most]
        if beyond:
            return [f"{name} is out of range" for name in beyond]
    return []


def _found(value: object) -> str:
    """The type of what was found; of a list, those of its items: the list itself may be right."""
    kind = type(value).__name__
    if isinstance(value, (list, tuple)):
        return f"{kind} of {', '.join(sorted({type(item).__name__ for item in value})) or 'nothing'}"
    return kind


def _readable(expected: str) -> str:
    words = {"typing.SupportsInt": "int", "typing.SupportsFloat": "float", "typing.SupportsIndex": ""}
    kinds = [words.get(kind.strip(), kind.strip().replace("collections.abc.", "")) for kind in _split(expected, "|")]
    return " or ".join(kind for kind in kinds if kind)


def _types(arguments: dict[str, Any]) -> str:
    return ", ".join(f"{name}: {type(value).__name__}" for name, value in arguments.items())
