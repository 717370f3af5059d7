"""Client: connecting, publishing, subscribing, its end. Against a real Mosquitto."""

from __future__ import annotations

import asyncio
import copy
import gc
import json
import logging
import pickle
import threading
import time
import traceback
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.brokers.hivemq import HiveMQ
from tests.brokers.mosquitto import Mosquitto
from tests.brokers.packets import Disconnect
from tests.brokers.scripted import Connection, ScriptedBroker

import honeyframe as hf
from honeyframe import _core
from honeyframe.errors import InvalidArgumentError

CANARY = "canary-8d1f"


def roundtrip(client: hf.Client, payload: Any, topic: str = "face/roundtrip", **options: Any) -> hf.Table:
    with client.stream(topic) as stream:
        client.publish(topic, payload, **options)
        return stream.read(rows=1, seconds=5)


class TestPublish:
    @pytest.mark.parametrize("qos", [0, 1, 2])
    def test_qos(self, client: hf.Client, qos: int) -> None:
        assert roundtrip(client, {"n": 2**53 + 1}, qos=qos).to_pandas()["n"].tolist() == [2**53 + 1]

    def test_values(self, client: hf.Client) -> None:
        assert roundtrip(client, np.float64(21.5), qos=1).to_pandas()["value"].tolist() == [21.5]
        assert roundtrip(client, "text", qos=1).to_pandas()["value_text"].tolist() == ["text"]

    def test_retained_and_cleared(self, client: hf.Client) -> None:
        client.publish("face/kept", {"n": 1}, qos=1, retain=True)
        with client.stream("face/kept") as stream:
            frame = stream.read(rows=1, seconds=5).to_pandas()
        assert frame["_retain"].tolist() == [True]
        client.publish("face/kept", b"", qos=1, retain=True)
        with client.stream("face/kept") as stream:
            assert len(stream.read(seconds=0.3)) == 0

    def test_properties(self, client: hf.Client) -> None:
        with client.stream("face/properties", metadata=["topic", "user_properties", "content_type"]) as stream:
            client.publish("face/properties", {"n": 1}, qos=1, user_properties={"site": "Graz"}, content_type="application/json")
            row = stream.read(rows=1, seconds=5).to_pandas().iloc[0]
        assert json.loads(row["_user_properties"]) == [["site", "Graz"]]
        assert row["_content_type"] == "application/json"

    @pytest.mark.parametrize("topic", ["", "a/+", "#", "a\0b"])
    def test_bad_topics(self, client: hf.Client, topic: str) -> None:
        with pytest.raises(hf.InvalidTopicError):
            client.publish(topic, 1)

    def test_nan_is_refused(self, client: hf.Client) -> None:
        with pytest.raises(ValueError, match="NaN"):
            client.publish("face/nan", {"n": float("nan")})

    def test_after_close(self, access: dict[str, Any]) -> None:
        client = hf.connect(**access)
        client.close()
        with pytest.raises(hf.ClosedError):
            client.publish("a", 1)
        with pytest.raises(hf.ClosedError):
            client.stream("a")

    def test_denied(self, mosquitto: Mosquitto, access: dict[str, Any]) -> None:
        plant = {**access, "username": "plant", "password": "plant-password"}
        with hf.connect(**plant) as client, pytest.raises(hf.PublishDenied, match="forbidden/topic"):
            client.publish("forbidden/topic", 1, qos=1)


