"""Catalogue S2: a password that no place may show. It goes in by every way there is; twelve surfaces are searched for it."""

from __future__ import annotations

import base64
import copy
import io
import logging
import os
import pickle
import subprocess
import sys
import traceback
import urllib.parse
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.brokers.packets import Connack, Connect, Publish
from tests.brokers.ports import free_ports
from tests.brokers.scripted import Connection, ScriptedBroker

import honeyframe as hf
from honeyframe import _core

CANARY = "c4n4ry/Zq:9ü"
WAYS = ("argument", "uri", "environment", "file", "proxy", "key")
SURFACES = (
    "repr and str",
    "log at DEBUG",
    "tracebacks with local variables",
    "arguments of exceptions",
    "warnings",
    "HTML",
    "notebook",
    "pickle and copy",
    "frames and counters",
    "command line",
    "environment of the process",
    "options of the core",
)
Found = dict[str, list[str]]


def needles() -> list[str]:
    """The canary, as it is and as it may be disguised."""
    raw = CANARY.encode()
    encoded = {base64.b64encode(prefix + raw).decode().rstrip("=")[4:-4] for prefix in (b"", b"me:", b"x", b"xx")}
    return [CANARY, "c4n4ry", urllib.parse.quote(CANARY, safe=""), raw.hex(), *encoded]


def hits(text: str) -> list[str]:
    return [needle for needle in needles() if needle in text]


async def refuses(c: Connection) -> None:
    await c.expect(Connect)
    await c.send(Connack(code=0x86))


async def serves(c: Connection) -> None:
    await c.accept()
    await c.grant()
    await c.send(Publish(topic="a", payload=b'{"n": 1}'), Publish(topic="a", payload=b'{"n":'), Publish(topic="a", payload=b'{"n": "x"}'))
    await c.serve()


class Records(logging.Handler):
    def __init__(self, found: Found) -> None:
        super().__init__(logging.DEBUG)
        self._found = found

    def emit(self, record: logging.LogRecord) -> None:
        self._found["log at DEBUG"].append(f"{record.getMessage()} {vars(record)}")


