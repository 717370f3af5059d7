"""Subscription: what joins a stream to its session, and how it is let go at the stream's end, or when nobody holds the stream any more."""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from . import _core
from .errors import HoneyframeError, OverlapWarning
from .events import printable, warn
from .templates import overlap

if TYPE_CHECKING:
    from .client import Client
    from .decode import Decoder

#: At the end of a stream: the broker drops the subscription; or, where it keeps the session, goes on collecting for the next run; or that,
#: and the spool is still written until the client is closed.
AtEnd: TypeAlias = Literal["unsubscribe", "detach", "stay"]


@dataclass(frozen=True)
class Subscription:
    """Where a stream's messages come from. Keeps the client alive while its stream is."""

    client: Client
    session: _core.Session
    id: int
    filters: tuple[str, ...]
    granted_qos: tuple[int, ...]
    at_end: AtEnd = "unsubscribe"

    @property
    def place(self) -> tuple[_core.Session, int, AtEnd]:
        """For :func:`abandon`, which must not keep the client."""
        return self.session, self.id, self.at_end

    def end(self, *, unsubscribe: bool | None, spooled: bool, timeout: float) -> HoneyframeError | None:
        """Ends it in the way it has, or as ``unsubscribe`` says. What is returned went wrong, and matters to nobody: the connection is
        down or the session over, so that the broker has forgotten us, or will."""
        at_end: AtEnd = self.at_end
        if unsubscribe is not None:
            at_end = "unsubscribe" if unsubscribe else "stay" if spooled else "detach"
        if self.client.closed:
            return None
        try:
            _leave(self.session, self.id, at_end, timeout)
        except HoneyframeError as error:
            return error
        return None


def warn_of_copies(client: Client, filters: Sequence[str]) -> None:
    """Where ``filters``, just subscribed to, overlap a stream's, and the connection has no subscription identifiers.

    A broker may send a message once for each filter that matches it. Identifiers tell whose each copy is; without them it is everybody's.
    """
    if client._session.info()["server_subscription_identifiers_available"]:
        return
    theirs = [filter_ for stream in list(client._streams) if not stream.closed for filter_ in stream.filters]
    for own, other in itertools.product(filters, theirs):
        if own != other and own.startswith("$") == other.startswith("$") and overlap(own.split("/"), other.split("/")):
            warn(
                f"{printable(own)!r} overlaps {printable(other)!r}, to which a stream of this client is subscribed: on this connection the "
                "broker may send a message once for each of them, and both then have it twice. Use a client of its own for one of them.",
                OverlapWarning,
            )
            return


def _leave(session: _core.Session, subscription_id: int, at_end: AtEnd, timeout: float) -> None:
    if at_end == "unsubscribe":
        session.unsubscribe(subscription_id, timeout=timeout)
    elif at_end == "detach":
        session.detach(subscription_id)


def abandon(
    process: int,
    reader: _core.StreamReader,
    decoder: Decoder | None,
    session: _core.Session | None = None,
    subscription_id: int = 0,
    at_end: AtEnd = "unsubscribe",
) -> None:
    """Nobody holds the stream any more that ``process`` made. Does not wait: this may run in the middle of anything."""
    if process != os.getpid():
        return
    if decoder is not None:
        decoder.abandon()
    reader.discard()
    if session is not None:
        try:
            _leave(session, subscription_id, at_end, 0.0)
        except (HoneyframeError, OSError):
            pass  # sent, or not connected: the answer matters to nobody
