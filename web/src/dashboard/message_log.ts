// The last messages, newest last: bounded in number and in bytes. Large payloads are kept shortened.

import { MOST_KEPT_BYTES } from "./payload";
import type { Arrival } from "./topic_table";

export interface Logged extends Arrival {
  id: number;
  /** Of the whole payload; `payload` may be its beginning. */
  size: number;
  /** The first one of a connection: something may be missing before it. */
  isFirst: boolean;
}

export class MessageLog {
  private readonly kept: Logged[] = [];
  private begin = 0;
  private bytes = 0;
  private nextId = 1;
  private isTorn = false;

  constructor(
    private readonly mostMessages = 1_000,
    private readonly mostBytes = 8_000_000,
  ) {}

  get length(): number {
    return this.kept.length - this.begin;
  }

  /** Of the newest message; ids grow by one. */
  get lastId(): number {
    return this.nextId - 1;
  }

  push(arrival: Arrival): void {
    const payload = arrival.payload.slice(0, MOST_KEPT_BYTES);
    this.kept.push({ ...arrival, payload, size: arrival.payload.length, id: this.nextId, isFirst: this.isTorn });
    this.isTorn = false;
    this.nextId += 1;
    this.bytes += payload.length + arrival.topic.length;
    while (this.length > this.mostMessages || (this.bytes > this.mostBytes && this.length > 1)) this.dropOldest();
  }

  /** The connection was lost. */
  tear(): void {
    this.isTorn = true;
  }

  /** The newest first, of those for which `wanted`, at most so many, none older than `after`. */
  latest(most: number, wanted: (message: Logged) => boolean, after = 0): Logged[] {
    const found: Logged[] = [];
    for (let i = this.kept.length - 1; i >= this.begin && found.length < most; --i) {
      const message = this.kept[i];
      if (message === undefined || message.id <= after) break;
      if (wanted(message)) found.push(message);
    }
    return found;
  }

  clear(): void {
    this.kept.length = 0;
    this.begin = 0;
    this.bytes = 0;
  }

  private dropOldest(): void {
    const oldest = this.kept[this.begin];
    this.bytes -= (oldest?.payload.length ?? 0) + (oldest?.topic.length ?? 0);
    this.begin += 1;
    if (this.begin > 512) {
      this.kept.splice(0, this.begin);
      this.begin = 0;
    }
  }
}
