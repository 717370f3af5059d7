// Sends a message, and says what the broker answered.

import { el, field, sendButton, setText } from "./dom";
import { PublishError } from "./session";
import { clock, shown } from "./shown";
import { faultOfTopic } from "./topics";

export type Publish = (topic: string, payload: string, qos: 0 | 1 | 2, retain: boolean) => Promise<void>;

export class PublishForm {
  readonly element: HTMLFormElement;
  private readonly topic = el("input", { name: "topic", spellcheck: "false", autocapitalize: "none", autocomplete: "off" });
  private readonly payload = el("textarea", { name: "payload", rows: 6, spellcheck: "false" });
  private readonly qos = el("select", { name: "qos" }, el("option", { value: "0" }, "0 – sent, no answer"), el("option", { value: "1", selected: true }, "1 – confirmed"), el("option", { value: "2" }, "2 – confirmed, once"));
  private readonly retain = el("input", { type: "checkbox", name: "retain" });
  private readonly outcome = el("p", { class: "outcome", role: "status" });
  private passes = false;
  private readonly json = el("p", { class: "hint" });

  constructor(private readonly publish: Publish) {
    this.element = el(
      "form",
      { class: "publish", "aria-label": "Publish a message" },
      field("Topic", this.topic),
      field("Payload", this.payload),
      this.json,
      el("div", { class: "across" }, field("QoS", this.qos), el("label", { class: "check" }, this.retain, "Retain: the broker keeps it")),
    );
    this.element.append(sendButton(this.element, "Publish", () => void this.send(), { class: "main" }), this.outcome);
    this.payload.addEventListener("input", () => {
      this.tellKind();
    });
  }

  fill(topic: string, payload: string): void {
    this.topic.value = topic;
    this.payload.value = payload;
    this.tellKind();
    this.payload.focus();
  }

  /** What was only true of a page without a connection is told no longer. */
  connected(): void {
    if (this.passes) this.tell("", "");
  }

  private tellKind(): void {
    const text = this.payload.value.trim();
    let told = "";
    if (text.startsWith("{") || text.startsWith("[")) {
      try {
        JSON.parse(text);
      } catch (error) {
        told = `Not JSON: ${shown((error as Error).message, 120)}. It is sent as it is.`;
      }
    }
    setText(this.json, told);
  }

  private async send(): Promise<void> {
    const topic = this.topic.value;
    const fault = faultOfTopic(topic);
    if (fault) {
      this.tell("bad", `Nothing was sent: ${fault}.`);
      this.topic.focus();
      return;
    }
    const qos = Number(this.qos.value) as 0 | 1 | 2;
    this.tell("", "Sending…");
    try {
      await this.publish(topic, this.payload.value, qos, this.retain.checked);
      this.tell("good", `${clock(Date.now() / 1000)} ${qos === 0 ? "Sent. With QoS 0 no broker says whether it took it." : "Confirmed by the broker."}`);
    } catch (error) {
      const { what, todo } = error instanceof PublishError ? error.trouble : { what: String(error), todo: "" };
      this.tell("bad", shown(`${what} ${todo}`.trim(), 600));
      this.passes = error instanceof PublishError && error.passes;
    }
  }

  private tell(kind: string, text: string): void {
    this.passes = false;
    this.outcome.className = `outcome ${kind}`;
    setText(this.outcome, text);
  }
}