class TestStream:
    def test_a_template(self, client: hf.Client) -> None:
        with client.stream("face/{line}/{machine}") as stream:
            assert stream.filters == ("face/+/+",)
            assert stream.granted_qos == (1,)
            client.publish("face/a/b", {"n": 1}, qos=1)
            row = stream.read(rows=1, seconds=5).to_pandas().iloc[0]
        assert (row["line"], row["machine"], row["_topic"]) == ("a", "b", "face/a/b")

    def test_overlapping_streams_each_have_their_own(self, client: hf.Client) -> None:
        with client.stream("face/over/#") as wide, client.stream("face/over/+") as narrow:
            client.publish("face/over/a", {"n": 1}, qos=1)
            assert len(wide.read(rows=1, seconds=5)) == len(narrow.read(rows=1, seconds=5)) == 1

    def test_retained_skip(self, access: dict[str, Any]) -> None:
        for protocol in ("3.1.1", "5.0"):
            with hf.connect(**access, protocol=protocol) as client:
                client.publish("face/skip", {"n": 1}, qos=1, retain=True)
                with client.stream("face/skip", retained="skip") as stream:
                    client.publish("face/skip", {"n": 2}, qos=1)
                    assert stream.read(rows=1, seconds=5).to_pandas()["n"].tolist() == [2]
                    assert len(stream.read(seconds=0.2)) == 0
                client.publish("face/skip", b"", qos=1, retain=True)

    @pytest.mark.parametrize(
        ("options", "fault"),
        [
            ({"qos": 3}, "qos"),
            ({"retained": "never"}, "retained"),
            ({"overflow": "explode"}, "overflow"),
            ({"max_queue_messages": 0}, "max_messages|max_queue_messages"),
            ({"on_conflict": "ignore"}, "on_conflict"),
            ({"timeout": -1}, "timeout"),
        ],
    )
    def test_bad_options(self, client: hf.Client, options: dict[str, Any], fault: str) -> None:
        with pytest.raises(InvalidArgumentError, match=fault):
            client.stream("a", **options)

    def test_unknown_options(self, client: hf.Client) -> None:
        with pytest.raises(TypeError, match="no_such_option"):
            client.stream("a", no_such_option=1)

    def test_bad_filters(self, client: hf.Client) -> None:
        with pytest.raises(hf.InvalidTopicFilterError):
            client.stream("a/#/b")
        with pytest.raises(hf.InvalidTopicFilterError):
            client.stream()

    def test_closing_the_client_ends_its_streams_normally(self, access: dict[str, Any]) -> None:
        client = hf.connect(**access)
        stream = client.stream("face/end")
        threading.Timer(0.3, client.close).start()
        assert list(stream.batches()) == []

    def test_dropping_a_stream_unsubscribes(self, client: hf.Client) -> None:
        stream = client.stream("face/dropped")
        client.publish("face/dropped", 1, qos=1)
        stream.read(rows=1, seconds=5)
        del stream
        gc.collect()
        time.sleep(0.3)
        before = client.stats()["arrived"]
        client.publish("face/dropped", 2, qos=1)
        time.sleep(0.2)
        assert client.stats()["arrived"] == before
        assert client.info()["streams"] == 0

    def test_arrived_is_routed_and_unmatched(self, client: hf.Client) -> None:
        with client.stream("face/sum/#") as stream:
            for number in range(20):
                client.publish("face/sum/a", number, qos=1)
            stream.read(rows=20, seconds=5)
        stats = client.stats()
        assert stats["arrived"] == stats["routed"] + stats["unmatched"]
        assert stats["arrived"] >= 20
        assert stats["published"] == 20


class TestEnd:
    def test_the_last_reference_closes(self, access: dict[str, Any]) -> None:
        client = hf.connect(**access)
        session = client._session
        gone = weakref.ref(client)
        del client
        gc.collect()
        assert gone() is None
        assert session.info()["state"] == "closed"
        until = time.monotonic() + 3
        while time.monotonic() < until and any(thread.name == "honeyframe-events" for thread in threading.enumerate()):
            time.sleep(0.05)
        assert not [thread for thread in threading.enumerate() if thread.name == "honeyframe-events"]

    def test_a_stream_keeps_its_client(self, access: dict[str, Any]) -> None:
        stream = hf.connect(**access).stream("face/kept")
        gc.collect()
        assert stream._subscription is not None
        assert stream._subscription.session.info()["state"] == "connected"
        stream._subscription.client.publish("face/kept", 1, qos=1)
        assert len(stream.read(rows=1, seconds=5)) == 1

    def test_running_a_cell_again_eats_no_connection(self, access: dict[str, Any]) -> None:
        sessions = []
        for _ in range(5):
            client = hf.connect(**access)  # the variable's old value goes
            stream = client.stream("face/cell")
            sessions.append(client._session)
        gc.collect()
        states = [session.info()["state"] for session in sessions]
        assert states == ["closed"] * 4 + ["connected"]
        assert stream

    def test_taken_over_is_an_error_where_data_was_awaited(self, hivemq: HiveMQ) -> None:
        # Mosquitto 2.0 closes without a word; HiveMQ says 0x8E.
        access = {"uri": hivemq.uri("mqtt", "127.0.0.1"), "username": "both", "password": "both-password"}
        with hf.connect(**access, client_id="face-twice", protocol="5.0") as first:
            stream = first.stream("face/twice")
            with hf.connect(**access, client_id="face-twice"), pytest.raises(hf.SessionTakenOverError):
                list(stream.batches(seconds=5))

    def test_the_end_is_told_however_soon_the_queue_ends_before_the_session(self) -> None:
        async def dismisses(c: Connection) -> None:
            await c.accept()
            await c.grant()
            await asyncio.sleep(0.1)
            await c.send(Disconnect(code=0x8E))

        for _ in range(10):
            with ScriptedBroker(dismisses) as broker, hf.connect(broker.uri(), protocol="5.0") as client:
                stream = client.stream("a")
                with pytest.raises(hf.SessionTakenOverError):
                    list(stream.batches(seconds=5))


