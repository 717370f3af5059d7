"""Runs clang-tidy over the core, two files at a time, skipping files that were clean and have not changed since.

Needs ``build/default/compile_commands.json`` (``cmake --preset default``). A header's change checks everything again.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "default"
CLEAN = ROOT / "build" / "clang-tidy"


def fingerprint(source: Path) -> str:
    digest = hashlib.sha256((ROOT / ".clang-tidy").read_bytes())
    for path in [source, *sorted(source.parent.glob("*.h"))]:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def check(source: Path) -> tuple[Path, str]:
    stamp = CLEAN / source.name
    value = fingerprint(source)
    if stamp.exists() and stamp.read_text() == value:
        return source, ""
    command = ["clang-tidy", "--quiet", "-p", str(BUILD), "--extra-arg=-Wno-unknown-warning-option", str(source)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode == 0 and not done.stdout.strip():
        stamp.write_text(value)
        return source, ""
    return source, done.stdout + done.stderr


def main() -> int:
    if not (BUILD / "compile_commands.json").exists():
        print("First: cmake --preset default")
        return 1
    CLEAN.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(2) as pool:
        failed = [(source, text) for source, text in pool.map(check, sorted((ROOT / "cpp/core").glob("*.cpp"))) if text]
    for source, text in failed:
        print(f"{source.relative_to(ROOT)}:\n{text}")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
