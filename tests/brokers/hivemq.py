"""A real HiveMQ Community Edition: HiveBroker.java in a process of its own, on loopback, on free ports."""

from __future__ import annotations

import fcntl
import json
import queue
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from . import certificates
from .ports import BrokerUnavailable, Listeners, free_ports

_HERE = Path(__file__).resolve().parent / "hivemq"
_BUILD = Path(__file__).resolve().parents[2] / "build" / "hivemq"
_VERSION = "2025.5"
_START_SECONDS = 90.0

PERMISSIONS = ("PUBLISH_ONLY", "SUBSCRIBE_ONLY", "PUBLISH_AND_SUBSCRIBE")


@dataclass(frozen=True)
class User:
    """A credential of HiveMQ Cloud's Access Management: exactly one permission, on one topic filter."""

    username: str
    password: str
    permission: str = "PUBLISH_AND_SUBSCRIBE"
    topic_filter: str = "#"


USERS = (
    User("both", "both-password"),
    User("pub", "pub-password", "PUBLISH_ONLY"),
    User("sub", "sub-password", "SUBSCRIBE_ONLY"),
    User("plant", "plant-password", "PUBLISH_AND_SUBSCRIBE", "plant/#"),
)

_CONFIG = """<?xml version="1.0"?>
<hivemq>
  <listeners>{listeners}</listeners>
  <persistence><mode>{persistence}</mode></persistence>
  <mqtt>
    <packets><max-packet-size>{max_packet_size}</max-packet-size></packets>
    <queued-messages><max-queue-size>{max_queued_messages}</max-queue-size></queued-messages>
  </mqtt>
  <anonymous-usage-statistics><enabled>false</enabled></anonymous-usage-statistics>
</hivemq>
"""
_LISTENER = "<{kind}><name>{name}</name><port>{port}</port><bind-address>127.0.0.1</bind-address>{rest}</{kind}>"
_WEBSOCKET = "<path>/mqtt</path><subprotocols><subprotocol>mqtt</subprotocol><subprotocol>mqttv3.1</subprotocol></subprotocols>"
_TLS = """<tls><keystore>
  <path>{path}</path><password>{password}</password><private-key-password>{password}</private-key-password>
</keystore></tls>"""
_LOGBACK = """<configuration>
  <appender name="E" class="ch.qos.logback.core.ConsoleAppender">
    <target>System.err</target><encoder><pattern>%d{HH:mm:ss.SSS} %-5level %logger{20} - %msg%n</pattern></encoder>
  </appender>
  <logger name="jetbrains.exodus" level="ERROR"/>
  <logger name="event.message-dropped" level="DEBUG"/>
  <root level="WARN"><appender-ref ref="E"/></root>
</configuration>
"""


