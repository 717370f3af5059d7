"""usage and end_session: what our sessions used, by broker and month, and the sessions that a broker still keeps for us."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Final, Unpack

from .credentials import Secret
from .errors import InvalidArgumentError
from .traffic_book import BYTES, Book, BookFile, DamagedBook, KeptSession, to_time, utc_now
from .traffic_meter import is_on, meter
from .traffic_plan import Plan, find_plan, month_of, project, read_plan
from .uri import is_loopback, read_address

if TYPE_CHECKING:
    import datetime

    import pandas as pd

    from .keywords import ConnectOptions

#: What the figures are, and what they are not.
NOTE: Final = (
    "Sessions of honeyframe on this machine, as this user, only: what other clients of the broker use is invisible here. "
    "HiveMQ Cloud's console shows the whole."
)
_INTEGERS: Final = (
    *BYTES, "wire_bytes", "projected_bytes", "plan_bytes", "sessions", "most_sessions", "plan_connections", "connects", "estimated_bytes",
    "expiry_seconds",
)  # fmt: skip
_TIMES: Final = ("first", "last", "last_connected", "expires")
_TEXTS: Final = ("month", "broker", "client_id", "protocol", "uri")


def usage(broker: str | None = None, *, plan: str | None = None, sessions: bool = False) -> pd.DataFrame:
    """What our own sessions used, a row a broker and month, the newest first; or the sessions that brokers still keep for us.

    Args:
        broker: only this host, such as ``"abc.s1.eu.hivemq.cloud"``, or an address of it.
        plan: of every broker shown: ``"50GB"``, ``"50GB, 500"`` (bytes a month, connections) or ``"none"``. Default: the environment's
            ``HONEYFRAME_PLAN``, ``plans.toml``, else HiveMQ Cloud's free plan (10 GB, 100 connections) for its hosts.
        sessions: the kept sessions instead: ``broker client_id protocol last_connected expires expiry_seconds connected uri``.

    Returns:
        DataFrame: ``month broker mqtt_bytes_in mqtt_bytes_out wire_bytes_in wire_bytes_out``; ``wire_bytes`` is the sum that counts
        against the plan; ``projected_bytes`` the month's end at this pace; ``share`` of the plan. ``estimated_bytes`` of them are not
        counted but estimated (the system's Paho). ``sessions`` now and ``most_sessions`` of the month: ours. ``attrs["honeyframe_usage"]``
        says what is invisible.

    Raises:
        InvalidArgumentError: a plan that cannot be read.
        OSError: the book cannot be read. DamagedBook (a ValueError): it is not what we write. NoHomeError: there is no place for it.

    Example::

        hf.usage()[["month", "broker", "wire_bytes", "projected_bytes", "share"]]
    """
    book = read_book()
    now = utc_now()
    host = None if broker is None else host_of(Secret(broker))
    return sessions_frame(book, host, now) if sessions else usage_frame(book, host, plan, now)


def read_book() -> Book:
    """With what this process has not written yet."""
    if is_on():
        meter().write(sync=False)
    file = BookFile()
    try:
        return file.read()
    except DamagedBook as error:
        hint = "The next session puts it aside and begins a new one; or move it away yourself."
        raise DamagedBook(f"{file.path} is damaged: {error.message}", hint=hint) from None


def host_of(broker: Secret) -> str:
    """The host in an address, or the name as it is."""
    return read_address(broker).host if "://" in broker.reveal() else broker.reveal()


def usage_frame(book: Book, host: str | None, plan: str | None, now: datetime.datetime) -> pd.DataFrame:
    import pandas as pd

    rows = [_row(book, name, month, plan, now) for name, months in book.brokers.items() if host is None or name == host for month in months]
    columns = [
        "month", "broker", *BYTES, "wire_bytes", "projected_bytes", "plan_bytes", "share", "sessions", "most_sessions", "plan_connections",
        "connects", "estimated_bytes", "first", "last",
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=columns)
    frame = _typed(frame)
    frame = frame.sort_values(["month", "wire_bytes", "broker"], ascending=[False, False, True], kind="stable", ignore_index=True)
    frame.attrs["honeyframe_usage"] = NOTE
    return frame


def _row(book: Book, host: str, name: str, plan: str | None, now: datetime.datetime) -> dict[str, Any]:
    month = book.brokers[host][name]
    limits = plan_of(host, plan)
    is_now = name == month_of(now)
    size = None if limits is None else limits.bytes
    return {
        "month": name,
        "broker": host,
        **{field: getattr(month, field) for field in BYTES},
        "wire_bytes": month.wire_bytes,
        "projected_bytes": project(month.wire_bytes, name, to_time(month.first), now) if month.first else None,
        "plan_bytes": size,
        "share": month.wire_bytes / size if size else None,
        "sessions": book.sessions_now(host, now) if is_now else None,
        "most_sessions": month.most_sessions,
        "plan_connections": None if limits is None else limits.connections,
        "connects": month.connects,
        "estimated_bytes": month.estimated_bytes,
        "first": month.first or None,
        "last": month.last or None,
    }


def plan_of(host: str, plan: str | None) -> Plan | None:
    if plan is not None:
        return read_plan(plan)
    return find_plan(host, loopback=is_loopback(host))


def sessions_frame(book: Book, host: str | None, now: datetime.datetime) -> pd.DataFrame:
    import pandas as pd

    rows = [
        {
            "broker": one.broker,
            "client_id": one.client_id,
            "protocol": one.protocol,
            "last_connected": one.last_connected,
            "expires": None if (expires := one.expires()) is None or one.is_connected(now) else expires,
            "expiry_seconds": one.expiry_seconds,
            "connected": one.is_connected(now),
            "uri": one.uri,
        }
        for one in book.kept
        if (host is None or one.broker == host) and not one.is_gone(now)
    ]
    names = ["broker", "client_id", "protocol", "last_connected", "expires", "expiry_seconds", "connected", "uri"]
    frame = pd.DataFrame(rows, columns=names)
    frame = _typed(frame)
    frame.attrs["honeyframe_usage"] = NOTE
    return frame.sort_values(["broker", "client_id"], kind="stable", ignore_index=True)


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    """With the dtypes of all our frames: see ``dtypes``."""
    import pandas as pd

    times = {name: pd.to_datetime(frame[name], utc=True).astype("datetime64[ns, UTC]") for name in _TIMES if name in frame}
    dtypes = (
        {"share": "float64", "connected": "boolean"} | dict.fromkeys(_INTEGERS, "Int64") | dict.fromkeys(_TEXTS, pd.StringDtype("pyarrow"))
    )
    return frame.assign(**times).astype({name: dtype for name, dtype in dtypes.items() if name in frame})


def end_session(client_id: str, /, uri: str | None = None, *, force: bool = False, **options: Unpack[ConnectOptions]) -> None:
    """Ends a session that a broker keeps for us: connects with its client id, a clean start and no expiry, and leaves.

    What the broker had queued for it is gone, and it no longer counts among the plan's sessions.

    Args:
        client_id: its client id: ``hf.usage(sessions=True)`` lists those that we know of. Any other works with its ``uri``.
        uri: the broker; default: the one that this session is known of.
        force: also while a connection of ours has it open, which then is thrown out.
        options: of :func:`honeyframe.connect`: user name, password, ``ca_file``, ….

    Raises:
        InvalidArgumentError: no session of this id is known and there is no ``uri``; several brokers have one; it is connected now.
        ConnectError: the broker was not reached, or refused.

    Example::

        for client_id in hf.usage(sessions=True)["client_id"]:
            hf.end_session(client_id)
    """
    from .connection import hide_secrets
    from .keywords import ConnectOptions as Known
    from .keywords import check_keywords

    plain: dict[str, Any] = {"uri": uri, **options}
    secrets = hide_secrets(plain, Known.__annotations__)
    uri = None
    options.clear()  # type: ignore[attr-defined]  # a plain dict, whose password shall not stay in this frame
    check_keywords("end_session", plain, Known.__annotations__)
    end_hidden(client_id, secrets, plain, force=force)


def end_hidden(client_id: str, secrets: dict[str, Secret | None], options: dict[str, Any], *, force: bool = False) -> KeptSession | None:
    """As :func:`end_session`, for those who hold the secrets wrapped already; the session as it was known."""
    from .connection import connect_hidden
    from .profiles import with_profile

    for name in ("client_id", "clean_start", "session_expiry", "reconnect"):
        if name in options:
            raise InvalidArgumentError(f"end_session() sets {name} itself")
    options = dict(options)
    given_protocol = options.pop("protocol", None)
    if (profile := options.pop("profile", None)) is not None:
        secrets, options = with_profile(profile, secrets, options)
        options.pop("client_id", None)
    given = secrets.get("uri")
    known = _known(read_book(), client_id, None if given is None else host_of(given))
    if given is None:
        if known is None:
            raise InvalidArgumentError(
                f"no kept session of a client {client_id!r} is known here",
                hint="hf.usage(sessions=True), or honeyframe usage --sessions, lists those that are; others need an address.",
            )
        secrets = {**secrets, "uri": Secret(known.uri)}
    if known is not None and known.is_connected(utc_now()) and not force:
        raise InvalidArgumentError(
            f"{client_id!r} is connected now, and would be thrown out", hint="Close its client, which is the better way, or force=True."
        )
    # The version it was made with, and no other: to a broker that knows both it is one session in any case.
    protocol = given_protocol or (options.get("protocol") if known is None else known.protocol)
    wanted = {**options, "protocol": protocol, "client_id": client_id, "clean_start": True, "session_expiry": 0, "reconnect": False}
    with connect_hidden(secrets, wanted) as client:
        client.close()
    if known is not None and is_on():  # perhaps by another of the broker's addresses, which the meter takes for another session
        with contextlib.suppress(OSError, DamagedBook):
            BookFile().update(lambda book: book.forget(known.key))
    return known


def _known(book: Book, client_id: str, host: str | None) -> KeptSession | None:
    found = [one for one in book.kept if one.client_id == client_id and (host is None or one.broker == host)]
    if len({one.broker for one in found}) > 1:
        brokers = ", ".join(sorted(one.broker for one in found))
        raise InvalidArgumentError(f"a client {client_id!r} has sessions with {brokers}: say which, by its address", hint="uri=…")
    return found[0] if found else None
