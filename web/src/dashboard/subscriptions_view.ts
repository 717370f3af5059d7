// What the page is subscribed to: each filter with what the broker said of it, one more, one less.

import { button, el, field, sendButton, setText } from "./dom";
import type { Trouble } from "./reasons";
import { shown } from "./shown";
import { faultOf, faultOfShare } from "./topics";

interface Chip {
  element: HTMLElement;
  state: HTMLElement;
}

export class SubscriptionsView {
  readonly element: HTMLElement;
  private readonly list = el("ul", { class: "chips", "aria-label": "Subscribed" });
  private readonly input = el("input", { name: "filter", placeholder: "plant/+/telemetry", spellcheck: "false", autocapitalize: "none", autocomplete: "off" });
  private readonly told = el("p", { class: "outcome", role: "status" });
  private readonly chips = new Map<string, Chip>();

  constructor(
    private readonly add: (filter: string) => void,
    private readonly remove: (filter: string) => void,
  ) {
    const form = el("form", { class: "across", "aria-label": "Subscribe" }, field("Subscribe to", this.input));
    form.append(sendButton(form, "Add", () => { this.submit(); }));
    this.element = el("details", { class: "subscriptions" }, el("summary", {}, "Subscribed"), this.list, form, this.told);
  }

  put(filter: string): void {
    if (this.chips.has(filter)) return;
    const state = el("span", { class: "state" });
    const element = el("li", {}, el("bdi", {}, shown(filter, 80)), state);
    element.append(
      button("×", () => {
        this.remove(filter);
      }, { class: "quiet", "aria-label": `Unsubscribe from ${shown(filter, 80)}` }),
    );
    this.chips.set(filter, { element, state });
    this.list.append(element);
  }

  take(filter: string): void {
    this.chips.get(filter)?.element.remove();
    this.chips.delete(filter);
  }

  /** What the broker answered; null while it has not. */
  tell(filter: string, trouble: Trouble | undefined | null): void {
    const chip = this.chips.get(filter);
    if (!chip) return;
    chip.element.className = trouble === null ? "" : trouble ? "bad" : "good";
    setText(chip.state, trouble === null ? "" : trouble ? "refused" : "granted");
    if (trouble) this.element.setAttribute("open", "");
  }

  private submit(): void {
    const filter = this.input.value.trim();
    const fault = faultOf(filter) || faultOfShare(filter);
    setText(this.told, fault ? `Not subscribed: ${fault}.` : "");
    if (fault) return;
    this.add(filter);
    this.input.value = "";
  }
}
