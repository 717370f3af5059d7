// A panel of lines over time.

import { ChartView } from "../../chart/chart_view";
import type { Lines } from "../lines";
import type { PanelView } from "./panel_view";

export class ChartPanel implements PanelView {
  private readonly view: ChartView;

  constructor(
    host: HTMLElement,
    private readonly lines: Lines,
    window: number,
  ) {
    this.view = new ChartView(host, { window, label: lines.settings.unit, height: 220 });
    lines.takeFresh();
    for (const line of lines.all.values()) {
      const [xs, ys] = [new Float64Array(line.points.length), new Float64Array(line.points.length)];
      for (let i = 0; i < xs.length; ++i) [xs[i], ys[i]] = [line.points.x(i), line.points.y(i)];
      if (xs.length > 0) this.view.append(line.name, xs, ys);
    }
  }

  update(): void {
    for (const { name, xs, ys } of this.lines.takeFresh()) this.view.append(name, xs, ys);
  }

  pause(paused: boolean): void {
    this.view.pause(paused);
  }

  destroy(): void {
    this.view.destroy();
  }
}
