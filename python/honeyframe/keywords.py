"""The types of options that several functions take."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, TypedDict

from .durations import Duration
from .errors import InvalidArgumentError

if TYPE_CHECKING:
    import datetime

    from .catalog import Catalog
    from .connection import LastWill
    from .options import Metadata, OnConflict, PayloadMode, TimeUnit

Protocol: TypeAlias = Literal["auto", "3.1", "3.1.1", "5.0"]
Overflow: TypeAlias = Literal["drop_oldest", "drop_newest", "block", "latest"]
Retained: TypeAlias = Literal["include", "skip", "only"]
Properties: TypeAlias = Mapping[str, str] | Iterable[tuple[str, str]]
OnBreach: TypeAlias = Literal["warn", "raise"]
Path: TypeAlias = str | os.PathLike[str]


#: Options of connect() that a client, and its catalogs, remember for the code that a catalog writes: none is a secret.
REMEMBERED: Final = ("username", "password_file", "protocol", "ca_file", "ca_directory", "client_certificate", "client_key", "insecure")


class ConnectOptions(TypedDict, total=False):
    """The options of :func:`honeyframe.connect`."""

    profile: str | None
    username: str | None
    password: str | None
    password_file: Path | None
    protocol: Protocol | None
    client_id: str | None
    clean_start: bool
    session_expiry: Duration
    keepalive: Duration | None
    connect_timeout: Duration
    last_will: LastWill | Mapping[str, Any] | None
    receive_maximum: int
    maximum_packet_size: int
    user_properties: Properties
    http_proxy: str | None
    ca_file: Path | None
    ca_directory: Path | None
    client_certificate: Path | None
    client_key: Path | None
    client_key_password: str | None
    insecure: bool | None
    reconnect: bool
    reconnect_min_delay: Duration
    reconnect_max_delay: Duration
    refused_retry_delay: Duration


class ReadOptions(ConnectOptions, total=False):
    """The options of :meth:`honeyframe.Client.stream` and of :func:`honeyframe.connect`, as :func:`honeyframe.read_mqtt` takes them."""

    topic_template: str | None
    no_local: bool
    overflow: Overflow
    max_queue_messages: int
    max_queue_bytes: int
    max_payload_bytes: int
    max_topics: int
    block_timeout: Duration
    timeout: Duration
    # of the extraction
    on_conflict: OnConflict
    payload: PayloadMode
    strict: bool
    sep: str
    explode: str | None
    max_columns: int
    max_depth: int
    na_values: Iterable[str] | None
    keep_default_na: bool
    event_time_unit: TimeUnit
    sequence: str | None
    sequence_by: str | None
    tz: str | datetime.tzinfo | None
    metadata: Iterable[Metadata]
    max_quarantine_messages: int
    max_quarantine_bytes: int
    # of the contract
    contract: Catalog | Path | None
    on_breach: OnBreach


def check_keywords(function: str, given: Iterable[str], known: Iterable[str]) -> None:
    """Raises TypeError for a keyword that ``function`` does not know, with the one that was perhaps meant; never with a value."""
    known = list(known)
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            meant = f"; did you mean {near[0]!r}?" if near else ""
            raise TypeError(f"{function}() got an unexpected keyword argument {name!r}{meant}")


def check_retained(retained: object) -> None:
    """Raises InvalidArgumentError for what is no :data:`Retained`."""
    if retained not in ("include", "skip", "only"):
        raise InvalidArgumentError(f"retained is 'include', 'skip' or 'only'; found {retained!r}")
