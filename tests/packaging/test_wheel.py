"""The repaired wheel stands alone: installed where the libraries' packages are hidden, it reads from a broker."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest

import honeyframe as hf

ROOT = Path(__file__).resolve().parents[2]
WHEELS = ROOT / "build" / "wheel" / "repaired"

READ = """
import sys, honeyframe as hf
df = hf.read_mqtt(sys.argv[1], "wheel/test", rows=3, seconds=10)
print(len(df), df["n"].dtype)
maps = open("/proc/self/maps").read()
lean = hf._core.build_info()["paho"].endswith(", lean")
for library in ("paho", "simdjson"):
    used = {line.split()[-1] for line in maps.splitlines() if library in line}
    inside = lean and library == "paho"  # the extension itself
    assert bool(used) != inside and all("honeyframe.libs" in path for path in used), (library, used)
"""

# Mounts an empty file over each of the system's copies, in a mount namespace of its own.
HIDE = 'for f in /usr/lib/*/libpaho-mqtt3*.so* /usr/lib/*/libsimdjson.so*; do [ -e "$f" ] && mount --bind /dev/null "$f"; done; exec "$@"'


@pytest.fixture(scope="session")
def wheel() -> Path:
    wheels = list(WHEELS.glob("*.whl"))
    if not wheels:
        pytest.skip("no repaired wheel: sh scripts/test.sh makes it (scripts/repair_wheel.py)")
    return wheels[0]


@pytest.fixture(scope="session")
def clean_python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    environment = tmp_path_factory.mktemp("clean") / "venv"
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    python = environment / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", wheel], check=True)
    return python


def can_hide() -> bool:
    probe = ["unshare", "--mount", "sh", "-c", "f=$(mktemp) && mount --bind /dev/null $f"]
    return os.geteuid() == 0 and subprocess.run(probe, capture_output=True).returncode == 0


def test_wheel_is_manylinux_and_carries_libraries_with_licences(wheel: Path) -> None:
    assert "manylinux" in wheel.name
    names = zipfile.ZipFile(wheel).namelist()
    libraries = [name for name in names if ".libs/" in name]
    lean = hf._core.build_info()["paho"].endswith(", lean")
    assert any("libpaho-mqtt3as" in name for name in libraries) != lean
    assert any("libssl" in name for name in libraries)
    assert any("libsimdjson" in name for name in libraries)
    licences = [name for name in names if "/licenses/" in name]
    assert any(name.endswith("LICENSE") for name in licences)
    for package in ("libpaho-mqtt", "libssl", "libsimdjson"):
        assert any(package in name for name in licences), (package, licences)


@pytest.mark.timeout(300)
def test_wheel_reads_from_a_broker_without_the_libraries_packages(clean_python: Path, mosquitto_uri: str) -> None:
    stop = threading.Event()

    def publish() -> None:
        with hf.connect(mosquitto_uri) as client:
            while not stop.wait(0.05):
                client.publish("wheel/test", {"n": 1})

    command = [str(clean_python), "-c", READ, mosquitto_uri]
    if can_hide():
        command = ["unshare", "--mount", "sh", "-c", HIDE, "sh", *command]
    publisher = threading.Thread(target=publish)
    publisher.start()
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    finally:
        stop.set()
        publisher.join()
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["3", "Int64"]
