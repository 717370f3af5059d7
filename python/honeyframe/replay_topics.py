"""Where a replay goes: recorded topics rewritten, and what keeps it from being recorded again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, TypeAlias

from . import _core
from .errors import InvalidArgumentError, InvalidTopicTemplateError
from .recording_errors import ReplayLoopError
from .recording_layout import same_host
from .recording_rows import OTHER
from .templates import overlap, without_share

if TYPE_CHECKING:
    from .client import Client
    from .recording import Recording

Rewrite: TypeAlias = "str | Mapping[str, str] | Callable[[str], str | None]"

_KNOWN: Final = 200_000
_HINT: Final = 'Publish it elsewhere, with rewrite="replay/{topic}", or stop that recorder; allow_loop=True publishes all the same.'


class LoopGuard:
    """Knows what is being recorded where the replay goes: by recorders of this process, and into the recording that is replayed."""

    def __init__(self, client: Client, recording: Recording) -> None:
        from .recorder import all_recorders

        self._filters: dict[str, str] = {}  # and who records it
        for recorder in all_recorders():
            if recorder._client is client or same_host(recorder._client.uri, client.uri):
                self._filters |= dict.fromkeys(map(without_share, recorder.filters), f"the recorder to {recorder.path}")
        place, manifest = recording._snapshot.place, recording._snapshot.manifest
        if same_host(manifest.broker, client.uri) and place.is_locked():
            parsed = [_core.parse_template(without_share(topic))[0] for topic in manifest.topics]
            self._filters |= dict.fromkeys(parsed, f"the recorder to {place.shown}")

    def check_patterns(self, patterns: list[str]) -> None:
        """Before anything is published: what may be in these partitions."""
        for pattern in patterns:
            try:
                own = "#" if pattern == OTHER else _core.parse_template(pattern)[0]
            except InvalidTopicTemplateError:  # of a long name, which was cut: its topics are checked one by one
                continue
            for name, who in self._filters.items():
                if overlap(own.split("/"), name.split("/")):
                    raise ReplayLoopError(f"{who} records {name!r}, and would record the replay of {pattern!r} again", hint=_HINT)

    def check(self, topic: str) -> None:
        for name, who in self._filters.items():
            if _core.topic_matches(name, topic):
                raise ReplayLoopError(f"{who} records {name!r}, and would record {topic!r} again", hint=_HINT)


class TopicMap:
    """From a recorded topic to the one that is published; None where the message is left out."""

    def __init__(self, rewrite: Rewrite | None, guard: LoopGuard | None) -> None:
        self._rewrite = _function_of(rewrite)
        self._guard = guard
        self._known: dict[str, str | None] = {}

    def __call__(self, topic: str) -> str | None:
        if topic not in self._known:
            if len(self._known) >= _KNOWN:
                self._known.clear()
            self._known[topic] = self._map(topic)
        return self._known[topic]

    def _map(self, topic: str) -> str | None:
        found = self._rewrite(topic)
        if found is None or found.startswith("$"):
            return None
        _core.validate_topic_name(found)
        if self._guard is not None:
            self._guard.check(found)
        return found


def _function_of(rewrite: Rewrite | None) -> Callable[[str], str | None]:
    if rewrite is None:
        return lambda topic: topic
    if isinstance(rewrite, str):
        if "{topic}" not in rewrite:
            raise InvalidArgumentError(
                f"rewrite={rewrite!r} would put every message on one topic", hint='{topic} stands for the recorded one: "replay/{topic}".'
            )
        return lambda topic: rewrite.replace("{topic}", topic)
    if isinstance(rewrite, Mapping):
        return _by_beginning(rewrite)
    if callable(rewrite):
        return _checked(rewrite)
    raise TypeError(f"rewrite is a str, a mapping or a function, not {type(rewrite).__name__}")


def _by_beginning(rewrite: Mapping[str, str]) -> Callable[[str], str | None]:
    pairs = sorted(((old.rstrip("/"), new.rstrip("/")) for old, new in rewrite.items()), key=lambda pair: -len(pair[0]))

    def changed(topic: str) -> str:
        for old, new in pairs:
            if topic == old or topic.startswith(f"{old}/"):
                return new + topic[len(old) :]
        return topic

    return changed


def check_rewrite(rewrite: Rewrite | None, recording: Recording) -> None:
    """Raises where a beginning is that of no topic: all would be published on the topics as recorded."""
    if not isinstance(rewrite, Mapping):
        return
    missing = {old: old.rstrip("/") for old in rewrite}
    seen: set[str] = set()
    for batch in recording.select(columns=["_topic"])._batches():
        topics = set(batch.column("_topic").unique().to_pylist()) - seen
        seen |= topics
        missing = {old: level for old, level in missing.items() if not any(f"{topic}/".startswith(f"{level}/") for topic in topics)}
        if not missing:
            return
    if seen:
        named, some = ", ".join(map(repr, missing)), ", ".join(sorted(seen)[:3])
        raise InvalidArgumentError(
            f"rewrite: no topic of what is replayed begins with {named}; there are {some}{', …' if len(seen) > 3 else ''}",
            hint="Beginnings are of whole levels, without wildcards.",
        )


def _checked(rewrite: Callable[[str], str | None]) -> Callable[[str], str | None]:
    def changed(topic: str) -> str | None:
        found = rewrite(topic)
        if found is not None and not isinstance(found, str):
            raise TypeError(f"rewrite must give a str or None; it gave {type(found).__name__} for {topic!r}")
        return found

    return changed
