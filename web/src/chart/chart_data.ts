// What a chart has to show, whether or not a view of it is open: several views may look at one. Whoever changes it tells them.

import { Points } from "./points";

export interface LineOptions {
  pane?: number;
  /** A switch: the value holds until the next one. */
  step?: boolean;
  /** In the legend, instead of its name, which is its own in all panes. */
  label?: string;
  /** Its place among the colours, and in the legend. Default: the next. */
  colour?: number;
}

export class Line {
  readonly points: Points;
  hidden = false;
  lastX = NaN;
  lastY = NaN;

  constructor(
    readonly name: string,
    readonly label: string,
    readonly pane: number,
    readonly step: boolean,
    capacity: number,
    fold: number,
    public colour: number,
  ) {
    this.points = new Points(capacity, 256, fold);
  }

  append(x: number, y: number): void {
    this.points.append(x, y);
    if (!Number.isNaN(y) && !(x < this.lastX)) [this.lastX, this.lastY] = [x, y];
  }
}

/** Of the window: columns of pixels, more than a wide screen has. */
export const COLUMNS = 2000;

export type Change = "points" | "lines";

export class ChartData {
  readonly lines = new Map<string, Line>();
  private readonly listeners = new Set<(change: Change) => void>();

  constructor(
    readonly maxPoints = 100_000,
    /** Seconds of a column, into which points are folded beyond `maxPoints`; 0: the oldest go. */
    readonly fold = 0,
  ) {}

  line(name: string, options: LineOptions = {}): Line {
    let line = this.lines.get(name);
    const colour = options.colour ?? line?.colour ?? this.lines.size;
    if (line?.colour === colour) return line;
    line ??= new Line(name, options.label ?? name, options.pane ?? 0, options.step ?? false, this.maxPoints, this.fold, colour);
    line.colour = colour;
    this.lines.set(name, line);
    this.tell("lines");
    return line;
  }

  append(name: string, xs: ArrayLike<number>, ys: ArrayLike<number>): void {
    const line = this.line(name);
    for (let i = 0; i < xs.length; ++i) line.append(xs[i] ?? NaN, ys[i] ?? NaN);
    this.tell("points");
  }

  clear(): void {
    this.lines.clear();
    this.tell("lines");
  }

  dropBefore(x: number): void {
    for (const line of this.lines.values()) line.points.dropBefore(x);
  }

  tell(change: Change): void {
    for (const listener of this.listeners) listener(change);
  }

  /** Returns what takes the listener away. */
  listen(listener: (change: Change) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}
