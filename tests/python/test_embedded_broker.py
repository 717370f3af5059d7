"""The embedded broker, tested with packets of our own: no client library in between."""

import contextlib
import gc
import logging
import socket
import struct
import subprocess
import sys
import textwrap
import threading
import time

import pytest

import honeyframe as hf
from honeyframe.embedded_broker import EmbeddedBroker
from honeyframe.errors import OverlapWarning

pytest.importorskip("amqtt")


def text(value: bytes) -> bytes:
    return struct.pack("!H", len(value)) + value


def connect_packet(level: int, *, properties: bytes | None = None, client_id: bytes = b"tester") -> bytes:
    body = text(b"MQTT") + bytes([level, 0x02]) + struct.pack("!H", 30)
    if properties is not None:
        body += bytes([len(properties)]) + properties
    return bytes([0x10, len(body) + 2 + len(client_id)]) + body + text(client_id)


def subscribe_packet(topic_filter: bytes) -> bytes:
    return bytes([0x82, 2 + 2 + len(topic_filter) + 1]) + b"\x00\x01" + text(topic_filter) + b"\x00"


def publish_packet(topic: bytes, payload: bytes, *, retain: bool = False) -> bytes:
    return bytes([0x31 if retain else 0x30, 2 + len(topic) + len(payload)]) + text(topic) + payload


