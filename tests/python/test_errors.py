"""The exception tree: complete, catchable by what a reader expects, and lossless through pickle and copy."""

from __future__ import annotations

import copy
import pickle
import traceback
import warnings

import pytest

import honeyframe as hf
from honeyframe import _core, errors

DETAILS = {
    "hint": "use another credential",
    "reason_code": 0x87,
    "reason_string": "Not authorized",
    "native_code": -7,
    "subjects": ("plant/1", "plant/#"),
}


def test_kinds_cover_every_error_code_of_the_core() -> None:
    assert set(errors.KINDS) >= set(_core.error_codes())
    assert len(_core.error_codes()) == len(set(_core.error_codes()))


@pytest.mark.parametrize("code", sorted(errors.KINDS))
def test_each_kind_knows_its_code(code: str) -> None:
    error = errors.error_from_core(code, "what happened")
    assert type(error) is errors.KINDS[code]
    assert error.code == code
    assert isinstance(error, errors.HoneyframeError)
    assert type(error).__doc__


def test_unknown_code_is_an_internal_error() -> None:
    assert type(errors.error_from_core("no_such_code", "m")) is errors.InternalError


@pytest.mark.parametrize(
    ("code", "base"),
    [
        ("invalid_uri", ValueError),
        ("invalid_topic_template", errors.InvalidTopicFilterError),
        ("invalid_schema", errors.InvalidArgumentError),
        ("dns_failed", ConnectionError),
        ("connection_refused", ConnectionRefusedError),
        ("connect_timeout", TimeoutError),
        ("tls_untrusted", errors.TLSError),
        ("tls_not_spoken", errors.ConnectError),
        ("bad_credentials", errors.PermissionDenied),
        ("bad_credentials", ConnectionError),
        ("not_authorized", PermissionError),
        ("quota_exceeded", errors.ConnectError),
        ("subscribe_denied", errors.PermissionDenied),
        ("publish_denied", PermissionError),
        ("publish_probably_denied", errors.PublishDenied),
        ("packet_too_large", ValueError),
        ("timeout", TimeoutError),
        ("forked", RuntimeError),
        ("does_not_fit", ValueError),
    ],
)
def test_built_in_and_common_bases(code: str, base: type[BaseException]) -> None:
    with pytest.raises(base):
        raise errors.error_from_core(code, "m")


@pytest.mark.parametrize("code", sorted(errors.KINDS))
@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e))])
def test_nothing_is_lost_by_pickle_and_copy(code: str, again) -> None:  # type: ignore[no-untyped-def]
    error = errors.error_from_core(code, "what happened", **DETAILS)  # type: ignore[arg-type]
    error.add_note("seen in cell 3")
    other = again(error)
    assert type(other) is type(error)
    assert str(other) == str(error)
    assert other.args == error.args == ("what happened",)
    assert {name: getattr(other, name) for name in DETAILS} == DETAILS
    assert other.__notes__ == ["seen in cell 3"]


def test_text_has_message_reason_and_hint() -> None:
    error = errors.PublishDenied("publish to 'a/b' was refused", **DETAILS)  # type: ignore[arg-type]
    assert str(error).splitlines() == [
        "publish to 'a/b' was refused",
        "  broker: reason code 0x87: Not authorized",
        "  hint: use another credential",
    ]
    assert str(errors.PublishDenied("m", reason_code=5)).splitlines()[1] == "  broker: reason code 0x05"
    assert str(errors.DNSError("no address for 'x'")) == "no address for 'x'"
    assert repr(errors.DNSError("m")) == "DNSError('m')"


def test_refusals_name_their_subjects() -> None:
    assert errors.SubscribeDenied("m", subjects=["a/#"]).filters == ("a/#",)
    assert errors.PublishProbablyDenied("m", subjects=["a", "b"]).topics == ("a", "b")


def test_details_are_keyword_only() -> None:
    with pytest.raises(TypeError):
        errors.DNSError("m", "hint")  # type: ignore[call-arg]


def test_every_public_error_and_warning_is_in_the_tree() -> None:
    for value in vars(errors).values():
        if isinstance(value, type) and value.__module__ == errors.__name__:
            assert issubclass(value, errors.HoneyframeError | errors.HoneyframeWarning), value


def test_warnings_are_user_warnings() -> None:
    with pytest.warns(UserWarning, match="empty"):
        warnings.warn("the frame is empty", errors.NoMessagesWarning, stacklevel=1)


def test_the_core_raises_these_classes() -> None:
    with pytest.raises(errors.InvalidTopicError) as caught:
        _core.validate_topic_name("a/#")
    assert caught.value.code == "invalid_topic"
    assert caught.value.args == (caught.value.message,)
    assert "wildcard" in str(caught.value)


def test_build_info_names_the_libraries() -> None:
    info = _core.build_info()
    assert set(info) == {"paho", "openssl", "simdjson", "compiler", "build_type"}
    assert info["openssl"].startswith("3.")
    assert info["simdjson"].startswith("3.") or int(info["simdjson"].split(".")[0]) > 3
    assert info["paho"].startswith("1.3")
    assert info["paho"].endswith((", lean", ", system"))
    assert _core.__version__


def test_an_address_in_a_text_is_told_without_its_credentials() -> None:
    error = errors.HoneyframeError(
        "no topic 'mqtt://me:canary@7@host/#', wss://x:canary@y", hint="mqtts://:canary@h", reason_string="ws://a:canary@b"
    )
    assert "canary" not in str(error) + repr(error) + str(error.args)
    assert error.message == "no topic 'mqtt://***@host/#', wss://***@y"
    for plain in ("mqtt://host:1883", "plant//me@example: no", "mqtts://me@host"):
        assert errors.HoneyframeError(plain).message == plain


def test_swapped_arguments_show_no_password() -> None:
    address = "mqtt://me:canary@127.0.0.1:1"
    with pytest.raises(errors.InvalidArgumentError, match="it comes first, read_mqtt") as swapped:
        hf.read_mqtt("plant/#", address)
    _, *theirs = traceback.walk_tb(swapped.value.__traceback__)  # the first frame is this test's
    assert theirs
    assert not any("canary" in repr(frame.f_locals) for frame, _ in theirs)
    with pytest.raises(errors.InvalidTopicFilterError, match=r"'mqtt://\*\*\*@127.0.0.1:1' is an address") as topic:
        hf.read_mqtt("mqtt://127.0.0.1:1", ["plant/#", address])
    assert "canary" not in str(topic.value)
