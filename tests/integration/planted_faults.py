"""The faults that the doctor must find: how each is planted, and what must be said of it."""

from __future__ import annotations

import datetime
import email.utils
import ssl
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

from cryptography.hazmat.primitives.asymmetric import ec
from tests.brokers import certificates
from tests.brokers.certificates import Authority, Credential
from tests.brokers.hivemq import HiveMQ
from tests.brokers.mosquitto import Mosquitto
from tests.brokers.packets import Connack, Connect, Disconnect, Suback, Subscribe
from tests.brokers.ports import free_ports
from tests.brokers.scripted import Connection, Script, ScriptedBroker, serve
from tests.brokers.tls_server import TlsServer
from tests.integration.ward import CANARY, Answers, Silent, Ward, deaf_port, scripted, speaking_mqtt

import honeyframe as hf


@dataclass(frozen=True)
class Fault:
    """``said``: a word that must stand in what came back; ``fix``: one in what to do."""

    step: str
    cause: str
    run: Callable[[Ward], hf.DoctorReport]
    said: str = ""
    fix: str = ""
    verdict: str = "fail"


# --- what brokers do


def refuses(code: int, code_on_5: int | None = None) -> Script:
    async def script(c: Connection) -> None:
        connect = await c.expect(Connect)
        await c.send(Connack(code=code_on_5 if code_on_5 is not None and connect.version == 5 else code))

    return script


def accepts(then: Callable[[Connection], Awaitable[None]] | None = None, **connack: Any) -> Script:
    async def script(c: Connection) -> None:
        await c.accept(**connack)
        await (then(c) if then is not None else c.serve())

    return script


async def says_goodbye(c: Connection) -> None:
    await c.send(Disconnect(code=0x8B, properties={"reason_string": "back in a minute"}))
    await c.sleep(0.2)


async def takes_over(c: Connection) -> None:
    await c.sleep(0.1)
    await c.send(Disconnect(code=0x8E))
    await c.sleep(0.2)


async def ends_later(c: Connection) -> None:
    await c.sleep(0.7)
    await c.send(Disconnect(code=0x98))
    await c.sleep(0.2)


def breaks_down() -> Callable[[Connection], Awaitable[None]]:
    """Breaks at the first PUBLISH, and from then on after a moment."""
    broken = False

    async def then(c: Connection) -> None:
        nonlocal broken
        await (c.sleep(0.1) if broken else c.read())
        broken = True

    return then


async def refuses_a_wildcard(c: Connection) -> None:
    await c.grant({"plant/#": 0xA2})
    await c.serve()


async def ignores_subscribe(c: Connection) -> None:
    await c.expect(Subscribe)
    await c.hang()


async def closes(c: Connection) -> None:
    await c.expect(Connect)


async def hangs(c: Connection) -> None:
    await c.hang()


async def speaks_old(c: Connection) -> None:
    connect = await c.expect(Connect)
    if connect.version == 5:
        await c.send(Connack(code=0x84))
        return
    await c.send(Connack())
    await c.serve()


async def slow(c: Connection) -> None:
    await c.accept()
    while True:
        packet = await c.read()
        if isinstance(packet, Subscribe):
            await c.sleep(0.7)
            await c.send(Suback(packet_id=packet.packet_id, codes=[1]))


# --- certificates


def with_certificate(make: Callable[[Authority], Credential]) -> Callable[[Ward], hf.DoctorReport]:
    """Not one byte may be said under TLS."""

    def run(ward: Ward) -> hf.DoctorReport:
        folder = ward.folder / f"certificate-{time.monotonic_ns()}"
        server = ward.servers.enter_context(TlsServer(make(ward.authority).server_context(folder)))
        report = ward.canary(f"mqtts://localhost:{server.port}")
        assert server.application_bytes() == b""
        return report

    return run


def _next_year() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=400)


def early_chain(ward: Ward) -> hf.DoctorReport:
    """Every certificate begins next year: it is the clock that is wrong."""
    key, root = ec.generate_private_key(ec.SECP256R1()), ward.authority
    begin, end = _next_year(), _next_year() + datetime.timedelta(days=90)
    name = certificates._name("honeyframe test intermediate")
    certificate = certificates._sign(name, key, root.certificate.subject, root.key, authority=True, valid_from=begin, valid_until=end)
    credential = Authority(certificate, key, (certificate,)).server(valid_from=begin, valid_until=end)
    return with_certificate(lambda _: credential)(ward)


