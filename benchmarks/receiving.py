"""Suite: receiving alone, without a frame: the session, and the session with the queue, beside libmosquitto, rumqttc and plain reads."""

from __future__ import annotations

import shutil

from .measure import Contest, Summary, check_equal, take_turns
from .payloads import typical_load
from .setting import Setting

COUNTED, QUEUED, SPOOLED = "honeyframe, counted", "honeyframe, queued", "honeyframe, spooled"
PROGRAMS = {
    COUNTED: ("receive_honeyframe", "--mode", "count"),
    QUEUED: ("receive_honeyframe", "--mode", "queue"),
    "libmosquitto": ("receive_mosquitto",),
    "rumqttc": ("receive_rumqttc",),
    "floor: read + header": ("receive_floor",),
}
RATES = (10_000, 50_000, 0)
PACED_SECONDS = 3


def run(setting: Setting) -> list[Contest]:
    contests = [many(setting, tls=True), many(setting, tls=False), many(setting, tls=True, qos=1)]
    return contests + [one(setting, rate) for rate in RATES]


def many(setting: Setting, *, tls: bool, qos: int = 0) -> Contest:
    """As many packets in a record as fit. The load is sent several times over: these programs are quick."""
    messages = setting.messages * (1 if qos else 5)
    transport = "TLS" if tls else "TCP"
    contest = compete(setting, f"Receiving, {transport}, QoS {qos}", messages, tls=tls, qos=qos, plotted=qos == 0)
    if qos:
        contest.expect_own(SPOOLED, QUEUED, 1.5)
        return contest
    peers = [name for name in ("libmosquitto", "rumqttc") if name in contest.summaries]
    if tls and peers:
        better = min(peers, key=lambda name: contest.summaries[name].cpu_us)
        contest.expect_own(COUNTED, better, 1.15)
        contest.expect_own(QUEUED, better, 1.6)
    elif not tls:
        contest.expect_own(COUNTED, "libmosquitto", 0.4)
    return contest


def one(setting: Setting, rate: int) -> Contest:
    """One packet a record; at a rate also one write a packet, so that each one wakes its reader."""
    messages = min(rate * PACED_SECONDS, setting.messages) if rate else setting.messages
    title = f"Receiving, one packet a record, {f'{rate:,}/s' if rate else 'flat out'}"
    contest = compete(setting, title, messages, tls=True, record="one", rate=rate)
    contest.expect_own(COUNTED, "libmosquitto", 1.5)
    return contest


def compete(
    setting: Setting, title: str, messages: int, *, tls: bool, qos: int = 0, record: str = "many", rate: int = 0, plotted: bool = True
) -> Contest:
    skipped = {name: reason for name, (program, *_) in PROGRAMS.items() if (reason := setting.absent(program))}
    if qos:
        skipped["rumqttc"] = "its program subscribes at QoS 0 only"
    load = typical_load(setting.messages)
    with setting.source(load, messages=messages, qos=qos, record=record, rate=rate) as source:
        contestants = {}
        for name, (program, *words) in PROGRAMS.items():
            if name not in skipped:
                extra = ["--qos", qos] if qos else []
                contestants[name] = setting.receiver(program, source, messages, *words, *extra, tls=tls)
        spool = setting.work / "spool"
        shutil.rmtree(spool, ignore_errors=True)
        if qos:  # without an acknowledgement there is nothing to write before it
            words = ("--mode", "spool", "--spool", spool, "--qos", qos)
            contestants[SPOOLED] = setting.receiver("receive_honeyframe", source, messages, *words, tls=tls)
        runs = take_turns(contestants, setting.rounds)
        shutil.rmtree(spool, ignore_errors=True)
    check_equal(runs, messages)
    summaries = {name: Summary.of(results, messages) for name, results in runs.items()}
    return Contest("receiving", title, summaries, reference=COUNTED, skipped=skipped, plotted=plotted)
