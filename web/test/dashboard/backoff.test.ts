import { expect, test } from "vitest";
import { Backoff } from "../../src/dashboard/backoff";

test("waits grow up to the bound, and begin anew", () => {
  const backoff = new Backoff(1, 30, () => 1);
  expect([1, 2, 3, 4, 5, 6, 7].map(() => backoff.next())).toEqual([1, 2, 4, 8, 16, 30, 30]);
  backoff.reset();
  expect(backoff.next()).toBe(1);
});

test("waits are spread over the upper half", () => {
  expect(new Backoff(8, 30, () => 0).next()).toBe(4);
});
