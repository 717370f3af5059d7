"""Runs the notebooks and writes their outputs into the files, so that what a reader sees is what the code did.

    python scripts/run_notebooks.py                # all of notebooks/
    python scripts/run_notebooks.py 01 05          # those whose names begin so

Each runs in an empty directory, with no settings, credentials or accounts of whoever runs it. What is of this machine alone goes from the
outputs: paths in warnings, times of cells. ``02_hivemq_cloud`` runs against HiveMQ Community Edition over TLS, on loopback.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = ROOT / "notebooks"
CLOUD = "02_hivemq_cloud"
CELL_SECONDS = 60

if TYPE_CHECKING:
    from tests.brokers.hivemq import HiveMQ

_WIDGET = "application/vnd.jupyter.widget-view+json"
# "/tmp/ipykernel_1/2.py:3: ConflictWarning: text", and the line of code below it.
_WARNING = re.compile(r"^\S+:\d+: (?P<what>\w*Warning: .*\n)(?:  .*\n?)?", re.MULTILINE)


def execute(path: Path, directory: Path, environment: dict[str, str] | None = None) -> Any:
    """The notebook with the outputs of a run in ``directory``, by this interpreter. In any thread; raises nbclient's CellExecutionError."""
    import nbclient

    notebook = _nbformat().read(path, as_version=4)
    client = nbclient.NotebookClient(
        notebook, timeout=CELL_SECONDS, kernel_name="python3", resources={"metadata": {"path": str(directory)}}, coalesce_streams=True
    )
    asyncio.run(client.async_execute(env={**_surroundings(directory), **(environment or {})}))
    return notebook


def clean(notebook: Any) -> Any:
    """The same without what is of this machine, or of this run alone."""
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in notebook.cells:
        for name in ("execution", "scrolled", "collapsed"):
            cell.metadata.pop(name, None)
        for output in cell.get("outputs", []):
            if output.output_type == "stream":
                output.text = _WARNING.sub(r"\g<what>", output.text)
            output.get("data", {}).pop(_WIDGET, None)  # it is gone with the kernel; what stays is its picture
    return notebook


@contextlib.contextmanager
def cloud_environment(broker: HiveMQ, ca_file: str) -> Iterator[dict[str, str]]:
    """What ``02_hivemq_cloud`` finds instead of a cluster: a credential that may only use the topics of the notebook."""
    from tests.brokers.hivemq import USERS, User

    user = User("demo", "demo-password", topic_filter="honeyframe-demo/#")
    broker.set_users((*USERS, user))
    try:
        yield {
            "MQTT_SERVER": broker.uri("mqtts"),
            "MQTT_USERNAME": user.username,
            "MQTT_PASSWORD": user.password,
            "SSL_CERT_FILE": ca_file,
        }
    finally:
        broker.set_users(USERS)


def _surroundings(directory: Path) -> dict[str, str]:
    """The environment of a kernel: this one's honeyframe, and no settings."""
    import honeyframe

    (directory / ".settings").mkdir(exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MQTT_", "HONEYFRAME_", "SSL_CERT_", "XDG_"))}
    package = str(Path(honeyframe.__file__).resolve().parents[1])
    own = {name: str(directory / ".settings" / name.lower()) for name in ("IPYTHONDIR", "MPLCONFIGDIR", "XDG_DATA_HOME", "XDG_CONFIG_HOME")}
    path = os.pathsep.join(filter(None, [package, kept.get("PYTHONPATH")]))
    return {**kept, **own, "PYTHONPATH": path, "JUPYTER_PLATFORM_DIRS": "1"}


def _nbformat() -> Any:
    """Its functions are not typed."""
    return importlib.import_module("nbformat")


@contextlib.contextmanager
def _environment_of(path: Path, directory: Path) -> Iterator[dict[str, str]]:
    if path.stem != CLOUD:
        yield {}
        return
    sys.path.insert(0, str(ROOT))
    from tests.brokers.certificates import Authority
    from tests.brokers.hivemq import HiveMQ

    (directory / ".settings").mkdir()
    authority = Authority.create()
    broker = HiveMQ(authority)
    try:
        with cloud_environment(broker, str(authority.write(directory / ".settings" / "ca.crt"))) as environment:
            yield environment
    finally:
        broker.close()


def main(names: list[str]) -> int:
    paths = [path for path in sorted(NOTEBOOKS.glob("*.ipynb")) if not names or path.name.startswith(tuple(names))]
    if not paths:
        print(f"no notebook in {NOTEBOOKS} begins with {' or '.join(names)}")
        return 1
    for path in paths:
        with tempfile.TemporaryDirectory() as name:
            directory = Path(name)
            with _environment_of(path, directory) as environment:
                notebook = execute(path, directory, environment)
        _nbformat().write(clean(notebook), path)
        print(f"{path.name}: {sum(cell.cell_type == 'code' for cell in notebook.cells)} cells")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
