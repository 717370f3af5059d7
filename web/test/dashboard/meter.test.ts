import { expect, test } from "vitest";
import { Meter, meterWords } from "../../src/dashboard/meter";

const plan = { bytes: 10e9, connections: 100 };

function meter(): { meter: Meter; pass: (seconds: number) => void } {
  let now = 0;
  return { meter: new Meter(plan, () => now), pass: (seconds) => (now += seconds) };
}

test("the pace of the last ten minutes is what a month is reckoned from", () => {
  const { meter: one, pass } = meter();
  for (let i = 0; i < 1200; ++i) {
    one.addReceived(i < 600 ? 1_000_000 : 1000);
    pass(1);
  }
  const { month, share, received } = one.read();
  expect(received).toBe(600 * 1_000_000 + 600 * 1000);
  expect((month ?? 0) / (1000 * 30 * 86_400)).toBeCloseTo(1, 1);
  expect(share).toBeCloseTo(0.26, 1);
});

test("the first seconds say nothing of a month", () => {
  const { meter: one, pass } = meter();
  one.addSent(10);
  pass(5);
  expect(one.read()).toEqual({ received: 0, sent: 10, month: undefined, share: undefined });
  expect(meterWords(one.read(), plan).month).toBe("measuring the pace");
});

test("a silent hour costs nothing", () => {
  const { meter: one, pass } = meter();
  one.addReceived(1_000_000);
  pass(3600);
  expect(one.read().month).toBe(0);
});

test("in words, with and without a plan", () => {
  const reading = { received: 1.25e6, sent: 300, month: 5e9, share: 0.5 };
  expect(meterWords(reading, plan)).toEqual({ now: "1.3 MB received, 300 B sent", month: "5.0 GB a month at this pace: 50 % of the plan’s 10 GB" });
  expect(meterWords({ ...reading, share: undefined }, null).month).toBe("5.0 GB a month at this pace");
});
