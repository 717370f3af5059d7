// Lines of any number of points on one grid of pixel columns: of each column the least and the greatest value, in the order in which they
// came. So every peak is drawn, all lines share their x as uPlot wants it, and a frame costs as many values as there are pixels.

import type { Points } from "./points";

/** uPlot's words: undefined is passed over by the line, null breaks it. */
export type Cell = number | null | undefined;

export interface Grid {
  x: Float64Array;
  lines: Cell[][];
}

export function toGrid(lines: readonly Points[], from: number, to: number, columns: number): Grid {
  const width = (to - from) / columns;
  const x = new Float64Array(columns * 2);
  for (let column = 0; column < columns; ++column) {
    x[2 * column] = from + width * (column + 0.25);
    x[2 * column + 1] = from + width * (column + 0.75);
  }
  return { x, lines: lines.map((points) => lineOf(points, from, width, columns)) };
}

function lineOf(points: Points, from: number, width: number, columns: number): Cell[] {
  const cells = new Array<Cell>(columns * 2).fill(undefined);
  let column = -1;
  let [least, greatest, leastCame, greatestCame] = [Infinity, -Infinity, 0, 0];
  const finish = (): void => {
    if (column < 0 || least === Infinity) return;
    const rises = leastCame <= greatestCame;
    cells[2 * column] = rises ? least : greatest;
    if (least !== greatest) cells[2 * column + 1] = rises ? greatest : least;
  };
  for (let i = 0; i < points.length; ++i) {
    const at = Math.floor((points.x(i) - from) / width);
    if (at < 0 || at >= columns) continue;
    if (at !== column) {
      finish();
      [column, least, greatest] = [at, Infinity, -Infinity];
    }
    const y = points.y(i);
    if (Number.isNaN(y)) {
      cells[2 * at + 1] = null;
      continue;
    }
    if (y < least) [least, leastCame] = [y, i];
    if (y > greatest) [greatest, greatestCame] = [y, i];
  }
  finish();
  return cells;
}
