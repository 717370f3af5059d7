"""_core.pyi tells the truth about the compiled module: every name, argument and default."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import honeyframe
from honeyframe import _core

pytest.importorskip("mypy", reason="pip install mypy: the stub is checked with mypy.stubtest")


def test_stub_and_module_agree(tmp_path: Path) -> None:
    classes = [name for name, value in vars(_core).items() if isinstance(value, type)]
    assert len(classes) >= 8
    # pybind11's metaclass, and the constructors that raise "No constructor defined", cannot be spelled in a stub.
    allowed = [f"honeyframe._core.{name}" for name in classes]
    allowed += [
        f"honeyframe._core.{name}.__init__" for name in ("ArrowSchemaHolder", "Extraction", "RecordBatch", "RowPublisher", "WindowTap")
    ]
    allowlist = tmp_path / "allowed"
    allowlist.write_text("\n".join(name.replace(".", r"\.") for name in allowed))
    config = tmp_path / "mypy.ini"
    config.write_text("[mypy]\n")
    package = str(Path(honeyframe.__file__).parents[1])
    checked = subprocess.run(
        [sys.executable, "-m", "mypy.stubtest", "honeyframe._core", "--allowlist", str(allowlist), "--mypy-config-file", str(config)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        # An installed package is found by itself; mypy refuses site-packages on its path.
        env=dict(os.environ) if "site-packages" in package else {**os.environ, "MYPYPATH": package, "PYTHONPATH": package},
        cwd=tmp_path,
    )
    assert checked.returncode == 0, checked.stdout
