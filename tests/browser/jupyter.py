"""JupyterLab and Notebook 7 on loopback, with a token and a directory of their own, and one notebook open in a page of Chromium.

Both front ends are the same code from the toolbar down, so that one set of selectors works for both.
"""

from __future__ import annotations

import importlib.util
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

from tests.brokers.ports import free_ports

from .chromium import BrowserUnavailable, screenshot

FrontEnd = Literal["lab", "notebook"]
_MODULES: dict[FrontEnd, str] = {"lab": "jupyterlab", "notebook": "notebook"}
_START_SECONDS = 60.0
# Without them JupyterLab asks whether to fetch news, and takes cells out of the page that are not in sight.
_SETTINGS = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none", "recordTiming": False},
    "@jupyterlab/docmanager-extension:plugin": {"autosave": False},
    "@jupyterlab/completer-extension:manager": {"autoCompletion": False},
}
_TELL_OF_CHANGES = """prompt => {
  delete prompt.dataset.changed;
  const observer = new MutationObserver(() => { prompt.dataset.changed = "yes"; observer.disconnect(); });
  observer.observe(prompt, {childList: true, characterData: true, subtree: true});
}"""


class JupyterServer:
    """One server, and a kernel for each notebook that is opened; all of it ends with ``close``, and with this process at the latest."""

    def __init__(self, front_end: FrontEnd = "lab", *, environment: dict[str, str] | None = None) -> None:
        module = _MODULES[front_end]
        for name in (module, "ipykernel"):
            if importlib.util.find_spec(name) is None:
                raise BrowserUnavailable(f"{name} not found: pip install {name} (it is in the extra dev)")
        self.front_end = front_end
        self._home = Path(tempfile.mkdtemp(prefix="jupyter-"))
        self.directory = self._home / "notebooks"
        self.directory.mkdir()
        self.token = secrets.token_hex(16)
        (port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{port}"
        self._log = (self._home / "log.txt").open("wb")
        command = [sys.executable, "-m", module, "--no-browser", f"--port={port}", "--ServerApp.ip=127.0.0.1", "--ServerApp.port_retries=0"]
        command += [f"--ServerApp.root_dir={self.directory}", "--ServerApp.terminals_enabled=False", "--LabApp.news_url=None"]
        command += ["--allow-root"] if os.geteuid() == 0 else []
        # The token by environment, where `ps` does not show it.
        surroundings = {**self._environment(), **(environment or {}), "JUPYTER_TOKEN": self.token}
        self._process = subprocess.Popen(
            command, cwd=self.directory, env=surroundings, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log
        )
        try:
            self._wait_until_it_answers()
        except BaseException:
            self.close()
            raise

    # --- notebooks

    def add(self, notebook: Path) -> str:
        """A copy of a notebook's file; its name."""
        shutil.copy(notebook, self.directory / notebook.name)
        return notebook.name

    def write(self, name: str, cells: Sequence[str]) -> str:
        """A new notebook with these code cells."""
        import nbformat

        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        (self.directory / name).write_text(nbformat.writes(notebook))
        return name

    def open(self, page: Any, name: str) -> NotebookPage:
        """Opens a notebook of ``directory``, and returns when its kernel is idle."""
        place = f"lab/workspaces/{secrets.token_hex(4)}/tree" if self.front_end == "lab" else "notebooks"
        page.goto(f"{self.url}/{place}/{name}?token={self.token}")
        opened = NotebookPage(page, self.kernels)
        opened.wait_for_kernel()
        return opened

    # --- the server

    def log(self) -> str:
        self._log.flush()
        return (self._home / "log.txt").read_text(errors="replace")

    def kernels(self) -> list[dict[str, Any]]:
        try:
            answer: list[dict[str, Any]] = json.loads(self._get("/api/kernels"))
        except urllib.error.HTTPError:  # 500 while a kernel is just being made
            return []
        return answer

    def close(self) -> None:
        """SIGTERM makes the server end its kernels first."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()
        shutil.rmtree(self._home, ignore_errors=True)

    def _environment(self) -> dict[str, str]:
        """As this process has, but for credentials, settings and places of the user's. Kernels find the honeyframe that is tested."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("MQTT_", "JUPYTER", "IPYTHON", "HONEYFRAME_"))}
        places = {
            name: self._home / name.lower() for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
        }
        settings = self._home / "jupyter_config_dir" / "labconfig"
        settings.mkdir(parents=True)
        (settings / "default_setting_overrides.json").write_text(json.dumps(_SETTINGS))
        import honeyframe

        package = str(Path(honeyframe.__file__).resolve().parents[1])
        path = os.pathsep.join(filter(None, [package, kept.get("PYTHONPATH")]))
        return kept | _shared_files() | {name: str(place) for name, place in places.items()} | {"HOME": str(self._home), "PYTHONPATH": path}

    def _wait_until_it_answers(self) -> None:
        end = time.monotonic() + _START_SECONDS
        while True:
            try:
                self._get("/api/status")
                return
            except OSError as error:
                if self._process.poll() is not None or time.monotonic() > end:
                    raise RuntimeError(f"{self.front_end} did not start ({error}):\n{self.log()[-4000:]}") from None
            time.sleep(0.1)

    def _get(self, path: str) -> bytes:
        request = urllib.request.Request(self.url + path, headers={"Authorization": f"token {self.token}"})  # our own loopback
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=10) as answer:
            content: bytes = answer.read()
        return content


