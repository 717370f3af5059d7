// What a panel shows: of the messages that come, the points of its lines. Bounded in lines and in points; what found no place is counted.

import type { Points } from "../chart/points";
import { Line } from "./line";
import type { PanelSettings } from "./settings";
import { asNumber, rowsOf, valueAt } from "./paths";
import { FUTURE_TOLERANCE, secondsOf } from "./times";
import { filterOf, hasWildcard, levelsOf, matches } from "./topics";

export const MOST_LINES = 40;
/** Of one line. A panel has fewer where it has many lines: see `trim`. */
const MOST_POINTS = 150_000;
/** The same, where the last value is what counts: gauges, single values. */
const MOST_POINTS_OF_STATE = 2_000;
/** Names of lines beyond MOST_LINES that are told apart. */
const MOST_COUNTED = 10_000;

export interface Fresh {
  name: string;
  xs: number[];
  ys: number[];
}

/** Where points of the past are from. */
export interface Source {
  topic: string;
  column: string;
  step: boolean;
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

  constructor(private shown: PanelSettings) {
    this.filter = filterOf(shown.topics);
    this.byTopic = hasWildcard(this.filter);
  }

  get settings(): PanelSettings {
    return this.shown;
  }

  /** Takes other settings, where they ask for the same points; says whether they do. */
  adopt(settings: PanelSettings): boolean {
    const isSame = pointsOf(settings) === pointsOf(this.shown);
    if (isSame) this.shown = settings;
    return isSame;
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
        const found = valueAt(row, column);
        const value = asNumber(found);
        if (Number.isNaN(value)) continue;
        const line = this.lineOf(topic, column, typeof found === "boolean");
        if (line) this.put(line, topic, at, value, retained);
      }
    }
  }

  /** Points of the past, oldest first, before what has come since the page was opened; none are told as fresh. */
  restore({ topic, column, step }: Source, xs: ArrayLike<number>, ys: ArrayLike<number>, topicAt: (index: number) => string = () => topic): void {
    const line = this.lineOf(topic, column, step);
    if (!line) return;
    const came = line.takeAll();
    let [end, last] = [NaN, NaN];
    for (let i = 0; i < xs.length; ++i) {
      const [x, y] = [xs[i] ?? NaN, ys[i] ?? NaN];
      if (Number.isNaN(y) || Number.isNaN(x)) continue;
      line.append(topicAt(i), x, y);
      [end, last] = [x, y];
    }
    if (Number.isNaN(line.lastTime) || end > line.lastTime) Object.assign(line, { last, lastTime: end, retained: false });
    const [first] = came;
    if (first && first.x - end > longestStep(line.points)) line.append(topic, end, NaN);
    // What the broker had kept may be in the file, too.
    for (const one of came) if (!isThere(line.points, one.x, one.y)) line.append(one.topic, one.x, one.y);
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
    for (const line of this.all.values()) line.trim(each);
  }

  /** What came since it was last asked, for those who draw. */
  takeFresh(): Fresh[] {
    const taken = [...this.fresh.values()];
    this.fresh = new Map();
    return taken;
  }

  private put(line: Line, topic: string, x: number, y: number, retained: boolean): void {
    // What the broker had kept is the state, not a point of now; unless it says itself when it was measured.
    if (retained && this.settings.x === null) {
      if (line.points.length === 0) Object.assign(line, { last: y, lastTime: x, retained: true });
      return;
    }
    const isFirst = line.points.length === 0;
    if (!isFirst && x === line.lastTime && y === line.last) return; // sent twice
    if (!isFirst && x < line.lastTime) {
      // Late: its place is in between. What the broker had kept may be what stands there already.
      if (!retained) this.draw(line, topic, x, y);
      return;
    }
    const end = line.points.x(line.points.length - 1);
    if (line.torn && !isFirst && x - end > longestStep(line.points)) this.draw(line, topic, end, NaN);
    Object.assign(line, { last: y, lastTime: x, retained, torn: false });
    this.draw(line, topic, x, y);
  }

  private draw(line: Line, topic: string, x: number, y: number): void {
    line.append(topic, x, y);
    if (this.shown.kind !== "chart") return; // the others draw the state
    let fresh = this.fresh.get(line.name);
    if (!fresh) {
      fresh = { name: line.name, xs: [], ys: [] };
      this.fresh.set(line.name, fresh);
    }
    fresh.xs.push(x);
    fresh.ys.push(y);
  }

  private lineOf(topic: string, column: string, step: boolean): Line | undefined {
    const name = this.nameOf(topic, column);
    const known = this.all.get(name);
    if (known) return known;
    if (this.all.size >= MOST_LINES) {
      if (this.beyond.size < MOST_COUNTED) this.beyond.add(name);
      return undefined;
    }
    const made = new Line(name, topic, column, step, this.shown.kind === "chart" ? MOST_POINTS : MOST_POINTS_OF_STATE);
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

function isThere(points: Points, x: number, y: number): boolean {
  for (let i = points.indexOf(x); points.x(i) === x; ++i) if (points.y(i) === y) return true;
  return false;
}

/** What decides which points a panel has. */
function pointsOf({ kind, topics, y, by, x }: PanelSettings): string {
  return JSON.stringify([kind, topics, y, by, x]);
}

function lineName({ topics, by, y }: PanelSettings, byTopic: boolean, topic: string, column: string): string {
  const levels = levelsOf(topics, topic);
  const wanted = by ?? (levels.size > 0 ? [...levels.keys()] : byTopic ? ["_topic"] : []);
  const parts = wanted.map((name) => (name === "_topic" ? topic : (levels.get(name) ?? "")));
  if (y.length > 1 || parts.length === 0) parts.push(column);
  return parts.filter(Boolean).join(" ");
}
