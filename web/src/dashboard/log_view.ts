// The last messages, the newest at the top. A click shows one.

import { button, el, freshId, setHidden, setText } from "./dom";
import type { Logged, MessageLog } from "./message_log";
import { previewOf } from "./payload";
import { bytes, clock, count, shown } from "./shown";

const MOST_ROWS = 150;

export class LogView {
  readonly element: HTMLElement;
  private readonly search = el("input", { type: "search", placeholder: "Topic or text", spellcheck: "false", autocapitalize: "none" });
  private readonly list = el("ol", { class: "log", "aria-label": "Messages, the newest first" });
  private readonly note = el("p", { class: "hint" });
  private shownTo = 0;
  private filter = "";

  constructor(
    private readonly log: MessageLog,
    private readonly choose: (message: Logged) => void,
    save: () => void,
  ) {
    this.search.id = freshId("search");
    const bar = el(
      "div",
      { class: "logbar" },
      el("label", { class: "unseen", for: this.search.id }, "Search messages"),
      this.search,
      button("Clear", () => {
        this.log.clear();
        this.redraw();
      }, { class: "quiet" }),
      button("Save as CSV", save, { class: "quiet" }),
    );
    this.element = el("div", { class: "messages" }, bar, this.list, this.note);
    this.search.addEventListener("input", () => {
      this.filter = this.search.value.trim().toLowerCase();
      this.redraw();
    });
    this.update();
  }

  /** Whether a message is among those that the search asks for. */
  readonly wanted = (message: Logged): boolean => {
    if (this.filter === "") return true;
    return message.topic.toLowerCase().includes(this.filter) || previewOf(message.payload, 2000, message.size).toLowerCase().includes(this.filter);
  };

  update(): void {
    const fresh = this.log.latest(MOST_ROWS, this.wanted, this.shownTo);
    this.shownTo = this.log.lastId;
    if (fresh.length > 0) {
      this.list.prepend(...fresh.map((message) => this.row(message)));
      while (this.list.children.length > MOST_ROWS) this.list.lastElementChild?.remove();
    }
    const words = this.log.length === 0 ? "Nothing has come yet." : this.list.children.length === 0 ? "No message has this in it." : `The last ${count(this.log.length, "message")} are kept.`;
    setText(this.note, words);
    setHidden(this.note, false);
  }

  private redraw(): void {
    this.list.replaceChildren();
    this.shownTo = 0;
    this.update();
  }

  private row(message: Logged): HTMLElement {
    const flags = `${message.retain ? "retained " : ""}${message.qos > 0 ? `QoS ${message.qos}` : ""}`.trim();
    const made = button("", () => {
      this.choose(message);
    });
    made.append(
      el("span", { class: "time" }, clock(message.time)),
      el("bdi", { class: "name" }, shown(message.topic, 120)),
      el("span", { class: "flags" }, [flags, message.size > 1000 ? bytes(message.size) : ""].filter(Boolean).join(" · ")),
      el("bdi", { class: "preview" }, shown(previewOf(message.payload, 160, message.size), 160) || "(empty)"),
    );
    return el("li", message.retain ? { class: "retained" } : {}, made);
  }
}
