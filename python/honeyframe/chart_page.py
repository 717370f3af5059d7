"""A chart as one file: the widget's code, its style, and the points as they are now. It loads nothing, calls nobody, and has no secret.

web/src/widget/page.ts writes the same from the browser.
"""

from __future__ import annotations

import base64
import html
import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .chart_points import Points
from .dashboard_page import harmless_script, json_for_script
from .web_bundle import bundle

if TYPE_CHECKING:
    from .chart_rows import Line


def page(config: dict[str, Any], lines: Sequence[Line], points: Points, now: float, status: dict[str, Any]) -> str:
    """The file's text. ``config`` and ``status`` are the widget's."""
    told = []
    for number, line in enumerate(lines):
        own = points.of(number)
        told.append({**line.told(number), "x": _base64(own.x), "y": _base64(own.y)})
    data = json_for_script({"config": config, "now": now, "lines": told, "status": status})
    nonce = secrets.token_hex(16)
    policy = (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )
    code = harmless_script(bundle("widget.js"))
    style = bundle("widget.css").replace("</", "<\\/") + ":root{color-scheme:light dark}body{margin:8px}"
    return "\n".join(
        (
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{html.escape(config['title'] or 'chart')}</title>",
            f'<style nonce="{nonce}">{style}</style></head>',
            '<body><main id="honeyframe-chart"></main>',
            f'<script type="application/json" id="honeyframe-chart-data">{data}</script>',
            f'<script type="module" nonce="{nonce}">{code}</script>',
            "</body></html>\n",
        )
    )


def _base64(array: Any) -> str:
    return base64.b64encode(np.ascontiguousarray(array, "<f8").tobytes()).decode("ascii")
