"""The Python environments that the sinks run in: made by the command below ``build/benchmarks``, never the user's own."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from .programs import BUILD, ROOT, BuildError

PEERS = [
    "paho-mqtt",
    "gmqtt",
    "aiomqtt",
    "awscrt",
    "orjson",
    "msgspec",
    "polars",
    "duckdb",
    "pyarrow",
    "pandas",
    "cryptography",
    "matplotlib",
]
PATHWAY = ["pathway", "pandas"]


@dataclass(frozen=True)
class Environments:
    """``main`` runs honeyframe and its peers, ``pathway`` Pathway; None where there is none, with the reason in ``missing``."""

    main: Path
    pathway: Path | None = None
    missing: dict[str, str] = field(default_factory=dict)

    def lacks(self, modules: tuple[str, ...]) -> str:
        """Why a sink that needs ``modules`` cannot run in ``main``; empty when it can."""
        if self.main != Path(sys.executable):
            return ""
        absent = [name for name in modules if importlib.util.find_spec(name.split(".")[0]) is None]
        return f"not installed here: {', '.join(absent)}" if absent else ""


def here() -> Environments:
    """The interpreter that runs this, with what happens to be installed. For the tests."""
    return Environments(Path(sys.executable), missing={"pathway": "it wants an environment of its own"})


def make(*, pathway: bool = True) -> Environments:
    """Both, with the newest versions of the day they are made (delete them to have newer ones); honeyframe from these sources."""
    main = _venv(BUILD / "venv", PEERS)
    _install_honeyframe(main)
    if not pathway:
        return Environments(main, missing={"pathway": "it was not asked for"})
    try:
        return Environments(main, _venv(BUILD / "venv-pathway", PATHWAY))
    except BuildError as error:  # it has no wheel for every Python and system
        return Environments(main, missing={"pathway": f"pip could not install it: {str(error).splitlines()[-1]}"})


def _venv(directory: Path, packages: list[str]) -> Path:
    python = directory / "bin" / "python"
    stamp, wanted = directory / "installed", "\n".join([sys.version, *packages])
    if stamp.exists() and stamp.read_text() == wanted:
        return python
    print(f"making {directory.relative_to(ROOT)}", file=sys.stderr)
    _run([sys.executable, "-m", "venv", "--clear", str(directory)])
    _run([str(python), "-m", "pip", "install", "--quiet", "--upgrade", *packages])
    stamp.write_text(wanted)
    return python


def _install_honeyframe(python: Path) -> None:
    stamp, wanted = python.parent.parent / "honeyframe", _sources_digest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    print("building honeyframe", file=sys.stderr)
    stamp.unlink(missing_ok=True)
    _run([str(python), "-m", "pip", "install", "--quiet", "--force-reinstall", "--no-deps", str(ROOT)])
    _run([str(python), "-m", "pip", "install", "--quiet", "typer", "rich", "certifi"])
    stamp.write_text(wanted)


def _sources_digest() -> str:
    digest = hashlib.sha256()
    for top in ("cpp", "python", "cmake"):
        for path in sorted((ROOT / top).rglob("*")):
            if path.is_file() and path.suffix in {".cpp", ".h", ".py", ".cmake", ".txt", ".in"}:
                digest.update(path.relative_to(ROOT).as_posix().encode() + path.read_bytes())
    for name in ("CMakeLists.txt", "pyproject.toml"):
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def _run(command: list[str]) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode != 0:
        printed = (done.stdout + done.stderr).strip().splitlines()
        raise BuildError(f"{' '.join(command)}: exit {done.returncode}\n" + "\n".join(printed[-20:]))
