// The corner of a chart: counters, and sentences about what is not drawn and why.

import { element, setText } from "./dom";

export class Status {
  readonly corner = element("span", "hf-status");
  readonly notes = element("ul", "hf-notes");

  constructor() {
    this.corner.setAttribute("role", "status");
    this.notes.hidden = true;
  }

  show(corner: readonly string[], notes: readonly string[]): void {
    setText(this.corner, corner.join(" · "));
    const shown = [...this.notes.children].map((item) => item.textContent);
    if (shown.length === notes.length && notes.every((note, i) => note === shown[i])) return;
    this.notes.replaceChildren(...notes.map((note) => element("li", "", note)));
    this.notes.hidden = notes.length === 0;
  }
}
