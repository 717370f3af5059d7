"""Each notebook runs from top to bottom, and is committed with the output of a run."""

import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")
pytest.importorskip("amqtt")

NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))
# A path of the machine where it ran: a home, a temporary directory, an installed package, a cell's file.
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:home|root|tmp|var|usr|opt|work|Users|private|mnt|srv)/|site-packages|ipykernel_\d")


def outputs_as_text(notebook: Any) -> str:
    parts: list[str] = []
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            parts.append(output.get("text", ""))
            parts += [str(value) for value in output.get("data", {}).values()]
            parts += output.get("traceback", [])
    return "\n".join(parts)


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def path(request: pytest.FixtureRequest) -> Path:
    found: Path = request.param
    return found


def test_there_is_the_quickstart() -> None:
    assert "01_quickstart" in [path.stem for path in NOTEBOOKS]


@pytest.mark.filterwarnings("default")  # the kernel's client warns about event loops; the notebook's own warnings are its output
@pytest.mark.timeout(180)
def test_runs_from_top_to_bottom(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("MQTT_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")
    package = next(Path(entry) for entry in sys.path if (Path(entry or ".") / "honeyframe" / "__init__.py").exists())
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(package.resolve()), os.environ.get("PYTHONPATH")])))
    notebook = nbformat.read(path, as_version=4)
    committed = [len(cell.get("outputs", [])) for cell in notebook.cells]
    # The interpreter that runs the tests, whatever kernels this machine has registered.
    nbclient.NotebookClient(notebook, timeout=60, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}).execute()
    executed = [len(cell.get("outputs", [])) for cell in notebook.cells]
    # The cells that show something are those that showed something when it was committed.
    assert [count > 0 for count in executed] == [count > 0 for count in committed]


def test_is_committed_as_it_ran(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert sum(len(cell.outputs) for cell in code) >= len(code) // 2
    assert not any(output.output_type == "error" for cell in code for output in cell.outputs)


def test_carries_no_machine_path_and_no_traceback(path: Path) -> None:
    text = outputs_as_text(nbformat.read(path, as_version=4))
    assert MACHINE_PATH.findall(text) == []
    assert "Traceback" not in text


def test_the_check_for_paths_finds_one() -> None:
    for text in ("/home/me/x.py", "File /tmp/ipykernel_12/3.py", "/opt/venv/lib/python3/site-packages/x"):
        assert MACHINE_PATH.search(text)
    assert not MACHINE_PATH.search("mqtt://127.0.0.1/plant/tmp/1 and/or plant/home/2")
