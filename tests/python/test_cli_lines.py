"""Messages as lines, against the same made one message at a time with Python's own json."""

import base64
import datetime
import json
import random

import pyarrow as pa
import pytest
import typer

from honeyframe.cli.lines import JSON_LINES, compile_format

TIME_NS = 1_795_660_706_467_545_033
ODD = [
    b'{"a":1}',
    b'{\n "a": [1,\r\n2]}',
    b"21.5",
    b"",
    b" ",
    b"plain",
    b'"text"',
    b"tru",
    b"null",
    b"\xff\x00\x1b[31m",
    b'{"a":"\xff"}',
    b"\xef\xbb\xbf{}",
    b'tab\t"quote" back\\slash \x00\x01\x1f\x7f',
    "grüße \u2028 \U0001f41d".encode(),
    b'{"a":"\\ud83d\\ude00"}',
    b'{"a":"\\ud83d"}',
    b"[" * 100 + b"]" * 100,
    b"[" * 2000 + b"]" * 2000,
    b"{}{}",
    b"NaN",
    b"1e999",
]
TOPICS = ["plant/1", 'odd/"quote"', "tab\t", "\x1b[31m", "grüße", "\\"]


def messages(payloads: list[bytes]) -> pa.RecordBatch:
    count = len(payloads)
    return pa.record_batch(
        {
            "_topic": pa.array([TOPICS[number % len(TOPICS)] for number in range(count)]),
            "_recv_time": pa.array([TIME_NS + number for number in range(count)]).cast(pa.timestamp("ns", "UTC")),
            "_retain": pa.array([number % 2 == 0 for number in range(count)]),
            "_qos": pa.array([number % 3 for number in range(count)], pa.int64()),
            "value_raw": pa.array([payload or None for payload in payloads], pa.binary()),  # nothing is null in a frame
        }
    )


def strict(text: str) -> object:
    def refuse(name: str) -> None:
        raise ValueError(name)

    return json.loads(text, parse_constant=refuse)


def json_or_text(payload: bytes) -> dict[str, object]:
    """The model: JSON as it is, else text, else base64."""
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        return {"payload_base64": base64.b64encode(payload).decode()}
    try:
        value = strict(text)
        json.dumps(value).encode()
        if "\\ud83d" in text and "\\ude00" not in text:
            raise ValueError("half a surrogate pair")
        return {"payload": value}
    except (ValueError, RecursionError):
        return {"payload": text}


@pytest.mark.parametrize("payloads", [ODD, ODD[:3], [b'{"a":1}'] * 5, [b""] * 3, ODD[5:8], ODD[9:10], []])
def test_json_lines_hold_every_message_exactly(payloads: list[bytes]) -> None:
    lines = bytes(JSON_LINES.block(messages(payloads))).decode().split("\n")
    assert lines.pop() == ""
    assert len(lines) == len(payloads)
    for number, (line, payload) in enumerate(zip(lines, payloads, strict=True)):
        found = strict(line)
        expected = {"topic": TOPICS[number % len(TOPICS)], "qos": number % 3, "retain": number % 2 == 0, **json_or_text(payload)}
        if len(payload) > 3000:  # deeper than anything reads
            expected["payload"] = payload.decode()
        assert found == {"time": "2026-11-26T02:38:26.467545Z", **expected}


def test_json_lines_of_random_bytes() -> None:
    chance = random.Random(7)
    alphabet = b'{}[]":,\\ \n\r\tau01-e.\x00\xc3\xbc\xff'
    payloads = [bytes(chance.choice(alphabet) for _ in range(chance.randrange(12))) for _ in range(3000)]
    lines = bytes(JSON_LINES.block(messages(payloads))).decode().splitlines()
    for line, payload in zip(lines, payloads, strict=True):
        member = {name: value for name, value in strict(line).items() if name.startswith("payload")}  # type: ignore[attr-defined]
        assert member == json_or_text(payload), payload


def test_mosquittos_formats() -> None:
    batch = messages([b"ab", b"\xff\n"])
    block = bytes(compile_format(r"%t|%p|%l|%q|%r|%x|%X|%I|%U|%%\t\\\0\e").block(batch))
    moment = "2026-11-26T02:38:26.467545Z|1795660706.467545033"
    assert block == (
        f"plant/1|ab|2|0|1|6162|6162|{moment}|%\t\\\0\x1b\n".encode()
        + b'odd/"quote"|\xff\n|2|1|0|ff0a|FF0A|'
        + f"{moment[:-1]}4|%\t\\\0\x1b\n".encode()
    )


def test_mosquittos_json() -> None:
    batch = messages([b'{"a":1}', b"text"])
    as_text = [json.loads(line) for line in bytes(compile_format("%j").block(batch)).splitlines()]
    assert as_text[0] == {
        "tst": "2026-11-26T02:38:26.467545Z",
        "topic": "plant/1",
        "qos": 0,
        "retain": 1,
        "payloadlen": 7,
        "payload": '{"a":1}',
    }
    as_json = [json.loads(line)["payload"] for line in bytes(compile_format("%J").block(batch)).splitlines()]
    assert as_json == [{"a": 1}, "text"]
    lossy = json.loads(bytes(compile_format("%j").block(messages([b"a\xff"]))))
    assert lossy["payload"] == "a\ufffd"


def test_times_before_a_second_has_nine_digits() -> None:
    batch = messages([b"x"]).set_column(1, "_recv_time", pa.array([1_000_000_005], pa.timestamp("ns", "UTC")))
    assert bytes(compile_format("%U %I").block(batch)) == b"1.000000005 1970-01-01T00:00:01.000000Z\n"
    assert datetime.datetime.fromisoformat("1970-01-01T00:00:01.000000Z").second == 1


def test_metadata_is_what_the_format_needs() -> None:
    assert compile_format("%p").metadata == ()
    assert compile_format("%t %p").metadata == ("topic",)
    assert compile_format("%j%C%R%P").metadata == (
        "topic",
        "recv_time",
        "qos",
        "retain",
        "content_type",
        "response_topic",
        "user_properties",
    )
    assert JSON_LINES.metadata == ("topic", "recv_time", "qos", "retain")


def test_a_format_without_a_field_is_a_line_a_message() -> None:
    assert bytes(compile_format("beep").block(messages([b"1", b"2"]))) == b"beep\nbeep\n"
    assert bytes(compile_format("%p", newline=False).block(messages([b"1", b"2"]))) == b"12"


def test_a_slice_of_a_batch() -> None:
    batch = messages([b"1", b"2", b"3"]).slice(1, 1)
    assert bytes(compile_format("%p %t").block(batch)) == b'2 odd/"quote"\n'
    assert json.loads(bytes(JSON_LINES.block(batch)))["payload"] == 2


@pytest.mark.parametrize(("text", "told"), [("%z", "'%z' is not known; %t"), ("%", "'%' is not known"), (r"\q", r"'\\q' is not known; \n")])
def test_what_is_not_known_is_refused(text: str, told: str) -> None:
    with pytest.raises(typer.BadParameter) as refused:
        compile_format(text)
    assert told in str(refused.value)
