"""Suite: what grows with what: the cost of a message with many topics, of a value with many columns, of a byte in large payloads."""

from __future__ import annotations

from .measure import Contest, Goal, Summary, check_equal, run_process, take_turns
from .payloads import digest, expected_frame, many_topics_load, megabyte_load, wide_load
from .setting import Setting

TOPICS = 100_000
COLUMNS = 200


def run(setting: Setting) -> list[Contest]:
    if reason := setting.absent("honeyframe"):
        return [Contest("growth", "Growth", {}, skipped={"honeyframe": reason})]
    return [topics(setting), columns(setting), megabytes(setting)]


def topics(setting: Setting) -> Contest:
    """Each topic comes twice or more; nearly all are new to the stream, which is as bad as it gets."""
    many = min(TOPICS, setting.messages // 2)
    one_topic, many_topics = many_topics_load(setting.messages, 1), many_topics_load(setting.messages, many)
    names = ["1 topic", f"{many:,} topics"]
    with setting.source(one_topic) as one, setting.source(many_topics) as several:
        sources = dict(zip(names, (one, several), strict=True))
        runs = take_turns(
            {name: setting.subscriber("honeyframe", source, setting.messages) for name, source in sources.items()}, setting.rounds
        )
    check_equal(runs, setting.messages, digest(expected_frame(setting.messages)))
    summaries = {name: Summary.of(results, setting.messages) for name, results in runs.items()}
    contest = Contest("growth", f"To a DataFrame, TLS, {many:,} topics", summaries, reference=names[0], plotted=False)
    contest.expect_own(names[1], names[0], 1.5)
    return contest


def columns(setting: Setting) -> Contest:
    """The same mix of types; as many values in both."""
    wide_messages = max(setting.messages * 8 // COLUMNS, 10)
    contestants, values = {}, {}
    for count, messages in ((8, setting.messages), (COLUMNS, wide_messages)):
        path = wide_load(messages, count).write(setting.work)
        command = setting.module("wide", "--load", path, "--core", setting.sink_core)
        contestants[f"{count} columns"] = lambda command=command: run_process(command)
        values[f"{count} columns"] = messages * count
    runs = take_turns(contestants, setting.rounds)
    for name, results in runs.items():
        check_equal({name: results}, values[name])
    summaries = {name: Summary.of(results, values[name]) for name, results in runs.items()}
    contest = Contest("growth", "Extraction, cost of a value", summaries, reference="8 columns", per="value", plotted=False)
    contest.expect_own(f"{COLUMNS} columns", "8 columns", 1.3)
    return contest


def megabytes(setting: Setting) -> Contest:
    load = megabyte_load(max(setting.messages // 4000, 2))
    rows = load.messages * load.rows
    floor_command = [str(setting.programs["extract_floor"]), "--load", str(load.write(setting.work)), "--core", str(setting.sink_core)]
    with setting.source(load) as source:
        contestants = {
            "honeyframe": setting.subscriber("honeyframe", source, load.messages, rows=load.rows),
            "floor: simdjson loop, no network": lambda: run_process(floor_command),
        }
        runs = take_turns(contestants, setting.rounds)
    check_equal(runs, rows, digest(expected_frame(rows)))
    size = runs["floor: simdjson loop, no network"][0].payload_bytes
    summaries = {name: Summary.of(results, rows) for name, results in runs.items()}
    contest = Contest("growth", "Payloads of 1 MB, TLS, to a DataFrame", summaries, per="row", plotted=False)
    speeds = {name: size / rows / summary.cpu_us / 1000 for name, summary in summaries.items()}
    contest.notes.append(", ".join(f"{name}: {speed:.2f} GB/s of CPU time" for name, speed in speeds.items()))
    own, floor = speeds.values()
    contest.goals.append(Goal(f"{contest.title}: GB/s against the extraction floor's", 100 * own / floor, 60, unit="%"))
    return contest