class RawClient:
    def __init__(self, broker: EmbeddedBroker, packet: bytes) -> None:
        self.socket = socket.create_connection(("127.0.0.1", broker.port), timeout=5)
        self.socket.sendall(packet)

    def receive(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            chunk = self.socket.recv(size - len(data))
            if not chunk:
                raise EOFError(data)
            data += chunk
        return data

    def __enter__(self) -> "RawClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()


def test_uri_is_on_the_loopback_interface_and_on_a_free_port() -> None:
    with EmbeddedBroker() as first, EmbeddedBroker() as second:
        assert first.uri == f"mqtt://127.0.0.1:{first.port}"
        assert first.port != second.port
        assert first._socket is not None
        assert first._socket.getsockname()[0] == "127.0.0.1"
        assert repr(first) == f"EmbeddedBroker({first.uri})"


def test_delivers_a_message_and_a_retained_one() -> None:
    with EmbeddedBroker() as broker, RawClient(broker, connect_packet(4, client_id=b"publisher")) as publisher:
        assert publisher.receive(4) == b"\x20\x02\x00\x00"
        publisher.socket.sendall(publish_packet(b"plant/1/status", b'{"a":1}', retain=True))
        time.sleep(0.2)
        with RawClient(broker, connect_packet(4)) as subscriber:
            assert subscriber.receive(4) == b"\x20\x02\x00\x00"
            subscriber.socket.sendall(subscribe_packet(b"plant/#"))
            assert subscriber.receive(5) == b"\x90\x03\x00\x01\x00"
            retained = publish_packet(b"plant/1/status", b'{"a":1}', retain=True)
            assert subscriber.receive(len(retained)) == retained
            publisher.socket.sendall(publish_packet(b"plant/2/telemetry", b"21.5"))
            live = publish_packet(b"plant/2/telemetry", b"21.5")
            assert subscriber.receive(len(live)) == live


@pytest.mark.parametrize(
    "packet",
    [
        connect_packet(5, properties=b""),
        connect_packet(5, properties=b"\x21\xff\xff\x27\x01\x00\x00\x00"),  # receive maximum, maximum packet size
        connect_packet(3),
        connect_packet(6),
    ],
    ids=["5.0", "5.0 with properties", "level 3", "level 6"],
)
def test_another_protocol_version_is_refused_at_once_with_code_1(packet: bytes) -> None:
    with EmbeddedBroker() as broker, RawClient(broker, packet) as client:
        before = time.monotonic()
        assert client.receive(4) == b"\x20\x02\x00\x01"
        assert client.socket.recv(1) == b""  # then closed
        assert time.monotonic() - before < 3


@pytest.mark.parametrize(
    "garbage", [b"GET / HTTP/1.1\r\n\r\n", b"\x10\xff\xff\xff\xff\xff", b"\x10\x10\xff\xff", b"\x16\x03\x01\x00\xa5\x01"]
)
def test_garbage_is_answered_by_closing_and_harms_nobody_else(garbage: bytes) -> None:
    with EmbeddedBroker() as broker:
        with RawClient(broker, garbage) as client:
            try:
                assert client.socket.recv(1) == b""
            except ConnectionResetError:
                pass
        with RawClient(broker, connect_packet(4)) as client:
            assert client.receive(4) == b"\x20\x02\x00\x00"


def test_close_frees_the_port_and_drops_the_clients() -> None:
    broker = EmbeddedBroker().start()
    port = broker.port
    client = RawClient(broker, connect_packet(4))
    assert client.receive(4) == b"\x20\x02\x00\x00"
    before = time.monotonic()
    broker.close()
    broker.close()
    assert time.monotonic() - before < 3
    client.socket.settimeout(3)
    try:
        assert client.socket.recv(1) == b""
    except ConnectionResetError:
        pass
    client.socket.close()
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    assert repr(broker) == "EmbeddedBroker(not running)"
    with broker:  # and once more
        assert broker.port > 0


def upgrade(broker: EmbeddedBroker, origin: str | None) -> int:
    """The status that the handshake of a WebSocket is answered with."""
    port = int(broker.websocket_url.rsplit(":", 1)[1].split("/")[0])
    headers = ["GET /mqtt HTTP/1.1", f"Host: 127.0.0.1:{port}", "Upgrade: websocket", "Connection: Upgrade"]
    headers += ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Protocol: mqtt"]
    headers += [f"Origin: {origin}"] if origin else []
    with socket.create_connection(("127.0.0.1", port), timeout=5) as one:
        one.sendall("\r\n".join([*headers, "", ""]).encode())
        return int(one.recv(4096).split()[1])


def test_pages_connect_over_websockets() -> None:
    with EmbeddedBroker(websocket=True) as broker, hf.connect(broker.uri) as program, hf.connect(broker.websocket_url) as page:
        stream = page.stream("plant/#")
        long = "x" * 200_000  # more than one frame
        program.publish("plant/1", {"n": 1, "text": long}, qos=1)
        page.publish("plant/2", {"n": 2, "text": long}, qos=1)
        rows = stream.read(rows=2, seconds=5).to_pandas()
    assert sorted(rows["n"]) == [1, 2]
    assert set(rows["text"]) == {long}


def test_pages_of_the_web_are_turned_away() -> None:
    with EmbeddedBroker(websocket=True) as broker:
        allowed = [upgrade(broker, origin) for origin in (None, "null", "http://localhost:8888", "http://127.0.0.1:8888")]
        refused = [upgrade(broker, origin) for origin in ("https://example.org", "http://localhost.example.org", "http://127.0.0.1.nip.io")]
    assert allowed == [101] * 4
    assert refused == [403] * 3


def test_without_websockets_there_is_no_such_address() -> None:
    with EmbeddedBroker() as broker, pytest.raises(RuntimeError, match="websocket=True"):
        _ = broker.websocket_url


def test_close_does_not_wait_for_pages() -> None:
    before = threading.active_count()
    with EmbeddedBroker(websocket=True) as broker:
        port = int(broker.websocket_url.rsplit(":", 1)[1].split("/")[0])
        with hf.connect(broker.websocket_url), socket.create_connection(("127.0.0.1", port)):
            start = time.monotonic()
            broker.close()
            assert time.monotonic() - start < 3
            with pytest.raises(OSError):
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
    assert threading.active_count() <= before


@pytest.mark.parametrize("pages", [False, True])
def test_close_ends_connections_that_were_only_just_accepted(pages: bool) -> None:
    # asyncio leaves the socket of a connection open that it accepts in the turn in which its server is closed; pytest makes that an error.
    for _ in range(20):
        with EmbeddedBroker(websocket=True) as broker, contextlib.ExitStack() as clients:
            port = int(broker.websocket_url.rsplit(":", 1)[1].split("/")[0]) if pages else broker.port
            for _ in range(5):
                clients.enter_context(socket.create_connection(("127.0.0.1", port)))
            broker.close()
        gc.collect()


def test_close_does_not_wait_for_a_client_that_does_not_read() -> None:
    with EmbeddedBroker() as broker, RawClient(broker, connect_packet(4)) as reader:
        reader.receive(4)
        reader.socket.sendall(subscribe_packet(b"#"))
        reader.receive(5)
        with hf.connect(broker.uri) as client:
            for _ in range(200):  # more than the sockets hold
                client.publish("a", b"x" * 100_000)
            time.sleep(0.5)
            broker.close()
        with contextlib.suppress(ConnectionResetError):  # what was not sent is given up
            while reader.socket.recv(1 << 20):
                pass


def test_a_taken_port_raises_in_the_caller() -> None:
    with EmbeddedBroker() as broker, pytest.raises(OSError):
        EmbeddedBroker(port=broker.port).start()


def test_misuse_is_named() -> None:
    broker = EmbeddedBroker()
    with pytest.raises(RuntimeError, match="not running"):
        _ = broker.uri
    with broker, pytest.raises(RuntimeError, match="already"):
        broker.start()


def test_nothing_is_logged_and_no_thread_is_left(caplog: pytest.LogCaptureFixture) -> None:
    before = threading.active_count()
    with caplog.at_level(logging.INFO), EmbeddedBroker() as broker:
        with RawClient(broker, connect_packet(4)) as client:
            client.receive(4)
            client.socket.sendall(b"\x30\xff")  # half a packet, then gone
        with RawClient(broker, connect_packet(5, properties=b"")):
            time.sleep(0.2)
    assert [record for record in caplog.records if record.levelno >= logging.INFO] == []
    assert threading.active_count() == before


def test_ends_with_the_process_without_being_closed() -> None:
    script = "from honeyframe.embedded_broker import EmbeddedBroker; broker = EmbeddedBroker().start(); print(broker.port)"
    before = time.monotonic()
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=20, check=True)
    assert time.monotonic() - before < 10
    assert result.stderr == ""
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", int(result.stdout)), timeout=1).close()


