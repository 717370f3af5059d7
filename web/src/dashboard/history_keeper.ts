// The past: given to panels when they are made, and gathered from them when a copy is saved.

import { NO_HISTORY, type History, type HistoryTable } from "./history";
import type { Line } from "./line";
import type { Lines, Source } from "./lines";

const byName = new Intl.Collator("en", { numeric: true });

export class HistoryKeeper {
  /** Seconds since 1970 of its first and its last row; undefined where there is none. */
  span: { from: number; to: number } | undefined;
  private all: History = NO_HISTORY;

  get history(): History {
    return this.all;
  }

  set history(history: History) {
    this.all = history;
    let [from, to] = [Infinity, -Infinity];
    for (const { x } of history.tables) {
      from = Math.min(from, x[0] ?? Infinity);
      to = Math.max(to, x.at(-1) ?? -Infinity);
    }
    this.span = from <= to ? { from, to } : undefined;
  }

  /** The points of the past that a panel shows. */
  fill(lines: Lines): void {
    const parts = new Map<string, Part[]>();
    for (const table of this.history.tables) {
      if (!lines.wants(table.topic)) continue;
      for (const column of lines.settings.y) {
        const ys = table.columns.get(column);
        if (ys) push(parts, lines.nameOf(table.topic, column), { topic: table.topic, column, step: isSwitch(table, column), xs: table.x, ys });
      }
    }
    for (const [, of] of [...parts].sort(([a], [b]) => byName.compare(a, b))) {
      const [first] = of;
      if (!first) continue;
      const { xs, ys, from } = inOrder(of);
      lines.restore(first, xs, ys, (i) => of[from[i] ?? 0]?.topic ?? "");
    }
    lines.tear();
  }

  /** What a copy of the page carries: the history of its file, and what its panels have kept of what came since. */
  gather(panels: Iterable<Lines>): History {
    const kept = new Map<string, Part>();
    for (const lines of panels) {
      for (const line of lines.all.values()) {
        for (const part of partsOf(line)) {
          const key = keyOf(part);
          // Panels keep the newest: the one that has more has all that the others have.
          if ((kept.get(key)?.xs.length ?? 0) < part.xs.length) kept.set(key, part);
        }
      }
    }
    const tables: HistoryTable[] = [];
    const before = new Map<string, Part[]>();
    for (const table of this.history.tables) {
      const { topic, x, columns } = table;
      const left = new Map(columns);
      for (const [column, ys] of columns) {
        const key = keyOf({ topic, column });
        if (!kept.has(key)) continue;
        left.delete(column);
        push(before, key, { topic, column, step: isSwitch(table, column), ...withValues(x, ys) });
      }
      if (left.size > 0) tables.push({ topic, x, columns: left, switches: table.switches?.filter((name) => left.has(name)) ?? [] });
    }
    for (const [key, part] of kept) {
      const { xs, ys } = joined(before.get(key) ?? [], part);
      tables.push({ topic: part.topic, x: xs, columns: new Map([[part.column, ys]]), ...(part.step ? { switches: [part.column] } : {}) });
    }
    return { tables, rows: tables.reduce((sum, { x }) => sum + x.length, 0) };
  }
}

/** Points of one column of one topic, oldest first. */
interface Part extends Values, Source {}

interface Values {
  xs: Float64Array;
  ys: Float64Array;
}

function isSwitch({ switches }: HistoryTable, column: string): boolean {
  return switches?.includes(column) ?? false;
}

function keyOf({ topic, column }: Pick<Part, "topic" | "column">): string {
  return `${topic}\u0000${column}`;
}

function push(parts: Map<string, Part[]>, key: string, part: Part): void {
  const known = parts.get(key);
  if (known) known.push(part);
  else parts.set(key, [part]);
}

/** A line's points, apart by their topics. */
function partsOf(line: Line): Part[] {
  const found = new Map<string, { xs: number[]; ys: number[] }>();
  for (let i = 0; i < line.points.length; ++i) {
    const [topic, y] = [line.topicAt(i), line.points.y(i)];
    if (Number.isNaN(y)) continue;
    let part = found.get(topic);
    if (!part) found.set(topic, (part = { xs: [], ys: [] }));
    part.xs.push(line.points.x(i));
    part.ys.push(y);
  }
  return [...found].map(([topic, { xs, ys }]) => ({ topic, column: line.column, step: line.step, xs: Float64Array.from(xs), ys: Float64Array.from(ys) }));
}

/** Without the rows that have no value. */
function withValues(x: Float64Array, y: Float64Array): Values {
  return { xs: x.filter((_, i) => !Number.isNaN(y[i])), ys: y.filter((one) => !Number.isNaN(one)) };
}

/** The file's points, and of those that a panel has kept the ones that are not among them: panels keep the newest only. */
function joined(file: readonly Values[], kept: Values): Values {
  const all = inOrder(file);
  const isMatched = new Uint8Array(all.xs.length);
  let at = 0;
  const isNew = kept.xs.map((x, i) => {
    while ((all.xs[at] ?? NaN) < x || isMatched[at] === 1) at += 1;
    for (let j = at; all.xs[j] === x; ++j) {
      if (isMatched[j] === 1 || all.ys[j] !== kept.ys[i]) continue;
      isMatched[j] = 1;
      return 0;
    }
    return 1;
  });
  return inOrder([all, { xs: kept.xs.filter((_, i) => isNew[i] === 1), ys: kept.ys.filter((_, i) => isNew[i] === 1) }]);
}

/** Several tables' points as one line's, oldest first, and which table each is from. */
function inOrder(parts: readonly Values[]): Values & { from: Uint32Array } {
  const length = parts.reduce((sum, { xs }) => sum + xs.length, 0);
  const [xs, ys, from] = [new Float64Array(length), new Float64Array(length), new Uint32Array(length)];
  let at = 0;
  for (const [i, part] of parts.entries()) {
    xs.set(part.xs, at);
    ys.set(part.ys, at);
    from.fill(i, at, at + part.xs.length);
    at += part.xs.length;
  }
  if (parts.length < 2) return { xs, ys, from };
  const order = Uint32Array.from(xs.keys()).sort((a, b) => (xs[a] ?? 0) - (xs[b] ?? 0));
  return { xs: Float64Array.from(order, (i) => xs[i] ?? NaN), ys: Float64Array.from(order, (i) => ys[i] ?? NaN), from: order.map((i) => from[i] ?? 0) };
}
