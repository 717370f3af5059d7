"""The credential goes only to the broker it was meant for: chain and host name are checked before CONNECT leaves."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import sys
import textwrap
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.brokers import certificates
from tests.brokers.certificates import Authority, Credential
from tests.brokers.hivemq import HiveMQ
from tests.brokers.proxies import HttpProxy
from tests.brokers.scripted import Connection, ScriptedBroker, serve
from tests.brokers.tls_server import TlsServer
from tests.integration.conftest import Dial, in_parallel

import honeyframe as hf

pytestmark = pytest.mark.timeout(30)

USER: dict[str, Any] = {"username": "me", "password": "canary-7f3a"}
#: All that a process has that shall see one variable and nothing else; it keeps no usage, for it would in the user's own home.
_BARE = {"PYTHONPATH": ":".join(filter(None, sys.path)), "HONEYFRAME_USAGE": "off"}
SCHEMES = pytest.mark.parametrize("scheme", ["mqtts", "wss"])


def _refused(
    kind: type[hf.errors.HoneyframeError], uri: str, ca_file: str, server: TlsServer | None = None, **options: str
) -> hf.errors.HoneyframeError:
    """The connect fails in this way, and not one byte was said under TLS."""
    with pytest.raises(kind) as refused:
        hf.connect(uri, ca_file=ca_file, connect_timeout=5, **(USER | options))
    if server is not None:
        assert server.application_bytes() == b""
        assert len(server.visits) <= 2, "a bad certificate is looked at once more to name what is wrong with it, and then left alone"
    assert "canary" not in str(refused.value)
    assert refused.value.hint
    return refused.value


BAD: dict[str, tuple[Callable[[Authority], Credential], type[hf.errors.TLSError]]] = {
    "wrong host": (Authority.wrong_host, hf.errors.TLSHostNameError),
    "similar host": (lambda authority: authority.server(["localhost.example", "*.localhost"]), hf.errors.TLSHostNameError),
    "expired": (Authority.expired, hf.errors.TLSCertificateExpiredError),
    "not yet valid": (Authority.not_yet_valid, hf.errors.TLSCertificateExpiredError),
    "missing intermediate": (Authority.missing_intermediate, hf.errors.TLSUntrustedError),
    "1024 bits": (Authority.weak_key, hf.errors.TLSUntrustedError),
    "self-signed": (lambda _: certificates.self_signed(), hf.errors.TLSUntrustedError),
    "other authority": (lambda _: Authority.create("another authority").server(), hf.errors.TLSUntrustedError),
}


@SCHEMES
def test_a_bad_certificate_gets_no_connect(scheme: str, authority: Authority, ca_file: str, tmp_path: Path) -> None:
    def connect(name: str) -> None:
        make, kind = BAD[name]
        with TlsServer(make(authority).server_context(tmp_path / name)) as server:
            error = _refused(kind, f"{scheme}://localhost:{server.port}", ca_file, server)
            assert "localhost" in str(error)
            assert {visit.server_name for visit in server.visits} == {"localhost"}

    if scheme == "mqtts":
        in_parallel(BAD, connect)
    else:  # one at a time in a process; below WebSocket it is the same TLS
        for name in ("wrong host", "expired", "other authority"):
            connect(name)


def test_an_address_that_the_certificate_does_not_name_gets_no_connect(authority: Authority, ca_file: str, tmp_path: Path) -> None:
    with TlsServer(authority.server(["localhost"]).server_context(tmp_path)) as server:
        _refused(hf.errors.TLSHostNameError, f"mqtts://127.0.0.1:{server.port}", ca_file, server)


def test_wildcards_cover_one_level(authority: Authority, ca_file: str, tmp_path: Path) -> None:
    """Any host name leads to our server by way of a proxy, so that names need not exist."""

    def connect(case: tuple[str, str, bool]) -> None:
        name, host, good = case
        context = authority.server([name]).server_context(tmp_path / host)
        if good:
            with ScriptedBroker(serve, tls=context, repeat=True) as broker, HttpProxy(broker.port) as proxy:
                hf.connect(f"mqtts://{host}:8883", ca_file=ca_file, http_proxy=proxy.url(), **USER).close()
                assert set(broker.server_names) == {host.lower()}  # names are compared, and sent, in lower case
                assert proxy.requests[0].lower().startswith(f"CONNECT {host}:8883 ".lower().encode())
        else:
            with TlsServer(context) as server, HttpProxy(server.port) as proxy:
                _refused(hf.errors.TLSHostNameError, f"mqtts://{host}:8883", ca_file, server, http_proxy=proxy.url())

    cases = [
        ("*.plant.example", "north.plant.example", True),
        ("*.plant.example", "a.north.plant.example", False),
        ("*.plant.example", "plant.example", False),
        ("north.plant.example", "NORTH.plant.example", True),
    ]
    in_parallel(cases, connect)


@SCHEMES
def test_a_plain_server_on_the_tls_port(scheme: str, ca_file: str) -> None:
    async def greet(c: Connection) -> None:
        await c.send(b"220 mail.example ESMTP\r\n")
        await c.absorb()

    with ScriptedBroker(greet, repeat=True, speaks_first=True) as broker:
        _refused(hf.errors.TLSNotSpokenError, f"{scheme}://localhost:{broker.port}", ca_file)
        assert not any(b"canary" in bytes(c.received) for c in broker.connections)


def test_a_plain_mqtt_broker_on_the_tls_port(mosquitto: HiveMQ, ca_file: str) -> None:
    """It waits for a CONNECT, gets a ClientHello, and hangs up."""
    _refused(hf.errors.TLSError, f"mqtts://localhost:{mosquitto.listeners.ports['tcp']}", ca_file)


def test_a_tls_broker_on_the_plain_port(mosquitto: HiveMQ) -> None:
    with pytest.raises(hf.errors.ConnectError) as refused:
        hf.connect(f"mqtt://localhost:{mosquitto.listeners.ports['tls']}", connect_timeout=5, **USER)
    assert "mqtts" in refused.value.hint


def test_a_server_that_hangs_up_in_the_handshake(ca_file: str) -> None:
    with TlsServer(None) as server:
        _refused(hf.errors.TLSError, f"mqtts://localhost:{server.port}", ca_file)


def test_no_ca_file_at_that_path(tmp_path: Path, authority: Authority) -> None:
    with TlsServer(authority.server().server_context(tmp_path)) as server:
        with pytest.raises(hf.errors.InvalidArgumentError, match="nowhere"):
            hf.connect(f"mqtts://localhost:{server.port}", ca_file=tmp_path / "nowhere.crt", **USER)
        assert not server.visits


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_the_environment_names_the_authorities(variable: str, authority: Authority, tmp_path: Path) -> None:
    """In a process of its own: OpenSSL and we look at the environment early."""
    ca = authority.write(tmp_path / "ca" / "ca.crt")
    if variable == "SSL_CERT_DIR":
        openssl = shutil.which("openssl")
        if openssl is None:
            pytest.skip("openssl(1) is not there to hash the folder")
        subprocess.run([openssl, "rehash", str(ca.parent)], check=True, capture_output=True)
    with ScriptedBroker(serve, tls=authority.server().server_context(tmp_path)) as broker:
        code = f"import honeyframe as hf; hf.connect('mqtts://localhost:{broker.port}').close()"
        environment = {variable: str(ca if variable == "SSL_CERT_FILE" else ca.parent), **_BARE}
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=20, check=False)
        assert done.returncode == 0, done.stderr


def test_the_systems_store_does_not_know_our_authority(authority: Authority, tmp_path: Path) -> None:
    with TlsServer(authority.server().server_context(tmp_path)) as server:
        with pytest.raises(hf.errors.TLSUntrustedError):
            hf.connect(f"mqtts://localhost:{server.port}", **USER)
        assert server.application_bytes() == b""


def test_the_right_client_certificate_opens(authority: Authority, ca_file: str, tmp_path: Path) -> None:
    certificate, key = authority.client().write(tmp_path, "client")
    with ScriptedBroker(serve, tls=authority.server().server_context(tmp_path, authority)) as broker:
        hf.connect(f"mqtts://localhost:{broker.port}", ca_file=ca_file, client_certificate=certificate, client_key=key).close()
        assert broker.server_names == ["localhost"]
        assert len(broker.connects) == 1


def test_an_encrypted_client_key_needs_its_password(authority: Authority, ca_file: str, tmp_path: Path) -> None:
    from cryptography.hazmat.primitives import serialization

    credential = authority.client()
    certificate, key = credential.write(tmp_path, "client")
    secret = serialization.BestAvailableEncryption(b"open sesame")
    key.write_bytes(credential.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, secret))
    with ScriptedBroker(serve, tls=authority.server().server_context(tmp_path, authority)) as broker:
        uri = f"mqtts://localhost:{broker.port}"
        for wrong in ("wrong", None):
            with pytest.raises(hf.errors.HoneyframeError) as refused:
                hf.connect(uri, ca_file=ca_file, client_certificate=certificate, client_key=key, client_key_password=wrong)
            assert isinstance(refused.value, (hf.errors.TLSError, hf.errors.InvalidArgumentError))
            assert "sesame" not in str(refused.value)
        assert not broker.connects
        hf.connect(uri, ca_file=ca_file, client_certificate=certificate, client_key=key, client_key_password="open sesame").close()


def test_a_missing_client_certificate_is_a_tls_error(authority: Authority, ca_file: str, tmp_path: Path) -> None:
    """With TLS 1.3 the server says so after the client's part of the handshake is over; it never reads the CONNECT."""
    with TlsServer(authority.server().server_context(tmp_path, authority)) as server:
        with pytest.raises(hf.errors.TLSError):
            hf.connect(f"mqtts://localhost:{server.port}", ca_file=ca_file, connect_timeout=5, **USER)
        assert server.application_bytes() == b""


