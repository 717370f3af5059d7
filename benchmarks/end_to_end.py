"""CPU for each message, from a loopback source over TLS 1.3 to an eight-column DataFrame: honeyframe beside two hand-written ways.

    python benchmarks/end_to_end.py                    # five rounds of 200,000 messages, all sinks in turn; some two minutes
    python benchmarks/end_to_end.py --messages 20000 --rounds 3

Prints a table and writes results/end_to_end.json and .md. Informational, not a gate: README.md says how to read it.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import importlib.metadata
import ipaddress
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

sys.path.insert(0, str(Path(__file__).parent))
import sinks
import source

HERE = Path(__file__).parent
COMPARED = ["honeyframe", "paho-mqtt + json", "gmqtt + orjson"]
OBJECTS_WARM_UP = 5_000


# The child: one sink in a process of its own ---------------------------------------------------------------------------------------------


def run_sink(name: str, port: int, authority: str, messages: int, warm_up: int, core: int | None, objects: bool) -> dict[str, Any]:
    """Connect, warm up, measure one run. CPU is this process's alone: all its threads, user and system."""
    if core is not None:
        os.sched_setaffinity(0, {core})
    sink = sinks.SINKS[name](port, authority)
    sink.connect()
    if name != "nothing":
        sink.run(warm_up)
    if objects:
        return count_objects(sink, messages)
    before, started = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    frame = sink.run(messages)
    after, ended = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    return {
        "user_s": after.ru_utime - before.ru_utime,
        "system_s": after.ru_stime - before.ru_stime,
        "wall_s": ended - started,
        "rows": len(frame),
        "digest": digest(frame) if name != "nothing" else "",
    }


def count_objects(sink: sinks.Sink, messages: int) -> dict[str, Any]:
    """Objects allocated from the socket to the record batches, by honeyframe: they must not grow with the messages."""
    import allocations

    assert isinstance(sink, sinks.Honeyframe)
    with contextlib.suppress(allocations.NoCompilerError):
        with allocations.counting():
            pass  # built and installed: not part of the count
        with allocations.counting() as count:
            table = sink.read(messages)
        return {"objects": count.allocations, "rows": len(table)}
    return {"objects": None, "rows": messages}


def digest(frame: pd.DataFrame) -> str:
    """The values of a frame, whatever its dtypes: strings as str, integers as int64, floats as float64. Order counts."""
    plain = pd.DataFrame(
        {
            "seq": frame["seq"].astype("int64"),
            "device_id": frame["device_id"].astype("int64"),
            "ts": frame["ts"].astype(object),
            "temperature": frame["temperature"].astype("float64"),
            "pressure": frame["pressure"].astype("float64"),
            "running": frame["running"].astype(bool),
            "location.hall": frame["location.hall"].astype(object),
            "location.bay": frame["location.bay"].astype("int64"),
        }
    )
    return hashlib.sha256(pd.util.hash_pandas_object(plain, index=False).to_numpy().tobytes()).hexdigest()


def expected_digest(messages: int) -> str:
    """What every sink has to arrive at, from the payloads themselves."""
    rows = [sinks.row(json.loads(source.payload(number))) for number in range(messages)]
    return digest(pd.DataFrame(rows, columns=sinks.COLUMNS))


# The parent: source, rounds, table -------------------------------------------------------------------------------------------------------


def make_certificate(directory: Path) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1 and its key, good for an hour."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate_path, key_path = directory / "certificate.pem", directory / "key.pem"
    certificate_path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_path.touch(mode=0o600)
    key_path.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return certificate_path, key_path


@contextlib.contextmanager
def running_source(directory: Path, counts: list[int], core: int | None) -> Iterator[tuple[int, str]]:
    """The source in a process of its own: (port, authority file)."""
    certificate, key = make_certificate(directory)
    command = [sys.executable, str(HERE / "source.py"), str(certificate), str(key), *map(str, counts)]
    if core is not None:
        command += ["--core", str(core)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                raise RuntimeError("the source did not start")
            yield int(line), str(certificate)
        finally:
            process.terminate()


def run_child(name: str, port: int, authority: str, options: argparse.Namespace, *, objects: int = 0) -> dict[str, Any]:
    command = [sys.executable, __file__, "--sink", name, "--port", str(port), "--authority", authority]
    command += ["--messages", str(objects or options.messages), "--warm-up", str(OBJECTS_WARM_UP if objects else options.warm_up)]
    command += ["--core", str(options.sink_core)] if options.sink_core is not None else []
    command += ["--objects"] if objects else []
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=600, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{name}: ended with {done.returncode}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def measure(options: argparse.Namespace) -> dict[str, Any]:
    small, large = OBJECTS_WARM_UP * 2, OBJECTS_WARM_UP * 20
    counts = sorted({options.messages, options.warm_up, OBJECTS_WARM_UP, small, large})
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in [*COMPARED, "nothing"]}
    with tempfile.TemporaryDirectory(prefix="honeyframe-") as directory, running_source(Path(directory), counts, options.source_core) as at:
        for number in range(options.rounds):
            for name, results in runs.items():  # interleaved: a machine that slows down slows them all
                results.append(run_child(name, *at, options))
            print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
        few, many = (run_child("honeyframe", *at, options, objects=count)["objects"] for count in (small, large))
    expected = expected_digest(options.messages)
    for name in COMPARED:
        for run in runs[name]:
            if run["rows"] != options.messages or run["digest"] != expected:
                raise SystemExit(f"{name}: its frame of {run['rows']} rows differs from what was sent; nothing here can be compared")
    return {
        "messages": options.messages,
        "payload_bytes": round(statistics.mean(len(source.payload(number)) for number in range(0, options.messages, 97)), 1),
        "rounds": options.rounds,
        "sinks": {name: summary(runs[name], options.messages) for name in COMPARED},
        "source_messages_per_s": round(options.messages / statistics.median(run["wall_s"] for run in runs["nothing"])),
        "honeyframe_objects": {str(small): few, str(large): many},
        "machine": machine(options),
    }


