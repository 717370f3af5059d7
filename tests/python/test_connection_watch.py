"""What a client that has no connection says of it: since when, why, and who else may have it."""

from __future__ import annotations

from typing import Any

import pytest
from tests.brokers.mosquitto import Mosquitto
from tests.brokers.packets import Connack, Connect
from tests.brokers.scripted import Connection, ScriptedBroker
from tests.waiting import wait_until

import honeyframe as hf
from honeyframe.connection_watch import ConnectionWatch, not_sent
from honeyframe.errors import BadCredentialsError, ConnectionLostError, OperationTimeoutError

SECOND = 1_000_000_000


async def lets_go(c: Connection) -> None:
    await c.accept()
    await c.close()


async def refuses(c: Connection) -> None:
    await c.expect(Connect)
    await c.send(Connack(code=0x87))


def losses(*lasted: float, code: str = "connection_lost", client_id: str | None = "same") -> list[str]:
    """The details of losses of connections that lasted so many seconds."""
    watch = ConnectionWatch(client_id)
    now, told = 0, []
    for seconds in lasted:
        watch.add({"kind": "connected", "time_ns": now})
        now += int(seconds * SECOND)
        event = {"kind": "connection_lost", "time_ns": now, "code": code, "message": "lost", "detail": "lost"}
        watch.add(event)
        told.append(event["detail"])
    return told


class TestRivals:
    def test_are_told_once_an_episode(self) -> None:
        told = losses(1, 1, 1, 1, 1, 20, 1, 1, 1, 70, 1, 1, 1)
        assert ["client_id ('same')?" in detail for detail in told] == [n in (2, 12) for n in range(13)]

    @pytest.mark.parametrize(
        "told",
        [losses(1, 1, 1, 1, code="session_taken_over"), losses(1, 1, 1, 1, client_id=None), losses(1, 1, 11, 1, 1)],
        ids=["the broker says so", "a random id", "not quick enough"],
    )
    def test_are_not_supposed_without_reason(self, told: list[str]) -> None:
        assert set(told) == {"lost"}

    def test_two_take_turns_on_mosquitto(self, mosquitto: Mosquitto, access: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
        with hf.connect(**access, client_id="turns") as one, hf.connect(**access, client_id="turns") as other:
            wait_until(lambda: "client_id ('turns')?" in caplog.text, 20, "the hint")
            rows = [row for client in (one, other) for row in client._log.history() if row.event == "connection_lost"]
        assert 1 <= sum("client_id ('turns')?" in (row.detail or "") for row in rows) <= 2 < len(rows)

    def test_without_reconnecting_the_error_says_so(self, access: dict[str, Any]) -> None:
        with hf.connect(**access, client_id="once", reconnect=False) as one:
            stream = one.stream("once")
            with hf.connect(**access, client_id="once"), pytest.raises(ConnectionLostError, match=r"client_id \('once'\)"):
                next(stream.batches())
            with pytest.raises(ConnectionLostError, match=r"client_id \('once'\)"):
                one.publish("once", 1)


class TestOutage:
    def test_is_in_what_a_timeout_says(self) -> None:
        with (
            ScriptedBroker(lets_go, refuses, repeat=True) as broker,
            hf.connect(broker.uri(), protocol="5.0", refused_retry_delay=0.2, reconnect_min_delay=0.05) as client,
        ):
            wait_until(lambda: "last refusal" in repr(client), 10, "the refusal")
            refusal = r"not connected since 20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC, last refusal: the broker refused the connection: Not auth"
            assert "<honeyframe.Client" in repr(client)
            assert "reconnecting, not connected since" in repr(client)
            for qos in (0, 1):
                with pytest.raises(OperationTimeoutError, match="the message could not be sent within 0.2 s: " + refusal) as sent:
                    client.publish("ok", 1, qos=qos, timeout=0.2)
                assert "no user name and no password were sent; check user name" in sent.value.hint
                assert sent.value.args == (sent.value.message,)
            error = client.publish_many([{"n": 1}], "ok", timeout=0.2, on_error="collect").error
            assert str(error).startswith("no row could be sent within 0.2 s: not connected since ")
            asked = "no subscription to 'ok/2', 'b' within 0.2 s: " + refusal
            with pytest.raises(OperationTimeoutError, match=asked):
                client.stream("ok/2", "b", timeout=0.2)
            with pytest.raises(OperationTimeoutError, match=refusal):
                client.wait_for("ok/2", timeout=0.2)
            with pytest.raises(OperationTimeoutError, match=refusal):
                client.topics("ok/2", seconds=0.1, timeout=0.2)

    def test_ends_with_a_connection(self) -> None:
        watch = ConnectionWatch(None)
        assert watch.outage() is None
        watch.add({"kind": "connection_lost", "time_ns": SECOND, "code": "connection_lost", "message": "lost"})
        assert watch.outage() == "not connected since 1970-01-01 00:00:01 UTC: lost"
        watch.add({"kind": "retrying", "time_ns": SECOND, "code": "connection_lost", "message": "lost"})
        assert watch.outage() == "not connected since 1970-01-01 00:00:01 UTC: lost"
        watch.add({"kind": "retrying", "time_ns": 2 * SECOND, "code": "dns_failed", "message": "no such host"})
        assert watch.outage() == "not connected since 1970-01-01 00:00:01 UTC, last attempt: no such host"
        watch.add({"kind": "connected", "time_ns": 3 * SECOND})
        assert watch.outage() is None

    def test_a_timeout_with_a_connection_stays_as_it_is(self) -> None:
        error = OperationTimeoutError("the broker did not answer", hint="wait")
        ConnectionWatch("me").explain(error, "not sent")
        assert (error.message, error.hint) == ("the broker did not answer", "wait")


class TestCredentials:
    def test_which_were_not_sent(self) -> None:
        assert not_sent("me", True) == ""
        assert not_sent(None, False) == "no user name and no password were sent"
        assert not_sent("me", False) == "the user name 'me' was sent without a password"
        assert not_sent(None, True) == "a password was sent without a user name"

    def test_a_refusal_says_so(self, mosquitto: Mosquitto) -> None:
        uri = mosquitto.uri("mqtt", "127.0.0.1")
        with pytest.raises(hf.ConnectError) as nothing:
            hf.connect(uri)
        assert "hint: no user name and no password were sent; check" in str(nothing.value)
        with pytest.raises(hf.ConnectError) as half:
            hf.connect(uri, username="both")
        assert "hint: the user name 'both' was sent without a password; check" in str(half.value)
        with pytest.raises(hf.ConnectError) as wrong:
            hf.connect(uri, username="both", password="wrong")
        assert "sent" not in str(wrong.value)

    def test_once(self) -> None:
        watch, error = ConnectionWatch(None, not_sent(None, False)), BadCredentialsError("no")
        watch.explain(error)
        watch.explain(error)
        assert error.hint == "no user name and no password were sent"
