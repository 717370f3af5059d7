// @vitest-environment jsdom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Pacer } from "../src/chart/pacer";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "requestAnimationFrame", "cancelAnimationFrame", "performance"] });
});

afterEach(() => {
  vi.useRealTimers();
});

test("asked without end it draws ten times a second, the screen's own pace notwithstanding", () => {
  let frames = 0;
  const pacer = new Pacer(() => {
    frames += 1;
    pacer.ask();
  }, 100);
  pacer.ask();
  vi.advanceTimersByTime(60_000);
  expect(frames).toBeGreaterThanOrEqual(599);
  expect(frames).toBeLessThanOrEqual(602);
  pacer.stop();
  const before = frames;
  vi.advanceTimersByTime(1_000);
  expect(frames).toBe(before);
});

test("asked ten times at once it draws once, and soon", () => {
  let frames = 0;
  const pacer = new Pacer(() => (frames += 1), 100);
  for (let i = 0; i < 10; ++i) pacer.ask();
  vi.advanceTimersByTime(20);
  expect(frames).toBe(1);
  vi.advanceTimersByTime(1_000);
  expect(frames).toBe(1);
});
