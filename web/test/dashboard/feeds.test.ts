import { expect, test } from "vitest";
import { Feeds, replay } from "../../src/dashboard/feeds";
import { Lines } from "../../src/dashboard/lines";

function lines(topics: string): Lines {
  return new Lines({ kind: "value", title: "", topics, y: ["t"], by: null, x: null, unit: "", min: null, max: null, thresholds: [], window: null });
}
const message = (topic: string, payload: string) => ({ topic, payload: new TextEncoder().encode(payload), qos: 0, retain: false, time: 1 });

test("each panel gets what it asked for, and panels that come later too", () => {
  const feeds = new Feeds();
  const [one, all] = [lines("a/1"), lines("a/#")];
  feeds.set([one]);
  feeds.take(message("a/1", '{"t":1}'));
  feeds.set([one, all]);
  feeds.take(message("a/1", '{"t":2}'));
  feeds.take(message("a/2", "not JSON"));
  expect([one.all.get("t")?.last, all.all.get("a/1")?.last, all.all.size]).toEqual([2, 2, 1]);
});

test("a panel that is made of what has come begins with it; where the connection was lost its line is broken", () => {
  const made = new Lines({ kind: "chart", title: "", topics: "a/+", y: ["t"], by: null, x: null, unit: "", min: null, max: null, thresholds: [], window: null });
  const seen = (topic: string, t: number, time: number, more = {}) => ({ ...message(topic, `{"t":${t}}`), size: 7, time, ...more });
  replay(made, [seen("a/1", 1, 10), seen("a/1", 2, 11), seen("b", 0, 50, { isFirst: true }), seen("a/1", 3, 60), seen("a/2", 9, 61, { size: 90_000 })]);
  const points = made.all.get("a/1")?.points;
  expect(Array.from({ length: points?.length ?? 0 }, (_, i) => points?.y(i))).toEqual([1, 2, NaN, 3]);
  expect([...made.all.keys()]).toEqual(["a/1"]);
});
