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
INSTALLED = "installed-by-benchmarks"  # a stamp beside an environment's interpreter: with which packages it was made


@dataclass(frozen=True)
class Environments:
    """``main`` runs honeyframe and its peers, ``pathway`` Pathway; None where there is none, with the reason in ``missing``."""

    main: Path
    pathway: Path | None = None
    missing: dict[str, str] = field(default_factory=dict)

    def lacks(self, modules: tuple[str, ...]) -> str:
        """Why a sink that needs ``modules`` cannot run in ``main``; empty when it can."""
        absent = [name for name in modules if importlib.util.find_spec(name.split(".")[0]) is None]
        return f"not installed here: {', '.join(absent)}" if absent else ""


def here(*, pathway: bool = False) -> Environments:
    """The interpreter that runs this, with what happens to be installed; ``pathway``: and the environment that make() made."""
    python = BUILD / "venv-pathway" / "bin" / "python"
    if pathway and python.with_name(INSTALLED).exists():
        return Environments(Path(sys.executable), python)
    return Environments(Path(sys.executable), missing={"pathway": "it wants an environment of its own, which is not there"})


def make(*, pathway: bool = True) -> Path:
    """Both, with the newest versions of the day they are made (delete them to have newer ones); honeyframe from these sources.

    Returns the main one's interpreter. Pathway may be missing: it has no wheel for every Python and system.
    """
    main = _venv(BUILD / "venv", PEERS)
    _install_honeyframe(main)
    if pathway:
        try:
            _venv(BUILD / "venv-pathway", PATHWAY)
        except BuildError as error:
            print(f"no Pathway: {error}", file=sys.stderr)
    return main


def _venv(directory: Path, packages: list[str]) -> Path:
    python = directory / "bin" / "python"
    stamp, wanted = python.with_name(INSTALLED), "\n".join([sys.version, *packages])
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
