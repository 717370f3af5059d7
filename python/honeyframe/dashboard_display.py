"""What a notebook shows of a saved dashboard."""

from __future__ import annotations

import html
import os
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from .display import card

if TYPE_CHECKING:
    from .dashboard import Dashboard


def dashboard_html(dashboard: Dashboard) -> str:
    """A card with a link. A notebook's page may not follow ``file://``: where the file is below its folder, the link is a relative one."""
    rows = [
        ("file", dashboard.path),
        ("connects to", dashboard.websocket_url + (" (a guess: websocket_url= says it)" if dashboard.guessed else "")),
        ("history", f"{dashboard.history_rows:,} rows" if dashboard.history_rows else ""),
        ("size", f"{dashboard.nbytes / 1000:,.0f} kB"),
    ]
    told = card("Dashboard", rows, footer="It asks for user and password when it is opened; the file holds neither. .open() opens it.")
    return f"{told}<p><a href='{html.escape(_link(dashboard.path))}' target='_blank' rel='noopener'>Open the dashboard</a></p>"


def _link(path: Path) -> str:
    try:
        relative = os.path.relpath(path, Path.cwd())
    except (OSError, ValueError):
        return path.as_uri()
    return path.as_uri() if relative.startswith(os.pardir) else quote(Path(relative).as_posix())
