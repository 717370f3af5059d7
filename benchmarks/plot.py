"""The contests as bars, in one SVG: ``python -m benchmarks.plot results/benchmarks.json results/benchmarks.svg``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

OURS, PEER, FLOOR, TEXT, GRID = "#e8a200", "#7d8ca3", "#c9d1db", "#222831", "#e6e9ed"
PANELS_A_ROW = 2


def draw(result: dict[str, Any], path: Path) -> None:
    """Bars of CPU time, shortest first, each with its figure and how many times the reference it is. Every panel has a scale of its own."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    plt.rcParams.update(
        {"font.family": "sans-serif", "font.size": 9, "svg.fonttype": "none", "svg.hashsalt": "honeyframe", "text.color": TEXT}
    )
    contests = [contest for contest in result["contests"] if len(contest["summaries"]) > 1 and contest["plotted"]]
    if not contests:
        return
    rows: list[list[dict[str, Any]]] = []
    for contest in contests:  # a suite begins on a row of its own
        if not rows or len(rows[-1]) == PANELS_A_ROW or rows[-1][0]["suite"] != contest["suite"]:
            rows.append([])
        rows[-1].append(contest)
    heights = [max(len(contest["summaries"]) for contest in row) + 1.6 for row in rows]
    figure, axes = plt.subplots(
        len(rows), PANELS_A_ROW, figsize=(12.5, 0.34 * sum(heights) + 0.9), squeeze=False, height_ratios=heights, layout="constrained"
    )
    for row, panels in zip(rows, axes, strict=True):
        for at, panel in enumerate(panels):
            if at < len(row):
                _draw_contest(panel, row[at], max(len(contest["summaries"]) for contest in row))
            else:
                panel.set_axis_off()
    settings, machine = result["settings"], result["machine"]
    title = "CPU time of the client: less is better; in brackets, times honeyframe"
    figure.suptitle(title, fontsize=12, fontweight="bold", color=TEXT)
    figure.supxlabel(
        f"{settings['messages']:,} messages, median of {settings['rounds']} rounds; {machine['cpu']}, one core; {machine['date']}",
        fontsize=8,
        color=PEER,
    )
    figure.savefig(path, format="svg", metadata={"Date": None})
    plt.close(figure)


def _draw_contest(panel: Any, contest: dict[str, Any], slots: int) -> None:
    ordered = sorted(contest["summaries"].items(), key=lambda item: item[1]["cpu_us"])
    names = [name for name, _ in ordered]
    values = [summary["cpu_us"] for _, summary in ordered]
    bars = panel.barh(names, values, color=[_colour(name) for name in names], height=0.68, zorder=2)
    spans = [[s["cpu_us"] - s["lowest_us"] for _, s in ordered], [s["highest_us"] - s["cpu_us"] for _, s in ordered]]
    panel.errorbar(values, names, xerr=spans, fmt="none", ecolor=TEXT, elinewidth=0.8, capsize=2, zorder=3)
    for bar, name, value, (_, summary) in zip(bars, names, values, ordered, strict=True):
        ratio = contest["times_reference"].get(name)
        label = f"{value:.2f} µs" if name == contest["reference"] or ratio is None else f"{value:.2f} µs  ({_times(ratio)})"
        panel.text(
            max(value, summary["highest_us"]) + max(values) * 0.015, bar.get_y() + bar.get_height() / 2, label, va="center", fontsize=8.5
        )
    panel.set_ylim(slots - 0.4, -0.6)  # bars as thick as its neighbour's
    panel.set_xlim(0, max(values) * 1.32)
    panel.set_title(contest["title"], loc="left", fontsize=10, fontweight="bold", color=TEXT)
    panel.grid(axis="x", color=GRID, zorder=0)
    panel.tick_params(length=0, labelsize=9, colors=TEXT)
    panel.tick_params(axis="x", labelsize=7.5, colors=PEER)
    panel.set_xlabel(f"µs a {contest['per']}", fontsize=7.5, color=PEER)
    for side in ("top", "right", "bottom"):
        panel.spines[side].set_visible(False)
    panel.spines["left"].set_color(PEER)
    for label in panel.get_yticklabels():
        if label.get_text().startswith("honeyframe"):
            label.set_fontweight("bold")


def _colour(name: str) -> str:
    return OURS if name.startswith("honeyframe") else FLOOR if name.startswith("floor") else PEER


def _times(ratio: float) -> str:
    return f"{ratio:.0f}x" if ratio >= 20 else f"{ratio:.1f}x" if ratio >= 1.95 else f"{ratio:.2f}x"


if __name__ == "__main__":
    draw(json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2]))
