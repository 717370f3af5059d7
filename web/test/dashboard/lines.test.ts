import { expect, test } from "vitest";
import { Lines, MOST_LINES } from "../../src/dashboard/lines";
import type { PanelSettings } from "../../src/dashboard/settings";

function lines(more: Partial<PanelSettings> = {}): Lines {
  return new Lines({ kind: "chart", title: "", topics: "plant/{line}/t", y: ["t"], by: null, x: null, unit: "", min: null, max: null, thresholds: [], window: null, ...more });
}

function ys(one: Lines, name: string): number[] {
  const points = one.all.get(name)?.points;
  return points ? Array.from({ length: points.length }, (_, i) => points.y(i)) : [];
}

test("a line is called by the levels that have names, else by the topic, else by the column", () => {
  const named: [Partial<PanelSettings>, string][] = [
    [{}, "7"], [{ topics: "plant/+/t" }, "plant/7/t"], [{ topics: "plant/7/t" }, "t"], [{ y: ["t", "u"] }, "7 t"], [{ by: ["_topic"] }, "plant/7/t"],
  ];
  for (const [more, name] of named) {
    const one = lines(more);
    one.take("plant/7/t", { t: 1 }, 100, false);
    expect([...one.all.keys()]).toEqual([name]);
  }
});

test("what the broker had kept is a state and no point of now", () => {
  const one = lines();
  one.take("plant/1/t", { t: 5 }, 100, true);
  expect([ys(one, "1"), one.all.get("1")?.last, one.all.get("1")?.retained]).toEqual([[], 5, true]);
  one.take("plant/1/t", { t: 6 }, 101, false);
  one.take("plant/1/t", { t: 5 }, 102, true); // again, after a reconnect
  expect([ys(one, "1"), one.all.get("1")?.last, one.all.get("1")?.retained]).toEqual([[6], 6, false]);
});

test("with a time of its own even that is drawn, at its time", () => {
  const one = lines({ x: "ts" });
  one.take("plant/1/t", { t: 5, ts: 90 }, 100, true);
  expect([ys(one, "1"), one.all.get("1")?.points.x(0)]).toEqual([[5], 90]);
});

test("a clock in the future, and a time that is none: the point stands where it arrived, counted", () => {
  const one = lines({ x: "ts" });
  one.take("plant/1/t", { t: 1, ts: 1e9 }, 100, false);
  one.take("plant/1/t", { t: 2, ts: "soon" }, 101, false);
  one.take("plant/1/t", { t: 3, ts: 103.5 }, 102, false);
  const points = one.all.get("1")?.points;
  expect([points?.x(0), points?.x(1), points?.x(2), one.told]).toEqual([100, 101, 103.5, { future: 1, noTime: 1 }]);
});

test("late points stand in between, what comes twice stands once", () => {
  const one = lines({ x: "ts" });
  for (const [t, ts] of [[1, 10], [3, 30], [2, 20], [3, 30]]) one.take("plant/1/t", { t, ts }, 40, false);
  expect(ys(one, "1")).toEqual([1, 2, 3]);
  expect(one.all.get("1")?.last).toBe(3);
});

test("a thousand series are some lines and a number", () => {
  const one = lines();
  for (let i = 0; i < 1000; ++i) one.take(`plant/${i}/t`, { t: i }, 100, false);
  expect([one.all.size, one.unplaced]).toEqual([MOST_LINES, 1000 - MOST_LINES]);
});

test("after a loss a pause is a gap, and what goes on as before is none", () => {
  const one = lines();
  for (let i = 0; i < 10; ++i) one.take("plant/1/t", { t: i }, i, false);
  one.tear();
  one.take("plant/1/t", { t: 10 }, 10, false);
  one.tear();
  one.take("plant/1/t", { t: 11 }, 60, false);
  expect(ys(one, "1").slice(-3)).toEqual([10, NaN, 11]);
});

