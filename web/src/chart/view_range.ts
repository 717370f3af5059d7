// Which times are seen: the last `window` seconds, moving with the clock; or a part that somebody has chosen, which stays.

export class ViewRange {
  private chosen: { from: number; to: number } | undefined;

  constructor(
    readonly window: number,
    private readonly now: () => number,
  ) {}

  get isLive(): boolean {
    return this.chosen === undefined;
  }

  get(): { from: number; to: number } {
    if (this.chosen) return this.chosen;
    const to = this.now();
    return { from: to - this.window, to };
  }

  live(): void {
    this.chosen = undefined;
  }

  /** From a millionth of the window to ten times it. */
  choose(from: number, to: number): void {
    const least = Math.max(this.window * 1e-6, 1e-3);
    const span = Math.min(Math.max(to - from, least), this.window * 10);
    if (Number.isFinite(from) && Number.isFinite(span)) this.chosen = { from, to: from + span };
  }

  /** Moves by a part of what is seen: 0.1 is a tenth to the right. */
  pan(part: number): void {
    const { from, to } = this.get();
    this.choose(from + (to - from) * part, to + (to - from) * part);
  }

  /** Shows `factor` times as much; what is at `at` (0: left edge, 1: right edge) stays where it is. */
  zoom(factor: number, at = 0.5): void {
    const { from, to } = this.get();
    const span = to - from;
    this.choose(from + span * at * (1 - factor), to - span * (1 - at) * (1 - factor));
  }
}
