"""hf.record: a recorder with a connection of its own, which is made when everything else holds: see :mod:`.prepared_recorder`."""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Sequence
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any, Final

from .connection import connect_hidden, hide_secrets
from .durations import seconds as to_seconds
from .keeping import Keeping
from .keywords import ConnectOptions, Path, check_keywords
from .lifetime import check_process
from .options import extract_options
from .prepared_recorder import RecorderOptions, prepare, recorder_options
from .uri import read_address

if TYPE_CHECKING:
    from .credentials import Secret
    from .recorder import Recorder

_KEPT_SECONDS: Final = 86_400.0


def record(path: Path, topics: str | Sequence[str], uri: str | None = None, **options: Any) -> Recorder:
    """Connects, and records as :meth:`Client.record`, for a program that does nothing else: as ``honeyframe record`` does it.

    Topics, options, the recording with its lock, and the spool are checked and held before there is a connection, as that takes what the
    broker has kept for the recorder. The broker keeps the session for a day, for a client id made of this machine's name and ``path``.

    Args:
        path, topics: as :meth:`Client.record`.
        uri: the broker, as for :func:`connect`. Default: the environment's ``MQTT_SERVER``.
        options: all others of :func:`connect` and :meth:`Client.record`; by default ``clean_start=False, session_expiry="1d"``;
            with ``session_expiry=0`` the broker keeps nothing.

    Returns:
        Recorder: its end is that of the connection.

    Raises:
        What :meth:`Client.record` and :func:`connect` raise, in this order.

    Example::

        with hf.record("recording", "plant/{line}/telemetry", "mqtts://xyz.s1.eu.hivemq.cloud") as recorder:
            recorder.wait()
    """
    known = _known()
    given: dict[str, Any] = {"uri": uri, **options}
    secrets = hide_secrets(given, known)
    uri = None
    options.clear()  # it may hold a password, which shall not stay in this frame
    check_process()
    check_keywords("record", given, known)
    connection = {name: given.pop(name) for name in list(given) if name in ConnectOptions.__annotations__}
    names = (topics,) if isinstance(topics, str) else tuple(topics)
    return open_recorder(secrets, connection, path, names, recorder_options(given))


def _known() -> set[str]:
    record_names = set(Keeping.record.__kwdefaults__ or ())
    return {*ConnectOptions.__annotations__, *record_names, *(extract_options.__kwdefaults__ or ())}


def open_recorder(
    secrets: dict[str, Secret | None], connection: dict[str, Any], path: Any, topics: Sequence[str], options: RecorderOptions
) -> Recorder:
    """``connection``: options of ``connect``, with the defaults of :func:`record`."""
    if connection.get("profile") is not None:
        from .profiles import with_profile

        secrets, connection = with_profile(connection["profile"], secrets, {**connection, "profile": None})
    expiry = to_seconds(connection.get("session_expiry", _KEPT_SECONDS), "session_expiry")
    connection = {"clean_start": expiry <= 0, **connection, "session_expiry": expiry}
    is_kept = not connection["clean_start"]  # before MQTT 5 that alone decides
    if is_kept and connection.get("client_id") is None:
        connection["client_id"] = client_id_of(os.fspath(path))
    broker = read_address(secrets.get("uri")).display
    with prepare(broker, path, topics, options, session=connection["client_id"] if is_kept else "") as prepared:
        client = connect_hidden(secrets, connection)
        try:
            return prepared.start(client, owned=True)
        except BaseException:
            client.close()
            raise


def client_id_of(path: str) -> str:
    """The same for each run on this machine with this path."""
    place = path if "://" in path else os.fspath(FilePath(path).absolute())
    return f"honeyframe-record-{hashlib.sha256(f'{socket.gethostname()}:{place}'.encode()).hexdigest()[:12]}"
