"""client.dashboard(): what the file says, what it does not, and what is told of it."""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import honeyframe as hf
from honeyframe.credentials import Secret
from honeyframe.dashboard import Dashboard, save_for
from honeyframe.errors import HoneyframeWarning, InsecureTransportWarning, InvalidArgumentError, InvalidTopicFilterError
from honeyframe.uri import read_address

CLOUD = "mqtts://abc.s1.eu.hivemq.cloud"
CANARY = "c4n4ry/Zq"


def save(path: Path | None, uri: str = CLOUD, **options: Any) -> Dashboard:
    return save_for(read_address(Secret(uri)), path, **options)


def settings(made: Dashboard) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="honeyframe-settings">(.*?)</script>', made.path.read_text(), re.DOTALL)
    assert found is not None
    read: dict[str, Any] = json.loads(found[1])
    return read


def frame(**columns: Any) -> pd.DataFrame:
    times = pd.to_datetime([1_795_672_800, 1_795_672_801], unit="s", utc=True)
    return pd.DataFrame({"_topic": ["plant/1/t", "plant/2/t"], "_recv_time": times, **columns})


def test_what_the_file_says(tmp_path: Path) -> None:
    made = save(tmp_path / "d.html", topics=["plant/{line}/t", "{site}/#"], title="Plänt", window="5min", qos=1, theme="dark", panels=["t"])
    read = settings(made)
    assert read["broker"] == {
        "url": "wss://abc.s1.eu.hivemq.cloud:8884/mqtt",
        "address": "mqtts://abc.s1.eu.hivemq.cloud:8883",
        "guessed": False,
        "cloud": True,
    }
    assert (read["topics"], read["title"], read["window"], read["qos"], read["theme"]) == (
        ["plant/+/t", "+/#"],
        "Plänt",
        300.0,
        1,
        "dark",
    )
    assert read["panels"][0] | {"kind": "chart", "y": ["t"], "topics": "plant/{line}/t"} == read["panels"][0]
    assert read["plan"] == {"bytes": 10_000_000_000, "connections": 100}  # HiveMQ Cloud's free one
    assert settings(save(tmp_path / "e.html", "mqtts://broker.example"))["plan"] is None
    assert made.nbytes == made.path.stat().st_size <= 600_000


def test_without_panels_each_number_of_the_history_has_a_chart(tmp_path: Path) -> None:
    history = frame(t=[1.5, 2.5], on=[True, False], name=["a", "b"], ts=[1_795_672_800, 1_795_672_801], line=[1, 2], empty=[None, None])
    made = save(tmp_path / "d.html", topics=["plant/{line}/t", "none/#"], history=history)
    assert [(panel["y"], panel["topics"]) for panel in settings(made)["panels"]] == [(["t"], "plant/{line}/t"), (["on"], "plant/{line}/t")]
    assert made.history_rows == 2
    assert settings(save(tmp_path / "d.html", history=history, panels=[]))["panels"] == []


def test_no_secret_is_in_the_file_or_in_what_is_shown(tmp_path: Path) -> None:
    made = save(tmp_path / "d.html", f"mqtts://me-{CANARY[:6]}:{CANARY.replace('/', '%2F')}@broker.example")
    for told in (made.path.read_text(), repr(made), made._repr_html_()):
        assert "c4n4ry" not in told


def test_what_is_shown_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(tmp_path)
    made = save(tmp_path / "my plant.html", "mqtts://broker.example", history=frame(t=[1, 2]))
    assert repr(made).endswith("my plant.html: connects to wss://broker.example:8884/mqtt, a guess, 2 rows of history>")
    assert "href='my%20plant.html'" in made._repr_html_()
    monkeypatch.chdir(elsewhere)
    assert made.url == (tmp_path / "my plant.html").as_uri()
    assert f"href='{made.url}'" in made._repr_html_()
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda url: opened.append(url) or True)
    assert made.open()
    assert opened == [made.path.as_uri()]


