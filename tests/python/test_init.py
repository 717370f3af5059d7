"""The package's front: what it offers, and how fast it is there."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

import honeyframe as hf


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_everything_public_is_there() -> None:
    for name in hf.__all__:
        assert getattr(hf, name) is not None
    assert dir(hf) == hf.__all__


def test_no_module_takes_a_public_names_place() -> None:
    import pkgutil

    modules = {module.name for module in pkgutil.iter_modules(hf.__path__)}
    assert modules & set(hf.__all__) == {"errors"}


def test_errors_by_their_own_names() -> None:
    assert hf.PermissionDenied is hf.errors.PermissionDenied
    assert issubclass(hf.NoMessagesWarning, UserWarning)
    with pytest.raises(AttributeError, match="no_such_thing"):
        hf.no_such_thing  # noqa: B018


def test_heavy_libraries_load_when_first_needed() -> None:
    loaded = run("""
        import sys
        import honeyframe
        honeyframe.connect, honeyframe.Stream
        print([name for name in ("pandas", "pyarrow", "numpy", "asyncio", "rich", "IPython") if name in sys.modules])
    """)
    assert loaded == "[]"


def test_import_is_quick() -> None:
    # The best of five: the machine may be busy with something else.
    times = [float(run("import time; t = time.perf_counter(); import honeyframe; print(time.perf_counter() - t)")) for _ in range(5)]
    assert min(times) < 0.150


def test_a_missing_extension_says_how_to_build() -> None:
    told = run("""
        import sys
        sys.modules["honeyframe._core"] = None
        try:
            import honeyframe
        except ImportError as error:
            print(error)
    """)
    assert "pip install ." in told
    assert "docs/building.md" in told


def test_doctests() -> None:
    import doctest
    import importlib

    for name in ("payload", "templates", "stats", "connection"):
        result = doctest.testmod(importlib.import_module(f"honeyframe.{name}"))
        assert result.failed == 0
        assert result.attempted > 0