def test_insecure_connects_and_warns(authority: Authority, tmp_path: Path) -> None:
    with ScriptedBroker(serve, tls=authority.wrong_host().server_context(tmp_path)) as broker:
        with pytest.warns(hf.errors.InsecureTLSWarning):
            client = hf.connect(f"mqtts://localhost:{broker.port}", insecure=True)
        assert "INSECURE" in repr(client)
        client.close()


def test_old_versions_of_tls_are_refused(authority: Authority, ca_file: str, tmp_path: Path) -> None:
    def connect(version: ssl.TLSVersion) -> None:
        context = authority.server().server_context(tmp_path / version.name)
        context.minimum_version = version
        context.maximum_version = version
        with TlsServer(context) as server:
            _refused(hf.errors.TLSError, f"mqtts://localhost:{server.port}", ca_file, server)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # they are old, that is what this is about
        in_parallel([ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1], connect)


# --- proxies


def test_a_proxy_in_the_environment_diverts_nothing(mosquitto: HiveMQ, ca_file: str) -> None:
    """In a process of its own, with the variable set from its start."""

    def run(variable: str) -> None:
        with HttpProxy() as recorder:
            code = textwrap.dedent(f"""
                import honeyframe as hf
                for uri in ({mosquitto.uri("mqtt")!r}, {mosquitto.uri("mqtts")!r}, {mosquitto.uri("wss")!r}):
                    ca_file = None if uri.startswith("mqtt:") else {ca_file!r}
                    with hf.connect(uri, username="both", password="both-password", ca_file=ca_file) as client:
                        client.publish("proxy/test", {{"n": 1}}, qos=1)
            """)
            environment = {variable: f"http://user:secret@127.0.0.1:{recorder.port}", **_BARE}
            done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=20, check=False)
            assert done.returncode == 0, done.stderr
            assert not recorder.sent_by_client

    in_parallel(["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy"], run)


@pytest.mark.parametrize("transport", ["mqtt", "mqtts"])
def test_a_proxy_by_argument_is_used(mosquitto: HiveMQ, dial: Dial, transport: str) -> None:
    port = mosquitto.listeners.ports["tcp" if transport == "mqtt" else "tls"]
    with HttpProxy(port) as proxy:
        client = dial(f"{transport}://localhost:{port}", http_proxy=f"http://me:secret@127.0.0.1:{proxy.port}")
        client.publish("proxy/test", {"n": 1}, qos=1)
        client.close()
        assert proxy.requests[0].startswith(f"CONNECT localhost:{port} ".encode())
        assert b"proxy-authorization: basic bWU6c2VjcmV0".lower() in proxy.requests[0].lower()


def test_a_proxy_that_refuses_is_named(ca_file: str) -> None:
    with HttpProxy(1, status="403 Forbidden") as proxy:
        with pytest.raises(hf.errors.ProxyError, match=f"127.0.0.1:{proxy.port}"):
            hf.connect("mqtts://broker.example:8883", http_proxy=proxy.url(), ca_file=ca_file, connect_timeout=5)
        assert proxy.connections <= 2
