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

test("a point that comes late goes where it belongs", () => {
  const points = new Points(10, 1);
  for (const x of [1, 5, 3, 4, 2]) points.append(x, x * 10);
  expect(Array.from({ length: 5 }, (_, i) => [points.x(i), points.y(i)])).toEqual([1, 2, 3, 4, 5].map((x) => [x, x * 10]));
});

test("beyond its capacity points are folded, and no peak is lost", () => {
  const points = new Points(400, 8, 10);
  for (let i = 0; i < 2000; ++i) points.append(i / 2, i === 777 ? 99 : i === 778 ? NaN : i % 7);
  expect(points.length).toBeLessThanOrEqual(400);
  const ys = Array.from({ length: points.length }, (_, i) => points.y(i));
  expect(Math.max(...ys.filter((y) => !Number.isNaN(y)))).toBe(99);
  expect(ys.filter((y) => Number.isNaN(y))).toHaveLength(1);
  expect([points.x(0), points.x(points.length - 1)]).toEqual([0, 999.5]);
});

test("where folding is not enough, the oldest go, a quarter at once", () => {
  const points = new Points(100, 8, 0.5);
  for (let i = 0; i < 1000; ++i) points.append(i, i);
  expect(points.length).toBeGreaterThan(70);
  expect(points.length).toBeLessThanOrEqual(100);
  expect(points.x(points.length - 1)).toBe(999);
});
