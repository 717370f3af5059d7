"""Arguments of a wrong type: one sentence that names the argument, and no value; and no secret in any frame of a traceback."""

from __future__ import annotations

import asyncio
import traceback
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import honeyframe as hf
from honeyframe.credentials import Secret
from honeyframe.errors import InvalidArgumentError

CANARY = "S3CRET-canary"


@pytest.mark.parametrize(
    "wrong",
    [{"client_id": 7}, {"protocol": 5}, {"insecure": "yes"}, {"receive_maximum": "many"}, {"reconnect": "x"}, {"username": 5}],
)
def test_connect_names_the_argument_and_shows_no_password(wrong: dict[str, Any]) -> None:
    (name,) = wrong
    options = {"username": "me", "password": CANARY, **wrong}
    with pytest.raises((InvalidArgumentError, hf.HoneyframeError)) as raised:
        hf.connect(f"mqtt://me:{CANARY}@127.0.0.1:1", **options)
    shown = "".join(traceback.format_exception(raised.value))
    assert CANARY not in shown
    assert "Invoked with" not in shown
    assert name in str(raised.value)


@pytest.mark.parametrize("wrong", [{"event_time": 5}, {"sep": None}, {"explode": 5}])
def test_extract_names_the_argument(wrong: dict[str, Any]) -> None:
    (name,) = wrong
    with pytest.raises(InvalidArgumentError) as raised:
        hf.extract([b"{}"], **wrong)
    assert name in str(raised.value)
    assert len(str(raised.value).splitlines()) == 1


