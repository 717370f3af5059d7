// A chart as one file: the code of this widget, its style, and the points as they are now. It loads nothing and calls nobody.
// honeyframe/chart_page.py writes the same.

import type { ChartData } from "../chart/chart_data";
import { ChartView } from "../chart/chart_view";
import type { ChartConfig } from "./chart_widget";
import { statusTexts, type StreamStatus } from "./status_texts";

export const SNAPSHOT_ID = "honeyframe-chart";

export interface Snapshot {
  config: ChartConfig;
  /** The right edge, in seconds since 1970. */
  now: number;
  lines: { name: string; label: string; pane: number; step: boolean; colour: number; x: string; y: string }[];
  /** What a reader must know of it. */
  status: StreamStatus | undefined;
}

export function snapshotOf(config: ChartConfig, data: ChartData, now: number, status: StreamStatus | undefined): Snapshot {
  const lines = [...data.lines.values()].map(({ name, label, pane, step, colour, points }) => {
    const [x, y] = [new Float64Array(points.length), new Float64Array(points.length)];
    for (let i = 0; i < points.length; ++i) [x[i], y[i]] = [points.x(i), points.y(i)];
    return { name, label, pane, step, colour, x: toBase64(x), y: toBase64(y) };
  });
  return { config, now, lines, status };
}

/** The file's text. What comes from outside is data, with every "<" spelled out. */
export function pageOf(snapshot: Snapshot, code: string, css: string): string {
  const nonce = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const policy = `default-src 'none'; script-src 'nonce-${nonce}'; style-src 'nonce-${nonce}'; img-src data: blob:; base-uri 'none'; form-action 'none'`;
  return [
    "<!doctype html>",
    '<html lang="en"><head><meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="${policy}">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>${escaped(snapshot.config.title || "chart")}</title>`,
    `<style nonce="${nonce}">${css.replace(/<\//g, "<\\/")}:root{color-scheme:light dark}body{margin:8px}</style></head>`,
    `<body><main id="${SNAPSHOT_ID}"></main>`,
    `<script type="application/json" id="${SNAPSHOT_ID}-data">${JSON.stringify(snapshot).replace(/</g, "\\u003c")}</script>`,
    `<script type="module" nonce="${nonce}">${code.replace(/<\/script/gi, "<\\/script").replace(/<!--/g, "<\\!--")}</script>`,
    "</body></html>\n",
  ].join("\n");
}

/** In a saved file: shows what it holds. */
export function showSnapshot(): void {
  const [host, data] = [document.getElementById(SNAPSHOT_ID), document.getElementById(`${SNAPSHOT_ID}-data`)];
  if (host === null || data === null) return;
  const { config, now, lines, status } = JSON.parse(data.textContent ?? "") as Snapshot;
  const view = new ChartView(host, { ...config, maxPoints: 10_000_000, toolbar: true, frozen: true, now: () => now });
  for (const { name, label, pane, step, colour, x, y } of lines) {
    view.line(name, { label, pane, step, colour });
    view.append(name, fromBase64(x), fromBase64(y));
  }
  const counters = status ? statusTexts({ ...status, ended: false }) : [];
  view.setStatus([...counters, `saved ${new Date(now * 1000).toLocaleString()}`], status?.notes);
}

function escaped(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}

export function toBase64(array: Float64Array): string {
  const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  let text = "";
  for (let i = 0; i < bytes.length; i += 0x8000) text += String.fromCharCode(...bytes.subarray(i, i + 0x8000));
  return btoa(text);
}

export function fromBase64(text: string): Float64Array {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return new Float64Array(bytes.buffer);
}
