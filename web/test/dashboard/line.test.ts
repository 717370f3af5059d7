import { expect, test } from "vitest";
import { Line } from "../../src/dashboard/line";

function topicsOf(line: Line): string[] {
  return Array.from({ length: line.points.length }, (_, i) => `${line.points.y(i)}${line.topicAt(i)}`);
}

test("each point knows its topic: late ones, and when the oldest are gone", () => {
  const line = new Line("1", "a", "t", false, 6);
  for (const [topic, x] of [["a", 1], ["a", 4], ["b", 2], ["a", 3], ["c", 5]] as const) line.append(topic, x, x);
  expect(topicsOf(line)).toEqual(["1a", "2b", "3a", "4a", "5c"]);
  for (const x of [6, 7, 8]) line.append("b", x, x);
  expect(topicsOf(line)).toEqual(["3a", "4a", "5c", "6b", "7b", "8b"]);
  line.trim(2);
  expect(topicsOf(line)).toEqual(["7b", "8b"]);
});

test("points of one moment are forgotten together or not at all", () => {
  const line = new Line("1", "a", "t", false, 10);
  for (const x of [1, 2, 2, 2, 3]) line.append("a", x, x);
  line.trim(2);
  expect(line.points.length).toBe(4);
});

test("what is taken out goes in again, behind what is older", () => {
  const line = new Line("1", "a", "t", false, 10);
  for (const [topic, x] of [["a", 3], ["b", 4]] as const) line.append(topic, x, x);
  const taken = line.takeAll();
  expect([line.points.length, taken]).toEqual([0, [{ topic: "a", x: 3, y: 3 }, { topic: "b", x: 4, y: 4 }]]);
  line.append("b", 1, 1);
  for (const { topic, x, y } of taken) line.append(topic, x, y);
  expect(topicsOf(line)).toEqual(["1b", "3a", "4b"]);
});

test("beyond ten thousand topics a point counts as the first one's", () => {
  const line = new Line("1", "a", "t", false, 20_000);
  for (let i = 0; i < 10_005; ++i) line.append(`t${i}`, i, i);
  expect([line.topicAt(9_998), line.topicAt(10_004)]).toEqual(["t9998", "a"]);
});
