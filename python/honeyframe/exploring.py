"""What a Client can say of its broker beside streams: which topics there are, their state now, one message, an answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, cast

from .durations import Duration
from .keywords import Path, Properties, Retained
from .lifetime import check_process

if TYPE_CHECKING:
    import pandas as pd

    from .client import Client
    from .dashboard import Dashboard, Theme
    from .dtypes import DtypeBackend
    from .message import Message
    from .payload import Payload
    from .schema import SchemaLike


class Exploring:
    """The part of :class:`honeyframe.Client` that explores. docs/topics.md tells more."""

    def topics(
        self,
        topics: str | Sequence[str] = "#",
        seconds: Duration | None = 10,
        *,
        messages: int | None = None,
        live: bool | None = None,
        qos: int = 1,
        max_topics: int = 100_000,
        max_bytes: int = 402_653_184,
        max_payload_bytes: int = 256,
        timeout: Duration = 10.0,
    ) -> pd.DataFrame:
        """What is there: a row for each topic on which something came, retained messages among it.

        Args:
            topics: one filter (or template) or several. ``"#"`` is all that this credential may see, but what begins with ``$``.
            seconds: how long to look, from the broker's SUBACK on. None: until Ctrl-C.
            messages: end after so many; whichever comes first.
            live: a tree of topics that is drawn anew each second: in a notebook, or on a terminal's stderr. None: in notebooks only.
                Ctrl-C then ends the looking, and what is there is returned; so it does with ``seconds=None``.
            qos: the highest that the broker may use; ``qos`` and ``max_qos`` of the frame are never above it.
            max_topics: of so many topics there are rows. What comes to others is counted.
            max_bytes: of memory for all of this, beside the frame itself; last payloads have half of it at most.
            max_payload_bytes: of each last payload so many are kept.
            timeout: how long to wait for the broker's answer to SUBSCRIBE.

        Returns:
            DataFrame, sorted by topic: ``topic`` (string), ``messages`` (Int64), ``rate`` (float64: messages a second, retained ones not
            counted), ``bytes`` (Int64: of payloads), ``share`` (float64: of all bytes), ``floods`` (boolean: a tenth of all messages or
            bytes or more, and ten times the median topic), ``last_payload`` (string, cut; bytes that are no UTF-8 as ``\\xNN``),
            ``last_size`` (Int64: its bytes, uncut), ``retained`` (boolean: one came that the broker had kept), ``qos``, ``max_qos``
            (Int64: the last message's, the highest), ``first_seen``, ``last_seen`` (datetime64[ns, UTC]), ``json`` (boolean: every payload
            was; null: all were empty), ``cadence``, ``longest_gap`` (float64: seconds between messages, in the mean and at most),
            ``silent`` (boolean: nothing for more than twice that gap; null: fewer than four messages, so nothing was learned).

            ``df.attrs["honeyframe"]`` is a dict: ``topics``, ``messages``, ``bytes``, ``seconds``; what found no place, exactly:
            ``unplaced_topics`` (from 1,048,576 on the least that there were), ``unplaced_messages``, ``unplaced_bytes``; and ``dropped``,
            ``rejected``: messages that were not counted at all.

        Warns:
            NoMessagesWarning: nothing came; the frame is empty and has all columns.
            NoPlaceWarning: there were more topics than places.
            OverlapWarning: a stream of this client may get messages twice meanwhile.

        Raises:
            SubscribeDenied, InvalidTopicFilterError, InvalidArgumentError, ConnectError, OperationTimeoutError, ClosedError.

        Example::

            df = client.topics("plant/#", seconds=30)
            df.nlargest(5, "bytes")  # who floods me
            df[df["silent"].fillna(False)]  # who fell silent
        """
        check_process()
        from .topics_seen import topics_seen

        return topics_seen(
            cast("Client", self),
            topics,
            seconds,
            messages=messages,
            live=live,
            qos=qos,
            max_topics=max_topics,
            max_bytes=max_bytes,
            max_payload_bytes=max_payload_bytes,
            timeout=timeout,
        )

    def latest(
        self,
        topics: str | Sequence[str] = "#",
        seconds: Duration = 2,
        *,
        schema: SchemaLike | None = None,
        columns: Iterable[str] | None = None,
        event_time: str | None = None,
        max_topics: int = 100_000,
        dtype_backend: DtypeBackend | None = None,
        **options: Any,
    ) -> pd.DataFrame:
        """The state now: a row a topic, of its newest message.

        Retained messages come first, and stand until something newer comes within ``seconds``. Payloads become columns by the rules of
        docs/frame-rules.md; a payload that is a list of objects gives its rows, all of them.

        Args:
            topics: one filter or several; ``plant/{line}/telemetry`` makes a column of ``line``.
            seconds: how long to look, from the broker's SUBACK on. No broker says when it has sent what it kept.
            schema, columns, event_time: as :meth:`stream`.
            max_topics: what comes to more of them is dropped, and counted.
            options: all others of :meth:`stream`, but ``overflow``.

        Returns:
            DataFrame: as :func:`honeyframe.read_mqtt`, its ``attrs`` too, sorted by ``_topic``.

        Warns:
            NoMessagesWarning: nothing came. MessagesDroppedWarning: there were more topics than ``max_topics``.
            OverlapWarning: as :meth:`topics`.

        Example::

            state = client.latest("plant/{line}/status").set_index("line")
        """
        check_process()
        from .latest import latest

        return latest(
            cast("Client", self),
            topics,
            seconds,
            schema=schema,
            columns=columns,
            event_time=event_time,
            max_topics=max_topics,
            dtype_backend=dtype_backend,
            **options,
        )

    def wait_for(
        self,
        topics: str | Sequence[str],
        *,
        timeout: Duration = 10.0,
        where: Callable[[Message], object] | None = None,
        retained: Retained = "include",
        qos: int = 1,
    ) -> Message:
        """The first message that comes to ``topics``, and for which ``where(message)`` is true.

        Args:
            topics: one filter or several.
            timeout: for all of it, the broker's answer to SUBSCRIBE included.
            where: called with each :class:`Message` until it returns something true. What it raises comes out of here.
            retained: "include" what the broker had kept, "skip" it, or take it "only".

        Raises:
            OperationTimeoutError: none came in time; the message says how many came that were not it.
            SubscribeDenied, InvalidTopicFilterError, InvalidArgumentError, ConnectError, ClosedError.

        Example::

            message = client.wait_for("plant/1/state", timeout=30, where=lambda m: m.json()["state"] == "ready")
        """
        check_process()
        from .message import wait_for

        return wait_for(cast("Client", self), topics, timeout=timeout, where=where, retained=retained, qos=qos)

    def request(
        self,
        topic: str,
        payload: Payload = b"",
        *,
        timeout: Duration = 5.0,
        response_topic: str | None = None,
        qos: int = 1,
        user_properties: Properties = (),
        content_type: str = "",
    ) -> Message:
        """Publishes a request and returns the answer: MQTT 5's response topic and correlation data (section 4.10 of its specification).

        Args:
            topic: where the responder listens.
            payload: as :meth:`publish`.
            timeout: for all of it.
            response_topic: where the answer is awaited; only one with our correlation data is one. Default: a topic of this request alone,
                ``honeyframe/response/<client id>/<random>``, where an answer without correlation data counts, too.
            qos: of the request, and at most of the answer.

        Raises:
            OperationTimeoutError: no answer in time.
            InvalidArgumentError: the broker speaks MQTT 3, which has neither.
            SubscribeDenied, PublishDenied, InvalidTopicError, ConnectError, ClosedError.

        Example::

            client.request("plant/1/get", {"what": "limits"}, timeout=5).json()
        """
        check_process()
        from .message import request

        return request(
            cast("Client", self),
            topic,
            payload,
            timeout=timeout,
            response_topic=response_topic,
            qos=qos,
            user_properties=user_properties,
            content_type=content_type,
        )

    def dashboard(
        self,
        path: Path | None = None,
        *,
        panels: Any = None,
        topics: str | Sequence[str] = "#",
        history: Any = None,
        title: str | None = None,
        websocket_url: str | None = None,
        event_time: str | None = None,
        window: Duration = "10min",
        qos: int = 0,
        theme: Theme = "auto",
        overwrite: bool = False,
    ) -> Dashboard:
        """Saves a page, in one file, that connects to this broker when it is opened, and shows what comes. docs/dashboard.md tells more.

        It needs no network but the broker's WebSocket listener, and holds neither user nor password: it asks for them.

        Args:
            path: the file, ``.html``; a directory gets ``honeyframe <title or host>.html``. Default: on the desktop; stderr says where.
            panels: what it shows; the page itself can add more. A column's name is a chart of it. Else a dict: one of ``chart``, ``gauge``
                or ``value`` names the column or columns (dotted, as in frames), beside it ``topics`` (a filter or template),
                ``by`` (the template's levels that make a line each, or "_topic"), ``x`` (the column of the time), ``title``, ``unit``,
                ``min``, ``max``, ``window``, ``thresholds`` (``{"warn": 70, "alarm": 90}``, or
                ``[{"below": 5, "level": "alarm"}]``). Default: charts of the history's columns, or none.
            topics: what the page subscribes to: filters or templates. ``"#"`` is all that the credential may see, and costs its traffic.
            history: rows that the file carries: a DataFrame, ``hf.Table``, ``hf.Batch``, anything of Arrow; or a stream, whose ``window()``
                it takes. Their ``_topic`` says whose they are, ``_recv_time`` when they came. Numbers and booleans are carried; of
                more than a million rows the newest.
            title: of the page. Default: the broker's host.
            websocket_url: where the broker listens for WebSockets. Default: on HiveMQ Cloud port 8884; elsewhere a guess, which
                docs/dashboard.md tells.
            event_time: the payload's field that tells when something was measured. Default: the time of arrival counts.
            window: what a chart shows.
            qos: the highest that the broker may use for the page.
            theme: "light", "dark", or "auto", which is the system's.
            overwrite: replaces any file of that name. One that this method has written before is replaced anyway.

        Returns:
            Dashboard: ``path``, ``url``, ``open()``.

        Warns:
            InsecureTransportWarning: the page would send the password unencrypted.

        Raises:
            FileExistsError: there is a file that this method did not write, or that a user has saved out of a page.
            InvalidURIError: ``websocket_url`` is none, or has a user, a password or a query.
            InvalidArgumentError: a panel, a history or a window that is none.
            MissingBundleError: this build has no dashboards. NoHomeError: without ``path``, and without a home.

        Example::

            client.dashboard("plant.html", panels=["temperature"], topics="plant/{line}/telemetry", history=stream).open()
        """
        check_process()
        from .dashboard import save_dashboard

        return save_dashboard(
            cast("Client", self),
            path,
            panels=panels,
            topics=topics,
            history=history,
            title=title,
            websocket_url=websocket_url,
            event_time=event_time,
            window=window,
            qos=qos,
            theme=theme,
            overwrite=overwrite,
        )

    def clear_retained(
        self,
        topics: str | Sequence[str],
        *,
        dry_run: bool = True,
        confirm: str | None = None,
        seconds: Duration = 2,
        max_topics: int = 100_000,
        timeout: Duration = 10.0,
    ) -> pd.DataFrame:
        """Finds retained messages, and with ``dry_run=False`` clears them, by publishing an empty retained message to each topic.

        Args:
            topics: one filter or several. A filter that begins with a wildcard reaches everybody's topics and is refused, unless
                ``confirm`` repeats it.
            dry_run: only tell what would be cleared.
            confirm: the filter once more, such as ``"#"``.
            seconds: how long to look for them, from the broker's SUBACK on; and once more, when they were cleared.
            max_topics: no more are found at once.
            timeout: how long the broker may take to confirm the next one.

        Returns:
            DataFrame, sorted by topic: ``topic`` (string), ``last_payload`` (string, its first 256 bytes), ``last_size`` (Int64), ``qos``
            (Int64), ``cleared`` (boolean: the broker keeps it no more; false in a dry run), ``error`` (string: why it does, else null).

        Warns:
            NotClearedWarning: some were not cleared; ``error`` says which and why.

        Raises:
            InvalidArgumentError: a filter that begins with a wildcard, or with ``$``.
            SubscribeDenied, InvalidTopicFilterError, ConnectError, OperationTimeoutError, ClosedError.

        Example::

            client.clear_retained("test/#")  # look first
            client.clear_retained("test/#", dry_run=False)
        """
        check_process()
        from .retained import clear_retained

        return clear_retained(
            cast("Client", self), topics, dry_run=dry_run, confirm=confirm, seconds=seconds, max_topics=max_topics, timeout=timeout
        )
