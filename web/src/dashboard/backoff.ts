// How long to wait before the next attempt: doubled each time up to a bound, and spread, so that a broker that comes back is not run over.

export class Backoff {
  private attempts = 0;

  constructor(
    private readonly first = 1,
    private readonly most = 30,
    private readonly random: () => number = Math.random,
  ) {}

  /** Seconds. */
  next(): number {
    const full = Math.min(this.most, this.first * 2 ** this.attempts);
    this.attempts += 1;
    return full * (0.5 + this.random() / 2);
  }

  reset(): void {
    this.attempts = 0;
  }
}
