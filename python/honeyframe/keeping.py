"""What a Client keeps: recordings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, cast

from .durations import Duration
from .keywords import Path, Retained
from .lifetime import check_process

if TYPE_CHECKING:
    from .client import Client
    from .follow import Follow
    from .recorder import Recorder
    from .recording import Moment
    from .spool import Sync


class Keeping:
    """The part of :class:`honeyframe.Client` that records. docs/recording.md tells more."""

    def record(
        self,
        path: Path,
        topics: str | Sequence[str],
        *,
        patterns: Sequence[str] | None = None,
        qos: int = 1,
        retained: Retained = "include",
        raw: bool = True,
        rotate_rows: int = 1_000_000,
        rotate_bytes: int = 134_217_728,
        rotate_seconds: Duration = "10min",
        compression: Literal["zstd", "snappy", "lz4", "gzip", "none"] = "zstd",
        spool: Path | None = None,
        spool_max_bytes: int = 1_073_741_824,
        overflow: Literal["drop_oldest", "drop_newest", "block"] = "drop_newest",
        sync: Sync = "process",
        sync_interval: Duration = 0.1,
        max_payload_bytes: int = 16_777_216,
        timeout: Duration = 10.0,
        takeover: bool = False,
        storage_options: Mapping[str, Any] | None = None,
        **extraction: Any,
    ) -> Recorder:
        """Subscribes, and records to Parquet in the background: each message is in a spool before it is acknowledged, and from there in the
        files exactly once, whatever happens to the process. The next call with the same path goes on.

        For nothing to be missing while no recorder runs, the broker must keep the session: ``hf.connect(…, client_id="recorder",
        clean_start=False, session_expiry=86_400)``. That connection takes what was kept: :func:`honeyframe.record`, which checks and holds
        everything before it connects, is better for a program that does nothing else.

        Args:
            path: a directory, made where it is not there, or an address that fsspec knows: ``s3://bucket/recording``. One recorder at
                a time.
            topics: one filter or template, or several. Each is a partition, in which its topics share columns; a topic that several match
                goes to the first.
            patterns: finer partitions than ``topics``, as filters or templates: ``topics="#", patterns=["plant/{line}/telemetry", …]``.
            qos: the highest QoS that the broker may use.
            retained: "include" retained messages, "skip" them, or take them "only".
            raw: keep each message's payload as it came, in ``_payload``: only that can be replayed. False keeps those alone that could not
                be read.
            rotate_rows, rotate_bytes, rotate_seconds: a commit, and new files, at so many rows, at about so many bytes of files, or so long
                after its first message: by then, at the latest, a message can be read. With ``rotate_seconds=0`` whatever has come is
                committed at once, which makes many small files.
            compression: of the Parquet files.
            spool: the directory of the spool, on a disk of this machine. By default within the recording, or with the user's data for a
                remote one.
            spool_max_bytes, overflow, sync, sync_interval: as :meth:`stream`. What is committed goes first when the spool is full.
            max_payload_bytes: larger messages are rejected, and counted.
            timeout: how long to wait for the broker's answer.
            takeover: go on with the recording of another broker, or, at a remote address, of another machine, whose recorder has ended; or
                without topics for which the broker may have kept messages: they are dropped, and unsubscribed from.
            storage_options: of fsspec, such as ``{"key": …, "secret": …}``. They are not kept.
            extraction: as :func:`honeyframe.extract`: ``schema``, ``columns``, ``event_time``, ``on_conflict``, ``payload``, ….

        Returns:
            Recorder: ``stats()``, ``wait()``, ``stop()``; a context manager.

        Raises:
            RecordingInUseError: another recorder is at it, or the recording is of another broker, or of topics that are missing here.
            NotARecordingError: there is something else at ``path``.
            RecordingStorageError, RemoteError: it cannot be written to; RecordingDiskFullError and RecordingPermissionError among them.
            SubscribeDenied, InvalidTopicFilterError, InvalidArgumentError, ConnectError, SpoolError.

        Warns:
            RecordingWarning: the disk or the store fails; it is tried again, and messages wait in the spool.

        Example::

            with client.record("recording", "plant/{line}/telemetry") as recorder:
                recorder.wait("1h")
            df = hf.open("recording").to_pandas()
        """
        check_process()
        from .prepared_recorder import prepare, recorder_options

        options = recorder_options(
            {
                **extraction,
                "patterns": patterns,
                "qos": qos,
                "retained": retained,
                "raw": raw,
                "rotate_rows": rotate_rows,
                "rotate_bytes": rotate_bytes,
                "rotate_seconds": rotate_seconds,
                "compression": compression,
                "spool": spool,
                "spool_max_bytes": spool_max_bytes,
                "overflow": overflow,
                "sync": sync,
                "sync_interval": sync_interval,
                "max_payload_bytes": max_payload_bytes,
                "timeout": timeout,
                "takeover": takeover,
                "storage_options": storage_options,
            }
        )
        client = cast("Client", self)
        session = client.info()["client_id"] if client._is_kept() else ""
        names = (topics,) if isinstance(topics, str) else tuple(topics)
        return prepare(client.uri, path, names, options, session=session).start(client)

    def follow(
        self,
        path: Path,
        topics: str | Sequence[str],
        *,
        start: Moment | None = None,
        columns: Iterable[str] | None = None,
        history: bool = True,
        max_rows: int = 50_000,
        max_seconds: Duration = 1.0,
        seconds: Duration | None = None,
        idle_seconds: Duration | None = None,
        **record: Any,
    ) -> Follow:
        """Records, and gives what is recorded: first the past that ``path`` has of these topics, then what comes, each message once.

        Args:
            path, topics, record: as :meth:`record`.
            start: only what was received from then on.
            columns: only these.
            history, max_rows, max_seconds, seconds, idle_seconds: as :class:`honeyframe.Follow`.

        Returns:
            Follow: an iterator of batches. Closing it stops the recorder, ``.recorder``; where that ends, so does the loop, with the
            recorder's error. Of what another process records, ``hf.open(path).follow()`` needs no client.

        Example::

            with client.follow("recording", "plant/{line}/telemetry", start="2026-11-26") as batches:
                for batch in batches:
                    df = batch.to_pandas()
        """
        from .recording import open as open_recording

        recorder = self.record(path, topics, **record)
        try:
            options = record.get("storage_options")
            recording = open_recording(path, topics, start, columns=columns, storage_options=options)
            found = recording.follow(
                history=history, max_rows=max_rows, max_seconds=max_seconds, seconds=seconds, idle_seconds=idle_seconds
            )
        except BaseException:
            recorder.stop()
            raise
        found.recorder = recorder
        return found
