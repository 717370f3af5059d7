"""Subscription: what joins a stream to its session, and how it is let go when nobody holds the stream any more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import _core
from .errors import HoneyframeError

if TYPE_CHECKING:
    from .client import Client
    from .decode import Decoder


@dataclass(frozen=True)
class Subscription:
    """Where a stream's messages come from. Keeps the client alive while its stream is."""

    client: Client
    session: _core.Session
    id: int
    filters: tuple[str, ...]
    granted_qos: tuple[int, ...]


def abandon(reader: _core.StreamReader, decoder: Decoder | None, session: _core.Session | None, subscription_id: int) -> None:
    """Nobody holds the stream any more. Does not wait: this may run in the middle of anything."""
    if _core.in_forked_child():
        return
    if decoder is not None:
        decoder.abandon()
    reader.discard()
    if session is not None:
        try:
            session.unsubscribe(subscription_id, timeout=0.0)
        except (HoneyframeError, OSError):
            pass  # sent, or not connected: the answer matters to nobody
