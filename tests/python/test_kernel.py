"""In a real Jupyter kernel, whose event loop is running: blocking calls, `async for`, the stop button, what is saved."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

jupyter_client = pytest.importorskip("jupyter_client", reason="pip install ipykernel: the tests of notebooks need it")
pytest.importorskip("ipykernel", reason="pip install ipykernel: the tests of notebooks need it")

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.filterwarnings("ignore")  # jupyter_client's own


class Kernel:
    """A kernel, and what its cells said."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._manager, self._client = jupyter_client.manager.start_new_kernel(
            kernel_name="python3", env={**os.environ, **environment}, cwd=ROOT
        )

    def start(self, code: str) -> str:
        message: str = self._client.execute(code, allow_stdin=False)
        return message

    def finish(self, message: str, timeout: float = 30) -> dict[str, Any]:
        """status, text (streams and results), outputs (displays as they stand at the end), seen (everything that was ever shown)."""
        displays: dict[str, Any] = {}
        text, seen = "", []
        until = time.monotonic() + timeout
        status = "no reply"
        while time.monotonic() < until:
            reply = self._client.get_iopub_msg(timeout=timeout)
            if reply["parent_header"].get("msg_id") != message:
                continue
            kind, content = reply["msg_type"], reply["content"]
            seen.append(json.dumps(content, default=str))
            if kind == "stream":
                text += content["text"]
            elif kind == "execute_result":
                text += content["data"]["text/plain"]
                displays[f"result {len(displays)}"] = content["data"]
            elif kind in ("display_data", "update_display_data"):
                displays[content["transient"].get("display_id", len(displays))] = content["data"]
            elif kind == "error":
                text += "\n".join(content["traceback"])
                status = content["ename"]
            elif kind == "status" and content["execution_state"] == "idle":
                status = "ok" if status == "no reply" else status
                break
        return {"status": status, "text": text, "outputs": displays, "seen": seen}

    def run(self, code: str) -> dict[str, Any]:
        return self.finish(self.start(code))

    def interrupt(self) -> None:
        self._manager.interrupt_kernel()

    def close(self) -> float:
        started = time.monotonic()
        self._client.shutdown()
        self._manager.finish_shutdown(waittime=10)
        took = time.monotonic() - started
        self._client.stop_channels()
        self._client.context.destroy(linger=0)
        self._manager.context.destroy(linger=0)
        return took


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    made = Kernel({})
    done = made.run("import honeyframe as hf, asyncio, time, warnings; warnings.simplefilter('error')")
    assert done["status"] == "ok", done["text"]
    yield made
    assert made.close() < 4


@pytest.fixture
def connected(kernel: Kernel, access: dict[str, Any]) -> Kernel:
    done = kernel.run(f"client = hf.connect({access['uri']!r}, username='both', password={access['password']!r}); client")
    assert done["status"] == "ok", done["text"]
    assert "connected as honeyframe-" in done["text"]
    assert any("text/html" in data for data in done["outputs"].values())
    return kernel


def test_a_blocking_call_and_a_loop_in_one_cell(connected: Kernel) -> None:
    done = connected.run("""
stream = client.stream("notebook/{x}")
async def publish():
    for number in range(5):
        client.publish("notebook/a", {"n": number}, qos=1)
        await asyncio.sleep(0.02)
publishing = asyncio.ensure_future(publish())
seen = []
async for batch in stream.batches(max_seconds=0, rows=5):
    seen += batch.to_pandas()["n"].tolist()
print(seen, asyncio.get_running_loop().is_running())
""")
    assert done["status"] == "ok", done["text"]
    assert "[0, 1, 2, 3, 4] True" in done["text"]


def test_a_window_fills_while_a_cell_sleeps(connected: Kernel) -> None:
    done = connected.run("""
stream = client.stream("notebook/window"); stream.window("10min")
import threading
threading.Thread(target=lambda: [client.publish("notebook/window", {"n": n}, qos=1) for n in range(20)]).start()
time.sleep(1)
print(len(stream.window("10min")))
""")
    assert done["status"] == "ok", done["text"]
    assert done["text"].strip().endswith("20")


