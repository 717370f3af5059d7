"""Topics that differ only in their instance, put together: ``plant/1/telemetry``, ``plant/2/telemetry`` are ``plant/{plant}/telemetry``.

The rules stand in docs/catalog.md, in the order in which they are applied here.
"""

from __future__ import annotations

import functools
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from .topic_levels import NEUTRAL, Look, look_of, stem_of
from .topic_shapes import Shape, ShapeSet

MAX_LEVELS: Final = 24  # what lies deeper is one level, {rest...}

_ALIKE: Final = 0.5  # the share of what lies below two words that both have, for them to be instances of one thing
_MANY: Final = 64  # nobody has so many quantities side by side: they are instances
_MOST_COMPARED: Final = 100  # lots that a sibling is compared with

#: What lies below a level: the path from there, ids and numbers masked, and the family of the shape at its end.
Signature: TypeAlias = frozenset[tuple[tuple[str, ...], int]]


@dataclass(slots=True)
class TopicGroup:
    """Topics of one pattern. A level that is None varies; ``values`` has what stood there, by position."""

    levels: tuple[str | None, ...]
    topics: list[str]
    shape: Shape
    has_rest: bool = False  # the last level stands for all that follow
    is_exact: bool = True  # no topic of another group matches the filter
    values: dict[int, list[str]] = field(default_factory=dict)

    @property
    def filter(self) -> str:
        """The narrowest filter that matches all its topics."""
        levels = ["+" if level is None else level for level in self.levels]
        return "/".join([*levels[:-1], "#"] if self.has_rest else levels)

    def template(self, names: Sequence[str]) -> str:
        """The filter, with ``names`` in the place of its wildcards."""
        rest = iter(names)
        levels = [f"{{{next(rest)}}}" if level is None else level for level in self.levels]
        return "/".join([*levels[:-1], levels[-1][:-1] + "...}"] if self.has_rest else levels)

    def matches(self, levels: Sequence[str]) -> bool:
        return len(levels) == len(self.levels) and all(mine in (None, other) for mine, other in zip(self.levels, levels, strict=True))


def split_topic(topic: str) -> list[str]:
    """The levels; what is too deep is one."""
    return topic.split("/", MAX_LEVELS - 1)


def group_topics(shapes: Mapping[str, Shape], *, named: Iterable[int] = ()) -> list[TopicGroup]:
    """The patterns of all topics, each topic in one of them, in the order of their levels.

    Args:
        shapes: the shape of each topic.
        named: positions that vary in any case: whoever asks has given them a name.

    >>> sensor = Shape("object", frozenset({("t", "number"), ("h", "number")}), frozenset({"t", "h"}))
    >>> [group.filter for group in group_topics({"plant/7/telemetry": sensor, "plant/9/telemetry": sensor})]
    ['plant/+/telemetry']
    """
    root = _Node()
    known = ShapeSet()
    for shape, _ in Counter(shapes.values()).most_common():
        known.family(shape)
    for topic, shape in shapes.items():
        node = root
        for level in split_topic(topic):
            node = node.children.setdefault(level, _Node())
        node.topics.append((topic, shape, known.family(shape)))
    groups = _Grouping(frozenset(named)).run(root)
    groups.sort(key=lambda group: [level or "" for level in group.levels])
    _mark_overlaps(groups)
    return groups


class _Node:
    """A level of the tree of topics, with those that end at it."""

    __slots__ = ("_loose", "_signature", "children", "topics")

    def __init__(self) -> None:
        self.children: dict[str, _Node] = {}
        self.topics: list[tuple[str, Shape, int]] = []
        self._signature: Signature | None = None
        self._loose: Signature | None = None

    def signature(self) -> Signature:
        if self._signature is None:
            found: set[tuple[tuple[str, ...], int]] = {((), family) for _, _, family in self.topics}
            for key, child in self.children.items():
                found |= {((_mask(key), *path), family) for path, family in child.signature()}
            self._signature = frozenset(found)
        return self._signature

    def loose(self) -> Signature:
        """The same with every word masked; empty where a bare value is below: its words say what it is."""
        if self._loose is None:
            whole: set[tuple[tuple[str, ...], int]] = {((), family) for _, _, family in self.topics}
            bare = any(not shape.is_rich for _, shape, _ in self.topics)
            for key, child in self.children.items():
                below = child.loose()
                bare = bare or not below
                mask = key if look_of(key) is Look.keyword else "*"
                whole |= {((mask, *path), family) for path, family in below}
            self._loose = frozenset() if bare else frozenset(whole)
        return self._loose


