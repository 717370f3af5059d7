"""Which broker a command line means."""

import os
from pathlib import Path
from typing import Any

import pytest
import typer

from honeyframe.cli import options
from honeyframe.cli.access import Access, address_of, as_utf8, find_place, version_of
from honeyframe.credentials import Secret
from honeyframe.profiles import Profile, ProfileWriter


@pytest.fixture(autouse=True)
def _work(profiles: Path) -> None:
    with ProfileWriter("work", replace=False) as writer:
        writer.write(Profile("work", "mqtt://w"))


def found(*words: str, **options: Any) -> tuple[str | None, str | None, tuple[str, ...]]:
    """The address, the profile, the topics."""
    if "url" in options:
        options["url"] = Secret(options["url"])
    place = find_place([Secret(word) for word in words], **options)
    return None if place.uri is None else place.uri.reveal(), place.profile, place.topics


@pytest.mark.parametrize(
    ("words", "options", "expected"),
    [
        (["mqtt://h", "a/#"], {}, ("mqtt://h", None, ("a/#",))),
        (["mqtt://h/a/#", "b"], {}, ("mqtt://h", None, ("a/#", "b"))),
        (["wss://h/mqtt", "b"], {}, ("wss://h/mqtt", None, ("b",))),
        (["a", "mqtt://h", "b"], {}, ("mqtt://h", None, ("a", "b"))),
        (["work", "a", "b"], {}, (None, "work", ("a", "b"))),
        (["work"], {"topics": ["a"]}, (None, "work", ("a",))),
        (["x.s1.eu.hivemq.cloud", "a"], {}, ("mqtts://x.s1.eu.hivemq.cloud", None, ("a",))),
        (["x.s1.eu.hivemq.cloud:8884", "a"], {}, ("wss://x.s1.eu.hivemq.cloud:8884", None, ("a",))),
        ([], {"url": "mqtts://me@h:1/a/#"}, ("mqtts://me@h:1", None, ("a/#",))),
        (["b"], {"url": "mqtts://h/a"}, ("mqtts://h", None, ("a", "b"))),
        (["b"], {"url": "mqtts://h/"}, ("mqtts://h", None, ("b",))),
        (["a"], {"host": "h"}, ("mqtt://h", None, ("a",))),
        (["a"], {"host": "h", "port": 1884}, ("mqtt://h:1884", None, ("a",))),
        (["a"], {"host": "h", "port": 8883}, ("mqtts://h:8883", None, ("a",))),
        (["a"], {"host": "h", "port": 8884}, ("wss://h:8884", None, ("a",))),
        (["a"], {"port": 1884}, ("mqtt://localhost:1884", None, ("a",))),
        (["a"], {"host": "h", "port": 9, "tls": True}, ("mqtts://h:9", None, ("a",))),
        (["a"], {"host": "h", "port": 8883, "tls": False}, ("mqtt://h:8883", None, ("a",))),
        (["a"], {"host": "h", "websockets": True}, ("ws://h", None, ("a",))),
        (["a"], {"host": "h", "port": 443, "tls": True, "websockets": True}, ("wss://h:443", None, ("a",))),
        (["a"], {"host": "h", "port": 8884, "tls": True}, ("mqtts://h:8884", None, ("a",))),
        (["a"], {"host": "::1", "port": 1883}, ("mqtt://[::1]:1883", None, ("a",))),
        (["work"], {"host": "h"}, ("mqtt://h", None, ("work",))),  # an option names the broker: every word is a topic
        (["work"], {"profile": "other"}, (None, "other", ("work",))),
        ([], {"topics": ["a"]}, (None, None, ("a",))),
    ],
)
def test_where_the_broker_is(words: list[str], options: dict[str, Any], expected: tuple[str | None, str | None, tuple[str, ...]]) -> None:
    assert found(*words, **options) == expected


