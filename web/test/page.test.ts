// @vitest-environment jsdom
import { expect, test } from "vitest";
import { standInForCanvas } from "./canvas";

standInForCanvas();
const { ChartData } = await import("../src/chart/chart_data");
const { fromBase64, pageOf, showSnapshot, snapshotOf, toBase64 } = await import("../src/widget/page");

const HOSTILE = "</script><script>alert(1)</script><!-- <img src=x onerror=alert(1)>";

const STATUS = { dropped: 0, rejected: 0, quarantined: 0, gaps: 0, misfits: 0, missed: 0, unread: false, ended: true, ahead: 10, notes: ["900 more lines not drawn"] };

function pageWith(name: string): string {
  const data = new ChartData();
  data.line("0", { label: name, pane: 0, step: false });
  data.append("0", [1, 2], [3, NaN]);
  return pageOf(snapshotOf({ window: 60, panes: [{ label: name }], height: 240, title: name }, data, 60, STATUS), `x = "</script><!--"`, "a {}</style>");
}

test("what comes from outside is data", () => {
  const page = new DOMParser().parseFromString(pageWith(HOSTILE), "text/html");
  expect(page.querySelectorAll("script")).toHaveLength(2);
  expect(page.querySelectorAll("img")).toHaveLength(0);
  expect(page.title).toBe(HOSTILE);
  const snapshot = JSON.parse(page.querySelector("script[type='application/json']")?.textContent ?? "") as { lines: { label: string; x: string; y: string }[] };
  expect(snapshot.lines[0]?.label).toBe(HOSTILE);
  expect([...fromBase64(snapshot.lines[0]?.x ?? "")]).toEqual([1, 2]);
  expect([...fromBase64(snapshot.lines[0]?.y ?? "")]).toEqual([3, NaN]);
});

test("it may load nothing, and run its own code only", () => {
  const page = new DOMParser().parseFromString(pageWith("a"), "text/html");
  const policy = page.querySelector("meta[http-equiv]")?.getAttribute("content") ?? "";
  expect(policy).toMatch(/^default-src 'none'; script-src 'nonce-[0-9a-f]{32}'; style-src 'nonce-[0-9a-f]{32}'; img-src data: blob:;/);
  expect(pageWith("a")).not.toBe(pageWith("a"));
});

test("it tells what the chart told", () => {
  document.body.replaceChildren(...new DOMParser().parseFromString(pageWith("a"), "text/html").body.children);
  showSnapshot();
  expect(document.querySelector(".hf-status")?.textContent).toMatch(/^10 ahead of the clock · saved /);
  expect([...document.querySelectorAll(".hf-notes li")].map((note) => note.textContent)).toEqual(STATUS.notes);
});

test("arrays survive the way to text and back", () => {
  const array = Float64Array.from({ length: 100_000 }, (_, i) => i / 7);
  expect(fromBase64(toBase64(array))).toEqual(array);
});
