// The panes of a chart as one PNG, with its title and legend drawn beside them.

import type { Line } from "./chart_data";
import { textOf } from "./numbers";
import type { Theme } from "./theme";

interface PanePicture {
  canvas: HTMLCanvasElement | undefined;
  lines: readonly Line[];
}

const LINE_HEIGHT = 20;
const MARGIN = 10;
const MOST_NAME = 60;

export async function pictureOf(title: string, panes: readonly PanePicture[], theme: Theme, colour: (line: Line) => string): Promise<Blob> {
  const scale = window.devicePixelRatio || 1;
  const width = Math.max(200 * scale, ...panes.map((pane) => pane.canvas?.width ?? 0)) + 2 * MARGIN * scale;
  const picture = document.createElement("canvas");
  const ctx = picture.getContext("2d");
  if (ctx === null) throw new Error("this browser gives no canvas");
  const font = `${13 * scale}px system-ui, sans-serif`;
  ctx.font = font;
  const legends = panes.map((pane) => rows(pane.lines, (text) => ctx.measureText(text).width, width, scale));
  const titleHeight = title ? 28 * scale : 0;
  picture.width = width;
  picture.height = titleHeight + 2 * MARGIN * scale + panes.reduce((sum, pane, i) => sum + (pane.canvas?.height ?? 0) + (legends[i]?.length ?? 0) * LINE_HEIGHT * scale, 0);
  ctx.fillStyle = theme.background;
  ctx.fillRect(0, 0, picture.width, picture.height);
  ctx.textBaseline = "middle";
  let y = MARGIN * scale;
  if (title) {
    ctx.font = `600 ${15 * scale}px system-ui, sans-serif`;
    ctx.fillStyle = theme.text;
    ctx.fillText(title, MARGIN * scale, y + 12 * scale);
    y += titleHeight;
  }
  ctx.font = font;
  panes.forEach((pane, i) => {
    if (pane.canvas) ctx.drawImage(pane.canvas, MARGIN * scale, y);
    y += pane.canvas?.height ?? 0;
    for (const row of legends[i] ?? []) {
      for (const { line, text, x } of row) {
        ctx.fillStyle = colour(line);
        ctx.fillRect(x, y + 4 * scale, 12 * scale, 12 * scale);
        ctx.fillStyle = theme.text;
        ctx.fillText(text, x + 17 * scale, y + 10 * scale);
      }
      y += LINE_HEIGHT * scale;
    }
  });
  return new Promise((resolve, reject) => {
    picture.toBlob((blob) => {
      if (blob) resolve(blob);
      else reject(new Error("this browser makes no PNG of so large a picture"));
    }, "image/png");
  });
}

function rows(lines: readonly Line[], measure: (text: string) => number, width: number, scale: number): { line: Line; text: string; x: number }[][] {
  const found: { line: Line; text: string; x: number }[][] = [];
  let x = Infinity;
  for (const line of lines) {
    const name = line.label.length > MOST_NAME ? `${line.label.slice(0, MOST_NAME)}…` : line.label;
    const text = `${name} ${textOf(line.lastY, line.step)}`;
    const needed = measure(text) + 35 * scale;
    if (x + needed > width) {
      x = MARGIN * scale;
      found.push([]);
    }
    found[found.length - 1]?.push({ line, text, x });
    x += needed;
  }
  return found;
}
