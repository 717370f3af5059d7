// The past: given to panels when they are made, and gathered from them when a copy is saved.

import { NO_HISTORY, type History, type HistoryTable } from "./history";
import type { Lines } from "./lines";

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
    const parts = new Map<string, { table: HistoryTable; column: string; ys: Float64Array }[]>();
    for (const table of this.history.tables) {
      if (!lines.wants(table.topic)) continue;
      for (const column of lines.settings.y) {
        const ys = table.columns.get(column);
        if (!ys) continue;
        const name = lines.nameOf(table.topic, column);
        const known = parts.get(name);
        if (known) known.push({ table, column, ys });
        else parts.set(name, [{ table, column, ys }]);
      }
    }
    for (const [, of] of [...parts].sort(([a], [b]) => byName.compare(a, b))) {
      const [first] = of;
      if (!first) continue;
      if (of.length === 1) lines.restore(first.table.topic, first.column, first.table.x, first.ys);
      else {
        const [xs, ys] = inOrder(of.map(({ table, ys }) => [table.x, ys]));
        lines.restore(first.table.topic, first.column, xs, ys);
      }
    }
    lines.tear();
  }

  /** What a copy of the page carries: the points of its panels, and of the file's history what no panel shows. */
  gather(panels: Iterable<Lines>): History {
    const tables: HistoryTable[] = [];
    const taken = new Map<string, HistoryTable>();
    for (const lines of panels) {
      for (const { topic, column, points } of lines.all.values()) {
        const [x, y]: [number[], number[]] = [[], []];
        for (let i = 0; i < points.length; ++i) {
          if (Number.isNaN(points.y(i))) continue;
          x.push(points.x(i));
          y.push(points.y(i));
        }
        const key = `${topic}\u0000${column}`;
        const table = { topic, x: Float64Array.from(x), columns: new Map([[column, Float64Array.from(y)]]) };
        const known = taken.get(key);
        if (x.length > 0 && (known === undefined || known.x.length < x.length)) taken.set(key, table);
      }
    }
    tables.push(...taken.values());
    for (const { topic, x, columns } of this.history.tables) {
      const left = new Map([...columns].filter(([column]) => !taken.has(`${topic}\u0000${column}`)));
      if (left.size > 0) tables.push({ topic, x, columns: left });
    }
    return { tables, rows: tables.reduce((sum, { x }) => sum + x.length, 0) };
  }
}

/** Several tables' points as one line's, oldest first. */
function inOrder(parts: [Float64Array, Float64Array][]): [Float64Array, Float64Array] {
  const length = parts.reduce((sum, [xs]) => sum + xs.length, 0);
  const [xs, ys] = [new Float64Array(length), new Float64Array(length)];
  let at = 0;
  for (const [x, y] of parts) {
    xs.set(x, at);
    ys.set(y, at);
    at += x.length;
  }
  const order = Uint32Array.from(xs.keys()).sort((a, b) => (xs[a] ?? 0) - (xs[b] ?? 0));
  return [Float64Array.from(order, (i) => xs[i] ?? NaN), Float64Array.from(order, (i) => ys[i] ?? NaN)];
}
