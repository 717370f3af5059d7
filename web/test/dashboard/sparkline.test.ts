import { expect, test } from "vitest";
import { Points } from "../../src/chart/points";
import { sparkline } from "../../src/dashboard/sparkline";

test("the last points, from edge to edge; gaps are passed over, one point is no trend", () => {
  const points = new Points(100);
  expect(sparkline(points, 3, 100, 20)).toBe("");
  for (const [x, y] of [[0, 9], [1, 0], [2, NaN], [3, 1]] as const) points.append(x, y);
  expect(sparkline(points, 3, 100, 20)).toBe("0.0,18.5 100.0,1.5");
});
