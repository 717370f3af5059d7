import { expect, test } from "vitest";
import { asNumber, formatPath, numericPaths, rowsOf, valueAt } from "../../src/dashboard/paths";

const document = JSON.parse('{"a":{"b":[{"c":1},{"c":2}]},"a.b":"dotted","d.e":{"f":3},"__proto__":{"x":4},"":5}') as unknown;

test.each([
  ["a.b[1].c", 2], ["a.b", "dotted"], ["d.e.f", 3], ["a.x", undefined], ["toString", undefined], ["constructor.name", undefined], ["__proto__.x", 4], ["a.b[7].c", undefined],
])("%s is %s", (path, expected) => {
  expect(valueAt(document, path)).toEqual(expected);
});

test("a payload that is no object is the column value", () => {
  expect([valueAt(21.5, "value"), valueAt(21.5, "x"), valueAt(null, "value")]).toEqual([21.5, undefined, null]);
});

test("what a path is called is what finds it", () => {
  expect(valueAt(document, formatPath(["a", "b", 0, "c"]))).toBe(1);
});

test("a list of objects is a row each, any other list is one", () => {
  expect([rowsOf([{ a: 1 }, { a: 2 }]).length, rowsOf([1, 2]).length, rowsOf([]).length]).toEqual([2, 1, 1]);
});

test("numbers, and what a frame reads as one", () => {
  expect([1.5, true, "2e3", "0x10", " 1", "", null, {}].map(asNumber)).toEqual([1.5, 1, 2000, NaN, NaN, NaN, NaN, NaN]);
  expect(numericPaths([{ a: 1, b: { c: true, d: "x" } }])).toEqual(["a", "b.c"]);
});
