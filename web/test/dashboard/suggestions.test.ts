import { expect, test, vi } from "vitest";
import { similarTopics } from "../../src/dashboard/similar_topics";
import { suggest } from "../../src/dashboard/suggestions";
import { TopicTable } from "../../src/dashboard/topic_table";

vi.mock("../../src/dashboard/similar_topics", async (original) => ({ similarTopics: vi.fn((await original<{ similarTopics: typeof similarTopics }>()).similarTopics) }));

function suggestions(messages: Record<string, string>): ReturnType<typeof suggest> {
  const table = new TopicTable();
  for (const [topic, payload] of Object.entries(messages)) table.take({ topic, payload: new TextEncoder().encode(payload), qos: 0, retain: false, time: 0 }, false);
  return suggest(table.entries.values(), [...table.entries.keys()]);
}

test("numbers of topics that are alike, once", () => {
  const payload = '{"ts":1795672800,"t":1,"location":{"lat":2},"name":"x"}';
  expect(suggestions({ "plant/1/t": payload, "plant/2/t": payload, "plant/3/t": payload, other: "5", text: "hello", "long/one/more": '{"a":true}' })).toEqual([
    { topics: "plant/{level2}/t", path: "t", count: 3 },
    { topics: "plant/{level2}/t", path: "location.lat", count: 3 },
    { topics: "other", path: "value", count: 1 },
    { topics: "long/one/more", path: "a", count: 1 },
  ]);
});

test("where nothing can be drawn nothing is suggested", () => {
  expect(suggestions({ a: "x", b: '{"s":"x"}', c: `{"t":"${"x".repeat(10_000)}","n":1}` })).toEqual([]);
});

test("topics that are alike are looked for where there is a number, and only there", () => {
  vi.mocked(similarTopics).mockClear();
  suggestions({ a: '{"s":"x"}', b: '{"ts":1795672800}', c: '{"n":1}' });
  expect(vi.mocked(similarTopics).mock.calls.map(([topic]) => topic)).toEqual(["c"]);
});