def access(way: str, port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """How the canary goes in."""
    plain = {"uri": f"mqtt://127.0.0.1:{port}", "protocol": "5.0", "connect_timeout": 5}
    if way == "argument":
        return {**plain, "username": "me", "password": CANARY}
    if way == "uri":
        return {**plain, "uri": f"mqtt://me:{urllib.parse.quote(CANARY, safe='')}@127.0.0.1:{port}"}
    if way == "file":
        (tmp_path / "password").write_text(CANARY)
        (tmp_path / "password").chmod(0o644)  # others may read it: that warns
        return {**plain, "username": "me", "password_file": tmp_path / "password"}
    if way == "environment":
        monkeypatch.setenv("MQTT_USERNAME", "me")
        monkeypatch.setenv("MQTT_PASSWORD", CANARY)
        return plain
    if way == "proxy":
        return {**plain, "http_proxy": f"http://me:{urllib.parse.quote(CANARY, safe='')}@127.0.0.1:{free_ports(1)[0]}"}
    return {**plain, "uri": f"mqtts://127.0.0.1:{port}", "client_key_password": CANARY, "client_certificate": tmp_path / "none.pem"}


@pytest.fixture(scope="module")
def surfaces(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Found]:
    """What each surface showed, over all ways in, good and bad."""
    found: Found = defaultdict(list)
    handler, root = Records(found), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            for way in WAYS:
                with pytest.MonkeyPatch.context() as monkeypatch:
                    _one_way(way, found, tmp_path_factory.mktemp(way), monkeypatch)
            with pytest.raises(hf.HoneyframeError), pytest.MonkeyPatch.context():
                hf.connect(f"mqtts://127.0.0.1:{free_ports(1)[0]}", username="me", password=CANARY, insecure=True)
        found["warnings"] += [f"{one.message} {one.message.args} {one.filename} {one.line}" for one in warned]
        yield found
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


def _one_way(way: str, found: Found, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedBroker(refuses, repeat=True) as broker:
        given = access(way, broker.port, tmp_path, monkeypatch)
        before = dict(os.environ)
        _look_at_error(lambda: hf.connect(**given), found)
        _look_at_error(lambda: hf.read_mqtt(topics="a", seconds=1, **given), found)
        _look_at_error(lambda: hf.connect(**given, keepalive="soon"), found)
        _look_at_error(lambda: hf.connect(**given, no_such_option=CANARY), found)  # type: ignore[call-arg]
    if way not in ("proxy", "key"):
        with ScriptedBroker(serves) as broker:
            given = access(way, broker.port, tmp_path, monkeypatch)
            before = dict(os.environ)
            with hf.connect(**given) as client:
                _look_at_client(client, found)
            assert CANARY.encode() in broker.connects[0].password  # it went where it should
    changed = {name: value for name, value in os.environ.items() if before.get(name) != value}
    found["environment of the process"].append(f"changed: {changed}")
    _look_at_core(given, found)


def _look_at_error(action: Callable[[], Any], found: Found) -> None:
    try:
        action()
    except Exception as error:
        found["repr and str"].append(f"{error!s} {error!r}")
        chain: list[BaseException] = [error]
        for one in chain:
            chain += [other for other in (one.__cause__, one.__context__) if other is not None and other not in chain]
            found["arguments of exceptions"].append(f"{one.args} {vars(one)} {getattr(one, '__notes__', '')}")
            for frame, line in traceback.walk_tb(one.__traceback__):
                if frame.f_globals.get("__name__", "").startswith("honeyframe"):
                    local = {name: repr(value) for name, value in frame.f_locals.items()}
                    found["tracebacks with local variables"].append(f"{frame.f_code.co_name}:{line} {local}")
        return
    raise AssertionError("no error")


def _look_at_client(client: hf.Client, found: Found) -> None:
    stream = client.stream("a", schema={"n": "int64"}, on_conflict="quarantine")
    table = stream.read(rows=1, seconds=5)
    objects = [client, stream, table, stream.stats(), table.to_pandas()]
    found["repr and str"] += [f"{one!r} {one!s} {client.uri}" for one in objects]
    found["HTML"] += [html for one in objects if (html := getattr(one, "_repr_html_", lambda: "")())]
    found["frames and counters"] += [str(client.info()), str(client.stats()), str(dict(stream.stats()))]
    for frame in (stream.ledger(), stream.quarantine(), table.to_pandas()):
        found["frames and counters"].append(frame.to_json() + str(frame.attrs) if "payload" not in frame else frame.to_string())
    for one in (client, stream):
        for copied in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError) as refused:
                copied(one)
            found["pickle and copy"].append(f"{refused.value!r}")
    found["tracebacks with local variables"].append(str(vars(client)))
    found["notebook"].append(_in_notebook(client, stream))


def _in_notebook(client: hf.Client, stream: hf.Stream) -> str:
    """What IPython shows of them, and of an error with every local variable that its traceback can show."""
    shells = pytest.importorskip("IPython.core.interactiveshell")
    shell = shells.InteractiveShell()
    formatter = shell.display_formatter
    shown = [str(formatter.format(one)) for one in (client, stream)]
    try:
        client.publish("a/+", {"n": 1})
    except hf.HoneyframeError:
        shown.append(pytest.importorskip("IPython.core.ultratb").VerboseTB().text(*sys.exc_info()))
    assert len(shown) == 3
    return " ".join(shown)


def _look_at_core(given: dict[str, Any], found: Found) -> None:
    options = _core.ConnectOptions(
        given["uri"].replace("mqtt:", "mqtts:"),
        username="me",
        password=CANARY,
        client_certificate="none.pem",
        client_key="none.pem",
        client_key_password=CANARY,
        http_proxy=given.get("http_proxy") or "",
    )
    session = _core.Session(options)
    for one in (options, session):
        shown = {name: getattr(one, name) for name in dir(one) if not name.startswith("__") and not callable(getattr(one, name))}
        found["options of the core"].append(f"{one!r} {one!s} {shown}")
    found["options of the core"].append(str(session.info()))


def _command_line(found: Found) -> None:
    """Refused, with the traceback that one can ask for, by every way that the command line has."""
    with ScriptedBroker(refuses, repeat=True) as broker:
        uri = f"mqtt://127.0.0.1:{broker.port}"
        in_uri = uri.replace("//", f"//me:{urllib.parse.quote(CANARY, safe='')}@")
        for arguments, more in [
            (["read", uri, "#", "-u", "me", "-P", CANARY, "--seconds", "0.3"], {"HONEYFRAME_TRACEBACK": "1"}),
            (["read", in_uri, "#", "--seconds", "0.3"], {"HONEYFRAME_TRACEBACK": "1"}),
            (["read", uri, "#", "--seconds", "0.3"], {"MQTT_USERNAME": "me", "MQTT_PASSWORD": CANARY}),
        ]:
            command = [sys.executable, "-m", "honeyframe", *arguments]
            done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **more}, timeout=40, check=False)
            assert done.returncode != 0
            found["command line"].append(done.stdout + done.stderr)


@pytest.mark.parametrize("surface", SURFACES)
def test_no_surface_shows_it(surface: str, surfaces: Found) -> None:
    if surface == "command line":
        _command_line(surfaces)
    shown = surfaces[surface]
    assert any(shown), "nothing was looked at"
    assert [(hits(text), text[:2000]) for text in shown if hits(text)] == []


def test_the_search_finds_what_is_there() -> None:
    """The canary in any of its disguises."""
    basic = base64.b64encode(f"me:{CANARY}".encode()).decode()
    for planted in (
        CANARY,
        f"mqtt://me:{urllib.parse.quote(CANARY, safe='')}@h",
        f"Proxy-Authorization: Basic {basic}",
        CANARY.encode().hex(),
    ):
        assert hits(io.StringIO(f"before {planted} after").getvalue())
    assert not hits("mqtt://me:***@127.0.0.1:1883")