def summary(runs: list[dict[str, Any]], messages: int) -> dict[str, Any]:
    """In microseconds of CPU for each message; the median of the rounds, and their span."""
    cpu = [(run["user_s"] + run["system_s"]) / messages * 1e6 for run in runs]
    return {
        "cpu_us": round(statistics.median(cpu), 3),
        "cpu_us_min": round(min(cpu), 3),
        "cpu_us_max": round(max(cpu), 3),
        "user_us": round(statistics.median(run["user_s"] for run in runs) / messages * 1e6, 3),
        "system_us": round(statistics.median(run["system_s"] for run in runs) / messages * 1e6, 3),
        "messages_per_s": round(messages / statistics.median(run["wall_s"] for run in runs)),
    }


def machine(options: argparse.Namespace) -> dict[str, Any]:
    model = platform.processor() or platform.machine()
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    versions = {package: version(package) for name in COMPARED for package in sinks.SINKS[name].packages}
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "sink_core": options.sink_core,
        "source_core": options.source_core,
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": versions | core_versions(),
        "date": datetime.now(UTC).date().isoformat(),
    }


def version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:  # used from a source tree
        return str(getattr(__import__(package), "__version__", "unknown"))


def core_versions() -> dict[str, str]:
    from honeyframe import _core

    info = _core.build_info()
    return {name: info[name] for name in ("paho", "openssl", "simdjson", "compiler", "build_type") if name in info}


def report(result: dict[str, Any]) -> str:
    """The result as Markdown, which is also what is printed."""
    best = result["sinks"]["honeyframe"]["cpu_us"]
    lines = [
        f"CPU for each message, TLS 1.3 on loopback to an eight-column DataFrame; {result['messages']:,} messages of "
        f"{result['payload_bytes']:g} bytes, median of {result['rounds']} rounds.",
        "",
        "| client | CPU, us a message | of it user | system | lowest to highest | messages/s | times honeyframe |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, sink in result["sinks"].items():
        client = name if name == "honeyframe" else f"{name} + pandas"
        lines.append(
            f"| {client} | {sink['cpu_us']:.2f} | {sink['user_us']:.2f} | {sink['system_us']:.2f} "
            f"| {sink['cpu_us_min']:.2f} to {sink['cpu_us_max']:.2f} | {sink['messages_per_s']:,} | {sink['cpu_us'] / best:.1f} |"
        )
    facts = result["machine"]
    counted = [("not counted" if n is None else f"{n:,}", int(messages)) for messages, n in result["honeyframe_objects"].items()]
    objects = ", ".join(f"{number} for {messages:,} messages" for number, messages in counted)
    versions = ", ".join(f"{name} {number}" for name, number in facts["versions"].items())
    lines += [
        "",
        f"The source alone reaches {result['source_messages_per_s']:,} messages/s against a sink that throws everything away.",
        f"Objects that Python allocated between socket and record batches in honeyframe: {objects}.",
        "All frames had the same rows and values.",
        "",
        f"{facts['cpu']}, {facts['cores']} cores (sink on core {facts['sink_core']}, source on core {facts['source_core']}); "
        f"{facts['system']}; Python {facts['python']}; {versions}; {facts['date']}.",
    ]
    return "\n".join(lines) + "\n"


def parse(arguments: list[str] | None) -> argparse.Namespace:
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--messages", type=int, default=200_000)
    parser.add_argument("--warm-up", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--output", type=Path, default=HERE / "results", help="directory for end_to_end.json and .md")
    parser.add_argument("--sink", choices=list(sinks.SINKS), help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--authority", help=argparse.SUPPRESS)
    parser.add_argument("--core", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--objects", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    # One core for each side, where there are two: else the scheduler's moves are measured too.
    options.sink_core, options.source_core = (cores[0], cores[1]) if len(cores) > 1 else (None, None)
    return options


def main(arguments: list[str] | None = None) -> None:
    options = parse(arguments)
    if options.sink:
        result = run_sink(options.sink, options.port, options.authority, options.messages, options.warm_up, options.core, options.objects)
        print(json.dumps(result), flush=True)
        return
    result = measure(options)
    text = report(result)
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "end_to_end.json").write_text(json.dumps(result, indent=2) + "\n")
    (options.output / "end_to_end.md").write_text(text)
    print(text, end="")


if __name__ == "__main__":
    main()
