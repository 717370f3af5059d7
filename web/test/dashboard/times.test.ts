import { expect, test } from "vitest";
import { secondsOf } from "../../src/dashboard/times";

test.each([
  ["2026-11-26T06:00:00Z", 1795672800], ["2026-11-26 07:00:00+01:00", 1795672800], ["2026-11-26T07:00:00+0100", 1795672800], [1795672800, 1795672800],
  [1795672800000, 1795672800], [1795672800000000, 1795672800], ["1795672800", 1795672800],
  ["2026-11-26T06:00:00", NaN], ["yesterday", NaN], [null, NaN], [{}, NaN], ["2026-13-45T99:00:00Z", NaN],
])("%s is %s", (value, expected) => {
  expect(secondsOf(value)).toEqual(expected);
});