def test_says_what_to_install_when_amqtt_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("amqtt", "amqtt.broker", "amqtt.adapters"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'honeyframe\[demo\]'"):
        EmbeddedBroker()


def test_a_logging_level_of_the_user_is_respected() -> None:
    script = textwrap.dedent("""
        import logging
        logging.getLogger("amqtt").setLevel(logging.DEBUG)
        from honeyframe.embedded_broker import EmbeddedBroker
        EmbeddedBroker()
        print(logging.getLogger("amqtt").level, logging.getLogger("transitions").level)
    """)
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=20, check=True)
    assert result.stdout.split() == [str(logging.DEBUG), str(logging.CRITICAL)]


def test_who_looks_at_all_while_a_stream_runs_is_told_of_the_copies() -> None:
    with EmbeddedBroker() as broker, hf.connect(broker.uri) as client, hf.connect(broker.uri) as other:
        stream = client.stream("plant/{line}/t")

        def seen_twice(looking: hf.Client) -> bool:
            timer = threading.Timer(0.3, client.publish, ("plant/1/t", {"n": 1}), {"qos": 1})
            timer.start()
            looking.topics("#", seconds=1, live=False)
            return stream.read().num_rows == 2

        with pytest.warns(OverlapWarning, match=r"'#' overlaps 'plant/\+/t'.*Use a client of its own"):
            assert seen_twice(client)
        assert not seen_twice(other)  # and no warning, which would be an error
        with pytest.warns(OverlapWarning), pytest.warns(hf.errors.NoMessagesWarning):
            client.latest("plant/#", seconds=0.1)
        client.stream("plant/#").close()  # that is asked for
