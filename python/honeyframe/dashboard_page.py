"""The text of a dashboard's file: one HTML page that loads nothing, and may do nothing but talk to its broker.

``web/src/dashboard/saved_page.ts`` writes the same text when the page saves a copy of itself.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from typing import Any, Final

from .errors import InternalError

#: What tells a file that Python wrote from one that a user saved out of a page: only the first may be replaced unasked.
GENERATOR: Final = "honeyframe dashboard"

_PAGE: Final = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="generator" content="{generator}">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<noscript>This dashboard is a program in JavaScript, which is switched off here.</noscript>
<div id="honeyframe"></div>
<script type="application/json" id="honeyframe-settings">{settings}</script>
<script>{script}</script>
<script type="text/plain" id="honeyframe-history">{history}</script>
</body>
</html>
"""
_FIRST_BYTES: Final = 400
_BASE64: Final = re.compile(r"[A-Za-z0-9+/=]*")


def page(*, title: str, settings: dict[str, Any], history: str, script: str, style: str, source: str) -> str:
    """The whole file.

    Args:
        title: of the window.
        settings: as web/src/dashboard/settings.ts reads them.
        history: base64, or nothing.
        script, style: the bundles.
        source: where the page may connect to, as a Content-Security-Policy names it.
    """
    if not _BASE64.fullmatch(history):
        raise InternalError("a dashboard's history is base64")
    style, script = style.replace("\r\n", "\n"), harmless_script(script.replace("\r\n", "\n"))
    if "</style" in style.lower():
        raise InternalError("the bundled styles end their own element")
    return _PAGE.format(
        generator=f"{GENERATOR}, by python",
        policy=html.escape(policy(script, style, source)),
        title=html.escape(title, quote=False),
        style=style,
        settings=json_for_script(settings),
        script=script,
        history=history,
    )


def policy(script: str, style: str, source: str) -> str:
    """Nothing but this very script and these styles, and the broker; no form goes anywhere, and no text becomes markup."""
    return (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; connect-src {source}; "
        "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )


def json_for_script(value: Any) -> str:
    """JSON that can stand in a ``<script>``: nothing in it ends the element, begins another, or ends a line where none ends."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    text = text.encode("utf-8", "replace").decode()  # halves of surrogate pairs, which no file can hold
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def is_ours(head: bytes) -> bool:
    """Whether a file that begins so was written by :func:`page`, not by a page that saved a copy of itself."""
    return f'<meta name="generator" content="{GENERATOR}, by python">'.encode() in head[:_FIRST_BYTES]


def harmless_script(script: str) -> str:
    """The bundle, so that no string in it ends the element."""
    return re.sub(r"<(?=/script|script|!--)", r"\\x3c", script, flags=re.IGNORECASE)


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
