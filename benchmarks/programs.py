"""The C++ and Rust programs, built when they are needed, below ``build/benchmarks``."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "benchmarks"
HERE = ROOT / "benchmarks"


class BuildError(RuntimeError):
    """With the end of what the tool printed."""


@dataclass(frozen=True)
class Programs:
    """Where the programs are. What is missing has its reason in ``missing``, and is left out of the tables."""

    directory: Path
    rumqttc: Path | None
    missing: dict[str, str]
    rumqttc_version: str = ""

    def path(self, name: str) -> Path | None:
        path = self.rumqttc if name == "receive_rumqttc" else self.directory / name
        return path if path is not None and path.exists() else None

    def __getitem__(self, name: str) -> Path:
        path = self.path(name)
        if path is None:
            raise BuildError(f"{name}: {self.missing.get(name, 'was not built')}")
        return path


def build(directory: Path = BUILD, *, prefix: Path | None = None, rust: bool = True) -> Programs:
    """Configures and builds; seconds where nothing changed.

    ``prefix``: an installed honeyframe; else the core is built from the sources, for release.
    """
    cpp = directory / "cpp"
    configure = ["cmake", "-S", str(HERE), "-B", str(cpp), "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release"]
    if prefix is not None:
        configure.append(f"-DCMAKE_PREFIX_PATH={prefix}")
    _run(configure)
    _run(["cmake", "--build", str(cpp)])
    missing = {}
    if not (cpp / "bin" / "receive_mosquitto").exists():
        missing["receive_mosquitto"] = "libmosquitto is not here: apt-get install libmosquitto-dev"
    rumqttc, reason = _build_rust(directory) if rust else (None, "Rust was not asked for")
    if rumqttc is None:
        missing["receive_rumqttc"] = reason
    lock = directory / "rust-sources" / "Cargo.lock"
    found = re.search(r'name = "rumqttc"\nversion = "([^"]+)"', lock.read_text()) if rumqttc is not None else None
    return Programs(cpp / "bin", rumqttc, missing, f"rumqttc {found[1]}" if found else "")


def _build_rust(directory: Path) -> tuple[Path | None, str]:
    cargo = shutil.which("cargo")
    if cargo is None:
        return None, "cargo is not here: install Rust to compare with rumqttc"
    # A copy: cargo leaves its lock file beside the sources.
    copy = directory / "rust-sources"
    shutil.copytree(HERE / "rust", copy, dirs_exist_ok=True)
    target = directory / "rust"
    try:
        _run([cargo, "build", "--release", "--quiet", "--manifest-path", str(copy / "Cargo.toml")], CARGO_TARGET_DIR=str(target))
    except BuildError as error:
        return None, f"cargo could not build it: {str(error).splitlines()[-1]}"
    return target / "release" / "receive-rumqttc", ""


def _run(command: list[str], **environment: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **environment})
    if done.returncode != 0:
        printed = (done.stdout + done.stderr).strip().splitlines()
        raise BuildError(f"{' '.join(command)}: exit {done.returncode}\n" + "\n".join(printed[-30:]))
