"""The subscribers in Python, each as its documentation would have it. Equal work: the columns of payloads.COLUMNS as a pandas DataFrame.

A sink is a class with ``connect()`` and ``run(rows) -> DataFrame``; subscriber.py runs it in a process of its own. All speak MQTT 3.1.1.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
from abc import ABC, abstractmethod
from typing import Any, ClassVar

import pandas as pd

from .payloads import COLUMNS, TOPIC_FILTER, row

HOST = "127.0.0.1"
SECONDS = 600.0  # nobody is this slow


class Sink(ABC):
    """``authority``: the PEM file under which TLS is checked; empty for plain TCP."""

    packages: ClassVar[tuple[str, ...]] = ()  # names on PyPI, for the versions
    modules: ClassVar[tuple[str, ...]] = ()

    def __init__(self, port: int, authority: str, qos: int = 0) -> None:
        self.port = port
        self.authority = authority
        self.qos = qos

    @abstractmethod
    def connect(self) -> None: ...

    @abstractmethod
    def run(self, count: int) -> pd.DataFrame: ...

    def tls_context(self) -> ssl.SSLContext | None:
        return ssl.create_default_context(cafile=self.authority) if self.authority else None


class Honeyframe(Sink):
    packages = ("honeyframe", "pandas", "pyarrow")
    modules = ("honeyframe",)

    def connect(self) -> None:
        import honeyframe as hf

        if self.authority:
            self.client = hf.connect(f"mqtts://{HOST}:{self.port}", ca_file=self.authority, protocol="3.1.1")
        else:
            self.client = hf.connect(f"mqtt://{HOST}:{self.port}", protocol="3.1.1")

    def read(self, count: int) -> Any:
        # "block": the source is faster than we are, and TCP has to say so. With a policy that drops, rows would be missing.
        with self.client.stream(TOPIC_FILTER, qos=self.qos, columns=COLUMNS, overflow="block") as stream:
            return stream.read(rows=count, seconds=SECONDS)

    def run(self, count: int) -> pd.DataFrame:
        frame: pd.DataFrame = self.read(count).to_pandas()
        return frame


class PahoJson(Sink):
    packages = ("paho-mqtt", "pandas")
    modules = ("paho.mqtt",)

    def connect(self) -> None:
        import paho.mqtt.client as paho
        from paho.mqtt.enums import CallbackAPIVersion

        self.rows: list[tuple[Any, ...]] = []
        self.wanted = 0
        self.done = threading.Event()
        connected = threading.Event()
        self.client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv311)
        if self.authority:
            self.client.tls_set(ca_certs=self.authority)
        self.client.on_connect = lambda *_: connected.set()
        self.client.on_message = self.on_message
        self.client.connect(HOST, self.port)
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
        self.client.subscribe(TOPIC_FILTER, qos=self.qos)
        if not self.done.wait(SECONDS):
            raise TimeoutError(f"paho-mqtt: {len(self.rows)} of {count} messages")
        return pd.DataFrame(self.rows, columns=COLUMNS)


class GmqttOrjson(Sink):
    packages = ("gmqtt", "orjson", "pandas")
    modules = ("gmqtt", "orjson")

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
        version = gmqtt.constants.MQTTv311
        self.loop.run_until_complete(self.client.connect(HOST, self.port, ssl=self.tls_context() or False, version=version))

    def on_message(self, client: Any, topic: str, message: bytes, qos: int, properties: Any) -> int:
        self.rows.append(row(self.loads(message)))
        if len(self.rows) == self.wanted:
            self.done.set()
        return 0

    def run(self, count: int) -> pd.DataFrame:
        self.rows, self.wanted, self.done = [], count, asyncio.Event()

        async def receive() -> None:
            self.client.subscribe(TOPIC_FILTER, qos=self.qos)
            await asyncio.wait_for(self.done.wait(), SECONDS)

        self.loop.run_until_complete(receive())
        return pd.DataFrame(self.rows, columns=COLUMNS)


class AiomqttOrjson(Sink):
    packages = ("aiomqtt", "orjson", "pandas")
    modules = ("aiomqtt", "orjson")

    def connect(self) -> None:
        import aiomqtt
        import orjson

        self.loads = orjson.loads
        self.loop = asyncio.new_event_loop()
        self.client = self.loop.run_until_complete(self._open(aiomqtt))
        self.loop.run_until_complete(self.client.__aenter__())

    async def _open(self, aiomqtt: Any) -> Any:
        return aiomqtt.Client(HOST, self.port, tls_context=self.tls_context(), protocol=aiomqtt.ProtocolVersion.V311)

    async def _receive(self, count: int) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = []
        await self.client.subscribe(TOPIC_FILTER, qos=self.qos)
        async for message in self.client.messages:
            rows.append(row(self.loads(message.payload)))
            if len(rows) == count:
                break
        return rows

    def run(self, count: int) -> pd.DataFrame:
        return pd.DataFrame(self.loop.run_until_complete(self._receive(count)), columns=COLUMNS)


class AwscrtOrjson(Sink):
    packages = ("awscrt", "orjson", "pandas")
    modules = ("awscrt", "orjson")

    def connect(self) -> None:
        import orjson
        from awscrt import io, mqtt

        self.loads = orjson.loads
        self.done = threading.Event()
        group = io.EventLoopGroup(1)
        bootstrap = io.ClientBootstrap(group, io.DefaultHostResolver(group))
        context = None
        if self.authority:
            options = io.TlsContextOptions()
            options.override_default_trust_store_from_path(None, self.authority)
            context = io.ClientTlsContext(options)
        client = mqtt.Client(bootstrap, context)
        self.connection = mqtt.Connection(client, host_name=HOST, port=self.port, client_id="benchmark")
        self.connection.connect().result(10)
        self.qos_of = mqtt.QoS

    def on_message(self, topic: str, payload: bytes, **_: Any) -> None:
        self.rows.append(row(self.loads(payload)))
        if len(self.rows) == self.wanted:
            self.done.set()

    def run(self, count: int) -> pd.DataFrame:
        self.rows: list[tuple[Any, ...]] = []
        self.wanted = count
        self.done.clear()
        self.connection.subscribe(TOPIC_FILTER, self.qos_of(self.qos), self.on_message)
        if not self.done.wait(SECONDS):
            raise TimeoutError(f"awscrt: {len(self.rows)} of {count} messages")
        return pd.DataFrame(self.rows, columns=COLUMNS)


SINKS: dict[str, type[Sink]] = {
    "honeyframe": Honeyframe,
    "gmqtt + orjson": GmqttOrjson,
    "awscrt + orjson": AwscrtOrjson,
    "paho-mqtt + json": PahoJson,
    "aiomqtt + orjson": AiomqttOrjson,
}
