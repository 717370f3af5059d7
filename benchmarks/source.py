"""A scripted broker: accepts CONNECT and SUBSCRIBE over TLS 1.3, then writes PUBLISH packets that were encoded beforehand.

It does no work for a message: whole buffers of packets go to OpenSSL, which cuts them into full 16 KiB records. So it outruns every sink;
the benchmark measures by how much and prints it. Speaks MQTT 3.1.1, QoS 0.

A subscription to ``bench/<n>/+/telemetry`` gets n messages, ``bench/<n>/line-<k>/telemetry``. Run by itself it prints its port.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import socket
import ssl
import struct
import threading

LINES = 8
FIRST_ID = 9_007_199_254_740_993  # above 2**53
PROTOCOL_311 = 4


def payload(number: int) -> bytes:
    """The JSON of message ``number``: eight leaves, 230 bytes give or take ten, the same for the same number."""
    rng = random.Random(number)
    content = {
        "seq": number,
        "device_id": FIRST_ID + number,
        "ts": f"2026-03-01T12:{number // 60 % 60:02}:{number % 60:02}.{number % 1000:03}Z",
        "temperature": round(rng.uniform(15, 95), 3),
        "pressure": round(rng.uniform(980, 1040), 4),
        "running": rng.random() < 0.9,
        "location": {"hall": "north-" + "ABCDEFGH"[number % 8], "bay": number % 64},
        "firmware": "4.11.2-b114",
    }
    # What a device sends besides and nobody asks for is in here too: it has to be parsed over, as in life.
    return json.dumps(content | {"unit": "degC", "site": "plant-one"}, separators=(",", ":")).encode()


def publish_packet(count: int, number: int) -> bytes:
    topic = f"bench/{count}/line-{number % LINES}/telemetry".encode()
    body = struct.pack("!H", len(topic)) + topic + payload(number)
    return b"\x30" + _varint(len(body)) + body


def encode(count: int) -> bytes:
    """All packets of a run of ``count`` messages, back to back."""
    return b"".join(publish_packet(count, number) for number in range(count))


class Source:
    """Listens on a free loopback port until closed. One thread for each client; each sends to one client only.

    Parameters
    ----------
    certificate, key : path
        PEM files of the server.
    counts : list of int
        The sizes of run that may be asked for; encoded here, before anyone connects.
    """

    def __init__(self, certificate: str, key: str, counts: list[int]) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.minimum_version = ssl.TLSVersion.TLSv1_3
        self._context.load_cert_chain(certificate, key)
        self._buffers = {count: encode(count) for count in counts}
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]

    def serve_forever(self) -> None:
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:  # closed
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def close(self) -> None:
        self._socket.close()

    def _serve(self, client: socket.socket) -> None:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(OSError, EOFError), self._context.wrap_socket(client, server_side=True) as stream:
            while True:
                kind, body = _read_packet(stream)
                if kind == 1:  # CONNECT
                    stream.sendall(b"\x20\x02\x00\x00" if body[6] == PROTOCOL_311 else b"\x20\x02\x00\x01")
                elif kind == 8:  # SUBSCRIBE
                    length = struct.unpack_from("!H", body, 2)[0]
                    count = int(body[4 : 4 + length].split(b"/")[1])
                    stream.sendall(b"\x90\x03" + body[:2] + b"\x00")
                    stream.sendall(self._buffers[count])
                elif kind == 10:  # UNSUBSCRIBE
                    stream.sendall(b"\xb0\x02" + body[:2])
                elif kind == 12:  # PINGREQ
                    stream.sendall(b"\xd0\x00")
                elif kind == 14:  # DISCONNECT
                    return


def _varint(value: int) -> bytes:
    encoded = b""
    while value > 127:
        encoded += bytes([value & 127 | 128])
        value >>= 7
    return encoded + bytes([value])


def _read_packet(stream: ssl.SSLSocket) -> tuple[int, bytes]:
    kind = _read(stream, 1)[0] >> 4
    length = shift = 0
    while True:
        byte = _read(stream, 1)[0]
        length |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return kind, _read(stream, length)


def _read(stream: ssl.SSLSocket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        chunk = stream.recv(size - len(data))
        if not chunk:
            raise EOFError
        data += chunk
    return data


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("certificate")
    parser.add_argument("key")
    parser.add_argument("counts", type=int, nargs="+")
    parser.add_argument("--core", type=int, help="run on this core only")
    options = parser.parse_args()
    if options.core is not None:
        os.sched_setaffinity(0, {options.core})
    source = Source(options.certificate, options.key, options.counts)
    print(source.port, flush=True)
    source.serve_forever()


if __name__ == "__main__":
    main()
