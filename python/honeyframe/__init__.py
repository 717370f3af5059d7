"""honeyframe: JSON from HiveMQ, or any MQTT broker, as typed pandas DataFrames.

    import honeyframe as hf

    df = hf.read_mqtt("mqtts://xyz.s1.eu.hivemq.cloud", "plant/+/telemetry", seconds=10)

    client = hf.connect("mqtts://xyz.s1.eu.hivemq.cloud")
    client.publish("test/topic", {"temperature": 21.5}, qos=1)
    stream = client.stream("plant/{line}/telemetry", event_time="ts")
    for batch in stream.batches():
        df = batch.to_pandas()

pandas and pyarrow are imported when they are first needed, not here.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

try:
    from ._core import __version__
except ImportError as error:
    raise ImportError(
        f"honeyframe's compiled part (honeyframe._core) cannot be loaded: {error}. From a source tree, build it with: pip install . "
        "(docs/building.md tells what that needs). If it was built: for another Python, or a library it needs has gone."
    ) from error

from . import errors
from .errors import HoneyframeError

if TYPE_CHECKING:
    from .aligned import Aligned
    from .aligner import Aligner, AlignStats
    from .batches import Batches
    from .catalog import Catalog, load_catalog
    from .catalog_pattern import CatalogPattern
    from .client import Client
    from .connection import LastWill, connect, connect_async
    from .dashboard import Dashboard
    from .diagnosis import DoctorReport, DoctorRow, doctor
    from .errors import *  # noqa: F403 - hf.PermissionDenied and all others, as __getattr__ gives them
    from .extraction import extract
    from .follow import Follow
    from .frame import Batch, Table, concat
    from .message import Message
    from .publishing import PublishResult
    from .read import read_mqtt
    from .recorder import Recorder, RecorderStats
    from .recording import Recording, open
    from .recording_errors import *  # noqa: F403 - as above
    from .recording_session import record
    from .replaying import ReplayResult, replay
    from .schema import Column, Schema
    from .simulating import SimulationResult, Simulator, simulate
    from .spool import open_spool
    from .stats import StreamStats
    from .stream import Stream
    from .traffic_usage import end_session, usage

#: Where each public name lives; imported with its first use. No module has a public name: importing it would put it in that name's place.
_HOMES: Final = {
    "AlignStats": "aligner",
    "Aligned": "aligned",
    "Aligner": "aligner",
    "Batch": "frame",
    "Batches": "batches",
    "Catalog": "catalog",
    "CatalogPattern": "catalog_pattern",
    "Client": "client",
    "Column": "schema",
    "Dashboard": "dashboard",
    "DoctorReport": "diagnosis",
    "DoctorRow": "diagnosis",
    "Follow": "follow",
    "LastWill": "connection",
    "Message": "message",
    "PublishResult": "publishing",
    "Schema": "schema",
    "SimulationResult": "simulating",
    "Simulator": "simulating",
    "Stream": "stream",
    "StreamStats": "stats",
    "Table": "frame",
    "concat": "frame",
    "connect": "connection",
    "connect_async": "connection",
    "doctor": "diagnosis",
    "end_session": "traffic_usage",
    "NotARecordingError": "recording_errors",
    "Recorder": "recorder",
    "Recording": "recording",
    "RecorderStats": "recorder",
    "RecordingDiskFullError": "recording_errors",
    "RecordingError": "recording_errors",
    "RecordingInUseError": "recording_errors",
    "RecordingPermissionError": "recording_errors",
    "RecordingStorageError": "recording_errors",
    "RecordingWarning": "recording_errors",
    "RemoteError": "recording_errors",
    "ReplayLoopError": "recording_errors",
    "ReplayResult": "replaying",
    "extract": "extraction",
    "load_catalog": "catalog",
    "open": "recording",
    "open_spool": "spool",
    "read_mqtt": "read",
    "record": "recording_session",
    "replay": "replaying",
    "simulate": "simulating",
    "usage": "traffic_usage",
}

__all__ = [
    "AlignStats",
    "Aligned",
    "Aligner",
    "Batch",
    "Batches",
    "Catalog",
    "CatalogPattern",
    "Client",
    "Column",
    "Dashboard",
    "DoctorReport",
    "DoctorRow",
    "Follow",
    "HoneyframeError",
    "LastWill",
    "Message",
    "PublishResult",
    "Recorder",
    "RecorderStats",
    "Recording",
    "ReplayResult",
    "Schema",
    "SimulationResult",
    "Simulator",
    "Stream",
    "StreamStats",
    "Table",
    "__version__",
    "concat",
    "connect",
    "connect_async",
    "doctor",
    "end_session",
    "errors",
    "extract",
    "load_catalog",
    "open",
    "open_spool",
    "read_mqtt",
    "record",
    "replay",
    "simulate",
    "usage",
]


def __getattr__(name: str) -> Any:
    if name == "dask":  # a module of its own, and of the extra "dask": imported when it is named
        return importlib.import_module(f"{__name__}.dask")
    home = _HOMES.get(name)
    # The errors and warnings are public by their own names too: hf.PermissionDenied.
    value = getattr(errors, name, None) if home is None and name[:1].isupper() else None
    if home is not None:
        value = getattr(importlib.import_module(f"{__name__}.{home}"), name)
    if value is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
