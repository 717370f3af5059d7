"""What hf.dask's functions are given, checked: how workers connect, without a secret, and how what they spool is read."""

from __future__ import annotations

import os
import secrets as random_names
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import distributed

from .arguments import check_count, check_strings
from .connection import hide_secrets
from .dask_directory import Directory
from .dask_ingest import Ingest
from .dask_parts import OWN_METADATA
from .dask_states import IngestPlan
from .durations import Duration
from .durations import seconds as to_seconds
from .errors import InvalidArgumentError
from .keywords import ConnectOptions, check_keywords
from .options import extract_options
from .spool import spooled_metadata
from .templates import read_topics
from .traffic_plan import PLAN_VARIABLE, find_plan, read_plan
from .uri import Address, read_address

_SECRETS: Final = ("password", "client_key_password", "http_proxy")
_OWN: Final = ("client_id", "clean_start", "session_expiry", "receive_maximum", "last_will", "reconnect")
_STREAM: Final = ("qos", "spool_max_bytes", "sync", "sync_interval", "max_payload_bytes", "timeout", "block_timeout")
_RECORD: Final = ("patterns", "retained", "raw", "rotate_rows", "rotate_bytes", "rotate_seconds", "compression", "overflow")
_KNOWN: Final = (*ConnectOptions.__annotations__, *_STREAM, *(extract_options.__kwdefaults__ or ()))
_IN_FLIGHT: Final = 100  # more than a broker sends at once by itself: HiveMQ 50, Mosquitto 20


class Setting:
    """Arguments, checked: what the seats need, and how parts are read. Takes the directory."""

    def __init__(
        self,
        client: distributed.Client | None,
        uri: Any,
        topics: str | Sequence[str],
        directory: Directory,
        sessions: int | None,
        group: str | None,
        options: dict[str, Any],
        *,
        session_expiry: Duration,
    ) -> None:
        found = client if client is not None else current_client()
        if found is None:
            raise InvalidArgumentError(
                "there is no Dask client",
                hint="from distributed import Client; Client(n_workers=4) makes one, with a cluster of this machine.",
            )
        if found.asynchronous:
            raise InvalidArgumentError("an asynchronous Dask client cannot be used here: make one without asynchronous=True")
        self.dask = found
        named = (topics,) if isinstance(topics, str) else tuple(topics)
        wanted = read_topics(named, topic_template=options.pop("topic_template", None))
        if any(one.startswith("$share/") for one in wanted.filters):
            raise InvalidArgumentError("the filters are shared by honeyframe: leave $share/<group>/ out, and name the group with group=")
        self.filters = wanted.filters
        profile = options.get("profile")
        if profile is not None and uri is not None:
            raise InvalidArgumentError("uri and profile are both given: pass one of them")
        address = read_address(uri) if profile is None else None
        connect = {name: options.pop(name) for name in list(options) if name in ConnectOptions.__annotations__}
        own = [name for name in connect if name in _OWN]
        if own:
            raise InvalidArgumentError(f"hf.dask sets {', '.join(own)} itself")
        if address is not None and address.username is not None and connect.get("username") is None:
            connect["username"] = address.username  # which address.display leaves out
        connect["session_expiry"] = to_seconds(session_expiry, "session_expiry")
        for name, value in connect.items():
            if isinstance(value, Path):
                connect[name] = str(value)
        recording = None
        if directory.kind == "record":  # the recording's own
            recording = {"patterns": list(named), **{name: options.pop(name) for name in list(options) if name in _RECORD}}
        stream_options = {name: options.pop(name) for name in list(options) if name in _STREAM}
        if stream_options.get("qos", 1) == 2:
            raise InvalidArgumentError(
                "QoS 2 and shared subscriptions: what a broker has begun to send to a worker that is lost it may give to no other",
                hint="qos=1 loses nothing, and marks copies.",
            )
        self.extraction = check_extraction("hf.dask", options, wanted.template if recording is None else None)
        if recording is not None:
            recording |= {**stream_options, **options}
        wanted_sessions = None if sessions is None else check_count("sessions", sessions, 1)
        most_sessions = _most_sessions(address)
        directory.take()
        self.directory = directory
        before = directory.before
        self.name = group or before.get("group") or f"honeyframe-{random_names.token_hex(4)}"
        plan = IngestPlan(
            id=before.get("id") or random_names.token_hex(8),
            group=self.name,
            uri=None if address is None else address.display,
            filters=self.filters,
            directory=directory,
            connect=connect,
            stream={"overflow": "block", **stream_options},
            in_flight=_IN_FLIGHT,
            sessions=wanted_sessions,
            most_sessions=most_sessions,
            record=recording,
        )
        self.ingest = Ingest(found, plan)


def _most_sessions(address: Address | None) -> int | None:
    """``address`` is None where a profile, which workers may have alone, says it."""
    text = os.environ.get(PLAN_VARIABLE, "").strip()
    found = None if address is None else find_plan(address.host, loopback=address.is_loopback)
    plan = read_plan(text, PLAN_VARIABLE) if text else found
    return None if plan is None else plan.connections


def without_secrets(function: str, given: dict[str, Any], *, records: bool = False) -> tuple[Any, dict[str, Any]]:
    """The address, hidden, and the other options. A secret among them is refused, and leaves ``given`` first: tracebacks show variables."""
    known = (*_KNOWN, *(_RECORD if records else ()))
    hidden = hide_secrets(given, known)
    found = [name for name in _SECRETS if hidden[name] is not None]
    address = hidden["uri"]
    if address is not None and read_address(address).has_password:
        found.append("a password in the uri")
    if found:
        raise InvalidArgumentError(
            f"{', '.join(found)}: no secret travels through Dask, where graphs, logs and the scheduler would have it",
            hint="Workers find it where they run: MQTT_PASSWORD or MQTT_PASSWORD_FILE in their environment (a LocalCluster's inherit "
            "it), password_file=, profile=, or the keyring.",
        )
    check_keywords(function, given, known)
    return address, given


def check_extraction(function: str, options: Mapping[str, Any], template: str | None = None) -> dict[str, Any]:
    """Options of open_spool(), checked here: a worker would say it later."""
    given = {**options} if template is None else {**options, "topic_template": template}
    check_keywords(function, given, extract_options.__kwdefaults__ or ())
    asked = check_strings("metadata", spooled_metadata(given, None)["metadata"])
    given["metadata"] = tuple(dict.fromkeys((*asked, *OWN_METADATA)))
    extract_options(**given)
    return given


def current_client() -> distributed.Client | None:
    try:
        return distributed.get_client()
    except ValueError:
        return None
