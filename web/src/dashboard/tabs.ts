// Tabs, as ARIA has them: arrows go from one to the next.

import { el, freshId, setHidden } from "./dom";

export interface Tab {
  name: string;
  panel: HTMLElement;
}

export class Tabs {
  readonly element: HTMLElement;
  chosen = 0;
  private readonly buttons: HTMLButtonElement[];

  constructor(
    label: string,
    private readonly tabs: readonly Tab[],
    private readonly changed: (index: number) => void = () => undefined,
  ) {
    const list = el("div", { class: "tablist", role: "tablist", "aria-label": label });
    this.buttons = tabs.map(({ name, panel }, i) => {
      const made = el("button", { type: "button", role: "tab", id: freshId("tab") }, name);
      panel.id ||= freshId("tabpanel");
      panel.setAttribute("role", "tabpanel");
      panel.setAttribute("aria-labelledby", made.id);
      made.setAttribute("aria-controls", panel.id);
      made.addEventListener("click", () => { this.choose(i); });
      made.addEventListener("keydown", (event) => { this.key(event, i); });
      return made;
    });
    list.append(...this.buttons);
    this.element = el("div", { class: "tabs" }, list, ...tabs.map(({ panel }) => panel));
    this.choose(0);
  }

  choose(index: number): void {
    this.chosen = index;
    this.buttons.forEach((made, i) => {
      made.setAttribute("aria-selected", String(i === index));
      made.tabIndex = i === index ? 0 : -1;
    });
    this.tabs.forEach(({ panel }, i) => { setHidden(panel, i !== index); });
    this.changed(index);
  }

  private key(event: KeyboardEvent, index: number): void {
    const steps: Record<string, number> = { ArrowRight: 1, ArrowLeft: -1 };
    const step = steps[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const next = (index + step + this.tabs.length) % this.tabs.length;
    this.choose(next);
    this.buttons[next]?.focus();
  }
}
