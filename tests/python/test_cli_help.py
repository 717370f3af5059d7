"""What every command has, whoever wrote it: help that fits a screen, a page in the docs, completion."""

import io
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from scripts import command_reference
from tests.python.command_line import COMMAND, Shell, environment, run, run_in_terminal, without_escapes

from honeyframe.cli.ending import complain
from honeyframe.profiles import Profile, ProfileWriter

COMMANDS = command_reference.commands()
MOST_LINES = 40
TERMINALS = [80, 40]


@pytest.mark.parametrize("name", ["", *COMMANDS, "profile"])
def test_help_fits_a_screen(shell: Shell, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forty lines of eighty columns; narrow terminals have more lines, and none too wide."""
    pages = {}
    for columns in TERMINALS:
        monkeypatch.setenv("COLUMNS", str(columns))
        done = shell(*name.split(), "--help")
        assert (done.code, done.err) == (0, "")
        assert done.out.isascii()  # or a locale without UTF-8 could not show it
        assert "\x1b" not in done.out
        assert max(map(len, done.out.splitlines())) <= columns
        pages[columns] = done.out
    assert len(pages[80].splitlines()) <= MOST_LINES, pages[80]
    assert pages[80].startswith(f"Usage: honeyframe {name}".rstrip())
    assert "Exit codes: 0 done; 1 failed; 2 wrong usage" in " ".join(pages[80].split())


@pytest.mark.parametrize("name", COMMANDS)
def test_help_tells_every_option(shell: Shell, name: str) -> None:
    page = shell(*name.split(), "--help").out
    options = [one for one in COMMANDS[name].params if one.param_type_name == "option" and not one.hidden]
    told = [any(re.search(rf"(?<![\w-]){re.escape(flag)}(?![\w-])", page) for flag in one.opts) for one in options]
    assert [one.opts for one, is_there in zip(options, told, strict=True) if not is_there] == []
    assert all(one.help for one in options)


@pytest.mark.parametrize("name", COMMANDS)
def test_no_command_takes_h_for_help(name: str) -> None:
    flags = {flag: one.name for one in COMMANDS[name].params for flag in one.opts}
    assert flags.get("-h", "host") == "host"
    assert {flag: flags[flag] for flag in ("-u", "-P", "-i", "-V", "-k", "-L", "-p") if flag in flags} == {
        flag: meaning
        for flag, meaning in {
            "-u": "username",
            "-P": "password",
            "-i": "client_id",
            "-V": "protocol",
            "-k": "keepalive",
            "-L": "url",
            "-p": "port",
        }.items()
        if flag in flags
    }


SHARED = {"seconds": {"-W", "-s", "--seconds", "--timeout"}, "count": {"-C", "-n", "--count", "--rows"}, "qos": {"-q", "--qos"}}


@pytest.mark.parametrize("name", COMMANDS)
def test_the_same_flags_mean_the_same_everywhere(name: str) -> None:
    """How long, how much and which QoS: by each of their flags, wherever one of the long ones is known."""
    for flags in SHARED.values():
        for one in COMMANDS[name].params:
            if any(flag in flags for flag in one.opts if flag.startswith("--")):
                assert flags <= set(one.opts)


EVERY_HELP = """
import contextlib, sys
from honeyframe.cli import main
for name in sys.argv[1:]:
    sys.argv = ["honeyframe", *name.split(), "--help"]
    with contextlib.suppress(SystemExit):
        main()
    print("=" * 7, flush=True)
"""


def test_help_of_every_command_in_a_terminal_of_40_columns() -> None:
    code, screen = run_in_terminal(*COMMANDS, columns=40, program=[sys.executable, "-c", EVERY_HELP])
    assert code == 0, screen
    pages = screen.split("=" * 7 + "\n")[:-1]
    assert len(pages) == len(COMMANDS)
    for name, page in zip(COMMANDS, pages, strict=True):
        assert "\x1b[1mOptions\x1b[0m" in page
        text = without_escapes(page)
        assert " ".join(text.split()).startswith(f"Usage: honeyframe {name} ")
        assert max(map(len, text.splitlines())) <= 40


def test_no_colour_where_none_is_wanted() -> None:
    code, screen = run_in_terminal("sub", "--help", NO_COLOR="1")
    assert code == 0
    assert "\x1b" not in screen
    code, screen = run_in_terminal("sub", "--json", "--csv", "mqtt://h", "a")
    assert (code, screen.startswith("\x1b[31merror: \x1b[0m")) == (2, True)
    for plain in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        code, screen = run_in_terminal("sub", "--json", "--csv", "mqtt://h", "a", **plain)
        assert (code, screen.startswith("error: ")) == (2, True)


def test_what_is_told_goes_out_in_one_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or two threads would take each other's words apart."""
    written: list[str] = []

    class Pieces(io.StringIO):
        def write(self, text: str) -> int:
            count = super().write(text)
            written.append(text)
            return count

    monkeypatch.setattr(sys, "stderr", Pieces())
    complain("error", "one\ntwo")
    assert [text for text in written if text] == ["error: one\ntwo\n"]


def test_help_without_utf8() -> None:
    done = run("sub", "--help", LC_ALL="C", PYTHONCOERCECLOCALE="0", PYTHONUTF8="0")
    assert done.returncode == 0
    assert "Usage: honeyframe sub" in done.stdout


def test_a_word_too_many_or_too_few(shell: Shell) -> None:
    for arguments, told in [
        (["read", "-h"], "-h takes the broker's host; help is"),
        (["profile", "show"], "NAME"),
        (["profile", "list", "x"], "x"),
        (["sub", "--nonsense"], "--nonsense"),
        (["nonsense"], "nonsense"),
        (["profile", "nonsense"], "nonsense"),
        (["sub", "-p", "70000", "a"], "65535"),
    ]:
        done = shell(*arguments)
        assert (done.code, done.out) == (2, "")
        assert told in done.err
        assert re.search(r"^  hint: .*honeyframe[\w ]* --help$", done.err, re.MULTILINE)


EVERY_MISTAKE = """
import contextlib, sys
from honeyframe.cli import main
for name in sys.argv[1:]:
    for flag in ("-h", "--no-such-flag"):
        sys.argv = ["honeyframe", *name.split(), flag]
        with contextlib.suppress(SystemExit):
            main()
        print("=" * 7, flush=True)
"""


def test_a_flag_that_is_none_and_h_alone_are_a_sentence_in_a_terminal() -> None:
    code, screen = run_in_terminal(*COMMANDS, program=[sys.executable, "-c", EVERY_MISTAKE])
    assert code == 0, screen
    told = without_escapes(screen).split("=" * 7 + "\n")[:-1]
    assert len(told) == 2 * len(COMMANDS)
    for number, text in enumerate(told):
        name, flag = list(COMMANDS)[number // 2], ("-h", "--no-such-flag")[number % 2]
        sentence, hint = text.splitlines()
        assert sentence.startswith("error: ")
        assert flag in sentence
        assert hint.endswith(f"honeyframe {name} --help")


# the docs --------------------------------------------------------------------------------------------------------------------------------


def test_the_docs_have_every_command_with_its_options() -> None:
    page = command_reference.PAGE.read_text(encoding="utf-8")
    assert command_reference.headings(page) == set(COMMANDS)
    assert command_reference.written(page) == page, "run: python scripts/command_reference.py"
    for name in COMMANDS:
        section = re.split(r"^##+ ", page.split(f"## `honeyframe {name}`\n")[1], flags=re.MULTILINE)[0]
        prose = re.sub(r"<!-- options of.*?<!-- end -->|```.*?```", "", section, flags=re.DOTALL)
        assert len(prose.split()) >= 8, f"{name} has no words of its own"


def test_the_docs_have_every_option_of_a_broker() -> None:
    table = command_reference.PAGE.read_text(encoding="utf-8").split("<!-- options of a broker -->")[1].split("<!-- end -->")[0]
    options = [one for one in COMMANDS["sub"].params if getattr(one, "rich_help_panel", None) == "Broker"]
    assert [one.name for one in options if f"`{one.opts[0]}" not in table] == []
    assert "`--profile NAME`" in table


def test_a_new_command_gets_a_section(monkeypatch: pytest.MonkeyPatch) -> None:
    page = command_reference.PAGE.read_text(encoding="utf-8")
    known = dict(COMMANDS)
    monkeypatch.setattr(command_reference, "commands", lambda: {**known, "brand-new": known["sub"]})
    grown = command_reference.written(page)
    assert "## `honeyframe brand-new`\n\nPrint messages as they come" in grown
    assert "`-C`, `-n`, `--count`" in grown.split("brand-new`")[1]
    assert command_reference.written(grown) == grown


# completion ------------------------------------------------------------------------------------------------------------------------------

WORDS = {
    "honeyframe su": {"sub"},
    "honeyframe sub --ca": {"--ca-file", "--cafile"},
    "honeyframe sub wo": {"work"},
    "honeyframe profile ": {"add", "list", "show", "remove"},
}
SHELLS = {  # how each one's script asks, and how a shell runs it
    "bash": "{script}; COMP_WORDS=(honeyframe su); COMP_CWORD=1; _honeyframe_completion honeyframe; echo ${{COMPREPLY[@]}}",
    "zsh": "autoload -Uz compinit; compinit -D; {script}; print -r -- $_comps[honeyframe]",
    "fish": "{script}; complete -C 'honeyframe su'",
}


@pytest.fixture
def _work(profiles: Path) -> None:
    with ProfileWriter("work", replace=False) as writer:
        writer.write(Profile("work", "mqtt://h"))


@pytest.mark.usefixtures("_work")
@pytest.mark.parametrize(("shell_name", "lines"), [("bash", list(WORDS)), ("zsh", list(WORDS)[:1]), ("fish", list(WORDS)[:1])])
def test_words_are_completed(shell_name: str, lines: list[str]) -> None:
    """By the protocol of each shell's script."""
    for line in lines:
        asked = {"_HONEYFRAME_COMPLETE": f"complete_{shell_name}"}
        if shell_name == "bash":
            asked |= {"COMP_WORDS": line, "COMP_CWORD": str(len(line.split(" ")) - 1)}
        else:
            asked |= {"_TYPER_COMPLETE_ARGS": line, "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
        done = run(**asked)
        found = set(re.findall(r"(?:^|[\"\s])(--[\w-]+|[a-z]+)(?=$|[\"\s])", done.stdout, re.MULTILINE))
        assert WORDS[line] <= found, (line, done.stdout, done.stderr)


@pytest.mark.parametrize("shell_name", SHELLS)
def test_the_script_in_a_real_shell(shell_name: str, tmp_path: Path) -> None:
    program = shutil.which(shell_name)
    if program is None:
        pytest.skip(f"no {shell_name} on this machine")
    command = tmp_path / "honeyframe"
    command.write_text(f"#!/bin/sh\nexec '{sys.executable}' -m honeyframe \"$@\"\n")
    command.chmod(0o755)
    made = environment(HOME=str(tmp_path), PATH=f"{tmp_path}:{os.environ['PATH']}")
    show = [program, "-c", "honeyframe --show-completion; true"]  # and not in the shell's place, or it would not be found
    script = subprocess.run(show, capture_output=True, text=True, env=made, timeout=30, check=True).stdout
    assert "_HONEYFRAME_COMPLETE" in script
    (tmp_path / "script").write_text(script)
    code = SHELLS[shell_name].format(script=f". {tmp_path}/script")
    done = subprocess.run([program, "-c", code], capture_output=True, text=True, env=made, timeout=30, check=True)
    assert done.stdout.split()[0] == ("_honeyframe_completion" if shell_name == "zsh" else "sub"), done.stderr


def test_completion_into_a_home_that_cannot_be_written() -> None:
    done = subprocess.run(
        ["bash", "-c", f"{' '.join(COMMAND)} --install-completion; exit $?"],
        capture_output=True,
        text=True,
        env=environment(HOME="/proc"),
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: /proc/")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("redirection", "code", "told"), [(">/dev/full", 1, "error: No space left on device\n"), (">&-", 0, ""), ("2>&-", 0, "")]
)
def test_output_that_goes_nowhere(redirection: str, code: int, told: str) -> None:
    command = f"{' '.join(COMMAND)} --version {redirection}; exit $?"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, env=environment(), timeout=30, check=False)
    assert (done.returncode, done.stderr) == (code, told)
