// What stands where panels will be: how to make one, and those that could be made of what has come.

import { button, el } from "./dom";
import { count, shown } from "./shown";
import type { Suggestion } from "./suggestions";

export class EmptyView {
  readonly element = el("div", { class: "empty", hidden: true });
  private readonly list = el("div", { class: "actions" });
  private readonly words = el("p", {});
  private drawn = "";

  constructor(private readonly choose: (suggestion: Suggestion) => void) {
    this.element.append(el("h2", {}, "No panels yet"), this.words, this.list);
    this.show([]);
  }

  /** Draws only what is new: a button that somebody is about to press stays. */
  show(suggestions: readonly Suggestion[]): void {
    const key = JSON.stringify(suggestions);
    if (key === this.drawn) return;
    this.drawn = key;
    const how = "Choose a topic under “Topics” and click a number in its message: it gets a chart, a gauge or a value here.";
    this.words.textContent = suggestions.length > 0 ? `${how} Or begin with one of these:` : how;
    this.list.replaceChildren(...suggestions.map((one) => this.buttonOf(one)));
  }

  private buttonOf(suggestion: Suggestion): HTMLElement {
    const made = button("", () => {
      this.choose(suggestion);
    }, { class: "suggestion" });
    made.append(el("strong", {}, shown(suggestion.path, 60)), el("span", {}, `${shown(suggestion.topics, 60)}${suggestion.count > 1 ? `, ${count(suggestion.count, "topic")}` : ""}`));
    return made;
  }
}
