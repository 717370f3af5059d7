"""The honeyframe code that reads what a catalog found. It holds address and user name, and never a password."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from .arguments import count_of
from .catalog_pattern import TEXT, TEXT_WITHOUT_ZONE, CatalogPattern, describe_kind
from .events import printable

if TYPE_CHECKING:
    from .catalog import Catalog

_MOST_TOPICS: Final = 100  # of a pattern whose filter would bring others along
_LINE: Final = 100
_PASSWORD: Final = "# The password comes from $MQTT_PASSWORD, the keyring or a hidden prompt; it does not belong in here."


def code_of_pattern(catalog: Catalog, pattern: CatalogPattern, access: Mapping[str, Any]) -> str:
    """Code that reads one pattern into ``df``."""
    arguments = [_text(catalog.uri), _topics(pattern), f"seconds={catalog.seconds or 10:g}", *_access(access), *_reading(pattern)]
    told = [_PASSWORD] if access.get("username") else []
    lines = ["import honeyframe as hf", "", *told, *_remarks(pattern), f"df = {_call('hf.read_mqtt', arguments)}", "print(df)"]
    return "\n".join(lines) + "\n"


def code_of_all(catalog: Catalog, access: Mapping[str, Any]) -> str:
    """Code that reads all patterns at once into ``frames``, a dict of DataFrames."""
    told = [_PASSWORD] if access.get("username") else []
    lines = ["import time", "", "import honeyframe as hf", "", *told]
    lines += [f"with {_call('hf.connect', [_text(catalog.uri), *_access(access)])} as client:", "    streams = {"]
    for name, pattern in catalog.items():
        lines += [f"        {remark}" for remark in _remarks(pattern)]
        topics = _topics(pattern)
        streamed = ["*" + topics] if topics.startswith("[") else [topics]
        key = f"{_text(name)}: "
        lines.append(f"        {key}{_call('client.stream', [*streamed, *_reading(pattern)], indent=8, before=len(key))},")
    lines += [
        "    }",
        f"    time.sleep({catalog.seconds or 10:g})",
        "    frames = {name: stream.read().to_pandas() for name, stream in streams.items()}",
        "",
        "for name, df in frames.items():",
        '    print(f"{name}: {len(df)} rows")',
        "    print(df)",
    ]
    return "\n".join(lines) + "\n"


def _access(access: Mapping[str, Any]) -> list[str]:
    return [f"{name}={_text(value) if isinstance(value, str) else repr(value)}" for name, value in access.items()]


def _topics(pattern: CatalogPattern) -> str:
    """The template, or the topics one by one where others match it."""
    if pattern.is_exact or len(pattern.topics) > _MOST_TOPICS:
        return _text(pattern.template)
    return "[" + ", ".join(map(_text, pattern.topics)) + "]"


def _reading(pattern: CatalogPattern) -> list[str]:
    arguments = []
    if not pattern.is_exact and len(pattern.topics) <= _MOST_TOPICS and pattern.level_names:
        arguments.append(f"topic_template={_text(pattern.template)}")
    if pattern.payload != "auto":
        arguments.append(f"payload={_text(pattern.payload)}")
    if pattern.columns:
        arguments.append("schema={" + ", ".join(_column(column.name, column.path, column.type) for column in pattern.columns) + "}")
    time = pattern.event_time
    if time is not None:
        arguments.append(f"event_time={_text(time.path)}")
        if time.unit != TEXT:
            arguments.append(f"event_time_unit={_text(time.unit)}")
    return arguments


def _column(name: str, path: str, kind: str) -> str:
    return f"{_text(name)}: {_text(kind)}" if path == name else f"{_text(name)}: ({_text(path)}, {_text(kind)})"


def _remarks(pattern: CatalogPattern) -> list[str]:
    rate = f"{pattern.rate:.3g}/s" if pattern.rate else count_of(pattern.messages, "message")
    kept = ", retained" if pattern.retained == pattern.messages else ""
    remarks = [f"# {printable(pattern.name)}: {describe_kind(pattern)}; {count_of(len(pattern.topics), 'topic')}, {rate}{kept}."]
    whole = [column.name for column in pattern.columns if column.type == "int64"]
    if whole:
        named = printable(", ".join(whole[:3]))
        remarks.append(f"# Only whole numbers came in {named}: float64 where fractions may come, which go to _misfit else.")
    if pattern.kind == "binary":
        remarks.append("# decode=function makes columns of its bytes (Sparkplug, CBOR, gzip); payload= and schema= go then.")
    if not pattern.is_exact and len(pattern.topics) > _MOST_TOPICS:
        remarks.append("# Topics of another shape match this filter, too: they come as rows of nulls.")
    for time in pattern.event_times:
        if time.unit == TEXT_WITHOUT_ZONE and pattern.event_time is None:
            zone = 'tz="Europe/Berlin"'
            remarks.append(f"# Its time has no zone: add event_time={_text(time.path)}, {zone}, or whatever its clock is set to.")
            break
    return remarks


def _call(function: str, arguments: list[str], indent: int = 0, before: int = 0) -> str:
    """A call on one line, or with a line for each argument; a long dict or list gets a line for each item."""
    whole = f"{function}({', '.join(arguments)})"
    if before + len(whole) + indent < _LINE:
        return whole
    space = " " * (indent + 4)
    return f"{function}(\n" + "".join(f"{space}{_broken(one, indent + 4)},\n" for one in arguments) + " " * indent + ")"


def _broken(argument: str, indent: int) -> str:
    if len(argument) + indent <= _LINE or argument[-1] not in "]}":
        return argument
    head, opening, _ = argument.partition("{" if argument[-1] == "}" else "[")
    items = _items(argument[len(head) + 1 : -1])
    space = " " * (indent + 4)
    return head + opening + "\n" + "".join(f"{space}{item},\n" for item in items) + " " * indent + argument[-1]


def _items(text: str) -> list[str]:
    """What the commas outside of quotes and brackets part."""
    items, depth, quoted, begin, index = [], 0, "", 0, 0
    while index < len(text):
        character = text[index]
        if quoted:
            index += character == "\\"
            quoted = "" if character == quoted else quoted
        elif character in "\"'":
            quoted = character
        else:
            depth += (character in "([{") - (character in ")]}")
            if character == "," and depth == 0:
                items.append(text[begin:index].strip())
                begin = index + 1
        index += 1
    return [*items, text[begin:].strip()]


def _text(value: str) -> str:
    """A Python literal; in double quotes where nothing speaks against it."""
    return json.dumps(value, ensure_ascii=False) if value.isprintable() else ascii(value)
