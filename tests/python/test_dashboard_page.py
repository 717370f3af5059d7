"""honeyframe.dashboard_page: the policy names these very bundles, and nothing that a stranger wrote is more than data."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from typing import Any

import pytest

from honeyframe.dashboard_page import is_ours, json_for_script, page
from honeyframe.errors import InternalError

SOURCE = "wss://broker.example:8884"


def made(**parts: Any) -> str:
    return page(**{"title": "t", "settings": {}, "history": "", "script": "f()", "style": "p {}", "source": SOURCE} | parts)


def directives(text: str) -> dict[str, str]:
    found = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    assert found is not None
    return dict(one.strip().split(" ", 1) for one in html.unescape(found[1]).split(";"))


def test_the_policy_names_these_very_bundles_and_the_broker_alone() -> None:
    text = made(script="a = '</script><!--'; b = 1 < 2\r\n", style="p { color: red }\r\n")
    policy = directives(text)
    for tag, directive in (("script", "script-src"), ("style", "style-src")):
        inline = re.search(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        assert inline is not None
        assert policy[directive] == f"'sha256-{base64.b64encode(hashlib.sha256(inline[1].encode()).digest()).decode()}'"
    assert policy["connect-src"] == SOURCE
    assert {policy[name] for name in ("default-src", "form-action", "base-uri", "trusted-types")} == {"'none'"}
    assert "a = '\\x3c/script>\\x3c!--'; b = 1 < 2" in text
    assert text.index("Content-Security-Policy") < text.index("<style>") < text.index("<script")


@pytest.mark.parametrize(
    "hostile", ["</script><script>alert(1)</script>", "<!--<script>", "</title><img src=x>", "\u2028\u2029&\"'`", "\ud800"]
)
def test_what_strangers_wrote_stays_data(hostile: str) -> None:
    text = made(title=hostile.encode("utf-8", "replace").decode(), settings={"x": hostile, hostile: 1})
    assert len(re.findall(r"<script", text, re.IGNORECASE)) == len(re.findall(r"</script", text, re.IGNORECASE)) == 3
    assert "<img" not in text
    block = text.split('id="honeyframe-settings">')[1].split("</script>")[0]
    assert not set("<>&\u2028\u2029") & set(block)
    assert json.loads(block)["x"] == hostile.replace("\ud800", "?")


def test_numbers_that_json_has_not_are_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        json_for_script({"x": float("nan")})


def test_only_base64_is_a_history_and_styles_do_not_end_themselves() -> None:
    with pytest.raises(InternalError):
        made(history="</script>")
    with pytest.raises(InternalError):
        made(style="</STYLE >")


def test_ours_is_told_from_a_copy_that_a_user_saved() -> None:
    text = made()
    assert is_ours(text.encode()[:1024])
    assert not is_ours(text.replace("by python", "by page").encode()[:1024])
    assert not is_ours(b"<html>")
