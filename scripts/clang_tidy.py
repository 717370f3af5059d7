"""Runs clang-tidy over the core, two files at a time, skipping files that were clean and have not changed since.

A header's change checks everything again. Each file is read without the precompiled header, so that an include which is missing is found
here. ``--deep`` lets clang's analyzer follow every path, which takes three times as long.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "clang-tidy"
CLEAN = BUILD / "clean"
SHALLOW = [f"--extra-arg={word}" for word in ("-Xclang", "-analyzer-config", "-Xclang", "mode=shallow")]


def configure() -> str:
    """Writes compile_commands.json; what went wrong, else nothing."""
    command = ["cmake", "--preset", "default", "-B", str(BUILD), "-DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    return done.stdout + done.stderr if done.returncode else ""


def fingerprint(source: Path, options: list[str]) -> str:
    digest = hashlib.sha256((ROOT / ".clang-tidy").read_bytes() + repr(options).encode())
    for path in [source, *sorted(source.parent.glob("*.h"))]:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def check(source: Path, options: list[str]) -> str:
    stamp = CLEAN / source.name
    value = fingerprint(source, options)
    if stamp.exists() and stamp.read_text() == value:
        return ""
    command = ["clang-tidy", "--quiet", "-p", str(BUILD), "--extra-arg=-Wno-unknown-warning-option", *options, str(source)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode == 0 and not done.stdout.strip():
        stamp.write_text(value)
        return ""
    return f"{source.relative_to(ROOT)}:\n{done.stdout}{done.stderr}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--deep", action="store_true", help="let clang's analyzer follow every path")
    options = [] if parser.parse_args().deep else SHALLOW
    if failure := configure():
        print(failure)
        return 1
    CLEAN.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(2) as pool:
        found = [text for text in pool.map(lambda source: check(source, options), sorted((ROOT / "cpp/core").glob("*.cpp"))) if text]
    print("\n".join(found), end="")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
