"""connect: every way in, and every refusal by its name. Against a real Mosquitto."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from tests.brokers.mosquitto import Mosquitto

import honeyframe as hf
from honeyframe.errors import InsecureTLSWarning, InvalidArgumentError, InvalidURIError


class TestConnect:
    def test_connects_at_once(self, access: dict[str, Any]) -> None:
        with hf.connect(**access) as client:
            info = client.info()
            assert info["state"] == "connected"
            assert info["client_id"].startswith("honeyframe-")
            assert not client.closed
        assert client.closed

    def test_the_environment_gives_address_and_credentials(self, access: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MQTT_SERVER", access["uri"])
        monkeypatch.setenv("MQTT_USERNAME", access["username"])
        monkeypatch.setenv("MQTT_PASSWORD", access["password"])
        with hf.connect() as client:
            assert client.info()["state"] == "connected"

    def test_credentials_in_the_uri(self, access: dict[str, Any]) -> None:
        with hf.connect(access["uri"].replace("://", "://both:both-password@")) as client:
            assert "both-password" not in client.uri
            assert client.info()["state"] == "connected"

    def test_password_file(self, access: dict[str, Any], tmp_path: Path) -> None:
        path = tmp_path / "password"
        path.write_text("both-password\n")
        path.chmod(0o600)
        with hf.connect(access["uri"], username="both", password_file=path) as client:
            assert client.info()["state"] == "connected"

    def test_a_wrong_password_is_named(self, access: dict[str, Any]) -> None:
        with pytest.raises(hf.PermissionDenied):
            hf.connect(access["uri"], username="both", password="wrong")

    def test_nobody_listens(self) -> None:
        with pytest.raises(hf.ConnectRefusedError):
            hf.connect("mqtt://127.0.0.1:1", connect_timeout=5)

    def test_tls(self, mosquitto: Mosquitto, ca_file: str, access: dict[str, Any]) -> None:
        access["uri"] = mosquitto.uri("mqtts")
        with hf.connect(**access, ca_file=ca_file) as client:
            assert client.info()["state"] == "connected"
        with pytest.raises(hf.TLSUntrustedError):
            hf.connect(**access)

    def test_insecure_warns_and_shows(self, mosquitto: Mosquitto, access: dict[str, Any]) -> None:
        access["uri"] = mosquitto.uri("mqtts")
        with pytest.warns(InsecureTLSWarning), hf.connect(**access, insecure=True) as client:
            assert "INSECURE" in repr(client)

    @pytest.mark.parametrize("protocol", ["3.1", "3.1.1", "5.0"])
    def test_protocols(self, access: dict[str, Any], protocol: Any) -> None:
        with hf.connect(**access, protocol=protocol) as client:
            assert client.info()["protocol"] == protocol

    def test_a_last_will(self, access: dict[str, Any], client: hf.Client) -> None:
        will = hf.LastWill("face/will", {"state": "gone"}, qos=1)
        with client.stream("face/will") as stream, hf.connect(**access, last_will=will, client_id="face-will") as dying:
            # Taken over: the broker closes the first connection, and publishes its will.
            with hf.connect(**access, client_id="face-will"):
                assert stream.read(rows=1, seconds=5).to_pandas()["state"].tolist() == ["gone"]
            assert dying

    @pytest.mark.parametrize(
        ("options", "fault"),
        [
            ({"uri": "http://host"}, "http"),
            ({"protocol": "4"}, "protocol"),
            ({"keepalive": -1}, "keepalive"),
            ({"connect_timeout": "soon"}, "connect_timeout"),
            ({"last_will": {"payload": "x"}}, "topic"),
            ({"last_will": {"topic": "a", "colour": "x"}}, "colour"),
            ({"last_will": "a"}, "last_will"),
            ({"last_will": {"topic": "a/+"}}, "a/"),
            ({"user_properties": ["a"]}, "user_properties"),
            ({"password": b"bytes"}, "password"),
        ],
    )
    def test_bad_options_are_named_before_a_socket_exists(self, options: dict[str, Any], fault: str) -> None:
        with pytest.raises(InvalidArgumentError, match=fault):
            hf.connect(**{"uri": "mqtt://127.0.0.1:1", **options})

    def test_inside_a_running_loop(self, access: dict[str, Any]) -> None:
        async def cell() -> str:
            with hf.connect(**access) as client:
                state: str = client.info()["state"]
                return state

        assert asyncio.run(cell()) == "connected"


class TestConnectAsync:
    def test_async_with(self, access: dict[str, Any]) -> None:
        async def main() -> list[int]:
            async with await hf.connect_async(**access) as client, client.stream("face/async") as stream:
                client.publish("face/async", {"n": 1}, qos=1)
                return [int(batch.to_pandas()["n"].iloc[0]) async for batch in stream.batches(rows=1, seconds=5)]

        assert asyncio.run(main()) == [1]

    def test_does_not_stop_the_loop_and_can_be_cancelled(self) -> None:
        import socket

        with socket.create_server(("127.0.0.1", 0)) as silent:

            async def main() -> tuple[int, float]:
                ticks = 0
                task = asyncio.create_task(hf.connect_async(f"mqtt://127.0.0.1:{silent.getsockname()[1]}", connect_timeout=30))
                for _ in range(20):
                    await asyncio.sleep(0.02)
                    ticks += 1
                started = time.monotonic()
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                return ticks, time.monotonic() - started

            ticks, elapsed = asyncio.run(main())
        assert ticks == 20
        assert elapsed < 1.5

    def test_errors_come_through(self) -> None:
        with pytest.raises(hf.ConnectRefusedError):
            asyncio.run(hf.connect_async("mqtt://127.0.0.1:1"))
        with pytest.raises(InvalidURIError):
            asyncio.run(hf.connect_async("mqtt://"))
