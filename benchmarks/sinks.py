"""The subscribers that are compared, each as its documentation would have it. Equal work: the columns of COLUMNS as a pandas DataFrame.

A sink is a class with ``connect()`` and ``run(count) -> DataFrame``; it is imported and run in a process of its own.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
from abc import ABC, abstractmethod
from typing import Any, ClassVar

import pandas as pd

COLUMNS = ["seq", "device_id", "ts", "temperature", "pressure", "running", "location.hall", "location.bay"]
SECONDS = 300.0  # nobody is this slow


def topic_filter(count: int) -> str:
    return f"bench/{count}/+/telemetry"


def row(content: dict[str, Any]) -> tuple[Any, ...]:
    """By hand, which beats json_normalize about three times."""
    location = content["location"]
    return (
        content["seq"],
        content["device_id"],
        content["ts"],
        content["temperature"],
        content["pressure"],
        content["running"],
        location["hall"],
        location["bay"],
    )


class Sink(ABC):
    packages: ClassVar[tuple[str, ...]] = ()

    def __init__(self, port: int, authority: str) -> None:
        self.port = port
        self.authority = authority

    @abstractmethod
    def connect(self) -> None: ...

    @abstractmethod
    def run(self, count: int) -> pd.DataFrame: ...


class Honeyframe(Sink):
    packages = ("honeyframe", "pandas", "pyarrow")

    def connect(self) -> None:
        import honeyframe as hf

        self.client = hf.connect(f"mqtts://127.0.0.1:{self.port}", ca_file=self.authority, protocol="3.1.1")

    def read(self, count: int) -> Any:
        # "block": the source is faster than we are, and TCP has to say so. With a policy that drops, rows would be missing.
        with self.client.stream(topic_filter(count), qos=0, columns=COLUMNS, overflow="block") as stream:
            return stream.read(rows=count, seconds=SECONDS)

    def run(self, count: int) -> pd.DataFrame:
        frame: pd.DataFrame = self.read(count).to_pandas()
        return frame


class PahoJson(Sink):
    packages = ("paho-mqtt", "pandas")

    def connect(self) -> None:
        import paho.mqtt.client as paho

        self.rows: list[tuple[Any, ...]] = []
        self.wanted = 0
        self.done = threading.Event()
        connected = threading.Event()
        self.client = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=paho.MQTTv311)
        self.client.tls_set(ca_certs=self.authority)
        self.client.on_connect = lambda *_: connected.set()
        self.client.on_message = self.on_message
        self.client.connect("127.0.0.1", self.port)
        self.client.loop_start()
        if not connected.wait(10):
            raise TimeoutError("paho-mqtt: no CONNACK")

    def on_message(self, client: Any, userdata: Any, message: Any) -> None:
        self.rows.append(row(json.loads(message.payload)))
        if len(self.rows) == self.wanted:
            self.done.set()

    def run(self, count: int) -> pd.DataFrame:
        self.rows, self.wanted = [], count
        self.done.clear()
        self.client.subscribe(topic_filter(count), qos=0)
        if not self.done.wait(SECONDS):
            raise TimeoutError(f"paho-mqtt: {len(self.rows)} of {count} messages")
        return pd.DataFrame(self.rows, columns=COLUMNS)


class GmqttOrjson(Sink):
    packages = ("gmqtt", "orjson", "pandas")

    def connect(self) -> None:
        import gmqtt
        import orjson

        self.loads = orjson.loads
        self.rows: list[tuple[Any, ...]] = []
        self.wanted = 0
        self.loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self.loop)
        self.client = gmqtt.Client("benchmark")
        self.client.on_message = self.on_message
        context = ssl.create_default_context(cafile=self.authority)
        version = gmqtt.constants.MQTTv311
        self.loop.run_until_complete(self.client.connect("127.0.0.1", self.port, ssl=context, version=version))

    def on_message(self, client: Any, topic: str, message: bytes, qos: int, properties: Any) -> int:
        self.rows.append(row(self.loads(message)))
        if len(self.rows) == self.wanted:
            self.done.set()
        return 0

    def run(self, count: int) -> pd.DataFrame:
        self.rows, self.wanted, self.done = [], count, asyncio.Event()

        async def receive() -> None:
            self.client.subscribe(topic_filter(count), qos=0)
            await asyncio.wait_for(self.done.wait(), SECONDS)

        self.loop.run_until_complete(receive())
        return pd.DataFrame(self.rows, columns=COLUMNS)


class Nothing(Sink):
    """Reads and throws away: the fastest a source can be seen to be."""

    def connect(self) -> None:
        import socket

        context = ssl.create_default_context(cafile=self.authority)
        self.stream = context.wrap_socket(socket.create_connection(("127.0.0.1", self.port)), server_hostname="127.0.0.1")
        body = b"\x00\x04MQTT\x04\x02\x00\x00\x00\x04none"
        self.stream.sendall(bytes([0x10, len(body)]) + body)
        if self.stream.recv(4) != b"\x20\x02\x00\x00":
            raise ConnectionError("no CONNACK")

    def run(self, count: int) -> pd.DataFrame:
        topic = topic_filter(count).encode()
        body = b"\x00\x01" + len(topic).to_bytes(2, "big") + topic + b"\x00"
        # SUBSCRIBE and DISCONNECT at once: the source answers the one, then sees the other and closes.
        self.stream.sendall(bytes([0x82, len(body)]) + body + b"\xe0\x00")
        buffer = bytearray(1 << 20)
        while self.stream.recv_into(buffer):
            pass
        return pd.DataFrame(columns=COLUMNS)


SINKS: dict[str, type[Sink]] = {
    "honeyframe": Honeyframe,
    "paho-mqtt + json": PahoJson,
    "gmqtt + orjson": GmqttOrjson,
    "nothing": Nothing,
}
