// The last points of a line as the points of an SVG polyline.

import type { Points } from "../chart/points";

export function sparkline(points: Points, most: number, width: number, height: number): string {
  const first = Math.max(0, points.length - most);
  let [least, greatest] = [Infinity, -Infinity];
  for (let i = first; i < points.length; ++i) {
    const y = points.y(i);
    if (y < least) least = y;
    if (y > greatest) greatest = y;
  }
  if (!(least <= greatest) || points.length - first < 2) return "";
  const [begin, end] = [points.x(first), points.x(points.length - 1)];
  const found: string[] = [];
  for (let i = first; i < points.length; ++i) {
    const y = points.y(i);
    if (Number.isNaN(y)) continue;
    const across = end > begin ? (points.x(i) - begin) / (end - begin) : 0;
    const up = greatest > least ? (y - least) / (greatest - least) : 0.5;
    found.push(`${(across * width).toFixed(1)},${(height - 1.5 - up * (height - 3)).toFixed(1)}`);
  }
  return found.join(" ");
}
