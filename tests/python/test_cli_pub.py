"""``honeyframe pub``: what arrives at a broker, and what is told of what does not."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.brokers.mosquitto import Mosquitto
from tests.python.command_line import COMMAND, Shell, environment, run_in_terminal, without_escapes

import honeyframe as hf


class Seen:
    """A subscriber to test/cli-pub/#, and how the command line reaches its broker."""

    def __init__(self, broker: Mosquitto) -> None:
        self._client = hf.connect(broker.uri("mqtt", "127.0.0.1"), username="both", password="both-password")
        self._stream = self._client.stream("test/cli-pub/#", payload="raw")
        self._port = broker.uri("mqtt").rpartition(":")[2]

    def at(self, user: str = "both") -> list[str]:
        return ["-h", "127.0.0.1", "-p", self._port, "-u", user]

    def messages(self, count: int) -> list[tuple[str, bytes]]:
        """So many, below the prefix."""
        if not count:
            return []
        table = self._stream.read(rows=count, seconds=5).to_arrow()
        topics = [topic.removeprefix("test/cli-pub/") for topic in table.column("_topic").to_pylist()]
        return list(zip(topics, [payload or b"" for payload in table.column("value_raw").to_pylist()], strict=True))

    def drain(self) -> None:
        """Lets go of what has come."""
        self._stream.read(seconds=0.3)

    def close(self) -> None:
        self._client.close()


@pytest.fixture(scope="module")
def seen(mosquitto: Mosquitto) -> Iterator[Seen]:
    made = Seen(mosquitto)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MQTT_PASSWORD", "both-password")


def test_one_message(shell: Shell, seen: Seen, tmp_path: Path) -> None:
    (tmp_path / "payload").write_bytes(b"\xff\x00\n")
    for arguments in (["-m", "grün"], ["-f", str(tmp_path / "payload")], ["-n"]):
        done = shell("pub", *seen.at(), "test/cli-pub/one", *arguments)
        assert (done.code, done.out, done.err) == (0, "", "")
    assert seen.messages(3) == [("one", "grün".encode()), ("one", b"\xff\x00\n"), ("one", b"")]


def test_a_retained_message_and_its_end(shell: Shell, seen: Seen) -> None:
    assert shell("pub", *seen.at(), "-t", "test/cli-pub/kept", "-m", "x", "-r", "-q", "2").code == 0
    assert shell("sub", *seen.at(), "test/cli-pub/kept", "-C", "1", "-W", "5").out == "x\n"
    assert shell("pub", *seen.at(), "-t", "test/cli-pub/kept", "-n", "-r").code == 0
    assert shell("sub", *seen.at(), "test/cli-pub/kept", "-W", "0.3").code == 3
    seen.messages(2)


def test_repeated_at_a_rate(shell: Shell, seen: Seen) -> None:
    before = time.monotonic()
    done = shell("pub", *seen.at(), "test/cli-pub/r", "-m", "x", "--repeat", "40", "--rate", "100")
    assert (done.code, done.out) == (0, "")
    assert "40 messages published in 0." in done.err
    assert 0.35 < time.monotonic() - before < 2
    assert seen.messages(40) == [("r", b"x")] * 40


def test_lines_go_out_while_standard_input_is_open(seen: Seen) -> None:
    command = [*COMMAND, "pub", *seen.at(), "test/cli-pub/l", "-l"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, env=environment(MQTT_PASSWORD="both-password"), **pipes) as process:  # type: ignore[call-overload]
        process.stdin.write(b"one\n\ntwo\n")
        process.stdin.flush()
        assert seen.messages(2) == [("l", b"one"), ("l", b"two")]
        process.stdin.write(b"three")
        out, errors = process.communicate(timeout=10)
        assert process.returncode == 0
    assert seen.messages(1) == [("l", b"three")]
    assert (out, errors.startswith(b"3 lines published")) == (b"", True)


