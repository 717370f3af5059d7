// Thinning out: of each column of so many seconds the least and the greatest value, at their own times, and one gap at most. Columns begin at
// multiples of their width, so that thinning out twice is thinning out once. honeyframe/chart_points.py does the same.

export interface Series {
  readonly length: number;
  x(index: number): number;
  y(index: number): number;
}

export function extremesOf(points: Series, width: number): [number, number][] {
  const kept: [number, number][] = [];
  let column = NaN;
  let [least, greatest, gap] = [-1, -1, -1];
  const finish = (): void => {
    const chosen = [...new Set([least, greatest, gap])].filter((i) => i >= 0).sort((a, b) => a - b);
    for (const i of chosen) kept.push([points.x(i), points.y(i)]);
  };
  for (let i = 0; i < points.length; ++i) {
    const at = Math.floor(points.x(i) / width);
    if (at !== column) {
      finish();
      column = at;
      least = greatest = gap = -1;
    }
    const y = points.y(i);
    if (Number.isNaN(y)) {
      if (gap < 0) gap = i;
      continue;
    }
    if (least < 0 || y < points.y(least)) least = i;
    if (greatest < 0 || y > points.y(greatest)) greatest = i;
  }
  finish();
  return kept;
}
