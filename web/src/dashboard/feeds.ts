// Which panels want a message: looked up once a topic, so that the payload is read once, and only if somebody wants it.

import type { Lines } from "./lines";
import { readPayload } from "./payload";
import type { Arrival } from "./topic_table";

const MOST_TOPICS = 20_000;

export class Feeds {
  private readonly wanting = new Map<string, Lines[]>();
  private all: Lines[] = [];

  set(all: Iterable<Lines>): void {
    this.all = [...all];
    this.wanting.clear();
  }

  take({ topic, payload, time, retain }: Arrival): void {
    let wanting = this.wanting.get(topic);
    if (!wanting) {
      wanting = this.all.filter((lines) => lines.wants(topic));
      if (this.wanting.size >= MOST_TOPICS) this.wanting.clear();
      this.wanting.set(topic, wanting);
    }
    if (wanting.length === 0) return;
    const read = readPayload(payload);
    if (read.kind !== "json") return;
    for (const lines of wanting) lines.take(topic, read.document, time, retain);
  }
}

/** A message, or the beginning of one. */
export interface Seen extends Omit<Arrival, "qos"> {
  /** Of the whole payload. */
  size: number;
  /** Something may be missing before it. */
  isFirst?: boolean;
}

/** What has come already, oldest first, for a panel that is made of it: a click on a value is answered with that value. */
export function replay(lines: Lines, messages: Iterable<Seen>): void {
  for (const { topic, payload, size, time, retain, isFirst } of messages) {
    if (isFirst) lines.tear();
    if (payload.length < size || !lines.wants(topic)) continue;
    const read = readPayload(payload);
    if (read.kind === "json") lines.take(topic, read.document, time, retain);
  }
}
