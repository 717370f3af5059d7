import { expect, test } from "vitest";
import { covers, faultOf, faultOfTopic, filterOf, hasWildcard, levelsOf, matches, needed } from "../../src/dashboard/topics";

test("a template is a filter whose levels have names", () => {
  expect(filterOf("plant/{line}/telemetry")).toBe("plant/+/telemetry");
  expect(filterOf("plant/{rest...}")).toBe("plant/#");
  expect([...levelsOf("plant/{line}/{rest...}", "plant/7/a/b")]).toEqual([["line", "7"], ["rest", "a/b"]]);
  expect([hasWildcard("a/+/b"), hasWildcard("a+/b"), hasWildcard("#")]).toEqual([true, false, true]);
});

test.each([
  ["a/+/c", "a/b/c", true], ["a/#", "a", true], ["a/#", "a/b/c", true], ["a/+", "a", false], ["a/+", "a/", true], ["+", "/a", false],
  ["/+", "/a", true], ["#", "$SYS/x", false], ["+/x", "$SYS/x", false], ["$SYS/#", "$SYS/x", true], ["$share/g/a/+", "a/b", true], ["a", "A", false],
])("%s matches %s: %s", (filter, topic, expected) => {
  expect(matches(filter, topic)).toBe(expected);
});

test("of filters those are asked for that no other one covers", () => {
  expect(needed(["plant/+/a", "plant/#", "plant/1/b", "other/x", "other/x"])).toEqual(["plant/#", "other/x"]);
  expect([covers("#", "$SYS/#"), covers("a/+", "a/#"), covers("a/+", "a/+"), covers("+/b", "a/b")]).toEqual([false, false, true, true]);
});

test("a filter's fault is told in words", () => {
  expect(["", "a#", "a/#/b", "a+/b", "a/\u0000"].map((filter) => faultOf(filter) !== "")).toEqual([true, true, true, true, true]);
  expect([faultOf("a/+/#"), faultOf("/"), faultOfTopic("a/b")]).toEqual(["", "", ""]);
  expect(faultOfTopic("a/+")).toContain("subscriptions");
});
