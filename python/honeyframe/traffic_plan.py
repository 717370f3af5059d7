"""What a broker's plan allows in a month, where that is written, and what the month comes to at this pace."""

from __future__ import annotations

import calendar
import datetime
import fnmatch
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from .directories import config_directory
from .errors import InvalidArgumentError

PLAN_VARIABLE: Final = "HONEYFRAME_PLAN"

#: What a day's pace says of the days to come: so many times the time that was watched.
_HORIZON: Final = 24
#: Less than this says nothing.
ENOUGH_SECONDS: Final = 600.0

_UNITS: Final = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}
_SIZE: Final = re.compile(r"\s*([0-9][0-9_]{0,14}(?:\.[0-9]{1,9})?)\s*([kmgt]i?)?b?\s*", re.IGNORECASE)
_HINT: Final = 'For instance "50GB", "50GB, 500" (bytes a month, connections), or "none" for a broker without limits.'


@dataclass(frozen=True, slots=True)
class Plan:
    """What a broker may be used for in a month: bytes on the wire, in and out together, and sessions at a time. None: without limit.

    >>> Plan()
    Plan(bytes=10000000000, connections=100)
    """

    bytes: int | None = 10 * 10**9
    connections: int | None = 100


def read_plan(text: str, place: str = "plan") -> Plan | None:
    """A plan as it is written in an argument or the environment: ``"50GB"``, ``"50GB, 500"``; None for ``"none"``.

    >>> read_plan("50GB, 500")
    Plan(bytes=50000000000, connections=500)
    """
    if text.strip().lower() in {"none", "off", "unlimited"}:
        return None
    traffic, _, connections = text.partition(",")
    size = read_size(traffic, place)
    if not connections.strip():
        return Plan(size)
    if not connections.strip().isdecimal():
        raise InvalidArgumentError(f"{place} has {connections.strip()!r} where the number of connections should be", hint=_HINT)
    return Plan(size, int(connections))


def read_size(text: str, place: str) -> int:
    """Bytes from ``"10GB"`` (10**10), ``"10GiB"``, ``"500 MB"`` or a plain number."""
    found = _SIZE.fullmatch(text)
    if found is None:
        raise InvalidArgumentError(f"{place} has {text.strip()!r} where the bytes of a month should be", hint=_HINT)
    return round(float(found[1].replace("_", "")) * _UNITS[(found[2] or "").lower()])


def plans_file() -> Path:
    """``plans.toml`` in the user's configuration: a table for each broker."""
    return config_directory() / "plans.toml"


def find_plan(host: str, given: Plan | None = None, *, loopback: bool = False) -> Plan | None:
    """The plan of the broker at ``host``: the argument's, the environment's, the file's, or that of HiveMQ Cloud's free one for its hosts.

    None where there is none: then nothing is projected, and nobody is warned.

    Raises:
        InvalidArgumentError: the variable or the file cannot be read as a plan.
    """
    if loopback:
        return None
    if given is not None:
        return given
    if text := os.environ.get(PLAN_VARIABLE, "").strip():
        return read_plan(text, PLAN_VARIABLE)
    plans = _plans_of_file()
    matching = [name for name in plans if fnmatch.fnmatchcase(host, name)]
    if matching:
        return plans[max(matching, key=lambda name: (name == host, len(name)))]
    return Plan() if host == "hivemq.cloud" or host.endswith(".hivemq.cloud") else None


def _plans_of_file() -> Mapping[str, Plan | None]:
    path = plans_file()
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise InvalidArgumentError(f"{path} cannot be read: {error.strerror}") from None
    import tomllib

    try:
        tables = tomllib.loads(text.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidArgumentError(f"{path} is not TOML: {error}") from None
    return {host: _plan_of_table(table, f"{path}: [{host!r}]") for host, table in tables.items()}


def _plan_of_table(table: Any, place: str) -> Plan | None:
    if not isinstance(table, dict):
        raise InvalidArgumentError(f'{place} must be a table: ["abc.s1.eu.hivemq.cloud"], and below it traffic = "50GB"')
    for key in table:
        if key not in {"traffic", "connections"}:
            raise InvalidArgumentError(f"{place} has {key!r}; it takes traffic and connections")
    traffic, connections = table.get("traffic", "10GB"), table.get("connections", 100)
    if not isinstance(connections, int) or isinstance(connections, bool) or connections < 0:
        raise InvalidArgumentError(f"{place} has connections = {connections!r}; it is a whole number")
    if isinstance(traffic, str) and traffic.strip().lower() in {"none", "off", "unlimited"}:
        return Plan(None, connections)
    return Plan(read_size(str(traffic), place), connections)


def month_of(moment: datetime.datetime) -> str:
    """``"2026-11"``."""
    return f"{moment.year:04}-{moment.month:02}"


def month_end(month: str) -> datetime.datetime:
    """The first moment, in UTC, that is not in ``"2026-11"`` any more."""
    year, number = int(month[:4]), int(month[5:7])
    begin = datetime.datetime(year, number, 1, tzinfo=datetime.UTC)
    return begin + datetime.timedelta(days=calendar.monthrange(year, number)[1])


def project(used: int, month: str, first: datetime.datetime, now: datetime.datetime) -> int | None:
    """What ``used`` bytes since ``first`` come to by the end of the month, at the same pace.

    A pace is not trusted for longer than 24 times the time it was watched: an hour's for a day, a day's for the rest of the month. None
    where it was watched for less than ten minutes of a month that still goes on.

    >>> at = lambda day, hour: datetime.datetime(2026, 11, day, hour, tzinfo=datetime.UTC)
    >>> project(1_000, "2026-11", at(10, 0), at(10, 1))  # an hour: 24 more
    25000
    >>> project(1_000, "2026-11", at(1, 0), at(16, 0))  # half a month
    2000
    """
    end = month_end(month)
    if now >= end:
        return used
    watched = (now - first).total_seconds()
    if watched < ENOUGH_SECONDS:
        return None
    ahead = min((end - now).total_seconds(), _HORIZON * watched)
    return round(used + used / watched * ahead)
