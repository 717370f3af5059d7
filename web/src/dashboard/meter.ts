// What this tab has received and sent, and what that would be in a month. Other clients of the plan are not seen from here.

import { bytes } from "./shown";
import type { Plan } from "./settings";

const MONTH_SECONDS = 30 * 86_400;
/** Less than this says nothing about a month. */
const ENOUGH_SECONDS = 30;
/** The pace is that of the last ten minutes. */
const SLOTS = 60;
const SLOT_SECONDS = 10;

export interface Reading {
  received: number;
  sent: number;
  /** Bytes a month at this pace; undefined while it is too early to say. */
  month: number | undefined;
  /** Of the plan's bytes, 1 is all of them; undefined where there is no plan. */
  share: number | undefined;
}

export class Meter {
  received = 0;
  sent = 0;
  private readonly slots: { at: number; bytes: number }[] = [];
  private began: number | undefined;

  constructor(
    private readonly plan: Plan | null,
    private readonly now: () => number = () => performance.now() / 1000,
  ) {}

  addReceived(count: number): void {
    this.received += count;
    this.add(count);
  }

  addSent(count: number): void {
    this.sent += count;
    this.add(count);
  }

  read(): Reading {
    const { received, sent } = this;
    if (this.began === undefined) return { received, sent, month: undefined, share: undefined };
    const now = this.now();
    this.forget(now);
    const seconds = Math.min(now - this.began, SLOTS * SLOT_SECONDS);
    if (seconds < ENOUGH_SECONDS) return { received, sent, month: undefined, share: undefined };
    const month = (this.slots.reduce((sum, slot) => sum + slot.bytes, 0) / seconds) * MONTH_SECONDS;
    const limit = this.plan?.bytes ?? null;
    return { received, sent, month, share: limit === null ? undefined : month / limit };
  }

  private add(count: number): void {
    const now = this.now();
    this.began ??= now;
    const last = this.slots.at(-1);
    if (last && now - last.at < SLOT_SECONDS) last.bytes += count;
    else this.slots.push({ at: now, bytes: count });
    this.forget(now);
  }

  private forget(now: number): void {
    while (this.slots[0] && this.slots[0].at < now - SLOTS * SLOT_SECONDS) this.slots.shift();
  }
}

/** The reading in words: what came and went, and the month. */
export function meterWords({ received, sent, month, share }: Reading, plan: Plan | null): { now: string; month: string } {
  const now = `${bytes(received)} received, ${bytes(sent)} sent`;
  if (month === undefined) return { now, month: received + sent > 0 ? "measuring the pace" : "" };
  const limit = plan?.bytes ?? null;
  const of = share === undefined || limit === null ? "" : `: ${percent(share)} of the plan’s ${bytes(limit)}`;
  return { now, month: `${bytes(month)} a month at this pace${of}` };
}

function percent(share: number): string {
  return share < 0.001 ? "less than 0.1 %" : share < 0.0995 ? `${(share * 100).toFixed(1)} %` : `${Math.round(share * 100)} %`;
}
