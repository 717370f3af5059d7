import { expect, test } from "vitest";
import { TopicRate } from "../../src/dashboard/topic_rate";

function after(times: number[], now: number): number {
  const rate = new TopicRate();
  for (const time of times) rate.take(time);
  return rate.at(now);
}
const every = (seconds: number, count: number, from = 1003): number[] => Array.from({ length: count }, (_, i) => from + i * seconds);

test("of one message there is no rate, and of two none within a second", () => {
  expect(after([], 10)).toBeNaN();
  expect(after([1000], 1004)).toBeNaN();
  expect(after([1000, 1000], 1000.5)).toBeNaN();
});

test.each([[0.1, 41], [0.1, 1000], [1, 5], [1, 300], [10, 30]])("a message every %f s has that rate from the beginning, after %i", (seconds, count) => {
  const times = every(seconds, count);
  const rate = after(times, (times.at(-1) ?? 0) + seconds / 2);
  expect(rate * seconds).toBeGreaterThan(0.85);
  expect(rate * seconds).toBeLessThan(1.15);
});

test("what ends falls to nothing within a minute or so, and what begins again counts", () => {
  const rate = new TopicRate();
  for (const time of every(0.1, 1000)) rate.take(time);
  expect(rate.at(1103 + 66)).toBe(0);
  for (const time of every(1, 30, 2000)) rate.take(time);
  expect(rate.at(2030)).toBeCloseTo(0.48, 1);
});
