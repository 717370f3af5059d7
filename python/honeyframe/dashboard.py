"""Dashboard: a page in one file that connects to the broker when it is opened; made by :meth:`honeyframe.Client.dashboard`."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from . import _core
from .arguments import check_count
from .dashboard_file import choose_path, write
from .dashboard_history import History, read_history
from .dashboard_page import page
from .dashboard_panels import panel, read_panels, refuse_shared, window_seconds
from .durations import Duration
from .errors import InsecureTransportWarning, InvalidArgumentError
from .events import printable, warn
from .templates import read_topics
from .traffic_plan import find_plan
from .uri import Address
from .web_bundle import bundle
from .websocket_url import websocket_url as read_url

if TYPE_CHECKING:
    from .client import Client

Theme: TypeAlias = Literal["auto", "light", "dark"]

_FORMAT: Final = 1
_MOST_TITLE: Final = 200
_MOST_CHARTS: Final = 8  # that nobody has asked for


class Dashboard:
    """A dashboard that was saved.

    Attributes:
        path: the file, absolute.
        url: the same as an address for a browser, ``file://…``.
        websocket_url: where the page connects to.
        guessed: whether that follows from nothing but the client's own address.
        history_rows: how many rows of history it carries.
        nbytes: of the file.
    """

    def __init__(self, path: Path, *, websocket_url: str, guessed: bool, history_rows: int, nbytes: int) -> None:
        self.path = path
        self.url = path.as_uri()
        self.websocket_url = websocket_url
        self.guessed = guessed
        self.history_rows = history_rows
        self.nbytes = nbytes

    def open(self) -> bool:
        """Opens it in the system's browser; False where there is none."""
        import webbrowser

        return webbrowser.open(self.url)

    def __fspath__(self) -> str:
        return str(self.path)

    def __repr__(self) -> str:
        rows = f", {self.history_rows:,} rows of history" if self.history_rows else ""
        guess = ", a guess" if self.guessed else ""
        return f"<honeyframe.Dashboard {printable(str(self.path))}: connects to {self.websocket_url}{guess}{rows}>"

    def _repr_html_(self) -> str:
        from .dashboard_display import dashboard_html

        return dashboard_html(self)


def save_dashboard(client: Client, path: Any = None, **options: Any) -> Dashboard:
    """As :meth:`honeyframe.Client.dashboard`."""
    return save_for(client._address, path, **options)


def save_for(
    address: Address,
    path: Any,
    *,
    panels: Any = None,
    topics: str | Sequence[str] = "#",
    history: Any = None,
    title: str | None = None,
    websocket_url: str | None = None,
    event_time: str | None = None,
    window: Duration = "10min",
    qos: int = 0,
    theme: Theme = "auto",
    overwrite: bool = False,
) -> Dashboard:
    """A dashboard for a broker, whether or not somebody is connected to it."""
    place = read_url(websocket_url, address)
    given = [topics] if isinstance(topics, str) else list(topics)
    filters = _filters(given)
    check_count("qos", qos, 0, 2)
    if theme not in ("auto", "light", "dark"):
        raise InvalidArgumentError(f"theme must be 'auto', 'light' or 'dark'; found {theme!r}")
    heading = _title(title, address)
    if event_time is not None and not isinstance(event_time, str):
        raise TypeError(f"event_time must be a column's name, not {type(event_time).__name__}")
    target = choose_path(path, title or default_title(address), overwrite=overwrite)
    is_new = not target.exists()
    span = window_seconds(window, "window")
    shown = read_panels(panels if panels is not None else [], topics=given[0], event_time=event_time)
    wanted = [column for one in shown for column in one["y"]]
    past = read_history(history, topics=given, event_time=event_time, window=span, wanted=wanted)
    if panels is None:
        shown = _charts_of(past, given, event_time)
    plan = find_plan(address.host, loopback=address.is_loopback)
    settings: dict[str, Any] = {
        "format": _FORMAT,
        "origin": "python",
        "version": _core.__version__,
        "saved": time.time(),
        "title": heading,
        "broker": {"url": place.url, "address": address.display, "guessed": place.guessed, "cloud": address.is_hivemq_cloud},
        "topics": filters,
        "qos": qos,
        "panels": shown,
        "plan": None if plan is None else {"bytes": plan.bytes, "connections": plan.connections},
        "window": span,
        "theme": theme,
    }
    text = page(
        title=heading,
        settings=settings,
        history=past.encoded(),
        script=bundle("dashboard.js"),
        style=bundle("dashboard.css"),
        source=place.source,
    )
    if place.plain:
        warn(f"{place.url} is not encrypted: the page sends the password as it is. Prefer wss://.", InsecureTransportWarning)
    nbytes = write(target, text)
    if path is None:
        instead = "" if is_new else ", and replaced the one of that name"
        print(f"honeyframe: the dashboard is saved as {printable(str(target))}{instead}", file=sys.stderr)
    return Dashboard(target, websocket_url=place.url, guessed=place.guessed, history_rows=past.rows, nbytes=nbytes)


def _filters(topics: Sequence[str]) -> list[str]:
    """Each by itself: a page needs no template for them all."""
    filters = list(dict.fromkeys(found for topic in topics or read_topics([]).filters for found in read_topics([topic]).filters))
    refuse_shared(filters)
    return filters


def _charts_of(past: History, topics: Sequence[str], event_time: str | None) -> list[dict[str, Any]]:
    """A chart of each column, for the topics that have it."""
    found: list[dict[str, Any]] = []
    for topic in topics:
        columns = past.columns_of(read_topics([topic]).filters[0])
        found += [panel("chart", [column], topic, x=event_time) for column in columns]
    return found[:_MOST_CHARTS]


def default_title(address: Address) -> str:
    """The broker's host, and its port where that is not the scheme's own: two brokers of one host are not one dashboard."""
    host = f"[{address.host}]" if ":" in address.host else address.host
    is_usual = address.port == _core.parse_uri(f"{address.scheme}://{host}")["port"]
    return address.host if is_usual else f"{host}:{address.port}"


def _title(title: str | None, address: Address) -> str:
    if title is None:
        return default_title(address)
    if not isinstance(title, str):
        raise TypeError(f"title must be a str, not {type(title).__name__}")
    if len(title) > _MOST_TITLE:
        raise InvalidArgumentError(f"title has {_MOST_TITLE} characters at most; found {len(title)}")
    return title.encode("utf-8", "replace").decode()
