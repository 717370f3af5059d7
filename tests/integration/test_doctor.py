"""hf.doctor: each planted fault is named, with a way out, in time, and without a secret on any surface."""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.brokers.client import Client
from tests.brokers.hivemq import HiveMQ
from tests.brokers.mosquitto import Mosquitto
from tests.brokers.proxies import HttpProxy, Relay
from tests.integration.conftest import in_parallel
from tests.integration.planted_faults import FAULTS
from tests.integration.ward import CANARY, Ward

import honeyframe as hf

pytestmark = pytest.mark.timeout(90)

Seen = dict[str, tuple[hf.DoctorReport | BaseException, float]]


class Records(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.text += f"{record.getMessage()} {vars(record)}\n"


@pytest.fixture(scope="module")
def ward(hivemq: HiveMQ, mosquitto: Mosquitto, authority: Any, ca_file: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ward]:
    ward = Ward(hivemq, mosquitto, authority, ca_file, tmp_path_factory.mktemp("ward"))
    with pytest.MonkeyPatch.context() as patch:
        for name in ("MQTT_SERVER", "MQTT_USERNAME", "MQTT_PASSWORD", "MQTT_PASSWORD_FILE", "http_proxy", "https_proxy", "all_proxy"):
            patch.delenv(name, raising=False)
            patch.delenv(name.upper(), raising=False)
        for scheme in ("mqtts", "wss"):  # a fresh JVM takes seconds for its first handshake
            ward.visit(hivemq.uri(scheme), topics=[])
        yield ward
    ward.servers.close()


YEAR = 365 * 86_400
MACHINES = {
    "a bad host name": ("mqtts://broker.unknown", 0, "DNS", "dns_unknown_host"),
    "a name server that never answers": ("mqtts://broker.silent", 0, "DNS", "dns_no_answer"),
    "no way to the host": ("mqtts://127.0.0.99", 0, "TCP", "host_unreachable"),
    "a clock in the past": ("mosquitto", -30 * YEAR, "clock", "clock_wrong"),
    "a clock in the future": ("mosquitto", 3 * YEAR, "clock", "clock_or_certificate"),
}


@pytest.fixture(scope="module")
def machines(ward: Ward, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, subprocess.Popen[str]]]:
    """Doctors on machines that are not as they should be: processes with a library in between."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("a C compiler is needed: apt-get install build-essential")
    library = tmp_path_factory.mktemp("strange") / "strange_machine.so"
    source = Path(__file__).with_name("strange_machine.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-Wall", "-Werror", "-o", str(library), str(source), "-ldl"], check=True)
    running = {}
    for name, (uri, shift, _, _) in MACHINES.items():
        environment = {**os.environ, "LD_PRELOAD": str(library), "CLOCK_SHIFT": str(shift)}
        address = ward.mosquitto.uri("mqtts") if uri == "mosquitto" else uri
        command = [sys.executable, "-m", "honeyframe", "doctor", address, "--json", "--ca-file", ward.ca_file]
        running[name] = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, stdin=subprocess.DEVNULL)
    yield running
    for process in running.values():
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def seen(ward: Ward, machines: object) -> tuple[Seen, str]:
    """All faults at once, since most of each is waiting; and what was logged meanwhile."""

    def one(name: str) -> tuple[hf.DoctorReport | BaseException, float]:
        begin = time.monotonic()
        try:
            return FAULTS[name].run(ward), time.monotonic() - begin
        except BaseException as error:
            return error, time.monotonic() - begin

    records, root = Records(), logging.getLogger()
    level = root.level
    root.addHandler(records)
    root.setLevel(logging.DEBUG)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", hf.InsecureTLSWarning)
            warnings.simplefilter("ignore", DeprecationWarning)  # of TLS 1.1
            with ThreadPoolExecutor(max_workers=24) as workers:
                return dict(zip(FAULTS, workers.map(one, FAULTS), strict=True)), records.text
    finally:
        root.removeHandler(records)
        root.setLevel(level)


@pytest.mark.parametrize("name", FAULTS)
def test_each_planted_fault_is_named(seen: tuple[Seen, str], name: str) -> None:
    report, seconds = seen[0][name]
    if isinstance(report, BaseException):
        raise report
    fault = FAULTS[name]
    row = report[fault.step]
    assert (row.cause, row.verdict) == (fault.cause, fault.verdict), report
    assert fault.said in row.answer, report
    assert fault.fix in row.advice, report
    assert fault.cause in report.causes
    assert seconds < 10
    if fault.verdict == "fail":
        assert not report.ok
    for row in report:  # nothing is left open: tried, or skipped for a reason
        assert row.answer
        assert bool(row.cause) == bool(row.advice) == (row.verdict in ("warn", "fail")), row


@pytest.mark.parametrize("name", MACHINES)
def test_a_machines_own_fault_is_named(seen: object, machines: dict[str, subprocess.Popen[str]], name: str) -> None:
    _, _, step, cause = MACHINES[name]
    told = json.loads(machines[name].communicate(timeout=30)[0])
    assert machines[name].returncode == 1
    assert next(row["cause"] for row in told["rows"] if row["step"] == step) == cause, told
    assert next(row["verdict"] for row in told["rows"] if row["step"] == "CONNECT") == "skipped"
    assert told["seconds"] < 10


def test_no_secret_is_shown(seen: tuple[Seen, str]) -> None:
    surfaces = [seen[1]]
    for report, _ in seen[0].values():
        surfaces += [repr(report), str(report)]
        if isinstance(report, hf.DoctorReport):
            surfaces += [report.to_json(), report._repr_html_(), report.to_pandas().to_string(), str(vars(report)), report.text(40)]
    for text in surfaces:
        assert CANARY not in text
        assert "-password" not in text.replace("--password", "").replace("both-password-", "")


# --- promises


def test_all_is_well(ward: Ward) -> None:
    """And nothing stays at the broker: no retained message, no session."""

    def visit(scheme: str) -> None:
        report = ward.visit(ward.hivemq.uri(scheme), topics=[f"test/{scheme}", "test/other", "plant/#"])
        assert report.ok, report
        assert report.causes == ()
        assert report["CONNECT"].details["session_present"] is False
        limits = report["limits"].details
        assert (limits["receive_maximum"], limits["topic_aliases"], limits["maximum_packet_size"]) == (10, 5, 5 << 20)
        assert limits["wildcards"] is limits["shared_subscriptions"] is limits["retained_messages"] is True
        assert [row.verdict for row in report if row.step.startswith("receive")] == ["ok", "ok"]
        assert report["publish plant/#"].verdict == "skipped"
        if scheme in ("mqtts", "wss"):
            assert report["TLS"].details["verified"] is True
            assert "365 days left" in report["TLS"].answer
        if scheme in ("ws", "wss"):
            assert "101" in report["WebSocket"].answer

    in_parallel(["mqtt", "mqtts", "ws"], visit)
    visit("wss")  # a process has one WebSocket at a time
    with Client(ward.hivemq.listeners.ports["tcp"]) as other:
        other.subscribe("test/#", qos=1)
        assert other.receive(0.3) is None


def test_a_denied_publish_is_no_loop(ward: Ward) -> None:
    """Two topics, both denied: a connection for each, one to see that it stays, and no more."""

    def visit(case: tuple[str, int]) -> None:
        protocol, most = case
        with Relay(ward.hivemq.listeners.ports["tcp"]) as relay:
            report = ward.visit(relay.uri(), "sub", topics=["a", "b"], protocol=protocol)
            assert [report[f"publish {topic}"].cause for topic in "ab"] == ["publish_denied"] * 2
            time.sleep(0.5)
            assert len([sent for sent in relay.sent_by_client if sent[:1] == b"\x10"]) <= most
            assert report["stay"].verdict == "ok"

    in_parallel([("5.0", 3), ("3.1.1", 4)], visit)


def test_a_denied_topic_does_not_hide_an_allowed_one(ward: Ward) -> None:
    report = ward.visit(ward.hivemq.uri(), "plant", topics=["office/1", "plant/1"])
    assert [report[f"{step} plant/1"].verdict for step in ("subscribe", "publish", "receive")] == ["ok"] * 3


def test_access_says_what_must_be_allowed(ward: Ward) -> None:
    def visit(case: tuple[str, Any, bool]) -> None:
        user, access, ok = case
        assert ward.visit(ward.hivemq.uri(), user, access=access).ok is ok

    in_parallel([("sub", "subscribe", True), ("pub", "publish", True), ("pub", "subscribe", False)], visit)


def test_json_is_one_object(seen: tuple[Seen, str]) -> None:
    report = seen[0]["expired"][0]
    assert isinstance(report, hf.DoctorReport)
    told = json.loads(report.to_json())
    assert told["ok"] is False
    assert told["causes"][0] == "certificate_expired"
    tls = next(row for row in told["rows"] if row["step"] == "TLS")
    assert tls["details"]["chain"][0]["not_after"] < time.time()


def test_through_a_proxy(ward: Ward) -> None:
    """The proxy is looked up and connected to; the name in SNI and certificate is the broker's."""
    credential = "http://me:proxy-secret@127.0.0.1"
    with HttpProxy(ward.mosquitto.listeners.ports["tls"]) as proxy:
        report = ward.visit(ward.mosquitto.uri("mqtts"), http_proxy=f"{credential}:{proxy.port}", access="publish")
    assert report.ok, report
    assert "through the proxy" in report["TCP"].tried
    assert "SNI localhost" in report["TLS"].tried
    with HttpProxy(ward.mosquitto.listeners.ports["tls"], status="407 Proxy Authentication Required") as proxy:
        refused = ward.visit(ward.mosquitto.uri("mqtts"), http_proxy=f"{credential}:{proxy.port}")
    assert refused["TCP"].cause == "proxy_failed"
    assert "refuses the user name and password" in refused["TCP"].answer
    assert "proxy-secret" not in report.to_json() + refused.to_json() + repr(refused)
