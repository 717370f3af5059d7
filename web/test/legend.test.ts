import { expect, test } from "vitest";
import { Line } from "../src/chart/chart_data";
import { valueNear } from "../src/chart/legend";
import { switchTicks } from "../src/chart/numbers";

function line(step: boolean, ...pairs: [number, number][]): Line {
  const made = new Line("a", "a", 0, step, 100, 0, 0);
  for (const [x, y] of pairs) made.append(x, y);
  return made;
}

const at = (of: Line, ...times: number[]): number[] => times.map((time) => valueNear(of, time, 1));

test("under the cursor is the nearest value, and where the line goes on beyond its reach the last one before", () => {
  const slow = line(false, [0, 5], [100, 6], [200, NaN], [300, 7]);
  expect(at(slow, 0.5, 99.5, 50, 299.5)).toEqual([5, 6, 5, 7]);
});

test("in a gap, before the first value and behind the last there is none", () => {
  expect(at(line(false, [0, 5], [100, 6], [150, NaN], [300, 7]), -50, 120, 170, 400)).toEqual([NaN, NaN, NaN, NaN]);
});

test("a switch has the value that holds", () => {
  expect(at(line(true, [0, 0], [100, 1]), -1, 50, 500)).toEqual([NaN, 0, 1]);
  expect(switchTicks([0, 1])).toEqual(["false", "true"]);
});
