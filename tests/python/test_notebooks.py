"""Each notebook runs from top to bottom, and is committed with the output of a run."""

import re
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from scripts import run_notebooks
from tests.brokers.hivemq import HiveMQ

nbformat = pytest.importorskip("nbformat")
pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")
pytest.importorskip("amqtt")
pytest.importorskip("duckdb")
pytest.importorskip("matplotlib")
pytest.importorskip("anywidget")

NOTEBOOKS = sorted(run_notebooks.NOTEBOOKS.glob("*.ipynb"))
AT_ONCE = 3  # of those that run: most of it is waiting
# A path of the machine where it ran: a home, a temporary directory, an installed package, a cell's file.
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:home|root|tmp|var|usr|opt|work|Users|private|mnt|srv)/|site-packages|ipykernel_\d")
MAX_BYTES = 300_000  # of which most are pictures


def outputs_as_text(notebook: Any) -> str:
    parts: list[str] = []
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            parts.append(output.get("text", ""))
            parts += [str(value) for kind, value in output.get("data", {}).items() if not kind.startswith("image/")]
            parts += output.get("traceback", [])
    return "\n".join(parts)


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def path(request: pytest.FixtureRequest) -> Path:
    found: Path = request.param
    return found


@pytest.fixture(scope="module")
def workers() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        yield pool
        pool.shutdown(cancel_futures=True)


@pytest.fixture(scope="module")
def runs(workers: ThreadPoolExecutor, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Future[Any]]:
    """All that need nothing from outside, begun together with the first test."""
    return {
        path.stem: workers.submit(run_notebooks.execute, path, tmp_path_factory.mktemp(path.stem))
        for path in NOTEBOOKS
        if path.stem != run_notebooks.CLOUD
    }


def assert_shows_what_it_showed(executed: Any, path: Path) -> None:
    """The cells that show something are those that showed something when it was committed."""
    committed = nbformat.read(path, as_version=4)
    assert [len(cell.get("outputs", [])) > 0 for cell in executed.cells] == [len(cell.get("outputs", [])) > 0 for cell in committed.cells]


def test_there_is_the_quickstart() -> None:
    assert "01_quickstart" in [path.stem for path in NOTEBOOKS]


@pytest.mark.filterwarnings("default")  # the kernel's client warns about event loops; the notebook's own warnings are its output
@pytest.mark.timeout(180)
def test_the_cloud_one_needs_an_address_and_a_credential(
    runs: dict[str, Future[Any]], hivemq: HiveMQ, ca_file: str, tmp_path: Path
) -> None:
    """First, since the others run meanwhile."""
    assert runs
    path = run_notebooks.NOTEBOOKS / f"{run_notebooks.CLOUD}.ipynb"
    with run_notebooks.cloud_environment(hivemq, ca_file) as environment:
        executed = run_notebooks.execute(path, tmp_path, environment)
    assert_shows_what_it_showed(executed, path)
    text = outputs_as_text(executed)
    assert "SubscribeDenied" in text
    assert "PublishDenied" in text
    assert environment["MQTT_PASSWORD"] not in nbformat.writes(executed)


@pytest.mark.filterwarnings("default")
@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", [path.stem for path in NOTEBOOKS if path.stem != run_notebooks.CLOUD])
def test_runs_from_top_to_bottom(name: str, runs: dict[str, Future[Any]]) -> None:
    assert_shows_what_it_showed(runs[name].result(), run_notebooks.NOTEBOOKS / f"{name}.ipynb")


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


def test_carries_no_secret_and_is_small(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert "demo-password" not in text
    assert len(text) < MAX_BYTES


def test_paths_leave_warnings_and_nothing_else_does() -> None:
    stream = nbformat.v4.new_output(
        "stream", name="stderr", text="a\n/tmp/ipykernel_1/2.py:3: UserWarning: so: it is\n  line_of(code)\nb\n"
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x", outputs=[stream], metadata={"execution": {"a": "b"}})])
    assert run_notebooks.clean(notebook).cells[0].outputs[0].text == "a\nUserWarning: so: it is\nb\n"
    assert notebook.cells[0].metadata == {}


def test_the_check_for_paths_finds_one() -> None:
    for text in ("/home/me/x.py", "File /tmp/ipykernel_12/3.py", "/opt/venv/lib/python3/site-packages/x"):
        assert MACHINE_PATH.search(text)
    assert not MACHINE_PATH.search("mqtt://127.0.0.1/plant/tmp/1 and/or plant/home/2")
