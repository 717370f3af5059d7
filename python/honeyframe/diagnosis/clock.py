"""Whether this machine's clock is right, by what can be trusted about the time.

MQTT tells no time. What does: a certificate's validity, within which a moment must lie; the ``Date`` of an HTTP answer, over TLS whose
certificate was checked; and the day on which this version of honeyframe was made, before which nobody can run it.
"""

from __future__ import annotations

import datetime
import email.utils
import time
from typing import Any, Final

from .causes import advise
from .report import DoctorRow, Verdict

#: No clock that is right shows an earlier time.
MADE: Final = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC).timestamp()
TOLERATED_SECONDS: Final = 120.0
_DAY: Final = 86_400.0
_TRIED: Final = "compare this machine's clock with certificates, and with a server's Date where it sends one"


def clock_row(probed: dict[str, Any], *, uses_tls: bool) -> DoctorRow:
    """What the way so far says about the time."""
    now = time.time()
    details: dict[str, Any] = {"now": when(now)}
    if now < MADE:
        return _row("fail", f"the clock shows {when(now)}, before this version of honeyframe was made", "clock_wrong", details)
    chain, verified = probed["tls"]["chain"], probed["tls"]["verified"]
    date = _parsed(probed["http_date"])
    if date is not None and (verified or not uses_tls):
        return _by_date(now, date, details, trusted=verified)
    if not chain:
        return DoctorRow("clock", "skipped", _TRIED, "nothing that answers here tells the time")
    outside = [one for one in chain if not one["not_before"] <= now <= one["not_after"]]
    if not outside:
        row = f"{when(now)} lies within the validity of {'the certificate' if len(chain) == 1 else f'all {len(chain)} certificates'}"
        return DoctorRow("clock", "ok", _TRIED, row + "; no server told a time to the second", details=details)
    return _by_certificates(now, chain, outside, details)


def _by_date(now: float, date: float, details: dict[str, Any], *, trusted: bool) -> DoctorRow:
    skew = now - date
    details["skew_seconds"] = skew
    source = "the broker's HTTP answer" + ("" if trusted else " (over a connection that nobody vouches for)")
    if abs(skew) <= TOLERATED_SECONDS:
        return DoctorRow("clock", "ok", _TRIED, f"within {abs(skew):.0f} s of the Date in {source}", details=details)
    verdict: Verdict = "fail" if trusted and abs(skew) > _DAY else "warn"
    said = f"the clock shows {when(now)} and is {how_long(abs(skew))} {'ahead of' if skew > 0 else 'behind'} the Date in {source}"
    return _row(verdict, said, "clock_wrong", details)


def _by_certificates(now: float, chain: list[dict[str, Any]], outside: list[dict[str, Any]], details: dict[str, Any]) -> DoctorRow:
    early = now < outside[0]["not_before"]
    away = outside[0]["not_before"] - now if early else now - outside[0]["not_after"]
    side = "before" if early else "after"
    said = f"{when(now)} lies {how_long(away)} {side} the validity of the broker's certificate"
    if len(chain) > 1 and len(outside) == len(chain):
        # Authorities' certificates are made for years: it is not likely that all are wrong.
        said += f", and outside that of all {len(chain)} that it sent: it is most likely the clock that is wrong"
        return _row("fail", said, "clock_wrong", details)
    return _row("warn", said + ": either the clock is wrong, or the certificate", "clock_or_certificate", details)


def _row(verdict: Verdict, said: str, cause: str, details: dict[str, Any]) -> DoctorRow:
    return DoctorRow("clock", verdict, _TRIED, said, advise(cause), cause, details=details)


def _parsed(date: str) -> float | None:
    try:
        return email.utils.parsedate_to_datetime(date).timestamp() if date else None
    except (ValueError, OverflowError):
        return None


def when(seconds: float) -> str:
    """
    >>> when(1_767_225_600)
    '2026-01-01 00:00 UTC'
    """
    try:
        return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (ValueError, OverflowError, OSError):
        return "a time that no calendar has"


def how_long(seconds: float) -> str:
    """
    >>> how_long(90), how_long(7200), how_long(172_800)
    ('90 s', '2.0 h', '2 days')
    """
    if seconds < 7200:
        return f"{seconds:.0f} s"
    return f"{seconds / 3600:.1f} h" if seconds < 2 * _DAY else f"{seconds / _DAY:.0f} days"
