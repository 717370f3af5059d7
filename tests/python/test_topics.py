"""Topic names, filters and templates through the binding: the rules themselves are tested in C++."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from honeyframe import _core, errors


@pytest.mark.parametrize("topic", ["a", "/", "a//b", "$SYS/uptime", "with space", "käfer/🐝"])
def test_valid_names(topic: str) -> None:
    _core.validate_topic_name(topic)


@pytest.mark.parametrize("topic", ["", "a\0b", "a/+", "#", "x" * 65_536, "\ud800", "a/\udfff/b"])
def test_invalid_names(topic: str) -> None:
    with pytest.raises(errors.InvalidTopicError):
        _core.validate_topic_name(topic)


@pytest.mark.parametrize("filter_", ["#", "+/a/#", "$share/group/a/+"])
def test_valid_filters(filter_: str) -> None:
    _core.validate_topic_filter(filter_)


@pytest.mark.parametrize("filter_", ["", "a#", "#/a", "a/+b", "$share/g", "$share//a", "a\0", "\udc80"])
def test_invalid_filters(filter_: str) -> None:
    with pytest.raises(errors.InvalidTopicFilterError) as caught:
        _core.validate_topic_filter(filter_)
    str(caught.value).encode()  # whatever came in, the message is text


@pytest.mark.parametrize("value", [None, 3, b"a/b", ["a"]])
def test_other_types_are_type_errors(value: object) -> None:
    with pytest.raises(TypeError):
        _core.validate_topic_filter(value)  # type: ignore[arg-type]


def test_matching() -> None:
    assert _core.topic_matches("sport/#", "sport")
    assert not _core.topic_matches("#", "$SYS/uptime")
    assert _core.topic_matches("käfer/+", "käfer/🐝")
    with pytest.raises(errors.InvalidTopicFilterError):
        _core.topic_matches("a#", "a")
    with pytest.raises(errors.InvalidTopicError):
        _core.topic_matches("#", "a/#")


def test_templates() -> None:
    assert _core.parse_template("plant/{line}/telemetry") == ("plant/+/telemetry", ["line"])
    assert _core.parse_template("a/{b}/{rest...}") == ("a/+/#", ["b", "rest"])
    assert _core.parse_template("a/+") == ("a/+", [])
    for bad in ["{}", "{a}/{a}", "{_topic}", "x{a}", "{rest...}/a", "{ä}"]:
        with pytest.raises(errors.InvalidTopicTemplateError):
            _core.parse_template(bad)


levels = st.lists(st.text(st.characters(exclude_characters="+#/\0{}", exclude_categories=["Cs"]), max_size=8), min_size=1, max_size=6)


@given(levels, st.data())
def test_a_filter_made_from_a_topic_matches_it(parts: list[str], data: st.DataObject) -> None:
    topic = "/".join(parts)
    if not topic or topic.startswith("$"):
        return
    wild = [data.draw(st.sampled_from([part, "+"])) for part in parts]
    keep = data.draw(st.integers(0, len(parts)))
    assert _core.topic_matches("/".join(wild), topic)
    assert _core.topic_matches("/".join([*wild[:keep], "#"]), topic)
    assert not _core.topic_matches("/".join([*wild, "more"]), topic)


@given(st.text(max_size=30))
def test_no_text_crashes_the_parsers(text: str) -> None:
    for check in (_core.validate_topic_name, _core.validate_topic_filter, _core.parse_template):
        refused = None
        try:
            check(text)
        except errors.InvalidArgumentError as error:
            refused = error
        assert refused is None or refused.message
