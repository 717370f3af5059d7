// One chart: panes of lines over one time axis, drawn by uPlot at most ten times a second, and only when something has come.

import uPlot from "uplot";
import { toGrid } from "./grid";
import { Points } from "./points";

export interface ChartOptions {
  /** Seconds that are seen, up to now. */
  window: number;
  /** Of each line; beyond it the oldest go. */
  maxPoints?: number;
  height?: number;
  /** Shown where a line has no unit of its own. */
  label?: string;
}

const FRAME_MS = 100;
const COLOURS = ["#1f77b4", "#d95f02", "#1b9e77", "#c2185b", "#7570b3", "#8a6d00", "#00838f", "#5d4037"];

export class ChartView {
  private readonly lines = new Map<string, Points>();
  private plot: uPlot | undefined;
  private timer: number | undefined;
  private paused = false;
  /** Frames drawn since the beginning. */
  frames = 0;

  constructor(
    private readonly host: HTMLElement,
    private readonly options: ChartOptions,
  ) {}

  /** Points of one line, oldest first; a NaN is a gap. */
  append(name: string, xs: ArrayLike<number>, ys: ArrayLike<number>): void {
    let points = this.lines.get(name);
    if (points === undefined) {
      points = new Points(this.options.maxPoints ?? 100_000);
      this.lines.set(name, points);
      this.plot?.destroy();
      this.plot = undefined;
    }
    for (let i = 0; i < xs.length; ++i) points.append(xs[i] ?? NaN, ys[i] ?? NaN);
    this.schedule();
  }

  pause(paused: boolean): void {
    this.paused = paused;
    if (!paused) this.schedule();
  }

  destroy(): void {
    window.clearTimeout(this.timer);
    this.plot?.destroy();
    this.plot = undefined;
  }

  private schedule(): void {
    if (this.timer !== undefined || this.paused) return;
    this.timer = window.setTimeout(() => {
      this.timer = undefined;
      requestAnimationFrame(() => {
        this.draw();
      });
    }, FRAME_MS);
  }

  private draw(): void {
    const to = Date.now() / 1000;
    const from = to - this.options.window;
    const lines = [...this.lines.values()];
    for (const points of lines) points.dropBefore(from);
    const width = Math.max(100, this.host.clientWidth);
    const grid = toGrid(lines, from, to, width);
    const data = [grid.x, ...grid.lines] as unknown as uPlot.AlignedData;
    this.plot ??= new uPlot(this.config(width), data, this.host);
    this.plot.setData(data, false);
    this.plot.setScale("x", { min: from, max: to });
    this.frames += 1;
  }

  private config(width: number): uPlot.Options {
    const named = [...this.lines.keys()].map((label, i) => ({ label, stroke: COLOURS[i % COLOURS.length] ?? "#1f77b4", width: 1.5, points: { show: false } }));
    return { width, height: this.options.height ?? 240, series: [{}, ...named], scales: { x: { time: true }, y: {} }, legend: { live: true } };
  }
}
