import { expect, test } from "vitest";
import { reason } from "../../src/dashboard/reasons";

test.each([
  [135, "", "not authorized (135)"], [134, "no such user", "bad user name or password (134): no such user"], [155, "QoS not supported", "QoS not supported (155)"], [151, "Quota exceeded", "quota exceeded (151)"],
  [0, "", "reason (0)"], [99, "why", "reason (99): why"],
])("%d, told %j", (code, told, expected) => {
  expect(reason(code, told)).toBe(expected);
});
