// What a widget hears from its kernel: a whole, and then what has come since, numbered. Who opens late, or missed something, asks for the
// whole once; what is meant for another browser is passed over.

import type { AnyModel } from "@anywidget/types";

export interface Message {
  kind: string;
  number: number;
  to?: string;
}

export interface Receiver<M extends Message> {
  /** All there is; what was there before is to be forgotten. */
  whole(message: M, buffers: readonly DataView[]): void;
  more(message: M, buffers: readonly DataView[]): void;
}

/** A kernel that has just made the widget says so by itself, and at once. */
const PATIENCE_MS = 1500;
const MOST_PATIENCE_MS = 60_000;
/** A kernel that hears from nobody stops sending: servers keep what they cannot deliver. */
const PRESENCE_MS = 40_000;

export class Channel<M extends Message> {
  private readonly id = Math.random().toString(36).slice(2) + Date.now().toString(36);
  private last: number | undefined;
  private asking = false;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private patience = PATIENCE_MS;
  private readonly presence: ReturnType<typeof setInterval>;
  private views = 0;

  constructor(
    private readonly model: Pick<AnyModel, "on" | "send">,
    private readonly receiver: Receiver<M>,
  ) {
    model.on("msg:custom", (message: M, buffers: DataView[]) => {
      this.hear(message, buffers);
    });
    this.timer = setTimeout(() => {
      this.timer = undefined;
      if (this.last === undefined) this.ask();
    }, PATIENCE_MS);
    this.presence = setInterval(() => {
      if (this.views > 0) this.tellViews(this.views);
    }, PRESENCE_MS);
  }

  /** How many views of this widget there are here: a kernel ends what nobody sees or holds. */
  tellViews(views: number): void {
    this.views = views;
    this.tell({ kind: "views", id: this.id, views });
  }

  stop(): void {
    clearTimeout(this.timer);
    clearInterval(this.presence);
  }

  private ask(): void {
    if (this.asking) return;
    this.asking = true;
    clearTimeout(this.timer);
    this.hello();
  }

  /** Once more where no answer comes: a page that is just restored may lose what it sends. A busy kernel answers when it can. */
  private hello(): void {
    this.tell({ kind: "hello", id: this.id });
    this.timer = setTimeout(() => {
      this.hello();
    }, this.patience);
    this.patience = Math.min(this.patience * 2, MOST_PATIENCE_MS);
  }

  /** A kernel that was restarted or shut down is no fault of the page's. */
  private tell(content: object): void {
    try {
      this.model.send(content);
    } catch (error) {
      console.debug("honeyframe: nobody to tell", error);
    }
  }

  private hear(message: M, buffers: readonly DataView[]): void {
    if (message.kind === "whole") {
      if (message.to !== this.id && (message.to || this.last !== undefined)) return;
      this.last = message.number;
      this.asking = false;
      clearTimeout(this.timer);
      this.patience = PATIENCE_MS;
      this.receiver.whole(message, buffers);
    } else if (message.kind === "state") {
      this.last = message.number; // all there is, each time
      this.asking = false;
      clearTimeout(this.timer);
      this.receiver.whole(message, buffers);
    } else if (this.last !== undefined && message.number === this.last + 1) {
      this.last = message.number;
      this.receiver.more(message, buffers);
    } else if (this.last === undefined || message.number > this.last + 1) this.ask();
  }
}
