"""Topic filters and templates of one stream: "plant/{line}/telemetry" subscribes to plant/+/telemetry; `line` becomes a column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from . import _core
from .errors import InvalidTopicFilterError, InvalidTopicTemplateError
from .uri import is_address


@dataclass(frozen=True)
class Topics:
    """What to subscribe to, and the template that names the levels."""

    filters: tuple[str, ...]
    template: str | None
    names: tuple[str, ...]


def read_topics(topics: Sequence[str], *, topic_template: str | None = None) -> Topics:
    """Filters and the one template for them all.

    Several templates may stand in one stream when each name is at the same level in all of them.

    Raises:
        InvalidTopicFilterError: no topic at all, or one that is no filter.
        InvalidTopicTemplateError: templates that cannot be one.

    >>> read_topics(["plant/{line}/temperature", "plant/{line}/speed"])
    Topics(filters=('plant/+/temperature', 'plant/+/speed'), template='plant/{line}/+', names=('line',))
    """
    if isinstance(topics, str):
        topics = (topics,)
    if not topics:
        raise InvalidTopicFilterError("no topic filter given", hint='Pass at least one, such as "plant/+/telemetry"; "#" is everything.')
    for topic in topics:
        if not isinstance(topic, str):
            raise InvalidTopicFilterError(f"a topic filter is a str; found {type(topic).__name__}")
        if is_address(topic):
            raise InvalidTopicFilterError(f"{topic!r} is an address, and stands where a topic filter belongs")
    parsed = [_core.parse_template(topic) for topic in topics]
    filters = tuple(dict.fromkeys(filter_ for filter_, _ in parsed))
    for filter_ in filters:
        _core.validate_topic_filter(filter_)
    if topic_template is not None:
        return Topics(filters, topic_template, tuple(_core.parse_template(topic_template)[1]))
    templates = [topic for topic, (_, names) in zip(topics, parsed, strict=True) if names]
    if not templates:
        return Topics(filters, None, ())
    template = _merge([without_share(topic) for topic in templates])
    return Topics(filters, template, tuple(_core.parse_template(template)[1]))


def overlap(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether a topic may match both filters, given level by level."""
    for place in range(max(len(one), len(other))):
        left, right = (levels[place] if place < len(levels) else None for levels in (one, other))
        if "#" in (left, right):
            return True
        if left is None or right is None:
            rest = one[place:] if right is None else other[place:]
            return list(rest) == ["#"]
        if left != right and "+" not in (left, right):
            return False
    return True


def _merge(templates: list[str]) -> str:
    """The narrowest template that matches whatever any of `templates` matches."""
    if len(set(templates)) == 1:
        return templates[0]
    levels = [template.split("/") for template in templates]
    named = [{(i, level) for i, level in enumerate(split) if level.startswith("{")} for split in levels]
    if any(names != named[0] for names in named[1:]):
        raise InvalidTopicTemplateError(
            f"the templates {', '.join(map(repr, templates))} do not have the same names at the same levels",
            hint="Open a stream for each, or give topic_template= once for all of them.",
        )
    shortest = min(len(split) for split in levels)
    merged = [column[0] if len(set(column)) == 1 else "+" for column in zip(*(split[:shortest] for split in levels), strict=True)]
    if any(len(split) > shortest for split in levels):
        # "#" also stands for no level at all, so the shorter ones still match.
        merged = [*merged[: merged.index("#")], "#"] if "#" in merged else [*merged, "#"]
    return "/".join(merged)


def without_share(topic: str) -> str:
    return topic.split("/", 2)[2] if topic.startswith("$share/") and topic.count("/") >= 2 else topic
