import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { decode, encode, NO_HISTORY, readHistory, writeHistory, type History } from "../../src/dashboard/history";
import { HistoryKeeper } from "../../src/dashboard/history_keeper";
import { Lines } from "../../src/dashboard/lines";
import type { PanelSettings } from "../../src/dashboard/settings";

const history: History = {
  rows: 5,
  tables: [
    { topic: "plant/2/t", x: Float64Array.of(1, 2, 3), columns: new Map([["t", Float64Array.of(20, NaN, 22)], ["u", Float64Array.of(1, 2, 3)]]) },
    { topic: 'plant/1/"ü', x: Float64Array.of(2.5, 4), columns: new Map([["t", Float64Array.of(10, 11)]]) },
  ],
};
const settings: PanelSettings = { kind: "chart", title: "", topics: "plant/{line}/#", y: ["t"], by: null, x: null, unit: "", min: null, max: null, thresholds: [], window: null };

test("what is written is read", async () => {
  expect(await readHistory(await writeHistory(history))).toEqual(history);
  expect([await readHistory(" "), await writeHistory(NO_HISTORY)]).toEqual([NO_HISTORY, ""]);
});

test("a damaged history says so", async () => {
  await expect(readHistory(gzipSync("nothing at all").toString("base64"))).rejects.toThrow("format");
  expect(() => decode(encode(history).slice(0, -8))).toThrow("cut off");
});

test("panels get their lines, and give them back with what came", () => {
  const keeper = new HistoryKeeper();
  keeper.history = history;
  expect(keeper.span).toEqual({ from: 1, to: 4 });
  const lines = new Lines(settings);
  keeper.fill(lines);
  expect([...lines.all.keys()]).toEqual(["1", "2"]);
  lines.take("plant/2/t", { t: 23 }, 4, false);
  const kept = keeper.gather([lines]);
  const two = kept.tables.find(({ topic, columns }) => topic === "plant/2/t" && columns.has("t"));
  expect([...(two?.x ?? [])]).toEqual([1, 3, 4]);
  expect([...(two?.columns.get("t") ?? [])]).toEqual([20, 22, 23]);
  // What no panel shows stays.
  expect(kept.tables.find(({ columns }) => columns.has("u"))?.x.length).toBe(3);
});

test("several topics of one line are put in order", () => {
  const keeper = new HistoryKeeper();
  keeper.history = history;
  const lines = new Lines({ ...settings, by: [] });
  keeper.fill(lines);
  const points = lines.all.get("t")?.points;
  expect(Array.from({ length: points?.length ?? 0 }, (_, i) => [points?.x(i), points?.y(i)])).toEqual([[1, 20], [2.5, 10], [3, 22], [4, 11]]);
});

test("points of the same millisecond all come back", () => {
  const keeper = new HistoryKeeper();
  const columns = new Map([["t", Float64Array.of(20, 21, 22)]]);
  keeper.history = { tables: [{ topic: "plant/1/t", x: Float64Array.of(1, 1, 1), columns }], rows: 3 };
  const lines = new Lines(settings);
  keeper.fill(lines);
  const [line] = [...lines.all.values()];
  expect([line?.points.length, line?.last]).toEqual([3, 22]);
});

const rows = (count: number): Float64Array => Float64Array.from({ length: count }, (_, i) => i);

function keeperOf(topics: string[], x: Float64Array, column = "t"): HistoryKeeper {
  const keeper = new HistoryKeeper();
  const tables = topics.map((topic, j) => ({ topic, x: x.map((one) => one + j / 4), columns: new Map([[column, x.map((one) => one * 10 + j)]]) }));
  keeper.history = { tables, rows: 0 };
  return keeper;
}

/** The points of each topic in a copy, and in a copy of that, and so on. */
function copies(keeper: HistoryKeeper, panels: PanelSettings[], live?: (lines: Lines) => void): Record<string, [number, number][]>[] {
  return [1, 2, 3].map((round) => {
    const all = panels.map((panel) => new Lines(panel));
    for (const lines of all) {
      keeper.fill(lines);
      if (round === 1) live?.(lines);
    }
    keeper.history = keeper.gather(all);
    const found: Record<string, [number, number][]> = {};
    for (const { topic, x, columns } of keeper.history.tables) (found[topic] ??= []).push(...[...x].map((one, i): [number, number] => [one, columns.get("t")?.[i] ?? NaN]));
    return found;
  });
}

test("a copy has the file's points that are older than those a panel keeps, and so has its copy", () => {
  const whole = [...rows(100_000)].map((x) => [x, x * 10]);
  const found = copies(keeperOf(["plant/1/t"], rows(100_000)), [{ ...settings, kind: "value" }], (lines) => { lines.take("plant/1/t", { t: 7 }, 100_000, false); });
  for (const copy of found) expect(copy).toEqual({ "plant/1/t": [...whole, [100_000, 7]] });
});

test("of a moment of which a full panel has forgotten a part, the file has all", () => {
  const keeper = keeperOf(["plant/1/t"], rows(2_001).map((i) => Math.max(1, i)));
  const [first, , last] = copies(keeper, [{ ...settings, kind: "gauge" }]);
  expect([first?.["plant/1/t"]?.length, last?.["plant/1/t"]?.length]).toEqual([2_001, 2_001]);
});

test("a point that came late to a full panel pushes nothing out of a copy", () => {
  const panel: PanelSettings = { ...settings, kind: "value", x: "ts" };
  const found = copies(keeperOf(["plant/1/t"], rows(5_000)), [panel], (lines) => {
    lines.take("plant/1/t", { t: 7, ts: 2.5 }, 6_000, false);
    lines.take("plant/1/t", { t: 49_990, ts: 4_999 }, 6_000, true); // in the file already
  });
  for (const copy of found) expect([copy["plant/1/t"]?.length, copy["plant/1/t"]?.slice(2, 5)]).toEqual([5_001, [[2, 20], [2.5, 7], [3, 30]]]);
});

test("topics that are one line stay topics in a copy, beside panels that have a line for each", () => {
  const topics = ["plant/1/a", "plant/1/b", "plant/2/a"];
  const expected = Object.fromEntries(topics.map((topic, j) => [topic, [1, 2].map((x) => [x + j / 4, x * 10 + j])]));
  expected["plant/1/b"]?.push([9, 5]);
  for (const panels of [[settings], [{ ...settings, by: [] }], [settings, { ...settings, by: [] }, { ...settings, by: ["_topic"] }]]) {
    const found = copies(keeperOf(topics, Float64Array.of(1, 2)), panels, (lines) => { lines.take("plant/1/b", { t: 5 }, 9, false); });
    for (const copy of found) expect(copy).toEqual(expected);
  }
});

test("a copy of a page knows which columns are switches", () => {
  const keeper = new HistoryKeeper();
  const columns = new Map([["on", Float64Array.of(1, 0)], ["t", Float64Array.of(5, 6)]]);
  keeper.history = { tables: [{ topic: "plant/1/t", x: Float64Array.of(1, 2), columns, switches: ["on"] }], rows: 2 };
  const lines = new Lines({ ...settings, y: ["on"] });
  keeper.fill(lines);
  lines.take("plant/1/t", { on: true }, 3, false);
  const copied = decode(encode(keeper.gather([lines])));
  expect(copied.tables.map((table) => [[...table.columns.keys()], table.switches])).toEqual([[["t"], undefined], [["on"], ["on"]]]);
  expect(lines.all.get("1")?.step).toBe(true);
});
