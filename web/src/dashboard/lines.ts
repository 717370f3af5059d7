// What a panel shows: of the messages that come, the points of its lines. Bounded in lines and in points; what found no place is counted.

import { Points } from "../chart/points";
import type { PanelSettings } from "./settings";
import { asNumber, rowsOf, valueAt } from "./paths";
import { FUTURE_TOLERANCE, secondsOf } from "./times";
import { filterOf, hasWildcard, levelsOf, matches } from "./topics";

export const MOST_LINES = 40;
/** Of one line. A panel has fewer where it has many lines: see `trim`. */
const MOST_POINTS = 150_000;
/** Names of lines beyond MOST_LINES that are told apart. */
const MOST_COUNTED = 10_000;

export interface Line {
  name: string;
  topic: string;
  column: string;
  points: Points;
  last: number;
  lastTime: number;
  /** Came as a message that the broker had kept, and nothing newer did. */
  retained: boolean;
  /** Something may be missing before the next point: if that comes late, the line is broken there. */
  torn: boolean;
}

export interface Fresh {
  name: string;
  xs: number[];
  ys: number[];
}

export class Lines {
  readonly all = new Map<string, Line>();
  /** Points that do not stand where they said: told below the panel. */
  readonly told = { future: 0, noTime: 0 };
  private readonly beyond = new Set<string>();
  private readonly filter: string;
  private readonly byTopic: boolean;
  private fresh = new Map<string, Fresh>();
  private readonly names = new Map<string, string>();

  constructor(readonly settings: PanelSettings) {
    this.filter = filterOf(settings.topics);
    this.byTopic = hasWildcard(this.filter);
  }

  /** How many lines there are no places for. */
  get unplaced(): number {
    return this.beyond.size;
  }

  wants(topic: string): boolean {
    return matches(this.filter, topic);
  }

  /** One message, already known to be wanted. */
  take(topic: string, document: unknown, time: number, retained: boolean): void {
    const { x } = this.settings;
    for (const row of rowsOf(document)) {
      let at = time;
      if (x !== null) {
        at = secondsOf(valueAt(row, x));
        if (Number.isNaN(at)) {
          if (retained) continue;
          this.told.noTime += 1;
          at = time;
        } else if (at > time + FUTURE_TOLERANCE) {
          this.told.future += 1;
          at = time;
        }
      }
      for (const column of this.settings.y) {
        const value = asNumber(valueAt(row, column));
        if (!Number.isNaN(value)) this.put(topic, column, at, value, retained);
      }
    }
  }

  /** Points of the past, oldest first; none are told as fresh. */
  restore(topic: string, column: string, xs: ArrayLike<number>, ys: ArrayLike<number>): void {
    const line = this.lineOf(topic, column);
    if (!line) return;
    for (let i = 0; i < xs.length; ++i) {
      const [x, y] = [xs[i] ?? NaN, ys[i] ?? NaN];
      if (Number.isNaN(y) || Number.isNaN(x) || (line.points.length > 0 && x < line.lastTime)) continue;
      line.points.append(x, y);
      [line.lastTime, line.last] = [x, y];
    }
  }

  /** From here on something may be missing: the connection was lost, or the file was saved and is opened again. */
  tear(): void {
    for (const line of this.all.values()) line.torn = true;
  }

  /** Forgets the oldest points where there are more than so many in all. */
  trim(most: number): void {
    let all = 0;
    for (const { points } of this.all.values()) all += points.length;
    if (all <= most) return;
    const each = Math.floor((most * 0.9) / this.all.size);
    for (const { points } of this.all.values()) {
      if (points.length > each) points.dropBefore(points.x(points.length - each));
    }
  }

  /** What came since it was last asked, for those who draw. */
  takeFresh(): Fresh[] {
    const taken = [...this.fresh.values()];
    this.fresh = new Map();
    return taken;
  }

  private put(topic: string, column: string, x: number, y: number, retained: boolean): void {
    const line = this.lineOf(topic, column);
    if (!line) return;
    // What the broker had kept is the state, not a point of now; unless it says itself when it was measured.
    if (retained && this.settings.x === null) {
      if (line.points.length === 0) Object.assign(line, { last: y, lastTime: x, retained: true });
      return;
    }
    const isFirst = line.points.length === 0;
    if (!isFirst && x === line.lastTime && y === line.last) return; // sent twice
    if (!isFirst && x < line.lastTime) {
      // Late: its place is in between. What the broker had kept may be what stands there already.
      if (!retained) this.draw(line, x, y);
      return;
    }
    if (line.torn && !isFirst && x - line.lastTime > longestStep(line.points)) this.draw(line, line.lastTime, NaN);
    Object.assign(line, { last: y, lastTime: x, retained, torn: false });
    this.draw(line, x, y);
  }

  private draw(line: Line, x: number, y: number): void {
    line.points.append(x, y);
    let fresh = this.fresh.get(line.name);
    if (!fresh) {
      fresh = { name: line.name, xs: [], ys: [] };
      this.fresh.set(line.name, fresh);
    }
    fresh.xs.push(x);
    fresh.ys.push(y);
  }

  private lineOf(topic: string, column: string): Line | undefined {
    const name = this.nameOf(topic, column);
    const known = this.all.get(name);
    if (known) return known;
    if (this.all.size >= MOST_LINES) {
      if (this.beyond.size < MOST_COUNTED) this.beyond.add(name);
      return undefined;
    }
    const points = new Points(this.settings.kind === "chart" ? MOST_POINTS : 2_000, 256);
    const made: Line = { name, topic, column, points, last: NaN, lastTime: NaN, retained: false, torn: false };
    this.all.set(name, made);
    return made;
  }

  /** The line that a column of a topic belongs to. */
  nameOf(topic: string, column: string): string {
    const key = `${topic}\u0000${column}`;
    const known = this.names.get(key);
    if (known !== undefined) return known;
    const made = lineName(this.settings, this.byTopic, topic, column);
    if (this.names.size > MOST_COUNTED) this.names.clear();
    this.names.set(key, made);
    return made;
  }
}

/** Seconds between points that are no gap: some times the mean of the last steps. */
function longestStep(points: Points): number {
  const last = points.length - 1;
  const first = Math.max(0, last - 20);
  return last > first ? Math.max(2, (5 * (points.x(last) - points.x(first))) / (last - first)) : 2;
}

function lineName({ topics, by, y }: PanelSettings, byTopic: boolean, topic: string, column: string): string {
  const levels = levelsOf(topics, topic);
  const wanted = by ?? (levels.size > 0 ? [...levels.keys()] : byTopic ? ["_topic"] : []);
  const parts = wanted.map((name) => (name === "_topic" ? topic : (levels.get(name) ?? "")));
  if (y.length > 1 || parts.length === 0) parts.push(column);
  return parts.filter(Boolean).join(" ");
}
