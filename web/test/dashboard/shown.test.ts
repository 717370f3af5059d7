import { expect, test } from "vitest";
import { bytes, clock, number, shown, shownLines, span } from "../../src/dashboard/shown";

test("what is invisible, or turns the direction, is spelled out", () => {
  expect(shown("a\u202eb\u0000c\nd\u200be\ud800")).toBe("a\\u202eb\\u0000c\\u000ad\\u200be\\ud800");
  expect(shown("grün 😀 <b>")).toBe("grün 😀 <b>");
  expect(shownLines("a\r\nb\tc\u0007")).toBe("a\nb\tc\\u0007");
  expect(shown("x".repeat(500), 10)).toBe(`${"x".repeat(10)}…`);
});

test("amounts are short", () => {
  expect([bytes(999), bytes(1234567), bytes(999_960), bytes(10e9)]).toEqual(["999 B", "1.2 MB", "1.0 MB", "10 GB"]);
  expect([number(21.50), number(1 / 3), number(0.1 + 0.2), number(1e12), number(1.5e-7), number(NaN)]).toEqual(["21.5", "0.333333", "0.3", "1,000,000,000,000", "1.500e-7", "–"]);
  expect([span(5), span(300), span(7200), span(3 * 86400)]).toEqual(["5 s", "5 min", "2 h", "3 days"]);
});

test("a time of another day has its date, a time that is none has a dash", () => {
  const now = new Date(2026, 10, 26, 12).getTime() / 1000;
  expect(clock(now, now)).toBe("12:00:00");
  expect(clock(now - 86400, now)).toBe("2026-11-25 12:00:00");
  expect(clock(NaN)).toBe("–");
});
