import { expect, test } from "vitest";
import { toGrid } from "../src/chart/grid";
import { Points } from "../src/chart/points";

function line(...pairs: [number, number][]): Points {
  const points = new Points(1000);
  for (const [x, y] of pairs) points.append(x, y);
  return points;
}

test("each column keeps its least and its greatest value, in the order in which they came", () => {
  const grid = toGrid([line([0.1, 5], [0.2, 9], [0.3, 1], [1.5, 2])], 0, 2, 2);
  expect(grid.lines[0]).toEqual([9, 1, 2, undefined]);
});

test("a gap breaks the line, a column without a point does not", () => {
  const grid = toGrid([line([0.5, 1], [2.5, NaN], [3.5, 2])], 0, 4, 4);
  expect(grid.lines[0]).toEqual([1, undefined, undefined, undefined, undefined, null, 2, undefined]);
});
