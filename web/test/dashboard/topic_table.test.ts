import { expect, test } from "vitest";
import { MOST_LAST_BYTES, rowsOfTree, TopicTable, treeOf } from "../../src/dashboard/topic_table";

function take(table: TopicTable, topic: string, payload = "1", time = 0): void {
  table.take({ topic, payload: new TextEncoder().encode(payload), qos: 0, retain: false, time }, false);
}

test("topics beyond the bound are counted, and nothing else of them is kept", () => {
  const table = new TopicTable(3);
  for (let i = 0; i < 10; ++i) take(table, `a/${i}`);
  take(table, "a/9");
  expect([table.entries.size, table.unplacedTopics, table.messages]).toEqual([3, 7, 11]);
});

test("a last payload is a copy, cut where it is long", () => {
  const table = new TopicTable();
  const payload = new Uint8Array(100_000);
  table.take({ topic: "a", payload, qos: 0, retain: false, time: 0 }, false);
  payload[0] = 9;
  const entry = table.entries.get("a");
  expect([entry?.payload.length, entry?.payload[0], entry?.size]).toEqual([MOST_LAST_BYTES, 0, 100_000]);
});

test("a rate is of what came on this connection, and not of what the broker had kept", () => {
  const table = new TopicTable();
  const kept = (time: number): void => { table.take({ topic: "kept", payload: new Uint8Array(1), qos: 0, retain: true, time }, false); };
  kept(100);
  kept(101);
  for (let i = 0; i <= 40; ++i) take(table, "a", "1", 100 + i / 10);
  table.rate(104.02);
  expect(table.entries.get("a")?.rate).toBeCloseTo(10, 0);
  expect(table.entries.get("kept")?.rate).toBeUndefined();
  table.observe();
  expect(table.entries.get("a")?.rate).toBeUndefined();
});

test("the tree has the levels in order, and search finds in any level", () => {
  const table = new TopicTable();
  for (const topic of ["plant/10/t", "plant/9/t", "plant", "/x", "__proto__/y"]) take(table, topic);
  const [rows, all] = rowsOfTree(treeOf(table.entries.values()), () => true, 100);
  expect(rows.map(({ node }) => node.path)).toEqual(["", "/x", "__proto__", "__proto__/y", "plant", "plant/9", "plant/9/t", "plant/10", "plant/10/t"]);
  expect([all, rows.find(({ node }) => node.path === "plant")?.node.topics]).toEqual([9, 3]);
  expect(treeOf(table.entries.values(), "10/T").topics).toBe(1);
});

test("rows beyond the bound are counted; a topic of a thousand levels is a few rows", () => {
  const table = new TopicTable();
  take(table, "x/".repeat(1000));
  const [rows] = rowsOfTree(treeOf(table.entries.values()), () => true, 100);
  expect(rows.length).toBe(12);
  for (let i = 0; i < 500; ++i) take(table, `t${i}`);
  const [some, all] = rowsOfTree(treeOf(table.entries.values()), () => false, 100);
  expect([some.length, all]).toEqual([100, 501]);
});
