// Draws when asked, at most so often a second in the mean: a frame that came late is followed by one that comes sooner, so that ten a second
// are ten, and not the eight that are left when each one waits for 100 ms and for the screen.

export class Pacer {
  private due = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private frame: number | undefined;

  constructor(
    private readonly draw: () => void,
    private readonly interval: number,
  ) {}

  ask(): void {
    if (this.timer !== undefined || this.frame !== undefined) return;
    const wait = this.due - performance.now();
    if (wait < 2) this.request();
    else {
      this.timer = setTimeout(() => {
        this.timer = undefined;
        this.request();
      }, wait);
    }
  }

  stop(): void {
    clearTimeout(this.timer);
    if (this.frame !== undefined) cancelAnimationFrame(this.frame);
    this.timer = this.frame = undefined;
  }

  private request(): void {
    this.frame = requestAnimationFrame(() => {
      this.frame = undefined;
      const now = performance.now();
      this.due = Math.max(this.due, now - this.interval) + this.interval;
      this.draw();
    });
  }
}
