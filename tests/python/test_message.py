"""wait_for and request: one message, and an answer. Against a real Mosquitto."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.brokers.packets import Publish
from tests.brokers.scripted import Connection, ScriptedBroker

import honeyframe as hf
from honeyframe.errors import ClosedError, InvalidArgumentError, InvalidTopicError, InvalidTopicFilterError, OperationTimeoutError
from honeyframe.message import Message


def later(call: Callable[[], object], seconds: float = 0.2) -> threading.Thread:
    timer = threading.Timer(seconds, call)
    timer.start()
    return timer


def test_the_first_message(client: hf.Client) -> None:
    later(lambda: client.publish("wait/1", {"n": 1}, qos=1, content_type="application/json", user_properties={"a": "b"}))
    message = client.wait_for("wait/+", timeout=5)
    assert (message.topic, message.json(), message.qos, message.retain) == ("wait/1", {"n": 1}, 1, False)
    assert (message.content_type, message.user_properties) == ("application/json", (("a", "b"),))
    assert abs(message.recv_time.timestamp() - time.time()) < 5


def test_where_chooses(client: hf.Client) -> None:
    def publish() -> None:
        for number in range(5):
            client.publish("wait/where", {"n": number}, qos=1)

    publishing = later(publish)
    assert client.wait_for("wait/where", timeout=5, where=lambda m: m.json()["n"] == 3).json() == {"n": 3}
    publishing.join()


def test_where_that_raises_comes_out(client: hf.Client) -> None:
    later(lambda: client.publish("wait/raises", "no json", qos=1))
    with pytest.raises(ValueError, match="Expecting value"):
        client.wait_for("wait/raises", timeout=5, where=lambda m: m.json())


def test_retained(client: hf.Client) -> None:
    client.publish("wait/kept", "kept", qos=1, retain=True)
    try:
        assert client.wait_for("wait/kept").retain
        assert client.wait_for("wait/kept", retained="only").text == "kept"
        later(lambda: client.publish("wait/kept", "live", qos=1))
        assert client.wait_for("wait/kept", retained="skip").text == "live"
    finally:
        client.publish("wait/kept", b"", qos=1, retain=True)


def test_time_runs_out(client: hf.Client) -> None:
    later(lambda: client.publish("wait/none", "x", qos=1), 0.05)
    began = time.monotonic()
    with pytest.raises(OperationTimeoutError, match=r"'wait/none' within 0\.4 s; 1 message came for which where= was not true"):
        client.wait_for("wait/none", timeout=0.4, where=lambda m: False)
    assert 0.35 <= time.monotonic() - began < 2


def test_the_time_is_for_unsubscribing_as_well() -> None:
    async def never_unsubscribes(c: Connection) -> None:
        await c.accept()
        await c.grant()
        await c.sleep(0.2)
        await c.send(Publish(topic="wait/late", payload=b"x"))
        await c.hang()

    with ScriptedBroker(never_unsubscribes) as broker, hf.connect(broker.uri()) as client:
        began = time.monotonic()
        assert client.wait_for("wait/late", timeout=0.5).text == "x"
        assert time.monotonic() - began < 3


def test_bad_arguments(client: hf.Client) -> None:
    with pytest.raises(InvalidTopicFilterError):
        client.wait_for("a#")
    with pytest.raises(InvalidTopicFilterError, match="shared"):
        client.wait_for("$share/g/a")
    with pytest.raises(TypeError, match="where"):
        client.wait_for("a", where=3)  # type: ignore[arg-type]
    with pytest.raises(InvalidArgumentError, match="retained"):
        client.wait_for("a", retained="never")  # type: ignore[arg-type]
    with pytest.raises(InvalidTopicError):
        client.request("a/#")
    with pytest.raises(InvalidTopicError):
        client.request("a", response_topic="#")
    with pytest.raises(TypeError, match="topic must be a str"):
        client.request(None)  # type: ignore[arg-type]


def test_a_client_that_closes(access: dict[str, Any]) -> None:
    client = hf.connect(**access)
    later(client.close)
    with pytest.raises(ClosedError, match="closed"):
        client.wait_for("wait/closing", timeout=10)


# --- requests


@pytest.fixture
def responder(access: dict[str, Any]) -> Iterator[None]:
    """Answers ``req/echo`` with the payload, ``req/forgets`` without correlation data, ``req/wrong`` with another's first."""
    with hf.connect(**access) as client:
        stop = threading.Event()
        ready = threading.Event()

        # Correlation data is not among a stream's metadata: a responder takes messages one by one.
        def serve() -> None:
            from honeyframe.message import Mailbox

            with Mailbox(client, ("req/#",), qos=1, retained="skip", timeout=5) as box:
                ready.set()
                while not stop.is_set():
                    if (message := box.next(time.monotonic() + 0.1)) is not None:
                        respond(client, message)

        thread = threading.Thread(target=serve)
        thread.start()
        assert ready.wait(5)
        yield
        stop.set()
        thread.join()


def respond(client: hf.Client, message: Message) -> None:
    if message.topic == "req/echo":
        client.publish(message.response_topic, message.payload, qos=1, correlation_data=message.correlation_data)
    elif message.topic == "req/forgets":
        client.publish(message.response_topic, "forgot", qos=1)
    elif message.topic == "req/wrong":
        client.publish(message.response_topic, "another's", qos=1, correlation_data=b"other")
        client.publish(message.response_topic, "mine", qos=1, correlation_data=message.correlation_data)


def test_request_and_response(client: hf.Client, responder: None) -> None:
    answer = client.request("req/echo", {"what": "limits"}, timeout=5)
    assert answer.json() == {"what": "limits"}
    assert answer.topic.startswith("honeyframe/response/")
    assert len(answer.correlation_data) == 16


def test_answers_are_told_apart(client: hf.Client, responder: None) -> None:
    assert client.request("req/wrong", timeout=5).text == "mine"
    assert client.request("req/wrong", timeout=5, response_topic="answers/all").text == "mine"
    assert client.request("req/forgets", timeout=5).text == "forgot"  # nobody else knows that topic
    with pytest.raises(OperationTimeoutError, match="1 message with other correlation data came"):
        client.request("req/forgets", timeout=0.4, response_topic="answers/all")


def test_nobody_answers(client: hf.Client) -> None:
    with pytest.raises(OperationTimeoutError, match=r"no answer from 'req/nobody' within 0\.3 s"):
        client.request("req/nobody", timeout=0.3)


def test_requests_need_mqtt_5(access: dict[str, Any]) -> None:
    told = pytest.raises(InvalidArgumentError, match=r"needs MQTT 5.*speaks MQTT 3\.1\.1")
    with hf.connect(**access, protocol="3.1.1") as client, told:
        client.request("req/echo", timeout=1)


def test_a_message_shows_itself() -> None:
    message = Message("a/\x1b[31m", b"\x1b" + b"x" * 100, qos=1, retain=True)
    assert "\x1b" not in repr(message)
    assert "21 bytes more" in repr(message)
    assert message.text.startswith("\x1bxx")
    assert Message("a", b"\xff").text == "\\xff"
