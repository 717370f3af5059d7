"""Writes the tables of options into docs/command-line.md, of every command that is registered; what stands around them is written by hand.

    python scripts/command_reference.py

A command that has no section yet gets one, with the words of its help.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from honeyframe.cli.app import app
from honeyframe.cli.options import BROKER_PANEL

PAGE = Path(__file__).resolve().parents[1] / "docs" / "command-line.md"
_BROKER = "a broker"
_TABLE = re.compile(r"<!-- options of (?P<name>[a-z -]+) -->\n.*?<!-- end -->\n", re.DOTALL)


def commands() -> dict[str, Any]:
    """Every command by its name: "sub", "profile add"."""
    return dict(_walk(typer.main.get_command(app), ""))


def _walk(group: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if not hasattr(command, "commands") or command.invoke_without_command:
            yield f"{prefix}{name}", command
        if hasattr(command, "commands"):
            yield from _walk(command, f"{prefix}{name} ")


def headings(page: str) -> set[str]:
    """The names of the commands that have a section."""
    return set(re.findall(r"^##+ `honeyframe ([a-z -]+)`$", page, re.MULTILINE))


def written(page: str) -> str:
    """``page`` with every table as it is to be, and a section for each command."""
    known = commands()
    for name, command in known.items():
        if name not in headings(page):
            page += f"\n## `honeyframe {name}`\n\n{inspect.cleandoc(command.help or '')}\n\n<!-- options of {name} -->\n<!-- end -->\n"
    return _TABLE.sub(lambda match: f"<!-- options of {match['name']} -->\n{_table(match['name'], known)}<!-- end -->\n", page)


def _table(name: str, known: dict[str, Any]) -> str:
    command = known["sub" if name == _BROKER else name]
    options = [
        one
        for one in command.params
        if one.param_type_name == "option" and not one.hidden and (one.rich_help_panel == BROKER_PANEL) == (name == _BROKER)
    ]
    if not options:
        return ""
    rows = "".join(f"| {_names(one)} | {(one.help or '').replace('|', '&#124;')}{_default(one)} |\n" for one in options)
    return f"\n| option | |\n|---|---|\n{rows}\n"


def _names(option: Any) -> str:
    names = sorted(option.opts, key=lambda name: name.startswith("--"))
    names += [f"{name}" for name in option.secondary_opts]
    metavar = "" if option.is_flag else f" {option.metavar or option.name.upper()}"
    return ", ".join([*(f"`{name}`" for name in names[:-1]), f"`{names[-1]}{metavar}`"])


def _default(option: Any) -> str:
    return f" Default {option.default}." if option.show_default and not option.is_flag and option.default not in (None, "") else ""


if __name__ == "__main__":
    before = PAGE.read_text(encoding="utf-8")
    after = written(before)
    PAGE.write_text(after, encoding="utf-8")
    print("nothing to change" if after == before else f"{PAGE} written", file=sys.stderr)
