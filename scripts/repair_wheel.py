"""Make a wheel self-contained: ``repair_wheel.py SOURCE_DIR TARGET_DIR``.

``auditwheel repair`` copies the shared libraries that the extension needs into the wheel; this adds the licence of each, as
its Debian package states it, to the wheel's ``.dist-info/licenses``. Where Paho is none of them, its static archive is part
of the extension, and its licence comes along all the same. Needs ``auditwheel``, ``patchelf`` 0.14.5, and ``dpkg-query``.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def owner(library: str) -> str:
    """The Debian package that a grafted library comes from: ``libssl-1a2b3c4d.so.3`` -> ``libssl3``."""
    name = re.sub(r"-[0-9a-f]{8}(?=\.so)", "", library)
    found = subprocess.run(["dpkg-query", "-S", f"*/{name}"], capture_output=True, text=True).stdout.split(":")[0]
    if not found:
        sys.exit(f"No Debian package owns {name}: its licence is unknown, so the wheel must not carry it.")
    return found


def add_licences(wheel: Path, target: Path) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        run(sys.executable, "-m", "wheel", "unpack", "--dest", temporary, str(wheel))
        (tree,) = Path(temporary).iterdir()
        (licences,) = tree.glob("*.dist-info/licenses")
        libraries = sorted(library.name for library in (tree / "honeyframe.libs").iterdir())
        if not any(name.startswith("libpaho-mqtt3as") for name in libraries):
            libraries.append("libpaho-mqtt3as.a")
        for library in libraries:
            package = owner(library)
            text = (Path("/usr/share/doc") / package / "copyright").read_text(encoding="utf-8")
            (licences / f"{package}.txt").write_text(f"{library} comes from Debian's {package}:\n\n{text}", encoding="utf-8")
        run(sys.executable, "-m", "wheel", "pack", "--dest-dir", str(target), str(tree))


def main() -> None:
    source, target = Path(sys.argv[1]), Path(sys.argv[2])
    target.mkdir(parents=True, exist_ok=True)
    for old in target.glob("*.whl"):
        old.unlink()
    (wheel,) = source.glob("*.whl")
    with tempfile.TemporaryDirectory() as temporary:
        run(sys.executable, "-m", "auditwheel", "repair", "--wheel-dir", temporary, str(wheel))
        (repaired,) = Path(temporary).glob("*.whl")
        add_licences(repaired, target)
    print(next(target.glob("*.whl")).name)


if __name__ == "__main__":
    main()
