import { expect, test } from "vitest";
import { colourOf, contrast, dashOf, THEMES } from "../src/chart/theme";

test("lines stand out from their background by three to one, text by four and a half", () => {
  for (const theme of Object.values(THEMES)) {
    expect(contrast(theme.text, theme.background)).toBeGreaterThanOrEqual(4.5);
    for (const line of theme.lines) expect(contrast(line, theme.background), `${line} on ${theme.name}`).toBeGreaterThanOrEqual(3);
  }
  expect(contrast("#000000", "#ffffff")).toBeCloseTo(21);
});

test("forty lines are told apart by colour and dashes", () => {
  const { light } = THEMES;
  expect(new Set(Array.from({ length: 40 }, (_, i) => colourOf(light, i) + String(dashOf(light, i)))).size).toBe(40);
});