def _mask(level: str) -> str:
    look = look_of(level)
    return "*" if look is Look.id else f"{stem_of(level)}*" if look is Look.numbered else level


class _Sibling:
    """A level among others of one parent: the nodes that it is in the trees put together so far."""

    def __init__(self, level: str, nodes: list[_Node]) -> None:
        self.level = level
        self.nodes = nodes
        self.look = Look.id if "/" in level else look_of(level)

    @functools.cached_property
    def signature(self) -> Signature:
        return frozenset().union(*(node.signature() for node in self.nodes))

    @functools.cached_property
    def loose(self) -> Signature:
        parts = [node.loose() for node in self.nodes]
        return frozenset().union(*parts) if all(parts) else frozenset()

    @functools.cached_property
    def shapes(self) -> frozenset[Shape]:
        return frozenset(shape for node in self.nodes for _, shape, _ in node.topics)

    @property
    def is_leaf(self) -> bool:
        return not any(node.children for node in self.nodes)

    def tells_a_value(self) -> bool:
        """Whether it is the level that says what a bare value is: nothing but neutral levels come after it."""
        if self.is_leaf:
            return not any(shape.is_rich for shape in self.shapes)
        return not self.shapes and all(len(path) == 1 and path[0].lower() in NEUTRAL for path, _ in self.signature) and not self.loose


class _Grouping:
    """Walks the tree from its root, and puts siblings together on the way."""

    def __init__(self, named: frozenset[int]) -> None:
        self._named = named
        self._groups: list[TopicGroup] = []

    def run(self, root: _Node) -> list[TopicGroup]:
        self._walk([root], ())
        return self._groups

    def _walk(self, nodes: list[_Node], levels: tuple[str | None, ...]) -> None:
        self._end(nodes, levels)
        children: dict[str, list[_Node]] = defaultdict(list)
        for node in nodes:
            for key, child in node.children.items():
                children[key].append(child)
        siblings = [_Sibling(level, found) for level, found in children.items()]
        for together, varies in self._sort(siblings, levels):
            pooled = [node for sibling in together for node in sibling.nodes]
            self._walk(pooled, (*levels, None if varies else together[0].level))

    def _end(self, nodes: list[_Node], levels: tuple[str | None, ...]) -> None:
        """The topics that end here: a group for each shape."""
        ending = [(topic, shape) for node in nodes for topic, shape, _ in node.topics]
        if not ending:
            return
        counts = Counter(shape for _, shape in ending)
        families = ShapeSet()
        # The most common first; topics without a payload go to whatever there is.
        for shape in sorted(counts, key=lambda shape: (shape.kind == "empty", -counts[shape], sorted(shape.names))):
            families.family(shape)
        found: dict[int, TopicGroup] = {}
        for topic, shape in sorted(ending, key=lambda one: (families.family(one[1]), one[1].kind == "empty", one[0])):
            family = families.family(shape)
            if family not in found:
                found[family] = TopicGroup(levels, [], shape)
            found[family].topics.append(topic)
        for group in found.values():
            split = [split_topic(topic) for topic in group.topics]
            group.has_rest = levels[-1] is None and any("/" in parts[-1] for parts in split)
            group.values = {i: sorted({parts[i] for parts in split}) for i, level in enumerate(levels) if level is None}
            self._groups.append(group)

    def _sort(self, siblings: list[_Sibling], levels: tuple[str | None, ...]) -> Iterable[tuple[list[_Sibling], bool]]:
        """Siblings in lots, and whether the level varies in each."""
        if len(levels) in self._named:
            yield siblings, True
            return
        ids: list[_Sibling] = []
        words: list[_Sibling] = []
        numbered: dict[str, list[_Sibling]] = defaultdict(list)
        for one in siblings:
            if one.look is Look.keyword:
                yield [one], False
            elif one.look is Look.id:
                ids.append(one)
            elif one.look is Look.numbered:
                numbered[stem_of(one.level)].append(one)
            else:
                words.append(one)
        for stem in {stem_of(one.level) for one in ids} & set(numbered):  # dev999, dev1000
            ids += numbered.pop(stem)
        for lot in numbered.values():
            inner = [one for one in lot if not one.is_leaf]
            for together in [*([inner] if inner else []), *_cluster([one for one in lot if one.is_leaf], _same_leaves)]:
                if len(together) > 1:
                    yield together, True
                else:
                    words.extend(together)
        lots = self._words(words, levels)
        if ids:
            pool = _Sibling(ids[0].level, [node for one in ids for node in one.nodes])
            for lot in [lot for lot in lots if self._joins(lot[0], pool)]:
                lots.remove(lot)
                ids += lot
            yield ids, True
        for lot in lots:
            yield lot, len(lot) > 1

    def _words(self, words: list[_Sibling], levels: tuple[str | None, ...]) -> list[list[_Sibling]]:
        telling = [word for word in words if word.tells_a_value()]
        others = [word for word in words if not word.tells_a_value()]
        are_many = len(telling) > _MANY and len({word.signature for word in telling}) == 1
        lots = [telling] if are_many else [[word] for word in telling]
        return lots + _cluster(others, lambda a, b: self._are_instances(a, b, levels))

    def _are_instances(self, one: _Sibling, other: _Sibling, levels: tuple[str | None, ...]) -> bool:
        if one.is_leaf and other.is_leaf:
            least = 2 if levels else 3
            return all(len(shape.names) >= least for shape in one.shapes | other.shapes) and _same_leaves(one, other, strictly=True)
        mine, theirs = one.signature, other.signature
        if one.loose and other.loose:  # objects, which tell by themselves what they are
            return max(_share(mine, theirs), _share(one.loose, other.loose)) >= _ALIKE
        if None in levels:  # a word behind an id is a part of it, as a rule
            return mine == theirs and len(mine) > 1
        return _share(mine, theirs) >= _ALIKE and (bool(levels) or len(mine & theirs) > 1)

    def _joins(self, word: _Sibling, ids: _Sibling) -> bool:
        """Whether a word is one of the ids beside it, such as a device that somebody gave a name."""
        if word.tells_a_value():
            return False
        if word.is_leaf:
            return all(any(shape.is_rich and shape.is_same(known, strictly=True) for known in ids.shapes) for shape in word.shapes)
        mine, theirs = word.signature, ids.signature
        return len(mine & theirs) >= _ALIKE * len(mine)


