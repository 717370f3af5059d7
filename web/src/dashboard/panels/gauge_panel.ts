// A panel of gauges, one for each line.

import { el, placeByName, setText, svg } from "../dom";
import { arc, fractionOf, rangeOf, segmentsOf, type Range } from "../gauge_scale";
import type { Line } from "../line";
import type { Lines } from "../lines";
import { clock, number, reading, shown } from "../shown";
import { levelOf } from "../thresholds";
import type { PanelView } from "./panel_view";

const MOST_GAUGES = 24;
const RADIUS = 42;
const LONG = 7; // letters

interface Gauge {
  element: HTMLElement;
  track: SVGElement;
  bar: SVGElement;
  value: HTMLElement;
  unit: HTMLElement;
  detail: HTMLElement;
  ends: HTMLElement;
  drawn: string;
}

export class GaugePanel implements PanelView {
  private readonly element = el("div", { class: "gauges" });
  private readonly gauges = new Map<string, Gauge>();
  private seen: Range | undefined;

  constructor(
    host: HTMLElement,
    private readonly lines: Lines,
  ) {
    host.append(this.element);
  }

  update(): void {
    const { settings } = this.lines;
    for (const line of this.lines.all.values()) if (!Number.isNaN(line.last)) this.see(line.last);
    const range = rangeOf(settings.min, settings.max, this.seen, settings.thresholds);
    for (const line of this.lines.all.values()) {
      if (Number.isNaN(line.last)) continue;
      let gauge = this.gauges.get(line.name);
      if (!gauge) {
        if (this.gauges.size >= MOST_GAUGES) continue;
        gauge = this.make(line);
        this.gauges.set(line.name, gauge);
      }
      this.draw(gauge, line, range);
    }
  }

  destroy(): void {
    this.element.remove();
  }

  private see(value: number): void {
    this.seen = this.seen ? { min: Math.min(this.seen.min, value), max: Math.max(this.seen.max, value) } : { min: value, max: value };
  }

  private make(line: Line): Gauge {
    const track = svg("g", { class: "track" });
    const bar = svg("path", { class: "bar" });
    const picture = svg("svg", { viewBox: "-52 -50 104 78", "aria-hidden": "true" }, track, bar);
    const unit = el("span", { class: "unit" }, shown(this.lines.settings.unit, 20));
    const [value, detail, ends] = [el("strong", { class: "reading" }), el("span", { class: "since" }), el("span", { class: "ends", "aria-hidden": "true" })];
    const element = el("figure", { class: "gauge" }, picture, el("figcaption", {}, value, unit, ends, el("bdi", { class: "name" }, shown(line.name, 80)), detail));
    placeByName(this.element, element, line.name);
    return { element, track, bar, value, unit, detail, ends, drawn: "" };
  }

  private draw(gauge: Gauge, line: Line, range: Range): void {
    const { unit, thresholds } = this.lines.settings;
    const text = reading(line.last, line.step);
    const scale = `${range.min} ${range.max}`;
    if (gauge.drawn !== scale) {
      gauge.drawn = scale;
      gauge.track.replaceChildren(
        svg("path", { class: "rest", d: arc(0, 1, RADIUS) }),
        ...segmentsOf(range, thresholds)
          .filter(({ level }) => level !== undefined)
          .map(({ from, to, level }) => svg("path", { class: `limit ${level ?? ""}`, d: arc(from, to, RADIUS + 6) })),
      );
      const ends = [el("span", {}, number(range.min)), el("span", {}, number(range.max))];
      gauge.ends.replaceChildren(...ends);
    }
    const level = levelOf(line.last, thresholds);
    gauge.bar.setAttribute("d", arc(0, Math.max(0.004, fractionOf(line.last, range)), RADIUS));
    gauge.element.dataset["level"] = level ?? "";
    setText(gauge.value, text);
    setText(gauge.unit, shown(unit, 20));
    // Within its ring.
    gauge.value.classList.toggle("long", text.length > LONG);
    const beyond = line.last > range.max ? "above the scale" : line.last < range.min ? "below the scale" : "";
    setText(gauge.detail, [level ?? "", beyond, line.retained ? "retained" : "", clock(line.lastTime)].filter(Boolean).join(" · "));
  }
}
