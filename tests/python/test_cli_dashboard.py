"""``honeyframe dashboard`` as a user meets it: a real (embedded) broker that something is published to."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.python.command_line import COMMAND, environment
from typer.testing import CliRunner

import honeyframe as hf
from honeyframe import web_bundle
from honeyframe.cli.app import app
from honeyframe.embedded_broker import EmbeddedBroker

pytest.importorskip("amqtt")


@pytest.fixture(scope="module")
def uri() -> Iterator[str]:
    """A broker, and two lines that say something all the time."""
    with EmbeddedBroker() as broker, hf.connect(broker.uri) as client:
        stop = threading.Event()

        def publish() -> None:
            while not stop.wait(0.05):
                for line in (1, 2):
                    client.publish(f"plant/{line}/t", {"t": 20 + line, "p": 4})

        thread = threading.Thread(target=publish)
        thread.start()
        yield broker.uri
        stop.set()
        thread.join()


def invoke(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["dashboard", *arguments], env={"COLUMNS": "100"})


def settings(path: Path) -> dict[str, Any]:
    found = re.search(r'id="honeyframe-settings">(.*?)</script>', path.read_text(), re.DOTALL)
    assert found is not None
    read: dict[str, Any] = json.loads(found[1])
    return read


def test_it_listens_and_every_number_has_a_chart(uri: str, tmp_path: Path) -> None:
    target = tmp_path / "d.html"
    ran = invoke(uri, "plant/{line}/t", "-W", "0.5", "-o", str(target), "--title", "Plänt")
    assert (ran.exit_code, ran.stdout.strip()) == (0, str(target))
    assert "is a guess" in ran.stderr
    read = settings(target)
    assert [panel["y"] for panel in read["panels"]] == [["t"], ["p"]]
    assert (read["title"], read["topics"]) == ("Plänt", ["plant/+/t"])
    assert len(re.findall(r'id="honeyframe-history">[A-Za-z0-9+/=]+<', target.read_text())) == 1


def test_panels_by_name_and_no_connection_at_all(tmp_path: Path) -> None:
    target = tmp_path / "d.html"
    panels = ["--panel", "t", "--panel", "gauge:p@plant/1/t", "--panel", "value:a:b"]
    ran = invoke("mqtts://x.s1.eu.hivemq.cloud", "-W", "0", "-o", str(target), "-u", "me", *panels)
    assert ran.exit_code == 0, ran.stderr
    assert [(panel["kind"], panel["y"], panel["topics"]) for panel in settings(target)["panels"]] == [
        ("chart", ["t"], "#"),
        ("gauge", ["p"], "plant/1/t"),
        ("value", ["a:b"], "#"),
    ]
    assert '"me"' not in target.read_text().split("<script>")[0]


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["-o", "d.txt"], 2, "does not end with .html"),
        (["-o", "/nowhere/d.html"], 1, "no such directory"),
        (["--panel", "@x"], 2, "names no column"),
        (["--panel", "gauge:"], 2, "names no column"),
        (["--panel", "pie:x@a"], 2, "there are panels of kind chart, gauge, value; found 'pie'"),
        (["-P", "secret", "-V", "3.1.1"], 2, "only -V 5.0 allows that"),
        (["--window", "0"], 2, "window must be"),
        (["--websocket-url", "wss://me:s3cret@h", "-W", "0"], 2, "would stand in the file"),
        (["a#"], 2, "a#"),
    ],
)
def test_bad_input_is_a_clear_sentence(
    uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int, told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = invoke(uri, "-W", "0.1", *arguments)
    assert ran.exit_code == code
    assert told in " ".join(ran.stderr.split())
    assert "s3cret" not in ran.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_foreign_file_is_kept_unless_forced(uri: str, tmp_path: Path) -> None:
    target = tmp_path / "d.html"
    target.write_text("mine")
    ran = invoke(uri, "-W", "0", "-o", str(target))
    assert (ran.exit_code, target.read_text()) == (1, "mine")
    assert "--force replaces it" in ran.stderr
    assert invoke(uri, "-W", "0", "-o", str(target), "--force").exit_code == 0
    assert target.read_text() != "mine"


def test_only_a_file_of_the_name_that_is_written_is_in_the_way_and_that_before_it_listens(
    uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "honeyframe dashboard.html").write_text("mine")
    usual = f"honeyframe 127.0.0.1 {uri.rpartition(':')[2]}.html"
    ran = invoke(uri, "-W", "0.1")
    assert (ran.exit_code, Path(ran.stdout.strip()).name) == (0, usual)
    assert "replaced" not in ran.stderr
    assert ", and replaced the one of that name" in " ".join(invoke(uri, "-W", "0").stderr.split())
    for name, title in ((usual, []), ("honeyframe Plant.html", ["--title", "Plant"])):
        (tmp_path / name).write_text("mine")
        began = time.monotonic()
        ran = invoke(uri, "-W", "30", *title)
        assert (ran.exit_code, (tmp_path / name).read_text()) == (1, "mine")
        assert time.monotonic() - began < 15


def test_a_time_that_no_row_has_warns(uri: str, tmp_path: Path) -> None:
    ran = invoke(uri, "plant/{line}/t", "-W", "0.5", "-o", str(tmp_path / "d.html"), "--event-time", "nope")
    assert ran.exit_code == 0
    assert "no row of the history has a time at event_time='nope'" in " ".join(ran.stderr.split())


def test_a_missing_bundle_is_told_before_it_listens(uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_bundle, "files", lambda _: tmp_path)
    web_bundle.bundle.cache_clear()
    began = time.monotonic()
    ran = invoke(uri, "-W", "30", "-o", str(tmp_path / "d.html"))
    assert (ran.exit_code, "no charts and dashboards" in " ".join(ran.stderr.split())) == (1, True)
    assert time.monotonic() - began < 15


def test_ctrl_c_saves_what_came_by_then(uri: str, tmp_path: Path) -> None:
    target = tmp_path / "d.html"
    command = [*COMMAND, "dashboard", uri, "plant/#", "-W", "60", "-o", str(target)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment())
    time.sleep(2.5)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=15)
    assert process.returncode == 130, told
    assert "Traceback" not in told
    assert not target.exists() or settings(target)["panels"]  # a busy machine had not come so far
