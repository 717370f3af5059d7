// A panel of single values: one large, several as a table, each with its trend.

import { el, placeByName, setText, svg } from "../dom";
import type { Line } from "../line";
import type { Lines } from "../lines";
import { clock, reading, shown } from "../shown";
import { levelOf } from "../thresholds";
import { sparkline } from "../sparkline";
import type { PanelView } from "./panel_view";

interface Row {
  element: HTMLElement;
  value: HTMLElement;
  detail: HTMLElement;
  trend: SVGElement;
}

export class ValuePanel implements PanelView {
  private readonly element = el("ul", { class: "values" });
  private readonly rows = new Map<string, Row>();

  constructor(
    host: HTMLElement,
    private readonly lines: Lines,
  ) {
    host.append(this.element);
  }

  update(): void {
    for (const line of this.lines.all.values()) {
      if (Number.isNaN(line.last)) continue;
      let row = this.rows.get(line.name);
      if (!row) {
        row = this.make(line);
        this.rows.set(line.name, row);
      }
      this.draw(row, line);
    }
    this.element.classList.toggle("single", this.rows.size === 1);
  }

  destroy(): void {
    this.element.remove();
  }

  private make(line: Line): Row {
    const name = el("bdi", { class: "name" }, shown(line.name, 80));
    const [value, detail] = [el("strong", { class: "reading" }), el("span", { class: "since" })];
    const trend = svg("path");
    const picture = svg("svg", { class: "trend", viewBox: "0 0 100 24", preserveAspectRatio: "none", "aria-hidden": "true" }, trend);
    const element = el("li", {}, name, picture, value, detail);
    placeByName(this.element, element, line.name);
    return { element, value, detail, trend };
  }

  private draw(row: Row, line: Line): void {
    const { unit, thresholds } = this.lines.settings;
    const level = levelOf(line.last, thresholds);
    row.element.dataset["level"] = level ?? "";
    setText(row.value, `${reading(line.last, line.step)}${unit ? ` ${shown(unit, 20)}` : ""}`);
    setText(row.detail, [level ?? "", line.retained ? "retained" : "", clock(line.lastTime)].filter(Boolean).join(" · "));
    row.trend.setAttribute("d", sparkline(line.points, 60, 100, 24, line.step));
  }
}
