import { expect, test } from "vitest";
import { csv, csvCell, isoTime } from "../../src/dashboard/csv";

test.each([
  ["=cmd|' /C calc'!A0", `'=cmd|' /C calc'!A0`], ["-5", "-5"], ["+1.5e-3", "+1.5e-3"], ["-.5", "-.5"], ["-1+1", "'-1+1"], ["-5e", "'-5e"], ["-", "'-"], ["-5 ", "'-5 "], ["-5\n", `"'-5\n"`], ["@SUM(A1)", "'@SUM(A1)"], ["\t=1", `"'\t=1"`], ["\r=1", `"'\r=1"`], [" =1", "' =1"], ["＝1", "'＝1"],
  ["plain", "plain"], ['say "x", y', '"say ""x"", y"'], ["a;b", '"a;b"'], [-1.5, "-1.5"], [true, "true"], [NaN, ""], [null, ""], [undefined, ""],
])("%j is written as %j", (cell, expected) => {
  expect(csvCell(cell)).toBe(expected);
});

test("the header row is no formula either, and lines end as RFC 4180 has it", () => {
  expect(csv(["=a", "b"], [["x", 1]])).toBe("'=a,b\r\nx,1\r\n");
});

test("a time that is none is empty", () => {
  expect([isoTime(0), isoTime(NaN), isoTime(1e20)]).toEqual(["1970-01-01T00:00:00.000Z", "", ""]);
});
