"""scripts/setup.sh on machines that are not Debian: it names what is missing and how to get it, and changes nothing."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run_setup(tmp_path: Path, system: str, shell: str, tools: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """Runs ``shell`` after setup.sh with a PATH that holds only a fake ``uname`` and the given fake tools."""
    for name, body in {"uname": f"echo {system}", **dict.fromkeys(tools, "exit 0")}.items():
        tool = tmp_path / name
        tool.write_text(f"#!/bin/sh\n{body}\n")
        tool.chmod(0o755)
    return subprocess.run(
        ["/bin/sh", "-c", f". scripts/setup.sh; {shell}"],
        cwd=ROOT,
        env={"PATH": str(tmp_path), "HOME": os.environ.get("HOME", "/")},
        capture_output=True,
        text=True,
        timeout=20,
    )


@pytest.mark.parametrize(
    ("system", "advice"),
    [("Darwin", "brew install"), ("MINGW64_NT-10.0", "wsl --install"), ("Linux", "dnf install")],
)
def test_other_systems_are_told_what_to_do(tmp_path: Path, system: str, advice: str) -> None:
    done = run_setup(tmp_path, system, "install_packages $BUILD_PACKAGES")
    assert done.returncode == 1
    assert advice in done.stderr
    assert "cmake" in done.stderr
    assert "HONEYFRAME_SKIP_PACKAGES=1" in done.stderr


def test_what_is_there_is_not_called_missing(tmp_path: Path) -> None:
    done = run_setup(tmp_path, "Darwin", "install_packages x", tools=("c++", "cmake", "python3", "pkg-config"))
    missing = next(line for line in done.stderr.splitlines() if line.startswith("Missing"))
    assert missing.split(":")[1].split() == ["ninja"]


def test_packages_can_be_skipped(tmp_path: Path) -> None:
    done = run_setup(tmp_path, "Darwin", "HONEYFRAME_SKIP_PACKAGES=1; install_packages x && echo went on")
    assert done.stdout.strip() == "went on"


def test_without_root_and_sudo_the_packages_are_named(tmp_path: Path) -> None:
    (tmp_path / "id").write_text("#!/bin/sh\necho 1000\n")
    (tmp_path / "id").chmod(0o755)
    done = run_setup(tmp_path, "Linux", "install_packages libfirst libsecond", tools=("apt-get", "dpkg-query"))
    assert done.returncode == 1
    assert "libfirst libsecond" in done.stderr


def test_a_step_runs_once_until_its_value_changes(tmp_path: Path) -> None:
    shell = f"STAMPS={tmp_path}; PATH=/usr/bin:/bin; once a 1 echo ran; once a 1 echo ran; once a 2 echo again"
    done = run_setup(tmp_path, "Linux", shell)
    assert done.stdout.split() == ["ran", "again"]


@pytest.mark.parametrize("script", ["scripts/faults.sh", "scripts/soak.sh"])
def test_long_tests_build_nothing_and_say_so(script: str, tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "HONEYFRAME_VENV": str(tmp_path / "none")}
    done = subprocess.run(["/bin/sh", script], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=20)
    assert done.returncode == 1
    assert "run sh scripts/test.sh first" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("fails", "told"), [("nothing", ""), ("WEB=ON", "Built WITHOUT charts and dashboards. Once npm works:  rm -r build/wheel && sh")]
)
def test_where_npm_fails_it_is_told_and_the_rest_is_built(tmp_path: Path, fails: str, told: str) -> None:
    python = tmp_path / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\ncase "$*" in *{fails}*) echo "npm ci failed: no network" >&2; exit 1;; esac\necho "$@"\n')
    python.chmod(0o755)
    done = run_setup(tmp_path, "Linux", f"rm() {{ :; }}; mkdir() {{ :; }}; VENV={tmp_path / 'venv'}; build_wheel")
    assert done.returncode == 0
    assert ("npm ci failed: no network" in done.stderr) == bool(told)
    assert told in done.stdout + done.stderr
    assert done.stdout.count("-w build/wheel/raw .") == 1
