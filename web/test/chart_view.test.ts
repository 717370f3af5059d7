// @vitest-environment jsdom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { standInForCanvas } from "./canvas";

standInForCanvas();
const { ChartView } = await import("../src/chart/chart_view");
type Options = ConstructorParameters<typeof ChartView>[1];

let host: HTMLElement;
let view: InstanceType<typeof ChartView>;
let now = 1_700_000_000;

function make(options: Partial<Options> = {}): void {
  view = new ChartView(host, { window: 60, now: () => now, ...options });
}

/** Lets frames be drawn. */
async function pass(milliseconds = 300): Promise<void> {
  await vi.advanceTimersByTimeAsync(milliseconds);
}

function legend(): string[] {
  return [...host.querySelectorAll(".hf-entry")].map((entry) => [...entry.children].map((part) => part.textContent).filter(Boolean).join(" "));
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "requestAnimationFrame", "cancelAnimationFrame", "performance", "Date"] });
  host = document.createElement("div");
  document.body.append(host);
  now = 1_700_000_000;
});

afterEach(() => {
  view.destroy();
  host.remove();
  vi.useRealTimers();
});

test("a line is drawn, and its last value stands in the legend", async () => {
  make();
  view.append("north", [now - 2, now - 1], [20.5, 21.25]);
  view.append("south", [now - 1], [NaN]);
  await pass();
  expect(host.querySelectorAll("canvas")).toHaveLength(1);
  expect(legend()).toEqual(["north 21.25", "south –"]);
  expect(view.frames).toBeGreaterThan(0);
});

test("ten frames a second where points come, and none where nothing does", async () => {
  make({ window: 1e6 });
  for (let i = 0; i < 500; ++i) {
    view.append("a", [now + i / 100], [i]);
    await pass(10);
  }
  expect(view.frames).toBeGreaterThanOrEqual(48);
  expect(view.frames).toBeLessThanOrEqual(58);
  await pass(1000);
  const before = view.frames;
  await pass(3000);
  expect(view.frames).toBe(before);
});

test("panes share their time; a line goes where it was told to", async () => {
  make({ panes: [{ label: "t" }, { label: "p", thresholds: [{ value: 5, label: "limit" }] }] });
  view.line("a", { pane: 0 });
  view.line("b", { pane: 1, label: "<b>pressure</b>", step: true });
  view.append("a", [now], [1]);
  view.append("b", [now], [1]);
  await pass();
  const panes = [...host.querySelectorAll(".hf-pane")];
  expect(panes.map((pane) => pane.querySelectorAll(".hf-entry").length)).toEqual([1, 1]);
  expect(legend()).toEqual(["a 1", "<b>pressure</b> true"]);
  expect(host.querySelectorAll("b")).toHaveLength(0);
});

test("pause holds the picture, live goes back to now", async () => {
  make({ toolbar: true });
  view.append("a", [now], [1]);
  await pass();
  view.pause(true);
  const [frames, seen] = [view.frames, view.seen];
  now += 30;
  view.append("a", [now], [2]);
  await pass(1000);
  expect(view.frames).toBe(frames);
  expect(view.seen).toEqual(seen);
  now += 300;
  await view.toPng(); // draws, as a new size and a new theme do
  expect(view.data.lines.get("a")?.points.length).toBe(2); // kept
  view.reset();
  await pass();
  expect(view.frames).toBeGreaterThan(frames + 1);
  expect(view.seen.to).toBe(now);
  expect(view.isPaused).toBe(false);
});

test("keys move, zoom and go back", async () => {
  make({ toolbar: true });
  view.append("a", [now], [1]);
  await pass();
  const press = (key: string): void => {
    host.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
  };
  press("ArrowLeft");
  expect(view.seen.to).toBeCloseTo(now - 6);
  press("+");
  expect(view.seen.to - view.seen.from).toBeCloseTo(42);
  press("Escape");
  expect(view.isLive).toBe(true);
  press(" ");
  expect(view.isPaused).toBe(true);
  expect(host.querySelector("[aria-pressed=true]")?.textContent).toBe("Pause");
});

test("two views of one data: nothing is kept twice", async () => {
  make();
  const other = document.createElement("div");
  document.body.append(other);
  const second = new ChartView(other, { window: 60, now: () => now }, view.data);
  view.append("a", [now], [1]);
  await pass();
  expect(second.frames).toBeGreaterThan(0);
  expect(other.querySelector(".hf-name")?.textContent).toBe("a");
  second.destroy();
  expect(other.childElementCount).toBe(0);
  other.remove();
});

test("a name is hidden and shown", async () => {
  make();
  view.append("a", [now], [1]);
  await pass();
  host.querySelector<HTMLButtonElement>(".hf-entry")?.click();
  await pass();
  expect(host.querySelector(".hf-entry")?.getAttribute("aria-pressed")).toBe("false");
  expect(view.data.lines.get("a")?.hidden).toBe(true);
});

test("what is older than the window is forgotten", async () => {
  make();
  view.append("a", [now - 100, now - 59, now], [1, 2, 3]);
  await pass();
  expect(view.data.lines.get("a")?.points.length).toBe(2);
  now += 50;
  view.append("a", [now], [4]);
  await pass();
  expect(view.data.lines.get("a")?.points.length).toBe(2);
});

test("the picture is a PNG", async () => {
  make({ title: "Plant" });
  view.append("a", [now], [1]);
  await pass();
  expect((await view.toPng()).type).toBe("image/png");
});

test("status and notes are text", () => {
  make({ toolbar: true });
  view.setStatus(["3 dropped", "<i>"], ["<script>"]);
  expect(host.querySelector(".hf-status")?.textContent).toBe("3 dropped · <i>");
  expect(host.querySelector(".hf-notes")?.textContent).toBe("<script>");
  expect(host.querySelectorAll("i, script")).toHaveLength(0);
});

test("the theme is the page's, or as told", async () => {
  document.body.dataset["jpThemeLight"] = "false";
  make();
  expect(host.style.getPropertyValue("--hf-background")).toBe("#111418");
  document.body.dataset["jpThemeLight"] = "true";
  await pass(0);
  expect(host.style.getPropertyValue("--hf-background")).toBe("#ffffff");
  view.destroy();
  make({ theme: "dark" });
  expect(host.style.getPropertyValue("--hf-background")).toBe("#111418");
  delete document.body.dataset["jpThemeLight"];
});