def _same_leaves(one: _Sibling, other: _Sibling, *, strictly: bool = False) -> bool:
    mine, theirs = one.shapes, other.shapes
    return bool(mine) and bool(theirs) and all(a.is_same(b, strictly=strictly) for a in mine for b in theirs)


def _share(one: Signature, other: Signature) -> float:
    return len(one & other) / max(1, len(one | other))


def _cluster(siblings: list[_Sibling], alike: Callable[[_Sibling, _Sibling], bool]) -> list[list[_Sibling]]:
    """Lots of siblings, each like the first of its lot. Only those that have something in common below are compared."""
    lots: list[list[_Sibling]] = []
    index: dict[object, list[int]] = defaultdict(list)
    for one in siblings:
        traits = [*one.signature, *(("loose", trait) for trait in one.loose)]
        near: dict[int, None] = {}
        for trait in traits:
            near.update(dict.fromkeys(index[trait][:_MOST_COMPARED]))
        for number in sorted(near)[:_MOST_COMPARED]:
            if alike(lots[number][0], one):
                lots[number].append(one)
                break
        else:
            for trait in traits:
                index[trait].append(len(lots))
            lots.append([one])
    return lots


class _Branch:
    """A level of the tree of patterns, by which those are found that a filter may match."""

    __slots__ = ("children", "groups")

    def __init__(self) -> None:
        self.children: dict[str | None, _Branch] = {}
        self.groups: list[TopicGroup] = []


def _mark_overlaps(groups: list[TopicGroup]) -> None:
    root = _Branch()
    for group in groups:
        branch = root
        for level in group.levels:
            branch = branch.children.setdefault(level, _Branch())
        branch.groups.append(group)
    for group in groups:
        group.is_exact = not any(other is not group and _may_match(group, other) for other in _near(root, group))


def _near(root: _Branch, group: TopicGroup) -> Iterator[TopicGroup]:
    """Patterns of which a topic may match the group's filter, by their levels that do not vary."""
    mine = group.levels[:-1] if group.has_rest else group.levels
    branches = [root]
    for level in mine:
        if level is None:
            branches = [below for branch in branches for below in branch.children.values()]
        else:
            branches = [branch.children[key] for branch in branches for key in (level, None) if key in branch.children]
    while branches:
        branch = branches.pop()
        yield from branch.groups
        if group.has_rest:
            branches += branch.children.values()


def _may_match(group: TopicGroup, other: TopicGroup) -> bool:
    """Whether the filter of ``group`` matches some topic of ``other``."""
    mine = group.levels[:-1] if group.has_rest else group.levels
    if len(other.levels) < len(mine) or (not group.has_rest and len(other.levels) != len(mine)):
        return False
    return all(
        level is None or level == other.levels[i] or (other.levels[i] is None and level in other.values[i]) for i, level in enumerate(mine)
    )
