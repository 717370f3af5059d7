import { expect, test } from "vitest";
import { toGrid } from "../src/chart/grid";
import { Points } from "../src/chart/points";

function line(...pairs: [number, number][]): Points {
  const points = new Points(1000);
  for (const [x, y] of pairs) points.append(x, y);
  return points;
}

/** The cells that say something, with their times; of a gap the first. */
function told(points: Points, from: number, to: number, columns: number): [number, number | null][] {
  const grid = toGrid([points], from, to, columns);
  const cells = grid.lines[0] ?? [];
  return cells.flatMap((cell, i): [number, number | null][] =>
    cell === undefined || (cell === null && cells[i - 1] === null) ? [] : [[Math.floor(grid.x[i] ?? NaN), cell]],
  );
}

test("each column keeps its least and its greatest value, in the order in which they came", () => {
  expect(told(line([0.1, 5], [0.2, 9], [0.3, 1], [1.5, 2]), 0, 2, 2)).toEqual([
    [0, 9],
    [0, 1],
    [1, 2],
  ]);
});

test("a gap breaks the line, a column without a point does not", () => {
  expect(told(line([0.5, 1], [2.5, NaN], [3.5, 2]), 0, 4, 4)).toEqual([
    [0, 1],
    [1, null],
    [3, 2],
  ]);
});

test("a gap reaches to the next value, which is how uPlot knows it", () => {
  const cells = toGrid([line([0.5, 1], [0.6, NaN], [3.5, 2])], 0, 4, 4).lines[0] ?? [];
  expect(cells.slice(3, 15)).toEqual([1, undefined, null, ...new Array<null>(6).fill(null), 2, undefined, undefined]);
});

test("a gap is seen beside the two values of its column, whichever comes first", () => {
  expect(told(line([0.2, 1], [0.4, 5], [0.6, NaN], [1.5, 2]), 0, 2, 2)).toEqual([
    [0, 1],
    [0, 5],
    [0, null],
    [1, 2],
  ]);
  expect(told(line([0.5, 1], [1.1, NaN], [1.5, 2]), 0, 2, 2)).toEqual([
    [0, 1],
    [0, null],
    [1, 2],
  ]);
});

test("a line goes on beyond the edges, also where no point of it is seen", () => {
  const cells = told(line([0, 0], [100, 100]), 40, 50, 10);
  expect(cells).toHaveLength(2);
  expect(cells[0]?.[1]).toBeCloseTo(39.17, 1);
  expect(cells[1]?.[1]).toBeCloseTo(51.83, 1);
  expect(told(line([0, 0], [10, NaN], [100, 100]), 40, 50, 10)).toEqual([]);
});

/** Times of the points that a dot shows. */
function dotted(points: Points, from: number, to: number, columns: number): number[] {
  const { x, dots } = toGrid([points], from, to, columns);
  return (dots[0] ?? []).map((i) => Math.floor(x[i] ?? NaN));
}

test("a point that no line comes from or goes to has a dot", () => {
  expect(dotted(line([3.5, 1]), 0, 10, 10)).toEqual([3]);
  expect(dotted(line([1.5, 1], [2, NaN], [4.5, 1], [5, NaN], [7.5, 1], [8.5, 2]), 0, 10, 10)).toEqual([1, 4]);
  expect(dotted(line([3.2, 1], [3.4, 1.01]), 0, 10, 10)).toEqual([3, 3]); // a line that nobody could see
});

test("a line has none, also where its other points are beyond the edges, and many points cost no dots", () => {
  expect(dotted(line([-50, 1], [5.5, 2], [80, 3]), 0, 10, 10)).toEqual([]);
  expect(dotted(line([1.5, 1], [2.5, 2], [3, NaN], [5.5, 3], [6.5, 3]), 0, 10, 10)).toEqual([]);
  expect(dotted(line(...Array.from({ length: 1000 }, (_, i): [number, number] => [i / 100, i % 7])), 0, 10, 100)).toEqual([]);
});

test("a switch holds its value beyond the edges", () => {
  const cells = toGrid([line([0, 0], [100, 1])], 40, 50, 10, [true]).lines[0] ?? [];
  expect([cells[0], cells.at(-1)]).toEqual([0, 0]);
});

test("while the axis moves, a point stays with its neighbours", () => {
  const points = line(...Array.from({ length: 600 }, (_, i): [number, number] => [i / 10, Math.sin(i)]));
  const values = (from: number): (number | null)[] =>
    told(points, from, from + 30, 60)
      .filter(([x]) => x >= 12 && x < 28)
      .map(([, y]) => y);
  expect(values(10)).toEqual(values(10.1));
  expect(values(10)).toEqual(values(10.37));
});

test("of any points each column has what a plain search finds", () => {
  let seed = 7;
  const random = (): number => (seed = (seed * 16807) % 2147483647) / 2147483647;
  for (let round = 0; round < 50; ++round) {
    const pairs = Array.from({ length: 300 }, (): [number, number] => [100 + random() * 20, random() * 10 - 5]);
    const grid = toGrid([line(...pairs)], 100, 120, 16);
    const width = 20 / 16;
    for (let column = 0; column < 16; ++column) {
      const here = pairs.filter(([x]) => Math.floor(x / width) === Math.floor(100 / width) + column).map(([, y]) => y);
      const cells = (grid.lines[0] ?? []).slice(3 * (column + 1), 3 * (column + 2)).filter((cell) => cell !== undefined && cell !== null);
      expect(new Set(cells)).toEqual(here.length ? new Set([Math.min(...here), Math.max(...here)]) : new Set());
    }
  }
});
