// The last points of a line as the path of an SVG: broken at gaps, in steps for a switch; what stands alone is a dot of the line's end.

import type { Points } from "../chart/points";

export function sparkline(points: Points, most: number, width: number, height: number, isSwitch = false): string {
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
  let isBroken = true;
  for (let i = first; i < points.length; ++i) {
    const y = points.y(i);
    if (Number.isNaN(y)) {
      isBroken = true;
      continue;
    }
    const across = ((end > begin ? (points.x(i) - begin) / (end - begin) : 0) * width).toFixed(1);
    const up = greatest > least ? (y - least) / (greatest - least) : 0.5;
    const down = (height - 1.5 - up * (height - 3)).toFixed(1);
    found.push(isBroken ? `M${across} ${down}h0` : isSwitch ? `H${across}V${down}` : `L${across} ${down}`);
    isBroken = false;
  }
  return found.join("");
}
