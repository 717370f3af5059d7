"""Arguments looked at in Python: what they are called when they are wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from honeyframe.arguments import check_columns, check_count, check_file, check_number, check_path, check_strings, count_of
from honeyframe.errors import InvalidArgumentError


@pytest.mark.parametrize("value", [1, np.int32(1), np.uint64(1)])
def test_a_count_is_any_whole_number(value: Any) -> None:
    found = check_count("rows", value, 1)
    assert found == 1
    assert type(found) is int


@pytest.mark.parametrize("value", [None, 1.0, "5", True, [1], b"5"])
def test_what_is_no_whole_number_is_a_type_error(value: Any) -> None:
    with pytest.raises(TypeError, match=f"^rows must be an int, not {type(value).__name__}$"):
        check_count("rows", value)


def test_numbers() -> None:
    assert [check_number("rate", value) for value in (1, 0.5, np.int64(3))] == [1.0, 0.5, 3.0]
    for wrong in ("5", True, None):
        with pytest.raises(TypeError, match=f"^rate must be a number, not {type(wrong).__name__}$"):
            check_number("rate", wrong)


@pytest.mark.parametrize(
    ("value", "bounds", "told"),
    [
        (0, (1,), "rows must be at least 1; found 0"),
        (-1, (), "rows must be at least 0; found -1"),
        (3, (0, 2), "rows must be from 0 to 2; found 3"),
        (2**63, (), "rows must be from 0 to 9223372036854775807; found 9223372036854775808"),
        (10**5000, (), "rows must be from 0 to 9223372036854775807; found a number of 16610 bits"),
    ],
    ids=["least", "negative", "most", "int64", "endless"],
)
def test_out_of_range(value: int, bounds: tuple[int, ...], told: str) -> None:
    with pytest.raises(InvalidArgumentError) as raised:
        check_count("rows", value, *bounds)
    assert str(raised.value) == told


def test_strings() -> None:
    assert check_strings("metadata", ("a", "b")) == ["a", "b"]
    assert check_strings("metadata", None) == []
    for wrong, told in ((5, "not int"), ([5], "found int in it")):
        with pytest.raises(TypeError, match=f"metadata must be a list of strings.*{told}"):
            check_strings("metadata", wrong)  # type: ignore[arg-type]
    with pytest.raises(InvalidArgumentError, match="metadata"):
        check_strings("metadata", "topic")


def test_no_columns_are_not_all_columns() -> None:
    assert check_columns(None) is None
    assert check_columns(iter(["a"])) == ["a"]
    with pytest.raises(InvalidArgumentError, match="columns is empty"):
        check_columns([])


def test_paths() -> None:
    assert check_path("ca_file", "~/ca.pem") == Path.home() / "ca.pem"
    assert check_path("ca_file", Path("ca.pem")) == Path("ca.pem")
    with pytest.raises(InvalidArgumentError, match="ca_file is an empty path"):
        check_path("ca_file", "")
    for wrong in (5, b"ca.pem"):
        with pytest.raises(TypeError, match="ca_file must be a path"):
            check_path("ca_file", wrong)


def test_a_file_is_no_directory(tmp_path: Path) -> None:
    assert check_file("path", tmp_path / "c.png") == tmp_path / "c.png"
    for wrong in (tmp_path, f"{tmp_path}/c.png/"):
        with pytest.raises(InvalidArgumentError, match="path must name a file; found the directory"):
            check_file("path", wrong)


def test_one_is_singular() -> None:
    assert [count_of(number, "row") for number in (0, 1, 2000)] == ["0 rows", "1 row", "2,000 rows"]