def soon_expired(ward: Ward) -> hf.DoctorReport:
    end = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=5)
    context = ward.authority.server(valid_until=end).server_context(ward.folder / "soon")
    return ward.canary(scripted(ward, serve, tls=context), access="subscribe")


def hangs_up(ward: Ward) -> hf.DoctorReport:
    return ward.canary(f"mqtts://localhost:{ward.servers.enter_context(TlsServer(None)).port}")


def old_tls(ward: Ward) -> hf.DoctorReport:
    context = ward.authority.server().server_context(ward.folder / "old")
    context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    server = ward.servers.enter_context(TlsServer(context))
    return ward.canary(f"mqtts://localhost:{server.port}")


def client_certificate(ward: Ward, **options: Any) -> hf.DoctorReport:
    context = ward.authority.server().server_context(ward.folder / f"mutual-{len(options)}", Authority.create("of clients"))
    server = ward.servers.enter_context(TlsServer(context))
    return ward.canary(f"mqtts://localhost:{server.port}", **options)


def wrong_client_certificate(ward: Ward) -> hf.DoctorReport:
    certificate, key = ward.authority.client().write(ward.folder / "client", "client")
    return client_certificate(ward, client_certificate=certificate, client_key=key)


def by_address(ward: Ward) -> hf.DoctorReport:
    """As HiveMQ Cloud does without SNI: TLS passes, the password is refused."""
    context = ward.authority.server().server_context(ward.folder / "by-address")
    broker = ward.servers.enter_context(ScriptedBroker(speaking_mqtt(refuses(5, 0x87)), repeat=True, tls=context))
    return ward.canary(broker.uri("127.0.0.1"))


def unchecked(ward: Ward) -> hf.DoctorReport:
    context = certificates.self_signed().server_context(ward.folder / "insecure")
    uri = scripted(ward, serve, tls=context)
    return ward.canary(uri, insecure=True, ca_file=None, access="subscribe")


# --- the rest


def answering(answer: bytes, *, scheme: str = "mqtt", to: bytes = b"", path: str = "") -> Callable[[Ward], hf.DoctorReport]:
    def run(ward: Ward) -> hf.DoctorReport:
        tls = None
        if scheme in ("mqtts", "wss"):
            tls = ward.authority.server().server_context(ward.folder / f"answering-{time.monotonic_ns()}")
        server = ward.servers.enter_context(Answers(answer, tls=tls, to=to))
        return ward.canary(f"{scheme}://localhost:{server.port}{path}")

    return run


def wrong_date(ward: Ward) -> hf.DoctorReport:
    """A WebSocket whose answer tells the time, three hours from ours."""
    date = email.utils.formatdate(time.time() + 3 * 3600, usegmt=True)
    answer = f"HTTP/1.1 404 Not Found\r\nDate: {date}\r\nContent-Length: 0\r\n\r\n"
    return answering(answer.encode(), scheme="wss", path="/mqtt")(ward)


def silent_server(scheme: str, **options: Any) -> Callable[[Ward], hf.DoctorReport]:
    def run(ward: Ward) -> hf.DoctorReport:
        server = ward.servers.enter_context(Silent())
        return ward.canary(f"{scheme}://localhost:{server.port}", **options)

    return run


def full_queue(ward: Ward) -> hf.DoctorReport:
    port = ward.servers.enter_context(deaf_port())
    return ward.canary(f"mqtts://127.0.0.1:{port}")


def twin(ward: Ward, protocol: Literal["5.0", "3.1.1"] = "5.0") -> hf.DoctorReport:
    """A second client that comes back with the same id, on the real HiveMQ."""
    name = f"twin-{protocol}"

    def connect() -> hf.Client:
        return hf.connect(ward.hivemq.uri(), username="both", password="both-password", client_id=name, protocol="3.1.1", reconnect=False)

    def come_back() -> None:
        while not first.closed:
            time.sleep(0.02)
        time.sleep(0.7)
        ward.servers.callback(connect().close)

    first = connect()
    thread = threading.Thread(target=come_back)
    thread.start()
    report = ward.visit(ward.hivemq.uri(), client_id=name, protocol=protocol)
    thread.join(10)
    return report


def scripts(script: Script, **options: Any) -> Callable[[Ward], hf.DoctorReport]:
    return lambda ward: ward.canary(scripted(ward, script), **options)


def proxied(ward: Ward) -> hf.DoctorReport:
    return ward.canary("mqtts://localhost:8883", http_proxy=f"http://me:{CANARY}@127.0.0.1:{free_ports(1)[0]}")


