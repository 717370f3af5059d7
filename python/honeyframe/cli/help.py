"""What ``--help`` shows: a subcommand's own options in full, those of every broker in a few lines, so that it fits a screen."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Sequence
from typing import Any, Final

import typer
from typer.core import TyperCommand, TyperGroup

from .options import BROKER_PANEL
from .terminal import wants_colour

EXIT_CODES: Final = "Exit codes: 0 done; 1 failed; 2 wrong usage; 3 no messages, or too few; 130 interrupted."
_BROKER: Final = (
    "-L URI, --profile NAME, or -h HOST -p PORT (8883: TLS, 8884: wss) --tls --ws",
    "-u USER -P PASSWORD --password-file FILE -i CLIENT_ID -V VERSION -k SECONDS",
    "--ca-file PEM --cert PEM --key PEM --insecure",
    "`honeyframe profile add --help` explains each of them.",
)
_BROKER_WORD: Final = "BROKER is an address (mqtts://host) or a profile's name; default $HONEYFRAME_PROFILE, else $MQTT_SERVER. Or:"
_WIDEST: Final = 100
_NARROWEST: Final = 24
_INDENT: Final = 2
_LEFT: Final = 26  # where the explanations begin, at most


class Command(TyperCommand):
    """A subcommand whose broker options are told in short."""

    tells_broker = False  # each of the broker's options

    def parse_args(self, ctx: Any, args: list[str]) -> Any:
        try:
            return super().parse_args(ctx, args)
        except Exception as error:
            told: Any = error
            if getattr(told, "ctx", ctx) is None:  # of an option without its value: whose it is
                told.ctx = ctx
            raise

    def format_help(self, ctx: Any, formatter: Any) -> None:
        options = [parameter for parameter in self.params if parameter.param_type_name == "option" and not _is_hidden(parameter)]
        is_short = not self.tells_broker and any(one.name == "host" for one in options)
        brokers = [one for one in options if is_short and getattr(one, "rich_help_panel", None) == BROKER_PANEL]
        page = _Page()
        _head(page, self, ctx)
        page.table("Arguments", _arguments(self))
        page.table("Options", [_option(ctx, one) for one in [*options, *_help_option(self, ctx, options)] if one not in brokers])
        if brokers:
            page.text("Broker", _BROKER if all(one.name != "words" for one in self.params) else (_BROKER_WORD, *_BROKER))
        page.paragraph(EXIT_CODES)
        formatter.write(page.end())


class FullCommand(Command):
    """One that tells each option of a broker."""

    tells_broker = True


class Group(TyperGroup):
    """A command of subcommands."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        options = [parameter for parameter in self.params if not _is_hidden(parameter)]
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        page = _Page()
        _head(page, self, ctx)
        page.table("Commands", [(name, _sentence(one.help)) for name, one in commands if one is not None and not one.hidden])
        page.table("Options", [_option(ctx, one) for one in [*options, *_help_option(self, ctx, options)]])
        page.paragraph(EXIT_CODES)
        formatter.write(page.end())


class App(typer.Typer):
    """A Typer whose subcommands are :class:`Command`."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(cls=Group, **settings)

    def command(self, *args: Any, **settings: Any) -> Any:
        settings.setdefault("cls", Command)
        return super().command(*args, **settings)


def _head(page: _Page, command: Any, ctx: Any) -> None:
    pieces = ["[OPTIONS]", *(piece for one in command.params if one.param_type_name == "argument" for piece in _argument(one))]
    if isinstance(command, TyperGroup):
        pieces.append("COMMAND [ARGS]...")
    page.paragraph(f"{_bold('Usage:')} {ctx.command_path} {' '.join(pieces)}")
    for part in (command.help or "").split("\n\n"):
        page.paragraph(" ".join(part.split()))


def _is_hidden(parameter: Any) -> bool:
    return bool(getattr(parameter, "hidden", False))


def _argument(argument: Any) -> list[str]:
    name = argument.metavar or argument.name.upper()
    return [name if name.startswith("[") or argument.required else f"[{name}]"]


def _arguments(command: Any) -> list[tuple[str, str]]:
    return [
        (" ".join(_argument(one)).strip("[]"), one.help)
        for one in command.params
        if one.param_type_name == "argument" and not _is_hidden(one) and one.help
    ]


def _help_option(command: Any, ctx: Any, options: Sequence[Any]) -> list[Any]:
    found = command.get_help_option(ctx)
    return [found] if found is not None and found not in options else []


def _option(ctx: Any, option: Any) -> tuple[str, str]:
    long = [name for name in option.opts if name.startswith("--")][:1]
    short = [name for name in option.opts if not name.startswith("--")]
    names = ", ".join([*short, *("/".join([name, *option.secondary_opts[:1]]) for name in long)])
    if not option.is_flag:
        names += f" {option.metavar or option.name.upper()}"
    text = option.help or ""
    default = option.get_default(ctx, call=False) if option.show_default and not option.is_flag else None
    return names if short else f"    {names}", text + (f" Default {default}." if default not in (None, "") else "")


def _sentence(text: str | None) -> str:
    """The first sentence."""
    first = " ".join((text or "").split("\n\n")[0].split())
    end = first.find(". ")
    return first if end < 0 else first[: end + 1]


def _bold(text: str) -> str:
    return typer.style(text, bold=True) if wants_colour() else text


class _Page:
    """Text that fits the terminal, made line by line."""

    def __init__(self) -> None:
        self._width = max(_NARROWEST, min(shutil.get_terminal_size((80, 24)).columns, _WIDEST) - 1)
        self._lines: list[str] = []

    def paragraph(self, text: str) -> None:
        """Then a blank line."""
        if text:
            self._lines += [*textwrap.wrap(text, self._width, break_on_hyphens=False), ""]

    def text(self, title: str, lines: Sequence[str]) -> None:
        self._lines.append(_bold(title))
        for line in lines:
            self._lines += textwrap.wrap(line, self._width, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False)
        self._lines.append("")

    def table(self, title: str, rows: Sequence[tuple[str, str]]) -> None:
        if not rows:
            return
        self._lines.append(_bold(title))
        left = _INDENT + min(max(len(name) for name, _ in rows), _LEFT) + 2
        if left > self._width // 2:
            left = _INDENT + 4  # a narrow terminal: explanations below the names
        for name, text in rows:
            self._lines += _row(f"{' ' * _INDENT}{name}", text, left, self._width)
        self._lines.append("")

    def end(self) -> str:
        return "\n".join(self._lines[:-1]) + "\n"


def _row(name: str, text: str, left: int, width: int) -> list[str]:
    explained = textwrap.wrap(text, width - left, break_on_hyphens=False)
    if len(name) + 2 > left:
        return [*textwrap.wrap(name, width, subsequent_indent="    "), *(f"{'':{left}}{line}" for line in explained)]
    first, *others = explained or [""]
    return [f"{name:{left}}{first}".rstrip(), *(f"{'':{left}}{line}" for line in others)]
