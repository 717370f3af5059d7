"""The packet source in a process of its own: a context manager around ``cpp/source.cpp``."""

from __future__ import annotations

import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from .certificates import make_certificates
from .payloads import Load
from .programs import Programs


class Source:
    """Listens on loopback until the block ends: ``tcp_port``, ``tls_port`` and ``authority``.

    Parameters
    ----------
    work : path
        Where load files, the certificate and the times of the writes go.
    warm_up, messages : int
        What the first SUBSCRIBE of a connection gets, and every later one. A load smaller than that is sent again and again.
    record : "many" or "one"
        Packets in a TLS record (and in a write).
    rate : int
        Messages a second; 0 is flat out.
    gaps : (float, float)
        Seconds of silence before each message, chosen evenly between the two.
    window : int
        QoS 1: messages without PUBACK at most.
    pause_after : int
        Three seconds of silence after so many messages.
    """

    def __init__(
        self,
        programs: Programs,
        work: Path,
        load: Load,
        *,
        warm_up: int,
        messages: int,
        qos: int = 0,
        record: str = "many",
        rate: int = 0,
        gaps: tuple[float, float] | None = None,
        pause_after: int = 0,
        window: int = 1_000,
        core: int | None = None,
    ) -> None:
        self.authority, certificate, key = make_certificates(work)
        self.times = work / "times"
        self.times.unlink(missing_ok=True)
        self._command = [str(programs["source"]), "--load", str(load.write(work)), "--messages", f"{warm_up},{messages}"]
        self._command += [
            "--certificate",
            str(certificate),
            "--key",
            str(key),
            "--qos",
            str(qos),
            "--record",
            record,
            "--rate",
            str(rate),
        ]
        if gaps is not None:
            self._command += ["--gaps", f"{gaps[0]}:{gaps[1]}"]
        self._command += ["--window", str(window)]
        if pause_after > 0:
            self._command += ["--pause-after", str(pause_after)]
        if gaps is not None or rate > 0:
            self._command += ["--times", str(self.times)]
        if core is not None:
            self._command += ["--core", str(core)]

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the source ended with {self._process.wait()}")
        self.tcp_port, self.tls_port = map(int, line.split())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._process.terminate()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