def test_without_a_path_it_is_on_the_desktop_and_stderr_says_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "Schreibtisch").mkdir()
    (tmp_path / "user-dirs.dirs").write_text('XDG_DESKTOP_DIR="$HOME/Schreibtisch"\n')
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    made = save(None)
    assert made.path == tmp_path / "Schreibtisch" / "honeyframe abc.s1.eu.hivemq.cloud.html"
    assert str(made.path) in capsys.readouterr().err
    assert save(None, title="Halle 3: Öfen").path.name == "honeyframe Halle 3 Öfen.html"
    for uri, name, heading in [
        ("mqtt://127.0.0.1:18841", "honeyframe 127.0.0.1 18841.html", "127.0.0.1:18841"),
        ("mqtt://127.0.0.1:18842", "honeyframe 127.0.0.1 18842.html", "127.0.0.1:18842"),
        ("mqtt://127.0.0.1:1883", "honeyframe 127.0.0.1.html", "127.0.0.1"),
        ("mqtt://[::1]:18841", "honeyframe 1 18841.html", "[::1]:18841"),
    ]:
        made = save(None, uri)
        assert (made.path.name, settings(made)["title"]) == (name, heading)
    assert "replaced" not in capsys.readouterr().err
    save(None)
    assert ", and replaced the one of that name" in capsys.readouterr().err


def test_a_password_in_the_open_is_warned_of(tmp_path: Path) -> None:
    with pytest.warns(InsecureTransportWarning, match=r"ws://broker\.example:8000/mqtt is not encrypted"):
        save(tmp_path / "d.html", "mqtt://broker.example")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        save(tmp_path / "e.html", "mqtt://localhost")


@pytest.mark.parametrize(
    ("options", "error", "told"),
    [
        ({"topics": "a/#/b"}, InvalidTopicFilterError, "#"),
        ({"topics": []}, InvalidTopicFilterError, "no topic"),
        ({"topics": "$share/g/plant/#"}, InvalidTopicFilterError, "take messages away"),
        ({"qos": 3}, InvalidArgumentError, "qos"),
        ({"theme": "blue"}, InvalidArgumentError, "theme"),
        ({"window": 0}, InvalidArgumentError, "window"),
        ({"title": "x" * 500}, InvalidArgumentError, "title"),
        ({"title": 5}, TypeError, "title"),
        ({"event_time": 5}, TypeError, "event_time"),
        ({"history": [1, 2]}, TypeError, "history"),
        ({"panels": 5}, TypeError, "panels"),
    ],
)
def test_bad_input_leaves_no_file(tmp_path: Path, options: dict[str, Any], error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        save(tmp_path / "d.html", **options)
    assert list(tmp_path.iterdir()) == []


def test_a_client_saves_one(client: hf.Client, tmp_path: Path) -> None:
    with client.stream("plant/{line}/t") as stream:
        stream.window("10min")
        for line in range(3):
            client.publish(f"plant/{line}/t", {"t": line}, qos=1)
        stream.read(rows=3, seconds=5)
        made = client.dashboard(tmp_path / "d.html", topics="plant/{line}/t", history=stream)
    assert isinstance(made, hf.Dashboard)
    assert (made.history_rows, made.websocket_url, made.guessed) == (3, "ws://127.0.0.1:8000/mqtt", True)
    assert settings(made)["panels"][0]["y"] == ["t"]


def test_a_window_that_was_never_open_is_told(client: hf.Client, tmp_path: Path) -> None:
    with client.stream("plant/{line}/t") as stream:
        with pytest.warns(HoneyframeWarning, match=r"no history: .*stream\.window\("):
            made = client.dashboard(tmp_path / "d.html", topics="plant/{line}/t", history=stream)
        assert made.history_rows == 0
        with warnings.catch_warnings():
            warnings.simplefilter("error", HoneyframeWarning)
            client.dashboard(tmp_path / "d.html", topics="plant/{line}/t", history=stream)  # it is open now
