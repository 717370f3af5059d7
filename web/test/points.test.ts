import { expect, test } from "vitest";
import { Points } from "../src/chart/points";

test("beyond its capacity the oldest point goes", () => {
  const points = new Points(3, 1);
  for (let i = 0; i < 5; ++i) points.append(i, i * 10);
  expect([points.length, points.x(0), points.y(2)]).toEqual([3, 2, 40]);
});

test("what is older than the window is forgotten", () => {
  const points = new Points(10);
  for (let i = 0; i < 5; ++i) points.append(i, i);
  points.dropBefore(3);
  expect([points.length, points.x(0)]).toEqual([2, 3]);
});