test("history goes before, and its end is not drawn twice", () => {
  const one = lines();
  one.restore({ topic: "plant/1/t", column: "t", step: false }, [1, 2, 3], [10, NaN, 30]);
  one.take("plant/1/t", { t: 30 }, 3, false);
  one.take("plant/1/t", { t: 40 }, 4, false);
  expect(ys(one, "1")).toEqual([10, 30, 40]);
  expect(one.takeFresh()).toEqual([{ name: "1", xs: [4], ys: [40] }]);
});

test("history that is read after the first live points stands before them, and what was kept is still the state", () => {
  const one = lines({ x: "ts" });
  for (const ts of [1000, 1001]) one.take("plant/1/t", { t: ts, ts }, ts, false);
  one.restore({ topic: "plant/1/t", column: "t", step: false }, [1, 1, 2, 3], [10, 11, 20, 30]);
  expect(ys(one, "1")).toEqual([10, 11, 20, 30, NaN, 1000, 1001]);
  expect([one.all.get("1")?.last, one.all.get("1")?.lastTime]).toEqual([1001, 1001]);
  const kept = lines();
  kept.take("plant/1/t", { t: 5 }, 100, true);
  kept.restore({ topic: "plant/1/t", column: "t", step: false }, [1, 2], [10, 20]);
  expect([ys(kept, "1"), kept.all.get("1")?.last, kept.all.get("1")?.retained]).toEqual([[10, 20], 5, true]);
  kept.tear();
  kept.take("plant/1/t", { t: 6 }, 101, false);
  expect(ys(kept, "1")).toEqual([10, 20, NaN, 6]);
});

test("a late point and one that the broker had kept do not push history away, nor stand twice", () => {
  const one = lines({ x: "ts" });
  one.take("plant/1/t", { t: 30, ts: 3 }, 100, true);
  one.take("plant/1/t", { t: 15, ts: 1.5 }, 100, false);
  one.restore({ topic: "plant/1/t", column: "t", step: false }, [1, 2, 3, 4], [10, 20, 30, 40]);
  expect(ys(one, "1")).toEqual([10, 15, 20, 30, 40]);
  expect(one.all.get("1")?.last).toBe(40);
});

test("other settings of the same points are adopted", () => {
  const one = lines();
  expect([one.adopt({ ...one.settings, title: "T", unit: "°C" }), one.settings.title]).toEqual([true, "T"]);
  for (const more of [{ kind: "value" }, { topics: "plant/+/t" }, { y: ["u"] }, { by: ["line"] }, { x: "ts" }] as Partial<PanelSettings>[]) {
    expect([one.adopt({ ...one.settings, ...more }), one.settings.kind]).toEqual([false, "chart"]);
  }
});

test("gauges and values draw the last value: no point waits to be drawn", () => {
  const one = lines({ kind: "gauge" });
  one.take("plant/1/t", { t: 1 }, 100, false);
  expect(one.takeFresh()).toEqual([]);
});

test("too many points: the oldest go, of long lines first", () => {
  const one = lines();
  for (let i = 0; i < 1000; ++i) one.take("plant/1/t", { t: i }, i, false);
  one.take("plant/2/t", { t: 1 }, 5, false);
  one.trim(100);
  expect([ys(one, "1").length, ys(one, "1").at(-1), ys(one, "2").length]).toEqual([45, 999, 1]);
});

test("a list of objects is a point each", () => {
  const one = lines({ x: "ts" });
  one.take("plant/1/t", [{ t: 1, ts: 10 }, { t: 2, ts: 11 }], 12, false);
  expect(ys(one, "1")).toEqual([1, 2]);
});

test("true and false make a switch, numbers do not", () => {
  const one = lines({ y: ["on", "n"] });
  one.take("plant/1/t", { on: true, n: 1 }, 100, false);
  one.restore({ topic: "plant/2/t", column: "on", step: true }, [1, 2], [0, 1]);
  expect([...one.all.values()].map(({ name, step }) => [name, step])).toEqual([["1 on", true], ["1 n", false], ["2 on", true]]);
});
