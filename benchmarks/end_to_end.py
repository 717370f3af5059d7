"""Suite: CPU for each message from the socket to an eight-column DataFrame, beside the Python clients, Pathway and the floor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .measure import Contest, Run, Summary, check_equal, run_process, take_turns
from .payloads import digest, expected_frame, typical_load
from .setting import Setting
from .sinks import SINKS

FLOOR = "floor: SSL_read + simdjson"
TCP_FLOOR = "floor: recv + simdjson"
LEAST = {"gmqtt + orjson": 6.0, "paho-mqtt + json": 18.0, "awscrt + orjson": 10.0}


def run(setting: Setting) -> list[Contest]:
    expected = digest(expected_frame(setting.messages))
    contests = [over_tls(setting, expected, qos=0), over_tls(setting, expected, qos=1), over_tcp(setting, expected)]
    contests[0].notes.append(objects(setting))
    return contests


def over_tls(setting: Setting, expected: str, *, qos: int) -> Contest:
    """At QoS 1 only the fastest peer takes part: acknowledgements are the question."""
    names = ["honeyframe", "gmqtt + orjson"] if qos else list(SINKS)
    skipped = {name: reason for name in names if (reason := setting.absent(name))}
    with setting.source(typical_load(setting.messages), qos=qos) as source:
        contestants: dict[str, Callable[[], Run]] = {
            name: setting.subscriber(name, source, setting.messages, qos=qos) for name in names if name not in skipped
        }
        contestants[FLOOR] = setting.receiver("receive_floor", source, setting.messages, "--extract", "yes", "--qos", qos)
        runs = take_turns(contestants, setting.rounds)
    check_equal(runs, setting.messages, expected)
    contest = Contest(
        suite="end_to_end",
        title=f"To a DataFrame, TLS, QoS {qos}",
        summaries={name: Summary.of(results, setting.messages) for name, results in runs.items()},
        skipped=skipped,
        plotted=qos == 0,
    )
    for peer, least in LEAST.items() if qos == 0 else ():
        contest.expect_peer(peer, least)
    if FLOOR in contest.summaries and "honeyframe" in contest.summaries:
        contest.notes.append(f"honeyframe takes {contest.ratio('honeyframe', FLOOR):.2f} times as much as the floor.")
    return contest


def over_tcp(setting: Setting, expected: str) -> Contest:
    skipped = {name: reason for name in ("honeyframe", "pathway") if (reason := setting.absent(name))}
    load, warm_up = typical_load(setting.messages), setting.warm_up
    runs: dict[str, list[Run]] = {}
    with (
        setting.source(load) as source,
        setting.source(load, messages=warm_up + setting.messages, warm_up=warm_up + setting.messages, pause_after=warm_up) as pausing,
    ):
        contestants: dict[str, Callable[[], Run]] = {}
        if "honeyframe" not in skipped:
            contestants["honeyframe"] = setting.subscriber("honeyframe", source, setting.messages, tls=False)
        if "pathway" not in skipped:
            words: list[Any] = ["--port", pausing.tcp_port, "--warm-up", warm_up, "--rows", setting.messages, "--core", setting.sink_core]
            command = setting.module("pathway_sink", *words, python=setting.environments.pathway)
            contestants["pathway"] = lambda: run_process(command)
        contestants[TCP_FLOOR] = setting.receiver("receive_floor", source, setting.messages, "--extract", "yes", tls=False)
        runs = take_turns(contestants, setting.rounds)
    check_equal(runs, setting.messages, expected)
    contest = Contest(
        suite="end_to_end",
        title="To a DataFrame, TCP, QoS 0",
        summaries={name: Summary.of(results, setting.messages) for name, results in runs.items()},
        skipped=skipped,
    )
    contest.expect_peer("pathway", 4.0)
    return contest


def objects(setting: Setting) -> str:
    """Objects that Python allocates between socket and record batches, for few and for many messages."""
    counts, sizes = [], (setting.messages // 10, setting.messages)
    for messages in sizes:
        with setting.source(typical_load(messages)) as source:
            words = ["--sink", "honeyframe", "--warm-up", messages // 10, "--rows", messages, "--port", source.tls_port, "--objects"]
            counts.append(run_process(setting.module("subscriber", *words, "--authority", source.authority)).extra["objects"])
    if None in counts:
        return "Python's objects were not counted: there is no C compiler."
    counted = ", ".join(f"{count:,} for {messages:,} messages" for count, messages in zip(counts, sizes, strict=True))
    return f"Objects that Python allocated between socket and record batches in honeyframe: {counted}."
