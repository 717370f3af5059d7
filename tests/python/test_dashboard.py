"""client.dashboard(): one file that holds no secret, loads nothing, and replaces nobody's work."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from pathlib import Path
from typing import Any

import honeyframe as hf
from honeyframe.credentials import Secret
from honeyframe.dashboard import Dashboard, save_for
from honeyframe.uri import Address, read_address

CANARY = "canary-4711-secret"


def address(uri: str = "mqtts://abc.s1.eu.hivemq.cloud") -> Address:
    return read_address(Secret(uri))


def save(path: Path, **options: Any) -> Dashboard:
    return save_for(address(), path, **options)


def settings(text: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="honeyframe-settings">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    read: dict[str, Any] = json.loads(found[1])
    return read


def test_the_policy_names_these_very_bundles_and_the_broker_alone(tmp_path: Path) -> None:
    text = save(tmp_path / "d.html").path.read_text()
    found = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    assert found is not None
    policy = html.unescape(found[1])
    directives = dict(one.strip().split(" ", 1) for one in policy.split(";"))
    for tag, directive in (("script", "script-src"), ("style", "style-src")):
        inline = re.search(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        assert inline is not None
        digest = base64.b64encode(hashlib.sha256(inline[1].encode()).digest()).decode()
        assert directives[directive] == f"'sha256-{digest}'"
    assert directives["default-src"] == "'none'"
    assert directives["connect-src"] == "wss://abc.s1.eu.hivemq.cloud:8884"
    assert directives["form-action"] == directives["base-uri"] == "'none'"
    assert len(text.encode()) <= 600_000


def test_what_strangers_wrote_stays_data(tmp_path: Path) -> None:
    hostile = "</script><script>alert(1)</script><!--\u2028\u2029&\"'"
    made = save(tmp_path / "d.html", title=hostile, panels=[{"chart": hostile, "title": hostile, "unit": hostile}])
    text = made.path.read_text()
    assert len(re.findall(r"<script", text, re.IGNORECASE)) == 3
    assert len(re.findall(r"</script", text, re.IGNORECASE)) == 3
    assert "alert(1)</" not in text
    assert not set("\u2028\u2029") & set(text.split("honeyframe-settings")[1].split("</script>")[0])
    read = settings(text)
    assert [read["title"], read["panels"][0]["y"], read["panels"][0]["unit"]] == [hostile, [hostile], hostile]


def test_no_secret_is_in_the_file_or_in_what_is_shown(tmp_path: Path) -> None:
    made = save_for(address(f"mqtts://{CANARY}-user:{CANARY}@broker.example"), tmp_path / "d.html")
    for told in (made.path.read_text(), repr(made), made._repr_html_()):
        assert CANARY not in told


def test_it_is_public() -> None:
    assert hf.Client.dashboard.__doc__
