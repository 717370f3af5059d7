import { expect, test } from "vitest";
import { extremesOf, type Series } from "../src/chart/extremes";

function series(pairs: readonly (readonly [number, number])[]): Series {
  return { length: pairs.length, x: (i) => pairs[i]?.[0] ?? NaN, y: (i) => pairs[i]?.[1] ?? NaN };
}

test("the least and the greatest, at their own times, and one gap", () => {
  expect(
    extremesOf(
      series([
        [0, 1],
        [1, 3],
        [2, NaN],
        [3, NaN],
        [4, 0],
        [5, 2],
        [11, 7],
      ]),
      10,
    ),
  ).toEqual([
    [1, 3],
    [2, NaN],
    [4, 0],
    [11, 7],
  ]);
});

test("thinning out twice, or in pieces, is thinning out once", () => {
  const all = Array.from({ length: 1000 }, (_, i): [number, number] => [i / 3, (i * 7919) % 101]);
  const once = extremesOf(series(all), 20);
  expect(extremesOf(series(once), 20)).toEqual(once);
  const pieces = [...extremesOf(series(all.slice(0, 333)), 20), ...extremesOf(series(all.slice(333)), 20)];
  expect(extremesOf(series(pieces), 20)).toEqual(once);
});
