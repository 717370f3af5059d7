// Lines of any number of points on one grid of pixel columns: of each column the least and the greatest value, in the order in which they
// came. So every peak is drawn, all lines share their x as uPlot wants it, and a frame costs as many values as there are pixels.

import type { Points } from "./points";

/** uPlot's words: undefined is passed over by the line, null breaks it. */
export type Cell = number | null | undefined;

export interface Grid {
  x: Float64Array;
  lines: Cell[][];
  /** Of each line the cells that no line comes from or goes to: to be seen they need a dot. */
  dots: number[][];
}

/** Two values and a gap behind them. */
const CELLS = 3;

/** Columns begin at multiples of their width, so that a point does not change its column while the axis moves. */
export function toGrid(lines: readonly Points[], from: number, to: number, columns: number, isStep: readonly boolean[] = []): Grid {
  const width = (to - from) / columns;
  const first = Math.floor(from / width) - 1; // one more at each side, for where the lines come from and go to
  const count = columns + 3;
  const x = new Float64Array(count * CELLS);
  for (let column = 0; column < count; ++column) {
    for (let cell = 0; cell < CELLS; ++cell) x[CELLS * column + cell] = width * (first + column + (cell + 0.5) / CELLS);
  }
  const cells = lines.map((points, i) => lineOf(points, x, width, first, isStep[i] ?? false));
  return { x, lines: cells, dots: cells.map(dotsOf) };
}

/** What stands alone between gaps, and is no wider than a column. */
function dotsOf(cells: readonly Cell[]): number[] {
  const dots: number[] = [];
  let run: number[] = [];
  let begin = -1;
  let end = -1;
  const finish = (): void => {
    if (begin >= 0 && end - begin < CELLS) dots.push(...run);
    begin = -1;
    run = [];
  };
  for (let i = 0; i < cells.length; ++i) {
    const cell = cells[i];
    if (cell === null) finish();
    else if (cell !== undefined) {
      if (begin < 0) begin = i;
      if (i - begin < CELLS) run.push(i);
      end = i;
    }
  }
  finish();
  return dots;
}

function lineOf(points: Points, xs: Float64Array, width: number, first: number, isStep: boolean): Cell[] {
  const cells = new Array<Cell>(xs.length).fill(undefined);
  const count = xs.length / CELLS;
  const [begin, end] = [points.indexOf(width * first), points.indexOf(width * (first + count))];
  let column = -1;
  let hasGap = false;
  let [least, greatest, leastCame, greatestCame] = [Infinity, -Infinity, 0, 0];
  const finish = (): void => {
    if (column < 0 || least === Infinity) return;
    const rises = leastCame <= greatestCame;
    cells[CELLS * column] = rises ? least : greatest;
    if (least !== greatest) cells[CELLS * column + 1] = rises ? greatest : least;
  };
  for (let i = begin; i < end; ++i) {
    const at = Math.min(count - 1, Math.max(0, Math.floor(points.x(i) / width) - first));
    if (at !== column) {
      finish();
      [column, least, greatest] = [at, Infinity, -Infinity];
    }
    const y = points.y(i);
    if (Number.isNaN(y)) {
      // Before the column's first value it belongs to the column before.
      const behind = least === Infinity ? at - 1 : at;
      if (behind >= 0) cells[CELLS * behind + 2] = null;
      hasGap = true;
      continue;
    }
    if (y < least) [least, leastCame] = [y, i];
    if (y > greatest) [greatest, greatestCame] = [y, i];
  }
  finish();
  // Lines go on beyond the edges, which is all there is to see of one that has few points.
  cells[0] ??= between(points, begin, xs[0] ?? 0, isStep);
  cells[cells.length - 1] ??= between(points, end, xs[xs.length - 1] ?? 0, isStep);
  if (hasGap) widen(cells);
  return cells;
}

/** uPlot leaves out as much as is null: all of the gap, up to the next value. */
function widen(cells: Cell[]): void {
  let inGap = false;
  for (let i = 0; i < cells.length; ++i) {
    if (cells[i] === undefined && inGap) cells[i] = null;
    else inGap = cells[i] === null;
  }
}

/** The value at `x` on the way from the point before `index` to that one, which a switch goes at its end; undefined where no line goes there. */
function between(points: Points, index: number, x: number, isStep: boolean): Cell {
  if (index === 0 || index >= points.length) return undefined;
  const [x0, y0, x1, y1] = [points.x(index - 1), points.y(index - 1), points.x(index), points.y(index)];
  if (Number.isNaN(y0) || Number.isNaN(y1) || x1 <= x0) return undefined;
  return isStep ? y0 : y0 + ((y1 - y0) * (x - x0)) / (x1 - x0);
}
