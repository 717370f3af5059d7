import { expect, test } from "vitest";
import { formatThresholds, levelOf, readThresholds, type Threshold } from "../../src/dashboard/thresholds";

const thresholds: Threshold[] = [{ above: 70, level: "warn" }, { above: 90, level: "alarm" }, { below: 5, level: "alarm" }];

test("a value has the worst level that it has reached", () => {
  expect([69, 70, 95, 5, 4, NaN].map((value) => levelOf(value, thresholds))).toEqual([undefined, "warn", "alarm", "alarm", "alarm", undefined]);
});

test("the form writes what it reads", () => {
  expect(readThresholds(formatThresholds(thresholds))).toEqual(thresholds);
  expect(readThresholds("")).toEqual([]);
  expect(readThresholds("red > 3")).toContain("red > 3");
});
