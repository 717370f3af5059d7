"""A TLS server that says nothing after the handshake and counts what it is told: for certificates that a client must refuse."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self


@dataclass
class Visit:
    """One client's connection."""

    server_name: str | None = None  # SNI
    handshake: bool = False
    error: str = ""
    application_bytes: bytearray = field(default_factory=bytearray)
    done: threading.Event = field(default_factory=threading.Event)


class TlsServer:
    """``context`` None: hangs up in the middle of the handshake, as soon as the ClientHello is there."""

    def __init__(self, context: ssl.SSLContext | None) -> None:
        self.visits: list[Visit] = []
        self._by_peer: dict[object, Visit] = {}
        self._context = context
        if context is not None:
            context.sni_callback = self._note_server_name
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._accept, name="TlsServer", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def application_bytes(self) -> bytes:
        """All that was sent under TLS, over every visit. Waits for the visits to end: nothing comes afterwards."""
        for visit in self.visits:
            assert visit.done.wait(10), "a client neither spoke nor left"
        return b"".join(visit.application_bytes for visit in self.visits)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                visit = Visit()
                self.visits.append(visit)
                self._by_peer[client.getpeername()] = visit
                threading.Thread(target=self._meet, args=(client, visit), daemon=True).start()

    def _note_server_name(self, greeted: ssl.SSLObject | ssl.SSLSocket, name: str | None, _context: object) -> None:
        # The context is one for all visits, and two may greet at the same time.
        assert isinstance(greeted, ssl.SSLSocket)
        self._by_peer[greeted.getpeername()].server_name = name

    def _meet(self, client: socket.socket, visit: Visit) -> None:
        client.settimeout(8)
        try:
            if self._context is None:
                client.recv(65536)
            else:
                self._shake_hands_and_listen(client, visit)
        except OSError as error:  # ssl.SSLError is one
            visit.error = str(error)
        finally:
            client.close()
            visit.done.set()

    def _shake_hands_and_listen(self, client: socket.socket, visit: Visit) -> None:
        assert self._context is not None
        with self._context.wrap_socket(client, server_side=True) as tls:
            visit.handshake = True
            while data := tls.recv(65536):
                visit.application_bytes += data
