"""``cmake --install`` gives a package that a C++ program can stand on: examples/cpp is built on it and reads from a broker."""

from __future__ import annotations

import json
import subprocess
import threading
from pathlib import Path

import pytest
from tests.core_build import core_build

import honeyframe as hf

ROOT = Path(__file__).resolve().parents[2]


def run(*command: object, timeout: float = 240) -> str:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=timeout)
    assert done.returncode == 0, f"{command}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="session")
def honeyframe_tail(tmp_path_factory: pytest.TempPathFactory) -> Path:
    build = core_build()
    work = tmp_path_factory.mktemp("cmake-package")
    run("cmake", "--install", build, "--prefix", work / "prefix")
    # What people copy shall not even read freed memory: without AddressSanitizer it went unnoticed, most of the time.
    flags = "-g -fsanitize=address,undefined -fno-sanitize-recover=all"
    run(
        *("cmake", "-S", ROOT / "examples" / "cpp", "-B", work / "build", "-G", "Ninja"),
        *(f"-DCMAKE_PREFIX_PATH={work / 'prefix'}", f"-DCMAKE_CXX_FLAGS={flags}"),
    )
    run("cmake", "--build", work / "build")
    return work / "build" / "honeyframe_tail"


def publish_until(stop: threading.Event, uri: str) -> None:
    with hf.connect(uri) as client:
        for number in range(1000):
            client.publish("plant/north/telemetry", {"temperature": 20 + number / 2, "id": number}, qos=1)
            if stop.wait(0.02):
                return


@pytest.mark.timeout(300)
def test_example_reads_rows_from_a_broker(honeyframe_tail: Path, mosquitto_uri: str) -> None:
    stop = threading.Event()
    publisher = threading.Thread(target=publish_until, args=(stop, mosquitto_uri))
    publisher.start()
    try:
        printed = run(honeyframe_tail, mosquitto_uri, "plant/{line}/telemetry", 10, timeout=30)
    finally:
        stop.set()
        publisher.join()
    assert "line: string" in printed
    assert "temperature: float64" in printed
    assert "id: int64" in printed
    assert "10 rows" in printed


def test_example_names_a_bad_address(honeyframe_tail: Path) -> None:
    done = subprocess.run([honeyframe_tail, "http://localhost", "a/b", "1"], capture_output=True, text=True, timeout=10)
    assert done.returncode == 1
    assert "http" in done.stderr


@pytest.mark.parametrize("mode", ["auto", "lean", "system", None])
def test_paho_is_linked_as_asked(tmp_path: Path, mode: str | None) -> None:
    asked = [] if mode is None else [f"-DHONEYFRAME_PAHO={mode}"]
    said = run("cmake", "-S", ROOT, "-B", tmp_path, "-G", "Ninja", "-DHONEYFRAME_BUILD_PYTHON=OFF", *asked)
    found = "system" if mode == "system" else "lean"
    assert f"Paho: {found}" in said
    assert (tmp_path / "paho" / "paho_names.h").exists() == (found == "lean")


def test_without_the_archive_auto_takes_the_system_and_lean_says_why(tmp_path: Path) -> None:
    broken = tmp_path / "libpaho-mqtt3as.a"
    broken.write_text("no archive")
    options = ["-S", ROOT, "-B", tmp_path, "-G", "Ninja", "-DHONEYFRAME_BUILD_PYTHON=OFF", f"-DHONEYFRAME_PAHO_ARCHIVE={broken}"]
    said = run("cmake", *options, "-DHONEYFRAME_PAHO=auto")
    assert "Paho: system" in said
    assert "cannot be unpacked" in said
    done = subprocess.run(["cmake", *map(str, options), "-DHONEYFRAME_PAHO=lean"], capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert "-DHONEYFRAME_PAHO=system" in done.stderr


def test_presets_are_the_five_promised() -> None:
    presets = json.loads((ROOT / "CMakePresets.json").read_text())
    names = {preset["name"] for preset in presets["configurePresets"] if not preset.get("hidden")}
    assert names == {"default", "asan", "tsan", "fuzz", "release"}
