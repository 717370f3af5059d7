// @vitest-environment jsdom
import { beforeEach, expect, test, vi } from "vitest";
import type { ChartHost, ChartView } from "../../src/chart/chart_view";
import type { PanelSettings } from "../../src/dashboard/settings";
import { standInForCanvas } from "../canvas";

standInForCanvas();
const { PanelGrid } = await import("../../src/dashboard/panel_grid");

const settings: PanelSettings = { kind: "chart", title: "T", topics: "plant/{line}/t", y: ["t"], by: null, x: null, unit: "", min: null, max: null, thresholds: [], window: null };

interface Made {
  grid: InstanceType<typeof PanelGrid>;
  fresh: PanelSettings[];
  offered: unknown[][];
}

function grid(): Made {
  const [fresh, offered]: [PanelSettings[], unknown[][]] = [[], []];
  const around = { window: 60, now: () => 100, offer: (...given: unknown[]) => { offered.push(given); } };
  const made = new PanelGrid(around, () => undefined, (settings) => { if (settings) fresh.push(settings); });
  document.body.replaceChildren(made.element);
  return { grid: made, fresh, offered };
}

function take({ grid }: Made, count: number, from = 0): void {
  for (let i = from; i < from + count; ++i) for (const lines of grid.lines) lines.take("plant/1/t", { t: i }, 40 + i / 1e4, false);
}

const views = (): (ChartView | undefined)[] => [...document.querySelectorAll<ChartHost>(".hf-chart")].map(({ chartView }) => chartView);
const held = (): (boolean | undefined)[] => views().map((view) => view?.isPaused);
const pointsOf = (view: ChartView | undefined): number | undefined => view?.data.lines.get("1")?.points.length;
const settled = (): Promise<unknown> => new Promise((resolve) => setTimeout(resolve, 250));

beforeEach(() => {
  vi.stubGlobal("IntersectionObserver", class {
    observe(): void {}
    disconnect(): void {}
  });
  // jsdom has no dialogs.
  HTMLDialogElement.prototype.showModal = () => undefined;
  HTMLDialogElement.prototype.close = function () { this.dispatchEvent(new Event("close")); };
});

test("what comes while it is paused takes no more room than its points, and is there afterwards", () => {
  const made = grid();
  made.grid.add(settings);
  made.grid.add({ ...settings, kind: "value" });
  made.grid.pause(true);
  for (let i = 0; i < 5; ++i) {
    take(made, 1_000, i * 1_000);
    made.grid.update();
  }
  const [chart, value] = made.grid.lines;
  expect([chart?.takeFresh(), value?.takeFresh()]).toEqual([[], []]);
  expect([chart, value].map((lines) => lines?.all.get("1")?.points.length)).toEqual([5_000, 2_000]);
  expect([pointsOf(views()[0]), document.querySelector(".values li"), ...held()]).toEqual([5_000, null, true]);
  made.grid.pause(false);
  made.grid.update();
  expect([document.querySelector(".values .reading")?.textContent, ...held()]).toEqual(["4999", false]);
});

test("charts made while it is paused are held, and drawn once", async () => {
  const made = grid();
  made.grid.add(settings);
  made.grid.pause(true);
  made.grid.add({ ...settings, y: ["u"] });
  expect(held()).toEqual([true, true]);
  made.grid.rebuild();
  expect(held()).toEqual([true, true]);
  await settled();
  expect(views().map((view) => view?.frames)).toEqual([1, 1]);
  made.grid.pause(false);
  expect(held()).toEqual([false, false]);
});

function edit(label: string, value: string): void {
  document.querySelector<HTMLButtonElement>('[aria-label^="Edit "]')?.click();
  const dialog = document.querySelector("dialog");
  const control = [...(dialog?.querySelectorAll("label") ?? [])].find((one) => one.textContent === label)?.htmlFor ?? "";
  const input = document.getElementById(control) as HTMLInputElement;
  input.value = value;
  [...(dialog?.querySelectorAll("button") ?? [])].find((one) => one.textContent === "Apply")?.click();
}

test("another title keeps the points, other topics do not, and are told", () => {
  const made = grid();
  made.grid.add(settings);
  take(made, 3);
  edit("Thresholds", "alarm > 2");
  edit("Title", "Other");
  expect(made.grid.settings).toEqual([{ ...settings, title: "Other", thresholds: [{ above: 2, level: "alarm" }] }]);
  expect([made.grid.lines[0]?.settings.title, pointsOf(views()[0])]).toEqual(["Other", 3]);
  made.grid.pause(true);
  edit("Topics", "office/{line}/t");
  expect([made.grid.lines[0]?.all.size, ...held()]).toEqual([0, true]);
  expect(made.fresh.map(({ topics }) => topics)).toEqual(["plant/{line}/t", "office/{line}/t"]);
});

test("a panel of a shared subscription would take messages away from others", () => {
  const made = grid();
  made.grid.add(settings);
  edit("Topics", "$share/g/plant/#");
  expect([document.querySelector("dialog .outcome")?.textContent, made.fresh.length]).toEqual(["Topics: a page that looks at $share/g/plant/# would take messages away from the others of its group.", 1]);
});

test("files of a panel go where all files go", async () => {
  const made = grid();
  made.grid.add(settings);
  take(made, 1);
  for (const one of ["CSV", "PNG"]) document.querySelector<HTMLButtonElement>(`[aria-label="Save T as ${one}"]`)?.click();
  await settled();
  expect(made.offered.map(([name]) => name)).toEqual(["T.csv", "T.png"]);
  expect(made.offered[0]?.[1]).toContain("T,1,plant/1/t,t,0");
});