class NotebookPage:
    """An open notebook. Cells are counted from 0, text cells among them, as they stand in the file."""

    def __init__(self, page: Any, kernels: Callable[[], list[dict[str, Any]]]) -> None:
        self.page = page
        self._kernels = kernels

    def cell(self, index: int) -> Any:
        return self.page.locator(".jp-Notebook .jp-Cell").nth(index)

    def outputs(self, index: int) -> Any:
        """playwright's locator of all that a cell shows: ``.locator("canvas")`` and the like find a widget in it."""
        return self.cell(index).locator(".jp-Cell-outputArea")

    def start(self, index: int) -> None:
        """Runs a cell, as Ctrl-Enter does, and does not wait."""
        prompt = self.cell(index).locator(".jp-InputPrompt")
        prompt.evaluate(_TELL_OF_CHANGES)  # [1] may become [1] again, faster than one can look
        prompt.click()  # selects the cell, and leaves the editor
        self.page.keyboard.press("Control+Enter")
        self.wait_until(lambda: prompt.get_attribute("data-changed"), 10.0, f"cell {index} starts")

    def run(self, index: int, *, seconds: float = 60.0) -> str:
        """Runs a cell to its end; its output as text."""
        self.start(index)
        self.wait_until(lambda: self.number(index) is not None, seconds, f"cell {index} ends")
        return self.text(index)

    def number(self, index: int) -> int | None:
        """A cell's execution count; None while it runs (``[*]``), or where it never ran."""
        prompt = self.prompt(index)
        return int(prompt) if prompt.isdigit() else None

    def prompt(self, index: int) -> str:
        return str(self.cell(index).locator(".jp-InputPrompt").inner_text()).strip().strip("[]:").strip()

    def text(self, index: int) -> str:
        # At one moment: an output may come or go between two questions.
        return "\n".join(self.cell(index).locator(".jp-OutputArea-output").all_inner_texts())

    def wait_for_text(self, index: int, text: str, seconds: float = 30.0) -> None:
        self.wait_until(lambda: text in self.text(index), seconds, f"cell {index} shows {text!r}")

    def stop(self) -> None:
        """Clicks the stop button of the toolbar."""
        self._toolbar("interrupt-kernel").click()

    def restart(self) -> None:
        """Clicks the restart button, says yes, and waits for the new kernel."""
        self._toolbar("restart-kernel").click()
        self.page.locator(".jp-Dialog .jp-Dialog-button.jp-mod-warn, .jp-Dialog .jp-Dialog-button.jp-mod-accept").first.click()
        self.page.locator(".jp-Dialog").wait_for(state="detached")
        self.wait_until(lambda: self.status() != "idle", 2.0, "", required=False)  # the old kernel's state may show for a moment
        self.wait_for_kernel()

    def status(self) -> str:
        """ "idle", "busy", "starting", …, as the toolbar shows it."""
        return str(self.page.locator(".jp-Notebook-ExecutionIndicator").first.get_attribute("data-status"))

    def wait_for_kernel(self, seconds: float = 60.0) -> None:
        """The page shows an idle kernel before there is one, so that the server is asked as well."""
        self.page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=seconds * 1000)

        def connected() -> bool:
            return any(kernel["connections"] > 0 and kernel["execution_state"] == "idle" for kernel in self._kernels())

        self.wait_until(lambda: connected() and self.status() == "idle", seconds, "an idle kernel")

    def screenshot(self, name: str) -> Path:
        return screenshot(self.page, name)

    def wait_until(self, condition: Callable[[], Any], seconds: float, what: str, *, required: bool = True) -> None:
        """Looks every 20 ms, and lets the page live meanwhile."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                if not required:
                    return
                path = self.screenshot("timeout")
                raise AssertionError(f"not within {seconds:g} s: {what}. The page is in {path}")
            self.page.wait_for_timeout(20)

    def _toolbar(self, command: str) -> Any:
        return self.page.locator(f'.jp-NotebookPanel-toolbar [data-command="notebook:{command}"]').first


def _shared_files() -> dict[str, str]:
    """Where the front ends' own files lie. That is below ``sys.prefix`` where they were installed into this environment, and not where this
    environment only looks into another one."""
    found = importlib.util.find_spec("jupyterlab")
    if found is None or found.origin is None:
        return {}
    package = Path(found.origin).resolve().parent
    for parent in package.parents:
        if (parent / "share" / "jupyter" / "lab" / "static").is_dir():
            share = parent / "share" / "jupyter"
            return {
                "JUPYTER_PATH": str(share),
                "JUPYTERLAB_DIR": str(share / "lab"),
                "JUPYTER_CONFIG_PATH": str(parent / "etc" / "jupyter"),
            }
    return {}
