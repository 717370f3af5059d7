import { expect, test } from "vitest";
import { Points } from "../../src/chart/points";
import { sparkline } from "../../src/dashboard/sparkline";

test("the last points, from edge to edge; broken at gaps, one point is no trend", () => {
  const points = new Points(100);
  expect(sparkline(points, 3, 100, 20)).toBe("");
  for (const [x, y] of [[0, 9], [1, 0], [2, NaN], [3, 1]] as const) points.append(x, y);
  expect(sparkline(points, 3, 100, 20)).toBe("M0.0 18.5h0M100.0 1.5h0");
  points.append(4, 1);
  expect(sparkline(points, 3, 100, 20)).toBe("M50.0 10.0h0L100.0 10.0");
});

test("a switch is drawn in steps", () => {
  const points = new Points(100);
  for (const [x, y] of [[0, 1], [1, 0], [2, 1]] as const) points.append(x, y);
  expect(sparkline(points, 60, 100, 20, true)).toBe("M0.0 1.5h0H50.0V18.5H100.0V1.5");
});