def test_the_environment_names_one_where_the_command_line_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MQTT_SERVER", "mqtt://s")
    assert found("a") == (None, None, ("a",))
    monkeypatch.setenv("HONEYFRAME_PROFILE", "other")
    assert found("a") == (None, "other", ("a",))
    assert found("work", "a") == (None, "work", ("a",))
    assert found(topics=["a"], from_environment=False) == (None, None, ("a",))  # `demo` has a broker of its own
    assert found("mqtt://h", "a") == ("mqtt://h", None, ("a",))


@pytest.mark.parametrize(
    ("words", "options", "told"),
    [
        (["plant/#"], {}, "'plant/#' is neither an address"),
        (["wrok", "a"], {}, "did you mean 'work'"),
        (["a"], {"host": "h", "url": "mqtt://h"}, "-L and -h each name a broker"),
        (["a"], {"host": "h", "profile": "work"}, "-h and --profile each"),
        (["mqtt://x", "a"], {"host": "h"}, "two addresses of brokers, -h and one"),
        (["mqtt://x", "mqtt://y"], {}, "two addresses of brokers, one and another"),
        (["a"], {"host": "mqtt://h"}, "-h takes the name of a host alone"),
        (["a"], {"host": "h/x"}, "-h takes the name of a host alone"),
        (["work", "a"], {"tls": True}, "--tls and --ws go with -h"),
        (["me:canary-31@h", "a"], {}, "the first word is neither"),
        ([], {"host": "h", "topics": ["mqtt://me:canary-31@h/#"]}, "-t takes a topic; found an address"),
    ],
)
def test_what_is_not_clear_is_refused(words: list[str], options: dict[str, Any], told: str) -> None:
    with pytest.raises(typer.BadParameter) as refused:
        found(*words, **options)
    assert told in str(refused.value)
    assert "canary-31" not in str(refused.value)


def test_a_slash_in_a_password_is_no_topic() -> None:
    uri, _, topics = found("mqtts://me:canary/31@h", "a")
    assert topics == ("a",)
    assert uri == "mqtts://me:canary/31@h"  # which is refused where it is read, without a word of it


def test_versions_as_others_spell_them() -> None:
    assert {version_of(text) for text in ("5", "5.0", "mqttv5")} == {"5.0"}
    assert {version_of(text) for text in ("3", "311", "3.1.1", "mqttv311")} == {"3.1.1"}
    assert {version_of(text) for text in ("31", "3.1", "mqttv31")} == {"3.1"}
    with pytest.raises(typer.BadParameter, match="found '4'"):
        version_of("4")


def test_hivemq_cloud_is_never_reached_without_tls_unless_asked() -> None:
    assert address_of("x.hivemq.cloud", 1883) == "mqtts://x.hivemq.cloud:1883"
    assert address_of("x.hivemq.cloud", 1883, tls=False) == "mqtt://x.hivemq.cloud:1883"


def test_words_are_utf8_whatever_the_locale() -> None:
    assert as_utf8(os.fsdecode("grün".encode())) == "grün"
    assert as_utf8("gr\udcc3\udcbcn") == "grün"  # as Python reads them where the locale is C
    assert as_utf8("\udcff") == "\udcff"


def test_a_profile_in_its_own_place() -> None:
    plain = Access(Secret("mqtt://h"), options={"protocol": "auto"})
    assert plain.resolved() is plain
    found = Access(None, Secret("p"), {"profile": "work", "protocol": "5.0"}, ("a",)).resolved()
    assert (found.uri, found.password, found.options, found.topics) == (Secret("mqtt://w"), Secret("p"), {"protocol": "5.0"}, ("a",))
    assert "canary-31" not in repr(Access(Secret("mqtt://me:canary-31@h"), Secret("canary-31")))


def test_a_command_names_no_parameter_as_a_broker_does() -> None:
    def command(access: options.Access, client_id: str) -> None: ...

    with pytest.raises(TypeError, match="client_id are the broker's parameters"):
        options.with_broker()(command)
