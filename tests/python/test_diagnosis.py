"""The doctor's steps before a socket, its report, and its table of causes. Planted faults: tests/integration/test_doctor.py."""

from __future__ import annotations

import email.utils
import errno
import json
import os
import re
import socket
import time
from pathlib import Path
from typing import Any

import pytest
from tests.brokers.packets import Connack, Connect
from tests.brokers.scripted import Connection, ScriptedBroker, serve

import honeyframe as hf
from honeyframe import _core
from honeyframe.diagnosis import causes, connack, permissions, port, refusals, report, surroundings, way
from honeyframe.diagnosis.clock import clock_row
from honeyframe.profiles import Profile, ProfileWriter
from honeyframe.uri import Address

CANARY = "c4n4ry-9b1e"
NOBODY = "mqtts://127.0.0.1:1"
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _no_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("MQTT_", "SSL_CERT_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


# --- address


@pytest.mark.parametrize(
    ("uri", "cause", "fix"),
    [
        ("https://abc123.s1.eu.hivemq.cloud", "address_is_a_web_page", "mqtts://abc123.s1.eu.hivemq.cloud"),
        ("https://abc123.s1.eu.hivemq.cloud:8883/mqtt?x=1", "address_is_a_web_page", "mqtts://abc123.s1.eu.hivemq.cloud"),
        ("http://me:pass@broker.example:1883", "address_is_a_web_page", "mqtts://broker.example"),
        ("https://console.hivemq.cloud/clusters/abc123", "address_is_the_console", "Overview"),
        ("abc123.s1.eu.hivemq.cloud", "address_unreadable", "mqtts://abc123.s1.eu.hivemq.cloud"),
        ("abc123.s1.eu.hivemq.cloud:8883", "address_unreadable", "mqtts://abc123.s1.eu.hivemq.cloud"),
        ("mqtts://<cluster>.s1.eu.hivemq.cloud", "address_unreadable", "Overview"),
        (" mqtts://broker.example\n", "address_has_blanks", "line breaks"),
        ("'mqtts://broker.example'", "address_has_blanks", "quotes"),
        ("mqtt://abc123.s1.eu.hivemq.cloud", "address_wrong_port", "mqtts://"),
        ("mqtts://abc123.s1.eu.hivemq.cloud:1883", "address_wrong_port", "8883"),
        ("mqtts://abc123.s1.eu.hivemq.cloud:8884", "address_wrong_port", "8884"),
        ("wss://abc123.s1.eu.hivemq.cloud:8883/mqtt", "address_wrong_port", "8884"),
        ("mqtts://broker.example/topic", "address_unreadable", "topics"),
        ("mqtts://", "address_unreadable", "mqtts://host"),
        ("", "address_missing", "MQTT_SERVER"),
    ],
)
def test_an_address_that_cannot_be_used(uri: str, cause: str, fix: str) -> None:
    found = hf.doctor(uri or None)
    assert found["address"].verdict == "fail"
    assert found["address"].cause == cause
    assert fix in found["address"].advice
    assert not found.ok
    assert {row.verdict for row in found if row.step not in ("address", "environment")} == {"skipped"}
    assert "pass@" not in repr(found)


@pytest.mark.parametrize(
    ("uri", "cause", "fix"),
    [
        ("mqtts://127.0.0.1:1883", "address_wrong_port", "mqtt://127.0.0.1:1883"),
        ("mqtt://127.0.0.1:8883", "address_wrong_port", "mqtts://127.0.0.1:8883"),
        ("mqtts://[::1]:9001", "address_wrong_port", "ws://[::1]:9001/mqtt"),
        ("wss://127.0.0.1:8883/mqtt", "address_wrong_port", "mqtts://127.0.0.1:8883"),
        ("ws://127.0.0.1:9001/", "websocket_path_missing", "ws://127.0.0.1:9001/mqtt"),
        (f"mqtts://me:{CANARY}@127.0.0.1:1", "password_in_address", "MQTT_PASSWORD"),
    ],
)
def test_an_address_that_looks_wrong_is_tried_all_the_same(uri: str, cause: str, fix: str) -> None:
    row, address = surroundings.address_row(hf.credentials.Secret(uri))
    assert (row.verdict, row.cause) == ("warn", cause)
    assert fix in row.advice
    assert address is not None
    assert CANARY not in str(row)


@pytest.mark.parametrize(
    "uri",
    ["mqtts://abc.s1.eu.hivemq.cloud", "wss://abc.s1.eu.hivemq.cloud", "ws://localhost:9001/mqtt", "wss://h:443/mqtt", "mqtt://h:1884"],
)
def test_a_good_address_is_good(uri: str) -> None:
    row, _ = surroundings.address_row(hf.credentials.Secret(uri))
    assert (row.verdict, row.cause, row.advice) == ("ok", "", "")


# --- environment


def test_proxies_are_named_without_their_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://me:{CANARY}@proxy.example:3128")
    monkeypatch.setenv("all_proxy", f"socks5://{CANARY}")
    found = hf.doctor(NOBODY)
    row = found["environment"]
    assert (row.verdict, row.cause) == ("warn", "proxy_in_environment")
    assert "HTTPS_PROXY=proxy.example:3128" in row.answer
    assert "http_proxy=" in row.advice
    assert row.advice == causes.advise("proxy_in_environment")
    monkeypatch.setenv("all_proxy", "http://[broken")
    assert "not readable" in hf.doctor(NOBODY)["environment"].answer
    assert f"me:{CANARY}" not in found.to_json()


def test_variables_that_take_effect_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MQTT_SERVER", NOBODY)
    monkeypatch.setenv("MQTT_USERNAME", "me")
    monkeypatch.setenv("MQTT_PASSWORD", CANARY)
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere.pem")
    found = hf.doctor()
    assert "MQTT_SERVER" in found["address"].tried
    answer = found["environment"].answer
    assert "MQTT_USERNAME, MQTT_PASSWORD set" in answer
    assert "SSL_CERT_FILE" in answer
    assert "password from MQTT_PASSWORD" in found["credential"].answer
    assert CANARY not in found.to_json()
    other = hf.doctor("mqtts://localhost:1")
    assert "meant for the broker in MQTT_SERVER" in other["environment"].answer
    assert "anonymous" in other["credential"].answer


def test_a_trace_of_pahos_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MQTT_C_CLIENT_TRACE", "ON")
    assert hf.doctor(NOBODY)["environment"].cause == "paho_trace"


# --- credential


@pytest.mark.parametrize(
    ("uri", "given", "cause"),
    [
        (NOBODY, {"username": "me", "password": CANARY + "\n"}, "credential_has_blanks"),
        (NOBODY, {"username": "me ", "password": CANARY}, "credential_has_blanks"),
        (NOBODY, {"password": CANARY}, "username_missing"),
        ("mqtts://abc.hivemq.cloud", {}, "credential_missing"),
        ("mqtts://abc.hivemq.cloud", {"username": "me@example.com", "password": CANARY}, "credential_is_console_login"),
        (NOBODY, {"username": "me", "password_file": "/no/such/file"}, "password_file_unreadable"),
    ],
)
def test_a_credential_that_looks_wrong(uri: str, given: dict[str, Any], cause: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_core, "probe", _probed(hf.DNSError("no network in this test")))
    found = hf.doctor(uri, **given)
    assert found["credential"].cause == cause
    assert found["credential"].advice
    assert CANARY not in found.to_json()


# --- the way, where it cannot be planted on loopback


def _probed(error: Exception, step: str = "name") -> Any:
    tls = {
        "server_name": "",
        "trust_source": "",
        "version": "",
        "cipher": "",
        "alpn": "",
        "certificate_wanted": False,
        "verified": False,
        "chain": [],
    }
    times = dict.fromkeys(("name_seconds", "tcp_seconds", "tls_seconds", "websocket_seconds"), 0.0)
    texts = dict.fromkeys(("address", "http_line", "http_date", "http_server", "subprotocol"), "")
    return lambda *_, **__: {**times, **texts, "error": error, "step": step, "addresses": [], "tls": tls, "answer": b""}


@pytest.mark.parametrize(
    ("error", "step", "cause"),
    [
        (hf.ConnectTimeoutError("unreachable", native_code=errno.ENETUNREACH), "TCP", "host_unreachable"),
        (hf.ConnectTimeoutError("no route", native_code=errno.EHOSTUNREACH), "TCP", "host_unreachable"),
        (hf.DNSError("no name server answered for host 'x'"), "DNS", "dns_no_answer"),
        (hf.DNSError("Temporary failure in name resolution", native_code=socket.EAI_AGAIN), "DNS", "dns_no_answer"),
    ],
)
def test_faults_of_networks_that_are_not_here(error: hf.HoneyframeError, step: str, cause: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_core, "probe", _probed(error, "name" if step == "DNS" else "tcp"))
    found = hf.doctor("mqtts://broker.example")
    assert (found[step].verdict, found[step].cause) == ("fail", cause)
    assert found["CONNECT"].verdict == "skipped"


def test_ports_that_do_answer_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(way, "answering_neighbours", lambda _visit: [8883])
    row = hf.doctor("mqtts://127.0.0.1:1")["TCP"]
    assert "these answer: 8883" in row.answer
    assert row.details["answering_ports"] == [8883]


def test_a_probe_keeps_to_its_limit() -> None:
    begin = time.monotonic()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        probed = _core.probe(_core.ConnectOptions(f"mqtts://127.0.0.1:{silent.getsockname()[1]}"), timeout=0.1)
    assert time.monotonic() - begin < 3
    assert (probed["step"], probed["error"].code) == ("tls", "connect_timeout")


def test_a_password_without_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    async def serves(c: Connection) -> None:
        if c._first[:1] == b"\x10":
            await serve(c)

    monkeypatch.setattr(Address, "is_loopback", property(lambda _: False))
    with ScriptedBroker(serves, repeat=True) as broker:
        row = hf.doctor(broker.uri(), username="me", password=CANARY, access="publish")["TLS"]
    assert (row.verdict, row.cause) == ("warn", "no_tls")
    assert "mqtts://" in row.advice


def test_a_message_that_cannot_be_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    visit = type("_", (), {"left": lambda _: 5.0})()
    asked = permissions.Permissions(visit, connack.Connected(), access="publish")
    probe = permissions.Probe("a", exact=True)
    row = asked._not_published(probe, "PUBLISH", hf.InvalidTopicError("no such topic"), 0.0)
    assert (row.verdict, row.cause) == ("fail", "publish_failed")


# --- clock


def _chain(*validities: tuple[float, float]) -> dict[str, Any]:
    chain = [{"not_before": begin, "not_after": end} for begin, end in validities]
    return {"tls": {"chain": chain, "verified": False}, "http_date": ""}


DAY = 86_400.0


def test_clock_by_its_own_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("honeyframe.diagnosis.clock.time.time", lambda: 0.0)
    row = clock_row(_chain(), uses_tls=True)
    assert (row.verdict, row.cause) == ("fail", "clock_wrong")
    assert "1970-01-01" in row.answer


def test_clock_by_certificates() -> None:
    now = time.time()
    good, late, early = (now - DAY, now + DAY), (now - 9 * DAY, now - 3 * DAY), (now + 3 * DAY, now + 9 * DAY)
    assert clock_row(_chain(good, good), uses_tls=True).verdict == "ok"
    assert clock_row(_chain(late, good), uses_tls=True).cause == "clock_or_certificate"
    assert clock_row(_chain(late, late), uses_tls=True).cause == "clock_wrong"
    row = clock_row(_chain(early, early), uses_tls=True)
    assert row.cause == "clock_wrong"
    assert "3 days before" in row.answer
    assert clock_row(_chain(), uses_tls=False).verdict == "skipped"


def test_clock_by_date() -> None:
    def row(seconds: float, *, verified: bool = True, uses_tls: bool = True) -> hf.DoctorRow:
        date = email.utils.formatdate(time.time() - seconds, usegmt=True)
        return clock_row({"tls": {"chain": [], "verified": verified}, "http_date": date}, uses_tls=uses_tls)

    assert row(0).verdict == "ok"
    assert row(3600).verdict == "warn"
    assert row(3 * DAY).verdict == "fail"
    assert "ahead of" in row(3 * DAY).answer
    assert row(3 * DAY, verified=False, uses_tls=False).verdict == "warn"  # nobody vouches for it
    assert row(3 * DAY, verified=False).verdict == "skipped"  # TLS that was not checked
    bad = {"tls": {"chain": [], "verified": True}, "http_date": "yesterday"}
    assert clock_row(bad, uses_tls=True).verdict == "skipped"


# --- the report


@pytest.fixture
def some() -> hf.DoctorReport:
    rows = (
        hf.DoctorRow("address", "ok", "read it", "mqtts://h:1"),
        hf.DoctorRow("TLS", "fail", "shake hands", "<script>alert(1)</script> $x$", "do & dare " * 20, "tls_failed", 0.5),
        hf.DoctorRow("clock", "warn", "look", "late", "set it", "clock_wrong"),
        *(hf.DoctorRow(f"step {number}", "skipped", "nothing", "there is no connection") for number in range(4)),
        hf.DoctorRow("subscribe 温度/" + "x" * 80, "skipped", "nothing", "another reason"),
    )
    return hf.DoctorReport("mqtts://h:1", rows, started="2026-01-01T00:00:00+00:00", seconds=1.25)


def test_the_report_as_text(some: hf.DoctorReport) -> None:
    from honeyframe.cli.terminal import cells

    text = repr(some)
    lines = text.split("\n")
    assert "step 0 to step 3" in text
    assert text.count("there is no connection") == 1
    assert lines[-1] == "1 ok, 1 warn, 1 fail, 5 skipped in 1.2 s: TLS failed"
    verdicts = ("ok", "warn", "fail", "skipped")
    starts = {cells(line[: line.index(f" {one} ")]) for line in lines[2:-1] for one in verdicts if f" {one} " in line[:40]}
    assert len(starts) == 1, "the verdicts stand below each other"


@pytest.mark.parametrize("width", [40, 60, 80, 132])
def test_the_report_fits(some: hf.DoctorReport, width: int) -> None:
    from honeyframe.cli import terminal

    longest = max(terminal.cells(line) for line in some.text(width).split("\n")[1:-1])
    assert longest <= max(width, 50)


def test_the_report_elsewhere(some: hf.DoctorReport) -> None:
    html = some._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert "$" not in html
    frame = some.to_pandas()
    assert list(frame.columns) == ["step", "verdict", "tried", "answer", "advice", "cause", "seconds"]
    assert len(frame) == len(some) == 8
    told = json.loads(some.to_json())
    assert told["causes"] == ["tls_failed", "clock_wrong"]
    assert told["rows"][1]["seconds"] == 0.5
    assert some["TLS"].cause == "tls_failed"
    with pytest.raises(KeyError):
        some["no such step"]
    assert not some.ok


def test_nothing_failed_is_not_ok_without_a_connection() -> None:
    row = hf.DoctorRow("CONNECT", "skipped", "", "x")
    assert not hf.DoctorReport("u", (row,), started="", seconds=0).ok
    assert hf.DoctorReport("u", (hf.DoctorRow("CONNECT", "ok", "", "x"),), started="", seconds=0).ok


def test_a_broker_that_quotes_the_password_or_escapes() -> None:
    async def quotes(c: Connection) -> None:
        if c._first[:1] == b"\x10":
            await c.expect(Connect)
            await c.send(Connack(), b"\xe0\x27\x8b\x25\x1f\x00\x22" + f"not {CANARY}, \x1b[31mred".ljust(34).encode())
            await c.sleep(0.2)

    with ScriptedBroker(quotes, repeat=True) as broker:
        found = hf.doctor(broker.uri(), username="me", password=CANARY)
    for text in (repr(found), found.to_json(), found._repr_html_()):
        assert CANARY not in text
        assert "\x1b" not in text
    assert "not ***, \\x1b[31mred" in found["CONNECT"].answer


def test_our_own_words_stay_also_where_one_is_the_password() -> None:
    found = hf.doctor(f"mqtt://127.0.0.1:{_closed_port()}", username="me", password="port")
    assert found.causes == ("port_refused",)
    assert found["TCP"].advice == causes.advise("port_refused", port=found.uri.rpartition(":")[2])
    assert "address" in found["address"].tried
    assert " *** " in found["address"].answer  # there it may have come from outside


def _closed_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port_number: int = held.getsockname()[1]
        return port_number


# --- arguments


def test_a_profile_says_where_and_as_whom(profiles: Path) -> None:
    async def serves(c: Connection) -> None:
        if c._first[:1] == b"\x10":  # else it is greeted with TLS
            await serve(c)

    with ScriptedBroker(serves, repeat=True) as broker:
        with ProfileWriter("plant", replace=False) as writer:
            writer.write(Profile("plant", broker.uri(), {"username": "me", "client_id": "by-profile"}))
        found = hf.doctor(profile="plant", access="subscribe", username="you")
        assert found.uri == broker.uri()
        assert "client id by-profile" in found["CONNECT"].answer
        assert "as you" in found["CONNECT"].tried
        with pytest.raises(hf.InvalidArgumentError, match="both given"):
            hf.doctor(broker.uri(), profile="plant")
    with pytest.raises(hf.InvalidArgumentError, match="nowhere"):
        hf.doctor(profile="nowhere")


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"topics": ["a/#/b"]}, hf.InvalidTopicFilterError),
        ({"topics": [""]}, hf.InvalidTopicFilterError),
        ({"topics": ["$share/g/t"]}, hf.InvalidTopicFilterError),  # messages of the group would come to the doctor
        ({"topics": [3]}, TypeError),
        ({"topics": [f"t/{n}" for n in range(51)]}, hf.InvalidArgumentError),
        ({"access": "read"}, hf.InvalidArgumentError),
        ({"protocol": "4"}, hf.InvalidArgumentError),
        ({"timeout": "soon"}, hf.InvalidArgumentError),
        ({"insecure": "no"}, TypeError),
        ({"client_id": 3}, TypeError),
        ({"ca_file": 3}, TypeError),
        ({"password": 3}, hf.InvalidArgumentError),
    ],
)
def test_arguments_are_looked_at_first(given: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        hf.doctor(NOBODY, **given)


def test_a_template_is_its_filter() -> None:
    found = hf.doctor(NOBODY, topics="plant/{line}/telemetry")
    assert found["subscribe plant/+/telemetry"].verdict == "skipped"


def test_both_a_password_and_a_file(tmp_path: Path) -> None:
    (tmp_path / "p").write_text("x")
    assert hf.doctor(NOBODY, password="x", password_file=tmp_path / "p")["credential"].verdict == "fail"


def test_time_runs_out() -> None:
    """What there is no time for is told, not waited for, and does not raise."""

    async def silent(c: Connection) -> None:
        await c.absorb()

    with ScriptedBroker(silent, repeat=True) as broker:
        begin = time.monotonic()
        found = hf.doctor(broker.uri(), timeout=0.5)
        assert time.monotonic() - begin < 3
    assert found["CONNECT"].verdict == "fail"
    assert found["stay"].verdict == "skipped"


# --- the table of causes


def test_each_cause_is_in_the_docs_as_it_is_printed() -> None:
    page = (ROOT / "docs" / "doctor.md").read_text()
    told = dict(re.findall(r"^\| `(\w+)` \| .+ \| (.+) \|$", page, re.MULTILINE))
    assert set(told) == set(causes.ADVICE)
    fixed = re.compile(r"\{(?:better|words|port|topic|size|restrictions)\}")
    for cause, advice in causes.ADVICE.items():
        pieces = fixed.split(advice.replace("<", "&lt;").replace(">", "&gt;"))
        assert all(piece.format(**causes._PLACES) in told[cause] for piece in pieces), cause


def test_each_cause_that_the_code_names_is_in_the_table() -> None:
    folder = Path(report.__file__).parent
    files = [file for file in folder.glob("*.py") if file.name != "causes.py"]
    named = {name for file in files for name in re.findall(r'"([a-z0-9_]+)"', file.read_text())}
    assert set(causes.ADVICE) <= named
    assert set(refusals._CAUSES.values()) <= set(causes.ADVICE)
    for cause in causes.ADVICE:
        filled = causes.advise(cause, **dict.fromkeys(("better", "words", "port", "topic", "size", "restrictions"), "x"))
        assert "{" not in filled


def test_each_cause_is_planted_somewhere() -> None:
    files = ("integration/planted_faults.py", "integration/test_doctor.py", "python/test_diagnosis.py")
    planted = "".join((ROOT / "tests" / file).read_text() for file in files)
    assert [cause for cause in causes.ADVICE if f'"{cause}"' not in planted] == []


def test_an_anonymous_connect_is_one() -> None:
    from tests.brokers.packets import Decoder

    (packet,) = Decoder().feed(port.anonymous_connect("0123456789abcdef"))
    assert isinstance(packet, Connect)
    assert (packet.username, packet.password, packet.will, packet.clean_start) == (None, None, None, True)


def test_a_second_websocket_is_told() -> None:
    error = hf.WebSocketInUseError("a process can hold one WebSocket connection at a time")
    cause, _, advice = connack._why(_Visit(), connack.Connected(error=error))  # type: ignore[arg-type]
    assert cause == "websocket_in_use"
    assert "terminal" in advice


class _Visit:
    class address:  # noqa: N801
        display = "ws://h:1/mqtt"