class TestNoFrameHoldsASecret:
    """Tools print the local variables of every frame of a traceback (IPython's %xmode Verbose, pytest -l, error trackers)."""

    @pytest.mark.parametrize(
        "given",
        [
            {"protocol": "4"},
            {"keepalive": 100_000},
            {"keepalive": "soon"},
            {"receive_maximum": 0},
            {"client_id": 3},
            {"last_will": "wrong"},
            {"user_properties": ["a"]},
            {"username": None},  # a password without one
            {"password": CANARY.encode()},
            {"password": [CANARY], "username": "u"},
            {"password_file": "/none"},
            {"uri": f"mqtts://u:{CANARY}@"},
            {"uri": f"mqtt://u:{CANARY}@127.0.0.1:1", "password": None},
            {"uri": f"mqtt://u:{CANARY}@127.0.0.1:1", "password": None, "protocol": "4"},
            {"uri": f"http://u:{CANARY}@127.0.0.1:1"},
            {"uri": f"mqtt://u:{CANARY}@127.0.0.1:1".encode()},
            {"uri": ("mqtt", CANARY)},
            {"http_proxy": f"http://me:{CANARY}@127.0.0.1:1"},
            {"http_proxy": 7},
            {"client_key_password": {"pass": CANARY}},
            {},  # nobody listens
        ],
        ids=lambda given: "+".join(given),
    )
    def test_whatever_is_refused(self, given: dict[str, Any], way: Callable[..., Any]) -> None:
        options = {"uri": "mqtt://127.0.0.1:1", "username": "u", "password": CANARY, "connect_timeout": 5} | given
        with pytest.raises(Exception) as raised:
            way(**options)
        assert shown_by(raised.value) == []

    @pytest.mark.parametrize("misspelled", ["sceonds", "pasword"])
    def test_an_unknown_keyword(self, misspelled: str, way: Callable[..., Any]) -> None:
        with pytest.raises(TypeError, match=misspelled) as raised:
            way(uri=f"mqtt://u:{CANARY}@127.0.0.1:1", password=CANARY, **{misspelled: CANARY})
        assert shown_by(raised.value) == []

    @pytest.mark.parametrize(
        "given", [{"seconds": "soon"}, {"rows": 0}, {"topics": ()}, {"seconds": None}, {"retained": "x"}, {"client": 7}], ids=str
    )
    def test_what_read_mqtt_refuses(self, given: dict[str, Any]) -> None:
        with pytest.raises(InvalidArgumentError) as raised:
            hf.read_mqtt(**{"uri": f"mqtt://u:{CANARY}@127.0.0.1:1", "password": CANARY, **given})
        assert shown_by(raised.value) == []

    def test_the_environments_address(self, monkeypatch: pytest.MonkeyPatch, way: Callable[..., Any]) -> None:
        monkeypatch.setenv("MQTT_SERVER", f"http://u:{CANARY}@h")
        with pytest.raises(InvalidArgumentError) as raised:
            way()
        assert shown_by(raised.value) == []

    def test_a_password_file_that_is_not_text(self, tmp_path: Path, way: Callable[..., Any]) -> None:
        path = tmp_path / "password"
        path.write_bytes(CANARY.encode() + b"\xff\n")
        path.chmod(0o600)
        with pytest.raises(InvalidArgumentError, match="UTF-8") as raised:
            way(uri="mqtt://127.0.0.1:1", username="u", password_file=path)
        assert shown_by(raised.value) == []

    @pytest.mark.filterwarnings("error::honeyframe.credentials.CredentialFileWarning")
    def test_a_warning_that_is_an_error(self, tmp_path: Path, way: Callable[..., Any]) -> None:
        path = tmp_path / "password"
        path.write_text(CANARY)
        path.chmod(0o644)
        with pytest.raises(UserWarning, match="chmod") as raised:
            way(uri="mqtt://127.0.0.1:1", username="u", password_file=path)
        assert shown_by(raised.value) == []

    @pytest.mark.parametrize(
        "arguments",
        [
            ["read", "mqtt://127.0.0.1:1", "#", "-u", "u", "--password", CANARY],
            ["read", f"mqtt://u:{CANARY}@127.0.0.1:1", "#", "--protocol", "4"],
            ["read", "mqtt://127.0.0.1:1", "#", "-u", "u", "-P", CANARY, "--protocol", "4"],
            ["read", "mqtt://127.0.0.1:1", "#", "-u", "u", "-P", CANARY, "--seconds", "soon"],
            ["read", "mqtt://127.0.0.1:1", "#", "-P", CANARY, "--password-file", "x"],
            ["demo", "--uri", f"mqtt://u:{CANARY}@127.0.0.1:1"],
            ["demo", "--uri", "mqtt://127.0.0.1:1", "-u", "u", "-P", CANARY],
        ],
    )
    def test_the_command_line(self, arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
        from honeyframe.cli import ending
        from honeyframe.cli.app import app

        raised: list[Exception] = []
        monkeypatch.setattr(ending, "report", lambda error: raised.append(error) or ending.ExitCode.error)
        try:
            app(arguments, standalone_mode=False)
        except Exception as error:  # what the parser of the command line did not understand
            raised.append(error)
        assert [shown_by(error) for error in raised] == [[]]


@pytest.fixture(params=["connect", "connect_async", "read_mqtt"])
def way(request: pytest.FixtureRequest) -> Callable[..., Any]:
    def connect_async(**given: Any) -> Any:
        return asyncio.run(hf.connect_async(**given))

    return {"connect": hf.connect, "connect_async": connect_async, "read_mqtt": hf.read_mqtt}[request.param]


def shown_by(error: BaseException) -> list[str]:
    """Where an exception and all that led to it show the canary, in what honeyframe's own frames and the exceptions hold."""
    found: list[str] = []
    frames = 0
    chain: list[BaseException | None] = [error]
    for one in chain:
        if one is None:
            continue
        chain += [other for other in (one.__context__, one.__cause__) if other not in chain]
        found += [f"{type(one).__name__}{path}" for path in leaks([one.args, vars(one), getattr(one, "object", None)], "", set())]
        for frame, line in traceback.walk_tb(one.__traceback__):
            if frame.f_globals.get("__name__", "").startswith("honeyframe"):
                frames += 1
                where = f"{frame.f_code.co_name}:{line}"
                found += [f"{where} {name}{path}" for name, value in frame.f_locals.items() for path in leaks(value, "", set())]
    assert frames > 0 or isinstance(error, TypeError)  # Python itself refuses a keyword that a signature does not have
    return found


def leaks(value: Any, path: str, seen: set[int]) -> list[str]:
    if id(value) in seen or isinstance(value, (Secret, types.ModuleType, type)):
        return [path] if CANARY in repr(value) else []
    seen.add(id(value))
    inner = dict(getattr(value, "__dict__", {}))
    if isinstance(value, dict):
        inner |= {str(name): item for name, item in value.items()}
    elif isinstance(value, (list, tuple, set, frozenset)):
        inner |= {str(number): item for number, item in enumerate(value)}
    elif isinstance(value, types.FunctionType):
        inner |= {str(number): cell.cell_contents for number, cell in enumerate(value.__closure__ or ())}
    below = [leak for name, item in inner.items() for leak in leaks(item, f"{path}.{name}", seen)]
    return below or ([path] if CANARY in repr(value) else [])


def test_the_walk_finds_what_is_there() -> None:
    def refuse(options: dict[str, Any]) -> None:
        raise ValueError("no")

    function = types.FunctionType(refuse.__code__, {"__name__": "honeyframe.x", "ValueError": ValueError}, "refuse")
    with pytest.raises(ValueError, match="no") as raised:
        function({"deep": [{"password": CANARY}]})
    assert shown_by(raised.value) == ["refuse:" + str(refuse.__code__.co_firstlineno + 1) + " options.deep.0.password"]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"sep": None}, "sep takes str; found NoneType"),
        ({"payload": 5}, "payload takes str; found int"),
        ({"strict": "x"}, "strict takes bool; found str"),
        ({"event_time": 5}, "event_time takes str or None; found int"),
        ({"sep": 3, "explode": 5}, "sep takes str; found int; explode takes str; found int"),
        ({"sep": "\ud800"}, "sep holds a lone surrogate, which UTF-8 cannot carry"),
        ({"columns": ["a", "\ud800"]}, "columns holds a lone surrogate, which UTF-8 cannot carry"),
    ],
)
def test_extract_accuses_nothing_else(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidArgumentError) as raised:
        hf.extract([b"{}"], **{"columns": ["a"], "na_values": ["-"], **wrong})
    assert str(raised.value) == told


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"client_id": 5}, "client_id takes str; found int"),
        ({"client_id": b"x"}, "client_id takes str; found bytes"),
        ({"username": 5}, "username takes str or None; found int"),
        ({"protocol": 5}, "protocol takes str; found int"),
        ({"clean_start": "x"}, "clean_start takes bool; found str"),
        ({"receive_maximum": "x"}, "receive_maximum takes int; found str"),
        ({"receive_maximum": 2**70}, "receive_maximum is out of range"),
        ({"maximum_packet_size": 1.5}, "maximum_packet_size takes int; found float"),
        ({"user_properties": 5}, "user_properties must be a mapping or a list of pairs of str, not int"),
        ({"password_file": 5}, "password_file must be a path (str or os.PathLike), not int"),
        ({"ca_file": 5}, "ca_file must be a path (str or os.PathLike), not int"),
        ({"ca_file": ""}, "ca_file is an empty path: name a file, or leave it out"),
        ({"password_file": ""}, "password_file is an empty path: name a file, or leave it out"),
        ({"last_will": {"topic": 5}}, "last_will's topic must be a str, not int"),
        ({"last_will": {"topic": "a", "qos": 2**70}}, "last_will's qos must be from 0 to 2; found 1180591620717411303424"),
    ],
)
def test_connect_accuses_nothing_else(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises((InvalidArgumentError, TypeError)) as raised:
        hf.connect("mqtt://127.0.0.1:1", **{"user_properties": {"a": "b"}, **wrong})
    assert str(raised.value) == told


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"topic": 5}, "topic takes str; found int"),
        ({"qos": 1.5}, "qos takes int; found float"),
        ({"qos": 2**70}, "qos is out of range"),
        ({"retain": "x"}, "retain takes bool; found str"),
        ({"content_type": 5}, "content_type takes str; found int"),
        ({"correlation_data": "x"}, "correlation_data takes bytes; found str"),
        ({"user_properties": 5}, "user_properties must be a mapping or a list of pairs of str, not int"),
    ],
)
def test_publish_accuses_nothing_else(client: hf.Client, wrong: dict[str, Any], told: str) -> None:
    with pytest.raises((InvalidArgumentError, TypeError)) as raised:
        client.publish(**{"topic": "a", "payload": b"", "user_properties": {"a": "b"}, "message_expiry": 5, **wrong})
    assert str(raised.value) == told


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"overflow": 5}, "overflow takes str; found int"),
        ({"qos": 1.0}, "qos is 0, 1 or 2; found 1.0"),
        ({"no_local": "x"}, "no_local must be a bool, not str"),
        ({"max_queue_messages": 0}, "max_queue_messages must be at least 1; found 0"),
        ({"max_queue_bytes": -1}, "max_queue_bytes must be at least 65536; found -1"),
        ({"max_queue_bytes": 1.5}, "max_queue_bytes must be an int, not float"),
        ({"metadata": 5}, "metadata must be a list of strings, not int"),
    ],
)
def test_stream_accuses_nothing_else(client: hf.Client, wrong: dict[str, Any], told: str) -> None:
    with pytest.raises((InvalidArgumentError, TypeError)) as raised:
        client.stream("a", **wrong)
    assert str(raised.value) == told
