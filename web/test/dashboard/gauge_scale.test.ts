import { expect, test } from "vitest";
import { arc, fractionOf, rangeOf, roundUp, segmentsOf } from "../../src/dashboard/gauge_scale";

test("round numbers above what was seen", () => {
  expect([roundUp(0), roundUp(7.2), roundUp(101), roundUp(0.031), roundUp(-7.2)]).toEqual([0, 8, 150, 0.04, -6]);
  expect(rangeOf(null, null, { min: 2, max: 7.2 }, [])).toEqual({ min: 0, max: 8 });
  expect(rangeOf(null, null, { min: -3.3, max: 7.2 }, [{ above: 20, level: "warn" }])).toEqual({ min: -4, max: 30 });
  expect(rangeOf(5, 10, { min: 0, max: 100 }, [])).toEqual({ min: 5, max: 10 });
  expect(rangeOf(null, null, undefined, [])).toEqual({ min: 0, max: 1 });
  expect(rangeOf(50, null, { min: 1, max: 2 }, [])).toMatchObject({ min: 50 });
});

test("beyond the scale is at its end", () => {
  expect([-5, 0, 5, 10, 15].map((value) => fractionOf(value, { min: 0, max: 10 }))).toEqual([0, 0, 0.5, 1, 1]);
});

test("the scale is cut where a threshold is", () => {
  expect(segmentsOf({ min: 0, max: 10 }, [{ above: 6, level: "warn" }, { above: 8, level: "alarm" }, { above: 80, level: "alarm" }])).toEqual([
    { from: 0, to: 0.6, level: undefined }, { from: 0.6, to: 0.8, level: "warn" }, { from: 0.8, to: 1, level: "alarm" },
  ]);
});

test("more than half a circle is drawn the long way round", () => {
  expect(arc(0, 1, 10)).toContain("A 10 10 0 1 1");
  expect(arc(0, 0.5, 10)).toContain("A 10 10 0 0 1");
});
