// One pane: a plot of uPlot's with the lines that belong to it, and its legend.

import uPlot from "uplot";
import type { Line } from "./chart_data";
import type { ChartView } from "./chart_view";
import { element } from "./dom";
import { toGrid, type Cell } from "./grid";
import { Legend } from "./legend";
import { switchTicks } from "./numbers";

/** A level that is drawn across a pane. */
export interface Threshold {
  value: number;
  label?: string;
  colour?: string;
}

const LEAST_WIDTH = 100;
const DAY = "\n{D} {MMM}";
const DATE = "\n{D} {MMM} {YYYY}";
/** uPlot's table of how times are written: from so many seconds between ticks on; what is added where the year, the day, … is another. */
const TIMES: (string | number | null)[][] = [
  [86_400 * 365, "{YYYY}", null, null, null, null, null, null, 1],
  [86_400 * 28, "{MMM}", "\n{YYYY}", null, null, null, null, null, 1],
  [86_400, "{D} {MMM}", "\n{YYYY}", null, null, null, null, null, 1],
  [60, "{HH}:{mm}", DATE, null, DAY, null, null, null, 1],
  [1, "{HH}:{mm}:{ss}", DATE, null, DAY, null, null, null, 1],
  [0.001, "{HH}:{mm}:{ss}.{fff}", DATE, null, DAY, null, null, null, 1],
];
const STROKE = 1.5;
const DOT = 5; // of a point that stands alone, across
/** Between ticks of an axis of switches. */
const WHOLE = [1, 2, 5, 10, 20, 50, 100, 1000, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];
const CROWDED = 6000; // values
const PAN_BUTTON = 1; // the mouse's middle one

export class Pane {
  readonly element = element("div", "hf-pane");
  readonly legend: Legend;
  private readonly box = element("div");
  private plot: uPlot | undefined;
  private lines: Line[] = [];
  private crowded = false;
  /** Of each line that is drawn, as the grid has them. */
  private dots: readonly (readonly number[])[] = [];

  constructor(
    private readonly label: string,
    private readonly thresholds: readonly Threshold[],
    private readonly view: ChartView,
  ) {
    this.legend = new Legend((line) => {
      view.toggle(line);
    });
    this.element.append(this.box);
  }

  get canvas(): HTMLCanvasElement | undefined {
    return this.plot?.ctx.canvas;
  }

  /** These lines from now on. */
  use(lines: Line[]): void {
    this.lines = lines;
    this.plot?.destroy();
    this.plot = undefined;
    this.legend.show(lines, (line) => this.view.colour(line));
  }

  draw(from: number, to: number): void {
    const width = Math.max(LEAST_WIDTH, this.view.width);
    const drawn = this.lines.filter((line) => !line.hidden);
    const grid = toGrid(drawn.map((line) => line.points), from, to, width, drawn.map((line) => line.step));
    this.dots = grid.dots;
    const data = [grid.x, ...grid.lines] as unknown as uPlot.AlignedData;
    this.plot ??= new uPlot(this.config(width, drawn), data, this.box);
    const plot = this.plot;
    if (plot.width !== width || plot.height !== this.view.height) plot.setSize({ width, height: this.view.height });
    const stroke = this.stroke(grid.lines);
    for (const series of plot.series.slice(1)) series.width = stroke;
    plot.batch(() => {
      plot.setData(data, false);
      plot.setScale("x", { min: from, max: to });
    });
    if (plot.cursor.left === undefined || plot.cursor.left < 0) this.legend.update();
  }

  /** Lines of a pixel are drawn many times as fast as wider ones where there is no graphics card, and look no worse where they fill the pane. */
  private stroke(lines: readonly (readonly Cell[])[]): number {
    const values = lines.reduce((sum, cells) => sum + cells.reduce<number>((count, cell) => (typeof cell === "number" ? count + 1 : count), 0), 0);
    this.crowded = values > (this.crowded ? CROWDED * 0.7 : CROWDED);
    return this.crowded ? 1 / (window.devicePixelRatio || 1) : STROKE;
  }

  destroy(): void {
    this.plot?.destroy();
    this.plot = undefined;
  }

