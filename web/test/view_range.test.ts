import { expect, test } from "vitest";
import { ViewRange } from "../src/chart/view_range";

test("it moves with the clock until somebody chooses", () => {
  let now = 100;
  const range = new ViewRange(10, () => now);
  expect(range.get()).toEqual({ from: 90, to: 100 });
  now = 105;
  expect(range.get()).toEqual({ from: 95, to: 105 });
  range.choose(96, 98);
  now = 200;
  expect(range.get()).toEqual({ from: 96, to: 98 });
  expect(range.isLive).toBe(false);
  range.live();
  expect(range.get()).toEqual({ from: 190, to: 200 });
});

test("zooming keeps what is under the cursor, and has its bounds", () => {
  const range = new ViewRange(10, () => 100);
  range.zoom(0.5, 0.2);
  expect(range.get()).toEqual({ from: 91, to: 96 });
  for (let i = 0; i < 100; ++i) range.zoom(0.5);
  expect(range.get().to - range.get().from).toBeGreaterThanOrEqual(1e-3);
  for (let i = 0; i < 100; ++i) range.zoom(2);
  expect(range.get().to - range.get().from).toBeLessThanOrEqual(100.001);
  range.choose(NaN, 5);
  expect(Number.isFinite(range.get().from)).toBe(true);
});

test("panning moves by a part", () => {
  const range = new ViewRange(10, () => 100);
  range.pan(-0.5);
  expect(range.get()).toEqual({ from: 85, to: 95 });
});
