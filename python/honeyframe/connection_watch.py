"""ConnectionWatch: what a session's events tell of its connection, for whoever is told that something did not work.

Since when there is none and why; which credentials were not sent; and whether another client may be taking turns with this one, which a
broker that only closes does not say.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from .errors import BadCredentialsError, ConnectionLostError, HoneyframeError, NotAuthorizedError, OperationTimeoutError

_SECOND_NS: Final = 1_000_000_000
_QUICK_NS: Final = 10 * _SECOND_NS  # a connection that is lost so soon ...
_QUICK_LOSSES: Final = 3  # ... so often running is rather another client's doing than the network's
_CALM_NS: Final = 60 * _SECOND_NS  # one that lasted so long ends the episode
#: What stands before an event's message.
_TOLD: Final = {"connection_lost": ": ", "retrying": ", last attempt: ", "refused": ", last refusal: "}


class ConnectionWatch:
    """Fed with a session's events in their order, by one thread at a time; asked by any.

    ``client_id`` is None where it is a random one, which nobody else has; ``not_sent`` says which credentials CONNECT went without.
    """

    def __init__(self, client_id: str | None, not_sent: str = "") -> None:
        self._client_id = client_id
        self._not_sent = not_sent
        self._connected_ns = 0
        self._quick_losses = 0
        self._rival_told = False
        self._lost_ns = 0
        self._last: tuple[str, str, str] | None = None  # what the last event without a connection was, says, and advises

    def add(self, event: dict[str, Any]) -> None:
        """One of ``Session.take_events()``, whose detail and hint are completed by what is known here."""
        kind, time_ns = event["kind"], event.get("time_ns", 0)
        if kind == "connected":
            self._connected_ns, self._last = time_ns, None
            return
        if kind == "refused" and self._not_sent:
            event["hint"] = f"{self._not_sent}; {event.get('hint', '')}".removesuffix("; ")
        if kind == "connection_lost":
            self._lost_ns = time_ns
            self._look_for_rival(event, time_ns - self._connected_ns)
        if kind == "retrying" and self._last is not None and self._last[1] == event.get("message"):
            event["hint"] = ""  # of what was told just before
            return
        if kind in _TOLD:
            self._last = kind, event.get("message") or event.get("detail", ""), event.get("hint", "")

    def _look_for_rival(self, event: dict[str, Any], lasted_ns: int) -> None:
        silent = event.get("code") == "connection_lost"  # a broker that takes over and says so has a code of its own
        self._quick_losses = self._quick_losses + 1 if silent and lasted_ns < _QUICK_NS else 0
        if lasted_ns >= _CALM_NS:
            self._rival_told = False
        if self._quick_losses < _QUICK_LOSSES or self._rival_told or self._client_id is None:
            return
        self._rival_told = True
        event["detail"] = (
            f"{event.get('detail', '')}, again and again within seconds of being made. Another client with this client_id "
            f"({self._client_id!r})? Two put each other out: give each its own"
        )

    def outage(self) -> str | None:
        """Since when there is no connection, and what the last attempt to make one met; None while there is one, or before the first."""
        last = self._last
        if last is None:
            return None
        since = datetime.fromtimestamp(self._lost_ns / _SECOND_NS, UTC)
        return f"not connected since {since:%Y-%m-%d %H:%M:%S} UTC{_TOLD[last[0]]}{last[1]}"

    def explain(self, error: HoneyframeError, without: str = "") -> None:
        """Completes an error of the session. ``without``: what did not happen, where there was no connection to ask the broker."""
        last, outage = self._last, self.outage()
        if isinstance(error, OperationTimeoutError) and without and last is not None and outage is not None:
            error.message = f"{without}: {outage}"
            error.args = (error.message,)
            error.hint = "; ".join(part for part in (error.hint, last[2]) if part)
        elif isinstance(error, (BadCredentialsError, NotAuthorizedError)) and self._not_sent and self._not_sent not in error.hint:
            error.hint = f"{self._not_sent}; {error.hint}".removesuffix("; ")
        elif isinstance(error, ConnectionLostError) and self._client_id is not None and not error.hint:
            error.hint = (
                f"the network, or another client with this client_id ({self._client_id!r}), which puts this one out, and some brokers say "
                "nothing. Give each its own"
            )


def not_sent(username: str | None, has_password: bool) -> str:
    """Which credentials CONNECT goes without; empty where it has both.

    >>> not_sent(None, False), not_sent("me", True)
    ('no user name and no password were sent', '')
    """
    if username is None:
        return "a password was sent without a user name" if has_password else "no user name and no password were sent"
    return "" if has_password else f"the user name {username!r} was sent without a password"