class TestNothingLeaks:
    def test_connecting_makes_no_logger_but_for_a_chosen_client_id(self, access: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO, "honeyframe")
        before = set(logging.Logger.manager.loggerDict)
        for _ in range(3):
            with hf.connect(**access) as client:
                assert client.info()["client_id"].startswith("honeyframe-")
        assert set(logging.Logger.manager.loggerDict) == before
        with hf.connect(**access, client_id="face-logger"):
            pass
        assert set(logging.Logger.manager.loggerDict) - before == {"honeyframe.face-logger"}
        told = {(record.name, vars(record)["honeyframe_client"]) for record in caplog.records}
        assert len(told) == 4
        assert {name for name, _ in told} == {"honeyframe", "honeyframe.face-logger"}

    def test_the_password_is_nowhere(self, access: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        uri = access["uri"].replace("://", f"://both:{CANARY}@")
        seen: list[str] = []
        attempts: list[dict[str, Any]] = [
            {"uri": uri},
            {"uri": access["uri"], "username": "both", "password": CANARY},
            {"uri": uri.replace("127.0.0.1", "bad host")},
            {"uri": uri, "keepalive": -1},
            {"uri": access["uri"], "http_proxy": f"http://me:{CANARY}@127.0.0.1:1"},
            {"uri": access["uri"], "password": CANARY, "last_will": "wrong"},
            {"uri": "mqtts://127.0.0.1:1", "client_key": "/none", "client_certificate": "/none", "client_key_password": CANARY},
        ]
        for options in attempts:
            for call in (
                hf.connect,
                lambda **given: asyncio.run(hf.connect_async(**given)),
                lambda **given: hf.read_mqtt(seconds=1, **given),
            ):
                try:
                    call(**options)
                except hf.HoneyframeError as error:
                    stack = traceback.TracebackException.from_exception(error, capture_locals=True)
                    # Frames of this file hold the options themselves.
                    stack.stack[:] = [frame for frame in stack.stack if not frame.filename.endswith(Path(__file__).name)]
                    seen += [repr(error), str(error), repr(error.__dict__), "".join(stack.format())]
                else:
                    pytest.fail("connected with a wrong password")
        assert len(seen) >= 4 * 3 * len(attempts) - 3
        seen += [record.getMessage() for record in caplog.records]
        leaks = [text for text in seen if CANARY in text]
        assert leaks == []

    def test_neither_repr_nor_html_nor_frames_show_it(self, access: dict[str, Any]) -> None:
        access["uri"] = access["uri"].replace("://", "://both:both-password@")
        with hf.connect(**access) as client, client.stream("face/canary") as stream:
            client.publish("face/canary", {"n": 1}, qos=1)
            table = stream.read(rows=1, seconds=5)
            frame = table.to_pandas()
            surfaces = [repr(client), client._repr_html_(), str(client.info()), repr(stream), stream._repr_html_(), repr(stream.stats())]
            surfaces += [repr(frame.attrs), frame.to_csv(), str(vars(client))]
        assert [text for text in surfaces if "both-password" in text] == []

    def test_no_pickles_and_no_copies(self, client: hf.Client) -> None:
        for travel in (pickle.dumps, copy.deepcopy):
            with pytest.raises(TypeError, match="cannot be pickled"):
                travel(client)


class TestFaces:
    def test_repr(self, client: hf.Client) -> None:
        text = repr(client)
        assert client.uri in text
        assert "connected as honeyframe-" in text
        assert "MQTT 5" in text
        with client.stream("a"):
            assert "1 stream" in repr(client)

    def test_html_is_escaped(self, access: dict[str, Any]) -> None:
        with hf.connect(**access) as client, client.stream("face/<script>/$x$") as stream:
            html = stream._repr_html_()
            assert "<script>" not in html
            assert "&lt;script&gt;" in html
            assert "$x$" not in html

    def test_session_events_are_logged(self, access: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO, "honeyframe")
        with hf.connect(**access, client_id="face.logged") as client:
            client._log.stop()
        names = {record.name for record in caplog.records}
        assert "honeyframe.face_logged" in names
        assert any("connected" in record.message for record in caplog.records)


def test_forked_children_are_told(client: hf.Client) -> None:
    import multiprocessing
    import warnings

    def child(results: Any) -> None:
        told = []
        for use in (
            lambda: client.publish("a", 1),
            lambda: client.stream("a"),
            client.info,
            client.close,
            lambda: hf.connect("mqtt://127.0.0.1:1"),
        ):
            try:
                use()
                told.append("worked")
            except hf.ForkedProcessError as error:
                told.append(type(error).__name__ if "spawn" in error.hint else error.hint)
        results.send(told)

    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12: fork with threads
        process = context.Process(target=child, args=(theirs,))
        process.start()
    assert ours.poll(10)
    assert ours.recv() == ["ForkedProcessError"] * 5
    process.join(10)
    assert process.exitcode == 0
    assert client.info()["state"] == "connected"
    client.publish("face/parent", 1, qos=1)


assert _core
