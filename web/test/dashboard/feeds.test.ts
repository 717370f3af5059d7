import { expect, test } from "vitest";
import { Feeds } from "../../src/dashboard/feeds";
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
