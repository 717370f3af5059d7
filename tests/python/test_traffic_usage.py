"""hf.usage(), hf.end_session() and their command, with real sessions."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from tests.brokers.hivemq import HiveMQ
from tests.brokers.mosquitto import Mosquitto
from tests.python.test_cli import run_in_terminal
from typer.testing import CliRunner, Result

import honeyframe as hf
from honeyframe import traffic_meter
from honeyframe.cli.app import app
from honeyframe.profiles import Profile, ProfileWriter
from honeyframe.traffic_book import BookFile, KeptSession, Month, to_text, utc_now
from honeyframe.traffic_plan import month_of, plans_file
from honeyframe.user_files import NoHomeError

CLOUD = "abc123.s1.eu.hivemq.cloud"
GB = 10**9


@pytest.fixture(autouse=True)
def _own_book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setattr(traffic_meter, "_meter", traffic_meter.Meter())


def used(host: str = CLOUD, month: str | None = None, *, size: int = 3 * GB, **more: Any) -> None:
    """As if earlier runs had moved so much."""
    begin = to_text(utc_now().replace(day=1, hour=0, minute=0, second=0))
    made = Month(mqtt_bytes_in=size // 2, wire_bytes_in=size, first=begin, last=begin, connects=7, most_sessions=3, **more)
    BookFile().update(lambda book: book.brokers.setdefault(host, {}).__setitem__(month or month_of(utc_now()), made))


def keep(client_id: str, uri: str, **more: Any) -> None:
    host = uri.split("//")[1].split(":")[0]
    one = KeptSession(host, uri, client_id, **{"protocol": "5.0", "expiry_seconds": 3600, "last_connected": to_text(utc_now()), **more})
    BookFile().update(lambda book: book.keep(one))


def run(*arguments: str, **environment: str) -> Result:
    """The command within this process: those that go through a terminal are real ones."""
    return CliRunner().invoke(app, list(arguments), env=environment)


# --- the frame


def test_nothing_used_is_an_empty_frame() -> None:
    frame = hf.usage()
    assert len(frame) == 0
    assert {"month", "broker", "wire_bytes_in", "projected_bytes", "share"} <= set(frame.columns)
    assert str(frame["wire_bytes"].dtype) == "Int64"
    assert len(hf.usage(sessions=True)) == 0
    assert "invisible" in frame.attrs["honeyframe_usage"]


def test_a_row_a_broker_and_month() -> None:
    used()
    used(month="2026-01", size=1 * GB)
    used("broker.example", size=5 * GB)
    frame = hf.usage()
    assert frame["month"].is_monotonic_decreasing
    cloud = frame[(frame["broker"] == CLOUD) & (frame["month"] == month_of(utc_now()))].iloc[0]
    assert (cloud["wire_bytes"], cloud["plan_bytes"], cloud["plan_connections"]) == (3 * GB, 10 * GB, 100)
    assert cloud["share"] == pytest.approx(0.3)
    assert pd.isna(cloud["projected_bytes"]) or cloud["projected_bytes"] >= 3 * GB
    other = frame[frame["broker"] == "broker.example"].iloc[0]
    assert pd.isna(other["plan_bytes"])
    assert pd.isna(other["share"])
    assert frame[frame["month"] == "2026-01"]["projected_bytes"].tolist() == [GB]
    assert hf.usage("broker.example", plan="50GB")["share"].tolist() == [0.1]
    assert hf.usage("mqtts://user:secret@broker.example")["broker"].tolist() == ["broker.example"]
    assert pd.isna(hf.usage(CLOUD, plan="none")["plan_bytes"]).all()
    with pytest.raises(hf.errors.InvalidArgumentError, match="plan has 'plenty'"):
        hf.usage(plan="plenty")


def test_a_damaged_book_is_named() -> None:
    used()
    BookFile().path.write_text("{")
    with pytest.raises(ValueError, match=r"usage\.json is damaged") as raised:
        hf.usage()
    assert isinstance(raised.value, hf.HoneyframeError)


def test_the_dtypes_are_those_of_every_frame() -> None:
    used()
    keep("stays", f"mqtts://{CLOUD}:8883")
    for frame in (hf.usage(), hf.usage("nobody"), hf.usage(sessions=True), hf.usage("nobody", sessions=True)):
        for name, dtype in frame.dtypes.items():
            if name in ("month", "broker", "client_id", "protocol", "uri"):
                assert dtype == pd.StringDtype("pyarrow")
            elif name in ("first", "last", "last_connected", "expires"):
                assert str(dtype) == "datetime64[ns, UTC]"
            else:
                assert str(dtype) == {"share": "float64", "connected": "boolean"}.get(str(name), "Int64")


def test_without_a_home_there_is_no_usage(no_home: None) -> None:
    with pytest.raises(NoHomeError, match="there is no home directory for this user"):
        hf.usage()
    with pytest.raises(NoHomeError, match="XDG_CONFIG_HOME"):
        plans_file()


# --- sessions that stay


def test_a_session_is_listed_and_ended(mosquitto: Mosquitto) -> None:
    access: dict[str, Any] = {"username": "both", "password": "both-password"}
    uri = mosquitto.uri("mqtt", "127.0.0.1")
    with hf.connect(uri, **access, client_id="stays", session_expiry=600) as client:
        client.stream("usage/end", qos=1)
        listed = hf.usage(sessions=True)
        assert listed[["client_id", "connected", "expiry_seconds"]].to_numpy().tolist() == [["stays", True, 600]]
        with pytest.raises(hf.errors.InvalidArgumentError, match="is connected now"):
            hf.end_session("stays", **access)
    (row,) = hf.usage(sessions=True).to_dict("records")
    assert not row["connected"]
    assert 0 < (row["expires"] - pd.Timestamp.now(tz="UTC")).total_seconds() <= 600
    assert hf.usage()["sessions"].tolist() == [1]
    with hf.connect(uri, **access, client_id="stays", clean_start=False, session_expiry=600) as client:
        assert client.info()["session_present"]
    hf.end_session("stays", **access)
    assert len(hf.usage(sessions=True)) == 0
    with hf.connect(uri, **access, client_id="stays", clean_start=False, session_expiry=1) as client:
        assert not client.info()["session_present"], "the broker has forgotten it"


def test_a_session_is_ended_by_its_profile(mosquitto: Mosquitto, profiles: Path) -> None:
    uri = mosquitto.uri("mqtt", "127.0.0.1")
    with ProfileWriter("work", replace=False) as writer:
        writer.write(Profile("work", uri, {"username": "both", "client_id": "another", "protocol": "3.1.1"}))
    hf.connect(uri, username="both", password="both-password", client_id="stays", session_expiry=600).close()
    hf.end_session("stays", profile="work", password="both-password")
    assert len(hf.usage(sessions=True)) == 0


def test_a_session_of_mqtt_3_is_ended_in_mqtt_3(mosquitto: Mosquitto) -> None:
    access: dict[str, Any] = {"username": "both", "password": "both-password", "protocol": "3.1.1"}
    hf.connect(mosquitto.uri("mqtt", "127.0.0.1"), **access, client_id="old", clean_start=False).close()
    (row,) = hf.usage(sessions=True).to_dict("records")
    assert (row["protocol"], pd.isna(row["expires"]), pd.isna(row["expiry_seconds"])) == ("3.1.1", True, True)
    hf.end_session("old", username="both", password="both-password")
    assert len(hf.usage(sessions=True)) == 0


def test_a_session_that_is_open_is_ended_by_force(hivemq: HiveMQ) -> None:
    access: dict[str, Any] = {"username": "both", "password": "both-password"}
    with hf.connect(hivemq.uri("mqtt", "127.0.0.1"), **access, client_id="open", session_expiry=600) as client:
        hf.end_session("open", **access, force=True)
        deadline = time.monotonic() + 10
        while not client.closed and time.monotonic() < deadline:
            time.sleep(0.01)
    assert len(hf.usage(sessions=True)) == 0, "and its own end does not bring it back"


def test_a_session_is_ended_by_another_address_of_its_broker(mosquitto: Mosquitto, ca_file: str) -> None:
    access: dict[str, Any] = {"username": "both", "password": "both-password"}
    hf.connect(mosquitto.uri("mqtt", "127.0.0.1"), **access, client_id="stays", session_expiry=600).close()
    hf.end_session("stays", mosquitto.uri("mqtts", "127.0.0.1"), **access, ca_file=ca_file)
    assert len(hf.usage(sessions=True)) == 0


def test_what_cannot_be_ended_is_named() -> None:
    with pytest.raises(hf.errors.InvalidArgumentError, match="no kept session of a client 'nobody' is known"):
        hf.end_session("nobody")
    keep("twice", "mqtts://one.example:8883")
    keep("twice", "mqtts://two.example:8883")
    with pytest.raises(hf.errors.InvalidArgumentError, match=r"sessions with one\.example, two\.example"):
        hf.end_session("twice")
    with pytest.raises(hf.errors.InvalidArgumentError, match="sets clean_start itself"):
        hf.end_session("twice", "mqtts://one.example", clean_start=False)
    with pytest.raises(TypeError, match=r"end_session\(\) got an unexpected keyword argument 'pasword'"):
        hf.end_session("twice", "mqtts://one.example", pasword="secret")  # type: ignore[call-arg]


# --- the command


def test_the_command_prints_a_table_where_it_is_piped() -> None:
    used()
    used(month="2026-01")
    done = run("usage")
    assert done.exit_code == 0, done.stderr
    head, row = done.stdout.splitlines()
    assert head.split("  ")[0] == "month"
    assert row.split()[:2] == [month_of(utc_now()), CLOUD]
    assert "3 GB" in row
    assert "30%" in row
    assert "invisible" in done.stderr, "and not in what is piped on"
    assert "2026-01" in run("usage", "--all").stdout
    assert "Nothing in" in run("usage", "--broker", "other.example").stdout


def test_the_command_speaks_json() -> None:
    used()
    keep("stays", f"mqtts://{CLOUD}:8883")
    content = json.loads(run("usage", "--json", "--plan", "6GB").stdout)
    assert content["usage"][0]["share"] == 0.5
    assert content["sessions"][0]["client_id"] == "stays"
    assert "invisible" in content["note"]


@pytest.mark.parametrize(("columns", "more"), [(80, {}), (40, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"})])
def test_the_command_draws_bars_on_a_terminal(columns: int, more: dict[str, str]) -> None:
    used()
    used("broker.example", size=10)
    keep("stays", f"mqtts://{CLOUD}:8883")
    code, screen = run_in_terminal("usage", columns=columns, **more)
    assert code == 0
    assert ("###" if more else "███") in screen
    assert "3 GB of 10 GB" in screen
    assert "1 session without a connection still counts" in " ".join(screen.split())


def test_the_command_lists_sessions_on_a_terminal() -> None:
    keep("stays", f"mqtts://{CLOUD}:8883")
    keep("for ever\x1b[31m", f"mqtts://{CLOUD}:8883", expiry_seconds=0xFFFF_FFFF)
    code, screen = run_in_terminal("usage", "--sessions", columns=40)
    assert code == 0
    assert "client id: stays" in screen
    assert max(map(len, screen.splitlines()[:8])) <= 40
    assert "for ever\\x1b[31m" in screen
    assert "never" in screen
    assert "usage end CLIENT_ID" in screen


def test_the_command_ends_a_session(mosquitto: Mosquitto) -> None:
    uri = mosquitto.uri("mqtt", "127.0.0.1")
    hf.connect(uri, username="both", password="both-password", client_id="stays", session_expiry=600).close()
    login = {"MQTT_USERNAME": "both", "MQTT_PASSWORD": "both-password"}
    done = run("usage", "end", "stays", **login)
    assert (done.exit_code, done.stdout) == (0, "Ended: the session of 'stays' at 127.0.0.1.\n")
    assert "No broker keeps a session" in run("usage", "--sessions").stdout
    again = run("usage", "end", "stays", **login)
    assert again.exit_code == 2
    assert again.stderr.startswith("error: no kept session of a client 'stays' is known here")


def test_the_command_says_what_is_wrong() -> None:
    used()
    wrong = run("usage", "--plan", "plenty")
    assert wrong.exit_code == 2
    assert wrong.stderr.startswith("error: plan has 'plenty' where the bytes of a month should be")
    BookFile().path.write_text("{")
    damaged = run("usage")
    assert damaged.exit_code == 1
    assert damaged.stderr.startswith("error: ")
    assert "is damaged" in damaged.stderr
    assert "hint: The next session puts it aside" in damaged.stderr
    assert "unexpected" not in damaged.stderr
    assert "Traceback" not in damaged.stderr
    off = run("usage", HONEYFRAME_USAGE="off", XDG_DATA_HOME="/nonexistent")
    assert off.exit_code == 0
    assert "switches the meter off" in off.stderr


def test_the_password_of_an_address_warns_and_shows_nowhere() -> None:
    used()
    done = run("usage", "--broker", f"mqtts://me:c4n4ry-77e1@{CLOUD}")
    assert done.exit_code == 0
    assert CLOUD in done.stdout
    assert done.stderr.startswith("warning: a password on the command line can be seen in the process list")
    assert "c4n4ry" not in done.output
    assert "warning" not in run("usage", "--broker", f"mqtts://{CLOUD}").stderr
    assert "c4n4ry" not in run("usage", "--broker", "mqtts://me:c4n4ry-77e1@[broken").output


def test_the_help_fits_a_screen() -> None:
    for command in (["usage"], ["usage", "end"]):
        done = run(*command, "--help", COLUMNS="80")
        assert done.exit_code == 0
        assert len(done.stdout.splitlines()) <= 40
