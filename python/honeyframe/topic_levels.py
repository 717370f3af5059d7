"""What one level of a topic looks like, and what a level that varies is called. docs/catalog.md has the rules in words."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from typing import Final

_KINDS: Final = (
    "tele stat cmnd state lwt result status status0 info info1 info2 info3 telemetry attributes config availability available online set "
    "get command cmd event events rpc data value current log debug dump announce bridge discovery birth death location waypoint transition "
    "update"
)
_PARTS: Final = (
    "sensor binary_sensor switch light cover climate fan button number select text lock relay input emeter roller white color "
    "device_automation device_tracker ext_temperature ext_humidity"
)
_NETWORKS: Final = "up down join ack txack nack queued sent failed integration nbirth ndeath ndata ncmd dbirth ddeath ddata dcmd"

#: Levels that say which kind of message or which part of a device a topic is about: they never vary.
KEYWORDS: Final = frozenset(f"{_KINDS} {_PARTS} {_NETWORKS}".split())

#: Levels that add nothing to a bare value: what it is, is told by the level before.
NEUTRAL: Final = frozenset({"state", "value", "current", "data"})

#: What levels are called where the first one tells whose topics these are; None: by the rules below.
CONVENTIONS: Final[dict[str, tuple[str | None, ...]]] = {
    "zigbee2mqtt": ("device",),
    "tele": ("device",),
    "stat": ("device",),
    "cmnd": ("device",),
    "shellies": ("device",),
    "homeassistant": ("component", "node", "object"),
    "spbv1.0": ("group", "type", "edge_node", "device"),
    "owntracks": ("user", "device"),
    "frigate": ("camera",),
    "ruuvi": ("gateway", "tag"),
    "homie": ("device", "node", "property"),
    "wled": ("device",),
    "n": ("portal", "service", "instance"),
    "v3": ("application", None, "device"),
    "msh": ("region", "version", None, "channel", "node"),
    "rtl_433": ("host", None, "model"),
    "home": ("room",),
    "house": ("room",),
}

_HEX: Final = "0-9A-Fa-f"
_ID: Final = (
    re.compile(r"-?\d+(?:\.\d+)*"),  # 7, 12.5, 192.168.1.5
    re.compile(rf"[!#]?(?:0[xX])?(?=[{_HEX}]*\d)[{_HEX}]{{6,}}"),  # 0x00158d…, a8032abe54dc, !a1b2c3d4
    re.compile(rf"[{_HEX}]{{2}}(?:[:-][{_HEX}]{{2}}){{5,7}}"),  # AA:BB:CC:DD:EE:FF
    re.compile(rf"\{{?[{_HEX}]{{8}}(?:-[{_HEX}]{{4}}){{3}}-[{_HEX}]{{12}}\}}?"),
    re.compile(rf".*[^0-9A-Za-z](?=[{_HEX}]*\d)[{_HEX}]{{4,}}"),  # tasmota_4F2A1B, eui-70b3d57ed0000001
    re.compile(r".*[^0-9A-Za-z][0-9A-F]{6,}"),  # shelly1-AABBCC
    re.compile(r"[^@]+@[^@]+"),  # my-app@ttn
)
_DIGITS_OF_SERIAL: Final = 4
_NUMBERED: Final = re.compile(r"([^\W\d][\w .:\-]*?)[-_:. ]?(\d+)")  # line1, switch:0, zone 12
_MOST_DIGITS: Final = 3  # of what is not an id yet
_PLAIN_WORD: Final = re.compile(r"[A-Za-z]?[a-z_]+")
_DATE: Final = re.compile(r"\d{4}-?\d\d-?\d\d")
_VERSION: Final = re.compile(r"(?:spB)?v\d+(?:\.\d+)*", re.IGNORECASE)
_TEMPLATE_UNSAFE: Final = re.compile(r"[{}+#\x00]")


class Look(enum.Enum):
    """What a level is by its spelling alone."""

    keyword = "keyword"  # never varies
    word = "word"  # varies where its siblings have the same below them
    numbered = "numbered"  # a word and a small number: varies with its siblings of the same word
    id = "id"  # always varies


def look_of(level: str) -> Look:
    """
    >>> [look_of(level).value for level in ("0x00158d0001ab", "7", "shelly1-AABBCC", "line1", "north", "SENSOR", "v3")]
    ['id', 'id', 'id', 'numbered', 'word', 'keyword', 'keyword']
    """
    if level.lower() in KEYWORDS or _VERSION.fullmatch(level) or not level:
        return Look.keyword
    if _TEMPLATE_UNSAFE.search(level) or any(form.fullmatch(level) for form in _ID) or _is_serial(level):
        return Look.id
    found = _NUMBERED.fullmatch(level)
    return Look.numbered if found and len(found.group(2)) <= _MOST_DIGITS else Look.word


def stem_of(level: str) -> str:
    """The word in front of a number, however long: ``line`` of ``line1``; empty where there is none."""
    found = _NUMBERED.fullmatch(level)
    return found.group(1).rstrip("-_:. ").lower() if found else ""


def _is_serial(level: str) -> bool:
    digits = sum(character.isdigit() for character in level)
    return digits >= _DIGITS_OF_SERIAL and digits * 2 >= len(level)


# --- names


def name_levels(levels: Sequence[str | None], values: Sequence[Iterable[str]], taken: AbstractSet[str]) -> list[str]:
    """A name for each level that is None in ``levels``; ``values`` are what stood there, in the same order.

    Names are letters, digits and underscores, unique, and none of ``taken``: the payload's columns.

    >>> name_levels(["plant", None, "telemetry"], [["north", "south"]], set())
    ['plant']
    >>> name_levels(["factory", None, None, "telemetry"], [["7", "8"], ["line1", "line2"]], {"line"})
    ['factory', 'line_id']
    """
    names: list[str] = []
    for position, seen in zip((index for index, level in enumerate(levels) if level is None), values, strict=True):
        wanted = _convention(levels, position) or _stem(seen) or _neighbour(levels, position, names) or _by_values(seen, position)
        names.append(_unique(wanted, names, taken))
    return names


def _convention(levels: Sequence[str | None], position: int) -> str | None:
    known = CONVENTIONS.get((levels[0] or "").lower(), ())
    return known[position - 1] if 0 < position <= len(known) else None


def _stem(values: Iterable[str]) -> str | None:
    stems = {stem_of(value) for value in values}
    stem = stems.pop() if len(stems) == 1 else ""
    return _valid(stem) if len(stem) > 1 else None


def _neighbour(levels: Sequence[str | None], position: int, names: Sequence[str]) -> str | None:
    """The level before, where it is a noun: ``devices`` gives ``device``."""
    if position == 0:
        return None
    before = levels[position - 1]
    if before is None or before.lower() in (KEYWORDS - _NOUNS) or look_of(before) is Look.id or _VERSION.fullmatch(before):
        return None
    name = _valid(_singular(before)) if _PLAIN_WORD.fullmatch(before) else ""
    return name if name and name not in names else None


#: Keywords that name a thing, of which there are several.
_NOUNS: Final = frozenset(
    {"sensor", "binary_sensor", "switch", "light", "cover", "relay", "input", "emeter", "meter", "roller", "event", "events", "camera"}
)


def _by_values(values: Iterable[str], position: int) -> str:
    seen = list(values)
    if all(value.isdigit() for value in seen):
        return "number"
    if all(_DATE.fullmatch(value) for value in seen):
        return "date"
    return "device" if all(look_of(value) is Look.id for value in seen) or position == 0 else f"level{position + 1}"


def _singular(word: str) -> str:
    """
    >>> [_singular(word) for word in ("devices", "batteries", "status", "relay", "gas", "class")]
    ['device', 'battery', 'status', 'relay', 'gas', 'class']
    """
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


def _valid(text: str) -> str:
    """``text`` as a name of the template, or empty."""
    name = re.sub(r"[^0-9A-Za-z]+", "_", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", text)).strip("_").lower()[:40]
    return name if name[:1].isalpha() else ""


def _unique(name: str, names: Sequence[str], taken: AbstractSet[str]) -> str:
    """Payload's keys keep their names: a level stands aside."""
    if name in taken and f"{name}_id" not in taken:
        name = f"{name}_id"
    used = {*names, *taken}
    return next(one for number in range(1, len(used) + 2) if (one := name if number == 1 else f"{name}_{number}") not in used)
