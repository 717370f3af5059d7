// The traffic of this tab, in a corner.

import { el, setText } from "./dom";
import { meterWords, type Meter } from "./meter";
import type { Plan } from "./settings";
import { count } from "./shown";

export class MeterView {
  readonly element: HTMLElement;
  private readonly now = el("span", { class: "amount" });
  private readonly month = el("span", { class: "amount" });
  private readonly bar = el("meter", { min: 0, max: 1, low: 0.5, high: 0.9, optimum: 0, hidden: true, "aria-label": "Share of the plan’s traffic, at this pace" });

  constructor(
    private readonly meter: Meter,
    private readonly plan: Plan | null,
    private readonly messages: () => number,
  ) {
    const words = "What this tab has received and sent: MQTT in WebSocket frames, without TLS. Other clients are not seen from here.";
    const connections = plan?.connections ? el("span", { class: "amount" }, `one of ${plan.connections} connections`) : "";
    this.element = el("div", { class: "meter", role: "group", "aria-label": "Traffic of this tab", title: words }, this.now, this.bar, this.month, connections);
  }

  update(): void {
    const reading = this.meter.read();
    const words = meterWords(reading, this.plan);
    setText(this.now, `${count(this.messages(), "message")}, ${words.now}`);
    setText(this.month, words.month);
    this.bar.hidden = reading.share === undefined;
    this.bar.value = Math.min(1, reading.share ?? 0);
    this.element.classList.toggle("over", (reading.share ?? 0) >= 0.9);
  }
}