def test_progress_is_shown_and_goes_away(connected: Kernel) -> None:
    done = connected.run("""
client.publish("notebook/progress", {"n": 1}, qos=1, retain=True)
df = hf.read_mqtt(topics="notebook/progress", seconds=1.5, client=client)
client.publish("notebook/progress", b"", qos=1, retain=True)
""")
    assert done["status"] == "ok", done["text"]
    assert any("s left" in shown for shown in done["seen"])
    assert not any("s left" in json.dumps(data) for data in done["outputs"].values())


def test_a_tree_of_topics_lives_until_the_stop_button(connected: Kernel) -> None:
    connected.run("client.publish('notebook/tree/<b>x', 'kept', qos=1, retain=True)")
    running = connected.start("df = client.topics('notebook/tree/#', seconds=None); print(len(df), df['topic'].iloc[0])")
    time.sleep(1.2)
    connected.interrupt()
    done = connected.finish(running)
    connected.run("client.publish('notebook/tree/<b>x', b'', qos=1, retain=True)")
    assert done["status"] == "ok", done["text"]
    assert "1 notebook/tree/<b>x" in done["text"]
    (tree,) = (data["text/html"] for data in done["outputs"].values())
    assert "<details" in tree
    assert "&lt;b&gt;x" in tree
    assert len(done["seen"]) >= 3


@pytest.mark.parametrize(
    "code",
    [
        "client.stream('notebook/stop').read(seconds=30)",
        "next(client.stream('notebook/stop').batches())",
        "hf.read_mqtt(topics='notebook/stop', seconds=30, client=client)",
        "async for batch in client.stream('notebook/stop').batches(): pass",
    ],
)
def test_the_stop_button(connected: Kernel, code: str) -> None:
    running = connected.start(code)
    time.sleep(1.0)
    started = time.monotonic()
    connected.interrupt()
    done = connected.finish(running)
    elapsed = time.monotonic() - started
    assert done["status"] in ("KeyboardInterrupt", "CancelledError"), done["text"]
    assert elapsed < 1.5  # with the kernel's own traceback; tests/integration/test_interrupts.py measures what is ours of it
    assert connected.run("client.info()['state']")["text"] == "'connected'"


def test_nobody_to_ask_is_an_answer(kernel: Kernel, access: dict[str, Any]) -> None:
    done = kernel.run(f"hf.connect({access['uri']!r}, username='both')")
    assert done["status"] not in ("ok", "StdinNotImplementedError"), done["text"]


def test_running_a_cell_again_keeps_one_connection(kernel: Kernel, access: dict[str, Any]) -> None:
    cell = f"again = hf.connect({access['uri']!r}, username='both', password='both-password'); live.append(again._session)"
    kernel.run("live = []")
    for _ in range(4):
        assert kernel.run(cell)["status"] == "ok"
    states = kernel.run("import gc; gc.collect(); [session.info()['state'] for session in live]")["text"]
    assert states.count("'connected'") == 1
    assert states.count("'closed'") == 3


def test_a_password_in_a_uri_warns_and_is_not_shown(kernel: Kernel, access: dict[str, Any]) -> None:
    uri = access["uri"].replace("://", "://both:both-password@")
    kernel.run(f"secret_uri = {uri!r}")
    done = kernel.run("warnings.simplefilter('default'); one = hf.connect(secret_uri); display(one); print(one.info()); one.close()")
    assert done["status"] == "ok", done["text"]
    assert "CredentialInNotebookWarning" in done["text"]
    wrong = uri.replace("both-password", "canary-31")
    kernel.run(f"secret_uri = {wrong!r}")
    failed = kernel.run("%xmode Verbose\nhf.connect(secret_uri)")
    assert failed["status"] != "ok"
    # The cell's own variable is the user's; what our frames show is ours.
    ours = [line for line in failed["text"].splitlines() if "canary-31" in line and "secret_uri" not in line]
    assert ours == []
    assert "canary-31" not in done["text"]
