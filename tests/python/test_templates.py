"""Filters and templates of one stream."""

from __future__ import annotations

import pytest

from honeyframe import _core
from honeyframe.errors import InvalidTopicFilterError, InvalidTopicTemplateError
from honeyframe.templates import Topics, overlap, read_topics


def test_plain_filters_have_no_template() -> None:
    assert read_topics(["a/+", "b/#", "a/+"]) == Topics(("a/+", "b/#"), None, ())


def test_one_string_is_one_topic() -> None:
    assert read_topics("plant/{line}/t").filters == ("plant/+/t",)


def test_a_template_becomes_a_filter_and_a_column() -> None:
    assert read_topics(["plant/{line}/{machine}/t"]) == Topics(("plant/+/+/t",), "plant/{line}/{machine}/t", ("line", "machine"))


@pytest.mark.parametrize(
    "topics",
    [
        ["a/{x}/t", "b/{x}/t"],
        ["a/{x}", "a/{x}/t"],
        ["a/{x}/t", "a/{x}/t/u/v"],
        ["$share/g/a/{x}", "b/{x}"],
        ["a/{x}/#", "a/{x}/t"],
        ["{site}/a/{x}", "{site}/b/{x}"],
    ],
)
def test_templates_with_the_same_names_are_one(topics: list[str]) -> None:
    read = read_topics(topics)
    assert read.template is not None
    merged, names = _core.parse_template(read.template)
    assert tuple(names) == read.names
    for topic in topics:
        filter_, own_names = _core.parse_template(topic)
        assert own_names == names
        example = filter_.removeprefix("$share/g/").replace("+", "level").replace("#", "rest")
        assert _core.topic_matches(merged, example), f"{merged} does not match {example}"


@pytest.mark.parametrize("topics", [["a/{x}/t", "a/b/{x}"], ["a/{x}", "a/{y}"], ["a/{x}", "a/{x}/{y}"]])
def test_templates_that_cannot_be_one_are_refused(topics: list[str]) -> None:
    with pytest.raises(InvalidTopicTemplateError, match="same names at the same levels"):
        read_topics(topics)


def test_topic_template_wins() -> None:
    assert read_topics(["a/{x}/t", "a/b/{y}"], topic_template="{first}/#") == Topics(("a/+/t", "a/b/+"), "{first}/#", ("first",))


@pytest.mark.parametrize("topics", [[], ["a/#/b"], ["a+"], [""], ["a/{x}/\0"], ["$share/g"], [7]])
def test_bad_filters_are_refused(topics: list[str]) -> None:
    with pytest.raises(InvalidTopicFilterError):
        read_topics(topics)


@pytest.mark.parametrize("topic", ["a/{}", "a/{x}/{x}", "a/{x}y", "a/{1x}"])
def test_bad_templates_are_refused(topic: str) -> None:
    with pytest.raises(InvalidTopicTemplateError):
        read_topics([topic])


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("a/+/t", "#", True),
        ("a/+/t", "a/b/+", True),
        ("a/#", "a", True),
        ("a/+", "a/b/c", False),
        ("a/+/t", "b/#", False),
        ("a", "b", False),
    ],
)
def test_filters_overlap_where_a_topic_matches_both(one: str, other: str, expected: bool) -> None:
    assert overlap(one.split("/"), other.split("/")) is expected
    assert overlap(other.split("/"), one.split("/")) is expected
