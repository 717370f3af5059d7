"""What fits a terminal."""

import pandas as pd
import pytest

from honeyframe.cli import terminal


@pytest.mark.parametrize("columns", [20, 40, 80, 132])
def test_fitted_never_exceeds_the_width(columns: int) -> None:
    frame = pd.DataFrame({f"column_{number}": [f"value {number} " * 9] * 50 for number in range(30)} | {"温度": ["二十一度" * 8] * 50})
    for shown in (frame, frame.iloc[:, :1], frame.iloc[:0], frame.iloc[:2], frame[["温度"]]):
        text = terminal.fitted(shown, columns=columns)
        assert max(terminal.cells(line) for line in text.split("\n")) <= columns


def test_fitted_shows_as_much_as_fits() -> None:
    frame = pd.DataFrame({name: [1.5, 2.5] for name in "abcdefgh"})
    text = terminal.fitted(frame, columns=80)
    assert text.split("\n")[0].split() == list("abcdefgh")
    assert "[2 rows x 8 columns]" in text


def test_fitted_spells_out_control_characters() -> None:
    text = terminal.fitted(pd.DataFrame({"x": ["\x1b[31mred\x1b[0m"]}), columns=80)
    assert "\x1b" not in text
    assert "\\x1b[31mred" in text


def test_shorten_counts_cells() -> None:
    assert terminal.shorten("abcdef", 6) == "abcdef"
    assert terminal.shorten("abcdefg", 6) == "abc..."
    assert terminal.cells(terminal.shorten("温度温度温度", 7)) <= 7
