// The points of one line, oldest first, in two rings that grow up to a bound: x in seconds since 1970, y a number, or NaN for a gap.

export class Points {
  private xs: Float64Array;
  private ys: Float64Array;
  private begin = 0;
  private count = 0;

  constructor(
    private readonly capacity: number,
    first = 1024,
  ) {
    const size = Math.max(1, Math.min(first, capacity));
    this.xs = new Float64Array(size);
    this.ys = new Float64Array(size);
  }

  get length(): number {
    return this.count;
  }

  x(index: number): number {
    return this.xs[(this.begin + index) % this.xs.length] ?? NaN;
  }

  y(index: number): number {
    return this.ys[(this.begin + index) % this.ys.length] ?? NaN;
  }

  /** Beyond the capacity the oldest point goes. */
  append(x: number, y: number): void {
    if (this.count === this.xs.length) {
      if (this.count < this.capacity) this.grow();
      else {
        this.begin = (this.begin + 1) % this.xs.length;
        this.count -= 1;
      }
    }
    const at = (this.begin + this.count) % this.xs.length;
    this.xs[at] = x;
    this.ys[at] = y;
    this.count += 1;
  }

  /** Forgets what is older than `x`. */
  dropBefore(x: number): void {
    while (this.count > 0 && this.x(0) < x) {
      this.begin = (this.begin + 1) % this.xs.length;
      this.count -= 1;
    }
  }

  private grow(): void {
    const size = Math.min(this.capacity, this.xs.length * 2);
    const [xs, ys] = [new Float64Array(size), new Float64Array(size)];
    for (let i = 0; i < this.count; ++i) {
      xs[i] = this.x(i);
      ys[i] = this.y(i);
    }
    this.xs = xs;
    this.ys = ys;
    this.begin = 0;
  }
}
