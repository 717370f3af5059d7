"""The command line: what ``honeyframe`` and ``python -m honeyframe`` begin with.

Nothing is imported here that takes time: from the first line on Ctrl-C ends the process without a word, whatever is being imported.
"""

from __future__ import annotations

import os
import signal
from types import FrameType
from typing import NoReturn

_INTERRUPTED = 130  # ExitCode.interrupted


def _leave(number: int, frame: FrameType | None) -> None:
    os._exit(_INTERRUPTED)  # nothing is open yet; an exception may be lost in an import, or come out as another


def main() -> NoReturn:
    """Run the command line with ``sys.argv``."""
    handles = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # else whoever started us wants it otherwise, such as nohup
    if handles:
        signal.signal(signal.SIGINT, _leave)
    from honeyframe.cli import main as run

    if handles:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    run()


if __name__ == "__main__":
    main()