def wrong_scheme(listener: str, scheme: str, *, of: str = "mosquitto", path: str = "") -> Callable[[Ward], hf.DoctorReport]:
    def run(ward: Ward) -> hf.DoctorReport:
        broker: HiveMQ | Mosquitto = getattr(ward, of)
        return ward.canary(f"{scheme}://localhost:{broker.listeners.ports[listener]}{path}")

    return run


CHAT: Final = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: chat\r\n\r\n"
HTTP: Final = b"HTTP/1.1 400 Bad Request\r\nServer: test\r\nContent-Length: 0\r\n\r\n"

FAULTS: Final[dict[str, Fault]] = {
    # the way
    "refused port": Fault("TCP", "port_refused", lambda w: w.canary(f"mqtts://localhost:{free_ports(1)[0]}"), "nothing listens", "8883"),
    "port without an answer": Fault("TCP", "port_silent", full_queue, "does not answer", "firewall"),
    "proxy that is not there": Fault("TCP", "proxy_failed", proxied, "proxy", "http_proxy"),
    "silent port, TLS": Fault("TLS", "port_silent", silent_server("mqtts"), "does not answer", "8883"),
    "silent port, plain": Fault("CONNECT", "connack_missing", silent_server("mqtt", protocol="3.1.1"), "did not answer", "log"),
    # TLS
    "TLS to a plain port": Fault("TLS", "tls_on_plain_port", wrong_scheme("tcp", "mqtts"), "", "mqtt://localhost"),
    "TLS to a plain port of HiveMQ": Fault("TLS", "tls_on_plain_port", wrong_scheme("tcp", "mqtts", of="hivemq"), "", "mqtt://localhost"),
    "plain to a TLS port": Fault("TLS", "plain_on_tls_port", wrong_scheme("tls", "mqtt"), "speaks TLS", "mqtts://localhost"),
    "plain to a TLS port of HiveMQ": Fault(
        "TLS", "plain_on_tls_port", wrong_scheme("tls", "mqtt", of="hivemq"), "TLS", "mqtts://localhost"
    ),
    "expired": Fault("TLS", "certificate_expired", with_certificate(Authority.expired), "expired on", "renewed"),
    "not yet valid": Fault("TLS", "certificate_not_yet_valid", with_certificate(Authority.not_yet_valid), "not yet valid", "clock"),
    "self-signed": Fault(
        "TLS", "certificate_self_signed", with_certificate(lambda _: certificates.self_signed()), "self-signed", "ca_file"
    ),
    "wrong host": Fault("TLS", "certificate_for_another_host", with_certificate(Authority.wrong_host), "broker.example", "name"),
    "unknown authority": Fault(
        "TLS",
        "certificate_unknown_authority",
        with_certificate(lambda _: Authority.create("another authority").server()),
        "another",
        "ca_file",
    ),
    "missing intermediate": Fault(
        "TLS", "certificate_unknown_authority", with_certificate(Authority.missing_intermediate), "intermediate", "ca-certificates"
    ),
    "weak key": Fault("TLS", "certificate_weak", with_certificate(Authority.weak_key), "weak", "RSA 2048"),
    "expires soon": Fault("TLS", "certificate_expires_soon", soon_expired, "days left", "renewed", "warn"),
    "TLS 1.1": Fault("TLS", "tls_too_old", old_tls, "1.2", "TLS 1.2"),
    "hangs up at TLS's greeting": Fault("TLS", "tls_failed", hangs_up, "closed", "log"),
    "client certificate wanted": Fault("TLS", "client_certificate_wanted", client_certificate, "certificate", "client_certificate="),
    "client certificate refused": Fault("TLS", "client_certificate_refused", wrong_client_certificate, "", "authority"),
    "no SNI": Fault("CONNECT", "no_sni", by_address, "Not authorized", "by the name"),
    "insecure": Fault("TLS", "insecure", unchecked, "self-signed", "ca_file", "warn"),
    # the clock
    "clock wrong, by certificates": Fault("clock", "clock_wrong", early_chain, "all 2", "timedatectl"),
    "clock wrong, by HTTP": Fault("clock", "clock_wrong", wrong_date, "3.0 h behind", "timedatectl", "warn"),
    "clock or certificate": Fault("clock", "clock_or_certificate", with_certificate(Authority.expired), "either", "watch", "warn"),
    # WebSocket
    "wrong path, 404": Fault(
        "WebSocket", "websocket_path", answering(b"HTTP/1.1 404 Not Found\r\n\r\n", scheme="wss", path="/no"), "404", "/mqtt"
    ),
    "wrong path, hanging": Fault(
        "WebSocket", "websocket_path", wrong_scheme("wss", "wss", of="hivemq", path="/no"), "path is wrong", "it answers"
    ),
    "another subprotocol": Fault("WebSocket", "websocket_subprotocol", answering(CHAT, scheme="ws", path="/chat"), "chat", "path", "warn"),
    "wss on the MQTT port": Fault("WebSocket", "websocket_on_mqtt_port", wrong_scheme("tls", "wss"), "", "mqtts://localhost"),
    "ws on the MQTT port": Fault("WebSocket", "websocket_on_mqtt_port", wrong_scheme("tcp", "ws"), "", "mqtt://localhost"),
    "mqtts on the WebSocket port": Fault("CONNECT", "websocket_port", wrong_scheme("wss", "mqtts"), "", "wss://localhost"),
    "mqtt on the WebSocket port": Fault("CONNECT", "websocket_port", wrong_scheme("ws", "mqtt"), "", "ws://localhost"),
    # CONNECT
    "wrong password": Fault("CONNECT", "credential_refused", lambda w: w.visit(w.hivemq.uri(), password="wrong"), "0x87", "Credentials"),
    "wrong password, 3.1.1": Fault(
        "CONNECT",
        "credential_refused",
        lambda w: w.visit(w.hivemq.uri(), password="wrong", protocol="3.1.1"),
        "again with MQTT 5",
        "last will",
    ),
    "unknown user": Fault("CONNECT", "credential_refused", lambda w: w.visit(w.mosquitto.uri(), "nobody"), "", "Access Management"),
    "anonymous": Fault("CONNECT", "credential_missing", lambda w: hf.doctor(w.hivemq.uri()), "0x87", "username="),
    "quota": Fault("CONNECT", "quota", scripts(refuses(5, 0x97)), "0x97", "100"),
    "quota, 3.1.1": Fault("CONNECT", "quota", scripts(refuses(5, 0x97), protocol="3.1.1"), "again with MQTT 5", "session_expiry"),
    "refused on 3.1.1 alone": Fault("CONNECT", "refused_on_mqtt_3", scripts(refuses(5, 0), protocol="3.1.1"), "accepted", "5.0"),
    "unavailable": Fault("CONNECT", "server_unavailable", scripts(refuses(3), protocol="3.1.1"), "unavailable", "Overview"),
    "shutting down": Fault("CONNECT", "server_unavailable", scripts(refuses(0x8B)), "shutting down", "minute"),
    "busy": Fault("CONNECT", "server_busy", scripts(refuses(0x89)), "busy", "minute"),
    "banned": Fault("CONNECT", "banned", scripts(refuses(0x8A)), "Banned", "administrator"),
    "moved": Fault("CONNECT", "server_moved", scripts(refuses(0x9D)), "moved", "URL"),
    "another authentication": Fault("CONNECT", "authentication_method", scripts(refuses(0x8C)), "0x8C", "another way"),
    "CONNECT found at fault": Fault("CONNECT", "refused_protocol", scripts(refuses(0x82), protocol="5.0"), "0x82", "3.1.1"),
    "no reason given": Fault("CONNECT", "refused_unspecified", scripts(refuses(0x80)), "0x80", "log"),
    "rate": Fault("CONNECT", "rate", scripts(refuses(0x9F)), "rate", "minute"),
    "unsupported version": Fault("CONNECT", "unsupported_version", scripts(speaks_old, protocol="5.0"), "3.1.1 is accepted", "auto"),
    "MQTT 5 refused": Fault(
        "CONNECT", "protocol_fallback", scripts(speaks_old, access="subscribe"), "not with MQTT 5", "no reasons", "warn"
    ),
    "client id refused": Fault("CONNECT", "client_id_refused", scripts(refuses(0x85), client_id="me"), "Identifier", "client_id"),
    "client id refused, 3.1.1": Fault("CONNECT", "client_id_refused", scripts(refuses(2), protocol="3.1.1"), "identifier", "client_id"),
    "DISCONNECT behind CONNACK": Fault("CONNECT", "disconnected_at_once", scripts(accepts(says_goodbye)), "back in a minute", "log"),
    "no CONNACK": Fault("CONNECT", "closed_without_connack", scripts(closes), "closed the connection", "3.1.1"),
    "CONNACK that never comes": Fault("CONNECT", "connack_missing", scripts(hangs), "did not answer", "overloaded"),
    "HTTP server": Fault("CONNECT", "no_mqtt", answering(HTTP), "HTTP", "8883"),
    "HTTPS server": Fault("CONNECT", "no_mqtt", answering(HTTP, scheme="mqtts"), "HTTP over TLS", "8883"),
    "HTTP server, asked for TLS": Fault(
        "TLS", "no_mqtt", lambda w: w.canary(f"mqtts://localhost:{w.servers.enter_context(Answers(HTTP)).port}"), "TLS", "HTTP"
    ),
    "SSH server": Fault("CONNECT", "no_mqtt", answering(b"SSH-2.0-OpenSSH_9.2\r\n"), "SSH", "port"),
    # what is allowed
    "small packets": Fault(
        "limits",
        "packet_size_small",
        scripts(accepts(properties={"maximum_packet_size": 300}), access="subscribe"),
        "300",
        "smaller",
        "warn",
    ),
    "packets too small for any": Fault(
        "publish test/topic", "packet_too_large", scripts(accepts(properties={"maximum_packet_size": 50})), "50", "maximum packet size"
    ),
    "QoS 0 only": Fault(
        "limits", "broker_restricts", scripts(accepts(properties={"maximum_qos": 0}), access="publish"), "maximum QoS 0", "qos=0", "warn"
    ),
    "no wildcards": Fault(
        "limits",
        "broker_restricts",
        scripts(accepts(properties={"wildcard_subscription_available": 0}), topics=[]),
        "wildcards no",
        "exact",
        "warn",
    ),
    "Subscribe Only": Fault(
        "publish test/topic", "publish_denied", lambda w: w.visit(w.hivemq.uri(), "sub"), "0x87", "Publish and Subscribe"
    ),
    "Subscribe Only, 3.1.1": Fault(
        "publish test/topic", "publish_denied", lambda w: w.visit(w.hivemq.uri(), "sub", protocol="3.1.1"), "closed", "Access Management"
    ),
    "Subscribe Only, 3.1": Fault(
        "publish test/topic", "publish_denied", lambda w: w.visit(w.hivemq.uri(), "sub", protocol="3.1"), "closed", "Subscribe Only"
    ),
    "Publish Only": Fault("subscribe test/topic", "subscribe_denied", lambda w: w.visit(w.hivemq.uri(), "pub"), "0x87", "Publish Only"),
    "Publish Only, 3.1.1": Fault(
        "subscribe test/topic", "subscribe_denied", lambda w: w.visit(w.hivemq.uri(), "pub", protocol="3.1.1"), "", "Access Management"
    ),
    "Publish Only, 3.1": Fault(
        "subscribe test/topic", "subscribe_denied", lambda w: w.visit(w.hivemq.uri(), "pub", protocol="3.1"), "", "Publish Only"
    ),
    "custom filter": Fault(
        "subscribe office/1",
        "subscribe_denied",
        lambda w: w.visit(w.hivemq.uri(), "plant", topics=["office/1", "plant/1"]),
        "office/1",
        "cover office/1",
    ),
    "granted and not delivered": Fault(
        "receive test/topic", "message_missing", lambda w: w.visit(w.mosquitto.uri(), "pub"), "not come back", "ACL"
    ),
    "no answer to SUBSCRIBE": Fault(
        "subscribe test/topic", "no_answer", scripts(accepts(ignores_subscribe), access="subscribe"), "SUBSCRIBE", "overloaded"
    ),
    "slow": Fault("round trip", "slow", scripts(slow, access="subscribe"), "at best", "region", "warn"),
    "a wildcard that is refused": Fault(
        "subscribe plant/#", "subscribe_unsupported", scripts(accepts(refuses_a_wildcard), topics=["plant/#"]), "0xA2", "exact topic"
    ),
    "ended later": Fault("stay", "disconnected", scripts(accepts(ends_later), topics=[], client_id="me"), "Administrative", "log"),
    "lost at each PUBLISH, and without": Fault(
        "publish test/topic", "connection_lost", scripts(accepts(breaks_down()), access="publish", protocol="5.0"), "lost", "try again"
    ),
    "client id taken over": Fault("stay", "session_taken_over", twin, "taken over", "random"),
    "client id taken over, 3.1.1": Fault("stay", "session_taken_over", lambda w: twin(w, "3.1.1"), "MQTT 3", "random"),
    "client id taken over at once": Fault("CONNECT", "session_taken_over", scripts(accepts(takes_over)), "taken over", "random"),
    "options that do not go together": Fault(
        "options", "options_refused", lambda w: w.visit(w.mosquitto.uri(), ca_file=w.ca_file), "ca_file", "hf.connect"
    ),
}
