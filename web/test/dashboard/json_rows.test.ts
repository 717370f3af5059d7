import { expect, test } from "vitest";
import { jsonRows } from "../../src/dashboard/json_rows";
import { valueAt } from "../../src/dashboard/paths";

test("each line knows the column that it is", () => {
  const rows = jsonRows({ a: 1, b: { c: [true, "x"] }, d: null });
  expect(rows.map(({ key, text, tail, path }) => [key, text + tail, path])).toEqual([
    ["", "{", undefined], ["a", "1,", "a"], ["b", "{", undefined], ["c", "[", undefined], ["", "true,", "b.c[0]"], ["", '"x"', undefined], ["", "]", undefined], ["", "},", undefined], ["d", "null", undefined], ["", "}", undefined],
  ]);
});

test("rows of a list of objects have the columns of one; a number alone is value", () => {
  expect(jsonRows([{ a: 1 }, { a: 2 }]).filter(({ path }) => path !== undefined).map(({ path }) => path)).toEqual(["a", "a"]);
  expect(jsonRows(5).map(({ path }) => path)).toEqual(["value"]);
});

test("long and deep ones are shortened, and say so", () => {
  expect(jsonRows(Array.from({ length: 1000 }, (_, i) => i)).at(-2)?.text).toBe("… 950 more");
  const wide = Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`k${i}`, i]));
  expect([jsonRows(wide).length, jsonRows(wide).at(-1)?.text]).toEqual([501, "… 2502 more lines"]);
  let deep: unknown = 1;
  for (let i = 0; i < 5000; ++i) deep = [deep];
  expect(jsonRows(deep).length).toBeLessThan(100);
});

test("of two places with one name the one that a panel would show can be picked", () => {
  const picked = (document: unknown): [string, string | undefined][] => jsonRows(document).filter(({ kind }) => kind === "number").map(({ text, path }) => [text, path]);
  expect(picked({ "a.b": 1, a: { b: 2 } })).toEqual([["1", "a.b"], ["2", undefined]]);
  expect(picked({ a: { b: 2, "b.c": 3 }, "a.b": { c: 4 } })).toEqual([["2", undefined], ["3", undefined], ["4", "a.b.c"]]);
  expect(picked({ a: { b: 1 }, "a.b": 1 })).toEqual([["1", undefined], ["1", "a.b"]]);
  for (const document of [{ "a.b": 1, a: { b: 2 } }, { a: { b: 2, "b.c": 3 }, "a.b": { c: 4 } }]) {
    for (const [text, path] of picked(document)) if (path !== undefined) expect(String(valueAt(document, path))).toBe(text);
  }
  expect(picked([{ t: 1 }, { t: 2 }])).toEqual([["1", "t"], ["2", "t"]]);
});
