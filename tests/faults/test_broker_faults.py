"""Catalogue B1: every script of ``tests.brokers.faults`` with QoS 0, 1, 2 on MQTT 3.1.1 and 5: no crash, no hang, no silent loss.

A process for each version and QoS; in it all scripts run at once. What a process does not end, it has crashed in.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from typing import Any, NamedTuple

import pytest
from tests.brokers.fault_scripts import SCRIPTS
from tests.faults.cells import run_cell
from tests.faults.witness import Witness

ROOT = __file__.rsplit("/tests/", 1)[0]
_LONGEST = 90.0


class Cell(NamedTuple):
    script: str
    version: int
    qos: int


CELLS = [Cell(script, version, qos) for version in (4, 5) for qos in (0, 1, 2) for script in SCRIPTS]


@pytest.fixture(scope="module")
def results(request: pytest.FixtureRequest) -> dict[Cell, dict[str, Any]]:
    """Of those cells that were asked for, each with how it ended."""
    asked = [
        item.callspec.params["cell"] for item in request.session.items if getattr(item, "callspec", None) and "cell" in item.fixturenames
    ]
    processes: dict[tuple[int, int], list[str]] = defaultdict(list)
    for cell in asked:
        processes[cell.version, cell.qos].append(cell.script)
    running = {key: start(*key, names) for key, names in processes.items()}
    found: dict[Cell, dict[str, Any]] = {}
    for key, process in running.items():
        found |= {Cell(name, *key): result for name, result in finish(process, processes[key]).items()}
    return found


def start(version: int, qos: int, names: list[str]) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.faults.cells", str(version), str(qos), *names]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen[str], names: list[str]) -> dict[str, dict[str, Any]]:
    try:
        out, errors = process.communicate(timeout=_LONGEST)
    except subprocess.TimeoutExpired:
        process.kill()
        out, errors = process.communicate()
    told: dict[str, dict[str, Any]] = {name: {"state": "never began"} for name in names}
    for line in out.splitlines():
        facts = json.loads(line)
        told[facts["cell"]] = facts
    for facts in told.values():
        if facts["state"] != "ends":
            facts["problems"] = [f"{facts['state']}, and does not end; the process ended with {process.returncode}:\n{errors[-3000:]}"]
    return told


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: f"{cell.script}-v{cell.version}-qos{cell.qos}")
def test_nothing_crashes_hangs_or_is_lost(cell: Cell, results: dict[Cell, dict[str, Any]]) -> None:
    result = results[cell]
    print(result.get("terms"), result.get("seconds"), result.get("waits"))
    assert not result["problems"], "\n".join(result["problems"])


def test_a_row_that_is_lost_on_the_way_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole chain, with a witness that loses one."""
    take = Witness.take

    def lose(witness: Witness, seconds: float) -> set[int]:
        came = take(witness, seconds)
        witness.rows = [row for row in witness.rows if row.number != 33]
        return came

    monkeypatch.setattr(Witness, "take", lose)
    problems = run_cell("close_in_topic", 5, 1)["problems"]
    assert [problem.split(":")[0] for problem in problems] == ["rows", "lost"]


def test_a_crash_is_seen_and_the_cells_are_known() -> None:
    code = (
        """print('{"cell": "a", "state": "ends", "problems": []}\\n{"cell": "b", "state": "begins"}', flush=True); import os; os.abort()"""
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    told = finish(process, ["a", "b", "c"])
    assert told["a"]["problems"] == []
    assert "begins, and does not end; the process ended with -6" in told["b"]["problems"][0]
    assert "never began" in told["c"]["problems"][0]
