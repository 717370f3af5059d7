// How many messages a second come on a topic: those of the last minute over the time in which they were watched for. What the broker had kept
// is no message of now.

const SLOTS = 12;
const SLOT_SECONDS = 5;

export class TopicRate {
  /** Messages of the last slots, the one that fills among them, by their number. */
  private readonly slots = new Uint32Array(SLOTS + 1);
  private slot = 0;
  private first = NaN;
  private count = 0;

  /** One message, at so many seconds since 1970. */
  take(time: number): void {
    if (Number.isNaN(this.first)) [this.first, this.slot] = [time, slotOf(time)];
    this.turnTo(time);
    const at = this.slot % this.slots.length;
    this.slots[at] = (this.slots[at] ?? 0) + 1;
    this.count += 1;
  }

  /** Messages a second; NaN where that cannot be told yet: before the second one, and within a second. */
  at(now: number): number {
    if (this.count < 2 || now - this.first < 1) return NaN;
    this.turnTo(now);
    const began = (slotOf(now) - SLOTS) * SLOT_SECONDS;
    const found = this.slots.reduce((sum, one) => sum + one, 0);
    // The first one opens the time that is watched, and is not within it.
    return this.first > began ? (found - 1) / (now - this.first) : found / (now - began);
  }

  private turnTo(time: number): void {
    const slot = slotOf(time);
    for (let i = Math.max(this.slot + 1, slot - SLOTS); i <= slot; ++i) this.slots[i % this.slots.length] = 0;
    this.slot = Math.max(this.slot, slot);
  }
}

function slotOf(time: number): number {
  return Math.floor(time / SLOT_SECONDS);
}
