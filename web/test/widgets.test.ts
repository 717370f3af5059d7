// @vitest-environment jsdom
import { expect, test, vi } from "vitest";
import type { Snapshot } from "../src/widget/page";
import { standInForCanvas } from "./canvas";

standInForCanvas();
const { ChartWidget } = await import("../src/widget/chart_widget");
const { TableView } = await import("../src/widget/table_widget");
const { statusTexts } = await import("../src/widget/status_texts");

const QUIET = { dropped: 0, rejected: 0, quarantined: 0, gaps: 0, misfits: 0, missed: 0, unread: false, ended: false, notes: [] };

function dataView(array: Int32Array | Float64Array, shift = 0): DataView {
  const bytes = new Uint8Array(array.byteLength + shift);
  bytes.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), shift);
  return new DataView(bytes.buffer, shift);
}

test("points come as arrays, wherever they lie, and go to their lines, whose colours may change", async () => {
  let tell: (message: object, buffers: DataView[]) => void = () => undefined;
  const model = {
    get: (name: string) => (name === "config" ? { window: 60, panes: [{ label: "t" }], height: 240, title: "" } : ""),
    on: (_: string, listener: typeof tell) => (tell = listener),
    send: () => undefined,
  };
  const widget = new ChartWidget(model as never);
  const now = Date.now() / 1000;
  const lines = ["<a>", "b"].map((label, i) => ({ name: String(i), label, pane: 0, step: false, colour: 1 - i }));
  tell({ kind: "whole", number: 0, to: "", now, lines, status: QUIET }, [dataView(new Int32Array([1])), dataView(new Float64Array([now])), dataView(new Float64Array([5]))]);
  tell({ kind: "frame", number: 1, now, lines: [] }, [dataView(new Int32Array([0, 1, 1]), 1), dataView(new Float64Array([now, now, now + 1]), 3), dataView(new Float64Array([1, 2, 3]), 5)]);
  const host = document.createElement("div");
  document.body.append(host);
  const hide = widget.show(host);
  const data = (host as unknown as { chartView: { data: { lines: Map<string, { label: string; points: { length: number; y(i: number): number } }> } } }).chartView.data;
  expect([...data.lines.values()].map(({ label, points }) => [label, points.length, points.y(points.length - 1)])).toEqual([
    ["<a>", 1, 1],
    ["b", 3, 3],
  ]);
  const names = (): string[] => [...host.querySelectorAll(".hf-name")].map((name) => name.textContent ?? "");
  await vi.waitFor(() => { expect(names()).toEqual(["b", "<a>"]); }); // in the order of their colours
  tell({ kind: "frame", number: 2, now, lines: lines.map((line, i) => ({ ...line, colour: i })) }, []);
  await vi.waitFor(() => { expect(names()).toEqual(["<a>", "b"]); });
  expect([...data.lines.values()].map(({ points }) => points.length)).toEqual([1, 3]);
  hide();
  widget.stop();
});

test("the page that is saved tells what the chart tells", async () => {
  let tell: (message: object, buffers: DataView[]) => void = () => undefined;
  const model = {
    get: (name: string) => (name === "config" ? { window: 60, panes: [{ label: "v, w" }], height: 240, title: "" } : ""),
    on: (_: string, listener: typeof tell) => (tell = listener),
    send: () => undefined,
  };
  const widget = new ChartWidget(model as never);
  tell({ kind: "whole", number: 0, to: "", now: 1, lines: [], status: { ...QUIET, late: 10, panes: ["v"], notes: ["w is text"] } }, []);
  const host = document.createElement("div");
  document.body.append(host);
  const hide = widget.show(host);
  let saved: Blob | undefined;
  URL.createObjectURL = (blob: Blob) => ((saved = blob), "#");
  [...host.querySelectorAll("button")].find((button) => button.textContent === "HTML")?.click();
  const text = await new Promise<string>((resolve) => {
    const reader = new FileReader();
    reader.onload = () => { resolve(String(reader.result)); };
    reader.readAsText(saved ?? new Blob());
  });
  const page = new DOMParser().parseFromString(text, "text/html");
  const { config, status } = JSON.parse(page.querySelector("script[type='application/json']")?.textContent ?? "{}") as Snapshot;
  expect(config.panes).toEqual([{ label: "v" }]);
  expect([status?.late, status?.notes]).toEqual([10, ["w is text"]]);
  hide();
  widget.stop();
});

test("counters that are zero are not told", () => {
  expect(statusTexts(QUIET)).toEqual([]);
  expect(statusTexts({ ...QUIET, dropped: 1234, unread: true, gaps: 1, retained: 2, ended: true })).toEqual([
    "1,234 dropped unread",
    "1 connection gap",
    "2 retained, not drawn",
    "ended",
  ]);
});

test("rows stand in the order of their names, and only what changes is written", () => {
  const host = document.createElement("div");
  const view = new TableView(host, "State", 1);
  const rows = new Map([
    [0, ["line 10", "1"]],
    [1, ["line 9", "<b>"]],
  ]);
  view.draw(["line", "t"], rows, { ...QUIET, notes: ["<i>"] });
  const cells = (): string[] => [...host.querySelectorAll("tbody td, tbody th")].map((cell) => cell.textContent ?? "");
  expect(cells()).toEqual(["line 9", "<b>", "line 10", "1"]);
  view.draw(["line", "t"], new Map([[0, ["line 10", "2"]], [2, ["line 1", "3"]]]), undefined);
  expect(cells()).toEqual(["line 1", "3", "line 9", "<b>", "line 10", "2"]);
  expect(host.querySelectorAll("b, i")).toHaveLength(0);
  expect(host.querySelector(".hf-notes")?.textContent).toBe("<i>");
});

test("what is another value stands out for a moment, and nothing else", () => {
  vi.useFakeTimers();
  const host = document.createElement("div");
  const view = new TableView(host, "State", 1);
  const fresh = (): string[] => [...host.querySelectorAll(".hf-fresh")].map((cell) => cell.textContent ?? "");
  const columns = ["line", "t", "on", "hall"];
  view.draw(columns, new Map([[0, ["1", "20", "true", "B"]], [1, ["2", "30", "true", "B"]]]), undefined);
  expect(fresh()).toEqual([]); // all that there was
  view.draw(columns, new Map([[0, ["1", "21", "true", "B"]], [1, ["2", "30", "true", "B"]]]), undefined, true);
  expect(fresh()).toEqual(["21"]);
  vi.advanceTimersByTime(600);
  view.draw(columns, new Map([[0, ["1", "22", "true", "B"]], [1, ["2", "30", "false", "B"]]]), undefined, true);
  vi.advanceTimersByTime(600);
  expect(fresh()).toEqual(["22", "false"]);
  vi.advanceTimersByTime(600);
  expect(fresh()).toEqual([]);
  vi.useRealTimers();
});

test("a table has the page's colours, also when these change", async () => {
  const host = document.createElement("div");
  document.body.append(host);
  document.body.dataset["jpThemeLight"] = "true";
  const view = new TableView(host, "", 1);
  const background = (): string => host.style.getPropertyValue("--hf-background");
  expect(background()).toBe("#ffffff");
  document.body.dataset["jpThemeLight"] = "false";
  await vi.waitFor(() => { expect(background()).toBe("#111418"); });
  view.destroy();
  document.body.dataset["jpThemeLight"] = "true";
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(background()).toBe("#111418");
  delete document.body.dataset["jpThemeLight"];
});