def test_a_csv_file_by_a_template(shell: Shell, seen: Seen, tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("line,speed,location.hall\n007,1,A\n008,2\n,3,B\n009,4,C\n")
    done = shell("pub", *seen.at(), "test/cli-pub/{line}/set", "--from", str(rows))
    assert (done.code, done.out) == (1, "")
    assert done.err.splitlines()[:2] == [
        "error: row 2: 2 values under a header of 3",
        "error: row 3: invalid: column 'line', a level of the topic, is empty",
    ]
    assert done.err.splitlines()[2].startswith("2 rows published in ")
    assert done.err.endswith(", 2 not\n")
    assert seen.messages(2) == [
        ("007/set", b'{"speed":1,"location":{"hall":"A"}}'),
        ("009/set", b'{"speed":4,"location":{"hall":"C"}}'),
    ]


def test_what_read_wrote_goes_back(shell: Shell, seen: Seen, tmp_path: Path) -> None:
    for number in range(3):
        assert shell("pub", *seen.at(), f"test/cli-pub/{number}/t", "-m", f'{{"n":{number},"at":{{"bay":7}}}}', "-r").code == 0
    written = tmp_path / "plant.parquet"
    done = shell("read", *seen.at(), "test/cli-pub/{line}/t", "-C", "3", "-W", "5", "-o", str(written))
    assert done.code == 0, done.err
    for number in range(3):
        assert shell("pub", *seen.at(), f"test/cli-pub/{number}/t", "-n", "-r").code == 0
    seen.messages(6)
    done = shell("pub", *seen.at(), "--from", str(written), "--topic-column", "_topic", "--columns", "n,at")
    assert done.code == 0, done.err
    assert sorted(seen.messages(3)) == [(f"{number}/t", b'{"n":%d,"at":{"bay":7}}' % number) for number in range(3)]


def test_json_lines_with_what_is_none(shell: Shell, seen: Seen, tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"line":1,"v":[1,{"a":null}]}\nnope\n{"line":"a/b"}\n\n{"line":2,"v":"N/A"}\n')
    done = shell("pub", *seen.at(), "test/cli-pub/{line}", "--from", str(rows))
    assert done.code == 1
    assert [line[:14] for line in done.err.splitlines()[:2]] == ["error: line 2:", "error: line 3:"]
    assert seen.messages(2) == [("1", b'{"v":[1,{"a":null}]}'), ("2", b'{"v":"N/A"}')]


def test_what_the_broker_refuses_is_told_by_its_row(shell: Shell, seen: Seen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MQTT_PASSWORD", "plant-password")
    rows = tmp_path / "rows.csv"
    rows.write_text("topic,v\n" + "".join(f"{'plant/ok' if row % 2 else 'test/cli-pub/no'},{row}\n" for row in range(1, 31)))
    done = shell("pub", *seen.at("plant"), "--from", str(rows), "--topic-column", "topic")
    assert done.code == 1
    told = done.err.splitlines()
    assert told[0].startswith("error: row 2: test/cli-pub/no: ")
    assert told[10] == "error: ... and 5 more"
    assert told[11].startswith("15 rows published in ")
    done = shell("pub", *seen.at("plant"), "test/cli-pub/no", "-m", "x")
    assert done.code == 1
    assert "test/cli-pub/no" in done.err


def test_progress_on_a_terminal_and_ctrl_c(seen: Seen) -> None:
    arguments = ["pub", *seen.at(), "test/cli-pub/p", "-m", "x", "--repeat", "100000", "--rate", "50"]
    code, screen = run_in_terminal(*arguments, keys=b"\x03", MQTT_PASSWORD="both-password")
    assert code == 130
    text = without_escapes(screen)
    assert "publishing: " in text
    assert " of 100,000 messages" in text
    assert "note: publish_many: " in text
    assert "Traceback" not in text
    seen.drain()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["t"], "nothing to publish"),
        (["t", "-m", "x", "-n"], "-m and -n each say what to publish"),
        (["t", "u", "-m", "x"], "one topic is taken"),
        (["-m", "x"], "no TOPIC"),
        (["a/#", "-m", "x"], "contains a wildcard"),
        (["a/{", "--from", "rows.csv"], "a/{"),
        (["t", "--columns", "a", "-m", "x"], "--topic-column and --columns go with --from"),
        (["t", "-l", "--repeat", "2"], "--repeat goes with"),
        (["t", "-m", "x", "--rate", "0"], "--rate is a number above zero"),
        (["t", "-m", "x", "--rate", "nan"], "--rate is a number above zero"),
        (["t", "-m", "x", "--rate", "inf"], "--rate is a number above zero"),
        (["t", "--from", "rows.xlsx"], "--from takes a .csv"),
        (["t", "--topic-column", "x", "--from", "rows.csv"], "both given"),
    ],
)
def test_wrong_use_is_a_sentence_before_anything_is_connected(shell: Shell, arguments: list[str], told: str) -> None:
    done = shell("pub", "mqtts://me@127.0.0.1:1", *arguments)
    assert (done.code, done.out) == (2, "")
    assert told in done.err


def test_files_that_cannot_be_read(shell: Shell, tmp_path: Path) -> None:
    for flag in ("-f", "--from"):
        done = shell("pub", "mqtts://me@127.0.0.1:1", "t", flag, str(tmp_path / "none.csv"))
        assert (done.code, done.out, done.err) == (1, "", f"error: {tmp_path / 'none.csv'}: No such file or directory\n")
        done = shell("pub", "mqtts://me@127.0.0.1:1", "t", flag, str(tmp_path))
        assert done.code in (1, 2)
        assert "Traceback" not in done.err


def test_a_template_that_the_file_does_not_fill(shell: Shell, seen: Seen, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("a\n1\n")
    done = shell("pub", *seen.at(), "test/cli-pub/{line}", "--from", str(tmp_path / "rows.csv"))
    assert done.code == 2
    assert "there is no column 'line'" in done.err
