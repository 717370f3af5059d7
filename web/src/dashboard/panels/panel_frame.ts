// A panel: its title, its worst threshold, what it could not show, and within it a chart, gauges or values.

import { button, el, freshId, setHidden, setText } from "../dom";
import { MOST_LINES, type Lines } from "../lines";
import type { PanelSettings } from "../settings";
import { count, shown } from "../shown";
import { levelOf, type Level } from "../thresholds";
import { ChartPanel, type ChartSurroundings } from "./chart_panel";
import { GaugePanel } from "./gauge_panel";
import type { PanelView } from "./panel_view";
import { ValuePanel } from "./value_panel";

export class PanelFrame {
  readonly element: HTMLElement;
  private view: PanelView;
  private paused = false;
  private readonly host = el("div", { class: "picture" });
  private readonly title = el("h2", { id: freshId("panel") });
  private readonly own = el("span", {});
  private readonly badge = el("span", { class: "badge", hidden: true });
  private readonly about = el("p", { class: "about" });
  private readonly note = el("p", { class: "note", hidden: true });
  private readonly empty = el("p", { class: "waiting" });

  constructor(
    readonly lines: Lines,
    private readonly around: ChartSurroundings,
    edit: () => void,
    save: () => void,
  ) {
    const name = (): string => shown(this.settings.title || this.settings.y.join(", "), 60);
    const tools = [
      button("CSV", save, { class: "quiet", "aria-label": `Save ${name()} as CSV` }),
      button("Edit", edit, { class: "quiet", "aria-label": `Edit ${name()}` }),
    ];
    this.element = el("section", { class: "panel", "data-kind": this.settings.kind, "aria-labelledby": this.title.id });
    this.element.append(el("header", {}, this.title, this.badge, el("div", { class: "tools" }, this.own, ...tools)), this.about, this.host, this.empty, this.note);
    this.view = this.build();
    this.own.append(...(this.view.tools ?? []));
    this.describe();
    this.update();
  }

  get settings(): PanelSettings {
    return this.lines.settings;
  }

  update(): void {
    // What can hold its picture takes what comes all the same: else it would pile up.
    if (!this.paused || this.view.pause) this.view.update();
    if (!this.paused) this.tellState();
  }

  pause(paused: boolean): void {
    this.paused = paused;
    this.view.pause?.(paused);
  }

  /** Draws anew from the points that are kept: after another window, another theme. */
  rebuild(): void {
    this.view.destroy();
    this.host.replaceChildren();
    this.view = this.build();
    this.own.replaceChildren(...(this.view.tools ?? []));
    this.view.pause?.(this.paused);
    this.view.update();
  }

  destroy(): void {
    this.view.destroy();
    this.element.remove();
  }

  private build(): PanelView {
    const { kind, window } = this.settings;
    if (kind === "gauge") return new GaugePanel(this.host, this.lines);
    if (kind === "value") return new ValuePanel(this.host, this.lines);
    const { now, offer, window: common } = this.around;
    return new ChartPanel(this.host, this.lines, { now, offer, window: window ?? common });
  }

  private describe(): void {
    const { title, y, topics, unit } = this.settings;
    setText(this.title, shown(title || y.join(", "), 120));
    setText(this.about, `${shown(topics, 120)} · ${shown(y.join(", "), 80)}${unit ? ` in ${shown(unit, 20)}` : ""}`);
    setText(this.empty, `Nothing has come for ${shown(y.join(", "), 60)} on ${shown(topics, 80)} yet.`);
  }

  private tellState(): void {
    const { all, told, unplaced, settings } = this.lines;
    let worst: Level | undefined;
    let where = "";
    for (const line of all.values()) {
      const level = levelOf(line.last, settings.thresholds);
      if (level && level !== "good" && worst !== "alarm") [worst, where] = [level, line.name];
    }
    setHidden(this.badge, worst === undefined);
    this.badge.dataset["level"] = worst ?? "";
    setText(this.badge, worst ? `${worst}${all.size > 1 ? `: ${shown(where, 30)}` : ""}` : "");
    setHidden(this.empty, all.size > 0);
    this.element.classList.toggle("many", all.size > 1);
    const notes: string[] = [];
    if (unplaced > 0) notes.push(`${MOST_LINES} lines are shown; ${count(unplaced, "more line")} found no place. Narrow the panel’s topics.`);
    if (told.future > 0) notes.push(`${count(told.future, "point")} of a clock that is ahead, drawn at the time of arrival.`);
    if (told.noTime > 0) notes.push(`${count(told.noTime, "message")} without a time in ${shown(settings.x ?? "", 40)}, drawn at the time of arrival.`);
    setText(this.note, notes.join(" "));
    setHidden(this.note, notes.length === 0);
  }
}
