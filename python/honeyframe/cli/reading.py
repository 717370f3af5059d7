"""Reading from a stream while somebody waits: progress, and Ctrl-C as the wish to see what there is; so is a session that ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .ending import ExitCode, complain

if TYPE_CHECKING:
    from ..errors import HoneyframeError
    from ..frame import Batch, Table
    from ..quarantine import QuarantineRow
    from ..stats import StreamStats
    from ..stream import Stream

_STEP_SECONDS = 0.25


@dataclass(frozen=True)
class Reading:
    """What was read, and what cut it short: Ctrl-C, or an error that ended the session for good."""

    table: Table
    stats: StreamStats
    interrupted: bool
    error: HoneyframeError | None = None
    quarantine: Sequence[QuarantineRow] = ()

    @property
    def exit_code(self) -> ExitCode:
        return ExitCode.interrupted if self.interrupted else ExitCode.error if self.error else ExitCode.ok


def read_stream(stream: Stream, *, seconds: float | None, rows: int | None) -> Reading:
    """Rows until ``seconds`` have passed or ``rows`` are there, or until Ctrl-C or the session's end: what was read by then is kept."""
    from ..errors import ConnectError, PermissionDenied
    from ..frame import concat
    from ..progress import Progress

    batches: list[Batch] = []
    count = 0
    interrupted = False
    broken: HoneyframeError | None = None
    try:
        with Progress("reading", seconds=seconds, rows=rows) as progress:
            for batch in stream.batches(max_seconds=_STEP_SECONDS, seconds=seconds, rows=rows, yield_empty=True):
                if batch.num_rows or not batches:
                    batches.append(batch)
                    count += batch.num_rows
                progress.update(stream.stats(), count)
    except KeyboardInterrupt:
        interrupted = True
    except (ConnectError, PermissionDenied) as error:
        broken = error
        complain("error", str(error))
    if not batches:  # that came first
        batches.append(stream._empty())
    return Reading(concat(batches), stream.stats(), interrupted, broken, stream._quarantine_rows())


def nothing_arrived(stream: Stream, stats: StreamStats, seconds: float | None) -> str:
    """Why a table may be empty, and what to do."""
    filters = ", ".join(stream.filters)
    within = "" if seconds is None else f" within {seconds:g} s"
    if stats.received:
        return f"{filters}: none of the messages that arrived{within} gave a row ({stats})"
    kept = ", not even a retained one" if stream.retained != "skip" else ""
    granted = ", ".join(str(qos) for qos in stream.granted_qos)
    return (
        f"no message arrived on {filters}{within}{kept}; the broker granted QoS {granted}\n"
        "  hint: publish something while this runs, wait longer (--seconds 60), or look wider ('#' is every topic)"
    )