  private config(width: number, lines: readonly Line[]): uPlot.Options {
    const { colours } = this.view;
    const axis = { stroke: colours.text, grid: { stroke: colours.grid, width: 1 }, ticks: { stroke: colours.grid, width: 1 } };
    const stepped = uPlot.paths.stepped?.({ align: 1 });
    const isSwitch = lines.length > 0 && lines.every((line) => line.step);
    const series = lines.map((line, i): uPlot.Series => ({
      label: line.label,
      stroke: this.view.colour(line),
      width: STROKE,
      dash: this.view.dash(line),
      points: { show: false, filter: () => this.dotsOf(i), size: DOT, width: 0, fill: this.view.colour(line) },
      ...(line.step && stepped ? { paths: stepped } : {}),
    }));
    return {
      width,
      height: this.view.height,
      series: [{}, ...series],
      scales: { x: { time: true, auto: false }, y: { range: (_, min, max) => (isSwitch ? this.yRange(Math.min(min ?? 0, 0), Math.max(max ?? 1, 1)) : this.yRange(min, max)) } },
      axes: [{ ...axis, values: TIMES, space: 76 }, { ...axis, ...(isSwitch ? { incrs: WHOLE, values: (_, ticks) => switchTicks(ticks) } : {}), size: 62, ...(this.label ? { label: this.label, labelSize: 18 } : {}) }],
      legend: { show: false },
      cursor: {
        points: { show: false },
        drag: { x: true, y: false, setScale: false },
        bind: { mousedown: (_, __, handler) => this.orPan(handler), dblclick: () => () => this.back() },
      },
      hooks: {
        setSelect: [(plot) => { this.select(plot); }],
        setCursor: [(plot) => { this.pointAt(plot); }],
        draw: [(plot) => { this.drawThresholds(plot); }],
        ready: [(plot) => { this.listenToWheel(plot); }],
      },
    };
  }

  /** uPlot's word for none is null. */
  private dotsOf(line: number): number[] | null {
    const dots = this.dots[line] ?? [];
    return dots.length > 0 ? [...dots] : null;
  }

  /** All that is seen, with a little air, and thresholds that are near. */
  private yRange(min: number | null, max: number | null): [number, number] {
    let [low, high] = [min ?? 0, max ?? 1];
    const span = high - low || Math.abs(high) * 0.1 || 1;
    for (const { value } of this.thresholds) {
      if (value >= low - span && value <= high + span) [low, high] = [Math.min(low, value), Math.max(high, value)];
    }
    const air = (high - low || span) * 0.06;
    return [low - air, high + air];
  }

  private back(): null {
    this.view.reset();
    return null;
  }

  private select(plot: uPlot): void {
    const { left, width } = plot.select;
    if (width < 3) return;
    this.view.zoom(plot.posToVal(left, "x"), plot.posToVal(left + width, "x"));
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  }

  private pointAt(plot: uPlot): void {
    const { left } = plot.cursor;
    this.view.point(left === undefined || left < 0 ? undefined : plot.posToVal(left, "x"));
  }

  private orPan(handler: (event: MouseEvent) => null): (event: MouseEvent) => null {
    return (event) => {
      if (!event.shiftKey && event.button !== PAN_BUTTON) return handler(event);
      event.preventDefault();
      let last = event.clientX;
      const move = (moved: MouseEvent): void => {
        this.view.pan((last - moved.clientX) / Math.max(1, this.plot?.over.clientWidth ?? 1));
        last = moved.clientX;
      };
      const end = (): void => {
        document.removeEventListener("mousemove", move);
        document.removeEventListener("mouseup", end);
      };
      document.addEventListener("mousemove", move);
      document.addEventListener("mouseup", end);
      return null;
    };
  }

  /** With a key only: else a page could not be scrolled past a chart. */
  private listenToWheel(plot: uPlot): void {
    plot.over.addEventListener(
      "wheel",
      (event) => {
        if (!event.ctrlKey && !event.metaKey) return;
        event.preventDefault();
        const box = plot.over.getBoundingClientRect();
        this.view.zoomBy(event.deltaY < 0 ? 0.8 : 1.25, Math.min(1, Math.max(0, (event.clientX - box.left) / Math.max(1, box.width))));
      },
      { passive: false },
    );
  }

  private drawThresholds(plot: uPlot): void {
    const { ctx, bbox } = plot;
    for (const { value, label, colour } of this.thresholds) {
      const y = plot.valToPos(value, "y", true);
      if (y < bbox.top || y > bbox.top + bbox.height) continue;
      ctx.save();
      ctx.strokeStyle = ctx.fillStyle = colour ?? this.view.colours.text;
      ctx.setLineDash([6 * devicePixelRatio, 4 * devicePixelRatio]);
      ctx.beginPath();
      ctx.moveTo(bbox.left, y);
      ctx.lineTo(bbox.left + bbox.width, y);
      ctx.stroke();
      if (label) {
        ctx.setLineDash([]);
        ctx.lineWidth = 4 * devicePixelRatio;
        ctx.lineJoin = "round";
        ctx.strokeStyle = this.view.ground;
        ctx.textAlign = "right";
        ctx.textBaseline = "bottom";
        ctx.font = `${12 * devicePixelRatio}px system-ui, sans-serif`;
        // Lines run through here: the letters stand on a ground of their own.
        ctx.strokeText(label, bbox.left + bbox.width - 4, y - 2);
        ctx.fillText(label, bbox.left + bbox.width - 4, y - 2);
      }
      ctx.restore();
    }
  }
}
