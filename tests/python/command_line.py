"""The command line as a user meets it: processes, pipes and pseudo-terminals; and in this process, where that will do."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

COMMAND = [sys.executable, "-m", "honeyframe"]


def environment(**more: str) -> dict[str, str]:
    """This process's, without what would change the output or hand out somebody's credentials."""
    without = ("COLUMNS", "LINES", "FORCE_COLOR", "NO_COLOR", "TERM", "LC_ALL", "LANG")
    ours = ("MQTT_", "LC_", "HONEYFRAME_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours) and name not in without}
    return kept | {"TERM": "xterm", "LC_ALL": "C.UTF-8"} | more


def run(*arguments: str, timeout: float = 40, stdin: bytes | None = None, **more: str) -> subprocess.CompletedProcess[str]:
    """A process without a terminal."""
    done = subprocess.run(
        [*COMMAND, *arguments], capture_output=True, timeout=timeout, env=environment(**more), input=stdin or b"", check=False
    )
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def run_in_terminal(
    *arguments: str, columns: int = 80, keys: bytes = b"", timeout: float = 40, program: Sequence[str] = COMMAND, **more: str
) -> tuple[int, str]:
    """Exit code and screen of a command run in a pseudo-terminal; ``keys`` are typed once something was printed."""
    process_id, terminal_fd = pty.fork()
    if process_id == 0:
        os.execve(program[0], [*program, *arguments], environment(**more))
    fcntl.ioctl(terminal_fd, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    screen = b""
    deadline = time.monotonic() + timeout
    try:
        while time.monotonic() < deadline:
            if select.select([terminal_fd], [], [], 0.1)[0]:
                try:
                    chunk = os.read(terminal_fd, 65536)
                except OSError:  # the other side has closed: Linux says EIO
                    break
                if not chunk:
                    break
                screen += chunk
            if keys and without_escapes(screen.decode(errors="replace")).strip():
                os.write(terminal_fd, keys)
                keys = b""
        else:
            os.kill(process_id, signal.SIGKILL)
            pytest.fail(f"still running after {timeout} s; screen:\n{screen.decode(errors='replace')}")
    finally:
        _, status = os.waitpid(process_id, 0)
        os.close(terminal_fd)
    code = os.waitstatus_to_exitcode(status)
    # As a shell tells it. Python ends by SIGINT itself where a KeyboardInterrupt passed an exec(), as a dataclass's, before it was caught.
    return 128 - code if code == -signal.SIGINT else code, screen.decode().replace("\r\n", "\n")


def without_escapes(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


@dataclass(frozen=True)
class Done:
    """How a command ended that ran in this process."""

    code: int
    out: str
    err: str


class Shell:
    """Runs commands in this process: nothing is imported anew."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capfd = capfd

    def __call__(self, *arguments: str) -> Done:
        from honeyframe.cli import main

        self._monkeypatch.setattr(sys, "argv", ["honeyframe", *arguments])
        self._capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = self._capfd.readouterr()
        code = ended.value.code
        assert isinstance(code, int)
        return Done(int(code), out, err)
