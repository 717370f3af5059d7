// The points of one line, in the order of their times: x in seconds since 1970, y a number, or NaN for a gap. Bounded: beyond the capacity
// points that fall into one column of `fold` seconds become its least and its greatest; where that is not enough the oldest go.

import { extremesOf } from "./extremes";

export class Points {
  private xs: Float64Array;
  private ys: Float64Array;
  private begin = 0;
  private end = 0;

  constructor(
    private readonly capacity: number,
    first = 1024,
    private readonly fold = 0,
  ) {
    const size = Math.max(1, Math.min(first, capacity));
    this.xs = new Float64Array(size);
    this.ys = new Float64Array(size);
  }

  get length(): number {
    return this.end - this.begin;
  }

  x(index: number): number {
    return this.xs[this.begin + index] ?? NaN;
  }

  y(index: number): number {
    return this.ys[this.begin + index] ?? NaN;
  }

  /** A point that comes late goes where it belongs. */
  append(x: number, y: number): void {
    if (Number.isNaN(x)) return;
    if (this.length >= this.capacity) this.shrink();
    if (this.end === this.xs.length) this.makeRoom();
    const at = this.length > 0 && x < (this.xs[this.end - 1] ?? 0) ? this.begin + this.indexAfter(x) : this.end;
    if (at < this.end) {
      this.xs.copyWithin(at + 1, at, this.end);
      this.ys.copyWithin(at + 1, at, this.end);
    }
    this.xs[at] = x;
    this.ys[at] = y;
    this.end += 1;
  }

  /** Forgets what is older than `x`. */
  dropBefore(x: number): void {
    this.begin += this.indexOf(x);
  }

  /** The first point at or after `x`; `length` where there is none. */
  indexOf(x: number): number {
    return this.search((found) => found >= x);
  }

  /** The first point after `x`. */
  indexAfter(x: number): number {
    return this.search((found) => found > x);
  }

  private search(isBehind: (x: number) => boolean): number {
    let [low, high] = [0, this.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (isBehind(this.x(middle))) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  private shrink(): void {
    if (this.fold > 0) {
      const kept = extremesOf(this, this.fold);
      this.begin = 0;
      this.end = kept.length;
      kept.forEach(([x, y], i) => {
        this.xs[i] = x;
        this.ys[i] = y;
      });
      // Folding again for one more point would cost as much each time.
      const most = Math.floor(this.capacity * 0.75);
      if (this.length > most) this.begin = this.end - most;
    } else this.begin += 1;
  }

  private makeRoom(): void {
    const [xs, ys] = [this.xs, this.ys];
    if (this.begin === 0 || this.length > xs.length / 2) {
      const size = Math.min(this.capacity * 2, xs.length * 2 + 1);
      this.xs = new Float64Array(size);
      this.ys = new Float64Array(size);
    }
    this.xs.set(xs.subarray(this.begin, this.end));
    this.ys.set(ys.subarray(this.begin, this.end));
    this.end -= this.begin;
    this.begin = 0;
  }
}