class HiveMQ:
    """One broker. ``stop()`` and ``start()`` again keep the ports, and with ``persistent=True`` sessions and retained messages.

    The process ends when this one does: its standard input is a pipe of ours.
    """

    def __init__(
        self,
        authority: certificates.Authority,
        *,
        persistent: bool = False,
        max_packet_size: int = 5 << 20,
        max_queued_messages: int = 1000,  # of a session, or of a shared group; HiveMQ's own default
    ) -> None:
        self._classpath = prepare()
        self._persistent = persistent
        self._max_packet_size = max_packet_size
        self._max_queued_messages = max_queued_messages
        self._home = Path(tempfile.mkdtemp(prefix="hivemq-"))
        self._keystore = authority.server().write_keystore(self._home / "server.p12")
        self._process: subprocess.Popen[str] | None = None
        self.listeners = Listeners()
        for folder in ("conf", "data", "extensions"):
            (self._home / folder).mkdir()
        (self._home / "conf" / "logback.xml").write_text(_LOGBACK)
        self.set_users(USERS)
        self.start()

    def uri(self, transport: str = "mqtt", host: str = "localhost") -> str:
        return self.listeners.uri(transport, host)

    def set_users(self, users: Sequence[User]) -> None:
        """From the next login on."""
        text = json.dumps([asdict(user) for user in users])
        fresh = self._home / "users.json.new"
        fresh.write_text(text)
        fresh.rename(self._home / "users.json")

    def start(self) -> None:
        self.stop()
        (self._home / "conf" / "config.xml").write_text(self._config())
        java = ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx256m", "-cp", self._classpath, "HiveBroker"]
        command = [*java, str(self._home), str(self._home / "users.json")]
        with (self._home / "log.txt").open("a") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)
        line = self._first_line(self._process)
        if not line.startswith("READY"):
            self.stop()
            raise RuntimeError(f"HiveMQ did not start: {line!r}\n{self.log()}")
        self.listeners = Listeners({name: int(port) for name, port in (word.split("=") for word in line.split()[1:])})

    def stop(self) -> None:
        """As a broker is shut down for maintenance: clients get DISCONNECT or a closed connection."""
        if self._process is None:
            return
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._process = None

    def kill(self) -> None:
        """As a broker dies."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self.stop()

    def close(self) -> None:
        self.kill()  # nothing of it is needed any more, and an orderly end takes seconds
        shutil.rmtree(self._home, ignore_errors=True)

    def log(self) -> str:
        return (self._home / "log.txt").read_text()

    def dropped_messages(self) -> int:
        """How many it has dropped by its own word, where a queue was full for one."""
        return self.log().count("publish message was dropped")

    def _config(self) -> str:
        """Free ports at the first start, the same ones afterwards."""
        tls = _TLS.format(path=escape(str(self._keystore)), password=certificates.KEYSTORE_PASSWORD)
        kinds = {
            "tcp": ("tcp-listener", ""),
            "tls": ("tls-tcp-listener", tls),
            "ws": ("websocket-listener", _WEBSOCKET),
            "wss": ("tls-websocket-listener", _WEBSOCKET + tls),
        }
        ports = self.listeners.ports or dict(zip(kinds, free_ports(len(kinds)), strict=True))
        listeners = "".join(_LISTENER.format(kind=kind, name=name, port=ports[name], rest=rest) for name, (kind, rest) in kinds.items())
        persistence = "file" if self._persistent else "in-memory"
        return _CONFIG.format(
            listeners=listeners,
            persistence=persistence,
            max_packet_size=self._max_packet_size,
            max_queued_messages=self._max_queued_messages,
        )

    @staticmethod
    def _first_line(process: subprocess.Popen[str]) -> str:
        lines: queue.Queue[str] = queue.Queue()
        assert process.stdout is not None
        threading.Thread(target=lambda out: lines.put(out.readline()), args=(process.stdout,), daemon=True).start()
        try:
            return lines.get(timeout=_START_SECONDS)
        except queue.Empty:
            return f"nothing printed within {_START_SECONDS:.0f} s"


def prepare() -> str:
    """The class path: Maven's jars and our class, made once a checkout and again when the source changes. Raises BrokerUnavailable."""
    for tool in ("java", "javac", "mvn"):
        if shutil.which(tool) is None:
            raise BrokerUnavailable(
                f"{tool} not found. HiveMQ needs a JDK, 17 or newer, and Maven: apt-get install default-jdk-headless maven"
            )
    _BUILD.mkdir(parents=True, exist_ok=True)
    with (_BUILD / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        libraries, classes, source = _BUILD / "lib", _BUILD / "classes", _HERE / "HiveBroker.java"
        if not (libraries / f"hivemq-community-edition-embedded-{_VERSION}.jar").exists():
            _fetch_jars(libraries)
        target = classes / "HiveBroker.class"
        if not target.exists() or target.stat().st_mtime < source.stat().st_mtime:
            _run("javac", "-Xlint:all,-processing", "-cp", f"{libraries}/*", "-d", str(classes), str(source))
    return f"{classes}:{libraries}/*"


def _fetch_jars(libraries: Path) -> None:
    """Into a folder beside, renamed when complete: an interrupted download leaves nothing that looks whole."""
    fresh = libraries.with_suffix(".new")
    shutil.rmtree(fresh, ignore_errors=True)
    _run("mvn", "-q", "-B", "-f", str(_HERE / "pom.xml"), "dependency:copy-dependencies", f"-DoutputDirectory={fresh}")
    shutil.rmtree(libraries, ignore_errors=True)
    fresh.rename(libraries)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode != 0:
        raise BrokerUnavailable(f"{command[0]} failed ({done.returncode}):\n{(done.stdout + done.stderr)[-2000:]}")
