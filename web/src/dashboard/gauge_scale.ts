// From where to where a gauge goes, which parts of it are coloured, and where on its arc a value is.

import { levelOf, type Level, type Threshold } from "./thresholds";

export interface Range {
  min: number;
  max: number;
}

/** What is not given follows from what was seen and from the thresholds, in round numbers. */
export function rangeOf(min: number | null, max: number | null, seen: Range | undefined, thresholds: readonly Threshold[]): Range {
  const marks = thresholds.map(({ above, below }) => above ?? below ?? 0);
  const low = min ?? Math.min(0, ...marks, seen?.min ?? 0);
  const high = max ?? Math.max(...marks.map((mark) => mark + Math.abs(mark) * 0.2), seen?.max ?? 1, low + 1e-9);
  const range = { min: min ?? 0 - roundUp(-low), max: max ?? roundUp(high) };
  return range.max > range.min ? range : { min: range.min, max: range.min + 1 };
}

/** To the next of 1, 1.5, 2, 3, 4, 5, 6, 8, 10 times a power of ten, away from zero where it is positive. */
export function roundUp(value: number): number {
  if (value === 0) return 0;
  if (value < 0) return -roundDown(-value);
  const power = 10 ** Math.floor(Math.log10(value));
  const steps = [1, 1.5, 2, 3, 4, 5, 6, 8, 10];
  return Number(((steps.find((step) => step * power >= value * (1 - 1e-12)) ?? 10) * power).toPrecision(12));
}

function roundDown(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  const steps = [10, 8, 6, 5, 4, 3, 2, 1.5, 1];
  return Number(((steps.find((step) => step * power <= value * (1 + 1e-12)) ?? 1) * power).toPrecision(12));
}

/** 0 at the beginning of the arc, 1 at its end; what is beyond stands at the end. */
export function fractionOf(value: number, { min, max }: Range): number {
  return Math.min(1, Math.max(0, (value - min) / (max - min)));
}

export interface Segment {
  from: number;
  to: number;
  level: Level | undefined;
}

/** The range cut where a threshold is, in fractions. */
export function segmentsOf(range: Range, thresholds: readonly Threshold[]): Segment[] {
  const marks = thresholds.map(({ above, below }) => above ?? below ?? NaN).filter((mark) => mark > range.min && mark < range.max);
  const edges = [range.min, ...new Set(marks.sort((a, b) => a - b)), range.max];
  const found: Segment[] = [];
  for (let i = 0; i + 1 < edges.length; ++i) {
    const [from, to] = [edges[i] ?? 0, edges[i + 1] ?? 0];
    found.push({ from: fractionOf(from, range), to: fractionOf(to, range), level: levelOf((from + to) / 2, thresholds) });
  }
  return found;
}

const [BEGIN, SWEEP] = [150, 240];

/** A part of the arc, around 0/0, as an SVG path. */
export function arc(from: number, to: number, radius: number): string {
  const point = (fraction: number): string => {
    const angle = ((BEGIN + SWEEP * fraction) * Math.PI) / 180;
    return `${(Math.cos(angle) * radius).toFixed(2)} ${(Math.sin(angle) * radius).toFixed(2)}`;
  };
  return `M ${point(from)} A ${radius} ${radius} 0 ${(to - from) * SWEEP > 180 ? 1 : 0} 1 ${point(to)}`;
}
