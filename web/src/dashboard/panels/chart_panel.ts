// A panel of lines over time: the chart that notebooks have, too.

import { ChartView } from "../../chart/chart_view";
import { button, setHidden } from "../dom";
import { fileName, type Offer } from "../download";
import type { Lines } from "../lines";
import { shown } from "../shown";
import type { Level } from "../thresholds";
import type { PanelView } from "./panel_view";

const HEIGHT = 230;

export interface ChartSurroundings {
  /** Seconds that are seen. */
  window: number;
  /** Seconds since 1970: where the axis ends. */
  now: () => number;
  /** Where files for the user go. */
  offer: Offer;
}

export class ChartPanel implements PanelView {
  readonly tools: readonly HTMLElement[];
  private readonly view: ChartView;
  private readonly live: HTMLButtonElement;
  private readonly observer: IntersectionObserver;
  private paused = false;
  private inSight = true;

  constructor(
    host: HTMLElement,
    private readonly lines: Lines,
    { window, now, offer }: ChartSurroundings,
  ) {
    const { settings } = lines;
    const title = shown(settings.title || settings.y.join(", "), 120);
    this.view = new ChartView(host, {
      window,
      now,
      label: shown(settings.unit, 20),
      height: HEIGHT,
      ground: colour("surface"),
      theme: document.documentElement.dataset["theme"] === "dark" ? "dark" : "light",
      thresholds: settings.thresholds.map(({ above, below, level }) => ({ value: above ?? below ?? 0, label: level, colour: colour(level) })),
    });
    this.live = button("Back to now", () => { this.view.reset(); this.update(); }, { class: "quiet", hidden: true });
    this.tools = [this.live, button("PNG", () => void save(this.view, title, offer), { class: "quiet", "aria-label": `Save ${title} as PNG` })];
    host.setAttribute("aria-label", `${title}: arrows move, plus and minus zoom, Escape goes back to now, space pauses`);
    // What nobody sees is not drawn: a page may have many charts.
    this.observer = new IntersectionObserver((entries) => {
      this.inSight = entries.at(-1)?.isIntersecting ?? true;
      this.hold();
    }, { rootMargin: "200px" });
    this.observer.observe(host);
    lines.takeFresh();
    for (const line of lines.all.values()) {
      const [xs, ys] = [new Float64Array(line.points.length), new Float64Array(line.points.length)];
      for (let i = 0; i < xs.length; ++i) [xs[i], ys[i]] = [line.points.x(i), line.points.y(i)];
      if (xs.length > 0) this.append(line.name, xs, ys);
    }
  }

  update(): void {
    setHidden(this.live, this.view.isLive && (this.paused || !this.view.isPaused));
    for (const { name, xs, ys } of this.lines.takeFresh()) this.append(name, xs, ys);
  }

  pause(paused: boolean): void {
    this.paused = paused;
    this.hold();
  }

  destroy(): void {
    this.observer.disconnect();
    this.view.destroy();
  }

  private hold(): void {
    this.view.pause(this.paused || !this.inSight);
  }

  private append(name: string, xs: ArrayLike<number>, ys: ArrayLike<number>): void {
    this.view.line(name, { label: shown(name, 80), step: this.lines.all.get(name)?.step ?? false });
    this.view.append(name, xs, ys);
  }
}

/** The page's colour of that name, as the theme has it. */
function colour(name: Level | "surface"): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim() || "#888";
}

async function save(view: ChartView, title: string, offer: Offer): Promise<void> {
  offer(fileName(title, "png"), await view.toPng(), "image/png", "Saved, the picture as it is seen.");
}
